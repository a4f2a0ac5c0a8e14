"""Each example runs as a user runs it, and has learned what it says."""

import doctest
import math
import re
import signal

import numpy as np
import pytest
from PIL import Image
from scipy.integrate import solve_ivp

from examples import common, four_points, iris, moons, pendulum, quadratic, tanh_neuron
from scalargrad import MLP, Value, fit
from scalargrad.train.history import History


def pictures(folder):
    return sorted(path.name for path in folder.iterdir() if path.stat().st_size > 1000)


def test_tanh_neuron_has_the_gradients_of_the_lecture(tmp_path, capsys):
    neuron = tanh_neuron.main(["--out", str(tmp_path)])
    gradients = {name: node.grad for name, node in neuron._asdict().items()}
    assert gradients == pytest.approx(
        {"x1": -1.5, "x2": 0.5, "w1": 1.0, "w2": 0.0, "b": 0.5}
        | {"x1w1": 0.5, "x2w2": 0.5, "sum": 0.5, "n": 0.5, "o": 1.0},
        abs=1e-15,
    )
    printed = capsys.readouterr().out
    assert re.search(r"^x1 +2\.0000 +-1\.5000$", printed, re.MULTILINE)
    assert pictures(tmp_path) == [
        "tanh_neuron_1_before.svg",
        "tanh_neuron_2_during.svg",
        "tanh_neuron_3_after.svg",
        "tanh_neuron_stepper.html",
    ]


def test_tanh_neuron_learns_to_answer_zero(tmp_path):
    neuron = tanh_neuron.main(["--out", str(tmp_path), "--seed", "3"])
    outputs = [abs(o) for _, o in tanh_neuron.train(neuron, 200)]
    assert outputs[-1] < 0.01 < outputs[0]


def test_quadratic_explains_the_held_out_points(tmp_path):
    run = quadratic.main(["--out", str(tmp_path)])
    assert run.r2 > 0.99
    assert run.losses[-1] < run.losses[0] / 100
    assert abs(run.model(2.05) - quadratic.quadratic(2.05)) < 0.5
    assert pictures(tmp_path) == [
        "quadratic_fit.gif",
        "quadratic_fit.png",
        "quadratic_loss.png",
        "quadratic_playground.html",
    ]


def test_four_points_are_learned(tmp_path):
    model, losses = four_points.main(["--out", str(tmp_path)])
    assert losses[-1] < 0.02 < losses[0]
    signs = [model(x).data > 0 for x in four_points.XS]
    assert signs == [y > 0 for y in four_points.YS]
    assert pictures(tmp_path) == ["four_points_loss.png", "four_points_network.svg"]
    drawn = (tmp_path / "four_points_network.svg").read_text(encoding="utf-8")
    assert re.findall(r"grad -?(?!0\.0000)[\d.]+", drawn)  # and so not of before backward()


def test_iris_tells_held_out_flowers_apart(tmp_path):
    run = iris.main(["--out", str(tmp_path)])
    assert run.accuracy > 0.95
    assert run.losses[-1] < run.losses[0] / 10
    assert pictures(tmp_path) == ["iris_boundary.png", "iris_loss.png", "iris_playground.html"]


def test_iris_of_overlapping_kinds_is_better_than_a_coin(tmp_path):
    arguments = ["--out", str(tmp_path), "--epochs", "30", "--kinds", "versicolor", "virginica"]
    assert iris.main(arguments).accuracy > 0.85


