"""A GPT of scalars that learns to invent names, at the speed of array code.

- ``names.py``: cities, or the lines of a file; an alphabet; a bigram model to be beaten;
- ``model.py``: the transformer, each weight a Value;
- ``training.py``: its loss compiled, one program for each length of a name; AdamW; invention;
- ``pictures.py``: losses, attention, letters, and a head to step through;
- ``command.py``: all of it, as ``python -m examples.gpt``.
"""
