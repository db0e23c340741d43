"""Sums and products of expressions, with exact numbers folded as they meet."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from nestml_core.expr import Binary, Call, Expr, Number, Ref, Unary, number, rewrite
from nestml_core.source import NOWHERE, Span
from nestml_core.types import REAL, Base

ZERO = number(0)
ONE = number(1)


_PLAIN = Fraction(1)
"""No factor: recognised by identity, as nearly every product has none."""


def is_zero(e: Expr) -> bool:
    return e is ZERO or (isinstance(e, Number) and not e.value)


def is_one(e: Expr) -> bool:
    return isinstance(e, Number) and e.value == 1


def _value(e: Expr) -> Fraction | None:
    return e.value if isinstance(e, Number) else None


def coefficient(e: Expr) -> tuple[Fraction, Expr]:
    """Return ``e`` as an exact number times an expression that has none in front."""
    if isinstance(e, Ref):
        return _PLAIN, e
    match e:
        case Number(value):
            return value, ONE
        case Unary("-", operand):
            c, rest = coefficient(operand)
            return -c, rest
        case Binary("*", Number(value), right):
            return value, right
        case Binary("/", Number(value), right) if value != 1:
            return value, Binary("/", ONE, right, REAL, e.span)
        case _:
            return _PLAIN, e


def _multiplied(a: Fraction, b: Fraction) -> Fraction:
    return a if b is _PLAIN else b if a is _PLAIN else a * b


def scaled(c: Fraction, e: Expr, span: Span = NOWHERE) -> Expr:
    """Return ``c * e``."""
    own, rest = coefficient(e)
    c = _multiplied(c, own)
    if c is _PLAIN:
        return number(1, span) if is_one(rest) else rest
    if not c:
        return number(0, span)
    if is_one(rest):
        return number(c, span)
    if c == 1:
        return rest
    if isinstance(rest, Binary) and rest.op == "/" and is_one(rest.left):
        return Binary("/", number(c), rest.right, REAL, span)
    if c == -1:
        return Unary("-", rest, REAL, span)
    return Binary("*", number(c), rest, REAL, span)


def times(a: Expr, b: Expr, span: Span = NOWHERE) -> Expr:
    ca, ra = coefficient(a)
    cb, rb = coefficient(b)
    if is_one(ra) or is_one(rb):
        return scaled(_multiplied(ca, cb), rb if is_one(ra) else ra, span)
    for x, y in ((ra, rb), (rb, ra)):
        if isinstance(y, Binary) and y.op == "/" and is_one(y.left):
            return scaled(_multiplied(ca, cb), over(x, y.right, span), span)
    return scaled(_multiplied(ca, cb), Binary("*", ra, rb, REAL, span), span)


def plus(a: Expr, b: Expr, span: Span = NOWHERE) -> Expr:
    va, vb = _value(a), _value(b)
    if va is not None and vb is not None:
        return number(va + vb, span)
    if va == 0:
        return b
    if vb == 0:
        return a
    c, rest = coefficient(b)
    if c < 0:
        return Binary("-", a, scaled(-c, rest), REAL, span)
    return Binary("+", a, b, REAL, span)


def minus(a: Expr, b: Expr, span: Span = NOWHERE) -> Expr:
    return plus(a, scaled(Fraction(-1), b, span), span)


def over(a: Expr, b: Expr, span: Span = NOWHERE) -> Expr:
    ca, ra = coefficient(a)
    cb, rb = coefficient(b)
    if cb == 0 or is_zero(a):
        return a if is_zero(a) and cb != 0 else Binary("/", a, b, REAL, span)
    if is_one(rb):
        return scaled(ca / cb, ra, span)
    if ra == rb:
        return number(ca / cb, span)
    if is_one(ra):
        return Binary("/", number(ca / cb), rb, REAL, span)
    return scaled(ca / cb, Binary("/", ra, rb, REAL, span), span)


def total(terms: Iterable[Expr]) -> Expr:
    """Return the sum, the terms in order."""
    result: Expr = ZERO
    for term in terms:
        result = plus(result, term)
    return result


def expdd(h: Expr, rates: tuple[Expr, ...]) -> Expr:
    """Return the divided difference of ``x -> exp(x h)`` over ``rates``, simplest form first."""
    if all(is_zero(r) for r in rates):
        n = len(rates) - 1
        power: Expr = ONE
        for k in range(n):
            power = times(power, over(h, number(k + 1)))
        return power
    if len(rates) == 1:
        return Call("exp", (times(rates[0], h),))
    return Call("expdd", (h, *rates))


def folded(e: Expr) -> Expr:
    """Return ``e`` with exact numbers in sums, products and quotients of reals folded."""

    def fold(e: Expr) -> Expr:
        if not isinstance(e, (Binary, Unary)) or not e.type.is_numeric:
            return e
        if e.type.base is Base.INTEGER:
            return e
        match e:
            case Binary("*", left, right):
                return _typed(times(left, right, e.span), e)
            case Binary("/", left, right) if not is_zero(right) and not _plain_quotient(e):
                return _typed(over(left, right, e.span), e)
            case Binary("+", left, right) if is_zero(left) or is_zero(right) or _numbers(e):
                return _typed(plus(left, right, e.span), e)
            case Binary("-", left, right) if is_zero(right) or _numbers(e):
                return _typed(minus(left, right, e.span), e)
            case Unary("-", Number(value)):
                return Number(-value, e.type, e.span)
        return e

    return rewrite(e, fold)


def _plain_quotient(e: Binary) -> bool:
    """Return whether ``e`` is ``x / 3``, which ``x * 0.333...`` would round differently."""
    if not isinstance(e.right, Number) or abs(e.right.value) == 1:
        return False
    factor, rest = coefficient(e.left)
    return factor == 1 and not is_one(rest)


def _numbers(e: Binary) -> bool:
    return isinstance(e.left, Number) and isinstance(e.right, Number)


def _typed(new: Expr, old: Binary) -> Expr:
    """Return ``new`` with the type of what it replaces, where that matters: numbers stay real."""
    if isinstance(new, Number):
        return Number(new.value, old.type, old.span)
    return new
