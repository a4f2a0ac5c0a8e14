"""Optimisers: how parameters follow their gradients downhill.

>>> x = Value(1.0)
>>> optimizer = SGD([x], learning_rate=0.25)
>>> for _ in range(3):
...     optimizer.zero_grad()
...     (x**2).backward()
...     optimizer.step()
>>> x.data                       # 1 → 0.5 → 0.25 → 0.125
0.125

The parameters of a compiled program are one array, and move in the same way::

    optimizer = SGD(program.parameters, learning_rate=0.25)
    loss, gradient = program.value_and_grad(X)
    optimizer.step(gradient)

What an optimiser cannot do it says when it is made, and a step that fails moves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self, TypeAlias

from .engine import Value, assigned_data
from .errors import DomainError, NonFiniteError, OperandError, SizeError

__all__ = ["SGD", "Adam", "Optimizer", "cosine_decay", "linear_decay"]

#: A step size, or a function that gives it for the number of steps taken so far (0, 1, …).
LearningRate: TypeAlias = "float | Callable[[int], float]"

#: Leaf Values, or an array of NumPy that is changed in place: that of a compiled program.
Parameters: TypeAlias = "Iterable[Value] | Any"

#: A float, or an array of them: the formulas are the same.
Number: TypeAlias = Any


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
        self.parameters: Any = _checked(parameters)
        self.learning_rate: LearningRate = (
            learning_rate if callable(learning_rate) else _rate(learning_rate)
        )
        self.steps = 0
        self._memory: list[Any] = [[0.0] * len(self.parameters) for _ in range(self.memories)]
        if _is_array(self.parameters):
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
        return _rate(rate(self.steps) if callable(rate) else rate)

    def zero_grad(self) -> None:
        """Set all gradients back to 0, since ``backward()`` adds to those of leaves."""
        if not _is_array(self.parameters):
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
        if _is_array(self.parameters):
            self._step_array(gradient, rate)
        else:
            self._step_values(gradient, rate)
        self.steps += 1

    def _step_values(self, gradient: Any, rate: float) -> None:
        own = gradient is None
        gradients = _own_gradients(self.parameters) if own else _floats(gradient).tolist()
        _check_count(len(gradients), len(self.parameters))
        moves = [
            self._update(assigned_data(p), g, rate, *memory)
            for p, g, *memory in zip(self.parameters, gradients, *self._memory, strict=True)
        ]
        for i, ((moved, *_), g) in enumerate(zip(moves, gradients, strict=True)):
            if not math.isfinite(moved):
                raise _not_finite(_named(i, self.parameters[i]), moved, g, rate)
        moved, *self._memory = map(list, zip(*moves, strict=True))
        for p, number in zip(self.parameters, moved, strict=True):
            p.data = number
        Optimizer.steps_of_values += 1

    def _step_array(self, gradient: Any, rate: float) -> None:
        from numpy import errstate, isfinite

        if gradient is None:
            raise SizeError("an optimiser of an array needs the gradient: step(gradient)")
        gradient = _floats(gradient)
        _check_count(len(gradient), len(self.parameters))
        with errstate(all="ignore"):  # an error follows
            moved, *memory = self._update(self.parameters, gradient, rate, *self._memory)
        if not isfinite(moved).all():
            i = int(isfinite(moved).argmin())
            raise _not_finite(_named(i), float(moved[i]), float(gradient[i]), rate)
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
        self._take(_checked(parameters))
        try:
            yield
        finally:
            self._take(own)

    def _take(self, parameters: Any) -> None:
        from numpy import array as as_array

        self.parameters = parameters
        slots = [as_array(slot) for slot in self._memory]
        self._memory = slots if _is_array(parameters) else [slot.tolist() for slot in slots]


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum and weight decay as in PyTorch.

    With the gradient g of parameter p, learning rate η, momentum μ and weight decay λ:

        v ← μ v + g + λ p
        p ← p - η v

    Raises:
        DomainError: μ is not in [0, 1], or η or λ is negative or not finite.
        OperandError: one of them is no number, or there is no option of such a name.

    >>> w = Value(1.0)
    >>> w.grad = 0.5
    >>> SGD([w], learning_rate=0.1).step()
    >>> w.data
    0.95
    """

    memories = 1

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.momentum = _number("momentum", momentum, "from 0 to 1", lambda x: 0 <= x <= 1)
        self.weight_decay = _number("weight_decay", weight_decay)

    def update(self, p: Number, gradient: Number, rate: float, *memory: Number) -> Sequence[Number]:
        """Return the moved parameter and its velocity."""
        (velocity,) = memory
        velocity = self.momentum * velocity + gradient + self.weight_decay * p
        return p - rate * velocity, velocity


