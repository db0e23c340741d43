"""Parentheses, decided once: the walk and the precedence rules that all printers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from nestml_core.expr import (
    Binary,
    Boolean,
    Call,
    Conditional,
    Constant,
    Convolve,
    Element,
    Expr,
    Number,
    Ref,
    Symbol,
    Text,
    Unary,
    bottom_up,
)

ATOM = 100


@dataclass(frozen=True, slots=True)
class Piece:
    """Printed text and how tightly its outermost operator binds."""

    text: str
    level: int = ATOM


class ExprPrinter:
    """Print expressions. A target overrides the tables and, where it differs, a method.

    ``levels`` gives the precedence of each operator (larger binds tighter); operators in
    ``non_associative`` get parentheses around operands of their own level on both sides.
    """

    levels: ClassVar[Mapping[str, int]] = MappingProxyType({})
    spelling: ClassVar[Mapping[str, str]] = MappingProxyType({})
    functions: ClassVar[Mapping[str, str]] = MappingProxyType({})
    non_associative: ClassVar[frozenset[str]] = frozenset()

    def expr(self, expr: Expr) -> str:
        """Return ``expr`` as text."""
        return bottom_up(expr, self.piece).text

    def piece(self, e: Expr, operands: tuple[Piece, ...]) -> Piece:
        match e:
            case Number():
                return self.number(e)
            case Constant():
                return self.constant(e)
            case Boolean():
                return self.boolean(e)
            case Text():
                return Piece(self.text(e.value))
            case Ref(symbol):
                return Piece(self.name(symbol))
            case Unary(op):
                return self.unary(op, operands[0])
            case Binary():
                return self.binary(e, operands[0], operands[1])
            case Conditional():
                return self.conditional(*operands)
            case Call():
                return self.call(e, tuple(p.text for p in operands))
            case Element(vector):
                return Piece(self.element(vector, operands[0].text))
            case Convolve(kernel, port):
                return Piece(f"convolve({self.name(kernel)}, {self.name(port)})")

    def name(self, symbol: Symbol) -> str:
        """Return how the value of ``symbol`` is reached."""
        return symbol.identifier

    def element(self, vector: Symbol, index: str) -> str:
        """Return how the element of ``vector`` at the place ``index`` is reached."""
        return f"{self.name(vector)}[{index}]"

    def number(self, e: Number) -> Piece:
        raise NotImplementedError

    def constant(self, e: Constant) -> Piece:
        raise NotImplementedError

    def boolean(self, e: Boolean) -> Piece:
        return Piece("true" if e.value else "false")

    def text(self, value: str) -> str:
        raise NotImplementedError

    def unary(self, op: str, operand: Piece) -> Piece:
        level = self.levels["unary " + op]
        inner = self.inside(operand, level)
        spelled = self.spelling.get(op, op)
        if inner.startswith(spelled):
            inner = f"({inner})"  # `--x` is another operator in C
        return Piece(f"{spelled}{inner}", level)

    def binary(self, e: Binary, left: Piece, right: Piece) -> Piece:
        level = self.levels[e.op]
        l_text = self.inside(left, level + (e.op in self.non_associative))
        r_text = self.inside(right, level + 1)
        return Piece(f"{l_text} {self.spelling.get(e.op, e.op)} {r_text}", level)

    def conditional(self, condition: Piece, then: Piece, otherwise: Piece) -> Piece:
        level = self.levels["?:"]
        a, b, c = (self.inside(p, level + 1) for p in (condition, then, otherwise))
        return Piece(f"{a} ? {b} : {c}", level)

    def call(self, e: Call, arguments: tuple[str, ...]) -> Piece:
        return Piece(f"{self.functions.get(e.function, e.function)}({', '.join(arguments)})")

    def inside(self, piece: Piece, level: int) -> str:
        """Return the text of an operand of an operator that binds at ``level``."""
        return piece.text if piece.level >= level else f"({piece.text})"


def real_literal(value: float) -> str:
    """Return the shortest decimal text that reads back as ``value``, always with a point."""
    text = repr(value)
    return text if any(c in text for c in ".en") else text + ".0"