def test_moons_are_told_apart_with_the_same_curve_both_ways(tmp_path, capsys):
    arguments = ["--out", str(tmp_path), "--epochs", "20", "--samples", "60"]
    eager, compiled = moons.main(arguments)
    assert compiled.history.losses == pytest.approx(eager.history.losses, rel=1e-9)
    assert compiled.history.accuracies[-1] > 0.85
    assert [p.data for p in compiled.model.parameters()] == pytest.approx(
        [p.data for p in eager.model.parameters()], rel=1e-9
    )
    # The accuracy by the model's own scores, one sample after the other.
    x, y = moons.data(60, 0.1, 0)
    hits = [(eager.model(point).data > 0) == (side > 0) for point, side in zip(x, y, strict=True)]
    assert eager.history.accuracies[-1] == sum(hits) / 60
    assert "v1 = relu(v0)" in capsys.readouterr().out
    assert pictures(tmp_path) == [
        "moons.gif",
        "moons_decision.png",
        "moons_loss.png",
        "moons_playground.html",
    ]
    assert len(compiled.planes) == 21  # the first is that of the untrained model
    with Image.open(tmp_path / "moons.gif") as gif:
        assert gif.n_frames >= 21
        gif.seek(gif.n_frames - 1)
        assert gif.info["duration"] > 900  # milliseconds: a pause at the end


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize("epochs", [0, 2])
def test_moons_that_are_stopped_compare_what_both_have(epochs, tmp_path, capsys, monkeypatch):
    def stopped(model, loss, data, optimizer, total, *, compiled, on_epoch):
        def watch(history):
            on_epoch(history)
            if not compiled and len(history.losses) == epochs:
                signal.raise_signal(signal.SIGINT)

        if not compiled and not epochs:
            return History(interrupted=True)
        return fit(model, loss, data, optimizer, total, compiled=compiled, on_epoch=watch)

    monkeypatch.setattr(moons, "fit", stopped)
    arguments = ["--out", str(tmp_path), "--epochs", "4", "--samples", "20"]
    if not epochs:
        with pytest.raises(SystemExit, match="stopped before an epoch was over"):
            moons.main(arguments)
        return
    eager, compiled = moons.main(arguments)
    assert (len(eager.history.losses), len(compiled.history.losses)) == (2, 4)
    assert compiled.history.losses[:2] == pytest.approx(eager.history.losses, rel=1e-9)
    assert "the curves differ by" in capsys.readouterr().out
    assert len(pictures(tmp_path)) == 4


def test_planes_of_the_film_are_the_scores_of_the_model():
    x, y = moons.data(20, 0.1, 0)
    run = moons.train(x, y, epochs=2, seed=0, compiled=True)
    epoch, scores = run.planes[-1]
    places = moons.plane(x)
    some = [0, 1, 81, len(places) - 1]
    assert epoch == 2
    assert [scores.ravel()[i] for i in some] == pytest.approx(
        [run.model(places[i]).data for i in some]
    )


def test_film_of_the_moons_begins_with_the_untrained_model():
    x, y = moons.data(20, 0.1, 0)
    run = moons.train(x, y, epochs=60, seed=0, compiled=True)
    epochs = [epoch for epoch, _ in run.planes]
    assert epochs[0] == 0
    assert epochs[-1] == 60
    untrained = MLP(2, [16, 16, 1], activation="relu", init="he", seed=0)
    places = moons.plane(x)
    some = [0, 1, 81, len(places) - 1]
    assert [run.planes[0][1].ravel()[i] for i in some] == pytest.approx(
        [untrained(places[i]).data for i in some]
    )


COUNT = "needs a whole number of at least 1, got"


