"""Linear functions of state variables, with numbers for all constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nestml_core.api import (
    Binary,
    Expr,
    Ref,
    Symbol,
    Unary,
    bottom_up,
    evaluate,
    is_random,
    symbols_in,
)


@dataclass(frozen=True, slots=True)
class Affine:
    """``constant + sum of factor * symbol``; no factor is 0."""

    constant: float
    factors: tuple[tuple[Symbol, float], ...] = ()

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        return tuple(s for s, _ in self.factors)

    def factor(self, symbol: Symbol) -> float:
        return dict(self.factors).get(symbol, 0.0)

    def scaled(self, by: float) -> Affine:
        return Affine(self.constant * by, tuple((s, f * by) for s, f in self.factors if f * by))

    def plus(self, other: Affine) -> Affine:
        total = dict(self.factors)
        for s, f in other.factors:
            total[s] = total.get(s, 0.0) + f
        kept = tuple((s, f) for s, f in total.items() if f)
        return Affine(self.constant + other.constant, kept)


def constant(expr: Expr, values: Mapping[Symbol, Any]) -> float | None:
    """Return the value of ``expr`` if it reads nothing but what ``values`` has."""
    if any(s not in values for s in symbols_in(expr)):
        return None
    if is_random(expr):
        return None
    found = evaluate(expr, values).value
    return None if found is None or isinstance(found, str) else float(found)


def affine(expr: Expr, values: Mapping[Symbol, Any]) -> Affine | Expr:
    """Return ``expr`` as a linear function of what ``values`` lacks, or the part that is none."""
    return bottom_up(expr, lambda e, operands: _combined(e, operands, values))


def _combined(
    e: Expr, operands: tuple[Affine | Expr, ...], values: Mapping[Symbol, Any]
) -> Affine | Expr:
    if isinstance(e, Ref) and e.symbol not in values:
        return Affine(0.0, ((e.symbol, 1.0),))
    known = constant(e, values)
    if known is not None:
        return Affine(known)
    parts = [o for o in operands if isinstance(o, Affine)]
    if len(parts) < len(operands):
        return next(o for o in operands if not isinstance(o, Affine))
    match e, parts:
        case Unary("-"), [a]:
            return a.scaled(-1.0)
        case Binary("+"), [a, b]:
            return a.plus(b)
        case Binary("-"), [a, b]:
            return a.plus(b.scaled(-1.0))
        case Binary("*"), [a, b] if not a.factors:
            return b.scaled(a.constant)
        case Binary("*"), [a, b] if not b.factors:
            return a.scaled(b.constant)
        case Binary("/"), [a, b] if not b.factors and b.constant:
            return a.scaled(1.0 / b.constant)
    return e
