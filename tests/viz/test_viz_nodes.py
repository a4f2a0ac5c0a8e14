"""draw_dot draws miniflow graphs and compiled programs."""

import pytest

import scalargrad
from scalargrad import MLP, Value, check_gradients
from scalargrad.errors import GradientError, OperandError
from scalargrad.miniflow import Add, Input, Linear, Mul, Node, Sigmoid, value_and_grad
from viz import draw_dot


def rows(picture):
    return list(picture.rows.values())


def test_nodes_show_kind_name_shape_and_the_norms_of_value_and_gradient():
    x, w, b = Input("x"), Input("w"), Input("b")
    result = Linear(x, w, b, name="sum")
    feed = {x: [[3.0, 4.0]], w: [[1.0], [2.0]], b: [1.0]}
    value_and_grad(result, feed, wrt=[w, b])
    assert rows(draw_dot(result)) == [
        ("Input", "x", "shape (1, 2)", "value norm 5.0000"),
        ("Input", "w", "shape (2, 1)", "value norm 2.2361", "grad norm 5.0000"),
        ("Input", "b", "shape (1,)", "value norm 1.0000", "grad norm 1.0000"),
        ("Linear", "sum", "shape (1, 1)", "value norm 12.0000", "grad norm 1.0000"),
    ]


def test_nodes_that_have_not_run_show_what_they_are():
    assert rows(draw_dot(Sigmoid(Input("x")))) == [("Input", "x"), ("Sigmoid",)]


@pytest.mark.usefixtures("graphviz")
def test_a_node_used_twice_has_two_arrows_and_hostile_names_stay_text():
    x = Input('<b>"x|y"</b> {\n}')
    picture = draw_dot(Mul(x, x))
    assert picture.source.count("n0 -> n1") == 2
    assert "<b>" not in picture.pipe("svg", encoding="utf-8")


def test_nodes_of_ones_own_are_drawn():
    class Mine(Node):
        def __init__(self, x):
            Node.__init__(self, [x])

    assert rows(draw_dot(Mine(Input())))[-1] == ("Mine",)


def test_a_long_graph_says_how_much_of_it_is_drawn():
    node = Input()
    for _ in range(1000):
        node = Sigmoid(node)
    picture = draw_dot(node)
    assert len(rows(picture)) == 300
    assert "1,001 nodes, of which the last 300 are drawn" in picture.source


def test_a_compiled_program_is_drawn_as_its_listing():
    model, x = MLP(2, [16, 16, 1], seed=0), [Value(0.1), Value(0.2)]
    program = scalargrad.compile(model(x), x, wrt=model.parameters())
    picture = draw_dot(program)
    assert rows(picture) == [
        ("x", "2 inputs"),
        ("p", "337 parameters"),
        ("v0", "p[0:48] @ [x 1]", "16 × batch"),
        ("v1", "tanh(v0)", "16 × batch"),
        ("v2", "p[48:320] @ [v1 1]", "16 × batch"),
        ("v3", "tanh(v2)", "16 × batch"),
        ("v4", "p[320:337] @ [v3 1]", "1 × batch"),
    ]
    edges = ["n1 -> n2", "n0 -> n2", "n2 -> n3", "n1 -> n4", "n3 -> n4", "n4 -> n5", "n5 -> n6"]
    assert all(picture.source.count(edge) == 1 for edge in edges)
    assert picture.source.count(" -> ") == len(edges) + 1


def test_the_miniflow_graph_of_a_program_can_be_drawn_too():
    x, w = Value(0.1), Value(3.0)
    program = scalargrad.compile((w * x).tanh(), [x], wrt=[w])
    kinds = [row[0] for row in rows(draw_dot(program.graph))]
    assert kinds[-1] == "Tanh"
    assert kinds.count("Input") == 2


def test_a_program_of_several_outputs_has_a_box_for_them():
    x, w = [Value(0.1), Value(0.2)], Value(3.0)
    several = rows(draw_dot(scalargrad.compile([x[0].exp(), x[1], w], x, wrt=[w])))
    assert several[-2:] == [("v0", "exp(x[0])", "1 × batch"), ("output", "[v0 x[1] p]")]
    assert rows(draw_dot(scalargrad.compile(w, [], wrt=[w]))) == [("p", "1 parameter")]
    assert rows(draw_dot(scalargrad.compile(w * 1 + 2 * x[0], x[:1]))) == [
        ("x", "1 input"),
        ("v0", "2·x + 3", "1 × batch"),
    ]


def test_a_long_program_says_how_much_of_it_is_drawn():
    x = y = Value(0.1)
    for _ in range(200):
        y = (y * y).tanh()
    picture = draw_dot(scalargrad.compile(y, [x]))
    assert len(rows(picture)) == 300
    assert "400 operations, the last 300 are drawn" in picture.source


def chain(rounds):
    """Return the program of y = tanh(y · w), many times."""
    x, w = Value(0.1), Value(0.5)
    y = x
    for _ in range(rounds):
        y = (y * w).tanh()
    return scalargrad.compile(y, [x], wrt=[w])


def test_inputs_and_parameters_of_a_long_program_are_named_in_its_formulas_alone():
    short, long = draw_dot(chain(25)), draw_dot(chain(26))
    assert rows(short)[:2] == [("x", "1 input"), ("p", "1 parameter")]
    assert "formulas" not in short.source
    assert len(rows(long)) == 52
    assert rows(long)[0] == ("v0", "p · x", "1 × batch")
    assert "52 operations, x and p are in the formulas alone; draw_dot(program" in long.source
    assert "p is in the formulas alone" in draw_dot(chain(200)).source  # not its first lines


def test_everything_is_drawn_if_asked():
    whole = draw_dot(chain(200), fold=False)
    assert len(rows(whole)) == 402
    assert "formulas" not in whole.source
    node = Input()
    for _ in range(1000):
        node = Sigmoid(node)
    whole = draw_dot(node, fold=False)
    assert len(rows(whole)) == 1001
    assert "drawn" not in whole.source


def test_what_arrows_to_everywhere_start_from_is_left_out():
    """A hundred long arrows would take Graphviz half a minute."""
    x, w = Value(0.1), Value(0.5)
    y, hub = x, w.exp()
    for _ in range(100):
        y = (y * hub).tanh()
    picture = draw_dot(scalargrad.compile(y, [x], wrt=[w]))
    assert "201 operations, the last 200 are drawn" in picture.source
    assert picture.source.count(" -> ") == 199


@pytest.mark.usefixtures("graphviz")
def test_a_long_program_is_drawn():
    """With arrows from x and p it would take half a minute, and the embedded Graphviz gives up."""
    assert draw_dot(chain(200)).pipe("svg", encoding="utf-8").count("<g id=") > 300


@pytest.mark.parametrize(("root", "kind"), [(Sigmoid(Input()), "Sigmoid"), (chain(1), "Program")])
def test_local_derivatives_are_asked_of_values_alone(root, kind):
    with pytest.raises(OperandError, match=f"is for a graph of Values, got a {kind}"):
        draw_dot(root, local_derivatives=True)


def test_check_gradients_takes_nodes_and_names_the_wrong_one():
    class Wrong(Sigmoid):
        def receive(self, gradient, wanted):
            super().receive(2 * gradient, wanted)

    x, y = Input("x"), Input("y")
    feed = {x: [0.5, -1.0], y: [2.0, 3.0]}
    assert check_gradients(Sigmoid(Add(x, y)), feed) < 1e-8
    with pytest.raises(GradientError, match="Wrong"):
        check_gradients(Mul(Wrong(x), y), feed)
