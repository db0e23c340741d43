"""Exact values of expressions: rational numbers, and rational combinations of a few variables.

What the chip computes is exact only if what it is given is; floating point has no place here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from nestml_core.api import (
    DT,
    Binary,
    Boolean,
    Call,
    Conditional,
    Constant,
    Definition,
    Expr,
    Number,
    Ref,
    SolvedModel,
    Symbol,
    Unary,
    bottom_up,
)

Exact: TypeAlias = Fraction | float
"""A rational number, or plus or minus infinity (the only floats there are here)."""

COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})
MAX_EXPONENT = 64


@dataclass(frozen=True, slots=True)
class Affine:
    """``constant + sum of factor * symbol``; factors are not zero, symbols in order of mention."""

    constant: Exact
    terms: tuple[tuple[Symbol, Fraction], ...] = ()

    @property
    def is_constant(self) -> bool:
        return not self.terms

    def factor(self, symbol: Symbol) -> Fraction:
        return dict(self.terms).get(symbol, Fraction(0))

    def without(self, symbol: Symbol) -> Affine:
        return Affine(self.constant, tuple(t for t in self.terms if t[0] != symbol))


@dataclass(frozen=True, slots=True)
class Opaque:
    """No exact value: the part of the expression that has none, and why, in words."""

    expr: Expr
    reason: str


Value: TypeAlias = Affine | bool | Opaque


class Scope:
    """What names stand for: the model's constants for one step size and some settings.

    Parameters
    ----------
    tick : the step, in ms
    settings : values that replace the defaults of parameters
    variables : what stays a variable; any other state variable or port has no exact value
    """

    def __init__(
        self,
        model: SolvedModel,
        tick: Fraction,
        settings: Mapping[Symbol, Exact],
        variables: frozenset[Symbol],
    ) -> None:
        self.model = model
        self.tick = tick
        self.settings = settings
        self.variables = variables
        self._known: dict[Symbol, Value] = {}

    def value(self, expr: Expr) -> Value:
        """Return what ``expr`` comes to."""
        return bottom_up(expr, self._combined)

    def _combined(self, e: Expr, operands: tuple[Value, ...]) -> Value:
        match e:
            case Number(value):
                return Affine(value)
            case Constant("inf"):
                return Affine(math.inf)
            case Boolean(value):
                return value
            case Ref(symbol):
                return self._symbol(e, symbol)
            case Conditional():
                return _chosen(e, *operands)
        opaque = next((o for o in operands if isinstance(o, Opaque)), None)
        if opaque is not None:
            return opaque
        match e:
            case Unary(op):
                return _unary(e, op, operands[0])
            case Binary():
                return _binary(e, operands[0], operands[1])
            case Call():
                return _call(e, operands)
        return Opaque(e, "is not a rational number")

    def _symbol(self, e: Expr, symbol: Symbol) -> Value:
        if symbol in self.variables:
            return Affine(Fraction(0), ((symbol, Fraction(1)),))
        if symbol == DT:
            return Affine(self.tick)
        if symbol not in self._known:
            self._known[symbol] = self._constant(e, symbol)
        return self._known[symbol]

    def _constant(self, e: Expr, symbol: Symbol) -> Value:
        if symbol in self.settings:
            return Affine(self.settings[symbol])
        for declaration in self.model.parameters:
            if declaration.symbol == symbol:
                return self.value(declaration.value)
        for derived in self.model.derived:
            if isinstance(derived, Definition) and derived.symbol == symbol:
                return self.value(derived.value)
        return Opaque(e, f"is a {symbol.kind.value}, not a constant")


def exact(value: float) -> Exact:
    """Return the number that a person who wrote ``value`` meant: its shortest decimal text."""
    return Fraction(repr(float(value))) if math.isfinite(value) else float(value)


def decimal(value: Exact) -> str:
    """Return ``value`` as text: decimal if that ends, a fraction otherwise."""
    if not isinstance(value, Fraction):
        return "inf" if value > 0 else "-inf"
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return str(value)
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    digits = str(abs(value.numerator * 10**places // value.denominator)).rjust(places + 1, "0")
    sign = "-" if value < 0 else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


def _chosen(e: Expr, condition: Value, then: Value, otherwise: Value) -> Value:
    if isinstance(condition, bool):
        return then if condition else otherwise
    if isinstance(condition, Opaque):
        return condition
    return Opaque(e, "depends on a condition")


def _unary(e: Expr, op: str, operand: Value) -> Value:
    if op == "not" and isinstance(operand, bool):
        return not operand
    if op == "-" and isinstance(operand, Affine):
        return _scaled(operand, Fraction(-1))
    return Opaque(e, "is not a rational number")


def _binary(e: Binary, left: Value, right: Value) -> Value:
    if isinstance(left, bool) or isinstance(right, bool):
        return _logic(e, left, right)
    assert isinstance(left, Affine)
    assert isinstance(right, Affine)
    if e.op in ("+", "-"):
        return _sum(e, left, right if e.op == "+" else _scaled(right, Fraction(-1)))
    if e.op == "*" and (left.is_constant or right.is_constant):
        return _product(e, left, right) if right.is_constant else _product(e, right, left)
    if e.op == "/" and right.is_constant and right.constant != 0:
        inverse = 1 / right.constant if isinstance(right.constant, Fraction) else Fraction(0)
        return _product(e, left, Affine(inverse))
    if left.is_constant and right.is_constant:
        return _of_numbers(e, left.constant, right.constant)
    variables = " and ".join(f"`{s.name}`" for s, _ in (*left.terms, *right.terms)[:1])
    return Opaque(e, f"is not a linear function of {variables}")


def _logic(e: Binary, left: Value, right: Value) -> Value:
    if isinstance(left, bool) and isinstance(right, bool):
        match e.op:
            case "and":
                return left and right
            case "or":
                return left or right
            case "==":
                return left is right
            case "!=":
                return left is not right
    return Opaque(e, "depends on a condition")


def _scaled(value: Affine, by: Fraction) -> Affine:
    return Affine(value.constant * by, tuple((s, f * by) for s, f in value.terms))


def _sum(e: Expr, left: Affine, right: Affine) -> Value:
    constant = left.constant + right.constant
    if math.isnan(constant):
        return Opaque(e, "is not a number")
    factors = dict(left.terms)
    for symbol, factor in right.terms:
        factors[symbol] = factors.get(symbol, Fraction(0)) + factor
    return Affine(constant, tuple((s, f) for s, f in factors.items() if f))


def _product(e: Expr, value: Affine, by: Affine) -> Value:
    """Return ``value * by``; ``by`` is a constant."""
    number = by.constant
    if isinstance(number, Fraction) and isinstance(value.constant, Fraction):
        return _scaled(value, number) if number else Affine(Fraction(0))
    if value.is_constant and number != 0 and value.constant != 0:
        return Affine(value.constant * number)
    return Opaque(e, "is not a number")


def _of_numbers(e: Binary, a: Exact, b: Exact) -> Value:
    match e.op:
        case "<":
            return a < b
        case "<=":
            return a <= b
        case ">":
            return a > b
        case ">=":
            return a >= b
        case "==":
            return a == b
        case "!=":
            return a != b
    if not isinstance(a, Fraction) or not isinstance(b, Fraction):
        return Opaque(e, "is not a number")
    match e.op:
        case "//" if b:
            return Affine(Fraction(math.trunc(a / b)))
        case "%" if b:
            return Affine(a - b * math.trunc(a / b))
        case "**" if b.denominator == 1 and abs(b) <= MAX_EXPONENT and (a or b >= 0):
            return Affine(a ** int(b))
    return Opaque(e, "is not a rational number")


def _call(e: Call, operands: tuple[Value, ...]) -> Value:
    numbers = [o.constant for o in operands if isinstance(o, Affine) and o.is_constant]
    if len(numbers) != len(operands):
        return Opaque(e, "is not a linear function")
    match e.function, numbers:
        case "min", [a, b]:
            return Affine(min(a, b))
        case "max", [a, b]:
            return Affine(max(a, b))
        case "abs", [a]:
            return Affine(max(a, -a))
        case "ceil", [Fraction() as a]:
            return Affine(Fraction(math.ceil(a)))
        case "floor", [Fraction() as a]:
            return Affine(Fraction(math.floor(a)))
        case "truncate", [Fraction() as a]:
            return Affine(Fraction(math.trunc(a)))
        case "round", [Fraction() as a]:
            return Affine(Fraction(_rounded(a)))
    return Opaque(e, "is not a rational number")


def _rounded(x: Fraction) -> int:
    """Return the nearest whole number, halves away from zero."""
    nearest = math.floor(abs(x) + Fraction(1, 2))
    return nearest if x >= 0 else -nearest
