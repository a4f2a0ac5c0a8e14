"""Neurons, layers and networks against micrograd itself, sums by hand, and people's mistakes."""

import copy
import math
import pickle
import random
import statistics

import micrograd.nn
import numpy as np
import pytest

from scalargrad import MLP, Layer, Neuron, Value, check_gradients
from scalargrad.errors import ChoiceError, OperandError, SizeError
from scalargrad.nn import ACTIVATIONS, INITIALIZERS

SIGMOID = {"sigmoid": lambda t: 1 / (1 + math.exp(-t)), "relu": lambda t: max(t, 0.0)}
FUNCTIONS = SIGMOID | {"tanh": math.tanh, "sin": math.sin, None: lambda t: t}


def data(values):
    return [v.data for v in values]


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_neuron_is_the_activation_of_a_weighted_sum_and_a_bias(activation):
    n = Neuron(2, activation=activation, seed=1)
    n.b.data = 0.25
    w0, w1 = data(n.w)
    expected = FUNCTIONS[activation](0.25 + w0 * 0.5 + w1 * -1.5)
    assert n([0.5, -1.5]).data == pytest.approx(expected, rel=1e-15)


def test_neuron_without_nonlinearity_is_linear_as_in_micrograd():
    n = Neuron(1, False, seed=1)
    assert n([100.0]).data == n.w[0].data * 100.0
    assert repr(n) == "LinearNeuron(1)"
    assert repr(Neuron(2, nonlin=True)) == "TanhNeuron(2)"


def test_activation_can_be_a_function():
    n = Neuron(1, activation=lambda v: v * v, seed=1)
    assert n([2.0]).data == (n.w[0].data * 2.0) ** 2


def agree(module, x):
    """Check that a result is made by what the text of a module says; return that text."""
    results = module(x)
    for neuron, result in zip(getattr(module, "neurons", [module]), np.ravel(results), strict=True):
        symbol = result._op.title().replace(" ", "") if neuron.nonlin else "Linear"
        assert repr(neuron).lower().startswith(symbol.lower())
        assert neuron.nonlin == (neuron.activation is not None) == (result._op != "+")
    return repr(module)


def test_activation_that_is_set_later_takes_effect():
    n = Neuron(2, seed=1)
    assert (n.nonlin, n.activation) == (True, "tanh")
    n.activation = "relu"
    assert agree(n, [1, 2]) == "ReLUNeuron(2)"
    n.nonlin = False
    assert (n.activation, agree(n, [1, 2])) == (None, "LinearNeuron(2)")
    n.nonlin = True
    assert (n.activation, agree(n, [1, 2])) == ("relu", "ReLUNeuron(2)")
    n.activation = None
    assert (n.nonlin, agree(n, [1, 2])) == (False, "LinearNeuron(2)")
    n.activation = Value.sin
    assert (n.nonlin, n([1, 2])._op) == (True, "sin")


def test_linear_neuron_that_becomes_nonlinear_has_the_activation_that_it_was_given():
    n = Neuron(2, False, activation="sigmoid")
    assert agree(n, [1, 2]) == "LinearNeuron(2)"
    n.nonlin = 1
    assert agree(n, [1, 2]) == "SigmoidNeuron(2)"
    n = Neuron(2, activation=None)
    n.nonlin = True
    assert agree(n, [1, 2]) == "TanhNeuron(2)"


def test_activation_of_a_layer_is_that_of_all_its_neurons():
    layer = Layer(2, 2, seed=1)
    layer.activation = "sin"
    assert agree(layer, [1, 2]) == "Layer of [SinNeuron(2), SinNeuron(2)]"
    assert (layer.activation, layer.nonlin) == ("sin", True)
    layer.nonlin = False
    assert agree(layer, [1, 2]) == "Layer of [LinearNeuron(2), LinearNeuron(2)]"
    assert (layer.activation, layer.nonlin) == (None, False)
    layer.neurons[0].activation = "relu"
    assert (layer.activation, layer.nonlin) == (["relu", None], True)


