"""What all lowering of a model shares: the names and kinds of its symbols in generated code."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nestml_core.api import (
    Base,
    Declaration,
    Expr,
    Kind,
    Number,
    Output,
    SolvedModel,
    Symbol,
    identifiers,
)
from nestml_lava.bodies import recursive
from nestml_lava.ir import Variable
from nestml_lava.reserved import VARIABLES
from nestml_lava.vector import ALL, Body, Names


class Scope:
    """The symbols of one model, and what Lava's processes have beside them."""

    def __init__(self, model: SolvedModel, reserved: frozenset[str] = VARIABLES) -> None:
        self.model = model
        self.held = {p.symbol: _derived(p.symbol, "held") for p in model.continuous_ports}
        self.waits = {d.symbol: _derived(d.symbol, "steps") for d in model.delays}
        state = dict.fromkeys(d.symbol for d in model.state)
        self.inlines = tuple(r for r in model.recordables if r.symbol.owner not in state)
        self.outputs = (
            {s: _derived(s, "out") for s in (*state, *(r.symbol for r in self.inlines))}
            if model.output is Output.CONTINUOUS
            else {}
        )
        self.names = Names(
            variable_names(self.public_symbols(), reserved),
            MappingProxyType({f.name: f"function_{f.name}" for f in model.functions}),
            recursive(model.functions),
        )
        moving = [s for f in model.flows for s in f.variables]
        self.strict = frozenset(s.owner for s in moving)
        convolved = [s for c in model.convolutions for s in c.states]
        self.moving = identifiers([*moving, *convolved], frozenset())
        """Names of what a step computes anew, without the dots and brackets of ``names``."""

    def public_symbols(self) -> tuple[Symbol, ...]:
        """Return all symbols of the model's own scope, the most public ones first."""
        m = self.model
        return (
            *(p.symbol for p in m.spike_ports),
            *(p.symbol for p in m.continuous_ports),
            *(d.symbol for d in m.parameters),
            *(d.symbol for d in m.state),
            *(r.symbol for r in self.inlines),
            *(s for c in m.convolutions for s in c.states),
            *self.held.values(),
            *self.outputs.values(),
            *m.internals,
            *(d.symbol for d in m.delays),
            *self.waits.values(),
        )

    def variable(
        self, symbol: Symbol, summary: str, declaration: Declaration | None = None
    ) -> Variable:
        unit = symbol.type.unit
        moving = symbol in self.strict or symbol not in {d.symbol for d in self.model.state}
        return Variable(
            name=self.names.variables[symbol],
            symbol=symbol,
            unit=unit.text if unit else symbol.type.base.value,
            factor=float(unit.factor) if unit else 1.0,
            is_boolean=symbol.type.base is Base.BOOLEAN,
            is_integer=symbol.type.base is Base.INTEGER,
            strict=moving,
            summary=_with_default(one_line(summary), declaration),
            length=None if symbol.size is None else self.length(symbol),
        )

    def length(self, vector: Symbol) -> Expr:
        """Return the length of a vector, in terms of the module."""
        assert vector.size is not None
        return Body(self.names).expr(vector.size, ALL, [])


def variable_names(
    symbols: tuple[Symbol, ...], reserved: frozenset[str] = VARIABLES
) -> Mapping[Symbol, str]:
    """Return the names of ports, variables and constants. Leading underscores are Lava's own."""
    private = frozenset(s.identifier for s in symbols if s.identifier.startswith("_"))
    return identifiers(symbols, reserved | private)


def _derived(symbol: Symbol, ending: str) -> Symbol:
    """Return a symbol for what belongs to another one."""
    return Symbol(f"{symbol.identifier}_{ending}", Kind.STATE, symbol.type, symbol.span)


def one_line(text: str) -> str:
    return " ".join(text.split())


def _with_default(summary: str, declaration: Declaration | None) -> str:
    """Return the summary of a parameter with its default, in the declared unit."""
    if declaration is None:
        return summary
    value = declaration.value
    unit = declaration.symbol.type.unit
    match value:
        case Number():
            shown = f"{float(value.value / (unit.factor if unit else 1)):g}"
        case _:
            shown = one_line(value.span.text)
    return "; ".join(part for part in (summary, shown and f"default {shown}") if part)
