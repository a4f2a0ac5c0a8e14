"""The nodes of a miniflow, checked one by one: each alone, fed and driven from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableSequence, Sequence
from functools import partial
from typing import Any

import numpy as np

from scalargrad import miniflow

from .driving import NotWrittenError, failure
from .findings import MISSING, REMARK, RIGHT, WRONG, Finding
from .guesses import guessed, same
from .kinds import LETTERS, NodeKind
from .misconceptions import sentence

__all__ = ["CONSUMERS", "check_input", "check_node", "sent"]


#: What the lists of consumers and the gradients are called.
CONSUMERS, _SENT = ("outbound_nodes", "output_nodes"), ("gradients", "dvalues")


class _Sender:
    """Stands behind a node and sends one gradient to it."""

    def __init__(self, node: Any, gradient: Any) -> None:
        self.gradients = self.dvalues = {node: gradient}


def check_node(kind: NodeKind, cls: type, leaf: Callable[[], Any]) -> list[Finding]:
    """Check one class of nodes; ``leaf`` makes nodes to feed."""
    return _Check(kind, cls, leaf).run()


def check_input(leaf: type) -> list[Finding]:
    """Check that an Input adds up what comes from each of its consumers."""
    node = leaf()
    node.value = np.ones(3)
    one, two = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0, 4.0])
    name = leaf.__name__
    try:
        got = sent(_driven(node, [one, two]), node)
    except NotImplementedError:
        return [Finding(name, "shared", MISSING, f"{name}.backward is still to be written")]
    except Exception as error:
        return [Finding(name, "shared", WRONG, f"{name}.backward fails", got=failure(error))]
    if same(one + two, got):
        return [Finding(name, "shared", RIGHT)]
    key = "one-path" if same(one, got) or same(two, got) else ""
    text = sentence(key) if key else f"{name} does not add up what its consumers send"
    about = (f"two consumers send {_shown(one)} and {_shown(two)}", _shown(one + two), _shown(got))
    return [Finding(name, "shared", WRONG, text, key, *about)]


def _driven(node: Any, gradients: Sequence[Any]) -> Any:
    """Let a node run backward, behind which so many consumers send their gradients."""
    senders = [_Sender(node, np.array(gradient)) for gradient in gradients]
    for name in CONSUMERS:
        consumers = getattr(node, name, None)
        if isinstance(consumers, MutableSequence):
            consumers[:] = senders
    node.backward()
    for sender, gradient in zip(senders, gradients, strict=True):
        if not same(sender.gradients[node], gradient):
            raise _MutatedError
    return node


class _MutatedError(Exception):
    """A node changed an array of another one."""


def sent(node: Any, operand: Any) -> Any:
    """Return what a node has sent to an operand."""
    for name in _SENT:
        sent = getattr(node, name, None)
        if isinstance(sent, Mapping) and operand in sent:
            return sent[operand]
    return None


class _Check:
    def __init__(self, kind: NodeKind, cls: type, leaf: Callable[[], Any]) -> None:
        self.kind, self.cls, self.leaf = kind, cls, leaf
        self.samples = [
            kind.feed(np.random.default_rng(i), *shapes) for i, shapes in enumerate(kind.shapes)
        ]
        self.checked = min(kind.checked, len(self.samples[0]))

    def run(self) -> list[Finding]:
        """Return a finding for each aspect."""
        findings: list[Finding] = []
        receives = [partial(self._receives, i) for i in range(self.checked)]
        steps: list[Callable[[], list[Finding]]]
        steps = [self._forward, *receives, self._twice, self._shared, self._again]
        for step in steps:
            try:
                findings += step()
            except NotWrittenError as missing:
                return [*findings, Finding(self.kind.name, "forward", MISSING, str(missing))]
            except _MutatedError:
                findings.append(self._wrong("backward", "mutates"))
            except Exception as error:
                what, aspect = f"{self.kind.name} fails", "backward" if findings else "forward"
                return [*findings, self._wrong(aspect, "", what, got=failure(error))]
            if findings and findings[0].status == WRONG and findings[0].aspect == "forward":
                break
        return _merged(findings)

    # ── running it, and the right one ──

    def _made(
        self, cls: type, leaf: Callable[[], Any], values: Sequence[Any], twice: bool = False
    ) -> Any:
        leaves = [leaf() for _ in values]
        for each, value in zip(leaves, values, strict=True):
            each.value = value
        node = cls(leaves[0], leaves[0]) if twice else cls(*leaves)
        return node, leaves

    def _run(self, values: Sequence[Any], twice: bool = False) -> tuple[Any, list[Any]]:
        node, leaves = self._made(self.cls, self.leaf, [np.array(x) for x in values], twice)
        try:
            node.forward()
        except NotImplementedError:
            raise NotWrittenError(f"{self.kind.name}.forward is still to be written") from None
        if node.value is None:
            raise NotWrittenError(f"{self.kind.name}.forward sets no value yet")
        for leaf, value in zip(leaves, values, strict=True):
            if not same(leaf.value, value):
                raise _MutatedError
        return node, leaves

    def _backward(self, node: Any, gradients: Sequence[Any]) -> None:
        try:
            _driven(node, gradients)
        except NotImplementedError:
            raise NotWrittenError(f"{self.kind.name}.backward is still to be written") from None

    def _sent(
        self, values: Sequence[Any], gradients: Sequence[Any], twice: bool = False
    ) -> list[Any]:
        """Run a node forward and backward; return what its operands receive."""
        node, leaves = self._run(values, twice)
        self._backward(node, gradients)
        return [sent(node, leaf) for leaf in leaves[: self.checked]]

    def _tried(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function returns, or the error of the student's code."""
        try:
            return function(*arguments)
        except (NotWrittenError, _MutatedError):
            raise
        except Exception as error:
            return error

    def _right(
        self, values: Sequence[Any], gradient: Any = None, twice: bool = False
    ) -> tuple[Any, list[Any]]:
        """Return the right value and gradients of the operands."""
        cls = getattr(miniflow, self.kind.name)
        leaves = [miniflow.Input() for _ in values]
        node = cls(leaves[0], leaves[0]) if twice else cls(*leaves)
        fed: list[miniflow.Node] = [*leaves[:1]] if twice else [*leaves]
        feed = dict(zip(fed, values, strict=False))
        value, _ = miniflow.value_and_grad(node, feed)
        if gradient is None:
            return value, []
        moved = leaves[:1] if twice else leaves[: self.checked]
        node.receive(np.asarray(gradient, dtype=float), moved)
        return value, [node.gradients[x] for x in moved]

    def _seeds(self, value: Any) -> list[Any]:
        """Return gradients from above: of a loss, what is below 1; else 1s and random numbers."""
        shape = np.shape(value)
        return [np.ones(shape), np.random.default_rng(9).normal(size=shape)]

    # ── the aspects ──

    def _forward(self) -> list[Finding]:
        samples = []
        for values in self.samples:
            expected, _ = self._right(values)
            ran = self._tried(self._run, values)
            got = ran if isinstance(ran, Exception) else ran[0].value
            samples.append(self._sample(values, expected, expected=expected, got=got))
        return [self._compared("forward", "z", samples)]

    def _sample(self, values: Sequence[Any], z: Any, **more: Any) -> dict[str, Any]:
        swapped = self._right(values[::-1])[0] if self.kind.twice else None
        operands = dict(zip(LETTERS, values, strict=False))
        return operands | {"z": z, "swapped": swapped, "values": values} | more

    def _receives(self, i: int) -> list[Finding]:
        samples = []
        for values in self.samples:
            value, _ = self._right(values)
            ones = self._right(values, np.ones(np.shape(value)))[1]
            for seed in self._seeds(value):
                right = self._right(values, seed)[1]
                found = self._tried(self._sent, values, [seed])
                got = found if isinstance(found, Exception) else found[i]
                other = right[1 - i] if len(right) == 2 else None
                about = {"g": seed, "p": right[i], "p1": ones[i], "q": other, "own": values[i]}
                samples.append(self._sample(values, value, expected=right[i], got=got, **about))
        if all(each["got"] is None for each in samples):
            text = f"{self.kind.name}.backward leaves nothing in gradients for {self.kind.names[i]}"
            return [self._wrong("backward", "nothing" if i else "", text, operand=i)]
        finding = self._compared("backward", LETTERS[i], samples)
        if finding.status == WRONG and self.kind.loss and self._is_right_as_the_end(i):
            what = "is right as the end of a graph, but multiplies no gradient from above"
            finding = Finding(self.kind.name, "backward", REMARK, f"{self.kind.name} {what}")
        shapes = [(np.shape(each["got"]), np.shape(each["expected"])) for each in samples]
        odd = next(((got, expected) for got, expected in shapes if got != expected), None)
        if finding.status == RIGHT and odd:
            x = self.kind.names[i]
            text = f"the gradient of {x} has shape {odd[0]}, and {x} {odd[1]}"
            return [finding, Finding(self.kind.name, "shape", REMARK, text)]
        return [finding]

    def _is_right_as_the_end(self, i: int) -> bool:
        """Whether a loss behind which nothing comes, or that gets 1, is right."""
        for values in self.samples:
            value, _ = self._right(values)
            right = self._right(values, np.ones(np.shape(value)))[1][i]
            for gradients in ([], [np.ones(np.shape(value))]):
                if same(right, self._sent(values, gradients)[i]):
                    break
            else:
                return False
        return True

    def _twice(self) -> list[Finding]:
        if not self.kind.twice:
            return []
        x = self.samples[0][0]
        value, _ = self._right([x, x], twice=True)
        seed = self._seeds(value)[1]
        (expected,) = self._right([x, x], seed, twice=True)[1]
        got = self._sent([x, x], [seed], twice=True)[0]
        apart = self._contributions([x, x], [seed])
        return [self._summed("twice", f"{self.kind.name}(x, x)", expected, got, apart)]

    def _contributions(self, values: Sequence[Any], seeds: Sequence[Any]) -> list[Any]:
        """Return what single operands receive, for each seed alone."""
        return [received for seed in seeds for received in self._sent(values, [seed])]

    def _shared(self) -> list[Finding]:
        if self.kind.loss:
            return []
        values = self.samples[0]
        value, _ = self._right(values)
        one, two = self._seeds(value)
        expected = self._right(values, one + two)[1]
        got, findings = self._sent(values, [one, two]), []
        for i in range(self.checked):
            apart = self._contributions(values, [one, two])[i :: self.checked]
            text = f"{self.kind.name} with two consumers"
            finding = self._summed("shared", text, expected[i], got[i], apart, i, "one-path")
            findings.append(finding)
        return findings

    def _summed(
        self, aspect: str, code: str, expected: Any, got: Any, apart: Sequence[Any],
        operand: int = 0, key: str = "assigns",
    ) -> Finding:  # fmt: skip
        if same(expected, got):
            return Finding(self.kind.name, aspect, RIGHT)
        arrays = [each for each in apart if each is not None]
        is_one = any(same(x, got) for x in arrays) and not same(sum(arrays), got)
        text = f"{self.kind.name} does not add up what belongs together"
        return self._wrong(
            aspect, key if len(arrays) == 2 and is_one else "", text, operand,
            example=code, expected=_shown(expected), got=_shown(got),
        )  # fmt: skip

    def _again(self) -> list[Finding]:
        """Run backward a second time: it has to start from nothing."""
        values = self.samples[0]
        value, _ = self._right(values)
        seed = self._seeds(value)[1]
        node, leaves = self._run(values)
        self._backward(node, [seed])
        once = [np.array(sent(node, leaf)) for leaf in leaves[: self.checked]]
        node.forward()
        self._backward(node, [seed])
        again = [sent(node, leaf) for leaf in leaves[: self.checked]]
        for i, (one, two) in enumerate(zip(once, again, strict=True)):
            if not same(one, two):
                text = f"{self.kind.name}: forward and backward, twice"
                return [self._wrong("again", "not-zeroed", example=text, expected=_shown(one),
                                    got=_shown(two), operand=i)]  # fmt: skip
        return [Finding(self.kind.name, "again", RIGHT)]

    # ── the words ──

    def _wrong(
        self, aspect: str, key: str, text: str = "", operand: int = -1, **about: Any
    ) -> Finding:
        if key:
            letter = self.kind.names[max(operand, 0)]
            text = sentence(key, self.kind.name, letter, "node", self.kind.row)
        return Finding(self.kind.name, aspect, WRONG, text, key, operand=operand, **about)

    def _compared(self, aspect: str, of: str, samples: list[dict[str, Any]]) -> Finding:
        wrong = [each for each in samples if not same(each["expected"], each["got"])]
        if not wrong:
            return Finding(self.kind.name, aspect, RIGHT)
        key = guessed(self.kind.row, of, samples)
        first = min(wrong, key=lambda each: isinstance(each["got"], Exception))
        letters = self.kind.names[: len(first["values"])]
        given = zip(letters, first["values"], strict=True)
        numbers = [f"{letter} = {_shown(value)}" for letter, value in given]
        code = "; ".join([*numbers, f"{self.kind.name}({', '.join(letters)})"])
        if of == "z":
            text = f"{self.kind.name}: its value is wrong"
        else:
            name = letters[LETTERS.find(of)]
            code += f"; of a gradient {_shown(first['g'])} from above, what {name} receives"
            text = f"{self.kind.name}: what {name} receives is wrong"
        return self._wrong(
            aspect, key, text, LETTERS.find(of) if of != "z" else -1, example=code,
            expected=_shown(first["expected"]), got=_shown(first["got"]),
        )  # fmt: skip


def _merged(findings: Sequence[Finding]) -> list[Finding]:
    """Leave one finding for an aspect that is right for all operands, and else what is not."""
    kept: list[Finding] = []
    for aspect in dict.fromkeys(finding.aspect for finding in findings):
        of_it = [finding for finding in findings if finding.aspect == aspect]
        kept += [finding for finding in of_it if finding.status != RIGHT] or of_it[:1]
    return kept


def _shown(array: Any) -> str:
    if isinstance(array, Exception):
        return failure(array)
    if array is None:
        return "nothing"
    try:
        text = np.array2string(np.asarray(array, dtype=float), precision=4, separator=", ")
    except (TypeError, ValueError):
        text = repr(array)
    return " ".join(text.split())[:160]
