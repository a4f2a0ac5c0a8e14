"""What the optimisers share: parameters, learning rate, memory, and steps that move all or none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self, TypeAlias

from ..arguments import assigned_data
from ..engine import Value
from ..errors import OperandError, SizeError
from .arguments import (
    check_count,
    checked,
    checked_rate,
    floats,
    is_flat,
    not_finite,
    own_gradients,
    parameter_name,
)

__all__ = ["LearningRate", "Number", "Optimizer", "Parameters"]

#: A step size, or a function that gives it for the number of steps taken so far (0, 1, …).
LearningRate: TypeAlias = "float | Callable[[int], float]"

#: Leaf Values, or an array of NumPy that is changed in place: that of a compiled program.
Parameters: TypeAlias = "Iterable[Value] | Any"

#: A float, or an array of them: the formulas are the same.
Number: TypeAlias = Any

#: Set in the flags of the code of a function with ``**options``.
_TAKES_ANY = 0x08

_NAMES_OF_TORCH = {"lr": "learning_rate", "eps": "epsilon", "params": "parameters"}


class Optimizer:
    """What the optimisers share: the parameters, the learning rate, the number of steps taken.

    An optimiser of one's own says in `update` how a parameter moves. The formula is used for one
    float after the other, or for all parameters at once as an array.

    >>> class SignDescent(Optimizer):
    ...     def update(self, p, gradient, rate):
    ...         return p - rate * ((gradient > 0) * 1.0 - (gradient < 0) * 1.0),
    >>> w = Value(1.0)
    >>> w.grad = -7.0
    >>> SignDescent([w], learning_rate=0.25).step()
    >>> w.data
    1.25
    """

    #: How many numbers an optimiser remembers for each parameter; they start at 0.
    memories = 0

    #: How many steps have moved Values, of all optimisers: a program may have to fetch them.
    steps_of_values: ClassVar[int] = 0

    def __new__(cls, *_args: Any, **options: Any) -> Self:
        """Refuse options that there are not, such as the names that PyTorch has for them."""
        code = cls.__init__.__code__
        known = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        for name in () if code.co_flags & _TAKES_ANY else options.keys() - {*known}:
            meant = _NAMES_OF_TORCH.get(name)
            hint = f"write {meant}=" if meant in known else f"there are {', '.join(known)}"
            raise OperandError(f"{cls.__name__} has no option {name!r}: {hint}")
        return super().__new__(cls)

    def __init__(self, parameters: Parameters, learning_rate: LearningRate) -> None:
        self.parameters: Any = checked(parameters)
        self.learning_rate: LearningRate = (
            learning_rate if callable(learning_rate) else checked_rate(learning_rate)
        )
        self.steps = 0
        self._memory: list[Any] = [[0.0] * len(self.parameters) for _ in range(self.memories)]
        if is_flat(self.parameters):
            self._memory = [0.0] * self.memories  # they become arrays in the first step

    def __repr__(self) -> str:
        known = {"parameters", "steps"}
        options = ", ".join(
            f"{name}={getattr(option, '__qualname__', repr(option))}"
            for name, option in vars(self).items()
            if not name.startswith("_") and name not in known
        )
        count, steps = len(self.parameters), self.steps
        return (
            f"<{type(self).__name__} of {count} parameter{'s' * (count != 1)}, "
            f"{steps} step{'s' * (steps != 1)} taken: {options}>"
        )

    @property
    def current_learning_rate(self) -> float:
        """The size of the next step."""
        rate = self.learning_rate
        return checked_rate(rate(self.steps) if callable(rate) else rate)

    def zero_grad(self) -> None:
        """Set all gradients back to 0, since ``backward()`` adds to those of leaves."""
        if not is_flat(self.parameters):
            for p in self.parameters:
                p.grad = 0.0

    def update(self, p: Number, gradient: Number, rate: float, *memory: Number) -> Sequence[Number]:
        """Return where a parameter moves, and after it what is to be remembered."""
        raise NotImplementedError(f"{type(self).__name__} has no update()")

    def step(self, gradient: Any = None) -> None:
        """Move each parameter once, by its gradient.

        Args:
            gradient: a number for each parameter, as a list or an array of any library that NumPy
                converts; of Values, by default, their ``grad``.

        Raises:
            SizeError: there are more or fewer numbers than parameters.
            OperandError: they are no numbers.
            NonFiniteError: one of them is infinite or nan, or a parameter would become so.

        After an error all is as it was: each parameter, and the memory of the optimiser.
        """
        rate = self.current_learning_rate
        if is_flat(self.parameters):
            self._step_array(gradient, rate)
        else:
            self._step_values(gradient, rate)
        self.steps += 1

    def _step_values(self, gradient: Any, rate: float) -> None:
        own = gradient is None
        gradients = own_gradients(self.parameters) if own else floats(gradient).tolist()
        check_count(len(gradients), len(self.parameters))
        moves = [
            self._update(assigned_data(p), g, rate, *memory)
            for p, g, *memory in zip(self.parameters, gradients, *self._memory, strict=True)
        ]
        for i, ((moved, *_), g) in enumerate(zip(moves, gradients, strict=True)):
            if not math.isfinite(moved):
                raise not_finite(parameter_name(i, self.parameters[i]), moved, g, rate)
        moved, *self._memory = map(list, zip(*moves, strict=True))
        for p, number in zip(self.parameters, moved, strict=True):
            p.data = number
        Optimizer.steps_of_values += 1

    def _step_array(self, gradient: Any, rate: float) -> None:
        from numpy import errstate, isfinite

        if gradient is None:
            raise SizeError("an optimiser of an array needs the gradient: step(gradient)")
        gradient = floats(gradient)
        check_count(len(gradient), len(self.parameters))
        with errstate(all="ignore"):  # an error follows
            moved, *memory = self._update(self.parameters, gradient, rate, *self._memory)
        if not isfinite(moved).all():
            i = int(isfinite(moved).argmin())
            raise not_finite(parameter_name(i), float(moved[i]), float(gradient[i]), rate)
        self.parameters[:], self._memory = moved, memory

    def _update(self, *numbers: Number) -> Sequence[Number]:
        """Return what `update` does, which may be of one's own."""
        moves = self.update(*numbers)
        if not isinstance(moves, (tuple, list)) or len(moves) != 1 + self.memories:
            raise OperandError(
                f"update() of {type(self).__name__} returns a tuple of the moved parameter and "
                f"what is to be remembered, {self.memories} here; got {moves!r}"
            )
        return moves

    @contextmanager
    def moving(self, parameters: Any) -> Iterator[None]:
        """Move an array in place of the Values, or the other way, as long as a ``with`` lasts.

        Steps and memory go on from the one to the other, and back.
        """
        own = self.parameters
        self._take(checked(parameters))
        try:
            yield
        finally:
            self._take(own)

    def _take(self, parameters: Any) -> None:
        from numpy import array as as_array

        self.parameters = parameters
        slots = [as_array(slot) for slot in self._memory]
        self._memory = slots if is_flat(parameters) else [slot.tolist() for slot in slots]
