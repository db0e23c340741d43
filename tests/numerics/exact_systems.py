"""Matrix exponentials with 60 digits, and what a solved model makes of them in double precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mpmath

from nestml_core.experiment import Experiment, schedule
from nestml_core.expr import Binary, Call, Constant, Expr, Number, Ref, Symbol, Unary
from nestml_core.reference import evaluate
from nestml_core.reference.instance import Instance
from nestml_core.solve.affine import affine
from nestml_core.solved import SolvedModel, Update

DIGITS = 60

FUNCTIONS = {
    "exp": mpmath.exp,
    "ln": mpmath.log,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "max": max,
    "min": min,
}


def exact_value(e: Expr, values: Mapping[Symbol, Any]) -> mpmath.mpf:
    """Return the value of ``e`` where its symbols have exactly the given doubles."""
    match e:
        case Number(value):
            return mpmath.mpf(value.numerator) / value.denominator
        case Constant(name):
            return {"e": mpmath.e, "pi": mpmath.pi}[name]
        case Ref(symbol):
            return mpmath.mpf(values[symbol])
        case Unary("-", operand):
            return -exact_value(operand, values)
        case Call(name, arguments):
            return FUNCTIONS[name](*(exact_value(a, values) for a in arguments))
        case Binary(op, left, right):
            a, b = exact_value(left, values), exact_value(right, values)
            return {
                "+": lambda: a + b,
                "-": lambda: a - b,
                "*": lambda: a * b,
                "/": lambda: a / b,
                "**": lambda: a**b,
            }[op]()
    raise AssertionError(f"no exact value of {e}")


@dataclass(frozen=True)
class Entries:
    """``value[i, j]`` of P and D side by side, and the natural scale of each.

    The scale of an entry of ``exp(M h)`` is ``sum over k of |exp(M (h - s))_ik| |exp(M s)_kj|``,
    the larger one of s = h/2 and s = h/3: what flows from j to i through every state k at that
    time, without regard to sign. (Two times, as an oscillation may vanish at one of them.) It is
    the entry itself where nothing cancels, follows a change of units of the variables as the
    entry does, and is what any method that composes the step of shorter ones subtracts from.
    """

    value: mpmath.matrix
    scale: mpmath.matrix


def exact_entries(matrix: mpmath.matrix, h: float) -> Entries:
    """Return ``[P D]`` for ``x' = matrix x + b``: the upper half of exp([[A, 1], [0, 0]] h)."""
    n = matrix.rows
    with mpmath.workdps(DIGITS):
        low = min([matrix[i, i] for i in range(n)] + [mpmath.mpf(0)])
        part = mpmath.zeros(2 * n)
        for i in range(2 * n):
            for j in range(n):
                if i < n:
                    part[i, j] = matrix[i, j] * mpmath.mpf(h) / 6
            if i < n:
                part[i, n + i] = mpmath.mpf(h) / 6
            part[i, i] -= low * mpmath.mpf(h) / 6  # nothing cancels in what follows
        size = int(mpmath.log10(1 + mpmath.mnorm(part, 1)))
        with mpmath.workdps(DIGITS + 10 + 2 * size):
            sixth = mpmath.expm(part, method="taylor") * mpmath.exp(low * mpmath.mpf(h) / 6)
            third = sixth * sixth
            half, rest = sixth * third, third * third
            scales = half.apply(abs) * half.apply(abs), rest.apply(abs) * third.apply(abs)
            scale = mpmath.matrix(n, 2 * n)
            for i in range(n):
                for j in range(2 * n):
                    scale[i, j] = max(s[i, j] for s in scales)
            return Entries((half * half)[:n, :], scale)


def worst_error(
    updates: tuple[Update, ...],
    order: tuple[Symbol, ...],
    exact: Entries,
    drive: list[mpmath.mpf],
    values: Mapping[Symbol, Any],
) -> float:
    """Return the largest error of an entry of ``updates``, relative to its natural scale.

    Parameters
    ----------
    order : the variables of the rows and columns of ``exact``; ``updates`` are those of the first
    drive : of each of ``order``
    values : of all constants
    """
    n = len(order)
    worst = 0.0
    for i, update in enumerate(updates):
        form = affine(update.value, order)
        assert form is not None
        for j, x in enumerate(order):
            got = evaluate(form.coefficient(x), values).value
            worst = max(worst, _error(got, exact.value[i, j], exact.scale[i, j]))
        with mpmath.workdps(DIGITS):
            want = sum(exact.value[i, n + j] * b for j, b in enumerate(drive))
            scale = sum(exact.scale[i, n + j] * abs(b) for j, b in enumerate(drive))
        got = evaluate(form.constant, values).value
        worst = max(worst, _error(got, want, scale))
    return worst


def _error(got: Any, want: mpmath.mpf, scale: mpmath.mpf) -> float:
    assert got is not None
    if scale == 0:
        return 0.0 if got == 0 else float("inf")
    with mpmath.workdps(DIGITS):
        return float(abs(mpmath.mpf(got) - want) / scale)


class ValuesOf(dict[Symbol, Any]):
    """The values of an instance; those that are set here come first."""

    def __init__(self, instance: Instance) -> None:
        super().__init__()
        self.instance = instance

    def __missing__(self, symbol: Symbol) -> Any:
        return self.instance.values[self.instance.slots.at(symbol)]


def model_error(model: SolvedModel, parameters: Mapping[Symbol, Any], dt: float) -> float:
    """Return the largest error of all propagators of ``model`` (0 if it has none).

    Parameters
    ----------
    parameters : in ms, which is their declared unit
    """
    given = {x.name: value for x, value in parameters.items()}
    laid = schedule(Experiment(duration=dt, dt=dt, parameters=given), model)
    assert laid.value is not None, laid.diagnostics
    instance = Instance(model, laid.value)
    known = ValuesOf(instance)
    state = [x for d in model.state for x in (d.symbol.elements or (d.symbol,))]
    known |= dict.fromkeys(state, 0.75)
    known |= dict.fromkeys((c.symbol for c in model.continuous_ports), -1.25)
    known |= dict.fromkeys((d.symbol for d in model.delays), 0.5)
    rows = {
        z: (c.states, row)
        for c in model.convolutions
        for z, row in zip(c.states, c.matrix, strict=True)
    }
    worst = 0.0
    with mpmath.workdps(DIGITS):
        for c in model.convolutions:
            exact = exact_entries(_matrix(c.states, rows, known), dt)
            worst = max(worst, worst_error(c.updates, c.states, exact, [], known))
        for flow in model.flows:
            s = flow.linear
            if s is None:
                continue
            order = s.variables + s.companions
            own = rows | {v: (order, row) for v, row in zip(s.variables, s.matrix, strict=True)}
            exact = exact_entries(_matrix(order, own, known), dt)
            drive = [exact_value(b, known) for b in s.drive]
            worst = max(worst, worst_error(s.updates, order, exact, drive, known))
    return worst


def _matrix(
    order: tuple[Symbol, ...],
    rows: Mapping[Symbol, tuple[tuple[Symbol, ...], tuple[Expr, ...]]],
    values: Mapping[Symbol, Any],
) -> mpmath.matrix:
    matrix = mpmath.zeros(len(order))
    for i, v in enumerate(order):
        columns, row = rows[v]
        for w, e in zip(columns, row, strict=True):
            if w in order:
                matrix[i, order.index(w)] = exact_value(e, values)
    return matrix
