"""Reading expressions as ``constant + sum of coefficient * variable``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

from nestml_core.expr import Binary, Expr, Ref, Symbol, Unary, symbols_in
from nestml_core.solve.algebra import ONE, ZERO, is_zero, over, plus, scaled, times


@dataclass(frozen=True, slots=True)
class Affine:
    """``constant + sum(coefficient * variable)``; the coefficients are never zero."""

    terms: tuple[tuple[Symbol, Expr], ...]
    constant: Expr

    def coefficient(self, variable: Symbol) -> Expr:
        for symbol, value in self.terms:
            if symbol == variable:
                return value
        return ZERO

    @property
    def factors(self) -> tuple[Expr, ...]:
        return tuple(c for _, c in self.terms)

    @property
    def variables(self) -> tuple[Symbol, ...]:
        return tuple(s for s, _ in self.terms)


def affine(e: Expr, variables: Collection[Symbol]) -> Affine | None:
    """Return ``e`` as an affine form in ``variables``, or None if it is none.

    Coefficients and constant contain none of ``variables``. Sums are walked iteratively.
    """
    terms: dict[Symbol, Expr] = {}
    constant: Expr = ZERO
    waiting: list[tuple[Expr, Expr]] = [(e, ONE)]  # expressions to be added, with their factors
    while waiting:
        part, factor = waiting.pop()
        if isinstance(part, Ref) and part.symbol in variables:
            terms[part.symbol] = plus(terms.get(part.symbol, ZERO), factor)
            continue
        if not any(s in variables for s in symbols_in(part)):
            constant = plus(constant, times(factor, part, part.span))
            continue
        split = _split(part, factor, variables)
        if split is None:
            return None
        waiting.extend(reversed(split))
    found = tuple((s, c) for s, c in terms.items() if not is_zero(c))
    return Affine(found, constant)


def obstacle(e: Expr, variables: Collection[Symbol]) -> Expr | None:
    """Return the first part of ``e`` that keeps it from being affine in ``variables``."""
    waiting = [e]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Ref) or not any(s in variables for s in symbols_in(part)):
            continue
        split = _split(part, ONE, variables)
        if split is None:
            return part
        waiting.extend(p for p, _ in reversed(split))
    return None


def _split(
    part: Expr, factor: Expr, variables: Collection[Symbol]
) -> list[tuple[Expr, Expr]] | None:
    """Return ``factor * part`` as a sum of simpler things, or None if ``part`` is not affine."""

    def free(e: Expr) -> bool:
        return not any(s in variables for s in symbols_in(e))

    match part:
        case Binary("+", left, right):
            return [(left, factor), (right, factor)]
        case Binary("-", left, right):
            return [(left, factor), (right, scaled(Fraction(-1), factor))]
        case Unary("-", operand):
            return [(operand, scaled(Fraction(-1), factor))]
        case Binary("*", left, right) if free(left):
            return [(right, times(factor, left))]
        case Binary("*", left, right) if free(right):
            return [(left, times(factor, right))]
        case Binary("/", left, right) if free(right):
            return [(left, over(factor, right))]
        case _:
            return None
