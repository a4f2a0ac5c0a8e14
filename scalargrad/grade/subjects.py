"""What there is to check in a file, a module or a class, as a list of tasks."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from scalargrad import miniflow
from scalargrad.errors import OperandError

from .answers import check_answers
from .arrays import check_input, check_node
from .driving import Engine, failure
from .findings import MISSING, WRONG, Finding
from .flows import FUNCTIONS, check_flow
from .kinds import NODES
from .networks import NETWORKS, check_network
from .operations import OPERATIONS
from .passes import check_backward, check_depth
from .scalars import check_operation

__all__ = ["Subject", "Task", "subject_of"]


#: Functions that a Value usually has sooner or later.
_USUAL = ("exp", "log", "tanh", "relu", "sigmoid")


@dataclass(frozen=True)
class Task:
    """Some checks that belong together, by the name of what is checked."""

    name: str
    run: Callable[[], list[Finding]]
    remark: bool = False  # that it takes too long is no mistake

    def findings(self) -> list[Finding]:
        """Run the checks; that a student's code raises an error is a finding as well."""
        try:
            return self.run()
        except Exception as error:
            text = f"the check of {self.name} comes to an error"
            return [Finding(self.name, "forward", WRONG, text, got=failure(error))]


@dataclass
class Subject:
    """What was found: a description, and the tasks to check it."""

    found: list[str] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)

    def add(self, description: str, *tasks: Task) -> None:
        """Note one thing and its tasks."""
        self.found.append(description)
        self.tasks += tasks


def subject_of(thing: Any, class_name: str = "") -> Subject:
    """Find what there is to check.

    Args:
        thing: a class, a module, or the names of one.
        class_name: the class to take for the Value.

    Raises:
        OperandError: it is none of these, or there is no such class, or nothing to check in it.
    """
    if isinstance(thing, type):
        names, home = {thing.__name__: thing}, thing.__module__
        class_name = class_name or ("" if _is_node(thing) else thing.__name__)
    elif isinstance(thing, types.ModuleType):
        names, home = vars(thing), thing.__name__
    else:
        raise OperandError(f"grade checks a class, a module or a file, got {thing!r:.80}")
    classes = {name: cls for name, cls in names.items() if isinstance(cls, type)}
    own = {name: cls for name, cls in classes.items() if cls.__module__ == home}
    subject = Subject()
    _add_value(subject, own, classes, class_name)
    _add_networks(subject, own)
    _add_nodes(subject, own, classes)
    _add_flow(subject, names, classes, home)
    _add_answers(subject, names)
    if not subject.tasks:
        raise OperandError(
            "there is nothing to check: neither a class with data, grad and backward, as "
            "micrograd's Value, nor nodes of a miniflow with forward and backward, such as Mul"
        )
    return subject


# ── Values ──────────────────────────────────────────────────────────────────────────────────────


def _add_value(
    subject: Subject, own: Mapping[str, type], classes: Mapping[str, type], class_name: str
) -> None:
    if class_name and class_name not in classes:
        known = ", ".join(own) or "none"
        raise OperandError(f"there is no class {class_name!r}; those of the file: {known}")
    cls = classes[class_name] if class_name else _value_class(own)
    if cls is None:
        return
    engine = Engine(cls)
    trouble = _unusable(engine)
    if trouble:
        task = Task("Value", lambda: [Finding(cls.__name__, "forward", WRONG, trouble)])
        subject.add(f"class {cls.__name__}", task)
        return

    wanted = [op for op in OPERATIONS.values() if op.core or hasattr(cls, op.method)]
    missing = [
        Finding(name, "optional", MISSING, f"{name} is missing")
        for name in _USUAL
        if not hasattr(cls, name)
    ]
    subject.add(
        f"class {cls.__name__}",
        *(Task(op.name, partial(check_operation, engine, op)) for op in wanted),
        Task("backward", lambda: check_backward(engine)),
        Task("depth", lambda: check_depth(engine), remark=True),
        Task("others", lambda: missing),
    )


def _value_class(own: Mapping[str, type]) -> type | None:
    """Return the class that is most like micrograd's Value."""
    if "Value" in own:
        return own["Value"]
    methods = ("__add__", "__mul__", "backward")
    scored = [
        (sum(hasattr(cls, name) for name in methods), cls)
        for cls in own.values()
        if not _is_node(cls)
    ]
    count, cls = max(scored, key=lambda each: each[0], default=(0, None))
    return cls if count >= 2 else None


def _unusable(engine: Engine) -> str:
    """Say why no Value can be made; empty if it can."""
    try:
        leaf = engine.leaf(2.0)
    except NotImplementedError:
        return f"{engine.name} is still to be written"
    except Exception as error:
        return f"{engine.name}(2.0) cannot be made: {type(error).__name__}: {error}"
    lacking = [name for name in ("data", "grad") if not hasattr(leaf, name)]
    if lacking:
        return f"{engine.name}(2.0) has no {' and no '.join(lacking)}"
    return ""


def _add_networks(subject: Subject, own: Mapping[str, type]) -> None:
    for name in NETWORKS:
        if name in own:
            subject.add(f"class {name}", Task(name, partial(check_network, name, own[name])))


# ── nodes ───────────────────────────────────────────────────────────────────────────────────────


def _is_node(cls: type) -> bool:
    return hasattr(cls, "forward") and hasattr(cls, "backward") and not hasattr(cls, "__add__")


def _add_nodes(subject: Subject, own: Mapping[str, type], classes: Mapping[str, type]) -> None:
    found = {name: own[name] for name in NODES if name in own and _is_node(own[name])}
    if not found:
        return
    leaf = _leaf(classes, next(iter(found.values())))
    tasks = [Task(name, partial(check_node, NODES[name], cls, leaf)) for name, cls in found.items()]
    if "Input" in own:
        tasks.append(Task("Input", lambda: check_input(own["Input"])))
    subject.add(f"nodes {', '.join(found)}", *tasks)


def _leaf(classes: Mapping[str, type], node: type) -> type:
    """Return the class of nodes that are fed: the file's Input, its Node, or ours."""
    for name in ("Input", "Node"):
        if name in classes:
            return classes[name]
    return miniflow.Input if issubclass(node, miniflow.Node) else node.__mro__[-2]


def _add_flow(
    subject: Subject, names: Mapping[str, Any], classes: Mapping[str, type], home: str
) -> None:
    functions = {
        name: names[name]
        for name in FUNCTIONS
        if getattr(names.get(name), "__module__", "") == home
    }
    nodes = {name: cls for name, cls in classes.items() if name in ("Input", "Mul", "Add")}
    if functions and len(nodes) == 3 and all(map(_is_node, nodes.values())):
        subject.add(", ".join(functions), Task("graph", lambda: check_flow(functions, nodes)))


def _add_answers(subject: Subject, names: Mapping[str, Any]) -> None:
    expression, numbers, gradients = map(names.get, ("expression", "numbers", "gradients"))
    if callable(expression) and isinstance(numbers, dict) and isinstance(gradients, dict):
        task = Task("gradients", lambda: check_answers(expression, numbers, gradients))
        subject.add("gradients by hand", task)
