"""The part of Python that ``lower.py`` translates, a function at a time, into LLVM's code.

A number is a value of LLVM: a double, an integer of 64 bits, or of 1 bit for the truth of
something. All arithmetic is IEEE 754's, and may be contracted; what is marked as a sum may also be
added up in another order.
"""

# mypy: ignore-errors
# ruff: noqa: N802

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.errors import NumbaError

from ...errors import TextError
from . import lanes

__all__ = ["ARITHMETIC", "COMPARISONS", "FLOAT", "TRUTH", "WHOLE", "Array", "Scope"]

FLOAT, WHOLE, TRUTH = ir.DoubleType(), ir.IntType(64), ir.IntType(1)

#: What an operator is, on floats and on whole numbers.
ARITHMETIC = {
    ast.Add: ("fadd", "add"),
    ast.Sub: ("fsub", "sub"),
    ast.Mult: ("fmul", "mul"),
    ast.Div: ("fdiv", None),
    ast.RShift: (None, "ashr"),
    ast.LShift: (None, "shl"),
    ast.BitAnd: (None, "and_"),
    ast.BitOr: (None, "or_"),
}
COMPARISONS = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}


@dataclass
class Array:
    """An array in one piece: where it begins, how long it is, and how long its rows are."""

    start: ir.Value
    length: ir.Value
    width: ir.Value | None = None


