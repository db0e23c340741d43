"""One solved synapse in the terms of a NEST connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from nestml_core.api import (
    DT,
    REAL,
    RESOLUTION,
    TIME,
    Assign,
    Call,
    Declaration,
    Declare,
    Definition,
    Derived,
    Expr,
    For,
    Function,
    Kind,
    MatrixExponential,
    Postsynaptic,
    Ref,
    SolvedModel,
    Stmt,
    Symbol,
    bodies_of,
    expressions_in,
    identifiers,
    needs_every_step,
    postsynaptic,
    rewrite,
    step_expressions,
    symbols_in,
    without,
)
from nestml_nest import ir, names
from nestml_nest import synapse_ir as sir
from nestml_nest.native import CONNECTION_ENTRIES
from nestml_nest.neuron import Lowering, derived_expressions, local_symbols
from nestml_nest.options import Options

if TYPE_CHECKING:
    from nestml_core.api import Roles

ALL = "all"
"""Stands for all parameters in the option ``homogeneous``."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a generated synapse: its C++ classes, and what it is called in NEST."""

    name: str
    events: str
    title: str


def weight_symbol(model: SolvedModel, options: Options) -> Symbol | None:
    """Return the parameter, state variable or recordable that is NEST's weight."""
    declared = [d.symbol for d in (*model.state, *model.parameters)]
    declared += [r.symbol for r in model.recordables]
    return next((s for s in declared if s.name == options.weight), None)


def delay_symbol(model: SolvedModel, options: Options) -> Symbol | None:
    """Return the parameter that is NEST's delay."""
    declared = (d.symbol for d in model.parameters)
    return next((s for s in declared if s.name == options.delay), None)


def is_shared(d: Declaration, model: SolvedModel, options: Options) -> bool:
    """Return whether the connections of a model share a parameter."""
    if d.symbol == delay_symbol(model, options):
        return False
    if d.homogeneous or d.symbol.name in options.homogeneous:
        return True
    return ALL in options.homogeneous and d.symbol != weight_symbol(model, options)


def connection_keys(model: SolvedModel) -> Mapping[Symbol, str]:
    """Return the status entry of each parameter, state variable and recordable of a synapse."""
    declared = [d.symbol for d in (*model.parameters, *model.state)]
    symbols = list(dict.fromkeys((*declared, *(r.symbol for r in model.recordables))))
    keys = identifiers(symbols, (), taken=CONNECTION_ENTRIES)
    return MappingProxyType({s: keys[s] for s in symbols})


