"""What people give, checked: numbers in, and else errors that say what to do."""

from __future__ import annotations

import math
import sys

from .errors import DomainError, OperandError, RangeError
from .ops import PRIMITIVES
from .rules import Rule

TYPE_CHECKING = False  # for type checkers; importing typing would take longer than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType
    from typing import Any, NoReturn, TypeVar

    from .rules import Node

    N = TypeVar("N", bound=Node)

__all__ = [
    "assigned_data",
    "assigned_grad",
    "comparable",
    "is_array",
    "is_value",
    "misassigned",
    "named",
    "no_number",
    "no_steps",
    "number_of",
    "operands_of",
    "option",
    "shown",
]


def is_value(x: object) -> bool:
    """Say whether it is a Value; the class is made of what is here."""
    return isinstance(getattr(x, "_rule", None), Rule)


def number_of(x: Any) -> float:
    """Return a real number as a float; anything else is an error that says what to do."""
    if not isinstance(x, (float, int)) and not _is_real(x):
        raise OperandError(f"a Value holds one real number, got {shown(x)}: {_advice(x)}")
    try:
        return float(x)
    except OverflowError:
        raise RangeError(f"a float cannot be as large as {shown(x)}") from None


def comparable(x: Any) -> Any:
    """Return what to compare a number with: an array stays one, to be compared by element."""
    try:
        return number_of(x)
    except OperandError:
        if is_array(x):
            return x
        raise


def assigned_data(node: Node) -> float:
    """Return as a float what may have been assigned to the data of a node, or an error."""
    if not _is_real(node.data):
        raise _no_number_in(node)
    return number_of(node.data)


def assigned_grad(node: Node) -> float:
    """Return as a float what somebody has assigned to the gradient of a leaf, such as None."""
    if not _is_real(node.grad):
        raise _refused(node, "grad", "set it to 0.0, or call zero_grad()")
    return number_of(node.grad)


def misassigned(node: Any) -> OperandError | None:
    """Return the error for data that was assigned and is no number; None if it is one.

    Where such data were computed with, it names the node from which they come.
    """
    if _is_real(node.data):
        return None
    while causes := [operand for operand in node._prev if not _is_real(operand.data)]:
        node = causes[0]
    return _no_number_in(node)


def _no_number_in(node: Node) -> OperandError:
    x = node.data
    return _refused(node, "data", "use its data" if is_value(x) else _advice(x))


def _refused(node: Node, attribute: str, advice: str) -> OperandError:
    where = f" (node {node.label!r})" if node.label else ""
    got = shown(getattr(node, attribute))
    return OperandError(f"{attribute} needs one real number, got {got}{where}: {advice}")


def _is_real(x: Any) -> bool:
    if isinstance(x, (float, int)):
        return True
    if kind := _numpy_kind(x):
        return kind in "biuf"  # and not complex, a text or a span of time
    numbers = sys.modules.get("numbers")  # whoever has a Fraction, say, has loaded it
    return numbers is not None and isinstance(x, numbers.Real)


def _numpy_kind(x: Any) -> str:
    """Return the kind of a NumPy scalar, such as "f" for a float; empty for anything else."""
    numpy = sys.modules.get("numpy")
    return x.dtype.kind if numpy is not None and isinstance(x, numpy.generic) else ""


def is_array(x: Any) -> bool:
    """Tell whether NumPy computes with each element of it, as with those of a pandas column."""
    return hasattr(x, "__array_ufunc__") and not _numpy_kind(x)


def shown(x: object) -> str:
    """Write what was given into an error, with its type."""
    try:
        text = " ".join(repr(x).split())
    except ValueError:  # Python refuses to write out an int of many thousand digits
        text = "of many digits"
    return f"{type(x).__name__} {text if len(text) <= 40 else text[:37] + '...'}"


def named(node: Node) -> str:
    """Name a node in an error: by its operation, and its label if it has one."""
    symbol = node._rule.symbol
    if not node.label:
        return symbol or f"the leaf {node.data!r}"
    return f"{symbol} (node {node.label!r})" if symbol else f"{node.label!r}"


def no_number(node: Node, kind: str, caller: FrameType) -> OperandError:
    """Return the error for a function that asks for a number, and would lose the gradient."""
    name = _called(caller)
    known = name in PRIMITIVES and hasattr(node, name)
    methods = f"write value.{name}()" if known else "use methods such as value.exp()"
    return OperandError(
        f"{node!r} loses its gradient if it becomes {'an int' if kind == 'int' else 'a float'}: "
        f"{methods}, or value.data for the bare number"
    )


def no_steps(_node: object, *_: object) -> NoReturn:
    """Refuse what jumps."""
    raise OperandError(
        "rounding, % and // are no operations of Values, since they jump: use value.data for "
        "the bare number"
    )


def _called(caller: FrameType) -> str:
    """Return the name of the function that is being called, as the source has it, or nothing."""
    import linecache  # which loads a while

    line, last, start, end = [*caller.f_code.co_positions()][caller.f_lasti // 2]
    if line is None or line != last:
        return ""
    text: str = linecache.getline(caller.f_code.co_filename, line, caller.f_globals)
    return text.encode()[start:end].decode().partition("(")[0].rpartition(".")[2]


def operands_of(children: Iterable[N]) -> tuple[N, ...]:
    """Return the operands of an operation of one's own as a tuple."""
    if is_value(children):
        raise OperandError(
            "the operands of a Value come in a tuple, got a single Value: write (a,)"
        )
    if isinstance(children, str) or not hasattr(children, "__iter__"):
        hint = f": for a name write label={children!r}" if isinstance(children, str) else ""
        raise OperandError(f"the operands of a Value come in a tuple, got {shown(children)}{hint}")
    checked = tuple(children)
    for child in checked:
        if not is_value(child):
            raise OperandError(f"the operands of a Value are Values, got {shown(child)}")
    return checked


def _advice(x: object) -> str:
    if is_value(x):
        return "it is a Value already, use it as it is"
    if isinstance(x, (str, bytes)):
        return "convert text first, as in Value(float(text))"
    if isinstance(x, complex) or _numpy_kind(x) == "c":
        return "complex numbers are not supported"
    if getattr(x, "shape", None) == () and not _numpy_kind(x):
        return "take the number out of it with .item()"
    if hasattr(x, "__iter__"):
        return "make one Value for each element, as in [Value(x) for x in data]"
    return "call it first" if callable(x) else "give it an int or a float"


def option(
    what: str,
    number: Any,
    needed: str = "0 or more",
    fits: Callable[[float], bool] = lambda x: x >= 0,
    *,
    otherwise: str = "",
) -> float:
    """Return an option as a float; what is out of range, infinite or nan is an error."""
    # What NumPy or torch calls a number has a __float__; what float() would parse, a text, has not.
    try:
        x = float(number) if hasattr(number, "__float__") else None
    except (TypeError, ValueError, OverflowError):  # an array of several, an int of many digits
        x = None
    if x is None:
        raise OperandError(f"{what} is a number{otherwise}; got {number!r}")
    if not math.isfinite(x) or not fits(x):
        raise DomainError(f"{what} is a finite number, {needed}, got {x:g}")
    return x