@pytest.mark.parametrize(
    ("main", "option", "value", "sentence"),
    [
        (iris.main, "--epochs", "0", COUNT),
        (iris.main, "--epochs", "-3", COUNT),
        (iris.main, "--epochs", "many", COUNT),
        (iris.main, "--epochs", "2.5", COUNT),
        (quadratic.main, "--seed", "-1", "needs a whole number from 0 to 4294967295, got"),
        (moons.main, "--seed", "4294967296", "needs a whole number from 0 to 4294967295, got"),
        (moons.main, "--samples", "1", "needs a whole number of at least 2, got"),
        (moons.main, "--noise", "-1", "needs a number from 0 to 10, got"),
        (moons.main, "--noise", "nan", "needs a number from 0 to 10, got"),
        (moons.main, "--noise", "1e300", "needs a number from 0 to 10, got"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_with_a_sentence(
    main, option, value, sentence, capsys
):
    with pytest.raises(SystemExit):
        main([option, value])
    assert f"argument {option}: {sentence} '{value}'" in capsys.readouterr().err


@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_file_in_place_of_the_folder_is_refused_before_the_training(below, tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit):
        quadratic.main(["--out", str(tmp_path / "file" / below)])
    assert f"argument --out: needs a folder, but {tmp_path}/file is none" in capsys.readouterr().err


def test_a_folder_that_is_read_only_is_refused_even_if_it_is_the_default(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(common.os, "access", lambda *_: False)  # the superuser may write anywhere
    with pytest.raises(SystemExit):
        four_points.main([])
    assert f"but {tmp_path} is read-only" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.00123, "0.0012"),
        (0.5, "0.50"),
        (1.0, "1.0"),
        (9.94, "9.9"),
        (9.96, "10"),
        (1234.5, "1,234"),
    ],
)
def test_a_ratio_is_written_with_at_least_two_digits(number, text):
    assert common.digits_that_count(number) == text


def test_doctests_of_what_examples_share_are_right():
    results = doctest.testmod(common)
    assert results.attempted > 0
    assert results.failed == 0


def test_iris_of_twice_the_same_kind_is_refused(capsys):
    with pytest.raises(SystemExit):
        iris.main(["--kinds", "setosa", "setosa"])
    assert "two different kinds" in capsys.readouterr().err


# ── the pendulum ────────────────────────────────────────────────────────────────────────────────


def test_pendulum_is_found_from_its_recording(tmp_path, capsys):
    fit = pendulum.main(["--out", str(tmp_path)])
    assert (np.abs(fit.found - pendulum.TRUTH) < 4 * fit.errors).all()
    assert pictures(tmp_path) == ["pendulum.gif", "pendulum_angles.png"]
    with Image.open(tmp_path / "pendulum.gif") as film:
        assert film.n_frames > 20
    printed = capsys.readouterr()
    assert re.search(r"^second mass +0\.5000 +1\.0000 +0\.\d{4}", printed.out, re.MULTILINE)
    assert "Jacobian of 200 × 5" in printed.out
    assert "evaluations: " in printed.err


@pytest.fixture
def _without_a_film(monkeypatch):
    """Draw none, which takes ten times as long as the search."""
    monkeypatch.setattr(pendulum, "animate", lambda *given: given[-1])


@pytest.mark.usefixtures("_without_a_film")
def test_pendulum_is_found_exactly_where_nothing_is_noise(tmp_path):
    fit = pendulum.main(["--out", str(tmp_path), "--noise", "0"])
    np.testing.assert_allclose(fit.found, pendulum.TRUTH, rtol=1e-7)
    assert fit.errors.max() < 1e-6


@pytest.mark.usefixtures("_without_a_film")
def test_pendulum_is_found_by_adam_as_by_least_squares(tmp_path):
    fits = [
        pendulum.main(["--out", str(tmp_path), "--search", search, "--seed", "3"])
        for search in ("least-squares", "adam")
    ]
    assert (np.abs(fits[0].found - fits[1].found) < fits[0].errors / 2).all()


def test_pendulum_swings_as_lagrange_says():
    """Its motion, from the mass matrix and the forces, by another integrator."""
    mass, l1, l2, *angles = pendulum.TRUTH

    def slope(_, state):
        (a, b), speeds = state[:2], state[2:]
        couple = mass * l1 * l2 * math.cos(a - b)
        matrix = [[(1 + mass) * l1**2, couple], [couple, mass * l2**2]]
        whirl = mass * l1 * l2 * math.sin(a - b) * np.array([-(speeds[1] ** 2), speeds[0] ** 2])
        weight = 9.81 * np.array([(1 + mass) * l1 * math.sin(a), mass * l2 * math.sin(b)])
        return [*speeds, *np.linalg.solve(matrix, whirl - weight)]

    times = pendulum.DT * np.arange(1, pendulum.STEPS + 1)
    exact = solve_ivp(slope, (0, times[-1]), [*angles, 0, 0], t_eval=times, rtol=1e-10, atol=1e-10)
    ours = np.array([z.data for z in pendulum.motion([*map(Value, pendulum.TRUTH)])])
    np.testing.assert_allclose(ours.reshape(-1, 2).T, exact.y[:2], atol=2e-3)
