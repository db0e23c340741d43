"""Expressions in messages, and where to point."""

from __future__ import annotations

from types import MappingProxyType

from nestml_core.api import (
    ATOM,
    NOWHERE,
    Binary,
    Boolean,
    Call,
    Constant,
    Expr,
    ExprPrinter,
    Number,
    Piece,
    PythonPrinter,
    Span,
    Symbol,
    walk,
)
from nestml_truenorth.affine import decimal

_LEVELS = MappingProxyType({**PythonPrinter.levels, "//": 11, "%": 11})


class FormulaPrinter(ExprPrinter):
    """Print expressions as a modeller would write them, without units."""

    levels = _LEVELS
    spelling = PythonPrinter.spelling
    non_associative = PythonPrinter.non_associative

    def name(self, symbol: Symbol) -> str:
        return symbol.name

    def number(self, e: Number) -> Piece:
        text = decimal(e.value)
        if "/" in text:
            return Piece(text, _LEVELS["/"])
        return Piece(text, _LEVELS["unary -"] if text.startswith("-") else ATOM)

    def constant(self, e: Constant) -> Piece:
        return Piece(e.name)

    def boolean(self, e: Boolean) -> Piece:
        return Piece("true" if e.value else "false")

    def text(self, value: str) -> str:
        return ascii(value)

    def binary(self, e: Binary, left: Piece, right: Piece) -> Piece:
        if e.op != "**":
            return super().binary(e, left, right)
        level = _LEVELS["**"]
        return Piece(f"{self.inside(left, level + 1)}**{self.inside(right, level)}", level)

    def call(self, e: Call, arguments: tuple[str, ...]) -> Piece:
        return Piece(f"{e.function}({', '.join(arguments)})")


def formula(expr: Expr) -> str:
    """Return ``expr`` for people."""
    return FormulaPrinter().expr(expr)


def place_of(expr: Expr, otherwise: Span) -> Span:
    """Return the span of ``expr``, or of the first part of it that has one, or ``otherwise``."""
    spans = (e.span for e in walk(expr) if e.span.source is not NOWHERE.source)
    return next(spans, otherwise)
