"""Expressions and statements as C++ inside a NEST neuron."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from nestml_core.api import (
    Base,
    Binary,
    Channel,
    CPrinter,
    Emit,
    Expr,
    Integrate,
    Kind,
    Piece,
    Ref,
    Say,
    Stmt,
    Symbol,
    Text,
    c_string,
)
from nestml_nest.ir import FunctionDefinition, Member

_OWNER = MappingProxyType(
    {
        Kind.PARAMETER: "P.",
        Kind.INTERNAL: "V.",
        Kind.STEP: "V.",
        Kind.STATE: "S.",
        Kind.SPIKE_PORT: "in.",
        Kind.CONTINUOUS_PORT: "in.",
        Kind.TIME: "in.",
    }
)


class NestPrinter(CPrinter):
    """Print what ``ir`` holds. Symbols carry C++ names; their kind says which struct owns them."""

    functions: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            **CPrinter.functions,
            "expdd": "nestml_runtime::expdd",
            "random_normal": "random.normal",
            "random_uniform": "random.uniform",
            "random_poisson": "random.poisson",
        }
    )

    def name(self, symbol: Symbol) -> str:
        return _OWNER.get(symbol.kind, "") + symbol.identifier

    def text(self, value: str) -> str:
        return f"std::string({c_string(value)})"

    def binary(self, e: Binary, left: Piece, right: Piece) -> Piece:
        whole = e.left.type.base is Base.INTEGER and e.right.type.base is Base.INTEGER
        if whole and e.op in ("//", "%"):
            name = "quotient" if e.op == "//" else "remainder"
            return Piece(f"nestml::{name}({left.text}, {right.text})")
        return super().binary(e, left, right)

    def integrate(self, stmt: Integrate) -> list[str]:
        return [f"integrate_odes_{stmt.flow}(P, V, in, S);"]

    def emit(self, stmt: Emit) -> list[str]:
        return ["emit_spike_(origin, lag);"]

    def say(self, stmt: Say) -> list[str]:
        level = "WARNING" if stmt.channel is Channel.WARNING else "INFO"
        parts = ", ".join(("name_", *map(self.spoken, stmt.parts)))
        return [f"nestml::say(nest::VerbosityLevel::{level}, {parts});"]

    def code(self, body: tuple[Stmt, ...], blanks: int) -> str:
        """Return ``body`` as lines that begin with so many blanks."""
        return "\n".join(" " * blanks + line for line in self.lines(body))

    def declaration(self, m: Member) -> str:
        """Return the declaration of a member of a struct, with its comment."""
        text = f"{self.type(m.type)} {m.name} = {self.expr(m.value)};"
        return f"{text}  // {m.comment}" if m.comment else text

    def operand(self, expr: Expr) -> str:
        """Return ``expr`` so that a multiplication may follow."""
        text = self.expr(expr)
        return text if isinstance(expr, Ref) else f"({text})"

    def signature(self, f: FunctionDefinition) -> str:
        """Return the head of a function of the model."""
        own = (f"{self.type(a.type)} {a.name}" for a in f.arguments)
        return f"{self.type(f.result)} {f.name}({', '.join((*f.context, *own))})"

    def spoken(self, part: Expr) -> str:
        return c_string(part.value) if isinstance(part, Text) else self.expr(part)
