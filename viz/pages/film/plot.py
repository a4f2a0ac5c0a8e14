"""The plot of a film: what happens in which scene, before anybody decides how it looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scalargrad.engine import Value, operands

from ...picture.folding import Group, Limits, fold
from ...picture.sketch import Sketch, box_names, headings, sketch_groups
from ...words.formula import operation
from ...words.names import number, slope, spread, symbol
from ...words.notation import HANDWRITING
from ...words.steps import Step, steps

__all__ = ["LIMITS", "PAUSE", "Line", "Plot", "Scene", "plot_of"]

#: What can be followed on a slide.
LIMITS = Limits(60, 120, 400)
PAUSE = 3.0  # seconds, at the end
_LONGEST = 40.0  # seconds, without the pause
_START, _FORWARD, _SEED, _BACKWARD = 1.0, 0.9, 1.1, 1.5  # seconds a scene
_LONGEST_NAME = 14
_LONGEST_DESCRIPTION = 2000
_MOST_LINES = 3


@dataclass
class Scene:
    """A turn: of the leaves, of a box forward, of the seed, or of a box backward."""

    forward: bool
    seconds: float
    captions: Sequence[str]
    boxes: Sequence[str] = ()  # whose turn it is
    flows: Sequence[str] = ()  # the arrows along which numbers go


class Line(NamedTuple):
    """A text that is shown from a scene on, until another one takes its place."""

    text: str
    start: int  # the number of the scene at whose end it appears
    end: int | None  # and that at whose end it goes


@dataclass
class Plot:
    """A whole film."""

    sketch: Sketch
    scenes: list[Scene]
    #: By the name of the box: its data and its gradients.
    data: dict[str, Line] = field(default_factory=dict)
    gradients: dict[str, list[Line]] = field(default_factory=dict)
    #: By the name of the arrow: the local derivative.
    derivatives: dict[str, Line] = field(default_factory=dict)
    description: str = ""

    @property
    def length(self) -> float:
        """Seconds, with the pause."""
        return sum(scene.seconds for scene in self.scenes) + PAUSE


def plot_of(order: Sequence[Value], called: Mapping[Value, str], seconds: float | None) -> Plot:
    """Make the plot of a graph.

    Args:
        order: the nodes, operands first, the root last.
        called: their names.
        seconds: how long it takes without the pause.
    """
    groups = fold(order, limits=LIMITS)
    turns = _Turns(order, called, groups)
    made = Plot(Sketch(), [turns.start(), *turns.forward(), turns.seed(), *turns.backward()])
    made.data, made.gradients = turns.data, turns.gradients
    made.derivatives = turns.derivatives
    made.sketch = sketch_groups(groups, turns.widest_rows, turns.slope_texts)
    whole = sum(scene.seconds for scene in made.scenes)
    pace = (seconds or min(whole, _LONGEST)) / whole
    for scene in made.scenes:
        scene.seconds *= pace
    made.description = _description(made, called[order[-1]])
    return made


def _description(made: Plot, name: str) -> str:
    said = [
        f"{way} pass: {'; '.join(lines)}."
        for way, forward in (("Forward", True), ("Backward", False))
        if (lines := [text for s in made.scenes if s.forward is forward for text in s.captions])
    ]
    notice = f" {made.sketch.notice}." if made.sketch.notice else ""
    text = f"The forward and the backward pass of {name}.{notice} {' '.join(said)}"
    if len(text) > _LONGEST_DESCRIPTION:
        text = text[: _LONGEST_DESCRIPTION - 1] + "…"
    return text


class _Turns:
    """Makes the scenes, and notes at the end of which each number appears."""

    def __init__(
        self, order: Sequence[Value], called: Mapping[Value, str], groups: Sequence[Group]
    ) -> None:
        self.root, self.groups, self.called = order[-1], groups, called
        self.box = box_names(groups)
        self.home = {node: group for group in groups for node in group.nodes}
        self.brief = {node: _brief(name) for node, name in called.items()}
        self.data: dict[str, Line] = {}
        self.gradients: dict[str, list[Line]] = {}
        self.derivatives: dict[str, Line] = {}
        self.uses: dict[Value, list[Step]] = {}
        for step in steps(self.root):
            if step.node is not step.parent:
                self.uses.setdefault(step.node, []).append(step)
        self.reached: dict[Value, float] = {}  # the gradients so far
        self.members: dict[Group, list[Value]] = {group: [] for group in groups}
        for node in order:
            self.members[self.home[node]].append(node)
        self.count = 0

    # ── scenes ──────────────────────────────────────────────────────────────────────────────────

    def start(self) -> Scene:
        """Show the numbers that nothing computes."""
        leaves = [group for group in self.groups if not group.operands]
        for group in leaves:
            self._know(group)
        shown = [node for group in leaves for node in group.results if node.kind != "constant"]
        texts = [f"{self.brief[node]} = {_short(node.data)}" for node in shown[:6]]
        more = f" and {len(shown) - 6:,} more" if len(shown) > 6 else ""
        captions = [", ".join(texts) + more] if texts else []
        return self._scene(True, _START, captions, [self.box[group] for group in leaves])

    def forward(self) -> Iterator[Scene]:
        """Compute each box from its operands."""
        for group in self.groups:
            if group.operands:
                self._know(group)
                box = self.box[group]
                yield self._scene(True, _FORWARD, [self._computed(group)], [box], self._flows(box))

    def seed(self) -> Scene:
        """Start the backward pass."""
        self.reached[self.root] = 1.0
        self._learn(self.home[self.root])
        name = self.brief[self.root]
        return self._scene(False, _SEED, [f"{slope(name, name)} = 1"], [self.box[self.groups[-1]]])

    def backward(self) -> Iterator[Scene]:
        """Let the gradient of each box flow to its operands."""
        for group in reversed(self.groups):
            if not group.operands:
                continue
            taken = [step for node in reversed(self.members[group]) for step in self._pushed(node)]
            for touched in dict.fromkeys(self.home[step.parent] for step in taken):
                if touched is not group:
                    self._learn(touched)
            if not group.kind:
                self._derive(group)
            box = self.box[group]
            captions = self._chain_rules(group, taken)
            yield self._scene(False, _BACKWARD, captions, [box], self._flows(box))

    def _scene(self, *parts: object) -> Scene:
        self.count += 1
        return Scene(*parts)  # type: ignore[arg-type]

    # ── what becomes known ──────────────────────────────────────────────────────────────────────

    def _know(self, group: Group) -> None:
        if group.results:
            text = f"data {spread([node.data for node in group.results])}"
            self.data[self.box[group]] = Line(text, self.count, None)

    def _learn(self, group: Group) -> None:
        """Show the gradients of a box as they are now."""
        known = [self.reached[node] for node in group.results if node in self.reached]
        if known:
            lines = self.gradients.setdefault(self.box[group], [])
            if lines:
                lines[-1] = lines[-1]._replace(end=self.count)
            lines.append(Line(f"grad {spread(known)}", self.count, None))

    def _pushed(self, node: Value) -> list[Step]:
        """Add what a node sends to its operands."""
        for step in self.uses.get(node, []):
            own = node.primitive is None
            added = step.after - step.before if own else step.contribution
            self.reached[step.parent] = self.reached.get(step.parent, 0.0) + added
        return self.uses.get(node, [])

    def _derive(self, group: Group) -> None:
        (node,) = group.results
        for place, step in enumerate(self.uses.get(node, [])):
            name = f"{self.box[group]}-{place}"
            self.derivatives[name] = Line(f"∂ {number(step.derivative)}", self.count, None)

    # ── what is written ─────────────────────────────────────────────────────────────────────────

    def _flows(self, box: str) -> list[str]:
        return [f"{box}-out", *(f"{box}-{i}" for i in range(len(self._group(box).operands)))]

    def _group(self, box: str) -> Group:
        return self.groups[int(box.removeprefix("n"))]

    def _computed(self, group: Group) -> str:
        if group.kind:
            return group.title
        (node,) = group.results
        made = operation(node, self.brief, HANDWRITING)
        return f"{symbol(self.brief[node])} = {made} = {_short(node.data)}"

    def _chain_rules(self, group: Group, taken: Sequence[Step]) -> list[str]:
        if group.kind:
            return [f"back through {group.title}"]
        return self._few([self._chain_rule(step) for step in taken])

    def _chain_rule(self, step: Step) -> str:
        above, by = self.brief[self.root], self.brief
        gradient, derivative = _short(step.gradient), _enclosed(step.derivative)
        return (
            f"{slope(above, by[step.parent])} += {slope(above, by[step.node])} · "
            f"{slope(by[step.node], by[step.parent])} = {gradient} · {derivative}"
        )

    @staticmethod
    def _few(lines: Sequence[str]) -> list[str]:
        if len(lines) <= _MOST_LINES:
            return [*lines]
        return [*lines[: _MOST_LINES - 1], f"… and {len(lines) - _MOST_LINES + 1:,} more edges"]

    # ── room for it ─────────────────────────────────────────────────────────────────────────────

    def widest_rows(self, group: Group) -> tuple[str, ...]:
        """Return the rows of a box with the longest texts that they will hold."""
        rows = headings(group, self.called)
        if group.results:
            box = self.box[group]
            texts = [line.text for line in self.gradients.get(box, [])] or ["grad 0"]
            widest = max(texts, key=len) + "0"  # it is written in bold letters
            rows += [self.data[box].text, widest]
        return tuple(rows)

    def slope_texts(self, node: Value) -> Sequence[str]:
        """Return what will stand on the arrows to a result."""
        box = self.box[self.home[node]]
        lines = [self.derivatives.get(f"{box}-{place}") for place in range(len(operands(node)))]
        return [line.text if line else "" for line in lines]


def _brief(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _short(x: float) -> str:
    return f"{x:.4g}".replace("-", "−")


def _enclosed(x: float) -> str:
    text = _short(x)
    return f"({text})" if text.startswith("−") else text
