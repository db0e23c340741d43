"""Sums of products of powers: enough algebra to find the rates of two coupled states."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from nestml_core.expr import Binary, Expr, Number, Unary, number
from nestml_core.solve.algebra import over, scaled, times, total
from nestml_core.types import REAL

Powers = tuple[tuple[int, int], ...]
"""(atom, power) pairs of one product, by atom; no power is zero."""

MAX_TERMS = 32
MAX_POWER = 8


@dataclass(frozen=True, slots=True)
class Laurent:
    """``sum of coefficient * product of atom^power``; the coefficients are never zero."""

    terms: tuple[tuple[Powers, Fraction], ...]

    @property
    def is_zero(self) -> bool:
        return not self.terms


ZERO = Laurent(())


def constant(value: Fraction) -> Laurent:
    return Laurent((((), value),)) if value else ZERO


def plus(a: Laurent, b: Laurent, factor: Fraction = Fraction(1)) -> Laurent:
    """Return ``a + factor * b``."""
    sums = dict(a.terms)
    for powers, c in b.terms:
        sums[powers] = sums.get(powers, Fraction(0)) + factor * c
    return Laurent(tuple((p, c) for p, c in sums.items() if c))


def product(a: Laurent, b: Laurent) -> Laurent:
    sums: dict[Powers, Fraction] = {}
    for p, c in a.terms:
        for q, d in b.terms:
            powers = _together(p, q)
            sums[powers] = sums.get(powers, Fraction(0)) + c * d
    return Laurent(tuple((p, c) for p, c in sums.items() if c))


def _together(p: Powers, q: Powers, sign: int = 1) -> Powers:
    sums = dict(p)
    for atom, power in q:
        sums[atom] = sums.get(atom, 0) + sign * power
    return tuple(sorted((a, k) for a, k in sums.items() if k))


def inverse(a: Laurent) -> Laurent | None:
    """Return ``1 / a`` for a single product, else None."""
    if len(a.terms) != 1:
        return None
    ((powers, c),) = a.terms
    return Laurent(((tuple((atom, -k) for atom, k in powers), 1 / c),))


class Atoms:
    """What is not taken apart, numbered in order of appearance."""

    def __init__(self) -> None:
        self.known: dict[Expr, int] = {}

    def read(self, e: Expr) -> Laurent:
        """Return ``e`` as a sum of products of powers of atoms."""
        match e:
            case Number(value):
                return constant(value)
            case Unary("-", operand):
                return plus(ZERO, self.read(operand), Fraction(-1))
            case Binary("+", left, right):
                return plus(self.read(left), self.read(right))
            case Binary("-", left, right):
                return plus(self.read(left), self.read(right), Fraction(-1))
            case Binary("*", left, right):
                return self._bounded(product(self.read(left), self.read(right)), e)
            case Binary("/", left, right):
                below = inverse(self.read(right)) or inverse(self._atom(right))
                assert below is not None
                return self._bounded(product(self.read(left), below), e)
            case Binary("**", base, Number(k)) if k.denominator == 1 and abs(k) <= MAX_POWER:
                return self._power(base, int(k), e)
            case _:
                return self._atom(e)

    def _atom(self, e: Expr) -> Laurent:
        index = self.known.setdefault(e, len(self.known))
        return Laurent(((((index, 1),), Fraction(1)),))

    def _power(self, base: Expr, k: int, whole: Expr) -> Laurent:
        factor = self.read(base)
        if k < 0:
            below = inverse(factor)
            if below is None:
                return self._atom(whole)
            factor = below
        result = constant(Fraction(1))
        for _ in range(abs(k)):
            result = product(result, factor)
        return self._bounded(result, whole)

    def _bounded(self, value: Laurent, whole: Expr) -> Laurent:
        return value if len(value.terms) <= MAX_TERMS else self._atom(whole)

    def expr(self, value: Laurent) -> Expr:
        """Return ``value`` as an expression."""
        names = list(self.known)
        terms: list[Expr] = []
        for powers, c in value.terms:
            above: Expr = number(1)
            below: Expr = number(1)
            for atom, k in powers:
                part = names[atom]
                if abs(k) != 1:
                    part = Binary("**", part, number(abs(k)), REAL)
                if k > 0:
                    above = times(above, part)
                else:
                    below = times(below, part)
            terms.append(scaled(c, over(above, below)))
        return total(terms)


def square_root(value: Laurent) -> Laurent | None:
    """Return r with ``r * r == value``, or None if no sum of products is that."""
    width = 1 + max((atom for powers, _ in value.terms for atom, _ in powers), default=-1)

    def rank(term: tuple[Powers, Fraction]) -> tuple[int, ...]:
        powers = dict(term[0])
        return tuple(powers.get(atom, 0) for atom in range(width))

    lead: Powers = ()
    root, size = ZERO, Fraction(1)  # the largest term of the root
    rest = value
    while not rest.is_zero:
        powers, c = max(rest.terms, key=rank)
        if root.is_zero:
            front = _rational_root(c)
            if front is None or any(k % 2 for _, k in powers):
                return None
            lead, size = tuple((a, k // 2) for a, k in powers), front
            term = Laurent(((lead, size),))
        else:
            term = Laurent(((_together(powers, lead, -1), c / (2 * size)),))
        if len(root.terms) == MAX_POWER:
            return None
        root = plus(root, term)
        rest = plus(value, product(root, root), Fraction(-1))
    return root


def _rational_root(c: Fraction) -> Fraction | None:
    if c < 0:
        return None
    above, below = isqrt(c.numerator), isqrt(c.denominator)
    if above**2 != c.numerator or below**2 != c.denominator:
        return None
    return Fraction(above, below)
