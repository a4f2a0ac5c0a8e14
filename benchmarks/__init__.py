"""How fast scalargrad is, and how small: ``python -m benchmarks`` measures and prints tables.

A suite is a module with a function ``run(rounds)`` that returns a `report.Table`; its name stands
in ``__main__.SUITES``. Engines are measured in processes of their own and in turn (``harness.py``),
on one workload written for any engine (``demo.py``).
"""
