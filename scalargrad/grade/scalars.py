"""A Value, checked operation by operation: its value, and what each operand receives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from .driving import Engine, NotWrittenError, failure, is_number, shown
from .findings import MISSING, RIGHT, WRONG, Finding
from .guesses import guessed, same
from .misconceptions import sentence
from .operations import METHODS, OPERATIONS, REFLECTED, Operation, Point

__all__ = ["check_operation"]

_LETTERS = "ab"


class _WrongError(Exception):
    """An experiment that cannot go on; its argument is the finding."""

    def __init__(self, finding: Finding) -> None:
        self.finding = finding


def check_operation(engine: Engine, operation: Operation) -> list[Finding]:
    """Check one operation of a student's Value."""
    return _Check(engine, operation).run()


class _Check:
    def __init__(self, engine: Engine, operation: Operation) -> None:
        self.engine, self.operation = engine, operation
        self.count = len(operation.points[0]) - operation.numbers  # operands that are Values

    def run(self) -> list[Finding]:
        """Return a finding for each aspect."""
        name, method = self.operation.name, self.operation.method
        if not hasattr(self.engine.cls, method):
            aspect = "forward" if self.operation.core else "optional"
            return [Finding(name, aspect, MISSING, f"{name} is missing: there is no {method}")]
        findings: list[Finding] = []
        for aspect, step in self._steps():
            with self.engine.calls(METHODS) as called:
                finding = self._outcome(aspect, step)
            if finding.status != RIGHT:
                finding = replace(finding, calls=tuple(sorted(called - {name})))
            findings.append(finding)
            if finding.aspect == "forward" and finding.status != RIGHT:
                break  # its gradients have nothing to be compared with
        return findings

    def _steps(self) -> Iterator[tuple[str, Callable[[], Finding]]]:
        """Give what is looked at, and how."""
        yield "forward", self._forward
        yield "backward", self._backward
        yield "twice", self._twice
        yield "shared", self._shared
        if self.operation.name in REFLECTED:
            yield "number", lambda: self._with_number("number", right=True)
            yield "on the left", lambda: self._with_number("on the left", right=False)

    def _outcome(self, aspect: str, step: Callable[[], Finding]) -> Finding:
        try:
            return step()
        except _WrongError as wrong:
            return wrong.finding
        except NotWrittenError as missing:
            return Finding(self.operation.name, aspect, MISSING, str(missing))

    # ── building and reading ──

    def _wrong(self, aspect: str, key: str, text: str = "", **about: Any) -> Finding:
        """Make a finding, with the sentence of a misconception, or else a text."""
        if key:
            letter = _LETTERS[max(about.get("operand", 0), 0)]
            text = sentence(key, self.operation.name, letter, self.engine.name)
        return Finding(self.operation.name, aspect, WRONG, text, key, **about)

    def _leaves(self, point: Point) -> list[Any]:
        values = [self.engine.leaf(x) for x in point[: self.count]]
        return [*values, *point[self.count :]]

    def _setup(self, point: Point) -> str:
        names = _LETTERS[: self.count]
        numbers = zip(names, point, strict=False)
        return "; ".join(f"{x} = {self.engine.name}({number})" for x, number in numbers)

    def _code(self, *operands: object) -> str:
        return self.operation.written(*operands)

    def _as_written(self, point: Point) -> str:
        return self._code(*[*_LETTERS[: self.count], *point[self.count :]])

    def _built(self, point: Point) -> tuple[list[Any], Any]:
        leaves = self._leaves(point)
        code = f"{self._setup(point)}; {self._as_written(point)}"
        return leaves, self._applied(leaves, "forward", code, point)

    def _applied(self, operands: Sequence[Any], aspect: str, code: str, point: Point) -> Any:
        """Apply the operation, and make sure that a Value with a number comes out."""
        name = self.operation.name
        about: dict[str, Any] = {"example": code, "numbers": point}
        try:
            out = self.operation.call(*operands)
        except NotImplementedError:
            what = name if aspect == "forward" else code.rpartition("; ")[2]  # as a + 3.0
            what = f"{what} is still to be written: it raises NotImplementedError"
            raise NotWrittenError(what) from None
        except TypeError as error:
            if "unsupported operand" in str(error) or "bad operand" in str(error):
                raise NotWrittenError(f"{name} is missing for {code}") from None
            raise _WrongError(self._failed(aspect, error, **about)) from None
        except Exception as error:
            raise _WrongError(self._failed(aspect, error, **about)) from None
        if out is None:
            raise NotWrittenError(f"{name} is still to be written: it returns nothing")
        if not isinstance(out, self.engine.cls):
            raise _WrongError(self._wrong(aspect, "bare-number", **about, got=f"{out!r:.60}"))
        made: Any = out
        if isinstance(made.data, self.engine.cls):
            got = f"data is {made.data!r:.60}"
            raise _WrongError(self._wrong(aspect, "nested", **about, got=got))
        return out

    def _failed(self, aspect: str, error: Exception, **about: Any) -> Finding:
        return self._wrong(aspect, "", f"{self.operation.name} fails", got=failure(error), **about)

    # ── the aspects ──

    def _forward(self) -> Finding:
        samples = []
        for point in self.operation.points:
            expected = self.operation.primitive.evaluate(*point)
            _, out = self._built(point)
            samples.append(self._sample(point, expected, out.data))
        return self._compared("forward", "z", samples)

    def _sample(self, point: Point, expected: float, got: Any, **more: Any) -> dict[str, Any]:
        evaluate = self.operation.primitive.evaluate
        sample = {"x": point[0], "z": evaluate(*point), "expected": expected, "got": got, **more}
        if len(point) == 2:
            sample["y"] = point[1]
            try:
                sample["swapped"] = evaluate(*point[::-1])
            except (ArithmeticError, ValueError):
                sample["swapped"] = float("nan")
        return sample | {"point": point}

    def _compared(self, aspect: str, of: str, samples: list[dict[str, Any]]) -> Finding:
        """Compare numbers with the right ones, and guess where others come from."""
        wrong = [each for each in samples if not same(each["expected"], each["got"])]
        if not wrong:
            return Finding(self.operation.name, aspect, RIGHT)
        key = guessed(self.operation.row, of, samples)
        first = wrong[0]
        point, operand = first["point"], "xy".find(of)
        code = self._as_written(point)
        if of == "z":
            code = f"{self._setup(point)}; ({code}).data"
        else:
            code = f"({code})" if first["g"] == 1.0 else f"(({code}) * {first['g']})"
            code = f"{self._setup(point)}; {code}.backward(); {_LETTERS[operand]}.grad"
        what = "its value" if of == "z" else f"what {_LETTERS[operand]} receives"
        return self._wrong(
            aspect, key, f"{self.operation.name}: {what} is wrong", example=code, numbers=point,
            operand=operand, expected=shown(first["expected"]), got=shown(first["got"]),
        )  # fmt: skip

    def _received(self, point: Point, seed: float) -> list[Any]:
        """Return what the operands receive, when the result's gradient is the seed."""
        leaves, out = self._built(point)
        self._push([(out, seed)], point)
        self._confirm_children(leaves[: self.count], out, point)
        return [leaf.grad for leaf in leaves[: self.count]]

    def _push(self, seeds: Sequence[tuple[Any, float]], point: Point) -> None:
        code = f"{self._setup(point)}; ({self._as_written(point)}).backward()"
        try:
            self.engine.push(seeds)
        except NotImplementedError:
            what = f"the backward pass of {self.operation.name} is still to be written"
            raise NotWrittenError(what) from None
        except Exception as error:
            wrong = self._failed("backward", error, example=code, numbers=point)
            raise _WrongError(wrong) from None

    def _confirm_children(self, leaves: Sequence[Any], out: Any, point: Point) -> None:
        if not self.engine.drivable:
            return
        reached = set(map(id, self.engine.order([out])))
        if all(id(leaf) in reached for leaf in leaves):
            return
        code = f"{self._setup(point)}; ({self._as_written(point)}).{self.engine.children}"
        got = f"{len(self.engine.operands(out))} operands"
        about: dict[str, Any] = {"example": code, "expected": "all operands", "got": got}
        raise _WrongError(self._wrong("backward", "children", numbers=point, **about))

    def _seeds(self) -> tuple[float, ...]:
        """Return gradients from above to try; without a way to give others, 1 alone."""
        return (1.0, 3.0) if self.engine.drivable or self._trusted("*") else (1.0,)

    def _trusted(self, name: str) -> bool:
        """Whether a graph may be put together with another operation, which is right by itself."""
        return self.operation.name == name or hasattr(self.engine.cls, OPERATIONS[name].method)

    def _backward(self) -> Finding:
        samples: list[list[dict[str, Any]]] = [[] for _ in range(self.count)]
        for seed in self._seeds():
            for point in self.operation.points:
                value = self.operation.primitive.evaluate(*point)
                slopes = self.operation.primitive.slopes(*point, value)
                for i, got in enumerate(self._received(point, seed)):
                    about = {"g": seed, "own": point[i], "p1": slopes[i], "p": seed * slopes[i]}
                    about["q"] = seed * slopes[1 - i] if self.count == 2 else float("nan")
                    got = float(got) if is_number(got) else got
                    samples[i].append(self._sample(point, seed * slopes[i], got, **about))
        findings = [self._compared("backward", "xy"[i], each) for i, each in enumerate(samples)]
        wrong = [finding for finding in findings if finding.status == WRONG]
        named = [finding for finding in wrong if finding.misconception]
        return (named or wrong or findings)[0]

    def _twice(self) -> Finding:
        """Use one node as both operands, or, of a function, take the function of it twice."""
        if self.count == 1 or self.operation.name in ("max", "min"):  # or a tie
            return Finding(self.operation.name, "twice", "")
        x = self.operation.points[0][0]
        alone = self._received((x, x), 1.0)
        a = self.engine.leaf(x)
        code = f"a = {self.engine.name}({x}); ({self._code('a', 'a')}).backward(); a.grad"
        out = self._applied([a, a], "twice", code, (x, x))
        self._push([(out, 1.0)], (x, x))
        slopes = self.operation.primitive.slopes(x, x, self.operation.primitive.evaluate(x, x))
        return self._summed("twice", code, (x, x), sum(slopes), alone, a.grad)

    def _shared(self) -> Finding:
        """Use one node in two places."""
        if not (self.engine.drivable or self._trusted("+")):
            return Finding(self.operation.name, "shared", "")
        one, other = self.operation.points[:2]
        two = one[0], *other[1:]
        alone = [self._received(one, 1.0)[0], self._received(two, 1.0)[0]]
        a = self.engine.leaf(one[0])
        others = [self.engine.leaf(x) for x in (*one[1 : self.count], *two[1 : self.count])]
        rest = others or [*one[self.count :], *two[self.count :]] or [None, None]
        texts = [self._code("a", x) for x in ("bc" if others else rest)]
        made = "".join(
            f"{x} = {self.engine.name}({leaf.data}); "
            for x, leaf in zip("abc", [a, *others], strict=False)
        )
        code = f"{made}({' + '.join(f'({text})' for text in texts)}).backward(); a.grad"
        outs = [self._applied([a] if x is None else [a, x], "shared", code, one) for x in rest]
        self._push([(out, 1.0) for out in outs], one)
        slopes = [
            self.operation.primitive.slopes(*point, self.operation.primitive.evaluate(*point))[0]
            for point in (one, two)
        ]
        return self._summed("shared", code, one, sum(slopes), alone, a.grad)

    def _summed(
        self, aspect: str, code: str, point: Point, expected: float, alone: Sequence[Any], got: Any
    ) -> Finding:
        """Compare with what came from each place alone."""
        if same(expected, got):
            return Finding(self.operation.name, aspect, RIGHT)
        key, text = "", f"{self.operation.name} is wrong here as it is elsewhere"
        if all(map(is_number, alone)) and not same(sum(alone), got):
            key = "assigns" if any(same(each, got) for each in alone) else ""
            text = f"{self.operation.name} does not add up what comes from two places"
        numbers = {"expected": shown(expected), "got": shown(got)}
        return self._wrong(aspect, key, text, operand=0, example=code, numbers=point, **numbers)

    def _with_number(self, aspect: str, right: bool) -> Finding:
        """Use a plain number as the right operand, or as the left one."""
        name = self.operation.name
        if not right and not hasattr(self.engine.cls, REFLECTED[name]):
            text = f"2 {name} a is missing: there is no {REFLECTED[name]}"
            return Finding(name, aspect, MISSING, text)
        samples = []
        for point in ((2.0, 3.0), (5.0, -4.0)):
            i = 0 if right else 1
            leaf = self.engine.leaf(point[i])
            operands = [leaf, point[1]] if right else [point[0], leaf]
            code = self._code("a", point[1]) if right else self._code(point[0], "a")
            start = f"a = {self.engine.name}({point[i]}); "
            try:
                out = self._applied(operands, aspect, start + code, point)
            except _WrongError as wrong:
                if "attribute" not in wrong.finding.got:
                    raise
                text = sentence("unwrapped", cls=self.engine.name)
                found = replace(wrong.finding, misconception="unwrapped", sentence=text)
                raise _WrongError(found) from None
            expected = self.operation.primitive.evaluate(*point)
            samples.append(self._sample(point, expected, out.data))
            if not same(expected, out.data):
                key = "left-swapped" if not right and same(samples[-1]["swapped"], out.data) else ""
                return self._wrong(
                    aspect, key, f"the value of {code} is wrong", example=f"{start}({code}).data",
                    numbers=point, expected=shown(expected), got=shown(out.data),
                )  # fmt: skip
            self._push([(out, 1.0)], point)
            slope = self.operation.primitive.slopes(*point, expected)[i]
            if not same(slope, leaf.grad):
                return self._wrong(
                    aspect, "", f"what a receives in {code} is wrong", operand=i, numbers=point,
                    example=f"{start}({code}).backward(); a.grad", expected=shown(slope),
                    got=shown(leaf.grad),
                )  # fmt: skip
        return Finding(name, aspect, RIGHT)
