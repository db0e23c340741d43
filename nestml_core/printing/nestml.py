"""NESTML itself: expressions and statements for people, in coherent units."""

from __future__ import annotations

from types import MappingProxyType

from nestml_core.expr import Constant, Number, Symbol
from nestml_core.printing.base import ATOM, ExprPrinter, Piece
from nestml_core.stmt import (
    Assign,
    Declare,
    Emit,
    Evaluate,
    For,
    If,
    Integrate,
    IntegrateOdes,
    Return,
    Say,
    Stmt,
    While,
)
from nestml_core.types import Base

_LEVELS = {
    "?:": 1,
    "or": 2,
    "and": 3,
    "unary not": 4,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 5),
    **dict.fromkeys(("&", "|", "^", "<<", ">>"), 6),
    **dict.fromkeys("+-", 7),
    **dict.fromkeys(("*", "/", "//", "%"), 8),
    "unary -": 9,
    "unary ~": 9,
    "**": 10,
}


class NestmlPrinter(ExprPrinter):
    levels = MappingProxyType(_LEVELS)
    spelling = MappingProxyType({"not": "not "})
    non_associative = frozenset(("**", "==", "!=", "<", "<=", ">", ">=", "&", "|", "^"))

    def name(self, symbol: Symbol) -> str:
        return symbol.name if "[" in symbol.name else symbol.identifier

    def number(self, e: Number) -> Piece:
        value = e.value
        if value.denominator == 1 and (e.type.base is Base.INTEGER or abs(value) < 10**6):
            text = str(value.numerator)
        else:
            text = repr(float(value))
        return Piece(text, _LEVELS["unary -"] if text.startswith("-") else ATOM)

    def constant(self, e: Constant) -> Piece:
        return Piece(e.name)

    def text(self, value: str) -> str:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'

    def lines(self, body: tuple[Stmt, ...]) -> list[str]:
        """Return statements as lines, indented by four blanks a level."""
        return [line for stmt in body for line in self.statement(stmt)]

    def block(self, head: str, body: tuple[Stmt, ...]) -> list[str]:
        return [head + ":", *("    " + line for line in self.lines(body))]

    def statement(self, stmt: Stmt) -> list[str]:
        e = self.expr
        match stmt:
            case Assign(target, value, _, index):
                place = "" if index is None else f"[{e(index)}]"
                return [f"{target.name}{place} = {e(value)}"]
            case Declare(symbol, value):
                size = "" if symbol.size is None else f"[{e(symbol.size)}]"
                return [f"{symbol.name}{size} {symbol.type} = {e(value)}"]
            case If(branches, otherwise):
                lines: list[str] = []
                for i, b in enumerate(branches):
                    lines += self.block(f"{'elif' if i else 'if'} {e(b.condition)}", b.body)
                return lines + (self.block("else", otherwise) if otherwise else [])
            case For(variable, start, stop, step, body):
                head = f"for {variable.name} in {e(start)} ... {e(stop)} step {e(step)}"
                return self.block(head, body)
            case While(condition, body):
                return self.block(f"while {e(condition)}", body)
            case Return(value):
                return ["return" if value is None else f"return {e(value)}"]
            case IntegrateOdes(variables):
                return [f"integrate_odes({', '.join(v.name for v in variables or ())})"]
            case Integrate(flow):
                return [f"integrate flow {flow}"]
            case Emit(weight):
                return [f"emit_spike({'' if weight is None else e(weight)})"]
            case Say(channel, parts):
                return [f"{channel.value}({' + '.join(e(p) for p in parts)})"]
            case Evaluate(call):
                return [e(call)]