@dataclass
class Scope:
    """The lines of a function, as they are translated; of one that is called, inside its caller."""

    context: object
    builder: ir.IRBuilder
    room: ir.IRBuilder  # writes where the whole begins
    module: dict[str, ast.FunctionDef]
    others: dict[str, object]  # what else is known by a name: constants, modules, functions of math
    names: dict[str, object]  # parameters and what is computed once
    slots: dict[str, ir.Value] = field(default_factory=dict)  # variables
    flags: tuple[str, ...] = ()
    group: ir.values.MDValue | None = None  # of what is read and written in a loop over lanes

    def enter(self, function):
        """Translate the lines of a function; return what it returns."""
        marks = {mark.id for mark in function.decorator_list}
        self.flags = ("contract", "reassoc") if "inlined_sum" in marks else ("contract",)
        stored = {
            node.id
            for node in ast.walk(function)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        for name in stored & {*self.names}:
            value = self.names[name]  # a number in the text is a float if it will be changed
            self.store(name, self.float(value) if isinstance(value, ir.Constant) else value)
        return self.lines(function.body)

    # ── lines ──

    def lines(self, lines):
        for number, line in enumerate(lines, 1):
            match line:
                case ast.Return():
                    return self.value(line.value)
                case ast.If(body=[ast.Return()], orelse=[]):
                    ways = partial(self.lines, line.body), partial(self.lines, lines[number:])
                    return self.either(self.value(line.test), *ways)
                case _:
                    getattr(self, type(line).__name__)(line)
        return None

    def Expr(self, line):
        if not isinstance(line.value, ast.Constant):  # the docstring
            self.value(line.value)

    def Assign(self, line):
        match line.value:
            case ast.Subscript(ast.Name(id=name), ast.Slice(lower, None, None)):
                self.names[line.targets[0].id] = self.rest(self.names[name], self.value(lower))
            case value:
                self.assign(line.targets[0], self.value(value))

    def rest(self, array, first):
        """Return the part of an array that begins with an element."""
        start = self.builder.gep(array.start, [first], inbounds=True)
        return Array(start, self.builder.sub(array.length, first))

    def AugAssign(self, line):
        if isinstance(line.target, ast.Subscript):
            place = self.place(line.target)
            before = self.noted(self.builder.load(place))
            after = self.arithmetic(line.op, before, self.value(line.value))
            self.noted(self.builder.store(after, place))
        else:
            before = self.Name(line.target)
            self.store(line.target.id, self.arithmetic(line.op, before, self.value(line.value)))

    def If(self, line):
        test = self.value(line.test)
        if line.orelse:
            with self.builder.if_else(test) as (then, other):
                with then:
                    self.lines(line.body)
                with other:
                    self.lines(line.orelse)
        else:
            with self.builder.if_then(test):
                self.lines(line.body)

    def For(self, line):
        start, stop, step = self.range(*map(self.value, line.iter.args))
        builder, sign = self.builder, "<" if step > 0 else ">"
        body, after = builder.append_basic_block("body"), builder.append_basic_block("after")
        before = builder.block
        builder.cbranch(builder.icmp_signed(sign, start, stop), body, after)
        builder.position_at_end(body)
        at = builder.phi(WHOLE)
        at.add_incoming(start, before)
        self.store(line.target.id, at)
        self.group = lanes.group_of(line, builder.module)
        self.lines(line.body)
        following = builder.add(at, WHOLE(step), flags=("nsw",))
        at.add_incoming(following, builder.block)
        again = builder.icmp_signed(sign, following, stop)
        branch = builder.cbranch(again, body, after)
        lanes.note(branch, builder.module, self.group)
        self.group = None
        builder.position_at_end(after)

    @staticmethod
    def range(start, stop=None, step=None):
        if stop is None:
            start, stop = WHOLE(0), start
        return start, stop, 1 if step is None else step.constant

    def assign(self, target, value):
        if isinstance(target, ast.Tuple):
            for name, one in zip(target.elts, value, strict=True):
                self.assign(name, one)
        elif isinstance(target, ast.Subscript):
            place = self.place(target)
            self.noted(self.builder.store(self.float(value), place))
        else:
            self.store(target.id, value)

    def store(self, name, value):
        if name not in self.slots:
            self.slots[name] = self.room.alloca(value.type, name=name)
        slot = self.slots[name]
        is_float = slot.type.pointee == FLOAT
        self.builder.store(self.float(value) if is_float else value, slot)

    # ── values ──

    def value(self, node):
        return getattr(self, type(node).__name__)(node)

    def Constant(self, node):
        if isinstance(node.value, bool):
            return TRUTH(int(node.value))
        return FLOAT(node.value) if isinstance(node.value, float) else WHOLE(node.value)

    def Name(self, node):
        if node.id in self.slots:
            return self.builder.load(self.slots[node.id])
        if node.id in self.names:
            return self.names[node.id]
        return self.Attribute(node)

    def Attribute(self, node):
        known = self.known(node)
        return FLOAT(known) if isinstance(known, float) else WHOLE(int(known))

    def Tuple(self, node):
        return [self.value(one) for one in node.elts]

    def Subscript(self, node):
        place = self.place(node)
        found = self.noted(self.builder.load(place))
        return found if found.type in (FLOAT, WHOLE) else self.builder.zext(found, WHOLE)

    def place(self, node):
        """Return where an element of an array is."""
        array, index = self.names[node.value.id], self.value(node.slice)
        if not isinstance(index, list):
            return self.builder.gep(array.start, [index], inbounds=True)
        row = self.builder.mul(index[0], array.width)
        row = self.builder.gep(array.start, [row], inbounds=True)
        return self.builder.gep(row, [index[1]], inbounds=True)

    def noted(self, access):
        """Note of what is read or written of an array in which loop over lanes that is."""
        if self.group is not None:
            access.set_metadata("llvm.access.group", self.group)
        return access

    def UnaryOp(self, node):
        value = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            return self.builder.not_(value)
        if value.type == WHOLE:
            is_known = isinstance(value, ir.Constant)
            return WHOLE(-value.constant) if is_known else self.builder.neg(value)
        return self.builder.fneg(value)

    def BinOp(self, node):
        return self.arithmetic(node.op, self.value(node.left), self.value(node.right))

    def arithmetic(self, kind, left, right):
        if isinstance(kind, ast.Pow):
            power = self.builder.module.declare_intrinsic("llvm.pow", [FLOAT])
            return self.builder.call(power, [self.float(left), self.float(right)])
        on_floats, on_wholes = ARITHMETIC[type(kind)]
        if on_wholes and FLOAT not in (left.type, right.type):
            return getattr(self.builder, on_wholes)(left, right)
        return getattr(self.builder, on_floats)(
            self.float(left), self.float(right), flags=self.flags
        )

    def float(self, value):
        """Return a number as a float."""
        if value.type == FLOAT:
            return value
        if isinstance(value, ir.Constant):
            return FLOAT(float(value.constant))
        return self.builder.sitofp(value, FLOAT)

    def Compare(self, node):
        numbers = [self.value(one) for one in (node.left, *node.comparators)]
        tests = []
        for kind, left, right in zip(node.ops, numbers[:-1], numbers[1:], strict=True):
            sign = COMPARISONS[type(kind)]
            if left.type == right.type == WHOLE:
                tests.append(self.builder.icmp_signed(sign, left, right))
            else:
                compare = self.builder.fcmp_unordered if sign == "!=" else self.builder.fcmp_ordered
                tests.append(compare(sign, self.float(left), self.float(right)))
        return self.all(self.builder.and_, tests)

    def BoolOp(self, node):
        both = self.builder.and_ if isinstance(node.op, ast.And) else self.builder.or_
        return self.all(both, map(self.truth, map(self.value, node.values)))

    @staticmethod
    def all(both, tests):
        first, *others = tests
        for other in others:
            first = both(first, other)
        return first

    def truth(self, value):
        return value if value.type == TRUTH else self.builder.icmp_signed("!=", value, WHOLE(0))

    def IfExp(self, node):
        test = self.truth(self.value(node.test))
        if any(map(self.is_far, (*ast.walk(node.body), *ast.walk(node.orelse)))):
            ways = partial(self.value, node.body), partial(self.value, node.orelse)
            return self.either(test, *ways)
        both = self.alike(self.value(node.body), self.value(node.orelse))
        return self.builder.select(test, *both)

    def is_far(self, node):
        """Say whether a node takes long: it is worth a jump, where otherwise both are computed."""
        match node:
            case ast.BinOp(op=ast.Pow()):
                return True
            case ast.Call(func=ast.Name(id=name)) if name in self.module:
                return any(map(self.is_far, ast.walk(self.module[name])))
            case ast.Call(func=ast.Attribute(attr="view")):
                return False
            case ast.Call(func=called):
                return self.known(called) not in (abs, np.floor, np.int64, np.float64)
        return False

    def alike(self, left, right):
        return (left, right) if left.type == right.type else (self.float(left), self.float(right))

    def either(self, test, then, other):
        """Compute one of two."""
        with self.builder.if_else(test) as (if_true, if_false):
            with if_true:
                left = self.float(then())
                from_left = self.builder.block
            with if_false:
                right = self.float(other())
                from_right = self.builder.block
        found = self.builder.phi(FLOAT)
        found.add_incoming(left, from_left)
        found.add_incoming(right, from_right)
        return found

    # ── calls ──

    def known(self, node):
        """Return what a name outside of the function stands for."""
        if isinstance(node, ast.Attribute):
            return getattr(self.known(node.value), node.attr)
        if node.id in self.others:
            return self.others[node.id]
        return getattr(builtins, node.id)

    def Call(self, node):
        called = node.func
        if isinstance(called, ast.Attribute) and called.attr == "view":
            to = FLOAT if self.known(node.args[0]) is np.float64 else WHOLE
            return self.builder.bitcast(self.value(called.value), to)
        if isinstance(called, ast.Name) and called.id == "len":
            return self.names[node.args[0].id].length
        given = [
            self.names[one.id]
            if isinstance(one, ast.Name) and isinstance(self.names.get(one.id), Array)
            else self.value(one)
            for one in node.args
        ]
        if isinstance(called, ast.Name) and called.id in self.module:
            function = self.module[called.id]
            names = dict(zip((one.arg for one in function.args.args), given, strict=True))
            return replace(self, names=names, slots={}).enter(function)
        return self.of_numbers(self.known(called), given)

    def of_numbers(self, function, given):
        """Call what numba knows: a function of math, say."""
        if function is np.int64:
            whole = given[0].type == WHOLE
            return given[0] if whole else self.builder.fptosi(given[0], WHOLE)
        given = [self.float(one) for one in given]
        if function is np.float64:
            return given[0]
        if function is np.floor or function is abs:
            name = "llvm.floor" if function is np.floor else "llvm.fabs"
            return self.builder.call(self.builder.module.declare_intrinsic(name, [FLOAT]), given)
        typing, floats = self.context.typing_context, (types.float64,) * len(given)
        try:
            kind = typing.resolve_value_type(function)
            signature = kind.get_call_type(typing, floats, {})
        except (NumbaError, ValueError):
            signature = None
        if signature is None:
            name = getattr(function, "__name__", function)
            raise TextError(f"numba has no machine code for {name} of {len(given)} floats")
        return self.context.get_function(kind, signature)(self.builder, given)
