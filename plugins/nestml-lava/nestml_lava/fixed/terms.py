"""Arithmetic of numbers in fixed point: whole numbers with a binary fraction, and their bounds.

A ``Term`` is an expression whose value is a whole number n; it stands for n / 2^fraction. All
intermediate results fit into 64 bits; where they would not, operands are rounded first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from nestml_core.api import (
    BOOLEAN,
    INTEGER,
    Binary,
    Boolean,
    Call,
    Conditional,
    Expr,
    Unary,
    integer,
)

WORD = 62
"""Bits of the magnitude of an intermediate result."""

Shift: TypeAlias = Callable[[str, Expr, int], Expr]
"""How ``x << n`` and ``x >> n`` are written."""


@dataclass(frozen=True, slots=True)
class Term:
    """``value / 2**fraction``, of a magnitude of at most ``largest``."""

    value: Expr
    fraction: int
    largest: float

    @property
    def bits(self) -> int:
        """Of the magnitude of the whole number."""
        return max(1, math.ceil(math.log2(self.largest * 2.0**self.fraction + 1)))


@dataclass(frozen=True, slots=True)
class Known:
    """A constant."""

    value: float


@dataclass(frozen=True, slots=True)
class Truth:
    """A condition."""

    value: Expr


Number: TypeAlias = Term | Known


def shifted(op: str, x: Expr, n: int) -> Expr:
    """Return ``x << n`` or ``x >> n`` as NESTML writes it."""
    return Binary(op, x, integer(n), INTEGER)


def called(op: str, x: Expr, n: int) -> Expr:
    """Return ``x << n`` or ``x >> n`` as NumPy writes it."""
    name = "np.left_shift" if op == "<<" else "np.right_shift"
    return Call(name, (x, integer(n)), INTEGER)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Operations on terms.

    Attributes
    ----------
    precision : significant bits of constants that are factors
    shift : how shifts are written
    """

    precision: int
    shift: Shift = shifted

    @property
    def writes_numpy(self) -> bool:
        return self.shift is called

    def with_fraction(self, t: Term, fraction: int) -> Term:
        """Return ``t`` with another fraction, rounded to the nearest."""
        move = fraction - t.fraction
        if move == 0:
            return t
        if move > 0:
            return Term(self.shift("<<", t.value, move), fraction, t.largest)
        half = Binary("+", t.value, integer(1 << (-move - 1)), INTEGER)
        largest = t.largest + 2.0 ** (-fraction - 1)
        return Term(self.shift(">>", half, -move), fraction, largest)

    def narrowed(self, t: Term, bits: int) -> Term:
        """Return ``t`` with at most so many bits."""
        return t if t.bits <= bits else self.with_fraction(t, t.fraction - (t.bits - bits))

    def constant(self, value: float, fraction: int) -> Term:
        whole = round(value * 2.0**fraction)
        return Term(integer(whole), fraction, abs(whole) / 2.0**fraction)

    def factor(self, value: float) -> Term:
        """Return a constant to multiply with: as many bits as it needs, ``precision`` at most."""
        if value == 0:
            return Term(integer(0), 0, 0.0)
        fraction = self.precision - 1 - math.floor(math.log2(abs(value)))
        whole = round(value * 2.0**fraction)
        while fraction > 0 and whole % 2 == 0:
            whole //= 2
            fraction -= 1
        while fraction < 0:
            whole *= 2
            fraction += 1
        return Term(integer(whole), fraction, abs(whole) / 2.0**fraction)

    def aligned(self, a: Number, b: Number) -> tuple[Term, Term]:
        """Return both with one fraction, which leaves room for their sum."""
        match a, b:
            case Term(), Known():
                return a, self.beside(a, b)
            case Known(), Term():
                return self.beside(b, a), b
            case Known(), Known():
                return self.factor(a.value), self.factor(b.value)
            case Term(), Term():
                total = a.largest + b.largest + 2.0 ** -min(a.fraction, b.fraction)
                most = WORD - 1 - math.ceil(math.log2(total))
                fraction = min(max(a.fraction, b.fraction), most)
                return self.with_fraction(a, fraction), self.with_fraction(b, fraction)
        raise AssertionError("all combinations are covered")

    def beside(self, t: Term, k: Known) -> Term:
        """Return a constant with the fraction of ``t``."""
        return self.constant(k.value, t.fraction)

    def plus(self, a: Number, b: Number) -> Number:
        match a, b:
            case Known(), Known():
                return Known(a.value + b.value)
            case Known(0.0), _:
                return b
            case _, Known(0.0):
                return a
        a, b = self.finer(a, b), self.finer(b, a)
        x, y = self.aligned(a, b)
        return Term(Binary("+", x.value, y.value, INTEGER), x.fraction, x.largest + y.largest)

    def finer(self, t: Number, k: Number) -> Number:
        """Return ``t`` with a fraction in which the constant ``k`` has its bits, too."""
        if isinstance(t, Known) or isinstance(k, Term) or k.value == 0:
            return t
        wanted = self.factor(k.value).fraction
        most = WORD - 1 - math.ceil(math.log2(t.largest + abs(k.value) + 2.0**-t.fraction))
        return self.with_fraction(t, max(t.fraction, min(wanted, t.fraction + 8, most)))

    def negative(self, a: Number) -> Number:
        match a:
            case Known(value):
                return Known(-value)
            case Term(value, fraction, largest):
                return Term(Unary("-", value, INTEGER), fraction, largest)

    def minus(self, a: Number, b: Number) -> Number:
        match a, b:
            case _, Known(value):
                return self.plus(a, Known(-value))
            case Known(0.0), Term():
                return self.negative(b)
        x, y = self.aligned(self.finer(a, b), self.finer(b, a))
        return Term(Binary("-", x.value, y.value, INTEGER), x.fraction, x.largest + y.largest)

    def times(self, a: Number, b: Number) -> Number:
        match a, b:
            case Known(), Known():
                return Known(a.value * b.value)
            case Known(), _:
                return self.times(b, a)
            case Term(), Known(0.0):
                return Known(0.0)
            case Term(), Known(1.0):
                return a
            case Term(), Known(-1.0):
                return self.negative(a)
            case Term(), Known():
                return self.product(a, self.factor(b.value))
            case Term(), Term():
                return self.product(a, b)
        raise AssertionError("all combinations are covered")

    def product(self, a: Term, b: Term) -> Term:
        room = WORD - 1
        if a.bits + b.bits > room:
            half = room // 2
            a = self.narrowed(a, max(half, room - b.bits))
            b = self.narrowed(b, room - a.bits)
        value = Binary("*", a.value, b.value, INTEGER)
        return Term(value, a.fraction + b.fraction, a.largest * b.largest)

    def chosen(self, condition: Expr, a: Number, b: Number) -> Term:
        x, y = self.aligned(a, b)
        value = Conditional(condition, x.value, y.value, INTEGER)
        return Term(value, x.fraction, max(x.largest, y.largest))

    def extreme(self, function: str, a: Number, b: Number) -> Number:
        """Return ``min`` or ``max``."""
        match a, b:
            case Known(), Known():
                return Known(min(a.value, b.value) if function == "min" else max(a.value, b.value))
            case Known(), _:
                return self.extreme(function, b, a)
            case Term(), Known(value) if math.isinf(value):
                return b if (value < 0) == (function == "min") else a
        x, y = self.aligned(a, b)
        largest = max(x.largest, y.largest)
        return Term(Call(function, (x.value, y.value), INTEGER), x.fraction, largest)

    def magnitude(self, a: Number) -> Number:
        match a:
            case Known(value):
                return Known(abs(value))
            case Term(value, fraction, largest):
                return Term(Call("abs", (value,), INTEGER), fraction, largest)

    def compared(self, op: str, a: Number, b: Number) -> Truth:
        match a, b:
            case Known(), Known():
                return Truth(Boolean(_holds(op, a.value, b.value)))
            case Term(), Known(value) if math.isinf(value):
                return Truth(Boolean(_holds(op, 0.0, value)))
            case Known(value), Term() if math.isinf(value):
                return Truth(Boolean(_holds(op, value, 0.0)))
        x, y = self.aligned(self.finer(a, b), self.finer(b, a))
        return Truth(Binary(op, x.value, y.value, BOOLEAN))


def _holds(op: str, a: float, b: float) -> bool:
    match op:
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
        case _:
            return a != b
