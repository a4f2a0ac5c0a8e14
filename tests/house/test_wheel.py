"""What `python -m build` makes works where nothing else of the project is."""

import subprocess
import sys
import sysconfig
from zipfile import ZipFile

import pytest
from oracles import ROOT

import scalargrad

USE = """
import scalargrad, viz
from scalargrad import MLP, Value, compile
from scalargrad.functional import mse

assert "{checkout}" not in scalargrad.__file__ + viz.__file__
a, b = Value(2.0, label="a"), Value(3.0, label="b")
L = (a * b).tanh()
L.backward()
assert viz.draw_dot(L).pipe(format="svg").count(b"<svg") == 1
assert "<script" in viz.stepper(L).html and "a" in str(viz.tree(L))
model, x, y = MLP(2, [3, 1], seed=0), [Value(0.0), Value(0.0)], Value(0.0)
program = compile(mse([model(x)], [y]), [*x, y], wrt=model.parameters())
assert program.value_and_grad([[1.0, 2.0, 3.0]])[1].shape == (13,)
print(scalargrad.__version__)
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A checkout that is called as ``git clone`` calls it."""
    source = tmp_path_factory.mktemp("source") / "scalargrad"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in tracked.stdout.decode().strip("\0").split("\0"):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    return source


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        folder,
        source,
    ]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.iterdir()
    return path


def test_wheel_holds_the_packages_and_what_their_pages_are_made_of(wheel):
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    for folder in ("scalargrad", "viz"):
        own = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.*")}
        assert {name for name in own if "__pycache__" not in name} <= {*names}
    others = {name for name in names if name.split("/")[0] not in {"scalargrad", "viz"}}
    data = f"scalargrad-{scalargrad.__version__}.data/data/share/scalargrad/exercises"
    exercises = (ROOT / "examples" / "exercises").glob("*.py")
    assert {name for name in others if "dist-info" not in name} == {
        f"{data}/{path.name}" for path in exercises
    }


def installed(tmp_path, *what):
    """Install into an environment of its own; return its Python."""
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", *what], check=True)
    return python


def test_a_checkout_that_is_installed_is_found_from_the_folder_above_it(source, tmp_path):
    """There Python sees a folder called scalargrad, and takes it for a package without a file."""
    build = f"from setuptools.build_meta import build_editable; build_editable({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, check=True)
    python = installed(tmp_path, *tmp_path.glob("*.whl"))
    command = [python, "-c", "from scalargrad import Value; print(Value(2.0).data)"]
    for folder in (source.parent, source, tmp_path):
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert (run.stdout, run.stderr) == ("2.0\n", "")


def test_wheel_works_in_an_environment_without_the_checkout(wheel, tmp_path):
    python = installed(tmp_path, wheel)
    site = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    # The libraries that it needs: those of this environment, and not its editable checkout.
    (site / "needed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    run = subprocess.run(
        [python, "-c", USE.replace("{checkout}", str(ROOT))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == scalargrad.__version__
