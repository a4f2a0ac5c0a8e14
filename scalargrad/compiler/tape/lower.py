"""The generated functions as LLVM's code, without the passes that numba spends on Python.

numba takes 6 ms for a line: it reads bytecode, infers types and looks up what each operation means.
What the interpreter of tapes is made of is a small part of Python, about floats, whole numbers and
places in arrays, where all of that is known beforehand. So it is translated here from its text
(``scope.py`` has the language), and numba sees each way through a tape as a single operation: it
compiles the drivers, keeps what comes out on disk and calls it from Python.
"""

# mypy: ignore-errors

from __future__ import annotations

import ast
from pathlib import Path

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .scope import Array, Scope

__all__ = ["lowered"]


def lowered(function):
    """Return a function of a generated module as one operation for numba.

    Its parameters are arrays in one piece, which share no numbers, and whole numbers; it returns
    nothing. What it calls is in the same file, or known to numba.
    """
    name = function.__name__
    names = function.__code__.co_varnames[: function.__code__.co_argcount]

    def typed(_context, *kinds):
        for parameter, kind in zip(names, kinds, strict=True):
            if isinstance(kind, types.Array) and kind.layout != "C":
                raise TypeError(f"{name} takes arrays in one piece, got {parameter}: {kind}")

        def generate(context, builder, signature, arguments):
            parts = [
                _parts(context, builder, kind, value)
                for kind, value in zip(signature.args, arguments, strict=True)
            ]
            flat = [part for one in parts for part in one]
            kind = ir.FunctionType(ir.VoidType(), [part.type for part in flat])
            code = ir.Function(builder.module, kind, f"scalargrad.{name}")
            code.linkage = "internal"
            for attribute in ("nounwind", "noinline"):
                code.attributes.add(attribute)
            given = iter(code.args)
            bound = {
                n: _bound(*(next(given) for _ in one)) for n, one in zip(names, parts, strict=True)
            }
            _translate(context, function, code, bound)
            builder.call(code, flat)
            return context.get_dummy_value()

        return types.none(*kinds), generate

    # numba wants the parameters by their names.
    listed = ", ".join(names)
    typing = eval(f"lambda context, {listed}: typed(context, {listed})", {"typed": typed})
    typing.__name__ = name
    return intrinsic(typing)


def _parts(context, builder, kind, value):
    """Return what is handed over of an argument: of an array, where it begins, and its shape."""
    if not isinstance(kind, types.Array):
        return [context.cast(builder, value, kind, types.int64)]
    array = context.make_array(kind)(context, builder, value)
    return [array.data, *(builder.extract_value(array.shape, n) for n in range(kind.ndim))]


def _bound(first, *shape):
    """Return a parameter, which has been handed over in parts."""
    if not shape:
        return first
    first.add_attribute("noalias")
    return Array(first, *shape)


def _translate(context, function, code, bound):
    """Fill LLVM's function with the lines of one of Python."""
    tree = ast.parse(Path(function.__code__.co_filename).read_text(encoding="utf-8"))
    module = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    room = ir.IRBuilder(code.append_basic_block("room"))  # for variables
    builder = ir.IRBuilder(code.append_basic_block("lines"))
    scope = Scope(context, builder, room, module, function.__globals__, bound)
    scope.enter(module[function.__name__])
    builder.ret_void()
    room.branch(code.basic_blocks[1])
