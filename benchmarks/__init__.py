"""How fast scalargrad is, and how small: ``python -m benchmarks`` measures and prints tables.

A suite is a module with a function ``run(rounds)`` that returns a `report.Table` or several; its
name stands in ``__main__.SUITES``. Engines are measured in processes of their own and in turn
(``harness.py``), on workloads written for any engine (``demo.py``, ``works.py``); those that
compiled scalars are compared with are in ``peers/``.
"""
