"""From a solved program to C++ structs and the programs that run them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from nestml_core.api import (
    BOOLEAN,
    DT,
    TIME,
    Assign,
    Base,
    Call,
    Declaration,
    Delay,
    Expr,
    Flow,
    Function,
    Kind,
    ModelKind,
    Recordable,
    Ref,
    Result,
    Return,
    Roles,
    Sign,
    SolvedModel,
    SolvedProgram,
    Stmt,
    Symbol,
    c_string,
    checked,
    coherent_text,
    expressions_in,
    hoist,
    is_random,
    ref,
    rewrite,
    straight,
    substitute,
    symbols_in,
    vectors,
    walk,
)
from nestml_cpp import ir
from nestml_cpp.bodies import INPUT, PARAMETERS, Renaming, zero
from nestml_cpp.comments import commented, lines_of
from nestml_cpp.flows import derivation, flow_method, jumping, next_symbol
from nestml_cpp.functions import Reach, body_reach, expr_reach, flow_reaches, reaches
from nestml_cpp.names import (
    computed,
    file_name,
    is_number,
    members,
    names,
    on_receive_name,
    struct_name,
)
from nestml_cpp.options import Options, mistakes
from nestml_cpp.printer import RUNTIME, CppPrinter
from nestml_cpp.quoting import brief, equations
from nestml_cpp.refusals import every_expression, refusals
from nestml_cpp.requirements import has_loops, headers, numerics, pieces, recursive
from nestml_cpp.synapse import lower_synapse
from nestml_cpp.synapse_refusals import roles_of, synapse_refusals
from nestml_cpp.vectors import filled, is_array, type_of

PRINTER = CppPrinter()

SIGNS = MappingProxyType(
    {
        Sign.EXCITATORY: "excitatory spikes, weights >= 0",
        Sign.INHIBITORY: "inhibitory spikes, weights >= 0",
        Sign.ANY: "spikes, weights of either sign",
    }
)


def lower(program: SolvedProgram, options: Options) -> Result[ir.CppProgram]:
    """Return ``program`` as C++ structs.

    Errors
    ------
    CPP001 : a part of a synapse that a connection cannot have.
    CPP002 : a number that no double or 64-bit integer holds.
    CPP003 : a value that is needed before it can be known.
    CPP004 : an equation that changes the neuron when it is evaluated.
    CPP005 : two models whose file names differ in case at most.
    CPP006 : an option whose value does not work.
    """
    found = [*mistakes(options), *refusals(program.models)]
    synapses = [m for m in program.models if m.kind is ModelKind.SYNAPSE]
    for m in synapses:
        found += synapse_refusals(m, options)
    if any(d.is_error for d in found):
        return Result(None, tuple(found))
    neurons = [m for m in program.models if m.kind is ModelKind.NEURON]
    structs = tuple(_Lowering.of(m).struct(options) for m in neurons)
    classes = (lower_synapse(m, parts, options) for m, parts in _with_roles(synapses, options))
    return checked(ir.CppProgram(structs, tuple(classes)), found)


def _with_roles(
    synapses: Iterable[SolvedModel], options: Options
) -> Iterator[tuple[SolvedModel, Roles]]:
    for m in synapses:
        found = roles_of(m, options).value
        assert found is not None, "refused before"
        yield m, found


@dataclass(frozen=True, slots=True)
class _Lowering:
    """A model, and what its parts are called."""

    model: SolvedModel
    rename: Renaming
    written: tuple[Flow, ...]
    """The flows before constant parts of equations were taken out: what people are to read."""

    @staticmethod
    def of(model: SolvedModel) -> _Lowering:
        hoisted = hoist(model)
        renaming = Renaming(names(hoisted), reaches(hoisted), flow_reaches(hoisted))
        return _Lowering(hoisted, renaming, model.flows)

    def struct(self, options: Options) -> ir.CppModel:
        model, rename = self.model, self.rename
        file = file_name(model)
        guard = f"NESTML_{options.namespace.replace('::', '_')}_{file}"
        expressions = every_expression(model)
        convolved = tuple(u for c in model.convolutions for u in c.updates)
        amounts, jumps = jumping(rename, [j for c in model.convolutions for j in c.jumps])
        lanes = straight(model, self.lane_names().__getitem__, self.member_name, draws=True)
        solves = not isinstance(lanes, str) and any(f.nonlinear for f in model.flows)
        return ir.CppModel(
            name=struct_name(model),
            file=file,
            title=commented(model.name),
            documentation=lines_of(model.documentation),
            brief=brief(model),
            equations=equations(self.written),
            macro=f"{guard}_HPP",
            population_macro=f"{guard}_POPULATION_HPP",
            library_macro=f"{guard}_LIBRARY_H",
            namespace=options.namespace,
            headers=headers(model),
            runtime=pieces(model),
            numerics=numerics(model),
            parameters=tuple(self.parameter(d, in_class=True) for d in model.parameters),
            late_parameters=tuple(self.parameter(d) for d in model.parameters if self.is_late(d)),
            derived=tuple(self.field(s, "") for s in model.internals),
            state=tuple(self.state_fields()),
            inputs=tuple(self.input_fields()),
            is_random=any(map(is_random, expressions)),
            reads_time=any(TIME in symbols_in(e) for e in expressions),
            has_vectors=bool(vectors(model)),
            allocates=any(not is_array(v) for v in vectors(model)),
            delays=tuple(map(self.delay, model.delays)),
            parameter_guards=tuple(self.guards(is_static=True)),
            state_guards=tuple(self.guards(is_static=False)),
            derivation=tuple(derivation(self.rename, d) for d in model.derived),
            initial=tuple(
                Assign(rename.symbol(d.symbol), rename.expr(d.value)) for d in model.state
            ),
            convolved=tuple(
                Assign(next_symbol(rename, u.target), rename.expr(u.value)) for u in convolved
            ),
            update=self.call("update", model.update) if model.update else "",
            on_receive=tuple(
                ir.OnReceive(self.name(h.port), self.call(self.handler(h.port), h.body))
                for h in model.on_receive
            ),
            stored=tuple(
                Assign(rename.symbol(u.target), ref(next_symbol(rename, u.target)))
                for u in convolved
            ),
            amounts=amounts,
            jumps=jumps,
            on_condition=tuple(
                ir.OnCondition(rename.expr(c.condition), self.call(f"on_condition_{i + 1}", c.body))
                for i, c in enumerate(model.on_condition)
            ),
            watched=tuple(self.watched()),
            recordables=tuple(map(self.recordable, computed(model))),
            functions=tuple(map(self.function, model.functions)),
            bodies=tuple(self.bodies()),
            flows=tuple(
                flow_method(rename, i, f, equations([written]))
                for i, (f, written) in enumerate(zip(model.flows, self.written, strict=True))
            ),
            lanes=None if isinstance(lanes, str) else lanes,
            one_by_one=commented(lanes) if isinstance(lanes, str) else "",
            solves=solves,
            lane_headers=("lane_steps.hpp",) if solves else ("lanes.hpp",),
            ends_by_itself=not has_loops(model),
            settable_parameters=tuple(
                self.settable(d) for d in model.parameters if is_number(d.symbol)
            ),
            settable_state=tuple(
                ir.Settable(
                    d.symbol.identifier, self.name(d.symbol), None, d.symbol.size is not None
                )
                for d in model.state
                if is_number(d.symbol)
            ),
            spike_ports=self.ports(p.symbol for p in model.spike_ports),
            continuous_ports=self.ports(p.symbol for p in model.continuous_ports),
            recorders=tuple(self.recorder(r) for r in model.recordables if is_number(r.symbol)),
        )

    def name(self, symbol: Symbol) -> str:
        return self.rename.symbol(symbol).name

    def member(self, symbol: Symbol) -> str:
        """Return what a variable is called in its struct, as an element of a vector or alone."""
        return self.name(symbol.owner) + (f"[{symbol.place}]" if symbol.vector else "")

    def lane_names(self) -> Mapping[Symbol, str]:
        """Return names for all that lanes have as members, constants and state in one scope."""
        model = self.model
        declared = [d.symbol for d in model.parameters] + list(model.internals)
        declared += [d.symbol for d in model.state]
        single = [e for s in declared for e in (s.elements or (s,))]
        single += [s for c in model.convolutions for s in c.states]
        plain = (replace(s, vector=None, size=None) for s in single)
        named = members(dict.fromkeys(plain), {"Constants", "State"})
        return {s: named[replace(s, vector=None, size=None)].name for s in single}

    def member_name(self, symbol: Symbol) -> str:
        return PRINTER.name(self.rename.symbol(symbol))

    # Fields

    def field(self, symbol: Symbol, documentation: str, value: Expr | None = None) -> ir.Field:
        unit = coherent_text(symbol.type.dimension) if symbol.type.unit is not None else ""
        comment = " ".join(x for x in (unit and f"[{unit}]", commented(documentation)) if x)
        first = zero(symbol.type) if value is None else value
        kind = PRINTER.type(symbol.type)
        if symbol.size is None:
            return ir.Field(self.name(symbol), kind, first, comment)
        new = self.rename.symbol(symbol)
        held = None if value is None else filled(new, value, kind)
        return ir.Field(new.name, type_of(new, kind), held, comment, is_array(new))

    def is_late(self, d: Declaration) -> bool:
        """Return whether the constructor has to set a parameter, as its default reads the step."""
        return expr_reach(d.value, self.rename.reaches).step

    def parameter(self, d: Declaration, *, in_class: bool = False) -> ir.Field:
        """Return a member of ``Parameters``; its default reads others by their bare names.

        ``in_class`` : as it stands among the members, without a value if the constructor sets it.
        """
        size = () if d.symbol.size is None else symbols_in(d.symbol.size)
        bare = {
            s: replace(self.rename.symbol(s), kind=Kind.LOCAL)
            for s in dict.fromkeys(x.owner for x in (*symbols_in(d.value), *size))
            if s.kind is Kind.PARAMETER
        }
        this: dict[Symbol, Expr] = {PARAMETERS: ref(Symbol("*this", Kind.LOCAL))}
        value = substitute(self.rename.expr(d.value, bare), this)
        field = self.field(d.symbol, d.documentation, value)
        if field.value is not None and size:
            own = self.rename.symbol(size[0])
            field = replace(field, value=substitute(field.value, {own: ref(bare[size[0]])}))
        return replace(field, value=None) if in_class and self.is_late(d) else field

    def state_fields(self) -> Iterator[ir.Field]:
        for d in self.model.state:
            yield self.field(d.symbol, d.documentation)
        for c in self.model.convolutions:
            for s in c.states:
                yield self.field(s, f"of the convolution of {c.kernel} with {c.port.name}")

    def input_fields(self) -> Iterator[ir.Field]:
        for p in self.model.spike_ports:
            yield ir.Field(self.name(p.symbol), f"{RUNTIME}Spikes", None, SIGNS[p.sign])
        for q in self.model.continuous_ports:
            yield self.field(q.symbol, "holds during the step")

    # Values

    def guards(self, *, is_static: bool) -> Iterator[ir.Guard]:
        """Yield the guards that need parameters only, or the others."""
        if is_static:
            yield from self.size_guards()
        else:
            yield from self.delay_guards()
        for d in (*self.model.parameters, *self.model.state):
            if d.guard is None:
                continue
            reach = expr_reach(d.guard, self.rename.reaches)
            if reach.is_static == is_static:
                condition = self.rename.expr(d.guard)
                text = " ".join(d.guard.span.text.split()) or PRINTER.expr(condition)
                yield ir.Guard(condition, c_string(f"{d.symbol.identifier}: {text}"))

    def size_guards(self) -> Iterator[ir.Guard]:
        """Yield that the vectors among the parameters are as long as others say."""
        for d in self.model.parameters:
            own = d.symbol.size
            size = self.rename.symbol(d.symbol).size
            if isinstance(own, Ref) and isinstance(size, Ref):
                vector = ref(self.rename.symbol(d.symbol))
                condition = Call(f"{RUNTIME}has_size", (vector, size), BOOLEAN)
                text = f"{d.symbol.identifier}: it has {own.symbol.name} elements"
                yield ir.Guard(condition, c_string(text))

    def delay_guards(self) -> Iterator[ir.Guard]:
        for d in self.model.delays:
            arguments = (self.rename.expr(d.duration), ref(DT))
            condition = Call(f"{RUNTIME}is_delay", arguments, BOOLEAN)
            text = " ".join(d.duration.span.text.split()) or PRINTER.expr(arguments[0])
            message = f"{d.variable.identifier}: {text} >= 0 ms, shorter than 1e8 steps"
            yield ir.Guard(condition, c_string(message))

    def delay(self, d: Delay) -> ir.Delay:
        target = self.rename.symbol(d.symbol)
        return ir.Delay(
            target.name, target, self.rename.symbol(d.variable), self.rename.expr(d.duration)
        )

    def watched(self) -> Iterator[ir.Watched]:
        advanced = {v for f in self.model.flows for v in f.variables}
        convolved = tuple(s for c in self.model.convolutions for s in c.states)
        symbols = (*(d.symbol for d in self.model.state), *convolved)
        for s in (s for s in symbols if s.type.base in (Base.REAL, Base.QUANTITY)):
            name = c_string(s.identifier)
            if s.size is None or not s.elements:
                is_finite = s in advanced or s in convolved
                yield ir.Watched(name, self.name(s), is_finite, s.size is not None)
            for e in s.elements:
                member = f"{self.name(s)}[{e.place}]"
                yield ir.Watched(c_string(e.identifier), member, e in advanced)

    # Member functions

    def reach(self, body: tuple[Stmt, ...]) -> Reach:
        return body_reach(body, self.rename.reaches, self.rename.flows)

    def handler(self, port: Symbol) -> str:
        return on_receive_name(self.rename.symbol(port))

    def call(self, name: str, body: tuple[Stmt, ...]) -> str:
        return f"{name}({INPUT.name if self.reach(body).input else ''})"

    def bodies(self) -> Iterator[ir.Method]:
        """Yield member functions for ``update`` and the handlers."""
        model = self.model
        named = [("update", model.update)] if model.update else []
        named += [(self.handler(h.port), h.body) for h in model.on_receive]
        named += [(f"on_condition_{i + 1}", c.body) for i, c in enumerate(model.on_condition)]
        for name, body in named:
            parameter = _input_parameter(self.reach(body))
            yield ir.Method(f"void {name}({parameter})", self.rename.body(body))

    def function(self, f: Function) -> ir.Method:
        reach = self.rename.reaches[f.name]
        arguments, body = self.rename.function(f)
        read = {s for e in expressions_in(body) for s in symbols_in(e)}
        context = _context_parameter(reach)
        parameters = [context] if context else []
        parameters += [
            f"{'' if a in read else '[[maybe_unused]] '}{PRINTER.type(a.type)} {a.name}"
            for a in arguments
        ]
        lead = "static " if reach.is_static else ""
        trail = "" if reach.is_static or reach.changes else " const"
        result = PRINTER.type(f.result.type)
        name = self.rename.names.functions[f.name]
        declaration = f"{lead}{result} {name}({', '.join(parameters)}){trail}"
        return ir.Method(declaration, body, f.name in recursive(self.model))

    # Recordables

    def recordable(self, r: Recordable) -> ir.Method:
        reach = expr_reach(r.value, self.rename.reaches)
        name = self.rename.names.recordables[r.symbol.identifier]
        trail = "" if reach.changes else " const"
        declaration = f"{PRINTER.type(r.symbol.type)} {name}({_input_parameter(reach)}){trail}"
        return ir.Method(declaration, (Return(self.rename.expr(r.value)),))

    def recorder(self, r: Recordable) -> ir.Recorder:
        name = self.rename.names.recordables.get(r.symbol.identifier)
        if isinstance(r.value, Ref) and name is None:
            value = f"state().{self.member(r.value.symbol)}"
        else:
            is_input = expr_reach(r.value, self.rename.reaches).input
            value = f"{name}({INPUT.name if is_input else ''})"
        return ir.Recorder(r.symbol.identifier, f"neuron.{value}")

    # What an experiment sets

    def settable(self, d: Declaration) -> ir.Settable:
        depends = bool(symbols_in(d.value)) or any(
            isinstance(e, Call) and e.function in self.rename.reaches for e in walk(d.value)
        )
        if d.symbol.size is not None:
            return self.settable_vector(d, depends)
        default = self.outside(self.rename.expr(d.value)) if depends else None
        return ir.Settable(d.symbol.identifier, self.name(d.symbol), default)

    def settable_vector(self, d: Declaration, depends: bool) -> ir.Settable:
        vector = self.rename.symbol(d.symbol)
        default = None
        if depends or not is_array(vector):
            value = filled(vector, self.rename.expr(d.value), PRINTER.type(vector.type))
            default = self.outside(value)
        return ir.Settable(d.symbol.identifier, vector.name, default, is_vector=True)

    def ports(self, symbols: Iterable[Symbol]) -> tuple[ir.Port, ...]:
        return tuple(ir.Port(i, s.identifier, self.name(s)) for i, s in enumerate(symbols))

    def outside(self, expr: Expr) -> Expr:
        """Return ``expr`` with static member functions as they are called from outside."""
        own = set(self.rename.names.functions.values())

        def change(e: Expr) -> Expr:
            if isinstance(e, Call) and e.function in own:
                return replace(e, function=f"Neuron::{e.function}")
            return e

        return rewrite(expr, change)


def _input_parameter(reach: Reach) -> str:
    return f"const Input& {INPUT.name}" if reach.input else ""


def _context_parameter(reach: Reach) -> str:
    """Return the parameter that a function of the model has beside its own."""
    if reach.is_static:
        return f"const Parameters& {PARAMETERS.name}" if reach.parameters else ""
    return _input_parameter(reach)
