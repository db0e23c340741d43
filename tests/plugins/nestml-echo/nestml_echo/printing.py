"""Python as this backend writes it: ``math`` instead of NumPy, names behind ``self``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from nestml_core.api import (
    Assign,
    Base,
    Binary,
    Boolean,
    Call,
    Constant,
    Declare,
    Emit,
    Expr,
    If,
    Integrate,
    Kind,
    Piece,
    PythonPrinter,
    Return,
    Stmt,
    Symbol,
    identifiers,
)

RESERVED = frozenset(
    "False None True and as assert async await break class continue def del elif else except "
    "finally for from global if import in is lambda match nonlocal not or pass raise return try "
    "while with yield math self step flows spikes constants bool float int".split()
)

FUNCTIONS = MappingProxyType(
    {f: f"math.{f}" for f in "exp log10 expm1 sin cos tan sinh cosh tanh erf erfc".split()}
    | {"ln": "math.log", "abs": "abs", "min": "min", "max": "max"}
    | {f: f"math.{f}" for f in ("ceil", "floor")}
    | {"truncate": "math.trunc"}
)


class Printer(PythonPrinter):
    """Print expressions and statements of one model, whose symbols are ``symbols``."""

    functions = FUNCTIONS

    def __init__(self, symbols: Sequence[Symbol]) -> None:
        self.names: Mapping[Symbol, str] = identifiers(symbols, RESERVED)

    def name(self, symbol: Symbol) -> str:
        own = self.names[symbol]
        return own if symbol.kind is Kind.LOCAL else f"self.{own}"

    def constant(self, e: Constant) -> Piece:
        return Piece(f"math.{e.name}")

    def boolean(self, e: Boolean) -> Piece:
        return Piece(repr(e.value))

    def binary(self, e: Binary, left: Piece, right: Piece) -> Piece:
        if e.op == "//":
            return Piece(f"math.trunc({left.text} / ({right.text}))")
        if e.op == "%":
            whole = e.type.base is Base.INTEGER
            return Piece(f"{'int' if whole else ''}(math.fmod({left.text}, {right.text}))")
        return super().binary(e, left, right)

    def call(self, e: Call, arguments: tuple[str, ...]) -> Piece:
        if e.function == "round":
            x = arguments[0]
            return Piece(f"math.copysign(math.floor(abs({x}) + 0.5), {x})")
        return super().call(e, arguments)

    def stored(self, symbol: Symbol, value: Expr) -> str:
        """Return the text of ``value`` as ``symbol`` holds it."""
        kinds = {Base.INTEGER: "int", Base.BOOLEAN: "bool"}
        return f"{kinds.get(symbol.type.base, 'float')}({self.expr(value)})"

    def lines(self, body: tuple[Stmt, ...]) -> tuple[str, ...]:
        return tuple(line for stmt in body for line in self.statement(stmt)) or ("pass",)

    def block(self, head: str, body: tuple[Stmt, ...]) -> list[str]:
        return [f"{head}:", *(f"    {line}" for line in self.lines(body))]

    def statement(self, stmt: Stmt) -> list[str]:
        match stmt:
            case Assign(symbol, value) | Declare(symbol, value):
                return [f"{self.name(symbol)} = {self.stored(symbol, value)}"]
            case If(branches, otherwise):
                lines: list[str] = []
                for i, b in enumerate(branches):
                    lines += self.block(f"{'elif' if i else 'if'} {self.expr(b.condition)}", b.body)
                return lines + (self.block("else", otherwise) if otherwise else [])
            case Integrate(flow):
                return [f"self.flow_{flow}()"]
            case Emit():
                return ["self.spikes += 1"]
            case Return():
                return ["return"]
            case _:
                raise AssertionError(f"{type(stmt).__name__} is among the features not claimed")
