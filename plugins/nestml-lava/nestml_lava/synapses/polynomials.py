"""Polynomials in the state of a synapse, with exact coefficients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TypeAlias

from nestml_core.api import Binary, Call, Expr, Number, Ref, Symbol, Unary, symbols_in

Monomial: TypeAlias = tuple[tuple[Symbol, int], ...]
"""Powers of symbols, by name."""
Polynomial: TypeAlias = Mapping[Monomial, Fraction]

LARGEST_POWER = 8


class NotPolynomial(Exception):
    """An expression is no polynomial; ``where`` is the part that is none."""

    def __init__(self, where: Expr) -> None:
        super().__init__()
        self.where = where


def polynomial(e: Expr, known: Mapping[Symbol, Fraction]) -> Polynomial:
    """Return ``e`` as a polynomial in all symbols that are not ``known``.

    Raises
    ------
    NotPolynomial : it is none.
    """
    match e:
        case Number(value):
            return _constant(Fraction(value))
        case Ref(symbol):
            return _constant(known[symbol]) if symbol in known else {((symbol, 1),): Fraction(1)}
        case Unary("-", operand):
            return scaled(polynomial(operand, known), Fraction(-1))
        case Unary("+", operand):
            return polynomial(operand, known)
        case Binary("+", left, right):
            return plus(polynomial(left, known), polynomial(right, known))
        case Binary("-", left, right):
            return plus(polynomial(left, known), scaled(polynomial(right, known), Fraction(-1)))
        case Binary("*", left, right):
            return times(polynomial(left, known), polynomial(right, known))
        case Binary("/", left, right):
            divisor = constant(polynomial(right, known))
            if divisor:
                return scaled(polynomial(left, known), 1 / divisor)
        case Binary("**", left, right):
            exponent = constant(polynomial(right, known))
            if (
                exponent is not None
                and exponent.denominator == 1
                and 0 <= exponent <= LARGEST_POWER
            ):
                result, base = _constant(Fraction(1)), polynomial(left, known)
                for _ in range(int(exponent)):
                    result = times(result, base)
                return result
    raise NotPolynomial(e)


def constant(p: Polynomial) -> Fraction | None:
    """Return the value of a polynomial without variables."""
    if not p:
        return Fraction(0)
    return p[()] if tuple(p) == ((),) else None


def _constant(value: Fraction) -> Polynomial:
    return {(): value} if value else {}


def scaled(p: Polynomial, factor: Fraction) -> Polynomial:
    return {m: c * factor for m, c in p.items() if c * factor}


def plus(p: Polynomial, q: Polynomial) -> Polynomial:
    total = {m: p.get(m, Fraction(0)) + q.get(m, Fraction(0)) for m in dict.fromkeys((*p, *q))}
    return {m: c for m, c in total.items() if c}


def times(p: Polynomial, q: Polynomial) -> Polynomial:
    total: dict[Monomial, Fraction] = {}
    for m, c in p.items():
        for n, d in q.items():
            powers: dict[Symbol, int] = dict(m)
            for symbol, power in n:
                powers[symbol] = powers.get(symbol, 0) + power
            key = tuple(sorted(powers.items(), key=lambda item: item[0].name))
            total[key] = total.get(key, Fraction(0)) + c * d
    return {m: c for m, c in total.items() if c}


def substituted(p: Polynomial, symbol: Symbol, value: Polynomial) -> Polynomial:
    """Return ``p`` with a polynomial in place of ``symbol``."""
    total: Polynomial = {}
    for m, c in p.items():
        term: Polynomial = _constant(c)
        for s, power in m:
            factor: Polynomial = value if s == symbol else {((s, 1),): Fraction(1)}
            for _ in range(power):
                term = times(term, factor)
        total = plus(total, term)
    return total


def roots(coefficients: list[Fraction]) -> tuple[Fraction, list[int]] | None:
    """Return the leading coefficient and the roots of a polynomial, if all are whole numbers.

    ``coefficients[k]`` belongs to the power k.
    """
    found: list[int] = []
    rest = list(coefficients)
    while len(rest) > 1:
        root = next((r for r in _candidates(rest) if not _value(rest, r)), None)
        if root is None:
            return None
        found.append(root)
        quotient: list[Fraction] = []
        carry = Fraction(0)
        for c in reversed(rest):
            carry = c + carry * root
            quotient.append(carry)
        rest = list(reversed(quotient[:-1]))
    return rest[0], sorted(found)


def _candidates(coefficients: list[Fraction]) -> Iterator[int]:
    """Yield 0, and what the sum of the roots says if all are equal."""
    yield 0
    degree = len(coefficients) - 1
    mean = -coefficients[-2] / coefficients[-1] / degree
    if mean.denominator == 1:
        yield int(mean)
    total = -coefficients[-2] / coefficients[-1]
    if total.denominator == 1:
        yield int(total)


def _value(coefficients: list[Fraction], x: int) -> Fraction:
    return sum((c * x**k for k, c in enumerate(coefficients)), Fraction(0))


def clipped(e: Expr, symbol: Symbol) -> tuple[Expr, Expr | None, Expr | None]:
    """Return what is inside ``min(max(low, e), high)``, where ``symbol`` is, and both bounds."""
    low = high = None
    while isinstance(e, Call) and e.function in ("min", "max") and len(e.arguments) == 2:
        first, second = e.arguments
        inner, bound = (first, second) if symbol in symbols_in(first) else (second, first)
        if e.function == "min":
            high = bound
        else:
            low = bound
        e = inner
    return e, low, high