class SynapseLowering(Lowering):
    """Lowers a synapse; each symbol gets the struct that owns it as a part of its name."""

    def __init__(
        self, model: SolvedModel, called: Names, options: Options, roles: Roles, is_paired: bool
    ) -> None:
        super().__init__(model, called.name, called.title, options)
        self.called, self.roles = called, roles
        self._name(names.variables(local_symbols(self.model), _MEMBERS))
        functions = [Symbol(f.name, Kind.LOCAL) for f in model.functions]
        named = names.variables(functions, _MEMBERS)
        self.function_names = {s.name: n.name for s, n in named.items()}
        self.weight = weight_symbol(self.model, options)
        self.delay_parameter = delay_symbol(self.model, options)
        stay = tuple(s for s in (self.weight, self.delay_parameter) if s is not None)
        self.whole = self.model
        self.part = Postsynaptic()
        if is_paired:
            self.part = postsynaptic(self.model, roles.postsynaptic, stay)
            self.model = without(self.model, self.part)
        self.keys = connection_keys(self.whole)
        self.owners = dict(self.ownership())

    def side_by_side(self) -> None:
        """Synapses have their events one by one."""

    # Names

    def ownership(self) -> Iterator[tuple[Symbol, str]]:
        m = self.whole
        moved = frozenset(self.part.symbols)
        neuronal = {d.symbol for d in self.part.parameters}
        for d in m.parameters:
            shared = is_shared(d, m, self.options)
            yield d.symbol, "N" if d.symbol in neuronal else "C" if shared else "P"
        for s in (*(d.symbol for d in m.state), *(z for c in m.convolutions for z in c.states)):
            yield s, "M" if s in moved else "S"
        for port in _ports(m):
            yield port, "in"
        yield TIME, "in"
        yield DT, "in"
        yield RESOLUTION, "V"
        known = {d.symbol: is_shared(d, m, self.options) for d in m.parameters}
        owner: dict[Symbol, str] = {}
        for derived in m.derived:
            read = [s for e in derived_expressions(derived) for s in symbols_in(e)]
            place = "V"
            if isinstance(derived, MatrixExponential) or any(
                s == DT or owner.get(s) == "D" for s in read
            ):
                place = "D"
            elif any(
                owner.get(s) == "K" or (s in known and (s in neuronal or not known[s]))
                for s in read
            ):
                place = "K"
            for s in defined(derived):
                owner[s] = place
                yield s, place

    def path(self, symbol: Symbol) -> Symbol:
        """Return ``symbol`` with the whole name that statements know it by."""
        owner = self.owners.get(symbol)
        name = _NAMES.get(symbol) or self.cpp[symbol].name
        return replace(symbol, name=f"{owner}.{name}" if owner else name, kind=Kind.LOCAL)

    def place(self, symbol: Symbol) -> str:
        return self.path(symbol).name

    def _renamed(self, e: Expr) -> Expr:
        match e:
            case Ref(symbol) if symbol in self.cpp or symbol in _NAMES:
                return replace(e, symbol=self.path(symbol))
            case Call(function) if function in self.needs:
                return replace(e, function=self.function_names[function])
            case _:
                return e

    def _statement(self, s: Stmt) -> Stmt:
        match s:
            case Assign():
                return replace(s, target=self.path(s.target))
            case Declare():
                return replace(s, symbol=self.path(s.symbol))
            case For():
                return replace(s, variable=self.path(s.variable))
            case _:
                return s

    # Parts

    def synapse(self, partner: sir.Partner | None) -> sir.Synapse:
        m = self.model
        convolutions = tuple(self.convolution(c) for c in m.convolutions)
        hidden = tuple(
            self.zeroed(s, f"convolution of {c.kernel} with {c.port.name}")
            for c in m.convolutions
            for s in c.states
        )
        state = tuple(self.entry(d) for d in m.state if self.owners[d.symbol] == "S")
        own = self.entries("P")
        late = (d for d in m.parameters if d.symbol == self.delay_parameter)
        delay = next(map(self.entry, late), None)
        dependents = tuple(self.dependents())
        events = tuple(self.event(p) for p in self.roles.order)
        weight = self.weight_entry()
        recordings = tuple(self.shown())
        has_post = self.roles.postsynaptic is not None
        moving = bool(m.flows or m.convolutions or m.update)
        return sir.Synapse(
            name=self.name,
            events=self.called.events,
            title=self.title,
            documentation=tuple(f"/// {line}".rstrip() for line in names.comment(m.documentation)),
            headers=tuple(h for h in self.headers() if h in ("random.h", "message.h", "integer.h")),
            runtime=self.runtime(),
            own=own,
            settable=tuple(e for e in own if e != delay),
            delay=delay,
            delay_key="" if delay is None or self.options.delay == "delay" else delay.key,
            shared=self.entries("C"),
            state=tuple(sorted(state, key=_by_size)),
            hidden=hidden,
            dependents=tuple(d for d in dependents if d.owner != "C"),
            shared_dependents=tuple(d for d in dependents if d.owner == "C"),
            variables=self.constants("V"),
            variable_computations=self.computations("V"),
            constants=self.constants("K"),
            constant_computations=self.computations("K"),
            interval=self.constants("D"),
            interval_computations=self.computations("D"),
            inputs=tuple(self.inputs()),
            guards=tuple(self.guards_of(("P", "S"))),
            shared_guards=tuple(self.guards_of(("C",))),
            flows=tuple(self.flow(i, f) for i, f in enumerate(m.flows)),
            convolutions=convolutions,
            functions=tuple(self.function(f) for f in m.functions),
            update=self.body(m.update),
            order=events,
            conditions=tuple(
                ir.Condition(self.expr(c.condition), self.body(c.body)) for c in m.on_condition
            ),
            own_weight=weight if weight and weight.owner != "C" else None,
            shared_weight=weight if weight and weight.owner == "C" else None,
            shown_weight=next(
                (r for s, r in recordings if s == self.weight and weight is None), None
            ),
            recordings=tuple(r for _, r in recordings),
            partner=partner,
            has_state=bool(state or hidden),
            has_post=has_post,
            sees_archive=has_post and partner is None,
            sees_kept=has_post and partner is not None,
            has_others=has_post or bool(self.roles.modulators or self.roles.third_factors),
            has_mod=bool(self.roles.modulators),
            is_random=m.is_random,
            seen=tuple(s.port for s in partner.kept.seen) if partner is not None else (),
            remembers_steps=partner is not None and partner.kept.is_stepwise,
            is_attached=partner is not None and (has_post or bool(self.roles.third_factors)),
            follows=needs_every_step(self.whole),
            flows_at_all=moving
            or self.roles.postsynaptic is not None
            or bool(self.roles.modulators or self.roles.third_factors)
            or self.reads_interval(),
        )

    def reads_interval(self) -> bool:
        moving = {s for s, owner in self.owners.items() if owner == "D"} | {DT}
        return any(
            s in moving
            for b in bodies_of(self.model)
            for e in expressions_in(b)
            for s in symbols_in(e)
        )

    def entries(self, owner: str) -> tuple[ir.Entry, ...]:
        found = [self.entry(d) for d in self.model.parameters if self.owners[d.symbol] == owner]
        return tuple(sorted(found, key=_by_size))

    def constants(self, owner: str) -> tuple[ir.Member, ...]:
        return tuple(self.zeroed(s, "") for s in self.whole.internals if self.owners[s] == owner)

    def computations(self, owner: str) -> tuple[ir.Computation, ...]:
        """Return how the derived constants of ``owner`` are found, in order."""
        gone = set(self.part_only())
        return tuple(
            self.computation(d)
            for d in self.whole.derived
            if any(self.owners[s] == owner for s in defined(d)) and d not in gone
        )

    def part_only(self) -> Iterator[Derived]:
        """Yield the derived constants that serve only what the neuron does."""
        used = {s for e in self.everything() for s in symbols_in(e)}
        for d in reversed(self.whole.derived):
            if used.isdisjoint(defined(d)):
                yield d
            else:
                used |= {s for e in derived_expressions(d) for s in symbols_in(e)}

    def everything(self) -> Iterator[Expr]:
        m = self.model
        yield from step_expressions(m)
        for d in _declared(m):
            yield d.value
            if d.guard is not None:
                yield d.guard
        yield from (r.value for r in m.recordables)
        yield from (j.amount for c in self.whole.convolutions for j in c.jumps)

    def computation(self, d: Derived) -> ir.Computation:
        found = super().computation(d)
        if isinstance(d, Definition):
            return replace(found, name=self.place(d.symbol))
        propagators = tuple(
            replace(p, name=self.place(s))
            for p, s in zip(
                found.propagators,
                (s for row in d.symbols for s in row if s is not None),
                strict=True,
            )
        )
        return replace(found, propagators=propagators)

    def inputs(self) -> Iterator[ir.Member]:
        read = {s for e in self.everything() for s in symbols_in(e)} | {*self.roles.third_factors}
        for port in _ports(self.whole):
            if port in read:
                yield self.zeroed(port, "")

    def event(self, port: Symbol) -> sir.Event:
        m = self.model
        if port == self.roles.presynaptic:
            role = "pre"
        else:
            role = "post" if port == self.roles.postsynaptic else "mod"
        read = any(port in symbols_in(e) for e in self.everything())
        # the copy of what the neuron keeps jumps too, for conditions to see
        jumps = [j for c in self.whole.convolutions if c.port == port for j in c.jumps]
        return sir.Event(
            name=self.member(port),
            role=role,
            is_post=role == "post",
            is_mod=role == "mod",
            member=self.place(port) if read else "",
            flows_anyway=any(port in symbols_in(j.amount) for f in m.flows for j in f.jumps),
            body=tuple(s for h in m.on_receive if h.port == port for s in self.body(h.body)),
            jumps=self.jumps(jumps),
        )

    def dependents(self) -> Iterator[sir.Owned]:
        """Yield what follows others until it is given a value."""
        for d in _declared(self.model):
            owner = self.owners[d.symbol]
            entry = self.entry(d)
            if entry.is_dependent and owner in "CPS":
                yield sir.Owned(owner, entry)

    def sources(self, value: Expr) -> frozenset[Symbol]:
        """Return all that ``value`` reads, through derived constants too."""
        found = set(symbols_in(value))
        for d in reversed(self.whole.derived):
            if not found.isdisjoint(defined(d)):
                found |= {s for e in derived_expressions(d) for s in symbols_in(e)}
        return frozenset(found)

    def guards_of(self, owners: Sequence[str]) -> Iterator[ir.Guard]:
        """Yield the guards that can be checked where what belongs to ``owners`` is known."""
        for d in _declared(self.model):
            if d.guard is None or self.owners[d.symbol] in "NM":
                continue
            read = {self.owners.get(s) for s in self.sources(d.guard)} | {self.owners[d.symbol]}
            place = "P" if read.intersection(("P", "S")) else "C"
            if place in owners:
                yield self.guard(d, d.guard)

    def weight_entry(self) -> sir.Owned | None:
        """Return what NEST's weight stands for; a recordable inline cannot be set."""
        for d in _declared(self.model):
            if d.symbol == self.weight:
                return sir.Owned(self.owners[d.symbol], self.entry(d))
        return None

    def shown(self) -> Iterator[tuple[Symbol, ir.Recording]]:
        """Yield the recordable inlines that follow from what a connection or its model has."""
        declared = {d.symbol for d in self.whole.state}
        for r in self.whole.recordables:
            if r.symbol.owner in declared:
                continue
            if {self.owners.get(s, "") for s in self.sources(r.value)} <= set("PCKVS"):
                yield r.symbol, self.recording(r.symbol, r.value)

    def elsewhere(self, neuron: str, base: str) -> Iterator[sir.Elsewhere]:
        """Yield what is set in the neuron."""
        for d in (*self.part.parameters, *self.part.state):
            key = self.keys[d.symbol]
            message = (
                f"{key} of {self.title} belongs to the neuron: set {key}__for_{base} of {neuron}."
            )
            yield sir.Elsewhere(key, message)

    def function(self, f: Function) -> ir.FunctionDefinition:
        return ir.FunctionDefinition(
            name=self.function_names[f.name],
            result=f.result.type,
            context=(),
            arguments=tuple(ir.Argument(a.type, self.member(a)) for a in f.arguments),
            body=self.body(f.body),
        )


