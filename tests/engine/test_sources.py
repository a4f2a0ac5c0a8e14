"""The functions that are made from the table show their source."""

import inspect
import linecache
import traceback

import pytest

from scalargrad import Value, grad
from scalargrad.ops import PRIMITIVES
from scalargrad.rules import GENERATED


@pytest.mark.parametrize("row", PRIMITIVES.values(), ids=PRIMITIVES)
def test_source_of_a_method_has_its_value_and_its_way_back(row):
    source = inspect.getsource(getattr(Value, row.method))
    assert source.startswith(f"def make_{row.name}(")
    assert f"out.data = {row.value}\n" in source
    for push in row.pushes:
        assert push == "0.0" or f".grad += {push}" in source


def test_source_of_a_step_back_is_the_chain_rule():
    step = Value(0.5).tanh()._backward
    assert "a.grad += g * (1 - z * z)" in inspect.getsource(step)
    assert inspect.getsource(step).startswith("def tanh_backward(out):")
    assert step.__func__.__code__.co_filename.startswith(GENERATED)


def test_traceback_shows_the_generated_line():
    x = Value(0.5)
    y = x.tanh()
    x.grad = None
    with pytest.raises(TypeError) as error:
        y._backward()
    shown = "".join(traceback.format_exception(error.value))
    assert "a.grad += g * (1 - z * z)" in shown


def test_sources_survive_a_check_of_the_cache():
    linecache.checkcache()
    assert inspect.getsource(Value.tanh)


def test_source_of_a_gradient_as_a_graph_is_known():
    grad(Value(2.0).tanh(), [])
    (x := Value(0.5)).tanh()
    grad(x.tanh(), x)
    assert linecache.getline(f"{GENERATED}tanh gradient>", 1).startswith("lambda x, z, g: ")
