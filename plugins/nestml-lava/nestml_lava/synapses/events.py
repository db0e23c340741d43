"""Lower what happens to synapses: the flow since the last event, and the events."""

from __future__ import annotations

from collections.abc import Iterator

from nestml_core.api import (
    DT,
    Call,
    Definition,
    Derived,
    Expr,
    MatrixExponential,
    Symbol,
    number,
    symbols_in,
)
from nestml_lava.ir import Bind, Do, Routine, Vector, When
from nestml_lava.setting import Setup
from nestml_lava.steps import Steps, plus
from nestml_lava.vector import ACTIVE, Body, V, both, mask, name


class SynapseSetup(Setup):
    """The routines that set up synapses."""

    def routines(self) -> Iterator[Routine]:
        yield from super().routines()
        yield Routine(
            "_interval",
            ("v",),
            "Compute what depends on the time since the last event, ``v.dt``.",
            tuple(self.derived(of_the_interval(self.model.derived))),
        )


def of_the_interval(constants: tuple[Derived, ...]) -> Iterator[Derived]:
    """Yield the constants that change with ``dt``, in order of evaluation."""
    moving: set[Symbol] = {DT}
    for d in constants:
        match d:
            case Definition(symbol, value) if not moving.isdisjoint(symbols_in(value)):
                moving.add(symbol)
                yield d
            case MatrixExponential(symbols):
                moving.update(s for row in symbols for s in row if s is not None)
                yield d


class Events(Steps):
    """The routines for flows and events."""

    def proceeding(self) -> Iterator[Routine]:
        yield Routine("_flow", ("v",), "Let time pass: ``v.dt``.", tuple(self.passing()))
        for p in self.model.spike_ports:
            yield Routine(
                f"_event_{self.names.variables[p.symbol]}",
                ("v", ACTIVE),
                f"What a spike at the port {p.symbol.name} does.",
                tuple(self.event(p.symbol)),
            )

    def passing(self) -> Iterator[Vector]:
        yield from self.convolved()
        yield Do(Call("_update", (V,)))
        for c in self.model.convolutions:
            for u in c.updates:
                yield Bind(self.names.of(u.target), self.new(u.target))

    def event(self, port: Symbol) -> Iterator[Vector]:
        if any(h.port == port for h in self.model.on_receive):
            yield Do(Call(f"_receive_{self.names.variables[port]}", (V, mask(ACTIVE))))
        for c in self.model.convolutions:
            for jump in c.jumps if c.port == port else ():
                amount: Expr = Body(self.names).expr(jump.amount, mask(ACTIVE), [])
                target = self.names.of(jump.target)
                yield Bind(target, plus(name(target, jump.target.type), amount))
        yield Bind(self.names.of(port), number(0))
        for i, condition in enumerate(self.model.on_condition, 1):
            out: list[Vector] = []
            holds = Body(self.names).expr(condition.condition, mask(ACTIVE), out)
            yield from out
            met = f"{ACTIVE}_{i}"
            yield Bind(met, both(mask(ACTIVE), holds))
            yield When(met, (Do(Call(f"_condition_{i}", (V, mask(met)))),))
