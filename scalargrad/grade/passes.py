"""``backward`` as a whole: the seed, the order of the nodes, diamonds, depth, and several calls.

Where a student's nodes can be driven one by one, the right answer is that of the same nodes in the
right order, so a wrong operation does not count against ``backward``; and what was probably thought
is told by driving them in other orders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from scalargrad.engine import Value

from .driving import Engine, failure, is_number, shown
from .findings import MISSING, REMARK, RIGHT, WRONG, Finding
from .guesses import same
from .misconceptions import sentence

__all__ = ["GRAPHS", "LEAVES", "check_backward", "check_depth"]

#: Graphs of +, * and their leaves, as code; the last line is the result.
GRAPHS = {
    "a sum": "y = a + b",
    "a chain": "c = a * b\ny = c + a",
    "a diamond": "c = a * b\nd = c + a\ny = c * d",
    "a diamond in a diamond": "c = a + b\nd = c * c\ne = d + c\ny = (e + d) * (c + e)",
    "a long and a short way": "c = a * b\nd = c * a\ne = d * b\ny = (e + a) * (c + e)",
}  # fmt: skip
#: The numbers of their leaves.
LEAVES = {"a": 2.0, "b": -3.0}

_LEVELS, _DEEP = 18, 2000


def _built(make: Callable[[float], Any], text: str) -> dict[str, Any]:
    """Run the code of a graph on leaves; return its names."""
    names = {name: make(x) for name, x in LEAVES.items()}
    exec(text, {}, names)
    return names


def check_backward(engine: Engine) -> list[Finding]:
    """Check a student's ``backward`` on graphs that tell wrong orders apart."""
    if not hasattr(engine.cls, "backward"):
        return [Finding("backward", "order", MISSING, "backward is missing")]
    return [_as_made_of(finding) for finding in _on_graphs(engine)]


def _as_made_of(finding: Finding) -> Finding:
    """Without an explanation, blame the operations of the graph first, if they are wrong."""
    if finding.status != WRONG or finding.misconception:
        return finding
    return replace(finding, calls=("+", "*"))


def _on_graphs(engine: Engine) -> list[Finding]:
    findings = []
    for title, text in GRAPHS.items():
        finding = _on_graph(engine, title, text)
        if finding.status == MISSING:
            return [finding]
        findings.append(finding)
        if finding.status == WRONG and finding.misconception in ("seed", "root-only"):
            return findings
    wrong = [finding for finding in findings if finding.status == WRONG]
    if wrong:
        return [_agreed(wrong)]
    if remarks := [finding for finding in findings if finding.status == REMARK]:
        return remarks[:1]
    return [Finding("backward", "order", RIGHT), *_paths(engine), *_calls(engine)]


def _agreed(wrong: Sequence[Finding]) -> Finding:
    """Return the smallest example, with what explains all of them."""
    keys = [set(finding.misconception.split()) for finding in wrong]
    common = set.intersection(*keys)
    first = wrong[0]
    key = next((key for key in first.misconception.split() if key in common), "")
    text = sentence(key) if key else "backward does not give what the operations pass on"
    return replace(first, misconception=key, sentence=text)


def _on_graph(engine: Engine, title: str, text: str) -> Finding:
    lines = text.splitlines()
    code = "; ".join(f"{x} = {engine.name}({number})" for x, number in LEAVES.items())
    code = "; ".join([code, *lines, "y.backward()"])
    try:
        names = _built(engine.leaf, text)
        why = "" if all(isinstance(x, engine.cls) for x in names.values()) else "a bare number"
    except Exception as error:
        why = failure(error)
    if why:
        what = f"{title} cannot be built, so backward is not checked on it"
        return Finding("backward", "order", REMARK, what, example=code, got=why)
    if any(map(engine.waits, names.values())):
        what = "backward can be checked once the backward passes of + and * are written"
        return Finding("backward", "order", REMARK, what)
    expected = _expected(engine, names, text)
    for node in _nodes(engine, names):
        node.grad = 0.0
    try:
        names["y"].backward()
    except NotImplementedError:
        return Finding("backward", "order", MISSING, "backward is still to be written")
    except Exception as error:
        what = "backward fails"
        return Finding("backward", "order", WRONG, what, example=code, got=failure(error))
    got = _gradients(names)
    wrong = [name for name in names if not same(expected[name], got[name])]
    if not wrong:
        return Finding("backward", "order", RIGHT)
    keys = _thought(engine, names, got)
    leaf = next((name for name in wrong if name in LEAVES), wrong[0])
    text = sentence(keys[0]) if keys else f"the gradients of {title} are wrong"
    return Finding(
        "backward", "order", WRONG, text, " ".join(keys),
        f"{code}; {leaf}.grad", shown(expected[leaf]), shown(got[leaf]),
    )  # fmt: skip


def _gradients(names: dict[str, Any]) -> dict[str, Any]:
    return {name: node.grad for name, node in names.items()}


