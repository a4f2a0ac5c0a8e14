"""What ``pyodide.mjs`` runs: pictures by the page's Graphviz, then the tests of the engine."""

import sys
import tempfile

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
assert svg.count('class="node"') == 5
model = MLP(2, [3, 1], seed=0)
stepper = str(viz.stepper(model([x, y])))
with tempfile.TemporaryDirectory() as folder:
    viz.stepper(z).save(f"{folder}/page.html")
    viz.draw_dot(z).render(f"{folder}/z.svg")

pytest.main([
    "/root/tests/engine", "--rootdir=/root", "-q", "-p", "no:cacheprovider",
    *(f"--ignore=/root/tests/engine/{name}" for name in LEFT_OUT),  # noqa: F821
])  # fmt: skip
