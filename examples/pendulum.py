"""Find the mass and the lengths of a double pendulum from a noisy recording of its motion.

The motion is followed through 100 steps of Runge and Kutta, 25,000 scalars, and the derivative of
each recorded angle by each unknown is exact: through all of these steps, not by differences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from scalargrad import Adam, Value, compile
from scalargrad.compiler import Program
from scalargrad.optim import cosine_decay
from scalargrad.progress import Bar

from .common import digits_that_count, option, parser, report, table

GRAVITY = 9.81
BLUE, ORANGE, GREY = "#2f6fb3", "#d9730d", "#8a939e"
STEPS, DT = 100, 0.03  # 3 seconds
#: In units of the first mass, metres and radians. A motion tells the masses' ratio alone: with
#: both of them doubled it is the same.
NAMES = ("second mass", "first length", "second length", "first angle", "second angle")
TRUTH = (0.5, 1.3, 0.7, 1.5, 2.6)
GUESS = (1.0, 1.0, 1.0)  # of mass and lengths; the angles begin as they were recorded

Array: TypeAlias = NDArray[Any]


# ── the motion, in scalars ──────────────────────────────────────────────────────────────────────


class State(NamedTuple):
    """Two angles from the vertical, and how fast they change."""

    first: Value
    second: Value
    speed1: Value | float = 0.0
    speed2: Value | float = 0.0


def slope(state: State, mass: Value, length1: Value, length2: Value) -> list[Any]:
    """Return how fast the numbers of a state change: two masses on rods without weight.

    Source: Lagrange's equations of the double pendulum, solved for the accelerations.
    """
    first, second, speed1, speed2 = state
    s, c = (first - second).sin(), (first - second).cos()
    swing1, swing2 = length1 * speed1 * speed1, length2 * speed2 * speed2
    pull1, pull2 = GRAVITY * first.sin(), GRAVITY * second.sin()
    both, inertia = 1 + mass, 1 + mass * s * s
    up1 = mass * pull2 * c - mass * s * (swing1 * c + swing2) - both * pull1
    up2 = both * (swing1 * s + pull1 * c - pull2) + mass * swing2 * s * c
    return [speed1, speed2, up1 / (length1 * inertia), up2 / (length2 * inertia)]


def step(state: State, *pendulum: Value) -> State:
    """Return the state a moment later, by the method of Runge and Kutta of order 4."""

    def moved(slopes: Sequence[Any], dt: float) -> State:
        return State(*(x + dt * k for x, k in zip(state, slopes, strict=True)))

    k1 = slope(state, *pendulum)
    k2 = slope(moved(k1, DT / 2), *pendulum)
    k3 = slope(moved(k2, DT / 2), *pendulum)
    k4 = slope(moved(k3, DT), *pendulum)
    mean = [(a + 2 * b + 2 * c + d) / 6 for a, b, c, d in zip(k1, k2, k3, k4, strict=True)]
    return moved(mean, DT)


def motion(unknowns: Sequence[Value]) -> list[Value]:
    """Return both angles after each step, of a pendulum that was let go at rest."""
    *pendulum, first, second = unknowns
    state, angles = State(first, second), []
    for _ in range(STEPS):
        state = step(state, *pendulum)
        angles += state[:2]
    return angles


# ── the fit ─────────────────────────────────────────────────────────────────────────────────────


class Fit(NamedTuple):
    """What the recording says.

    Args:
        found: the unknowns.
        errors: a standard deviation of each, by the derivatives at what was found.
        recorded: the angles, two for each step.
    """

    found: Array
    errors: Array
    recorded: Array


def least_squares(program: Program, recorded: Array, guess: Array, steps: int) -> Array:
    """Search with SciPy's Levenberg-Marquardt, which asks for all derivatives at once."""
    from scipy.optimize import least_squares as search

    with Bar(desc="evaluations") as bar:

        def residuals(numbers: Array) -> Array:
            bar.update()
            return program(parameters=numbers) - recorded

        def jacobian(numbers: Array) -> Array:
            return program.jacobian(wrt="parameters", parameters=numbers)

        return search(residuals, guess, jacobian, method="lm", max_nfev=steps).x


def adam(program: Program, recorded: Array, guess: Array, steps: int) -> Array:
    """Search with the engine's own Adam, by the gradient of the mean squared error."""
    numbers = guess.copy()
    optimizer = Adam(numbers, cosine_decay(0.03, 0.0003, steps))
    for _ in Bar(range(steps), desc="steps"):
        error = program(parameters=numbers) - recorded
        weights = 2 / len(error) * error
        optimizer.step(program.vjp(None, weights, "parameters", parameters=numbers))
    return numbers


SEARCHES: dict[str, Callable[..., Array]] = {"least-squares": least_squares, "adam": adam}


def standard_errors(program: Program, found: Array, recorded: Array) -> Array:
    """Return the square roots of the diagonal of σ² (JᵀJ)⁻¹, with σ² from what is left over."""
    jacobian = program.jacobian(wrt="parameters", parameters=found)
    left = program(parameters=found) - recorded
    variance = left @ left / (len(left) - len(found))
    return np.sqrt(variance * np.linalg.inv(jacobian.T @ jacobian).diagonal())