def test_activations_of_an_mlp_are_those_of_its_layers():
    model = MLP(2, [2, 2, 1], seed=1)
    model.activation, model.output = "relu", "sigmoid"
    assert [repr(layer) for layer in model.layers] == [
        *["Layer of [ReLUNeuron(2), ReLUNeuron(2)]"] * 2,
        "Layer of [SigmoidNeuron(2)]",
    ]
    assert (model.activation, model.output) == ("relu", "sigmoid")
    assert model([1, 2])._op == "sigmoid"
    model.layers[0].activation = None
    assert model.activation == [None, "relu"]
    assert MLP(2, [1]).activation is None


@pytest.mark.parametrize("make", [lambda: Neuron(2), lambda: Layer(2, 2), lambda: MLP(2, [2, 1])])
def test_activation_that_does_not_exist_changes_nothing(make):
    module = make()
    before = repr(module)
    with pytest.raises(ChoiceError, match="an activation is a function, None or one of"):
        module.activation = "rely"
    assert repr(module) == before


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copy_of_a_neuron_has_its_activation(duplicate):
    n = Neuron(2, seed=1)
    n.activation, n.nonlin = "relu", False
    twin = duplicate(n)
    assert repr(twin) == "LinearNeuron(2)"
    twin.nonlin = True
    assert agree(twin, [1, 2]) == "ReLUNeuron(2)"


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        (math.tanh, r"loses its gradient if it becomes a float"),
        (lambda v: v.data, r"an activation takes and returns a Value, <function .*> returned -?\d"),
        (lambda _: None, r"an activation takes and returns a Value, .* returned None"),
    ],
)
def test_activation_that_gives_a_number_is_an_error(activation, message):
    with pytest.raises(OperandError, match=message):
        Neuron(1, activation=activation, seed=1)([1.0])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_networks_of_every_activation_pass_the_gradient_check(activation):
    model = MLP(2, [3, 1], activation, seed=4)
    assert check_gradients(model([0.4, -0.7])) < 1e-8


def test_same_seed_gives_the_outputs_and_gradients_of_micrograd():
    sizes, x = [5, 4, 1], [0.5, -1.25, 2.0]
    random.seed(1337)
    theirs = micrograd.nn.MLP(3, sizes)
    random.seed(1337)
    ours = MLP(3, sizes, activation="relu")
    assert data(ours.parameters()) == [p.data for p in theirs.parameters()]
    out, expected = ours(x), theirs(x)
    assert out.data == expected.data
    out.backward()
    expected.backward()
    assert [p.grad for p in ours.parameters()] == pytest.approx(
        [p.grad for p in theirs.parameters()], rel=1e-14
    )


def test_a_hidden_layer_of_one_neuron_works():
    model = MLP(2, [3, 1, 2], seed=0)
    assert len(model([1.0, 2.0])) == 2
    assert check_gradients(model([1.0, 2.0])[1]) < 1e-8


def test_results_are_a_value_for_one_neuron_and_a_list_for_more():
    assert isinstance(MLP(2, [3, 1])([1, 2]), Value)
    assert isinstance(Layer(2, 1)([1, 2]), Value)
    assert [type(v) for v in Layer(2, 2)([1, 2])] == [Value, Value]


def test_hidden_and_output_activations_are_those_asked_for():
    model = MLP(2, [3, 1], activation="relu", output="sigmoid", seed=0)
    assert repr(model) == (
        "MLP of [Layer of [ReLUNeuron(2), ReLUNeuron(2), ReLUNeuron(2)], "
        "Layer of [SigmoidNeuron(3)]]"
    )
    assert model([100.0, -100.0])._op == "sigmoid"
    assert model.layers[0]([1.0, 1.0])[0]._op == "ReLU"


def test_inputs_can_be_values_numbers_and_numpy_rows():
    numpy = pytest.importorskip("numpy")
    model = MLP(2, [2, 1], seed=0)
    expected = model([0.5, -1.0]).data
    assert model([Value(0.5), -1]).data == expected
    assert model(numpy.array([0.5, -1.0])).data == expected
    assert model(x for x in (0.5, -1)).data == expected


