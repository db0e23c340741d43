"""Expressions in a form that several neurons compute with less."""

from __future__ import annotations

from dataclasses import replace

from nestml_core.expr import Binary, Call, Expr, Number, Unary, children
from nestml_core.types import Base

REALS = (Base.REAL, Base.QUANTITY)


def simplified(e: Expr) -> Expr:
    """Return a product or quotient with its sign in front, and quotients by numbers as products."""
    match e:
        case Unary("-", Unary("-", operand)):
            return operand
        case Binary("/", left, Number(value)) if left.type.base in REALS and value != 0:
            return left if value == 1 else Binary("*", left, Number(1 / value), e.type, e.span)
        case Binary("*" | "/", Unary("-", operand), right) if e.type.base in REALS:
            return Unary("-", simplified(replace(e, left=operand, right=right)), e.type, e.span)
        case Binary("*" | "/", left, Unary("-", operand)) if e.type.base in REALS:
            return Unary("-", simplified(replace(e, left=left, right=operand)), e.type, e.span)
        case Binary("+", left, Unary("-", operand)) if e.type.base in REALS:
            return Binary("-", left, operand, e.type, e.span)
        case _:
            return e


def fused(e: Expr) -> Expr:
    """Return a sum with a product in it as one operation; what it has beside that is kept."""
    if not (isinstance(e, Binary) and e.op in ("+", "-") and e.type.base in REALS):
        return e
    left, right = e.left, e.right
    if left.type.base not in REALS or right.type.base not in REALS:
        return e
    if isinstance(right, Binary) and right.op == "*" and right.type.base in REALS:
        a, b = children(right)
        first = a if e.op == "+" else Unary("-", a, a.type)
        return Call("fma", (first, b, left), e.type, e.span)
    if isinstance(left, Binary) and left.op == "*" and left.type.base in REALS:
        a, b = children(left)
        last = right if e.op == "+" else Unary("-", right, right.type)
        return Call("fma", (a, b, last), e.type, e.span)
    return e
