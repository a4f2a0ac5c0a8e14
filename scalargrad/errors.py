"""The errors of scalargrad: every one also is the built-in error that Python users expect.

ScalargradError
├── OperandError         (TypeError)          a wrong type where a scalar is needed
├── DomainError          (ValueError)         log of a negative, and the like
├── DivisionByZeroError  (ZeroDivisionError)  x / 0, 0 to a negative power
├── RangeError           (OverflowError)      a result beyond the largest float
├── NonFiniteError       (ArithmeticError)    a loss or gradient that became infinite or nan
├── ChoiceError          (ValueError)         a name that is none of those to choose from
├── SizeError            (ValueError)         counts, shapes or labels that do not fit together
├── CheckpointError      (ValueError)         a file of parameters that is damaged
├── TextError            (ValueError)         a text of the table that cannot be read or written
└── GradientError        (AssertionError)     a gradient check that failed
"""

__all__ = [
    "CheckpointError",
    "ChoiceError",
    "DivisionByZeroError",
    "DomainError",
    "GradientError",
    "NonFiniteError",
    "OperandError",
    "RangeError",
    "ScalargradError",
    "SizeError",
    "TextError",
]


class ScalargradError(Exception):
    """Base of all errors that scalargrad raises on purpose."""


class OperandError(ScalargradError, TypeError):
    """Something that is not a real number or a Value stands where a scalar is needed."""


class DomainError(ScalargradError, ValueError):
    """An operation is not defined for the number that it got, or an option is out of range."""


class DivisionByZeroError(ScalargradError, ZeroDivisionError):
    """A division by zero, or zero to a negative power."""


class RangeError(ScalargradError, OverflowError):
    """A result is larger than the largest float."""


class NonFiniteError(ScalargradError, ArithmeticError):
    """A loss, a gradient or a parameter in training is infinite or not a number."""


class ChoiceError(ScalargradError, ValueError):
    """A name is none of those that can be chosen."""


class SizeError(ScalargradError, ValueError):
    """Counts, lengths, shapes or labels do not fit together."""


class CheckpointError(ScalargradError, ValueError):
    """A file of saved parameters is damaged, or is of another kind."""


class GradientError(ScalargradError, AssertionError):
    """A gradient differs from its numerical estimate."""


class TextError(ScalargradError, ValueError):
    """A text of the table of primitives holds something that it cannot be read or written with."""
