"""What the tests of the table ask of a row."""

import math

from oracles import ORACLES

from scalargrad import Value

inf, nan = math.inf, math.nan


def result_and_slopes(name, point):
    """Compute one operation with the engine: its result and the gradients of its operands."""
    result = ORACLES[name].call(*map(Value, point))
    result.backward()
    return result.data, tuple(operand.grad for operand in result._prev)
