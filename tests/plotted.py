"""Models and data to be plotted in the tests."""

import matplotlib as mpl

from scalargrad import MLP, Neuron

mpl.use("agg")

X = [[0.0, 0.0], [1.0, 1.0], [2.0, 1.0]]


def square(x):
    return x * x


def drawn(ax, classes=2):
    """Return the samples of each class in a plot."""
    return [part.get_offsets().tolist() for part in ax.collections[-classes:]]


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


LINE, NEURON = MLP(1, [3, 1], seed=0), Neuron(1, seed=0)


def line(place):
    return LINE([place]).data
