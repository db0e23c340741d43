"""One step of nonlinear equations, of length dt, for a whole population ``v``.

``functions`` evaluate right-hand sides, per ms, at the values they find in a population; ``names``
are the variables they give the slopes of, ``(name, k)`` for an element of a vector. Every function
returns the variables after the step. Lava executes this file for itself when it looks for models:
it imports none of its neighbours.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

SHORTEST = 16 * np.finfo(float).eps
MOST_TRIALS = 100_000


def forward_euler(derivatives: Any, v: Any, active: Any, *names: Any) -> Any:
    """One explicit step."""
    slopes = derivatives(v, active)
    return [_value(v, name) + v.dt * slope for name, slope in zip(names, slopes)]


def rk4(derivatives: Any, v: Any, active: Any, *names: Any) -> Any:
    """One classical Runge-Kutta step."""
    moving = v.copy()
    start = [_value(v, name) for name in names]

    def slopes(h: float, before: Any) -> Any:
        for name, x, k in zip(names, start, before):
            _place(moving, name, x + h * k)
        return derivatives(moving, active)

    k1 = derivatives(v, active)
    k2 = slopes(v.dt / 2, k1)
    k3 = slopes(v.dt / 2, k2)
    k4 = slopes(v.dt, k3)
    return [
        x + v.dt / 6 * (a + 2.0 * b + 2.0 * c + d) for x, a, b, c, d in zip(start, k1, k2, k3, k4)
    ]


def exponential_euler(derivatives: Any, v: Any, active: Any, *names: Any, part: float = 1.0) -> Any:
    """One exponential Euler step of length ``part * dt``.

    Each equation, linearised in its own variable, is solved exactly: Rush & Larsen (1978), IEEE
    Trans. Biomed. Eng. 25:389-392.
    """
    h = part * v.dt
    found = derivatives(v, active)
    slopes, rates = found[: len(names)], found[len(names) :]
    return [_value(v, name) + h * _phi(h * a) * k for name, k, a in zip(names, slopes, rates)]


def rush_larsen(derivatives: Any, v: Any, active: Any, *names: Any) -> Any:
    """The same to second order: linearised around what half a step leads to.

    Sundnes et al. (2009), IEEE Trans. Biomed. Eng. 56:2546-2548.
    """
    middle = v.copy()
    halves = exponential_euler(derivatives, v, active, *names, part=0.5)
    for name, x in zip(names, halves):
        _place(middle, name, x)
    found = derivatives(middle, active)
    slopes, rates = found[: len(names)], found[len(names) :]
    result = []
    for name, half, k, a in zip(names, halves, slopes, rates):
        x = _value(v, name)
        result.append(x + v.dt * _phi(v.dt * a) * (k + a * (x - half)))
    return result


def _phi(z: Any) -> Any:
    """Return ``(exp(z) - 1) / z``, and its limit 1 at zero."""
    return np.where(z == 0.0, 1.0, np.expm1(z) / np.where(z == 0.0, 1.0, z))


# Dormand & Prince (1980), J. Comput. Appl. Math. 6:19-26, table 2 (RK5(4)7M): the coefficients of
# stages 2 to 7, and the solution of order 5 minus that of order 4.
_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


def rk45(derivatives: Any, v: Any, active: Any, *names: Any, **tolerances: float) -> Any:
    """As many steps as needed of Dormand-Prince 5(4), with local extrapolation."""
    slope = _evaluated(derivatives, v, active, *names)

    def trial(x: Any, first: Any, h: Any) -> Any:
        slopes = [first]
        for row in _STAGES:
            new = [xi + h * _weighted(row, [k[i] for k in slopes]) for i, xi in enumerate(x)]
            slopes.append(slope(new))
        errors = [h * _weighted(_ERROR, [k[i] for k in slopes]) for i in range(len(x))]
        return new, slopes[-1], errors

    return _adaptive(slope, trial, -0.2, v, active, *names, **tolerances)


# RODAS: Hairer & Wanner (1996), Solving Ordinary Differential Equations II, IV.7.
_PLACES = (
    (1.544,),
    (0.9466785280815826, 0.2557011698983284),
    (3.314825187068521, 2.896124015972201, 0.9986419139977817),
    (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950),
)
_COUPLINGS = (
    (-5.6688,),
    (-2.430093356833875, -0.2063599157091915),
    (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
    (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
    (
        8.083246795921522,
        -7.981132988064893,
        -31.52159432874371,
        16.31930543123136,
        -6.058818238834054,
    ),
)


def rosenbrock(
    derivatives: Any, linearised: Any, v: Any, active: Any, *names: Any, **tolerances: float
) -> Any:
    """As many steps as needed of RODAS 4(3), which is for stiff equations.

    ``linearised`` evaluates the Jacobian, row by row, behind the right-hand sides.
    """
    n = len(names)
    slope = _evaluated(derivatives, v, active, *names)
    first = _evaluated(linearised, v, active, *names)

    def trial(x: Any, start: Any, h: Any) -> Any:
        w = -np.reshape(start[n:], (n, n, *v.shape))
        for i in range(n):
            w[i, i] += 4.0 / h
        factors = _factorised(w)
        stages = [_solved(factors, start[:n])]
        for i, couplings in enumerate(_COUPLINGS):
            if i < len(_PLACES):
                place = x + _weighted(_PLACES[i], stages)
            else:
                place = place + stages[-1]
            stages.append(_solved(factors, slope(place) + _weighted(couplings, stages) / h))
        return place + stages[-1], None, stages[-1]

    return _adaptive(first, trial, -0.25, v, active, *names, **tolerances)


def _factorised(a: Any) -> Any:
    """Return matrices of shape (n, n, ...) as LU factors, and the order of their rows."""
    n = len(a)
    rows = np.arange(n).reshape(n, *(1,) * (a.ndim - 2))
    order = np.broadcast_to(rows, (n, *a.shape[2:]))
    for k in range(n):
        pivot = k + np.argmax(np.abs(a[k:, k]), axis=0)
        swapped = np.where(rows == k, pivot, np.where(rows == pivot, k, rows))
        a = np.take_along_axis(a, np.broadcast_to(swapped[:, None], a.shape), axis=0)
        order = np.take_along_axis(order, swapped, axis=0)
        a[k + 1 :, k] /= a[k, k]
        a[k + 1 :, k + 1 :] -= a[k + 1 :, k, None] * a[k, k + 1 :]
    return a, order


def _solved(factors: Any, right: Any) -> Any:
    """Return the solutions of linear equations, shape (n, ...), for right-hand sides of that."""
    a, order = factors
    x = np.take_along_axis(np.asarray(right), order, axis=0)
    for i in range(1, len(x)):
        x[i] -= (a[i, :i] * x[:i]).sum(axis=0)
    for i in reversed(range(len(x))):
        x[i] -= (a[i, i + 1 :] * x[i + 1 :]).sum(axis=0)
        x[i] /= a[i, i]
    return x


def _adaptive(
    first: Callable[..., Any],
    trial: Callable[..., Any],
    exponent: float,
    v: Any,
    active: Any,
    *names: Any,
    relative: float,
    absolute: float,
) -> Any:
    """Return the variables ``names`` after dt, by trial steps whose errors control their lengths.

    Each neuron has its own trial steps, so that its result does not depend on its neighbours.
    ``first(x)`` is what is needed to know at the start of a trial step; ``trial`` returns x after
    it, what ``first`` would say there, if that is known, and the error of each element of x.
    """
    x = [np.broadcast_to(_value(v, name), v.shape) for name in names]
    remaining = np.where(active, v.dt, 0.0)
    h = remaining.copy()
    start = first(x)
    trials = 0
    while (running := remaining > 0.0).any():
        new, end, differences = trial(x, start, np.where(running, h, v.dt))
        error = np.zeros(v.shape)
        for xi, ni, difference in zip(x, new, differences):
            scale = absolute + relative * np.maximum(np.abs(xi), np.abs(ni))
            ratio = np.abs(difference) / scale
            error = np.maximum(error, np.where(np.isfinite(ratio + ni), ratio, np.inf))
        accepted = running & (error <= 1.0)
        x = [np.where(accepted, ni, xi) for xi, ni in zip(x, new)]
        remaining = np.where(accepted, remaining - h, remaining)
        if end is None:
            start = first(x)
        else:
            start = [np.where(accepted, e, s) for e, s in zip(end, start)]
        h = h * np.clip(0.9 * error**exponent, 0.2, 5.0)
        trials += 1
        stuck = running & (h < remaining) & ((h < SHORTEST * v.dt) | (trials >= MOST_TRIALS))
        if stuck.any():
            shown = ", ".join(x if isinstance(x, str) else f"{x[0]}[{x[1]}]" for x in names)
            raise FloatingPointError(
                f"{v.name}: {shown} of {v.member} {v.place(stuck)}: no step is "
                f"short enough for the tolerances, in step {v.step_number}"
            )
        h = np.minimum(h, remaining)
    return x


def _evaluated(function: Any, v: Any, active: Any, *names: Any) -> Any:
    """Return ``function`` as one of the values of ``names``."""
    moving = v.copy()

    def evaluate(x: Any) -> Any:
        for name, values in zip(names, x):
            _place(moving, name, values)
        return [np.broadcast_to(values, v.shape) for values in function(moving, active)]

    return evaluate


def _weighted(coefficients: Any, slopes: Any) -> Any:
    return sum(a * k for a, k in zip(coefficients, slopes))


def _value(v: Any, name: Any) -> Any:
    return getattr(v, name) if isinstance(name, str) else getattr(v, name[0])[name[1]]


def _place(v: Any, name: Any, values: Any) -> None:
    if isinstance(name, str):
        setattr(v, name, values)
        return
    vector, k = name
    moved = np.array(np.broadcast_to(getattr(v, vector), (len(getattr(v, vector)), *v.shape)))
    moved[k] = values
    setattr(v, vector, moved)