def _agree(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(same(one[name], other[name]) for name in one)


def _nodes(engine: Engine, names: dict[str, Any]) -> list[Any]:
    return engine.order([names["y"]]) if engine.drivable else [*names.values()]


def _expected(engine: Engine, names: dict[str, Any], text: str) -> dict[str, Any]:
    """Return the right gradients: by the student's own nodes if they can be driven."""
    if engine.drivable:
        engine.push([(names["y"], 1.0)])
        return {name: node.grad for name, node in names.items()}
    ours = _built(Value, text)
    ours["y"].backward()
    return {name: node.grad for name, node in ours.items()}


def _thought(engine: Engine, names: dict[str, Any], got: dict[str, Any]) -> list[str]:
    """Return what was probably thought: which orders give these numbers.

    Two of them may do so in the first call of backward, and differ in a second one, which starts
    from what the first has left.
    """
    if all(is_number(x) and float(x) == 0 for x in got.values()):
        return ["seed"]
    if not engine.drivable:
        return []
    root = names["y"]
    try:
        root.backward()
        again = _gradients(names)
    except Exception:
        again = got
    nodes = engine.order([root])
    found: dict[str, bool] = {}
    for key, order in _orders(engine, root):
        for node in nodes:
            node.grad = 0.0
        engine.propagate([(root, 1.0)], order)
        if _agree(_gradients(names), got):
            root.grad = 0.0
            engine.propagate([(root, 1.0)], order, fresh=False)
            found[key] = found.get(key, False) or _agree(_gradients(names), again)
    return sorted(found, key=lambda key: not found[key])


def _orders(engine: Engine, root: Any) -> Iterator[tuple[str, list[Any]]]:
    """Give the orders that people take for the right one."""
    yield "order", engine.order([root])
    yield "root-only", [root]
    yield "preorder", _preorder(engine, root)
    yield "preorder", _preorder(engine, root)[::-1]
    yield "levels", _levels(engine, root)
    yield "every-path", _every_path(engine, root)
    yield "every-path", _every_path(engine, root, before=True)


def _preorder(engine: Engine, root: Any) -> list[Any]:
    order: list[Any] = []

    def visit(node: Any) -> None:
        if not any(node is each for each in order):
            order.append(node)
            for operand in engine.operands(node):
                visit(operand)

    visit(root)
    return order


def _levels(engine: Engine, root: Any) -> list[Any]:
    order = [root]
    for node in order:
        order += [x for x in engine.operands(node) if not any(x is each for each in order)]
    return order


def _every_path(engine: Engine, root: Any, before: bool = False) -> list[Any]:
    """List a node once for each path: before its operands, or after them and then reversed."""
    order: list[Any] = []

    def visit(node: Any) -> None:
        if before:
            order.append(node)
        for operand in engine.operands(node):
            visit(operand)
        if not before:
            order.append(node)

    visit(root)
    return order if before else order[::-1]


def _paths(engine: Engine) -> list[Finding]:
    """Climb a ladder of diamonds: few nodes, but 2¹⁸ paths for whoever walks each of them."""
    if not _adds_up(engine):
        return []  # which + is told about
    node = a = engine.leaf(1.0)
    for _ in range(_LEVELS):
        node = node + node
    node.backward()
    if same(a.grad, 2.0**_LEVELS):
        return [Finding("backward", "diamonds", RIGHT)]
    code = f"a = {engine.name}(1.0); y = a; then {_LEVELS} times y = y + y; y.backward(); a.grad"
    text = "the gradient of a ladder of diamonds is wrong"
    return [Finding("backward", "diamonds", WRONG, text, "", code, f"{2**_LEVELS}", shown(a.grad))]


def _adds_up(engine: Engine) -> bool:
    """Whether + is right where other checks need it."""
    a = engine.leaf(1.0)
    (a + a).backward()
    return same(a.grad, 2.0)


def _calls(engine: Engine) -> list[Finding]:
    """What is left of one call when the next one comes: engines differ, so this is a remark."""
    if not _adds_up(engine):
        return []
    a, b = engine.leaf(2.0), engine.leaf(3.0)
    try:
        c = a + b
        y = c + c
        y.backward()
        once = float(a.grad)
        y.backward()
        twice = float(a.grad)
    except Exception as error:
        what = "a second call of backward fails"
        return [Finding("backward", "again", WRONG, what, got=failure(error))]
    if not once:
        return []
    if twice == 2 * once:
        return [Finding("backward", "again", RIGHT)]
    text = (
        "backward zeroes all gradients first, so those of several losses do not add up"
        if twice == once
        else "a second call of backward on the same graph starts from the gradients that the first "
        "has left in between: build the graph anew for each call, or zero them"
    )
    code, expected = "y.backward(); y.backward()", shown(2 * once)
    return [Finding("backward", "again", REMARK, text, "", code, expected, shown(twice))]


def check_depth(engine: Engine) -> list[Finding]:
    """Try a long chain; that a recursive sort ends there is a remark."""
    node = a = engine.leaf(1.0)
    code = f"y = a; then {_DEEP} times y = y + 1; y.backward()"
    try:
        for _ in range(_DEEP):
            node = node + engine.leaf(1.0)
        node.backward()
    except NotImplementedError:  # which the other checks tell
        return []
    except RecursionError:
        what = f"a chain of {_DEEP} steps is too deep for a recursive sort: RecursionError"
        return [Finding("backward", "deep", REMARK, what, example=code)]
    except Exception as error:
        what = "a long chain fails"
        return [Finding("backward", "deep", REMARK, what, example=code, got=failure(error))]
    if same(a.grad, 1.0):
        return [Finding("backward", "deep", RIGHT)]
    return []
