"""Lower what happens in a time step: flows, functions, handlers, conditions and recordables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nestml_core.api import (
    Binary,
    Call,
    Convolution,
    Expr,
    Flow,
    Method,
    NonlinearSystem,
    Ref,
    Span,
    Symbol,
    Text,
    real_literal,
    share,
)
from nestml_lava.ir import Bind, Do, Give, Routine, Unpack, Vector, When
from nestml_lava.printing import expr as printed
from nestml_lava.scope import Scope, one_line
from nestml_lava.vector import ACTIVE, ALL, Body, V, body, both, mask, name, routine, store, stored


class Steps:
    """The routines that advance a population."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.model = scope.model
        self.names = scope.names

    def routines(self) -> Iterator[Routine]:
        m = self.model
        yield from (routine(self.names, f) for f in m.functions)
        for index, flow in enumerate(m.flows, 1):
            yield from self.flow(index, flow)
        yield Routine("_update", ("v",), "The update block.", body(self.names, m.update, None))
        for handler in m.on_receive:
            yield Routine(
                f"_receive_{self.names.variables[handler.port]}",
                ("v", ACTIVE),
                f"What spikes at the port {handler.port.name} do to the neurons that get any.",
                body(self.names, handler.body, mask(ACTIVE)),
            )
        for index, condition in enumerate(m.on_condition, 1):
            yield Routine(
                f"_condition_{index}",
                ("v", ACTIVE),
                "What happens to the neurons for which "
                f"{_shown(condition.condition.span, 'the condition')} holds.",
                body(self.names, condition.body, mask(ACTIVE)),
            )
        yield from self.proceeding()
        yield Routine(
            "_inlines",
            ("v",),
            "Compute what can be recorded beside the state.",
            tuple(self.recorded()),
        )

    def proceeding(self) -> Iterator[Routine]:
        yield Routine("_step", ("v",), "Advance all neurons by one step.", tuple(self.step()))

    def flow(self, index: int, flow: Flow) -> Iterator[Routine]:
        """Yield ``_integrate_k`` and the right-hand side it integrates numerically, if any."""
        advanced = ", ".join(s.name for s in flow.variables)
        out: list[Vector] = []
        stores: list[Vector] = []
        lowering = Body(self.names)
        if flow.linear is not None:
            for u in flow.linear.updates:
                new = self.new(u.target)
                out.append(Bind(new.symbol.name, lowering.expr(u.value, mask(ACTIVE), out)))
                stores.append(self.store(u.target, new, mask(ACTIVE)))
        if flow.nonlinear is not None:
            system = flow.nonlinear
            yield self.derivatives(index, system)
            if system.integrator.method is Method.ROSENBROCK:
                yield self.linearised(index, system)
            targets = tuple(self.new(s).symbol.name for s in system.variables)
            unused = ("_",) * len(system.companions)
            if len(targets) + len(unused) == 1:
                targets = (f"({targets[0]},)",)
            out.append(Unpack((*targets, *unused), self.integration(index, system)))
            stores += [self.store(s, self.new(s), mask(ACTIVE)) for s in system.variables]
        yield Routine(
            f"_integrate_{index}",
            ("v", ACTIVE),
            f"Integrate {advanced} over the step, for the neurons in ``active``."
            if advanced
            else "Integrate nothing: no equation is meant.",
            (*out, *stores, *self.jumps(flow)),
        )

    def new(self, symbol: Symbol) -> Ref:
        """Return the local variable that a step computes for ``symbol``."""
        return name(f"new_{self.scope.moving[symbol]}", symbol.type)

    def store(self, symbol: Symbol, value: Expr, where: Ref | None) -> Vector:
        return store(symbol, self.names.of(symbol.owner), value, where)

    def derivatives(self, index: int, system: NonlinearSystem) -> Routine:
        """Return the routine that evaluates what a step of ``system`` needs."""
        moving = ", ".join(s.name for s in (*system.variables, *system.companions))
        values = [u.value for u in system.derivatives]
        summary = f"Return the derivatives of {moving}, per ms."
        if system.integrator.method.is_exponential:
            values += system.rates
            summary = f"Return the derivatives of {moving}, per ms, and those by themselves."
        return self.evaluation(f"_derivatives_{index}", summary, values)

    def linearised(self, index: int, system: NonlinearSystem) -> Routine:
        """Return the routine that also evaluates the Jacobian."""
        values = [u.value for u in system.derivatives]
        values += [e for row in system.jacobian for e in row]
        summary = "Return the derivatives, per ms, and their Jacobian, row by row."
        return self.evaluation(f"_linearised_{index}", summary, values)

    def evaluation(self, name_: str, summary: str, values: Sequence[Expr]) -> Routine:
        lowering = Body(self.names)
        out: list[Vector] = []
        definitions, shared = share(values)
        for d in definitions:
            value = lowering.expr(d.value, mask(ACTIVE), out)
            lowering.locals = {**lowering.locals, d.symbol: d.symbol.name}
            out.append(Bind(d.symbol.name, value))
        results = tuple(lowering.expr(e, mask(ACTIVE), out) for e in shared)
        return Routine(name_, ("v", ACTIVE), summary, (*out, Give(results, is_tuple=True)))

    def integration(self, index: int, system: NonlinearSystem) -> Expr:
        moving = tuple(self.key(s) for s in (*system.variables, *system.companions))
        method = system.integrator.method
        functions = [name(f"_derivatives_{index}")]
        if method is Method.ROSENBROCK:
            functions.append(name(f"_linearised_{index}"))
        tolerances = (
            name(f"relative={real_literal(system.integrator.relative)}"),
            name(f"absolute={real_literal(system.integrator.absolute)}"),
        )
        return Call(
            method.value,
            (*functions, V, mask(ACTIVE), *moving, *(tolerances if method.is_adaptive else ())),
        )

    def key(self, symbol: Symbol) -> Expr:
        """Return what names a variable, or an element of a vector, to an integrator."""
        text = Text(self.names.variables[symbol.owner])
        return text if symbol.vector is None else name(f"({printed(text)}, {symbol.place})")

    def jumps(self, flow: Flow) -> Iterator[Vector]:
        """All amounts read the values after the flow and before any jump."""
        lowering = Body(self.names)
        out: list[Vector] = []
        stores: list[Vector] = []
        for i, jump in enumerate(flow.jumps, 1):
            amount = lowering.expr(jump.amount, mask(ACTIVE), out)
            if len(flow.jumps) > 1:
                out.append(Bind(f"jump_{i}", amount))
                amount = name(f"jump_{i}", jump.target.type)
            target = name(self.names.of(jump.target), jump.target.type)
            stores.append(self.store(jump.target, plus(target, amount), mask(ACTIVE)))
        yield from (*out, *stores)

    def step(self) -> Iterator[Vector]:
        """Yield a step in the order that the solved model prescribes."""
        m = self.model
        for delay in m.delays:
            key = Text(self.names.variables[delay.symbol])
            now = name(self.names.of(delay.variable))
            steps = name(self.names.of(self.scope.waits[delay.symbol]))
            yield Bind(self.names.of(delay.symbol), Call("delayed", (V, key, now, steps)))
        for handler in m.on_receive:
            port = self.names.of(handler.port)
            received = f"received_{self.names.variables[handler.port]}"
            yield Unpack((received, port), Call("events", (V, name(port))))
        yield from self.convolved()
        yield Do(Call("_update", (V,)))
        for handler in m.on_receive:
            port_name = self.names.variables[handler.port]
            received = f"received_{port_name}"
            yield When(received, (Do(Call(f"_receive_{port_name}", (V, mask(received)))),))
        yield from self.convolution_stores()
        for i, condition in enumerate(m.on_condition, 1):
            out: list[Vector] = []
            holds = Body(self.names).expr(condition.condition, ALL, out)
            yield from out
            yield Bind(ACTIVE, both(ALL, holds))
            yield When(ACTIVE, (Do(Call(f"_condition_{i}", (V, mask(ACTIVE)))),))

    def convolved(self) -> Iterator[Vector]:
        for c in self.model.convolutions:
            for u in c.updates:
                value = Body(self.names).expr(u.value, ALL, [])
                yield Bind(self.new(u.target).symbol.name, value)

    def convolution_stores(self) -> Iterator[Vector]:
        for c in self.model.convolutions:
            yield from self.convolution_store(c)

    def convolution_store(self, c: Convolution) -> Iterator[Vector]:
        """Jumps read spikes and constants only, so that they can join the new values at once."""
        for u in c.updates:
            value: Expr = self.new(u.target)
            for jump in c.jumps:
                if jump.target == u.target:
                    value = plus(value, Body(self.names).expr(jump.amount, ALL, []))
            yield Bind(self.names.of(u.target), value)

    def recorded(self) -> Iterator[Vector]:
        out: list[Vector] = []
        lowering = Body(self.names)
        for r in self.scope.inlines:
            value = lowering.expr(r.value, ALL, out)
            out.append(Bind(self.names.of(r.symbol), stored(r.symbol.type, value)))
        yield from out


def plus(a: Expr, b: Expr) -> Expr:
    return Binary("+", a, b, a.type)


def _shown(span: Span, otherwise: str) -> str:
    return one_line(span.text) or otherwise
