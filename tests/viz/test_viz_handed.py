"""Pictures by a Graphviz that somebody hands over."""

import subprocess

import pytest
from conftest import require_program

import viz
from scalargrad import Value
from scalargrad.errors import OperandError
from viz.picture.rendering import PictureError


@pytest.fixture
def hand_over():
    yield viz.use_graphviz
    viz.use_graphviz(None)


def picture():
    return viz.draw_dot(Value(2.0, label="x").tanh())


@pytest.mark.parametrize("kind", [bytes, bytes.decode, memoryview, bytearray])
def test_pictures_are_drawn_by_what_was_handed_over(hand_over, kind):
    require_program("dot")
    asked = []

    def draw(source, format, engine):
        asked.append((format, engine))
        done = subprocess.run(
            [engine, f"-T{format}"], input=source.encode(), capture_output=True, check=True
        )
        return kind(done.stdout)

    expected = picture().pipe("svg")
    hand_over(draw)
    assert picture().pipe("svg") == expected
    assert asked == [("svg", "dot")]
    hand_over(None)
    picture().pipe("svg")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("draw", "sentence"),
    [
        (lambda *_: 1 / 0, "use_graphviz cannot draw this picture in svg: division by zero"),
        (lambda *_: None, "returns a picture as text or bytes, it returned NoneType"),
        (lambda: "", "cannot draw this picture in svg"),
    ],
)
def test_function_that_draws_nothing_gets_a_sentence(hand_over, draw, sentence):
    hand_over(draw)
    with pytest.raises(PictureError, match=sentence):
        picture().pipe("svg")


def test_what_cannot_be_called_gets_a_sentence(hand_over):
    with pytest.raises(OperandError, match=r"takes a function of the DOT source.* got str"):
        hand_over("dot")
