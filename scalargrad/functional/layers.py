"""What layers of a transformer and of other networks are made of: norms, embeddings, attention."""

from __future__ import annotations

import math
from operator import index as as_index

from ..engine import Value, constant
from ..errors import DivisionByZeroError, DomainError, OperandError, SizeError
from .arguments import listed, rows_of, some
from .formulas import average, softmax_of, total

TYPE_CHECKING = False  # for type checkers; importing typing would take longer than all the rest
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, SupportsIndex

    from ..engine import Operand

__all__ = ["attention", "embedding", "layer_norm", "rms_norm"]


# ── normalisation ───────────────────────────────────────────────────────────────────────────────


def rms_norm(
    values: Iterable[Operand], weight: Iterable[Operand] | None = None, *, epsilon: float = 1e-5
) -> list[Value]:
    """Scale a row so that the mean of its squares is 1, and each place by its weight.

    zᵢ = wᵢ xᵢ / r,  r = √(mean(x²) + ε),  ∂zᵢ/∂xⱼ = wᵢ ([i = j] - xᵢ xⱼ / (n r²)) / r

    Source: Zhang and Sennrich, Root mean square layer normalization, 2019.

    Args:
        values: at least one number.
        weight: a number for each of them, usually learned; by default 1.
        epsilon: what keeps a row of zeros from a division by zero; 0 or more.

    Raises:
        SizeError: there are no values, or more or fewer weights.
        DomainError: ε is negative, infinite or nan.
        DivisionByZeroError: all values and ε are 0.

    >>> [round(z.data, 4) for z in rms_norm([3.0, -4.0])]
    [0.8485, -1.1314]
    """
    name = "rms_norm"
    return _scaled(name, _unit(name, "zeros", some(name, values), epsilon), weight)


def layer_norm(
    values: Iterable[Operand],
    weight: Iterable[Operand] | None = None,
    bias: Iterable[Operand] | None = None,
    *,
    epsilon: float = 1e-5,
) -> list[Value]:
    """Shift and scale a row to mean 0 and variance 1, then scale and shift each place on its own.

    zᵢ = wᵢ yᵢ + bᵢ,  yᵢ = (xᵢ - mean(x)) / s,  s = √(variance(x) + ε),
    ∂yᵢ/∂xⱼ = ([i = j] - 1/n - yᵢ yⱼ / n) / s

    The variance is that of the row itself, divided by n. So a row of equal numbers becomes the
    bias, and all of a row of one number is lost.

    Source: Ba, Kiros and Hinton, Layer normalization, 2016.

    Args:
        values: at least one number.
        weight: a number for each of them, usually learned; by default 1.
        bias: a number for each of them, usually learned; by default 0.
        epsilon: what keeps a row of equal numbers from a division by zero; 0 or more.

    Raises:
        SizeError: there are no values, or more or fewer weights or biases.
        DomainError: ε is negative, infinite or nan.
        DivisionByZeroError: all values are equal, and ε is 0.

    >>> [round(z.data, 4) for z in layer_norm([1.0, 2.0, 3.0], bias=[0.5, 0.5, 0.5])]
    [-0.7247, 0.5, 1.7247]
    """
    name = "layer_norm"
    row = some(name, values)
    middle = average(row)
    found = _scaled(name, _unit(name, "equal numbers", [x - middle for x in row], epsilon), weight)
    if bias is None:
        return found
    return [z + b for z, b in _matched(name, "biases", found, bias)]


def _unit(name: str, kind: str, row: list[Value], epsilon: float) -> list[Value]:
    """Return a row divided by the root of the mean of its squares, or by a little more.

    Args:
        name: of the function that is asked for it.
        kind: what it was given if all of the row is 0.
        row: the numbers.
        epsilon: is added to the mean.
    """
    size = (average([x * x for x in row]) + _epsilon(name, epsilon)).sqrt()
    if size.data == 0.0:  # if compiled, other numbers come later: they become nan
        raise DivisionByZeroError(f"{name} of {kind} needs an epsilon greater than 0, got 0")
    factor = 1.0 / size  # one division, and not one for each place
    return [x * factor for x in row]


def _scaled(name: str, row: list[Value], weight: Iterable[Operand] | None) -> list[Value]:
    if weight is None:
        return row
    return [z * w for z, w in _matched(name, "weights", row, weight)]


def _matched(
    name: str, what: str, row: list[Value], others: Iterable[Operand]
) -> list[tuple[Value, Value]]:
    found = some(name, others)
    if len(found) != len(row):
        raise SizeError(f"{name} of {len(row)} values needs as many {what}, got {len(found)}")
    return list(zip(row, found, strict=True))


def _epsilon(name: str, epsilon: Any) -> float:
    if isinstance(epsilon, (Value, str)) or not hasattr(epsilon, "__float__"):
        raise OperandError(f"{name} needs a number as epsilon, got {epsilon!r}")
    number = constant(epsilon).data
    if not 0.0 <= number < math.inf:
        raise DomainError(f"{name} needs a finite epsilon of 0 or more, got {number:g}")
    return number


# ── embedding ───────────────────────────────────────────────────────────────────────────────────