class Adam(Optimizer):
    """Adam: steps that adapt to the mean and the size of each parameter's gradient.

    With the gradient g (plus weight decay λ p), decay rates β₁ and β₂, after t steps:

        m ← β₁ m + (1 - β₁) g             p ← p - η m̂ / (√v̂ + ε)
        v ← β₂ v + (1 - β₂) g²            m̂ = m / (1 - β₁ᵗ),  v̂ = v / (1 - β₂ᵗ)

    Source: Kingma and Ba, Adam: a method for stochastic optimization, 2015, algorithm 1.

    Raises:
        DomainError: β₁ or β₂ is not in [0, 1), ε is not positive, η or λ is negative or not finite.
        OperandError: one of them is no number, or there is no option of such a name.

    >>> w = Value(1.0)
    >>> w.grad = 0.5
    >>> Adam([w], learning_rate=0.1).step()
    >>> round(w.data, 6)
    0.9
    """

    memories = 2

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: LearningRate = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate)
        self.betas = _checked_betas(betas)
        self.epsilon = _number("epsilon", epsilon, "greater than 0", lambda x: x > 0)
        self.weight_decay = _number("weight_decay", weight_decay)

    def update(self, p: Number, gradient: Number, rate: float, *memory: Number) -> Sequence[Number]:
        """Return the moved parameter, and the running means of its gradient and of its square."""
        (beta1, beta2), (mean, square), t = self.betas, memory, self.steps + 1
        gradient = gradient + self.weight_decay * p
        mean = beta1 * mean + (1 - beta1) * gradient
        square = beta2 * square + (1 - beta2) * gradient * gradient
        size = (square / (1 - beta2**t)) ** 0.5 + self.epsilon
        return p - rate * (mean / (1 - beta1**t)) / size, mean, square


# ── arguments ───────────────────────────────────────────────────────────────────────────────────


def _is_array(parameters: Any) -> bool:
    return not isinstance(parameters, list)


def _checked(parameters: Any) -> Any:
    """Return the Values as a list without repeats, or the array as it is."""
    if hasattr(parameters, "dtype"):
        if parameters.ndim != 1 or parameters.dtype != float:
            raise OperandError(
                "an optimiser moves the flat array of a program, of float64; got one of shape "
                f"{parameters.shape} and {parameters.dtype}"
            )
        return parameters
    if not isinstance(parameters, Iterable) or isinstance(parameters, Value):
        raise OperandError(
            f"an optimiser moves a list of leaf Values, such as model.parameters(), or the array "
            f"program.parameters; got {parameters!r}"
        )
    values = list(dict.fromkeys(parameters))  # a shared weight moves once
    if not values:
        raise SizeError("an optimiser needs at least one parameter, got none")
    for p in values:
        if not isinstance(p, Value) or p._prev:
            raise OperandError(f"an optimiser moves leaf Values, got {p!r}")
    return values


#: Set in the flags of the code of a function with ``**options``.
_TAKES_ANY = 0x08

_NAMES_OF_TORCH = {"lr": "learning_rate", "eps": "epsilon", "params": "parameters"}


def _number(
    what: str,
    number: Any,
    needed: str = "0 or more",
    fits: Callable[[float], bool] = lambda x: x >= 0,
    *,
    otherwise: str = "",
) -> float:
    """Return an option as a float; what is out of range, infinite or nan is an error."""
    # What NumPy or torch calls a number has a __float__; what float() would parse, a text, has not.
    try:
        x = float(number) if hasattr(number, "__float__") else None
    except (TypeError, ValueError, OverflowError):  # an array of several, an int of many digits
        x = None
    if x is None:
        raise OperandError(f"{what} is a number{otherwise}; got {number!r}")
    if not math.isfinite(x) or not fits(x):
        raise DomainError(f"{what} is a finite number, {needed}, got {x:g}")
    return x


