"""The examples with miniflow have learned what they say, on data that they read right."""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import nbformat
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from examples import datasets, digits, regression
from examples.datasets import Data, DataError, read_idx
from scalargrad import MLP

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _no_figures_of_others():
    yield
    pyplot.close("all")


def pictures(folder):
    return sorted(path.name for path in folder.iterdir() if path.stat().st_size > 1000)


# ── regression ─────────────────────────────────────────────────────────────────────────────────


def test_two_layers_clearly_beat_linear_regression_on_held_out_data(tmp_path, capsys):
    run = regression.main(["--out", str(tmp_path)])
    assert run.r2 > 0.9
    assert run.linear_r2 < 0.85
    assert run.losses[-1] < run.losses[0] / 5
    printed = capsys.readouterr().out
    assert re.search(rf"^two layers +241 +{1 - run.r2:.4f} +{run.r2:.4f}$", printed, re.MULTILINE)
    assert pictures(tmp_path) == ["regression_friedman_loss.png"]


def test_regression_runs_on_the_embedded_diabetes_data(tmp_path):
    run = regression.main(["--data", "diabetes", "--epochs", "20", "--out", str(tmp_path)])
    assert run.r2 > 0.3
    assert pictures(tmp_path) == ["regression_diabetes_loss.png"]


def test_linear_regression_finds_a_plane():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3))
    y = x @ [1.0, -2.0, 0.5] + 3.0
    answers = regression.linear_regression(Data(x, y), x)
    assert regression.r2(y, answers) == pytest.approx(1)


def test_normalised_data_have_mean_0_and_variance_1_in_the_training_data():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(5, 3, size=40), np.ones(40)])  # one column is constant
    train, held_out = regression.normalised(Data(x[:30], x[:30, 0]), Data(x[30:], x[30:, 0]))
    np.testing.assert_allclose(train.x.mean(axis=0), [0, 0], atol=1e-12)
    np.testing.assert_allclose(train.x.std(axis=0), [1, 0])
    np.testing.assert_allclose(held_out.x[:, 0], held_out.y)


# ── digits ─────────────────────────────────────────────────────────────────────────────────────


def test_digits_are_read_right(tmp_path, capsys):
    runs = digits.main(["--out", str(tmp_path)])
    one, two = runs["64→10"], runs["64→32→10"]
    assert one.accuracy > 0.93
    assert two.accuracy > 0.96
    for run in (one, two):
        assert len(run.validation) == len(run.losses) == 60
        assert run.validation[-1][1] > run.validation[0][1]
        assert run.losses[-1] < run.losses[0] / 5
    printed = capsys.readouterr()
    assert re.search(rf"^64→10 .* {one.accuracy:.4f}$", printed.out, re.MULTILINE)
    assert "validation=" in printed.err  # beside the progress bar
    assert pictures(tmp_path) == [
        "digits_sigmoid_loss.png",
        "digits_softmax_loss.png",
        "digits_weights.png",
    ]


def test_digits_of_scalars_learn_as_well_and_count_their_scalars(tmp_path, capsys):
    runs = digits.main(["--scalar", "--out", str(tmp_path)])
    one, two = runs["64→10"], runs["64→32→10"]
    assert one.accuracy > 0.93
    assert two.accuracy > 0.96
    assert one.weights.shape == (64, 10)
    assert two.weights.shape == (64, 32)
    for run in (one, two):
        assert len(run.validation) == len(run.losses) == 60
        assert run.losses[-1] < run.losses[0] / 5
    # 64 pixels; for each of 10 neurons 64 products, 64 sums, 64 weights and a bias.
    assert f"64→10: {64 + 10 * (3 * 64 + 1):,} scalars for each image" in capsys.readouterr().out
    assert pictures(tmp_path) == [
        "digits_playground.html",
        "digits_sigmoid_loss.png",
        "digits_softmax_loss.png",
        "digits_weights.png",
    ]


def test_accuracy_of_scalars_is_that_of_plain_matrices(tmp_path, monkeypatch):
    """The class with the largest w · x + b, in NumPy, from the parameters that were trained."""
    models = []
    monkeypatch.setattr(digits, "MLP", lambda *a, **k: models.append(MLP(*a, **k)) or models[-1])
    runs = digits.main(["--scalar", "--epochs", "3", "--seed", "4", "--out", str(tmp_path)])
    _, validation, test = datasets.digits("digits", np.random.default_rng(4))
    w, b = (
        np.array([[p.data for p in part] for part in parts])
        for parts in zip(*((n.w, [n.b]) for n in models[0].layers[0].neurons), strict=True)
    )
    for data, accuracy in ((validation, runs["64→10"].validation[-1][1]),
                           (test, runs["64→10"].accuracy)):  # fmt: skip
        assert accuracy == np.mean((data.x @ w.T + b[:, 0]).argmax(axis=1) == data.y)


def write_idx(path, array, code=0x08, dtype="u1", pack=bytes):
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    path.write_bytes(pack(header + array.astype(dtype).tobytes()))


