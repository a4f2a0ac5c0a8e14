"""``python -m scalargrad.grade FILE``: see ``cli.py``."""

from .cli import main

__all__: list[str] = []

if __name__ == "__main__":
    raise SystemExit(main())
