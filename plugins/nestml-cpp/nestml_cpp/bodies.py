"""Statement lists of a model as the bodies of C++ member functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from nestml_core.api import (
    BOOLEAN,
    INTEGER,
    STRING,
    VOID,
    Assign,
    Base,
    Boolean,
    Branch,
    Call,
    Declare,
    Element,
    Emit,
    Evaluate,
    Expr,
    For,
    Function,
    If,
    Integrate,
    Kind,
    Number,
    Ref,
    Stmt,
    Symbol,
    Text,
    Type,
    While,
    expressions_in,
    map_body,
    number,
    ref,
    rewrite,
    symbols_in,
    walk_statements,
)
from nestml_cpp.functions import Reach, Reaches, expr_reach
from nestml_cpp.names import Names, members

PARAMETERS = Symbol("p", Kind.LOCAL)
INPUT = Symbol("in", Kind.LOCAL)
UNUSED = "static_cast<void>"
ELEMENT = "nestml_runtime::at"

_ZERO: Mapping[Base, Expr] = {
    Base.INTEGER: Number(Fraction(0), INTEGER),
    Base.BOOLEAN: Boolean(False, BOOLEAN),
    Base.STRING: Text("", STRING),
}


@dataclass(frozen=True, slots=True)
class Renaming:
    """Puts C++ names in place of those of a model.

    ``reaches`` and ``flows`` decide which arguments calls get beside their own.
    """

    names: Names
    reaches: Reaches
    flows: tuple[Reach, ...]

    def symbol(self, symbol: Symbol, local: Mapping[Symbol, Symbol] | None = None) -> Symbol:
        """Return ``symbol`` under its C++ name; an element lives in the renamed vector."""
        if local and symbol in local:
            return local[symbol]
        if symbol.vector is not None:
            return replace(symbol, vector=self.symbol(symbol.vector, local))
        new = self.names.symbols.get(symbol, symbol)
        match new.size:
            case Ref(parameter):
                return replace(new, size=ref(self.symbol(parameter)))
            case _:
                return new

    def expr(self, e: Expr, local: Mapping[Symbol, Symbol] | None = None) -> Expr:
        """Return ``e`` with C++ names; symbols in ``local`` stand for local variables."""

        def change(x: Expr) -> Expr:
            match x:
                case Ref(symbol):
                    return replace(x, symbol=self.symbol(symbol, local))
                case Element(vector, index):
                    whole = ref(self.symbol(vector, local))
                    name = Text(vector.name, STRING)
                    return Call(ELEMENT, (whole, index, name), x.type, x.span)
                case Call(function, arguments) if function in self.names.functions:
                    inner = (*self.context(function), *arguments)
                    return replace(x, function=self.names.functions[function], arguments=inner)
                case _:
                    return x

        return rewrite(e, change)

    def context(self, function: str) -> tuple[Expr, ...]:
        reach = self.reaches[function]
        if reach.is_static:
            return (ref(PARAMETERS),) if reach.parameters else ()
        return (ref(INPUT),) if reach.input else ()

    def body(self, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        """Return ``body`` as that of a member function."""
        return self._body(body, ())[1]

    def function(self, f: Function) -> tuple[tuple[Symbol, ...], tuple[Stmt, ...]]:
        """Return the arguments and the body of ``f``."""
        return self._body(f.body, f.arguments)

    def _body(
        self, body: tuple[Stmt, ...], arguments: tuple[Symbol, ...]
    ) -> tuple[tuple[Symbol, ...], tuple[Stmt, ...]]:
        declared = (s.symbol for s in walk_statements(body) if isinstance(s, Declare))
        local = members((*arguments, *declared), self.names.taken)
        local = {s: self._sized(new) for s, new in local.items()}
        read = {s.owner for e in expressions_in(body) for s in symbols_in(e)}
        return tuple(local[a] for a in arguments), tuple(self._statements(body, local, read))

    def _sized(self, symbol: Symbol) -> Symbol:
        """Return a local variable with the C++ name of the parameter that is its size."""
        if not isinstance(symbol.size, Ref):
            return symbol
        return replace(symbol, size=ref(self.symbol(symbol.size.symbol)))

    def _statements(
        self, body: Iterable[Stmt], local: Mapping[Symbol, Symbol], read: set[Symbol]
    ) -> Iterator[Stmt]:
        for stmt in body:
            if isinstance(stmt, Emit) and stmt.weight is not None:
                yield from self._effects(stmt.weight, local)
            yield self._statement(stmt, local, read)
            if isinstance(stmt, Declare) and stmt.symbol not in read:
                yield Evaluate(Call(UNUSED, (ref(local[stmt.symbol]),), VOID))

    def _effects(self, weight: Expr, local: Mapping[Symbol, Symbol]) -> Iterator[Stmt]:
        """Yield what evaluates the weight of a spike, where that changes anything."""
        if expr_reach(weight, self.reaches).changes:
            yield Evaluate(Call(UNUSED, (self.expr(weight, local),), VOID))

    def _statement(self, stmt: Stmt, local: Mapping[Symbol, Symbol], read: set[Symbol]) -> Stmt:
        def expr(e: Expr) -> Expr:
            return self.expr(e, local)

        def inner(body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
            return tuple(self._statements(body, local, read))

        match stmt:
            case Assign(target):
                return replace(
                    stmt,
                    target=self.symbol(target, local),
                    value=expr(stmt.value),
                    index=None if stmt.index is None else expr(stmt.index),
                )
            case Declare(symbol):
                return replace(stmt, symbol=local[symbol], value=expr(stmt.value))
            case If(branches, otherwise):
                new = tuple(Branch(expr(b.condition), inner(b.body)) for b in branches)
                return replace(stmt, branches=new, otherwise=inner(otherwise))
            case For(variable):
                return replace(
                    stmt,
                    variable=local.get(variable, self.symbol(variable)),
                    start=expr(stmt.start),
                    stop=expr(stmt.stop),
                    step=expr(stmt.step),
                    body=inner(stmt.body),
                )
            case While():
                return replace(stmt, condition=expr(stmt.condition), body=inner(stmt.body))
            case Integrate(flow):
                arguments = (ref(INPUT),) if self.flows[flow].input else ()
                return Evaluate(Call(integrate_name(flow), arguments, VOID))
            case Emit():
                return replace(stmt, weight=None)
            case _:
                return map_body((stmt,), expr)[0]


def integrate_name(flow: int) -> str:
    return f"integrate_{flow + 1}"


def zero(type: Type) -> Expr:
    return _ZERO.get(type.base, number(0))
