"""Python with NumPy: expressions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from nestml_core.expr import Binary, Boolean, Constant, Number
from nestml_core.printing.base import ATOM, ExprPrinter, Piece, real_literal
from nestml_core.types import Base

_LEVELS = {
    "?:": 1,
    "or": 2,
    "and": 3,
    "unary not": 4,
    "==": 5,
    "!=": 5,
    "<": 5,
    "<=": 5,
    ">": 5,
    ">=": 5,
    "|": 6,
    "^": 7,
    "&": 8,
    "<<": 9,
    ">>": 9,
    "+": 10,
    "-": 10,
    "*": 11,
    "/": 11,
    "unary -": 12,
    "unary ~": 12,
    "**": 13,
}

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})


class PythonPrinter(ExprPrinter):
    """Print scalar Python. ``np`` is NumPy, ``special`` is ``scipy.special``.

    The backend provides ``expdd(h, *rates)`` where derived constants use it, and
    ``round_half_away(x)``, as Python and NumPy round halves to even.
    """

    levels = MappingProxyType(_LEVELS)
    spelling = MappingProxyType({"not": "not "})
    non_associative = COMPARISONS | {"**"}
    functions: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "ln": "np.log",
            "truncate": "np.trunc",
            "round": "round_half_away",
            "min": "np.minimum",
            "max": "np.maximum",
            "erf": "special.erf",
            "erfc": "special.erfc",
            "expdd": "expdd",
            **{
                f: f"np.{f}"
                for f in [
                    "exp",
                    "log10",
                    "expm1",
                    "sin",
                    "cos",
                    "tan",
                    "sinh",
                    "cosh",
                    "tanh",
                    "abs",
                    "ceil",
                    "floor",
                ]
            },
        }
    )

    def number(self, e: Number) -> Piece:
        if e.type.base is Base.INTEGER:
            text = str(e.value.numerator)
        else:
            text = real_literal(float(e.value))
        return Piece(text, _LEVELS["unary -"] if text.startswith("-") else ATOM)

    def constant(self, e: Constant) -> Piece:
        return Piece(f"np.{e.name}")

    def boolean(self, e: Boolean) -> Piece:
        return Piece(repr(e.value))

    def text(self, value: str) -> str:
        return ascii(value)

    def binary(self, e: Binary, left: Piece, right: Piece) -> Piece:
        if e.op == "//":
            return Piece(f"np.trunc({super().binary(_divide(e), left, right).text})")
        if e.op == "%":
            return Piece(f"np.fmod({left.text}, {right.text})")
        if e.op == "**":
            level = _LEVELS["**"]
            return Piece(f"{self.inside(left, level + 1)}**{self.inside(right, level)}", level)
        return super().binary(e, left, right)

    def conditional(self, condition: Piece, then: Piece, otherwise: Piece) -> Piece:
        level = _LEVELS["?:"]
        a, b, c = (self.inside(p, level + 1) for p in (condition, then, otherwise))
        return Piece(f"{b} if {a} else {c}", level)


def _divide(e: Binary) -> Binary:
    return Binary("/", e.left, e.right, e.type, e.span)
