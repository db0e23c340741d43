"""Formulas as blocks of characters for a terminal: fractions, powers and brackets in Unicode."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from nestml_core.expr import (
    Binary,
    Boolean,
    Call,
    Conditional,
    Constant,
    Convolve,
    Element,
    Expr,
    Kind,
    Number,
    Ref,
    Symbol,
    Text,
    Unary,
    bottom_up,
    rewrite,
)
from nestml_core.printing.base import ATOM
from nestml_core.printing.latex import with_plain_signs

LETTERS = MappingProxyType(
    dict(
        zip(
            """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma
            tau upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi
            Omega""".split(),
            "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ",
            strict=True,
        )
    )
)

_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

_LEVELS = {
    "?:": 1,
    "or": 2,
    "and": 3,
    "not": 4,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 5),
    **dict.fromkeys(("&", "|", "^", "<<", ">>"), 6),
    **dict.fromkeys("+-", 7),
    **dict.fromkeys(("*", "/", "//", "%"), 8),
    "**": 60,
}
_SUM, _PRODUCT, _APPLIED, _BASE = 7, 8, 50, 61

_SIGNS = MappingProxyType(
    {
        **{"-": "−", "*": "·", "==": "=", "!=": "≠", "<=": "≤", ">=": "≥"},
        **{"and": "and", "or": "or", "^": "xor", "%": "mod"},
    }
)

_BRACKETS = MappingProxyType({"abs": "||", "ceil": "⌈⌉", "floor": "⌊⌋"})

_TALL = MappingProxyType(
    {
        "(": "⎛⎜⎝",
        ")": "⎞⎟⎠",
        "[": "⎡⎢⎣",
        "]": "⎤⎥⎦",
        "|": "│││",
        "⌈": "⎡⎢⎢",
        "⌉": "⎤⎥⎥",
        "⌊": "⎢⎢⎣",
        "⌋": "⎥⎥⎦",
    }
)
"""The upper, middle and lower piece of each bracket that is taller than a line."""


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of characters. ``axis`` is the line in which signs and equals signs stand.

    ``level`` tells how tightly its outermost operator binds; ``terms`` are the terms of a sum,
    each with its sign, which may be spread over several lines.
    """

    lines: tuple[str, ...]
    axis: int = 0
    level: int = ATOM
    terms: tuple[tuple[str, Block], ...] = ()

    @property
    def width(self) -> int:
        return len(self.lines[0])

    @property
    def height(self) -> int:
        return len(self.lines)


def text(words: str, level: int = ATOM) -> Block:
    """Return one line of text."""
    return Block((words,), 0, level)


def beside(*blocks: Block, level: int = ATOM) -> Block:
    """Return blocks next to each other, their axes in one line."""
    above = max(b.axis for b in blocks)
    below = max(b.height - b.axis for b in blocks)
    columns = []
    for b in blocks:
        empty = " " * b.width
        top, bottom = above - b.axis, below - (b.height - b.axis)
        columns.append([empty] * top + list(b.lines) + [empty] * bottom)
    return Block(tuple(map("".join, zip(*columns, strict=True))), above, level)


def over(numerator: Block, denominator: Block) -> Block:
    """Return a fraction."""
    tall = max(numerator.height, denominator.height) > 1
    width = max(numerator.width, denominator.width) + (2 if tall else 0)
    lines = [line.center(width) for line in numerator.lines]
    lines += ["─" * width, *(line.center(width) for line in denominator.lines)]
    return Block(tuple(lines), numerator.height, _APPLIED)


def fenced(block: Block, signs: str = "()", level: int = ATOM) -> Block:
    """Return a block in brackets as tall as itself."""
    return beside(_fence(signs[0], block), block, _fence(signs[1], block), level=level)


def _fence(sign: str, block: Block) -> Block:
    if block.height == 1:
        return text(sign)
    top, middle, bottom = tuple(_TALL[sign])
    return Block((top, *[middle] * (block.height - 2), bottom), block.axis)


def raised(base: Block, exponent: Block) -> Block:
    """Return a power: whole numbers as raised digits, all else in the lines above."""
    plain = exponent.lines[0].replace("−", "-") if exponent.height == 1 else ""
    if re.fullmatch(r"-?\d+", plain):
        power = text(plain.translate(_RAISED))
        return Block(beside(power).lines, 0) if base.width == 0 else _attached(base, power)
    lines = [" " * base.width + line for line in exponent.lines]
    lines += [line + " " * exponent.width for line in base.lines]
    return Block(tuple(lines), exponent.height + base.axis, _LEVELS["**"])


