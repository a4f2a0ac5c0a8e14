"""Data to be learned in the tests, and what they ask of a model."""

import fcntl
import math
import os
import pty
import struct
import subprocess
import sys
import termios
from contextlib import suppress

import numpy as np
import pytest
from oracles import ROOT

from scalargrad import MLP, SGD, Module, Value, fit
from scalargrad import functional as F

both = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "eager"])


def moons(count=24, seed=0):
    """Two noisy half circles, with the targets -1 and 1."""
    rng = np.random.default_rng(seed)
    angle, upper = rng.uniform(0, math.pi, count), rng.integers(0, 2, count)
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    return np.stack([x, y], axis=1) + rng.normal(0, 0.05, (count, 2)), 2.0 * upper - 1


X, Y = moons(6, seed=3)


def data_of(model):
    return [p.data for p in model.parameters()]


def log_of_input(outputs, targets):
    z = targets[0] * 1.0
    z.label = "z"
    return z.log() + 0 * outputs[0]


MODEL = MLP(2, [1], seed=0)


def by_hand(outputs, targets):
    out = Value(outputs[0].data * 2, (outputs[0],), "twice", label="mine")
    out._backward = lambda: None
    return out + targets[0]


def fit_with(change, compiled):
    model = change.get("model", MLP(2, [1], seed=0))
    parameters = model.parameters() if isinstance(model, Module) else [Value(1.0)]
    arguments = {"loss": F.hinge, "data": (X, Y), "optimizer": SGD(parameters), "progress": False}
    return fit(**(arguments | {"model": model} | change), compiled=compiled)


def on_a_terminal(code, rows, columns):
    """Run a program on a terminal of this size; return what it writes there, and what it prints."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=end, text=True
    ) as process:
        os.close(end)
        written = b""
        with suppress(OSError):  # the program ended
            while part := os.read(terminal, 1000):
                written += part
        os.close(terminal)
        return written.decode(), process.stdout.read()
