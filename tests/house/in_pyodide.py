"""What ``pyodide.mjs`` runs: pictures by the page's Graphviz, then the tests of the engine."""

import importlib.machinery
import subprocess
import sys
import tempfile
import threading
from types import ModuleType
from typing import ClassVar

#: The files of the engine's tests that take no minutes here.
RUN = ("calculus", "copies", "errors", "functional", "graph", "nn", "ops", "ops_special")

#: The stack of a browser is small: CPython frees graphs of many thousand steps by recursion there.
SHALLOW = "not deep and not depth and not chain and not million and not thousand and not long"

sys.path[:0] = ["/root", "/packages"]
sys.dont_write_bytecode = True

import pytest  # noqa: E402

import viz  # noqa: E402
from scalargrad import MLP, Value  # noqa: E402
from viz.picture.rendering import PictureError  # noqa: E402

x, y = Value(2.0, label="x"), Value(3.0, label="y")
z = (x * y).tanh()
z.label = "z"
with pytest.raises(PictureError, match=r"by viz\.use_graphviz\(draw\)"):
    viz.draw_dot(z).pipe("svg")
assert "digraph" in viz.draw_dot(z).source
assert "tanh" in str(viz.tree(z))

viz.use_graphviz(draw)  # noqa: F821  (the page's)
svg = viz.draw_dot(z).pipe("svg", encoding="utf-8")
assert all(f">{text}" in svg for text in ("x", "y", "z", "tanh"))
model = MLP(2, [3, 1], seed=0)
stepper = str(viz.stepper(model([x, y])))
with tempfile.TemporaryDirectory() as folder:
    viz.stepper(z).save(f"{folder}/page.html")
    viz.film(z, f"{folder}/film.svg")
    viz.draw_dot(z).render(f"{folder}/z.svg")


class Missing(ModuleType):
    """What stands for a package that is not there: a test that uses it is skipped."""

    __path__: ClassVar = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(f"{self.__name__}.{name}")

    def __call__(self, *_arguments, **_names):
        pytest.skip(f"needs {self.__name__}", allow_module_level=True)


class MissingPackages:
    """Finds what stands for NumPy, whose wheels are not among what the npm package brings."""

    def find_spec(self, name, _path=None, _target=None):
        if name.partition(".")[0] in ("numpy", "pandas"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Missing(spec.name)

    def exec_module(self, _module):
        pass


def start_nothing(*_arguments, **_names):
    pytest.skip("needs another process or thread")


sys.meta_path.append(MissingPackages())
subprocess.run = subprocess.Popen = threading.Thread.start = start_nothing

int(
    pytest.main([
        *(f"/root/tests/engine/test_{name}.py" for name in RUN),
        "--rootdir=/root", "-q", "-k", SHALLOW, "-p", "no:cacheprovider",
    ])
)  # fmt: skip