def _attached(base: Block, power: Block) -> Block:
    """Return raised digits behind the first line of a block."""
    gap = " " * power.width
    lines = [base.lines[0] + power.lines[0], *(line + gap for line in base.lines[1:])]
    return Block(tuple(lines), base.axis, _LEVELS["**"])


def name_text(name: str) -> str:
    """Return a name with Greek letters where their names stand: ``tau_m`` is ``τ_m``."""
    return "_".join(_letter(part) for part in name.split("_"))


def _letter(word: str) -> str:
    match = re.fullmatch(r"([A-Za-z]+)(\W.*|\d*)", word, re.DOTALL)
    if match is None or match[1] not in LETTERS:
        return word
    return LETTERS[match[1]] + match[2]


def number_text(value: Fraction) -> str:
    """Return an exact number: a decimal where that is exact and short, else a quotient."""
    if value < 0:
        return f"−{number_text(-value)}"
    if value.denominator == 1 and value < 10**7:
        return str(value.numerator)
    written = repr(float(value)) if value < 10**300 else ""
    if not written or Fraction(written) != value:
        return f"{value.numerator}/{value.denominator}"
    mantissa, _, exponent = written.partition("e")
    mantissa = mantissa.removesuffix(".0")
    if not exponent:
        return mantissa
    power = f"10{str(int(exponent)).translate(_RAISED)}"
    return power if mantissa == "1" else f"{mantissa}·{power}"


def unit_text(unit: str) -> str:
    """Return a unit as it is printed: ``nS/mV**2`` is ``nS/mV²``, ``uS`` is ``µS``, Ohm is Ω."""
    shown = re.sub(r"\*\*\(?(-?\d+)\)?", lambda m: m[1].translate(_RAISED), unit)
    shown = re.sub(r"\bu(?=[A-Za-z])", "µ", shown)
    return re.sub(r"Ohm\b", "Ω", shown).replace("*", "·")


def literal(number: Number) -> tuple[str, str]:
    """Return a number in the unit it was written in, and that unit, or ""."""
    unit = number.type.unit
    if unit is None:
        return number_text(number.value), ""
    return number_text(number.value / unit.factor), unit_text(unit.text)


def formula(e: Expr) -> Block:
    """Return an expression as a block of characters.

    Numbers stand in the units in which they were written.
    """
    return bottom_up(rewrite(e, with_plain_signs), _block)


def _block(e: Expr, operands: tuple[Block, ...]) -> Block:
    match e:
        case Number():
            amount, unit = literal(e)
            return text(f"{amount} {unit}" if unit else amount, _number_level(amount, unit))
        case Constant(name):
            return text({"pi": "π", "inf": "∞"}.get(name, name))
        case Boolean(value):
            return text(str(value).lower())
        case Text(value):
            return text(f'"{value}"')
        case Ref(symbol):
            return text(symbol_text(symbol))
        case Unary():
            return _unary(e.op, operands[0])
        case Binary():
            return _binary(e.op, *operands)
        case Conditional():
            return _cases(*operands)
        case Call(function):
            return _call(function, operands)
        case Element(vector):
            return beside(text(symbol_text(vector)), fenced(operands[0], "[]"))
        case Convolve(kernel, port):
            return text(f"{symbol_text(kernel)} ∗ {symbol_text(port)}", _PRODUCT)


def _number_level(amount: str, unit: str) -> int:
    if amount.startswith("−"):
        return _SUM
    return _PRODUCT if unit or "·" in amount or "/" in amount else ATOM


def symbol_text(symbol: Symbol) -> str:
    return "Δt" if symbol.kind is Kind.STEP else name_text(symbol.name)


def _inside(block: Block, level: int) -> Block:
    return block if block.level >= level else fenced(block)


def _unary(op: str, operand: Block) -> Block:
    if op == "-":
        return _summed([("−", _inside(operand, _PRODUCT))])
    if op == "not":
        return beside(text("not "), _inside(operand, _LEVELS["not"]), level=_LEVELS["not"])
    return beside(text("~"), _inside(operand, _APPLIED), level=_APPLIED)


