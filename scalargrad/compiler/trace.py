"""Tracing: a function of Values is called once, and must not turn them into Python's own values.

What Python decides while a function is traced is decided for all samples. An ``if`` on a Value, or
``math.exp`` of one, which gives a float, would freeze what the first sample made of it. So both are
errors here. (Who reads ``.data`` asks for the number of this sample, and gets it.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..debugging import users_frame
from ..engine import Value
from ..errors import OperandError
from ..listed import called
from ..patching import replaced
from .passes.walk import named

__all__ = ["trace_function"]


def trace_function(function: Callable[[list[Value]], Any], inputs: Sequence[Value]) -> Any:
    """Call a function of a list of Values once.

    Raises:
        OperandError: the function asks for the truth or the order of a Value, or makes a number of
            it. The graph would hold this one answer, whatever is fed.
    """
    with _no_answers():
        return called(function, inputs)


#: What is not answered, and how it is called.
_QUESTIONS = {
    "__bool__": "its truth",
    "__lt__": "a comparison",
    "__le__": "a comparison",
    "__gt__": "a comparison",
    "__ge__": "a comparison",
    "__float__": "its number",
    "__int__": "its number",
    "__round__": "its number",
}
_lock = threading.RLock()


@contextmanager
def _no_answers() -> Iterator[None]:
    """Make the questions to Values raise in this thread; others get answers as before."""
    thread = threading.get_ident()

    def guarded(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def ask(node: Value, *other: Any) -> Any:
            if threading.get_ident() != thread:
                return method(node, *other)
            raise OperandError(_frozen(name, node))

        return ask

    with _lock:
        guards = {name: guarded(name, getattr(Value, name)) for name in _QUESTIONS}
        with replaced(Value, guards):
            yield


def _frozen(name: str, node: Value) -> str:
    frame = users_frame()
    where = f" at {frame.f_code.co_filename}:{frame.f_lineno}" if frame else ""
    if _QUESTIONS[name] == "its number":
        return (
            f"compile cannot follow {named(node)} into a Python number: it is asked for{where}, "
            "and the compiled graph would always use the same one; use the methods of Value, such "
            "as x.exp()"
        )
    return (
        f"compile cannot follow a Python branch on {named(node)}: {_QUESTIONS[name]} is asked for"
        f"{where}, and the compiled graph would always go the same way; choose in the graph, by "
        "where(a.greater(b), x, y) of scalargrad.functional, or by max, min, relu or abs"
    )
