"""Export: a program as one file of another language, or of Python without scalargrad.

1. ``statements.py`` reads a tape, and ``folding.py`` finds the loops in it;
2. ``lines.py`` writes them as lines, forward and backward, with the table's texts in the notation
   of a language (``../../notations.py``);
3. ``python.py``, ``c.py`` and ``javascript.py`` put a file around the lines; ``language.py`` says
   what each of them has to know, and ``write.py`` chooses one.
"""

from .write import LANGUAGES, LARGEST, export, written

__all__ = ["LANGUAGES", "LARGEST", "export", "written"]