def embedding(
    index: SupportsIndex | Iterable[Operand], table: Sequence[Iterable[Operand]]
) -> list[Value]:
    """Return a row of a table, by its index or by a number for each row: 1 for this one, else 0.

    By the index i:    zⱼ = tableᵢⱼ,  ∂zⱼ/∂tableᵢⱼ = 1
    By numbers x:      zⱼ = Σᵢ xᵢ tableᵢⱼ,  ∂zⱼ/∂tableᵢⱼ = xᵢ,  ∂zⱼ/∂xᵢ = tableᵢⱼ

    An index is a decision that Python has made: the graph holds this row, and a compiled program
    would always take it. A row of Values, one-hot, can be fed; so one program serves all tokens.

    Args:
        index: the number of the row, from 0; or a scalar for each row. These may also be weights
            or probabilities, which mix the rows.
        table: a list of rows of the same length.

    Raises:
        SizeError: there is no such row, there are more or fewer scalars than rows, or the rows that
            are mixed differ in length.
        OperandError: the index is neither an int nor a list of scalars.

    >>> table = [[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]]
    >>> [z.data for z in embedding(1, table)]
    [3.0, 4.0]
    >>> [z.data for z in embedding([0, 1], table)]
    [3.0, 4.0]
    """
    name = "embedding"
    try:
        place = as_index(index)  # type: ignore[arg-type]
    except TypeError:  # arrays have the method, too, and refuse it
        return _mixed(rows_of(name, "a table", table), index)
    rows = listed(table) or rows_of(name, "a table", table)
    if not 0 <= place < len(rows):
        raise SizeError(f"{name} needs a row from 0 to {len(rows) - 1}, got {place}")
    (row,) = rows_of(name, "a table", [rows[place]])  # and not all of it, which may be large
    return row


def _mixed(rows: list[list[Value]], shares: Any) -> list[Value]:
    items = listed(shares)
    if items is None:
        raise OperandError(
            "embedding needs the index of a row, which is an int, or a list with a scalar for each "
            f"row, got {shares!r}"
        )
    if len(items) != len(rows):
        raise SizeError(
            f"embedding needs a scalar for each of the {len(rows)} rows, got {len(items)}"
        )
    return [_dot(some("embedding", items), list(column)) for column in zip(*rows, strict=True)]


# ── attention ───────────────────────────────────────────────────────────────────────────────────


def attention(
    queries: Sequence[Iterable[Operand]],
    keys: Sequence[Iterable[Operand]],
    values: Sequence[Iterable[Operand]],
    *,
    causal: bool = False,
) -> list[list[Value]]:
    """Return for each query a mean of the values, weighted by how well their keys fit: one head.

    zᵢ = Σⱼ aᵢⱼ vⱼ,  aᵢ = softmax(sᵢ),  sᵢⱼ = qᵢ · kⱼ / √d,
    ∂zᵢ/∂vⱼ = aᵢⱼ,  ∂zᵢ/∂sᵢⱼ = aᵢⱼ (vⱼ - zᵢ),  ∂sᵢⱼ/∂qᵢ = kⱼ / √d,  ∂sᵢⱼ/∂kⱼ = qᵢ / √d

    The scores sᵢⱼ may be of any size. Several heads are several calls, each with its part of every
    row. What a query is not to see is left out of keys and values: scalars need no mask. The
    weights aᵢⱼ themselves are what the rows of an identity matrix, as values, give.

    Source: Vaswani et al., Attention is all you need, 2017.

    Args:
        queries: rows of d numbers.
        keys: rows of d numbers.
        values: a row for each key.
        causal: whether the query at place i sees the keys up to its own place alone, as where a
            text is continued; then there are as many queries as keys.

    Raises:
        SizeError: rows differ in length, keys and values in their number, or a list is empty.
        OperandError: something is no list of rows of scalars.

    >>> queries = keys = [[1.0, 0.0], [0.0, 1.0]]
    >>> for row in attention(queries, keys, [[1.0, 0.0], [0.0, 1.0]], causal=True):
    ...     print([round(z.data, 4) for z in row])
    [1.0, 0.0]
    [0.3302, 0.6698]
    """
    name = "attention"
    asked, known = rows_of(name, "queries", queries), rows_of(name, "keys", keys)
    answers = rows_of(name, "values", values)
    if len(asked[0]) != len(known[0]):
        raise SizeError(
            f"{name} needs queries and keys of the same length, got {len(asked[0])} and "
            f"{len(known[0])}"
        )
    if len(known) != len(answers):
        raise SizeError(f"{name} needs a value for each key, got {len(answers)} and {len(known)}")
    if causal and len(asked) != len(known):
        raise SizeError(
            f"causal attention needs a query for each key, got {len(asked)} and {len(known)}"
        )
    columns = [list(column) for column in zip(*answers, strict=True)]
    scale = len(known[0]) ** -0.5
    found = []
    for place, query in enumerate(asked):
        seen = place + 1 if causal else len(known)
        shares = softmax_of([_dot(query, key) * scale for key in known[:seen]])
        found.append([_dot(shares, column[:seen]) for column in columns])
    return found


def _dot(xs: list[Value], ys: list[Value]) -> Value:
    return total([x * y for x, y in zip(xs, ys, strict=True)])
