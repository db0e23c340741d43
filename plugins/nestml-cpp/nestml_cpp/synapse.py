"""From a solved synapse to the C++ class of its connections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from nestml_core.api import (
    TIME,
    Assign,
    Base,
    Declaration,
    Emit,
    Expr,
    Function,
    Integrate,
    Jump,
    Kind,
    Number,
    Postsynaptic,
    Ref,
    Roles,
    SolvedModel,
    Stmt,
    Symbol,
    c_string,
    coherent_text,
    expressions_in,
    hoist,
    is_random,
    number,
    rewrite,
    symbols_in,
    walk_statements,
)
from nestml_cpp import ir
from nestml_cpp import synapse_ir as sir
from nestml_cpp.bodies import PARAMETERS, Renaming, zero
from nestml_cpp.comments import commented, lines_of
from nestml_cpp.flows import derivation, flow_method, jumping, next_symbol, stored_in_order
from nestml_cpp.functions import Reach
from nestml_cpp.names import MEMBERS, Names, file_name, is_number, members
from nestml_cpp.options import Options
from nestml_cpp.ownership import (
    DERIVED,
    INTERVAL,
    OWN,
    OWN_DERIVED,
    OWN_INTERVAL,
    SHARED,
    SOURCE,
    STATE,
    TARGET,
    Split,
    defined,
    every_value,
    inputs_of,
    split,
    stripped,
)
from nestml_cpp.quoting import brief, equations
from nestml_cpp.requirements import headers, numerics, pieces, recursive
from nestml_cpp.synapse_printer import SYNAPSES as PRINTER

INTEGRATE = "integrate_"
NAMES = frozenset(
    """Shared Own Derived OwnDerived Interval OwnInterval State Source Target Inputs Columns
    Connection o k i j a b sink last table number event receive emit advance flow begin read
    update interval""".split()
)
"""What the generated class uses itself, beside what generated neurons do."""


def lower_synapse(model: SolvedModel, roles: Roles, options: Options) -> sir.CppSynapse:
    """Return the class of connections with the synapse ``model``."""
    return _Lowering.of(model, roles, options).synapse(options, model)


@dataclass(frozen=True, slots=True)
class SynapseRenaming(Renaming):
    """Puts C++ names in place of those of a synapse, whose spikes have weights."""

    def _effects(self, weight: Expr, local: object) -> Iterator[Stmt]:
        return iter(())

    def _statement(self, stmt: Stmt, local: object, read: object) -> Stmt:
        if isinstance(stmt, Emit):
            weight = number(1) if stmt.weight is None else self.expr(stmt.weight, local)  # type: ignore[arg-type]
            return replace(stmt, weight=weight)
        return Renaming._statement(self, stmt, local, read)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Lowering:
    """A synapse, what belongs to what, and what it is called."""

    split: Split
    rename: SynapseRenaming

    @staticmethod
    def of(model: SolvedModel, roles: Roles, options: Options) -> _Lowering:
        parts = split(hoist(model), roles, options.own)
        taken = {*MEMBERS, *NAMES, f"{file_name(model)}_synapse"}
        taken |= {f"{INTEGRATE}{k + 1}" for k in range(len(model.flows))}
        functions = members(_symbols(f.name for f in model.functions), taken)
        called = MappingProxyType({old.name: new.name for old, new in functions.items()})
        taken |= set(called.values()) | {handler_name(p) for p in roles.order}
        taken |= {f"on_condition_{k + 1}" for k in range(len(model.on_condition))}
        taken |= {f"next_{s.name.rpartition('.')[2]}" for s in parts.paths.values()}
        named = Names(parts.paths, called, MappingProxyType({}), frozenset(taken))
        flow = Reach(parameters=True, instance=True, changes=True)
        flows = tuple(flow for _ in model.flows)
        return _Lowering(parts, SynapseRenaming(named, parts.reaches, flows))

    def synapse(self, options: Options, written: SolvedModel) -> sir.CppSynapse:
        """Return the class; its comments quote the equations of the model as ``written``."""
        parts, rename = self.split, self.rename
        whole, rest = parts.whole, parts.rest
        file = file_name(whole)
        convolved = tuple(u for c in rest.convolutions for u in c.updates)
        events = tuple(self.event(p) for p in parts.roles.order)
        order = parts.roles.order
        post = parts.roles.postsynaptic
        state = [d.symbol for d in whole.state] + list(convolution_states_of(whole))
        mine = [s for s in state if parts.owners[s] == STATE]
        own = [d.symbol for d in whole.parameters if parts.owners[d.symbol] == OWN]
        read = {s for e in every_value(whole) for s in symbols_in(e)}
        static = [f for f in whole.functions if parts.reaches[f.name].is_static]
        return sir.CppSynapse(
            name=file,
            file=file,
            title=commented(whole.name),
            documentation=lines_of(whole.documentation),
            brief=brief(written),
            equations=equations(written.flows),
            macro=f"NESTML_{options.namespace.replace('::', '_')}_{file}_SYNAPSE_HPP",
            namespace=options.namespace,
            headers=headers(whole),
            runtime=tuple(p for p in pieces(whole) if p != "runtime/spikes.hpp"),
            numerics=numerics(rest),
            shared=tuple(
                self.parameter(d) for d in whole.parameters if parts.owners[d.symbol] == SHARED
            ),
            own=tuple(self.field(s, "") for s in own),
            derived=self.constants(DERIVED),
            own_derived=self.constants(OWN_DERIVED),
            interval=self.constants(INTERVAL),
            own_interval=self.constants(OWN_INTERVAL),
            derivation=self.derivation(DERIVED),
            own_derivation=self.derivation(OWN_DERIVED),
            interval_derivation=self.derivation(INTERVAL),
            own_interval_derivation=self.derivation(OWN_INTERVAL),
            state=tuple(self.field(s, self.documentation(s)) for s in mine),
            columns=tuple(self.column(s) for s in (*own, *mine)),
            inputs=tuple(self.field(s, "") for s in inputs_of(whole) if s in read),
            factors=tuple(
                sir.Factor(i, p.symbol.identifier, rename.symbol(p.symbol).name)
                for i, p in enumerate(whole.continuous_ports)
                if p.symbol in read
            ),
            source=self.kept(parts.source, SOURCE, "Source", "presynaptic"),
            target=self.kept(parts.target, TARGET, "Target", "postsynaptic"),
            parameters=tuple(self.settings(whole.parameters)),
            initial=tuple(self.settings(whole.state)),
            beginning=tuple(
                Assign(rename.symbol(d.symbol), rename.expr(d.value))
                for d in whole.state
                if parts.owners[d.symbol] == STATE
            ),
            shared_guards=tuple(self.guards(is_shared=True)),
            guards=tuple(self.guards(is_shared=False)),
            convolved=tuple(
                Assign(next_symbol(rename, u.target), rename.expr(u.value)) for u in convolved
            ),
            stored=tuple(
                Assign(rename.symbol(u.target), _ref(next_symbol(rename, u.target)))
                for u in convolved
            ),
            update=rename.body(rest.update),
            flows=tuple(
                flow_method(rename, k, f)
                for k, f in enumerate(rest.flows)
                if self.is_called(k, rest)
            ),
            events=events,
            conditions=tuple(
                ir.OnCondition(rename.expr(c.condition), f"on_condition_{k + 1}()")
                for k, c in enumerate(whole.on_condition)
            ),
            condition_bodies=tuple(rename.body(c.body) for c in whole.on_condition),
            static_functions=tuple(map(self.function, static)),
            functions=tuple(self.function(f) for f in whole.functions if f not in static),
            recorders=tuple(
                sir.Recorder(k, r.symbol.identifier, rename.expr(r.value))
                for k, r in enumerate(r for r in whole.recordables if is_number(r.symbol))
            ),
            ports=len(whole.continuous_ports),
            has_post=post is not None,
            post_first=post is None or order.index(post) < order.index(parts.roles.presynaptic),
            modulators=len(parts.roles.modulators),
            is_random=any(map(is_random, every_value(whole))),
            moves=parts.moves,
            reads_interval=parts.reads_interval,
            is_eager=parts.is_eager,
            is_stepwise=parts.is_stepwise,
            sees_target=any(e.role == "post" and e.needs_target for e in events),
        )

    # Members

    def field(self, symbol: Symbol, documentation: str, value: Expr | None = None) -> ir.Field:
        unit = coherent_text(symbol.type.dimension) if symbol.type.unit is not None else ""
        comment = " ".join(x for x in (unit and f"[{unit}]", commented(documentation)) if x)
        first = zero(symbol.type) if value is None else value
        name = self.member(symbol)
        return ir.Field(name, PRINTER.type(symbol.type), first, comment)

    def member(self, symbol: Symbol) -> str:
        """Return what a symbol is called in its struct."""
        return self.rename.symbol(symbol).name.replace("->", ".").rpartition(".")[2]

    def documentation(self, symbol: Symbol) -> str:
        found = (d.documentation for d in self.split.whole.state if d.symbol == symbol)
        return next(found, "of a convolution")

    def column(self, symbol: Symbol) -> sir.Column:
        is_boolean = symbol.type.base is Base.BOOLEAN
        kind = "unsigned char" if is_boolean else PRINTER.type(symbol.type)
        owner, _, name = self.rename.symbol(symbol).name.partition(".")
        return sir.Column(name, f"{owner}.{name}", kind, is_boolean)

    def parameter(self, d: Declaration) -> ir.Field:
        """Return a shared parameter; a default that is a number stands in the struct."""
        value = d.value if isinstance(d.value, Number) else None
        return self.field(d.symbol, d.documentation, value)

    def constants(self, owner: str) -> tuple[ir.Field, ...]:
        return tuple(self.field(s, "") for s in self.split.owned(self.split.whole.internals, owner))

    def derivation(self, owner: str) -> tuple[ir.Derivation, ...]:
        return tuple(
            derivation(self.rename, d)
            for d in self.split.whole.derived
            if any(self.split.owners[s] == owner for s in defined(d))
        )

    def settings(self, declared: Sequence[Declaration]) -> Iterator[sir.Setting]:
        for k, d in enumerate(d for d in declared if is_number(d.symbol)):
            owner = self.split.owners[d.symbol]
            plain = owner == SHARED and isinstance(d.value, Number)
            value = None if plain else self.rename.expr(d.value)
            yield sir.Setting(k, d.symbol.identifier, self.rename.symbol(d.symbol), owner, value)

    def guards(self, *, is_shared: bool) -> Iterator[ir.Guard]:
        """Yield the guards of what all connections share, or the others."""
        whole, owners = self.split.whole, self.split.owners
        for d in (*whole.parameters, *whole.state):
            if d.guard is None:
                continue
            used = {owners.get(s.owner, "") for s in (d.symbol, *symbols_in(d.guard))}
            if (used <= {SHARED, DERIVED, ""}) == is_shared:
                condition = self.rename.expr(d.guard)
                text = " ".join(d.guard.span.text.split()) or PRINTER.expr(condition)
                yield ir.Guard(condition, c_string(f"{d.symbol.identifier}: {text}"))

    # What is kept beside the spikes of a neuron

    def kept(self, part: Postsynaptic, owner: str, struct: str, title: str) -> sir.Kept:
        rename = self.rename
        jumps = [Jump(j.target, _substituted(j.amount, part.port)) for j in part.jumps]
        amounts, jumped = jumping(rename, jumps)
        ahead, exact = stored_in_order(rename, part.updates)
        symbols = (*(d.symbol for d in part.state), *part.convolved)
        return sir.Kept(
            struct=struct,
            owner=owner,
            title=title,
            fields=tuple(self.field(s, self.documentation(s)) for s in symbols),
            initial=tuple(
                Assign(rename.symbol(d.symbol), rename.expr(d.value)) for d in part.state
            ),
            ahead=ahead,
            exact=exact,
            before=tuple(
                Assign(rename.symbol(u.target), rename.expr(u.value)) for u in part.before
            ),
            body=rename.body(part.body),
            amounts=amounts,
            jumps=jumped,
            reads_time=any(TIME in symbols_in(e) for e in expressions_in(part.body)),
        )

    # What happens

    def is_called(self, k: int, model: SolvedModel) -> bool:
        return any(
            isinstance(s, Integrate) and s.flow == k
            for s in _all_statements((model.update, *(f.body for f in model.functions)))
        )

    def event(self, port: Symbol) -> sir.Event:
        whole, parts, rename = self.split.whole, self.split, self.rename
        roles = parts.roles
        body = tuple(s for h in whole.on_receive if h.port == port for s in h.body)
        behind = [c.condition for c in whole.on_condition]
        behind += [e for c in whole.on_condition for e in expressions_in(c.body)]
        behind += [e for f in whole.functions for e in expressions_in(f.body)]
        jumps = [j for c in whole.convolutions if c.port == port for j in c.jumps]
        behind += [j.amount for j in jumps]
        needs: list[bool] = []
        for part in (parts.source, parts.target):
            body, needed = stripped(body, frozenset(part.symbols), behind)
            needs.append(needed)
        seen = (parts.source.symbols, parts.target.symbols)
        gone = {s for kept, needed in zip(seen, needs, strict=True) if not needed for s in kept}
        amounts, jumped = jumping(rename, [j for j in jumps if j.target not in gone])
        role = "mod"
        if port in (roles.presynaptic, roles.postsynaptic):
            role = "pre" if port == roles.presynaptic else "post"
        read = any(port in symbols_in(e) for e in every_value(whole))
        return sir.Event(
            port=commented(port.name),
            name=handler_name(port),
            role=role,
            is_modulator=role == "mod",
            member=rename.symbol(port).name if read else "",
            flows_anyway=any(
                port in symbols_in(j.amount) for f in parts.rest.flows for j in f.jumps
            ),
            body=rename.body(body),
            amounts=amounts,
            jumps=jumped,
            needs_source=needs[0],
            needs_target=needs[1],
        )

    def function(self, f: Function) -> ir.Method:
        reach = self.split.reaches[f.name]
        arguments, body = self.rename.function(f)
        read = {s for e in expressions_in(body) for s in symbols_in(e)}
        context = f"const Shared& {PARAMETERS.name}"
        parameters = [context] if reach.is_static and reach.parameters else []
        parameters += [
            f"{'' if a in read else '[[maybe_unused]] '}{PRINTER.type(a.type)} {a.name}"
            for a in arguments
        ]
        lead = "static " if reach.is_static else ""
        result = PRINTER.type(f.result.type)
        name = self.rename.names.functions[f.name]
        declaration = f"{lead}{result} {name}({', '.join(parameters)})"
        return ir.Method(declaration, body, f.name in recursive(self.split.whole))


def handler_name(port: Symbol) -> str:
    return f"handle_{port.identifier}"


def convolution_states_of(model: SolvedModel) -> tuple[Symbol, ...]:
    return tuple(s for c in model.convolutions for s in c.states)


def _all_statements(found: Sequence[tuple[Stmt, ...]]) -> Iterator[Stmt]:
    for body in found:
        yield from walk_statements(body)


def _symbols(names: Iterator[str]) -> tuple[Symbol, ...]:
    return tuple(Symbol(n, Kind.LOCAL) for n in names)


def _ref(symbol: Symbol) -> Expr:
    return Ref(symbol, symbol.type)


def _substituted(e: Expr, port: Symbol | None) -> Expr:
    """Return ``e`` for one spike at ``port``."""
    return rewrite(e, lambda x: number(1) if isinstance(x, Ref) and x.symbol == port else x)