def _checked_betas(betas: Any) -> tuple[float, float]:
    try:
        beta1, beta2 = betas
    except (TypeError, ValueError):
        raise OperandError(
            f"betas is a pair of numbers, such as (0.9, 0.999), got {betas!r}"
        ) from None
    needed = "from 0 to less than 1", lambda x: 0 <= x < 1
    return _number("each of betas", beta1, *needed), _number("each of betas", beta2, *needed)


def _rate(rate: Any) -> float:
    either = ", or a function from the number of steps taken to one"
    return _number("a learning rate", rate, otherwise=either)


def _floats(gradient: Any) -> Any:
    """Return a gradient as a flat array of NumPy."""
    from .samples import reals

    if isinstance(gradient, (list, tuple)):  # `grad` returns Values
        gradient = [g.data if isinstance(g, Value) else g for g in gradient]
    numbers = reals("a gradient is a number for each parameter", gradient)
    if numbers.ndim == 0:
        raise SizeError(
            f"a gradient has a number for each parameter, got {numbers}: the learning rate is an "
            "option of the optimiser, and can be set as optimizer.learning_rate"
        )
    if numbers.ndim != 1:
        raise SizeError(f"a gradient has a number for each parameter, got shape {numbers.shape}")
    return numbers


def _own_gradients(parameters: list[Value]) -> list[float]:
    """Return what the last ``backward()`` left in the Values."""
    gradients = [p.grad for p in parameters]
    for i, g in enumerate(gradients):
        if not isinstance(g, (float, int)) and not hasattr(g, "__float__"):
            raise OperandError(
                f"the gradient of {_named(i, parameters[i])} is {g!r}, and no number: set it to "
                "0.0, or call zero_grad(), before backward()"
            )
    return list(map(float, gradients))


def _named(i: int, p: Value | None = None) -> str:
    return f"parameter {i}" + (f" ({p.label!r})" if p is not None and p.label else "")


def _not_finite(name: str, moved: float, gradient: float, rate: float) -> NonFiniteError:
    if not math.isfinite(gradient):
        return NonFiniteError(f"the gradient of {name} is {gradient}")
    return NonFiniteError(
        f"{name} would become {moved}, by the gradient {gradient:g} and the learning rate {rate:g}"
    )


def _check_count(gradients: int, parameters: int) -> None:
    if gradients != parameters:
        raise SizeError(f"the optimiser moves {parameters} parameters, got {gradients} gradients")


# ── learning-rate schedules: functions from the number of steps taken to a learning rate ────────


def linear_decay(start: float, end: float, steps: int) -> Callable[[int], float]:
    """Return a schedule that goes from ``start`` to ``end`` on a line, and stays there.

    Raises:
        DomainError: ``start`` or ``end`` is negative, or ``steps`` is not positive.

    >>> rate = linear_decay(1.0, 0.1, steps=90)
    >>> rate(0), round(rate(45), 3), rate(1000)
    (1.0, 0.55, 0.1)
    """

    start, end, length = _checked_schedule(start, end, steps)

    def rate(step: int) -> float:
        progress = min(step / length, 1.0)
        return (1 - progress) * start + progress * end

    return _titled(rate, f"linear_decay({start:g}, {end:g}, steps={steps:g})")


def cosine_decay(start: float, end: float, steps: int) -> Callable[[int], float]:
    """Return a schedule that goes from ``start`` to ``end`` on half a cosine, and stays there.

    Source: Loshchilov and Hutter, SGDR: stochastic gradient descent with warm restarts, 2017.

    Raises:
        DomainError: ``start`` or ``end`` is negative, or ``steps`` is not positive.

    >>> rate = cosine_decay(1.0, 0.0, steps=100)
    >>> rate(0), round(rate(50), 3), rate(100)
    (1.0, 0.5, 0.0)
    """
    start, end, length = _checked_schedule(start, end, steps)

    def rate(step: int) -> float:
        return end + (start - end) * (1 + math.cos(math.pi * min(step / length, 1.0))) / 2

    return _titled(rate, f"cosine_decay({start:g}, {end:g}, steps={steps:g})")


def _checked_schedule(start: Any, end: Any, steps: Any) -> tuple[float, float, float]:
    """Check the ends of a schedule, and its length, which may be a fraction."""
    length = _number("the length of a schedule", steps, "greater than 0", lambda x: x > 0)
    return _number("the start of a schedule", start), _number("the end of one", end), length


def _titled(rate: Callable[[int], float], title: str) -> Callable[[int], float]:
    rate.__qualname__ = title  # what the repr of an optimiser shows
    return rate
