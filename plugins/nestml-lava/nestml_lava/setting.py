"""Lower what happens when a process is made: parameters, constants, the state at the start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nestml_core.api import (
    Call,
    Declaration,
    Definition,
    Derived,
    Expr,
    Kind,
    MatrixExponential,
    Ref,
    Symbol,
    Text,
    number,
    real_literal,
    symbols_in,
)
from nestml_lava.ir import Bind, Do, Exponential, Routine, Vector
from nestml_lava.printing import expr as printed
from nestml_lava.scope import Scope, one_line
from nestml_lava.vector import ALL, Body, V, name, stored


class Setup:
    """The routines that set up the values of a population."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.model = scope.model
        self.names = scope.names

    def routines(self) -> Iterator[Routine]:
        yield Routine(
            "_parameters",
            ("v", "given"),
            "Set the parameters: those given, or their defaults.",
            tuple(self.parameters()),
        )
        yield Routine(
            "_guards",
            ("v",),
            "Check the bounds of the parameters.",
            tuple(self.guards(d for d in self.model.parameters if not self.is_late(d))),
        )
        yield Routine(
            "_constants",
            ("v",),
            "Compute what depends on parameters and the step size only.",
            tuple(self.constants()),
        )
        yield Routine(
            "_initial",
            ("v", "given"),
            "Set the state at the start: values given, or their defaults.",
            tuple(self.initial()),
        )
        yield Routine(
            "_sizes", ("v",), "Check that no size has changed.", tuple(self.size_checks())
        )

    def parameters(self) -> Iterator[Vector]:
        out: list[Vector] = []
        for d in self.model.parameters:
            default = Body(self.names).expr(d.value, ALL, out)
            if d.symbol in self.model.fixed:
                fixed = Call("given.fixed", (Text(self.names.variables[d.symbol]), default))
                out.append(Bind(self.names.of(d.symbol), fixed))
                continue
            out.append(Bind(self.names.of(d.symbol), self.given(d.symbol, default)))
        yield from out

    def given(self, symbol: Symbol, default: Expr) -> Expr:
        """Return what takes the given value of ``symbol``, or else ``default``."""
        variable = self.scope.variable(symbol, "")
        kind = (
            ()
            if not (variable.is_boolean or variable.is_integer)
            else (name("kind=bool" if variable.is_boolean else "kind=int"),)
        )
        factor = () if variable.factor == 1 else (name(f"factor={real_literal(variable.factor)}"),)
        size = () if variable.length is None else (name(f"size={printed(variable.length)}"),)
        value = stored(symbol.type, default)
        return Call("given", (Text(variable.name), value, *factor, *kind, *size))

    def size_checks(self) -> Iterator[Vector]:
        for parameter in self.model.fixed:
            default = next(d.value for d in self.model.parameters if d.symbol == parameter)
            text = Text(self.names.variables[parameter])
            yield Do(Call("v.unchanged", (text, default)))
        for d in (*self.model.parameters, *self.model.state):
            if isinstance(d.symbol.size, Ref):
                text = Text(self.names.variables[d.symbol.size.symbol])
                length = Call("len", (name(self.names.of(d.symbol)),))
                yield Do(Call("v.unchanged", (text, length)))

    def guards(self, declarations: Iterable[Declaration]) -> Iterator[Vector]:
        out: list[Vector] = []
        for d in declarations:
            if d.guard is None:
                continue
            holds = Body(self.names).expr(d.guard, ALL, out)
            text = one_line(d.guard.span.text) or "its guard"
            variable = Text(self.names.variables[d.symbol])
            out.append(Do(Call("v.guard", (variable, holds, Text(text)))))
        yield from out

    def is_late(self, d: Declaration) -> bool:
        """Return whether a guard can be checked only when the state is known."""
        return d.guard is not None and (d.symbol.kind is Kind.STATE or _reads_state(d.guard))

    def constants(self) -> Iterator[Vector]:
        yield from self.derived(self.model.derived)
        out: list[Vector] = []
        lowering = Body(self.names)
        for d in self.model.delays:
            duration = lowering.expr(d.duration, ALL, out)
            steps = Call("delay_steps", (V, Text(d.variable.name), duration))
            out.append(Bind(self.names.of(self.scope.waits[d.symbol]), steps))
        yield from out

    def derived(self, constants: Iterable[Derived]) -> Iterator[Vector]:
        lowering = Body(self.names)
        out: list[Vector] = []
        for i, derived in enumerate(constants, 1):
            match derived:
                case Definition(symbol, value):
                    target = self.names.of(symbol)
                    constant = stored(symbol.type, lowering.expr(value, ALL, out))
                    if symbol.size is not None:
                        constant = Call("vector", (V, constant, self.scope.length(symbol)))
                    out.append(Bind(target, constant))
                case MatrixExponential(symbols, matrix):
                    rows = tuple(tuple(lowering.expr(e, ALL, out) for e in row) for row in matrix)
                    entries = tuple(
                        (self.names.of(s), i, j)
                        for i, row in enumerate(symbols)
                        for j, s in enumerate(row)
                        if s is not None
                    )
                    out.append(Exponential(f"propagator_{i}", rows, entries))
        yield from out

    def initial(self) -> Iterator[Vector]:
        """Defaults read defaults, not what is given, as in the core's reference."""
        lowering = Body(self.names)
        out: list[Vector] = []
        late: list[Vector] = []
        state = self.model.state
        read = frozenset(s.owner for d in state for s in symbols_in(d.value))
        for d in state:
            target = self.names.of(d.symbol)
            value = stored(d.symbol.type, lowering.expr(d.value, ALL, out))
            if d.symbol in read:
                out.append(Bind(target, value))
                late.append(Bind(target, self.given(d.symbol, name(target, d.symbol.type))))
            else:
                out.append(Bind(target, self.given(d.symbol, value)))
        for symbol in (*self.convolved_states(), *self.scope.held.values()):
            out.append(Bind(self.names.of(symbol), self.given(symbol, number(0))))
        for port, held in self.scope.held.items():
            out.append(Bind(self.names.of(port), name(self.names.of(held))))
        for spike_port in self.model.spike_ports:
            out.append(Bind(self.names.of(spike_port.symbol), number(0)))
        yield from (*out, *late)
        for delay in self.model.delays:
            yield Bind(self.names.of(delay.symbol), name(self.names.of(delay.variable)))
        yield from self.guards(d for d in (*self.model.parameters, *state) if self.is_late(d))

    def convolved_states(self) -> tuple[Symbol, ...]:
        return tuple(s for c in self.model.convolutions for s in c.states)


def _reads_state(e: Expr) -> bool:
    return any(s.kind not in (Kind.PARAMETER, Kind.STEP) for s in symbols_in(e))
