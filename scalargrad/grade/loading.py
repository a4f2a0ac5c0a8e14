"""Loading a student's file as a module of its own."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

from scalargrad.errors import OperandError

__all__ = ["load"]


def load(path: str | Path) -> ModuleType:
    """Run a file, a notebook's cells one after the other, and return the module that it makes.

    A file in a package is imported as part of it, so that its relative imports work. The names
    that a file imports from beside it are found.

    Raises:
        OperandError: it is neither Python nor a notebook.
        Exception: whatever running it raises.
    """
    path = Path(path).resolve()
    if path.suffix == ".ipynb":
        return _notebook(path)
    if path.suffix != ".py":
        raise OperandError(f"grade checks Python files and notebooks, got {path.name}")
    folder, parts = path.parent, [path.stem]
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    sys.path.insert(0, str(folder))
    if len(parts) > 1:
        return importlib.import_module(".".join(parts).removesuffix(".__init__"))
    spec = importlib.util.spec_from_file_location(f"submission_{path.stem}", path)
    assert spec
    assert spec.loader  # a .py file has one
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


def _cells(path: Path) -> list[list[str]]:
    """Return the lines of each cell of a notebook that has code."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        return ["".join(source).splitlines() for source in code]
    except (ValueError, LookupError, TypeError):
        raise OperandError(
            f"{path.name} is no notebook: it is not JSON with a list of cells, or it is damaged"
        ) from None


def _notebook(path: Path) -> ModuleType:
    """Run the cells of a notebook; one that fails is left behind, as a student does it."""
    module = ModuleType(f"submission_{path.stem}")
    sys.modules[module.__name__] = module
    sys.path.insert(0, str(path.parent))
    first: Exception | None = None
    for lines in _cells(path):
        source = "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!")))
        try:
            exec(compile(source, path.name, "exec"), vars(module))
        except Exception as error:
            first = first or error
    if first and not any(isinstance(x, type) for x in vars(module).values()):
        raise first
    return module
