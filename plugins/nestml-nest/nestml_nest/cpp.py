"""Expressions and statements as C++ inside a NEST neuron."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from nestml_core.api import (
    Assign,
    Base,
    Binary,
    Channel,
    CPrinter,
    Declare,
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
from nestml_nest.ir import Entry, FunctionDefinition, Member
from nestml_nest.vectors import AT, FILL, filled, grows, is_whole, type_of

_OWNER = MappingProxyType(
    {
        Kind.PARAMETER: "P.",
        Kind.INTERNAL: "V.",
        Kind.STEP: "V.",
        Kind.STATE: "S.",
        Kind.SPIKE_PORT: "in.",
        Kind.CONTINUOUS_PORT: "in.",
        Kind.DELAYED: "in.",
        Kind.TIME: "in.",
    }
)


class NestPrinter(CPrinter):
    """Print what ``ir`` holds. Symbols carry C++ names; their kind says which struct owns them."""

    functions: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            **CPrinter.functions,
            "expdd": "nestml_runtime::expdd",
            "expm1": "nestml::expm1",
            "random_normal": "random.normal",
            "random_uniform": "random.uniform",
            "random_poisson": "random.poisson",
        }
    )

    def name(self, symbol: Symbol) -> str:
        if symbol.vector is not None:
            return f"{self.name(symbol.vector)}[{symbol.place}]"
        return _OWNER.get(symbol.kind, "") + symbol.identifier

    def element(self, vector: Symbol, index: str) -> str:
        return f"{AT}({self.name(vector)}, {index}, {c_string(vector.name)})"

    def text(self, value: str) -> str:
        return f"std::string({c_string(value)})"

    def binary(self, e: Binary, left: Piece, right: Piece) -> Piece:
        whole = e.left.type.base is Base.INTEGER and e.right.type.base is Base.INTEGER
        if whole and e.op in ("//", "%"):
            name = "quotient" if e.op == "//" else "remainder"
            return Piece(f"nestml::{name}({left.text}, {right.text})")
        return super().binary(e, left, right)

    def statement(self, stmt: Stmt) -> list[str]:
        match stmt:
            case Assign(target, value, _, index) if index is not None:
                return [f"{self.element(target, self.expr(index))} = {self.expr(value)};"]
            case Declare(symbol, value) if symbol.size is not None:
                element = self.type(symbol.type)
                text = self.expr(filled(symbol, value, element))
                return [f"{type_of(symbol, element)} {self.name(symbol)} = {text};"]
            case _:
                return super().statement(stmt)

    def assign(self, target: Symbol, value: Expr) -> str:
        if target.size is not None and not is_whole(value):
            return f"{FILL}({self.name(target)}, {self.expr(value)});"
        return super().assign(target, value)

    def integrate(self, stmt: Integrate) -> list[str]:
        return [f"integrate_odes_{stmt.flow}(P, V, in, S);"]

    def emit(self, stmt: Emit) -> list[str]:
        return ["++emitted;"]

    def say(self, stmt: Say) -> list[str]:
        level = "WARNING" if stmt.channel is Channel.WARNING else "INFO"
        parts = ", ".join(("name_", *map(self.spoken, stmt.parts)))
        return [f"nestml::say(nest::VerbosityLevel::{level}, {parts});"]

    def code(self, body: tuple[Stmt, ...], blanks: int) -> str:
        """Return ``body`` as lines that begin with so many blanks."""
        return "\n".join(" " * blanks + line for line in self.lines(body))

    def declaration(self, m: Member) -> str:
        """Return the declaration of a member of a struct, with its comment."""
        if m.symbol is not None and grows(m.symbol):
            text = f"{type_of(m.symbol, self.type(m.type))} {m.name};"
        elif m.symbol is not None:
            text = f"{type_of(m.symbol, self.type(m.type))} {m.name} = {self.expr(m.value)};"
        else:
            text = f"{self.type(m.type)} {m.name} = {self.expr(m.value)};"
        return f"{text}  // {m.comment}" if m.comment else text

    def update(self, e: Entry, owner: str) -> str:
        """Return what gives a member of a struct the value of its entry, if that is in ``d``."""
        where = f"d, {c_string(e.key)}, {owner}.{e.member.name}, this"
        if e.size is None:
            return f"nestml::update({where}{e.unit})"
        return f"nestml::update_elements({where}, {self.expr(e.size)}{e.unit})"

    def unset(self, e: Entry, owner: str) -> str:
        """Return the test of whether a member gets its default."""
        test = f"!given.{e.member.name}"
        if not e.grows or e.size is None:
            return test
        return f"{test} || !nestml::has_size({owner}.{e.member.name}, {self.expr(e.size)})"

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
