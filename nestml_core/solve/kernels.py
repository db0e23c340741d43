"""Kernels as linear systems: what a convolution has to keep between spikes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import factorial

from nestml_core.expr import (
    Binary,
    Call,
    Constant,
    Expr,
    Number,
    Ref,
    Symbol,
    Unary,
    number,
    symbols_in,
)
from nestml_core.model import Kernel
from nestml_core.solve.affine import affine
from nestml_core.solve.algebra import ONE, ZERO, is_zero, over, plus, scaled, times, total
from nestml_core.solved import TIME

MAX_POWER = 16


@dataclass(frozen=True, slots=True)
class Response:
    """A kernel as ``K(t) = output . z(t)`` with ``z' = matrix z``, ``z(0) = initial``.

    ``names`` tells the states apart: the suffixes of their symbols.
    """

    names: tuple[str, ...]
    matrix: tuple[tuple[Expr, ...], ...]
    initial: tuple[Expr, ...]
    output: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """``factor * t^power * exp(rate * t)``."""

    factor: Expr
    power: int
    rate: Expr


def response(kernel: Kernel) -> Response | None:
    """Return the linear system of a kernel, or None if it has none with constant coefficients.

    A function of time is a sum of ``c t^k exp(a t)``; for each rate a one chain of states
    ``z_0' = a z_0``, ``z_k' = a z_k + z_(k-1)`` holds ``t^k / k! exp(a t)``, and a spike moves
    z_0 only. The delta function has no states and is not for this function.
    """
    if kernel.value is not None:
        terms = exponential_polynomial(kernel.value)
        return None if terms is None else _chains(terms)
    return _system(kernel)


def exponential_polynomial(e: Expr) -> tuple[Term, ...] | None:
    """Return ``e`` as a sum of terms ``c t^k exp(a t)``, or None."""
    if TIME not in symbols_in(e):
        return (Term(e, 0, ZERO),)
    match e:
        case Ref():
            return (Term(ONE, 1, ZERO),)
        case Unary("-", operand):
            return _scale(exponential_polynomial(operand), number(-1))
        case Binary("+", left, right):
            return _add(exponential_polynomial(left), exponential_polynomial(right))
        case Binary("-", left, right):
            negative = _scale(exponential_polynomial(right), number(-1))
            return _add(exponential_polynomial(left), negative)
        case Binary("*", left, right):
            return _multiply(exponential_polynomial(left), exponential_polynomial(right))
        case Binary("/", left, right) if TIME not in symbols_in(right):
            terms = exponential_polynomial(left)
            if terms is None:
                return None
            return tuple(Term(over(t.factor, right), t.power, t.rate) for t in terms)
        case Binary("**", base, Number(k)) if k.denominator == 1 and 0 <= k <= MAX_POWER:
            result: tuple[Term, ...] | None = (Term(ONE, 0, ZERO),)
            for _ in range(int(k)):
                result = _multiply(result, exponential_polynomial(base))
            return result
        case Binary("**", Constant("e"), exponent) | Call("exp", (exponent,)):
            form = affine(exponent, (TIME,))
            if form is None:
                return None
            front: Expr = ONE if is_zero(form.constant) else Call("exp", (form.constant,))
            return (Term(front, 0, form.coefficient(TIME)),)
        case _:
            return None


def _scale(terms: tuple[Term, ...] | None, factor: Expr) -> tuple[Term, ...] | None:
    if terms is None:
        return None
    return tuple(Term(times(factor, t.factor), t.power, t.rate) for t in terms)


def _add(a: tuple[Term, ...] | None, b: tuple[Term, ...] | None) -> tuple[Term, ...] | None:
    return None if a is None or b is None else a + b


def _multiply(a: tuple[Term, ...] | None, b: tuple[Term, ...] | None) -> tuple[Term, ...] | None:
    if a is None or b is None:
        return None
    return tuple(
        Term(times(x.factor, y.factor), x.power + y.power, plus(x.rate, y.rate))
        for x in a
        for y in b
    )


def _chains(terms: tuple[Term, ...]) -> Response:
    rates: dict[Expr, dict[int, Expr]] = {}
    for t in terms:
        powers = rates.setdefault(t.rate, {})
        powers[t.power] = plus(powers.get(t.power, ZERO), t.factor)
    names: list[str] = []
    initial: list[Expr] = []
    output: list[Expr] = []
    cells: dict[tuple[int, int], Expr] = {}
    for r, (rate, powers) in enumerate(rates.items()):
        for k in range(max(powers) + 1):
            i = len(names)
            names.append(f"{r}_{k}" if len(rates) > 1 or max(powers) else "")
            cells[i, i] = rate
            if k:
                cells[i, i - 1] = ONE
            initial.append(ZERO if k else ONE)
            output.append(scaled(Fraction(factorial(k)), powers.get(k, ZERO)))
    n = range(len(names))
    matrix = tuple(tuple(cells.get((i, j), ZERO) for j in n) for i in n)
    return Response(tuple(names), matrix, tuple(initial), tuple(output))


def _system(kernel: Kernel) -> Response | None:
    variables: list[Symbol] = []
    derivatives: list[Expr] = []
    for ode in kernel.equations:
        variables += ode.variables
        derivatives += [Ref(s, s.type) for s in ode.variables[1:]]
        derivatives.append(ode.value)
    forms = [affine(d, variables) for d in derivatives]
    matrix: list[tuple[Expr, ...]] = []
    for form in forms:
        if form is None or not is_zero(form.constant):
            return None
        matrix.append(tuple(form.coefficient(v) for v in variables))
    values = dict(kernel.initial)
    main = kernel.equations[0].variables[0]
    names = tuple("" if v == main else v.identifier for v in variables)
    initial = tuple(values[v] for v in variables)
    output = tuple(ONE if v == main else ZERO for v in variables)
    return Response(names, tuple(matrix), initial, output)


def value(output: tuple[Expr, ...], states: tuple[Symbol, ...]) -> Expr:
    """Return ``output . states``."""
    return total(times(c, Ref(s, s.type)) for c, s in zip(output, states, strict=True))
