"""How machine code runs a tape: on one sample, on blocks of samples, and with tangents.

This text, too, becomes a part of generated modules, which have the ways through a tape besides.

``code`` holds the tape (`native.code_of` lays it out), ``memory`` the factors, then the numbers in
the slots, then their derivatives; so a call hands over few arrays. Gradients are by the inputs and
the parameters, or by the parameters alone, which the room for them tells. Nothing is computed that
there is no room for.
"""

# ruff: noqa: F821
# mypy: ignore-errors

from .marks import machine, part

__all__ = ["blocks", "one", "outputs_of", "tangents"]


@part
def outputs_of(code):
    """Return where the slots of the outputs are in the code, behind the runs and the places."""
    return u0 + (8 + 7 * code[0] + code[1])


@machine
def one(code, memory, x, p, values, cotangents, gradient):
    """Run a tape on one sample; return the first output."""
    outputs = outputs_of(code)
    size, first = u0 + code[3], u0 + code[4]
    factors, v = memory[: code[2]], memory[code[2] : code[2] + size]
    learned = first + len(x)
    for i in range(len(x)):
        v[first + i] = x[i]
    for i in range(len(p)):
        v[learned + i] = p[i]
    forward(code, factors, v)
    for i in range(len(values)):
        values[i] = v[code[outputs + i]]
    if len(cotangents):
        d = memory[code[2] + size :]
        d[:] = 0.0
        for i in range(len(cotangents)):
            d[code[outputs + i]] += cotangents[i]
        backward(code, factors, v, d)
        by = learned + len(p) - len(gradient)
        for i in range(len(gradient)):
            gradient[i] = d[by + i]
    return v[code[outputs]]


@machine
def blocks(code, memory, x, start, stop, p, values, cotangents, gradient, total):
    """Run a tape on samples from start to stop, block by block.

    The gradient is that of all these samples together, in the row ``total``; or has a row for each
    sample, if that is negative. The cotangents have a row for each sample, or a single one; the
    sum of the outputs, each times its cotangent, is returned.
    """
    outputs = outputs_of(code)
    size, first, learned = code[3], u0 + code[4], u0 + code[4] + x.shape[1]
    lanes = (len(memory) - code[2]) // (2 * size)
    factors, slots = memory[: code[2]], memory[code[2] :].reshape(2 * size, lanes)
    v, d = slots[:size], slots[size:]
    results, by = learned + len(p), learned + len(p) - gradient.shape[1]
    result = 0.0
    most = lanes if lanes < stop - start else stop - start
    for i in range(len(p)):
        v[learned + i, :most] = p[i]
    d[:results, :most] = 0.0
    for begin in range(start, stop, lanes):
        width = lanes if lanes < stop - begin else stop - begin
        for i in range(x.shape[1]):
            for s in range(width):
                v[first + i, s] = x[begin + s, i]
        forward(code, factors, v, width)
        for i in range(values.shape[1]):
            for s in range(width):
                values[begin + s, i] = v[code[outputs + i], s]
        if cotangents.shape[1]:
            if total < 0:
                d[:results, :width] = 0.0
            d[results:, :width] = 0.0
            for i in range(code[7]):
                for s in range(width):
                    row = begin + s if cotangents.shape[0] > 1 else 0
                    d[code[outputs + i], s] += cotangents[row, i]
                    result += cotangents[row, i] * v[code[outputs + i], s]
            backward(code, factors, v, d, width)
            if total < 0:
                for i in range(gradient.shape[1]):
                    for s in range(width):
                        gradient[begin + s, i] = d[by + i, s]
    if total >= 0:
        for i in range(gradient.shape[1]):
            whole = 0.0
            for s in range(most):
                whole += d[by + i, s]
            gradient[total, i] = whole
    return result


@machine
def tangents(code, memory, x, start, stop, p, values, directions, slopes):
    """Run a tape forward on samples, each with a direction in which inputs and parameters move."""
    outputs = outputs_of(code)
    size, first, learned = code[3], u0 + code[4], u0 + code[4] + x.shape[1]
    lanes = (len(memory) - code[2]) // (2 * size)
    factors, slots = memory[: code[2]], memory[code[2] :].reshape(2 * size, lanes)
    v, d = slots[:size], slots[size:]
    most = lanes if lanes < stop - start else stop - start
    for i in range(len(p)):
        v[learned + i, :most] = p[i]
    d[:first, :most] = 0.0
    for begin in range(start, stop, lanes):
        width = lanes if lanes < stop - begin else stop - begin
        for i in range(x.shape[1]):
            for s in range(width):
                v[first + i, s] = x[begin + s, i]
        for i in range(directions.shape[1]):
            for s in range(width):
                d[first + i, s] = directions[begin + s, i]
        forward(code, factors, v, width)
        tangent(code, factors, v, d, width)
        for i in range(code[7]):
            for s in range(width):
                values[begin + s, i] = v[code[outputs + i], s]
                slopes[begin + s, i] = d[code[outputs + i], s]
