"""Write: a file in the language that its name says."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from ...errors import ChoiceError, SizeError
from ...files import replace
from ..passes.walk import counted
from ..tape import Tape
from .c import C
from .javascript import JavaScript
from .language import Function, Language, Plan, safe
from .lines import Lines
from .python import Python
from .statements import Statements, read

__all__ = ["LANGUAGES", "LARGEST", "export", "written"]

#: What files are written in, by the suffix of their name.
LANGUAGES: dict[str, Callable[[], Language]] = {".py": Python, ".c": C, ".js": JavaScript}

#: Files of more statements are of no use: compilers choke on them, and nobody reads them.
LARGEST = 20_000

#: So many operations are read at most to see what they fold into.
_MOST_READ = 1_000_000


def export(
    tape: Tape,
    label: Callable[[int], str],
    parameters: Sequence[float],
    single: bool,
    path: str | os.PathLike[str],
) -> None:
    """Write a tape to a file, in the language that the suffix of its name says.

    Args:
        tape: of the program.
        label: returns the label of a scalar, by its place in the walk.
        parameters: the numbers that the file is to hold.
        single: whether the output is a number of its own, and not in a list.
        path: ends in .py, .c or .js.

    Raises:
        ChoiceError: the path ends in another suffix, or none.
        SizeError: the program would become more than 20,000 lines.
        OSError: the file cannot be written, for example since its folder is missing.
    """
    path = os.fsdecode(path)
    name, suffix = os.path.splitext(os.path.basename(path))
    if suffix.lower() not in LANGUAGES:
        raise ChoiceError(
            f"the suffix of an exported program says its language, {', '.join(LANGUAGES)}; "
            f"got {path!r}"
        )
    if len(tape.scalar) > _MOST_READ:
        raise _too_large(len(tape.scalar))
    statements = read(tape, label)
    if statements.length > LARGEST:
        raise _too_large(statements.length)
    text = written(LANGUAGES[suffix.lower()](), statements, parameters, single, name)
    replace(path, text.encode())


def _too_large(count: int) -> SizeError:
    return SizeError(
        f"the program would be {count:,} statements in a file, of which at most {LARGEST:,} are "
        "written: compile it for one sample, or keep it by program.save, which takes any size"
    )


def written(
    language: Language, statements: Statements, parameters: Sequence[float], single: bool, name: str
) -> str:
    """Return the text of a file."""
    outputs = statements.outputs
    forward = Lines(language, statements)
    forward.forward()
    backward = Lines(language, statements)
    one = len(outputs) == 1
    backward.backward(["1.0"] if one else [f"cotangents[{i}]" for i in range(len(outputs))])
    if not statements.asked:
        backward = Lines(language, statements)
    labels = statements.labels
    return language.file(
        Plan(
            name=name,
            about=_about(statements),
            inputs=statements.inputs,
            numbers=[float(number) for number in parameters],
            labels=labels[statements.inputs : statements.inputs + statements.parameters],
            results=statements.results,
            outputs=[forward.output(output) for output in outputs],
            single=single,
            forward=Function(forward.lines, sorted(forward.locals)),
            backward=Function(backward.lines, sorted(backward.locals))
            if statements.asked
            else None,
            asked=statements.asked,
            helpers=language.helpers(forward.called | backward.called),
        )
    )


def _about(statements: Statements) -> list[str]:
    """Say what a file computes."""
    lines = ["A program that scalargrad compiled and exported, for one sample."]
    if statements.inputs:
        names = [safe(label, 20) or f"#{i}" for i, label in enumerate(statements.labels)]
        names = names[: statements.inputs]
        shown = names if len(names) <= 12 else [*names[:6], "...", names[-1]]
        lines.append(f"x: {counted(statements.inputs, 'input')}: {', '.join(shown)}")
    if statements.parameters:
        lines.append(f"p: {counted(statements.parameters, 'parameter')}")
    count = len(statements.outputs)
    some = any(name.startswith("dx") for name in statements.asked)
    by = ", ".join(statements.asked).replace("d", "") if some else "each parameter"
    lines.append(
        f"value: {counted(count, 'output')}, from {counted(statements.results, 'result')} v"
    )
    if statements.asked and count == 1:
        lines.append(f"value_and_grad: the output, and its derivative by {by}")
    elif statements.asked:
        lines.append(f"vjp: the derivative of all outputs, each times a cotangent, by {by}")
    return lines
