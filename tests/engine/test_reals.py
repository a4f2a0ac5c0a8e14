"""Arrays of real numbers: what is none is named, and nothing is lost without a word."""

from __future__ import annotations

import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scalargrad import MLP, SGD, Value, check_gradients, compile, fit
from scalargrad.errors import OperandError
from scalargrad.functional import mse
from scalargrad.reals import reals

#: What is no array of real numbers, and what the error says of it.
REFUSED: dict[str, tuple[Any, str]] = {
    "None": ([1.0, None], "it holds None in row 1: leave out what is missing, or fill it in"),
    "text": ([1.0, "2"], "it holds texts, such as '2': turn them into numbers first"),
    "complex": (np.array([1j]), "it holds complex128, and not real numbers"),
    "complex object": (np.array([1j, 1], object), "it holds complex 1j, and not real numbers"),
    "dates": (np.array(["2020-01-01"], "M8[D]"), r"it holds datetime64\[D\], and not real"),
    "a date": ([datetime.date(2020, 1, 1)], "it holds date datetime.date.*, and not real numbers"),
    "ragged": ([[1.0], [1.0, 2.0]], "it holds lists of different lengths$"),
    "ragged inside": ([[[1.0], [2.0, 3.0]]], "it holds lists of different lengths$"),
    "lists as objects": (np.array([[1], [1, 2]], object), r"it holds list \[1\], and not real"),
    "set": ({1.0, 2.0}, r"it holds set \{1.0, 2.0\}, and not real numbers"),
    "dict": ({"x": 1.0}, r"it holds dict \{'x': 1.0\}, and not real numbers"),
    "generator": ((x for x in (1.0, 2.0)), "it holds generator .*, and not real numbers"),
    "function": (len, "it holds builtin_function_or_method .*, and not real numbers"),
    "masked": (np.ma.array([1.0, 2.0], mask=[False, True]), "it has masked places: leave out"),
    "pandas' missing": ([1.0, pd.NA], "it holds NAType <NA>, and not real"),
    "Values": ([Value(1.0)], "loses its gradient if it becomes a float: .* value.data"),
    "a large int": ([10**400], "int too large to convert to float"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_array_of_real_numbers_is_named(name: str) -> None:
    numbers, message = REFUSED[name]
    with pytest.raises(OperandError, match=f"^needs numbers: .*{message}"):
        reals("needs numbers", numbers)


@pytest.mark.parametrize(
    "numbers",
    [
        [1, 2], (1.0, 2.0), [True, 2], range(1, 3), np.array([1, 2], np.uint8),
        np.array([1.0, 2.0], np.float32), np.array([1, 2.0], object), [Fraction(1), Decimal(2)],
        pd.Series([1.0, 2.0]), np.ma.array([1.0, 2.0]), np.ma.array([1.0, 2.0], mask=False),
        np.array([1.0, 2.0], ">f8"),
    ],
)  # fmt: skip
def test_real_numbers_of_any_kind_become_floats(numbers: Any) -> None:
    found = reals("needs numbers", numbers)
    assert type(found) is np.ndarray
    assert (found.dtype, found.tolist()) == (float, [1.0, 2.0])


def test_masked_places_are_refused_wherever_data_come_in() -> None:
    masked = np.ma.array([[1.0], [2.0]], mask=[[False], [True]])
    x = Value(0.0)
    with pytest.raises(OperandError, match="masked"):
        compile(x * x, [x])(masked)
    model = MLP(1, [1], seed=0)
    with pytest.raises(OperandError, match="X has masked places"):
        fit(model, mse, (masked, [1.0, 2.0]), SGD(model.parameters()), progress=False)


def test_samples_of_a_program_that_is_checked_are_real_numbers() -> None:
    x, w = Value(0.0), Value(2.0)
    program = compile(x * w, [x], wrt=[w])
    with pytest.raises(OperandError, match=r"it holds dict .*, and not real numbers"):
        check_gradients(program, {"x": 1.0})  # type: ignore[dict-item]