def _binary(op: str, left: Block, right: Block) -> Block:
    match op:
        case "+" | "-":
            sign = _SIGNS.get(op, op)
            terms = left.terms or (("+", _inside(left, _SUM)),)
            if op == "+" and right.terms and right.terms[0][0] == "+":
                return _summed([*terms, *right.terms])
            return _summed([*terms, (sign, _inside(right, _PRODUCT))])
        case "*":
            left, right = _inside(left, _PRODUCT), _inside(right, _PRODUCT)
            return beside(left, text(" · "), right, level=_PRODUCT)
        case "/":
            return over(left, right)
        case "//":
            return beside(text("trunc"), fenced(over(left, right)), level=_APPLIED)
        case "**":
            return raised(_inside(left, _BASE), right)
    level = _LEVELS[op]
    sides = (_inside(left, level), text(f" {_SIGNS.get(op, op)} "), _inside(right, level + 1))
    return beside(*sides, level=level)


def _summed(terms: Sequence[tuple[str, Block]]) -> Block:
    """Return a sum; a leading plus sign is left away, a leading minus sign stands close."""
    (sign, first), *others = terms
    parts = [first] if sign == "+" else [_sign(sign, first), first]
    for sign, term in others:
        parts += [text(f" {sign} "), term]
    whole = beside(*parts)
    return Block(whole.lines, whole.axis, _SUM, tuple(terms))


def _sign(sign: str, term: Block) -> Block:
    """Return a sign in front of the first term: not to be taken for a part of a fraction's bar."""
    return text(f"{sign} " if "─" in term.lines[term.axis][:1] else sign)


def _cases(condition: Block, then: Block, otherwise: Block) -> Block:
    """Return a distinction of cases behind a brace."""
    width = max(then.width, otherwise.width)
    upper = beside(_padded(then, width), text("   if "), condition)
    lower = beside(_padded(otherwise, width), text("   otherwise"))
    width = max(upper.width, lower.width)
    rows = [line.ljust(width) for b in (upper, text(""), lower) for line in b.lines]
    axis = upper.height
    last = len(rows) - 1
    brace = [
        "⎧" if k == 0 else "⎩" if k == last else "⎨" if k == axis else "⎪" for k in range(last + 1)
    ]
    return Block(tuple(f"{b} {r}" for b, r in zip(brace, rows, strict=True)), axis, _LEVELS["?:"])


def _padded(block: Block, width: int) -> Block:
    return Block(tuple(line.ljust(width) for line in block.lines), block.axis, block.level)


def _call(function: str, arguments: tuple[Block, ...]) -> Block:
    if function in _BRACKETS:
        return fenced(arguments[0], _BRACKETS[function], _APPLIED)
    if function == "exp" and arguments[0].height == 1 and arguments[0].width <= 12:
        return raised(text("e"), arguments[0])
    listed: list[Block] = []
    for argument in arguments:
        listed += [text(", "), argument] if listed else [argument]
    inner = beside(*listed) if listed else text("")
    return beside(text(name_text(function)), fenced(inner), level=_APPLIED)


# Equations


def derivative(variable: str, order: int = 1) -> Block:
    """Return the derivative of a variable with respect to time."""
    power = "" if order == 1 else str(order).translate(_RAISED)
    return over(text(f"d{power} {name_text(variable)}"), text(f"d t{power}"))


def equation(left: Block, right: Block, width: int) -> tuple[str, ...]:
    """Return the lines of ``left = right``, a long sum on the right broken between its terms."""
    head = beside(left, text(" = "))
    first, *rest = _rows(right, width - head.width)
    lines = [*beside(head, first).lines]
    for following in rest:
        if len(lines) > 1 or following.height > 1:
            lines.append("")
        lines += [" " * head.width + line for line in following.lines]
    return tuple(line.rstrip() for line in lines)


def _rows(block: Block, width: int) -> list[Block]:
    """Return the terms of a sum, as many in a row as fit into ``width``."""
    if block.width <= width or not block.terms:
        return [block]
    rows: list[list[tuple[str, Block]]] = [[]]
    for term in block.terms:
        if rows[-1] and _row([*rows[-1], term], len(rows) > 1).width > width:
            rows.append([])
        rows[-1].append(term)
    return [_row(r, k > 0) for k, r in enumerate(rows)]


def _row(terms: Sequence[tuple[str, Block]], goes_on: bool) -> Block:
    """Return terms in a row, which may go on a sum that has begun above."""
    (sign, first), *_ = terms
    if not goes_on:
        return _summed(terms)
    return beside(text(f"{sign} "), _summed([("+", first), *terms[1:]]))


def width_of(lines: Iterable[str]) -> int:
    return max(map(len, lines), default=0)
