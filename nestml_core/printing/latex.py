"""LaTeX: expressions, names and units as formulas, and any text made harmless.

Whatever a model holds, in names, comments or strings, comes out as characters to be printed, never
as a command.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from types import MappingProxyType

from nestml_core.expr import (
    Binary,
    Boolean,
    Call,
    Constant,
    Convolve,
    Expr,
    Kind,
    Number,
    Symbol,
    Unary,
    rewrite,
)
from nestml_core.printing.base import ExprPrinter, Piece

GREEK = frozenset(
    """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau
    upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega""".split()
)
_GREEK_CAPITALS = frozenset("Alpha Beta Epsilon Zeta Eta Iota Kappa Mu Nu Rho Tau Chi".split())

_LEVELS = {
    "?:": 1,
    "or": 2,
    "and": 3,
    "unary not": 4,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 5),
    **dict.fromkeys(("&", "|", "^", "<<", ">>"), 6),
    **dict.fromkeys("+-", 7),
    **dict.fromkeys("*/", 8),
    "**": 60,
}
_PRODUCT, _APPLIED, _BASE = 8, 50, 61

_SPELLING = MappingProxyType(
    {
        **{"or": r"\vee", "and": r"\wedge", "==": "=", "!=": r"\neq", "<=": r"\leq"},
        **{">=": r"\geq", "&": r"\mathbin{\&}", "|": r"\mathbin{|}", "^": r"\oplus"},
        **{"<<": r"\ll", ">>": r"\gg"},
    }
)

_FUNCTIONS = MappingProxyType(
    {
        **{f: "\\" + f for f in "exp ln sin cos tan sinh cosh tanh min max".split()},
        "log10": r"\log_{10}",
    }
)
_BRACKETS = MappingProxyType(
    {
        "abs": (r"\left|", r"\right|"),
        "ceil": (r"\left\lceil ", r"\right\rceil "),
        "floor": (r"\left\lfloor ", r"\right\rfloor "),
    }
)

_TEXT = MappingProxyType(
    {
        **{c: "\\" + c for c in "{}$&#%_"},
        "\\": r"\textbackslash{}",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\ensuremath{<}",
        ">": r"\ensuremath{>}",
        "|": r"\ensuremath{|}",
        '"': r"\char34{}",
        "`": r"\`{}",
        "\t": " ",
        "\n": " ",
        "\r": " ",
        "\u00a0": " ",
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "--",
        "\u2013": "--",
        "\u2014": "---",
        "\u2018": "{}`{}",
        "\u2019": "{}'{}",
        "\u201c": "{}``{}",
        "\u201d": "{}''{}",
        "\u2026": r"\dots{}",
        "\u00b0": r"\ensuremath{^\circ}",
        "\u00b1": r"\ensuremath{\pm}",
        "\u00d7": r"\ensuremath{\times}",
        "\u00b7": r"\ensuremath{\cdot}",
        "\u2212": r"\ensuremath{-}",
        "\u2190": r"\ensuremath{\leftarrow}",
        "\u2192": r"\ensuremath{\rightarrow}",
        "\u2264": r"\ensuremath{\leq}",
        "\u2265": r"\ensuremath{\geq}",
        "\u00b5": r"\ensuremath{\mu}",
        "\u00df": r"\ss{}",
        **{c: rf"\ensuremath{{^{n}}}" for c, n in zip("\u00b9\u00b2\u00b3", "123", strict=True)},
    }
)
_ACCENTS = MappingProxyType(
    {
        **{"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"'},
        **{"\u0304": "=", "\u0307": ".", "\u030c": "v", "\u0327": "c", "\u030a": "r"},
    }
)


def escaped(text: str) -> str:
    """Return ``text`` for LaTeX's text mode, where it prints as it is.

    No command, comment, mathematics, ligature or end of paragraph can come of it. Characters
    without a counterpart in the standard fonts appear by number, as ``[U+4E2D]``.
    """
    plain = unicodedata.normalize("NFC", text)
    parts: list[str] = []
    for before, c in zip(" " + plain, plain, strict=False):
        if c == before and c in "-,'":
            parts.append("{}")  # two of them would become one other character
        parts.append(_character(c))
    return "".join(parts)


def _character(c: str) -> str:
    if c in _TEXT:
        return _TEXT[c]
    if " " <= c <= "\x7e":
        return c
    base, accent, *more = [*unicodedata.normalize("NFD", c), "", ""]
    if accent in _ACCENTS and not any(more) and base.isascii() and base.isalpha():
        return rf"\{_ACCENTS[accent]}{{{base}}}"
    name = unicodedata.name(c, "")
    letter = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", name)
    if letter is not None:
        small = letter[2].lower().replace("lamda", "lambda")
        greek = small if letter[1] == "SMALL" else small.capitalize()
        if greek in GREEK:
            return rf"\ensuremath{{\{greek}}}"
    return f"[U+{ord(c):04X}]"


def literal(text: str) -> str:
    """Return ``text`` in typewriter letters, for use in a formula."""
    return rf"\text{{\ttfamily {escaped(text)}}}"


def name_formula(name: str) -> str:
    """Return the formula of a name: ``V_m`` is V with index m, ``tau_syn_exc`` a tau with two.

    Primes stay, a place in a vector becomes an index; what is no name of NESTML is literal.
    """
    match = re.fullmatch(r"([A-Za-z_]\w*)('*)(?:\[(\d+)\])?('*)", name, re.ASCII)
    if match is None:
        return literal(name)
    parts = [p for p in match[1].split("_") if p]
    if not parts:
        return literal(name)
    head, *indices = parts
    digits = re.fullmatch(r"([A-Za-z]+?)(\d+)", head)
    if digits is not None and (len(digits[1]) == 1 or digits[1] in GREEK):
        head, indices = digits[1], [digits[2], *indices]
    index = _index(indices + ([match[3]] if match[3] else []))
    primes = "'" * (len(match[2]) + len(match[4]))
    if primes:
        return f"{{{_word(head)}{index}}}{primes}" if index else f"{_word(head)}{primes}"
    return _word(head) + index


def _index(parts: list[str]) -> str:
    """Return an index of words; words of several letters that follow each other stand together."""
    groups: list[str] = []
    upright: list[str] = []
    for part in [*parts, ""]:
        if len(part) > 1 and part not in GREEK:
            upright.append(part)
            continue
        if upright:
            groups.append(rf"\mathrm{{{','.join(upright)}}}")
            upright = []
        if part:
            groups.append(_word(part))
    return f"_{{{','.join(groups)}}}" if groups else ""


def _word(word: str) -> str:
    if word in GREEK:
        return "\\" + word
    if word in _GREEK_CAPITALS or len(word) > 1:
        return word if word.isdigit() else rf"\mathrm{{{word}}}"
    return word


def unit_formula(text: str) -> str:
    """Return a unit as written in NESTML, upright: ``nS/mV**2``, ``1/(ms*mV)``, ``MOhm``."""
    shown: list[str] = []
    tokens = re.findall(r"\*\*|[A-Za-z]+|\d+(?:\.\d+)?|[*/()-]|\S", text)
    k = 0
    while k < len(tokens):
        token = tokens[k]
        if token == "**":
            exponent, k = _exponent(tokens, k + 1)
            shown.append(f"^{{{exponent}}}")
            continue
        if token.isascii() and token.isalpha():
            shown.append(_unit_name(token))
        elif token == "*":
            shown.append(r"\,")
        elif re.fullmatch(r"[\d.]+|[/()-]", token, re.ASCII):
            shown.append(token)
        else:
            shown.append(literal(token))
        k += 1
    return "".join(shown)


def _exponent(tokens: list[str], k: int) -> tuple[str, int]:
    """Return the exponent that begins at token ``k``, and where it ends."""
    parts: list[str] = []
    depth = 0
    while k < len(tokens):
        token = tokens[k]
        depth += (token == "(") - (token == ")")
        if not re.fullmatch(r"[\d.]+|[/()-]", token, re.ASCII) or depth < 0:
            break
        if token not in "()":
            parts.append(token)
        k += 1
        if depth == 0 and token != "-":
            break
    return "".join(parts), k


def _unit_name(name: str) -> str:
    if name.endswith("Ohm"):
        prefix = name[:-3]
        if prefix == "u":
            return r"\mu\Omega"
        return (rf"\mathrm{{{prefix}}}" if prefix else "") + r"\Omega"
    if len(name) > 1 and name[0] == "u":
        return rf"\mu\mathrm{{{name[1:]}}}"
    return rf"\mathrm{{{name}}}"


class LatexPrinter(ExprPrinter):
    """Print expressions as formulas. ``plain`` are names to be printed as they are spelt."""

    levels = MappingProxyType(_LEVELS)
    spelling = _SPELLING
    non_associative = frozenset(("==", "!=", "<", "<=", ">", ">=", "&", "|", "^", "<<", ">>"))

    def __init__(self, plain: frozenset[str] = frozenset()) -> None:
        self.plain = plain

    def expr(self, expr: Expr) -> str:
        return super().expr(rewrite(expr, with_plain_signs))

    def name(self, symbol: Symbol) -> str:
        if symbol.kind is Kind.STEP:
            return r"\Delta t"
        return literal(symbol.name) if symbol.name in self.plain else name_formula(symbol.name)

    def element(self, vector: Symbol, index: str) -> str:
        return rf"{{{self.name(vector)}}}\left[{index}\right]"

    def piece(self, e: Expr, operands: tuple[Piece, ...]) -> Piece:
        if isinstance(e, Convolve):
            return Piece(rf"{self.name(e.kernel)} \ast {self.name(e.port)}", _PRODUCT)
        return super().piece(e, operands)

    def number(self, e: Number) -> Piece:
        return _number(e.value)

    def constant(self, e: Constant) -> Piece:
        known = {"e": r"\mathrm{e}", "pi": r"\pi", "inf": r"\infty"}
        return Piece(known.get(e.name) or literal(e.name))

    def boolean(self, e: Boolean) -> Piece:
        return Piece(rf"\mathrm{{{str(e.value).lower()}}}")

    def text(self, value: str) -> str:
        return literal(f'"{value}"')

    def inside(self, piece: Piece, level: int) -> str:
        return piece.text if piece.level >= level else rf"\left({piece.text}\right)"

    def unary(self, op: str, operand: Piece) -> Piece:
        if op == "-":
            return Piece(f"-{self.inside(operand, _PRODUCT)}", _LEVELS["-"])
        if op == "not":
            level = _LEVELS["unary not"]
            return Piece(rf"\neg {self.inside(operand, level)}", level)
        return Piece(rf"\mathord{{\sim}}{self.inside(operand, _APPLIED)}", _APPLIED)

    def binary(self, e: Binary, left: Piece, right: Piece) -> Piece:
        match e.op:
            case "/":
                return Piece(rf"\frac{{{left.text}}}{{{right.text}}}", _APPLIED)
            case "//":
                return Piece(rf"\mathrm{{trunc}}\left(\frac{{{left.text}}}{{{right.text}}}\right)")
            case "%":
                return Piece(rf"\mathrm{{rem}}\left({left.text}, {right.text}\right)", _APPLIED)
            case "**":
                base = self.inside(left, _BASE)
                return Piece(f"{{{base}}}^{{{right.text}}}", _LEVELS["**"])
            case "+" if right.level == _LEVELS["+"] and not right.text.startswith("-"):
                return Piece(f"{self.inside(left, right.level)} + {right.text}", right.level)
            case "*":
                l_text, r_text = self.inside(left, _PRODUCT), self.inside(right, _PRODUCT + 1)
                sign = r" \cdot " if r_text[:1].isdigit() else r"\, "
                return Piece(l_text + sign + r_text, _PRODUCT)
        return super().binary(e, left, right)

    def conditional(self, condition: Piece, then: Piece, otherwise: Piece) -> Piece:
        text = (
            rf"\begin{{cases}} {then.text} & \text{{if }} {condition.text} \\ "
            rf"{otherwise.text} & \text{{otherwise}} \end{{cases}}"
        )
        return Piece(text, _LEVELS["?:"])

    def call(self, e: Call, arguments: tuple[str, ...]) -> Piece:
        if e.function in _BRACKETS and len(arguments) == 1:
            left, right = _BRACKETS[e.function]
            return Piece(f"{left}{arguments[0]}{right}", _APPLIED)
        function = _FUNCTIONS.get(e.function) or _function_name(e.function)
        return Piece(rf"{function}\left({', '.join(arguments)}\right)", _APPLIED)


def _function_name(name: str) -> str:
    plain = name.replace("_", "")
    if plain.isascii() and plain.isalnum():
        return rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"
    return literal(name)


def _number(value: Fraction) -> Piece:
    """Return an exact number: as a decimal where that is exact and short, else as a fraction."""
    if value < 0:
        return Piece(f"-{_number(-value).text}", _LEVELS["-"])
    text = repr(float(value)) if value < 10**300 else ""
    if value.denominator == 1 and value < 10**7:
        return Piece(str(value.numerator))
    if not text or Fraction(text) != value:
        return Piece(rf"\frac{{{value.numerator}}}{{{value.denominator}}}", _APPLIED)
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return Piece(text.removesuffix(".0"))
    power = f"10^{{{int(exponent)}}}"
    mantissa = mantissa.removesuffix(".0")
    if mantissa == "1":
        return Piece(power, _LEVELS["**"])
    return Piece(rf"{mantissa} \cdot {power}", _PRODUCT)


def with_plain_signs(e: Expr) -> Expr:
    """Return ``e`` with a sign taken out of products and quotients, and into sums."""
    match e:
        case Binary("*" | "/", left, right):
            positive = _opposite(left)
            if positive is None:
                return e
            return Unary("-", Binary(e.op, positive, right, e.type, e.span), e.type, e.span)
        case Binary("+" | "-", left, right):
            positive = _opposite(right)
            if positive is None:
                return e
            return Binary("-" if e.op == "+" else "+", left, positive, e.type, e.span)
        case Unary("-", operand):
            return _opposite(operand) or e
        case _:
            return e


def _opposite(e: Expr) -> Expr | None:
    """Return minus ``e`` if ``e`` is written with a minus sign in front."""
    match e:
        case Number(value) if value < 0:
            return Number(-value, e.type, e.span)
        case Unary("-", operand):
            return operand
        case _:
            return None