def test_gradients_reach_inputs_that_are_values():
    x = [Value(0.5), Value(-1.0)]
    MLP(2, [2, 1], seed=0)(x).backward()
    assert all(v.grad != 0.0 for v in x)


def test_each_input_number_is_one_node_shared_by_all_neurons():
    layer = Layer(1, 5, seed=0)
    results = layer([2.0])
    inputs = {r._prev[0]._prev[1]._prev[1] for r in results}
    assert len(inputs) == 1


# ── initialisation ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("init", INITIALIZERS)
def test_same_seed_gives_the_same_weights_and_another_seed_others(init):
    first, second, third = (MLP(3, [4, 2], init=init, seed=s) for s in (7, 7, 8))
    assert first.state_dict() == second.state_dict()
    assert first.state_dict() != third.state_dict()


def test_neurons_of_a_seeded_layer_differ():
    weights = [n.w[0].data for n in Layer(1, 10, seed=0).neurons]
    assert len(set(weights)) == 10


def test_a_generator_as_seed_goes_on_where_it_was():
    rng = random.Random(5)
    first, second = Neuron(3, seed=rng), Neuron(3, seed=rng)
    assert data(first.w) != data(second.w)
    again = random.Random(5)
    assert data(first.w) + data(second.w) == [again.uniform(-1, 1) for _ in range(6)]


@pytest.mark.parametrize(
    ("init", "deviation"),
    [
        ("uniform", math.sqrt(1 / 3)),
        ("xavier", math.sqrt(2 / (50 + 40))),
        ("he", math.sqrt(2 / 50)),
    ],
)
def test_initial_weights_have_the_deviation_of_the_paper(init, deviation):
    weights = [w.data for n in Layer(50, 40, init=init, seed=0).neurons for w in n.w]
    assert statistics.fmean(weights) == pytest.approx(0.0, abs=4 * deviation / math.sqrt(2000))
    assert statistics.stdev(weights) == pytest.approx(deviation, rel=0.06)