class KeptLowering(SynapseLowering):
    """Lowers what the neuron keeps, in a struct of its own with ``P``, ``K``, ``D`` and ``S``."""

    def ownership(self) -> Iterator[tuple[Symbol, str]]:
        for symbol, owner in super().ownership():
            steady = {"N": "P", "M": "S", "V": "K"}
            yield symbol, steady.get(owner, owner)

    def kept(self, name: str, member: str, base: str, read: Mapping[Symbol, Expr]) -> sir.Kept:
        """Return the struct for synapses that are called ``base``.

        Parameters
        ----------
        read : what continuous ports see, in terms of the neuron
        """
        part = self.part
        used = {s for d in part.derived for s in defined(d)}
        ending = f"__for_{base}"
        port = part.port

        def entry(d: Declaration) -> ir.Entry:
            found = self.entry(d)
            return replace(found, key=self.keys[d.symbol] + ending)

        def derived(owner: str) -> tuple[tuple[ir.Member, ...], tuple[ir.Computation, ...]]:
            symbols = [s for s in self.whole.internals if s in used and self.owners[s] == owner]
            computed = [d for d in part.derived if self.owners[next(iter(defined(d)))] == owner]
            return (
                tuple(self.zeroed(s, "") for s in symbols),
                tuple(self.computation(d) for d in computed),
            )

        def guard(d: Declaration, condition: Expr) -> ir.Guard:
            found = self.guard(d, condition)
            key = self.keys[d.symbol]
            return replace(found, message=found.message.replace(key, key + ending, 1))

        is_stepwise = needs_every_step(self.whole)
        constants, constant_computations = derived("K")
        interval, interval_computations = derived("D")
        one = Ref(Symbol("1.0", Kind.LOCAL), REAL)
        jumps = [replace(j, amount=_substituted(j.amount, port, one)) for j in part.jumps]
        everything = (*part.parameters, *part.state)
        dependents = [
            sir.Owned("P" if d in part.parameters else "S", entry(d), d in part.parameters)
            for d in everything
            if entry(d).is_dependent
        ]
        return sir.Kept(
            name=name,
            member=member,
            synapse=base,
            parameters=tuple(entry(d) for d in part.parameters),
            state=tuple(entry(d) for d in part.state),
            hidden=tuple(self.zeroed(s, "state of a convolution") for s in part.convolved),
            dependents=tuple(dependents),
            constants=constants,
            constant_computations=constant_computations,
            interval=interval,
            interval_computations=interval_computations,
            updates=self.updates(part.updates),
            before=self.updates(part.before),
            body=self.body(part.body),
            jumps=self.jumps(jumps),
            uses_time=any(TIME in symbols_in(e) for e in expressions_in(part.body)),
            guards=tuple(guard(d, d.guard) for d in everything if d.guard is not None),
            headers=tuple(h for h in self.headers() if h == "integer.h")
            + (("course.h",) if read else ())
            + (() if self.roles.modulators else ("catching_up.h",)),
            runtime=self.runtime() if part.symbols else (),
            has_archive=self.roles.postsynaptic is not None,
            has_mod=bool(self.roles.modulators),
            catches_up=not self.roles.modulators,
            seen=tuple(sir.Seen(self.member(p), e) for p, e in read.items()),
            course="StepCourse" if is_stepwise else "EventCourse",
            is_stepwise=bool(read) and is_stepwise,
        )


_MEMBERS = frozenset("C K D N M emit_ advance flow check time spike is_sent".split())
"""What bodies could confuse with the variables of a model."""

_NAMES = MappingProxyType({TIME: "t", DT: "dt", RESOLUTION: "resolution"})


def _declared(model: SolvedModel) -> tuple[Declaration, ...]:
    return (*model.parameters, *model.state)


def _ports(model: SolvedModel) -> tuple[Symbol, ...]:
    spiking = tuple(p.symbol for p in model.spike_ports)
    return (*spiking, *(p.symbol for p in model.continuous_ports))


def _substituted(e: Expr, port: Symbol | None, value: Expr) -> Expr:
    return rewrite(e, lambda x: value if isinstance(x, Ref) and x.symbol == port else x)


def _by_size(entry: ir.Entry) -> bool:
    """Sort so that what takes one byte comes last."""
    return entry.member.type.base.name == "BOOLEAN"


def defined(d: Derived) -> Iterable[Symbol]:
    """Return the derived constants that ``d`` defines."""
    match d:
        case Definition(symbol):
            return (symbol,)
        case MatrixExponential(symbols):
            return tuple(s for row in symbols for s in row if s is not None)