def write_mnist(folder, pack=bytes, suffix=""):
    """Write the four files, for images with one bright row whose place is the digit."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 360), ("t10k", 60)):
        labels = rng.integers(0, 10, size=count)
        images = rng.integers(0, 50, size=(count, 10, 10))
        images[np.arange(count), labels] += 200
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            write_idx(folder / f"{part}-{name}-ubyte{suffix}", array, pack=pack)


@pytest.mark.parametrize(("pack", "suffix"), [(bytes, ""), (gzip.compress, ".gz")])
@pytest.mark.parametrize("way", [[], ["--scalar"]], ids=["arrays", "scalars"])
def test_digits_learn_from_the_four_files_of_mnist(tmp_path, pack, suffix, way):
    write_mnist(tmp_path, pack, suffix)
    out = tmp_path / "out"
    arguments = ["--data", "mnist", "--idx", str(tmp_path), "--epochs", "10", "--out", str(out)]
    runs = digits.main([*arguments, *way])
    assert list(runs) == ["100→10", "100→32→10"]
    assert runs["100→10"].accuracy > 0.9
    assert "mnist_sigmoid_loss.png" in pictures(out)


def test_idx_folder_is_for_mnist_alone(tmp_path, capsys):
    with pytest.raises(SystemExit):
        digits.main(["--idx", str(tmp_path)])
    assert "--idx is for --data mnist" in capsys.readouterr().err


@pytest.mark.parametrize("way", [[], ["--scalar"]], ids=["arrays", "scalars"])
@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--hidden", "0", "argument --hidden: needs a whole number of at least 1, got '0'"),
        ("--batch", "0", "argument --batch: needs a whole number of at least 1, got '0'"),
        ("--batch", "1079", "--batch needs at most the 1,078 samples of the training"),
        ("--rate", "0", "argument --rate: needs a positive number, got '0'"),
        ("--rate", "-0.1", "argument --rate: needs a positive number, got '-0.1'"),
        ("--rate", "nan", "argument --rate: needs a positive number, got 'nan'"),
        ("--rate", "inf", "argument --rate: needs a positive number, got 'inf'"),
    ],
)
def test_digits_refuse_options_with_which_nothing_is_learned(way, option, value, sentence, capsys):
    with pytest.raises(SystemExit):
        digits.main([*way, option, value])
    assert sentence in capsys.readouterr().err


def test_pictures_of_digits_say_which_network_they_show(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, _path: figures.append(figure))
    digits.main(["--epochs", "1", "--out", str(tmp_path)])
    softmax, sigmoid, weights = figures
    for figure, title in ((softmax, "64→10, digits"), (sigmoid, "64→32→10, digits")):
        (ax,) = figure.axes
        assert ax.get_title("left") == title
        assert [line.get_label() for line in ax.lines] == ["training", "validation"]
    assert weights.get_suptitle() == "the weights of 64→10, digits"
    assert "against (−) or for (+)" in weights.axes[-1].get_ylabel()


def test_missing_files_are_an_error_of_the_command(tmp_path, capsys):
    with pytest.raises(SystemExit):
        digits.main(["--data", "mnist", "--idx", str(tmp_path)])
    assert "has neither train-images-idx3-ubyte nor train-im" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("main", "name"), [(regression.main, "california"), (regression.main, "boston"),
                       (digits.main, "mnist")]
)  # fmt: skip
def test_data_that_cannot_be_fetched_are_an_error_of_the_command(main, name, monkeypatch, capsys):
    def offline(*_arguments, **_options):
        raise OSError("no network")

    monkeypatch.setattr(datasets.datasets, "fetch_openml", offline)
    monkeypatch.setattr(datasets.datasets, "fetch_california_housing", offline)
    with pytest.raises(SystemExit):
        main(["--data", name])
    assert re.search(rf"{name}\S* has to be fetched once, .*: no network", capsys.readouterr().err)


def test_fetched_mnist_keeps_its_own_test_data(monkeypatch):
    x = np.arange(70_000).reshape(-1, 1)
    monkeypatch.setattr(
        datasets.datasets, "fetch_openml", lambda *_, **__: (x, (x[:, 0] % 10).astype(str))
    )
    parts = datasets.digits("mnist", np.random.default_rng(0))
    assert [len(part.y) for part in parts] == [50_000, 10_000, 10_000]
    np.testing.assert_allclose(parts[2].x[:, 0] * 255, x[-10_000:, 0], rtol=1e-6)
    for part in parts:
        np.testing.assert_array_equal(np.round(part.x[:, 0] * 255.0) % 10, part.y)


# ── the IDX reader ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "dtype"),
    [(0x08, "u1"), (0x09, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")],
)
@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4), (0, 7)])
def test_idx_files_hold_arrays_of_any_type_and_shape(tmp_path, code, dtype, shape):
    array = np.random.default_rng(0).integers(0, 127, size=shape).astype(dtype)
    write_idx(tmp_path / "plain", array, code, dtype)
    write_idx(tmp_path / "packed", array, code, dtype, gzip.compress)
    for name in ("plain", "packed"):
        found = read_idx(tmp_path / name)
        assert found.dtype.isnative
        assert found.dtype == np.dtype(dtype).newbyteorder("=")
        np.testing.assert_array_equal(found, array)


WHOLE = struct.pack(">HBB2I", 0, 8, 2, 2, 3) + bytes(6)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", r"is no IDX file: it starts with ''$"),
        (b"\x89PNG\r\n", r"is no IDX file: it starts with '89 50 4e 47'$"),
        (struct.pack(">HBB", 0, 7, 1), r"is no IDX file: it starts with '00 00 07 01'$"),
        (WHOLE[:10], r"is cut off after 10 bytes, within its header$"),
        (WHOLE[:-1], r"has 17 bytes, an array of shape \(2, 3\) has 18$"),
        (WHOLE + b"\0", r"has 19 bytes, an array of shape \(2, 3\) has 18$"),
        (gzip.compress(WHOLE, mtime=0)[:-9], r"is a damaged gzip file: "),
        (gzip.compress(WHOLE, mtime=0)[:12] + b"\xff" * 20, r"is a damaged gzip file: "),
    ],
)
def test_a_truncated_or_wrong_file_is_a_clear_error(tmp_path, content, sentence):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"^{re.escape(str(path))} {sentence}"):
        read_idx(path)


def test_images_and_labels_have_to_belong_together(tmp_path):
    write_mnist(tmp_path)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.zeros(59))
    with pytest.raises(DataError, match=r"the t10k files .* got \(60, 10, 10\) and \(59,\)$"):
        datasets.mnist_files(tmp_path)


def test_parts_of_a_split_are_all_of_the_data_once():
    data = Data(np.arange(20).reshape(10, 2), np.arange(10))
    parts = data.split(np.random.default_rng(0), 0.6, 0.2)
    assert [len(part.y) for part in parts] == [6, 2, 2]
    assert sorted(np.concatenate([part.y for part in parts])) == list(range(10))
    assert all(np.array_equal(part.x[:, 0], 2 * part.y) for part in parts)


def test_batches_are_full_and_cover_the_data():
    data = Data(np.arange(10).reshape(10, 1), np.arange(10))
    found = list(datasets.batches(data, 3, np.random.default_rng(0)))
    assert [len(batch.y) for batch in found] == [3, 3, 3]
    assert len(set(np.concatenate([batch.y for batch in found]))) == 9


# ── the notebook ───────────────────────────────────────────────────────────────────────────────

LAB = nbformat.read(ROOT / "examples" / "miniflow_lab.ipynb", as_version=4)

SOLUTION = re.compile(r"<summary>Solution</summary>\n.*?```python\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def lab():
    """Run the notebook, each solution after its exercise; return the cells by their id."""
    cells = []
    for cell in LAB.cells:
        solutions = SOLUTION.findall(cell.source) if cell.cell_type == "markdown" else []
        cells += [cell, *(new_code_cell(source, id=cell.id + "-solved") for source in solutions)]
    notebook = nbformat.from_dict(new_notebook(cells=cells, metadata=LAB.metadata))
    resources = {"metadata": {"path": str(ROOT)}}
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MPLBACKEND", raising=False)  # the notebook shows its plots itself
        done = NotebookClient(notebook, timeout=300, resources=resources).execute()
    return {cell.id: cell for cell in done.cells}


def printed(cell):
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def test_the_committed_notebook_has_no_traces_of_a_run():
    nbformat.validate(LAB)
    for cell in LAB.cells:
        assert cell.metadata == {}
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


def test_the_lab_runs_without_a_warning_and_its_solutions_solve_the_exercises(lab):
    assert [name for name in lab if name.endswith("-solved")] == [
        f"exercise-{i}-solved" for i in (1, 2, 3)
    ]
    errors = [
        output.text
        for cell in lab.values()
        for output in cell.get("outputs", [])
        if output.get("name") == "stderr"
    ]
    assert errors == []


def test_the_lab_finds_what_it_says(lab):
    assert printed(lab["backward-code"]).splitlines()[1:] == [
        "∂f/∂x = 5.0",
        "∂f/∂y = 4.0",
        "∂f/∂z = 1.0",
    ]
    assert printed(lab["twice-code"]).split() == ["9.0", "6.0"]
    assert "[1. 4. 1.]" in printed(lab["own-code"])
    assert float(printed(lab["check-code"]).split()[-1]) < 1e-8
    assert "2 multiplications" in printed(lab["expand-count"])
    assert float(printed(lab["digits-train"]).partition("%")[0]) > 93
    assert "image/svg+xml" in lab["expand-code"].outputs[0].data
    assert "shape (11, 10)" in lab["picture-code"].outputs[0].data["image/svg+xml"]
