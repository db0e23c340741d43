"""Print vectorised expressions and statements as Python with NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import ClassVar

from nestml_core.api import (
    ATOM,
    Base,
    Binary,
    Call,
    Conditional,
    Expr,
    Kind,
    Number,
    Piece,
    PythonPrinter,
    Ref,
    Symbol,
    Unary,
)
from nestml_lava.ir import (
    WIDTH,
    Bind,
    Do,
    Exponential,
    Give,
    Repeat,
    Select,
    Unless,
    Unpack,
    Vector,
    When,
)

INDENT = "    "
LEAST = 25
"""So much room stays for the name of a function behind the targets of its results."""

BITWISE = MappingProxyType(
    {
        "&": "np.bitwise_and",
        "|": "np.bitwise_or",
        "^": "np.bitwise_xor",
        "<<": "np.left_shift",
        ">>": "np.right_shift",
    }
)


class VectorPrinter(PythonPrinter):
    """Print what works on arrays and numbers alike.

    Symbols carry the names they have in the generated module. ``and`` and ``or`` bind as Python's
    ``&`` and ``|`` do.
    """

    levels: ClassVar[MappingProxyType[str, int]] = MappingProxyType(
        {**PythonPrinter.levels, "and": 8, "or": 6}
    )
    spelling: ClassVar[MappingProxyType[str, str]] = MappingProxyType({"and": "&", "or": "|"})
    functions: ClassVar[MappingProxyType[str, str]] = MappingProxyType(
        {**PythonPrinter.functions, "round": "round_half_away"}
    )

    def name(self, symbol: Symbol) -> str:
        return symbol.name

    def text(self, value: str) -> str:
        shown = ascii(value)
        return shown if '"' in shown or "\\" in shown else f'"{shown[1:-1]}"'

    def piece(self, e: Expr, operands: tuple[Piece, ...]) -> Piece:
        match e:
            case Unary("~", _, type) if type.base is Base.INTEGER:
                return Piece(f"bitwise(np.invert, {operands[0].text})")
            case Unary("not"):
                return Piece(f"np.logical_not({operands[0].text})")
            case _:
                return super().piece(e, operands)

    def binary(self, e: Binary, left: Piece, right: Piece) -> Piece:
        if e.op in BITWISE:
            return Piece(f"bitwise({BITWISE[e.op]}, {left.text}, {right.text})")
        if e.op == "**" and not _is_natural(e.right):
            power = f"np.float_power({left.text}, {right.text})"
            return Piece(f"np.trunc({power})" if e.type.base is Base.INTEGER else power)
        return super().binary(e, left, right)

    def conditional(self, condition: Piece, then: Piece, otherwise: Piece) -> Piece:
        return Piece(f"np.where({condition.text}, {then.text}, {otherwise.text})")

    def call(self, e: Call, arguments: tuple[str, ...]) -> Piece:
        return Piece(f"{self.functions.get(e.function, e.function)}({', '.join(arguments)})", ATOM)


def _is_natural(e: Expr) -> bool:
    return isinstance(e, Number) and e.value.denominator == 1 and 0 <= e.value < 2**31


PRINTER = VectorPrinter()


_NOTHING = Ref(Symbol("", Kind.LOCAL))
_BREAKABLE = MappingProxyType({"+": 1, "-": 1, "*": 2, "/": 2, "and": 3, "or": 4})
"""Operators before which a long expression may go on in a new line; equal ranks go together."""


def expr(e: Expr) -> str:
    """Return an expression as Python."""
    return PRINTER.expr(e)


def code(body: Sequence[Vector]) -> str:
    """Return statements as the body of a function, indented by one level."""
    lines = [line for stmt in body for line in _lines(stmt, 1)] or [f"{INDENT}return"]
    return "\n".join(lines)


def _lines(stmt: Vector, depth: int) -> Iterator[str]:
    match stmt:
        case Bind(target, value):
            yield from _assignment(f"{target} = ", value, depth)
        case Select(target, mask, value):
            yield from _selection(target, mask, value, depth)
        case Unpack(targets, value):
            yield from _unpacking(targets, value, depth)
        case Exponential():
            yield from _exponential(stmt, depth)
        case When(mask, body):
            yield from _compound(f"if {mask}.any():", body, depth)
        case Unless(mask, body):
            yield from _compound(f"if not {mask}.any():", body, depth)
        case Repeat(mask, body):
            yield from _compound(f"while {mask}.any():", body, depth)
        case Do(call):
            yield from _assignment("", call, depth)
        case Give((value,), True):
            yield f"{INDENT * depth}return ({expr(value)},)"
        case Give(values):
            yield from _return(values, depth)


def _unpacking(targets: tuple[str, ...], value: Expr, depth: int) -> Iterator[str]:
    head, pad = f"{', '.join(targets)} = ", INDENT * depth
    if len(pad) + len(head) <= WIDTH - LEAST:
        yield from _assignment(head, value, depth)
        return
    yield f"{pad}("
    for target in targets:
        yield f"{pad}{INDENT}{target},"
    yield from _assignment(") = ", value, depth)


def _compound(head: str, body: Sequence[Vector], depth: int) -> Iterator[str]:
    yield f"{INDENT * depth}{head}"
    for stmt in body:
        yield from _lines(stmt, depth + 1)


def _selection(target: str, mask: str, value: Expr, depth: int) -> Iterator[str]:
    line = f"{INDENT * depth}{target} = np.where({mask}, {expr(value)}, {target})"
    if len(line) <= WIDTH:
        yield line
        return
    yield f"{INDENT * depth}{target} = np.where("
    yield f"{INDENT * (depth + 1)}{mask},"
    yield from _argument(value, depth + 1)
    yield f"{INDENT * (depth + 1)}{target},"
    yield f"{INDENT * depth})"


def _return(values: tuple[Expr, ...], depth: int) -> Iterator[str]:
    pad = INDENT * depth
    line = f"{pad}return {', '.join(expr(e) for e in values)}".rstrip()
    if len(line) <= WIDTH:
        yield line
    elif len(values) == 1:
        yield from _assignment("return ", values[0], depth)
    else:
        yield f"{pad}return ("
        for e in values:
            yield from _argument(e, depth + 1)
        yield f"{pad})"


def _assignment(head: str, value: Expr, depth: int) -> Iterator[str]:
    """Yield ``head`` and an expression, on several lines if it is long: one for each term."""
    pad = INDENT * depth
    line = f"{pad}{head}{expr(value)}"
    if len(line) <= WIDTH:
        yield line
        return
    match value:
        case Binary():
            yield f"{pad}{head}("
            for term in _terms(value):
                yield f"{pad}{INDENT}{term}"
            yield f"{pad})"
        case Call(function, arguments):
            yield f"{pad}{head}{PRINTER.functions.get(function, function)}("
            for argument in arguments:
                yield from _argument(argument, depth + 1)
            yield f"{pad})"
        case Conditional(condition, then, otherwise):
            yield f"{pad}{head}np.where("
            for argument in (condition, then, otherwise):
                yield from _argument(argument, depth + 1)
            yield f"{pad})"
        case _:
            yield line


def _argument(value: Expr, depth: int) -> Iterator[str]:
    *first, last = _assignment("", value, depth)
    yield from first
    yield f"{last},"


def _terms(value: Binary) -> Iterator[str]:
    """Yield the terms of a sum (the factors of a product), each but the first with its operator."""
    level = _BREAKABLE.get(value.op)
    if level is None:
        yield expr(value)
        return
    links: list[Binary] = []
    first: Expr = value
    while isinstance(first, Binary) and _BREAKABLE.get(first.op) == level:
        links.append(first)
        first = first.left
    links.reverse()
    operator = PRINTER.spelling.get(links[0].op, links[0].op)
    yield expr(replace(links[0], left=first, right=_NOTHING)).removesuffix(f" {operator} ")
    for link in links:
        yield expr(replace(link, left=_NOTHING)).strip()


def _exponential(stmt: Exponential, depth: int) -> Iterator[str]:
    pad = INDENT * depth
    yield f"{pad}{stmt.target} = matrix_exponential("
    yield f"{pad}{INDENT}v,"
    for row in stmt.rows:
        yield f"{pad}{INDENT}({', '.join(expr(e) for e in row)}),"
    yield f"{pad})"
    for target, i, j in stmt.entries:
        yield f"{pad}{target} = {stmt.target}[..., {i}, {j}]"


def docstring(text: str) -> str:
    """Return text from a model so that it can stand in a docstring."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    escaped = shown.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'{escaped[:-1]}\\"' if escaped.endswith('"') else escaped
