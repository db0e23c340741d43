"""Values that are known while compiling: exact numbers and truth values."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from nestml_core.expr import Binary, Boolean, Conditional, Expr, Number, Ref, Unary

Value = Fraction | bool
NONE: Mapping[str, Value] = {}

MAX_DEPTH = 40
MAX_POWER = 64


def known_value(e: Expr, names: Mapping[str, Value] = NONE, depth: int = 0) -> Value | None:
    """Return the exact value of ``e``, or None if it is not known or not rational.

    ``names`` are the values of symbols. Of ``and``, ``or`` and ``?:`` one known operand may do.
    """
    if depth > MAX_DEPTH:
        return None
    match e:
        case Number(value) | Boolean(value):
            return value
        case Ref(symbol):
            return names.get(symbol.name)
        case Unary(op, operand):
            return _unary(op, known_value(operand, names, depth + 1))
        case Binary(op, left, right):
            a, b = known_value(left, names, depth + 1), known_value(right, names, depth + 1)
            if op in ("and", "or"):
                return _logical(op, a, b)
            return None if a is None or b is None else _binary(op, a, b)
        case Conditional(condition, then, otherwise):
            truth = known_value(condition, names, depth + 1)
            if truth is None:
                return None
            return known_value(then if truth else otherwise, names, depth + 1)
        case _:
            return None


def _unary(op: str, value: Value | None) -> Value | None:
    if value is None or op == "~":
        return None
    return not value if op == "not" else -Fraction(value)


def _logical(op: str, a: Value | None, b: Value | None) -> Value | None:
    decides = op == "or"  # true decides an `or`, false an `and`
    if a is decides or b is decides:
        return decides
    return None if a is None or b is None else not decides


def _binary(op: str, left: Value, right: Value) -> Value | None:
    a, b = Fraction(left), Fraction(right)
    match op:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a / b if b else None
        case "**":
            whole = b.denominator == 1 and abs(b) <= MAX_POWER
            return a ** int(b) if whole and (a or b >= 0) else None
        case _:
            return _compared(op, a, b)


def _compared(op: str, a: Fraction, b: Fraction) -> bool | None:
    match op:
        case "==":
            return a == b
        case "!=":
            return a != b
        case "<":
            return a < b
        case "<=":
            return a <= b
        case ">":
            return a > b
        case ">=":
            return a >= b
        case _:
            return None