# ── the pictures ────────────────────────────────────────────────────────────────────────────────


def masses(angles: Array, length1: float, length2: float) -> tuple[Array, Array]:
    """Return where both masses are after each step: an array of x and y for each."""
    first, second = angles.reshape(-1, 2).T
    upper = length1 * np.array([np.sin(first), -np.cos(first)])
    return upper, upper + length2 * np.array([np.sin(second), -np.cos(second)])


def draw(program: Program, fit: Fit, guess: Array, path: Path) -> Path:
    """Draw the angles over time: as recorded, by the guess, and as found."""
    from matplotlib import pyplot

    figure, panes = pyplot.subplots(2, figsize=(7, 4.6), sharex=True, layout="constrained")
    times = DT * np.arange(1, STEPS + 1)
    motions = [program(parameters=numbers).reshape(-1, 2).T for numbers in (guess, fit.found)]
    for angle, ax in enumerate(panes):
        ax.plot(times, fit.recorded[angle::2], ".", color=BLUE, alpha=0.6, label="recorded")
        ax.plot(times, motions[0][angle], "--", color=GREY, label="first guess")
        ax.plot(times, motions[1][angle], color=ORANGE, label="found")
        ax.set_ylabel(NAMES[3 + angle])
        ax.spines[["top", "right"]].set_visible(False)
    panes[0].legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    panes[1].set_xlabel("seconds")
    figure.savefig(path)
    pyplot.close(figure)
    return path


def animate(program: Program, fit: Fit, guess: Array, path: Path) -> Path:
    """Draw the pendulums as they swing: what was recorded, the guess, and what was found."""
    from matplotlib import pyplot
    from matplotlib.animation import FuncAnimation, PillowWriter

    figure, ax = pyplot.subplots(figsize=(4.6, 4.6), layout="constrained")
    reach = 1.1 * max(sum(fit.found[1:3]), sum(guess[1:3]))
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    ax.set_axis_off()
    # The rods of a recording are not known: it is drawn with those that were found.
    swings = [
        (masses(angles, *lengths), line)
        for angles, lengths, line in (
            (
                program(parameters=guess),
                guess[1:3],
                ax.plot([], [], "o--", color=GREY, label="first guess")[0],
            ),
            (
                program(parameters=fit.found),
                fit.found[1:3],
                ax.plot([], [], "o-", color=ORANGE, linewidth=2.5, label="found")[0],
            ),
            (
                fit.recorded,
                fit.found[1:3],
                ax.plot([], [], "o", color=BLUE, markersize=5, label="recorded")[0],
            ),
        )
    ]
    (trail,) = ax.plot([], [], color=ORANGE, alpha=0.35, linewidth=1)
    ax.legend(frameon=False, ncols=3, loc="upper center")

    def frame(k: int) -> list[Any]:
        for (upper, lower), line in swings:
            line.set_data(*np.column_stack([(0.0, 0.0), upper[:, k], lower[:, k]]))
        trail.set_data(*swings[1][0][1][:, : k + 1])
        return []

    film = FuncAnimation(figure, frame, frames=range(0, STEPS, 2), cache_frame_data=False)
    film.save(path, writer=PillowWriter(fps=1 / (2 * DT)))
    pyplot.close(figure)
    return path


# ── the example ─────────────────────────────────────────────────────────────────────────────────


def main(arguments: list[str] | None = None) -> Fit:
    """Run the example; return what was found."""
    options = parser(__doc__.partition("\n")[0], epochs=300)
    noise = option(float, lambda number: 0 <= number <= 1, "a number from 0 to 1")
    options.add_argument("--noise", type=noise, default=0.05, help="radians; default: %(default)s")
    options.add_argument(
        "--search", choices=SEARCHES, default="least-squares", help="of SciPy, or Adam"
    )
    args = options.parse_args(arguments)

    unknowns = [Value(number, label=name) for number, name in zip(TRUTH, NAMES, strict=True)]
    start = perf_counter()
    program = compile(motion(unknowns), [], wrt=unknowns)
    ready = perf_counter() - start
    exact = program(parameters=TRUTH)
    recorded = exact + np.random.default_rng(args.seed).normal(0, args.noise, exact.shape)
    guess = np.array([*GUESS, *recorded[:2]])

    found = SEARCHES[args.search](program, recorded, guess, args.epochs)
    fit = Fit(found, standard_errors(program, found, recorded), recorded)
    rows = zip(NAMES, TRUTH, guess.tolist(), fit.found.tolist(), fit.errors.tolist(), strict=True)
    print(table(["", "true", "first guess", "found", "±"], rows))

    start = perf_counter()
    shape = program.jacobian(wrt="parameters").shape
    seconds = perf_counter() - start
    milliseconds = digits_that_count(1e3 * seconds)
    print(
        f"\n{len(program):,} scalars, compiled in {digits_that_count(ready)} s; their Jacobian of "
        f"{shape[0]} × {shape[1]} takes {milliseconds} ms"
    )
    args.out.mkdir(parents=True, exist_ok=True)
    report(
        [
            draw(program, fit, guess, args.out / "pendulum_angles.png"),
            animate(program, fit, guess, args.out / "pendulum.gif"),
        ]
    )
    return fit


if __name__ == "__main__":
    main()
