"""MathML: expressions and names as formulas that a browser sets without any script.

Whatever a model holds, in names, comments or strings, comes out as characters to be shown, never as
markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from types import MappingProxyType

from nestml_core.expr import (
    Binary,
    Boolean,
    Call,
    Constant,
    Convolve,
    Element,
    Expr,
    Kind,
    Number,
    Symbol,
    rewrite,
)
from nestml_core.printing.base import ExprPrinter, Piece
from nestml_core.printing.latex import with_plain_signs
from nestml_core.printing.terminal import LETTERS, literal

_LEVELS = {
    "?:": 1,
    "or": 2,
    "and": 3,
    "unary not": 4,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 5),
    **dict.fromkeys(("&", "|", "^", "<<", ">>"), 6),
    **dict.fromkeys("+-", 7),
    **dict.fromkeys(("*", "/", "//", "%"), 8),
    "**": 60,
}
_SUM, _PRODUCT, _APPLIED, _BASE = 7, 8, 50, 61

_SPELLING = MappingProxyType(
    {
        **{"-": "−", "==": "=", "!=": "≠", "<=": "≤", ">=": "≥", "and": "∧", "or": "∨"},
        **{"^": "⊕", "%": "mod", "<<": "≪", ">>": "≫", "not": "¬"},
    }
)
_BRACKETS = MappingProxyType({"abs": "||", "ceil": "⌈⌉", "floor": "⌊⌋"})


def element(name: str, *inside: str) -> str:
    """Return a MathML element with elements inside."""
    return f"<{name}>{''.join(inside)}</{name}>"


def operator(sign: str) -> str:
    return f"<mo>{escape(sign)}</mo>"


def row(*parts: str) -> str:
    return element("mrow", *parts)


def bracketed(inside: str, signs: str = "()") -> str:
    return row(operator(signs[0]), inside, operator(signs[1]))


def words(said: str) -> str:
    return element("mtext", escape(said))


def identifier(word: str) -> str:
    """Return a word of a name: Greek if it names a letter, upright if it has several."""
    return element("mi", escape(LETTERS.get(word, word)))


def name_formula(name: str) -> str:
    """Return the formula of a name: ``V_m`` is V with index m; primes stay."""
    plain = name.rstrip("'")
    head, *indices = [p for p in re.split(r"[_\[\]]", plain) if p] or [plain]
    digits = re.fullmatch(r"([A-Za-z]+?)(\d+)", head)
    if digits is not None and (len(digits[1]) == 1 or digits[1] in LETTERS):
        head, indices = digits[1], [digits[2], *indices]
    primes = operator("′" * (len(name) - len(plain))) if name != plain else ""
    index = row(*_with_commas(map(identifier, indices)))
    if indices and primes:
        return element("msubsup", identifier(head), index, primes)
    if indices:
        return element("msub", identifier(head), index)
    return element("msup", identifier(head), primes) if primes else identifier(head)


def _with_commas(parts: Iterable[str]) -> Iterable[str]:
    for k, part in enumerate(parts):
        if k:
            yield operator(",")
        yield part


def unit_formula(unit: str) -> str:
    """Return a unit as it is printed, behind a thin space."""
    return f'<mspace width="0.17em"/><mi mathvariant="normal">{escape(unit)}</mi>'


class MathMLPrinter(ExprPrinter):
    """Print expressions as formulas; numbers stand in the units in which they were written."""

    levels = MappingProxyType(_LEVELS)
    non_associative = frozenset(("==", "!=", "<", "<=", ">", ">=", "&", "|", "^", "<<", ">>"))

    def expr(self, expr: Expr) -> str:
        return super().expr(rewrite(expr, with_plain_signs))

    def name(self, symbol: Symbol) -> str:
        if symbol.kind is Kind.STEP:
            return row(element("mi", "Δ"), element("mi", "t"))
        return name_formula(symbol.name)

    def piece(self, e: Expr, operands: tuple[Piece, ...]) -> Piece:
        match e:
            case Convolve(kernel, port):
                return Piece(row(self.name(kernel), operator("∗"), self.name(port)), _PRODUCT)
            case Element(vector):
                return Piece(row(self.name(vector), bracketed(operands[0].text, "[]")))
        return super().piece(e, operands)

    def number(self, e: Number) -> Piece:
        amount, unit = literal(e)
        sign = operator("−") if amount.startswith("−") else ""
        shown = element("mn", escape(amount.lstrip("−")))
        level = _SUM if sign else _PRODUCT if unit or "·" in amount or "/" in amount else 100
        return Piece(row(sign, shown, unit_formula(unit) if unit else ""), level)

    def constant(self, e: Constant) -> Piece:
        return Piece(element("mi", {"pi": "π", "inf": "∞"}.get(e.name, escape(e.name))))

    def boolean(self, e: Boolean) -> Piece:
        return Piece(words(str(e.value).lower()))

    def text(self, value: str) -> str:
        return words(f'"{value}"')

    def inside(self, piece: Piece, level: int) -> str:
        return piece.text if piece.level >= level else bracketed(piece.text)

    def unary(self, op: str, operand: Piece) -> Piece:
        level = {"-": _SUM, "not": _LEVELS["unary not"]}.get(op, _APPLIED)
        inner = self.inside(operand, _PRODUCT if op == "-" else level)
        return Piece(row(operator(_SPELLING.get(op, op)), inner), level)

    def binary(self, e: Binary, left: Piece, right: Piece) -> Piece:
        match e.op:
            case "/":
                return Piece(element("mfrac", row(left.text), row(right.text)), _APPLIED)
            case "//":
                quotient = element("mfrac", row(left.text), row(right.text))
                return Piece(row(identifier("trunc"), bracketed(quotient)), _APPLIED)
            case "**":
                power = element("msup", row(self.inside(left, _BASE)), row(right.text))
                return Piece(power, _LEVELS["**"])
            case "*":
                sides = self.inside(left, _PRODUCT), self.inside(right, _PRODUCT + 1)
                return Piece(row(sides[0], operator("·"), sides[1]), _PRODUCT)
        level = _LEVELS[e.op]
        first = self.inside(left, level + (e.op in self.non_associative))
        sign = operator(_SPELLING.get(e.op, e.op))
        return Piece(row(first, sign, self.inside(right, level + 1)), level)

    def conditional(self, condition: Piece, then: Piece, otherwise: Piece) -> Piece:
        rows = [
            element("mtr", element("mtd", then.text), element("mtd", words("if "), condition.text)),
            element("mtr", element("mtd", otherwise.text), element("mtd", words("otherwise"))),
        ]
        return Piece(row(operator("{"), element("mtable", *rows)), _LEVELS["?:"])

    def call(self, e: Call, arguments: tuple[str, ...]) -> Piece:
        if e.function in _BRACKETS:
            return Piece(bracketed(arguments[0], _BRACKETS[e.function]), _APPLIED)
        function = name_formula(e.function)
        return Piece(row(function, bracketed(row(*_with_commas(arguments)))), _APPLIED)


def derivative(variable: str, order: int = 1) -> str:
    """Return the derivative of a variable with respect to time."""
    power = "" if order == 1 else str(order)
    d, t = identifier("d"), identifier("t")
    if power:
        d, t = (element("msup", x, element("mn", power)) for x in (d, t))
    return element("mfrac", row(d, name_formula(variable)), row(identifier("d"), t))


def display(*parts: str) -> str:
    """Return a formula that stands in a line of its own."""
    return f'<math display="block">{row(*parts)}</math>'