# ── mistakes ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: MLP(2, [3, 1])([1]), SizeError, "^MLP needs 2 inputs, got 1$"),
        (lambda: MLP(2, [3, 1])([1, 2, 3]), SizeError, "^MLP needs 2 inputs, got 3$"),
        (lambda: Layer(2, 3)([1]), SizeError, "^Layer needs 2 inputs, got 1$"),
        (lambda: Neuron(2)([1, 2, 3]), SizeError, "^Neuron needs 2 inputs, got 3$"),
        (lambda: MLP(1, [1])(3.0), OperandError, "needs a list of 1 inputs, got 3.0"),
        (lambda: MLP(1, [1])(Value(3.0)), OperandError, "put it into a list"),
        (lambda: MLP(2, [1])(["1", "2"]), OperandError, "convert text first"),
        (lambda: MLP(2, 3), SizeError, "list with the size of each layer, got 3"),
        (lambda: MLP(2, []), SizeError, r"list with the size of each layer, got \[\]"),
        (lambda: MLP(2, [0]), SizeError, "positive ints, got 0"),
        (lambda: MLP(2.5, [1]), SizeError, "positive ints, got 2.5"),
        (lambda: Neuron(-1), SizeError, "positive ints, got -1"),
        (lambda: MLP(2, np.array([[1]])), SizeError, r"positive ints, got array\(\[1\]\)"),
        (lambda: MLP(2, np.array([])), SizeError, r"size of each layer, got array\(\[\]"),
        (lambda: MLP(2, None), SizeError, "list with the size of each layer, got None"),
        (lambda: MLP(np.True_, [1]), SizeError, "positive ints, got .*True"),
        (lambda: MLP(2, [1], seed="x"), OperandError, "seed is an int, a random.Random or None.*x"),
        (lambda: Layer(2, 1, seed=1.5), OperandError, "seed is an int, a random.Random or None.*1"),
        (lambda: Neuron(2, seed=np.zeros(1)), OperandError, "seed is an int, .*got array"),
        (lambda: MLP(2, [1])({1.0, 2.0}), OperandError, "list of 2 inputs, got {1.0, 2.0}: put it"),
        (
            lambda: Layer(2, 1)({"a": 1.0, "b": 2.0}),
            OperandError,
            "list of 2 inputs, got {'a': 1.0",
        ),
        (
            lambda: Neuron(2)({1.0: 5.0, 2.0: 7.0}.keys()),
            OperandError,
            "list of 2 inputs, got dict",
        ),
        (lambda: MLP(2, [1], "Tanh"), ChoiceError, "one of tanh, relu, .*; got 'Tanh'"),
        (lambda: MLP(2, [1], output="softmax"), ChoiceError, "got 'softmax'"),
        (lambda: MLP(2, [1], init=["he"]), ChoiceError, r"uniform, xavier, he, got \['he'\]"),
        (lambda: MLP(2, [1], init="glorot"), ChoiceError, "uniform, xavier, he, got 'glorot'"),
    ],
)
def test_mistakes_get_a_sentence_with_both_sides(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert isinstance(caught.value, (ValueError, TypeError))


def test_sizes_and_seeds_may_be_integers_of_numpy():
    model = MLP(np.int64(2), np.array([3, 1]), seed=np.int32(7))
    expected = MLP(2, [3, 1], seed=7)
    assert repr(model) == repr(expected)
    assert [p.data for p in model.parameters()] == [p.data for p in expected.parameters()]
    assert repr(Layer(np.int8(2), np.uint8(3))) == repr(Layer(2, 3))


TABLE = np.zeros((3, 2))


class Frame:
    """What a DataFrame is here: a table that yields the names of its columns."""

    ndim, shape = 2, (3, 2)

    def __iter__(self):
        return iter(["a", "b"])

    def __len__(self):
        return 3

    def to_numpy(self):
        return TABLE


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (TABLE, r"got ndarray of shape \(3, 2\): write \[model\(x\) for x in X\]$"),
        (TABLE[:, :1], r"got ndarray of shape \(3, 1\): write"),
        (np.zeros((1, 3, 2)), r"got ndarray of shape \(1, 3, 2\): write"),
        (TABLE.tolist(), r"got list of rows: write \[model\(x\) for x in X\]$"),
        ([[1.0], [2.0]], "got list of rows"),
        ((TABLE[0], TABLE[1]), "got tuple of rows"),
        ([[Value(1.0), Value(2.0)]], "got list of rows"),
        (Frame(), r"got Frame of shape .*: write \[model\(x\) for x in X.to_numpy\(\)\]$"),
    ],
)
@pytest.mark.parametrize("model", [Neuron(2), Layer(2, 3), MLP(2, [3, 1])], ids=repr)
def test_many_samples_at_once_are_refused_in_the_frame_that_was_called(model, samples, message):
    kind = type(model).__name__
    with pytest.raises(OperandError, match=f"^{kind} takes one sample at a time.* {message}") as e:
        model(samples)
    assert e.traceback[-1].name in ("__call__", "outputs")


@pytest.mark.parametrize("row", [TABLE[0], [1, 2.0], (Value(1.0), 2), iter([1, 2]), range(2)])
def test_a_sample_is_any_sequence_of_scalars(row):
    assert isinstance(MLP(2, [3, 1], seed=0)(row), Value)


@pytest.mark.parametrize("x", [np.array(3.0), np.float64(3.0), "12", None, 3])
def test_a_scalar_is_no_sample(x):
    with pytest.raises(OperandError, match=r"MLP needs a list of 2 inputs, got .*: put it into a"):
        MLP(2, [1])(x)


@pytest.mark.parametrize("activation", [lambda x: x.data, lambda _: None, lambda x: [x]])
def test_an_activation_has_to_return_a_value(activation):
    with pytest.raises(OperandError, match="an activation takes and returns a Value, <function "):
        MLP(2, [3, 1], activation=activation)([1.0, 2.0])
