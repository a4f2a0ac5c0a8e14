"""What a newcomer types in the first hour gets a sentence, or works."""

import warnings

import numpy as np
import pytest

from scalargrad import MLP, SGD, Layer, Module, Neuron, Value, check_gradients, fit
from scalargrad.errors import OperandError, SizeError
from scalargrad.functional import binary_cross_entropy_with_logits, mse

A, B = Value(2.0), Value(3.0)
MODEL = MLP(2, [3, 1], seed=0)
DATA = ([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0])


def trained(**options):
    model = MLP(2, [1], seed=0)
    return fit(model, mse, DATA, SGD(model.parameters(), 0.1), epochs=2, progress=False, **options)


@pytest.mark.parametrize(
    ("typed", "kind", "said"),
    [
        (lambda: trained().epochs, AttributeError, "a History has no 'epochs': it has lists named"),
        (lambda: trained()["loss"], TypeError, "a History is no dict, to be asked for 'loss'"),
        (lambda: trained(seed="x"), OperandError, "a seed is an int from 0 up, got 'x'"),
        (lambda: trained(seed=-1), OperandError, "a seed is an int from 0 up, got -1"),
        (lambda: MLP([3, 4, 1]), SizeError, r"as in MLP\(3, \[4, 4, 1\]\), got \[3, 4, 1\] for"),
        (lambda: MLP(3), SizeError, "an MLP needs a list with the size of each layer"),
        (lambda: MLP.load("m"), OperandError, "load is for a model that is there already"),
        (lambda: MLP.save("m"), OperandError, "save is for a model that is there already"),
        (lambda: MODEL.load(), OperandError, "load needs the path of a file"),
        (lambda: MODEL(1.0, 2.0), OperandError, r"MLP takes its 2 inputs in one list: write model"),
        (lambda: Neuron(2)(1.0, 2.0), OperandError, r"in one list: write model\(\[x0, x1\]\)"),
        (lambda: Layer(4, 2)(1, 2), OperandError, r"model\(\[x0, x1, x2, \.\.\.\]\)"),
        (lambda: MODEL.load_state_dict([1]), OperandError, "needs numbers by name, .* got list"),
        (lambda: MODEL.load_state_dict(None), OperandError, "needs numbers by name"),
        (lambda: check_gradients(lambda x: x * x, [1.0]), OperandError, "one list of all inputs"),
        (lambda: check_gradients(lambda x: x.tanh(), [1.0]), OperandError, "one list of all inp"),
        (lambda: check_gradients(lambda x: x + 1, [1.0]), OperandError, "one list of all inputs"),
        (lambda: check_gradients(lambda x: 1 / x, [1.0]), OperandError, "one list of all inputs"),
        (lambda: np.round([A, B]), OperandError, "rounding, % and // are no operations of Values"),
        (lambda: np.round(A), OperandError, "no operation"),
        (lambda: A % 2, OperandError, "use value.data for the bare number"),
        (lambda: 2 % A, OperandError, "use value.data for the bare number"),
        (lambda: A // B, OperandError, "use value.data for the bare number"),
        (lambda: 2 // A, OperandError, "use value.data for the bare number"),
        (lambda: divmod(A, 2), OperandError, "use value.data for the bare number"),
        (lambda: Value(2.0, "a"), OperandError, "for a name write label='a'"),
        (lambda: Value(1, 2), OperandError, "come in a tuple, got int 2"),
    ],
)
def test_a_mistake_gets_a_sentence(typed, kind, said):
    with pytest.raises(kind, match=said):
        typed()


def test_statistics_of_numpy_are_graphs():
    a, b = Value(2.0), Value(4.0)
    spread = np.std([a, b])
    spread.backward()
    assert (spread.data, a.grad, b.grad) == (1.0, -0.5, 0.5)
    assert np.var([a, b]).data == 1.0


def test_star_import_brings_fit():
    names = {}
    exec("from scalargrad import *", names)
    assert names["fit"] is fit


@pytest.mark.parametrize("logit", [0.0, 1.0, 30.0, 40.0, 700.0])
def test_a_tiny_loss_of_a_logit_is_exact(logit):
    for x, target in [(logit, 1), (-logit, 0)]:
        (node,) = nodes = [Value(x)]
        loss = binary_cross_entropy_with_logits(nodes, [target])
        loss.backward()
        assert loss.data == pytest.approx(np.log1p(np.exp(-logit)), rel=1e-14)
        slope = 1 / (1 + np.exp(logit))
        assert node.grad == pytest.approx(-slope if target else slope, rel=1e-14)


def test_a_value_of_a_class_is_an_error_and_not_unseen():
    class Scaled(Module):
        scale = Value(2.0)

        def __init__(self):
            self.w = Value(1.0)

    with pytest.raises(OperandError, match=r"Scaled\.scale belongs to the class and not to self"):
        Scaled().parameters()
    twin = Scaled()
    twin.own = Scaled.scale
    assert len(twin.parameters()) == 2


def test_an_activation_applied_twice_is_warned_of_once_for_a_line():
    model = MLP(2, [1], output="sigmoid", seed=0)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        for _ in range(3):
            binary_cross_entropy_with_logits([model([1.0, 2.0])], [1])
    assert len(seen) == 1
