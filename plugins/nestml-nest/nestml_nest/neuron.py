"""One solved model in the terms of a NEST neuron."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType

from nestml_core.api import (
    BOOLEAN,
    CPP_INTEGRATORS,
    DT,
    INTEGER,
    INTRINSICS,
    REAL,
    STRING,
    Assign,
    Base,
    Binary,
    Boolean,
    Call,
    Convolution,
    Declaration,
    Declare,
    Definition,
    Delay,
    Derived,
    Element,
    Emit,
    Expr,
    Flow,
    For,
    Function,
    Jump,
    Kind,
    MatrixExponential,
    Method,
    NonlinearSystem,
    Number,
    Output,
    Ref,
    Say,
    SolvedModel,
    SpikePort,
    Stmt,
    Symbol,
    Text,
    Type,
    Update,
    bodies_of,
    coherent_text,
    cpp_runtime,
    evaluations,
    expressions_in,
    hoist,
    integer,
    map_body,
    number,
    real_literal,
    ref,
    rewrite,
    share,
    sign_pairs,
    step_expressions,
    straight,
    symbols_in,
    vectors,
    walk,
    walk_statements,
)
from nestml_nest import calls, gaps, ir, names
from nestml_nest.addresses import port_keys, spike_addresses, status_keys
from nestml_nest.cpp import NestPrinter
from nestml_nest.options import Options
from nestml_nest.vectors import filled, grows

_ARGUMENTS = MappingProxyType(
    {
        "P": "const Parameters_& P",
        "V": "const Variables_& V",
        "S": "const State_& S",
        "in": "const Inputs_& in",
        "random": "nestml::Random& random",
        "emitted": "long& emitted",
    }
)
_BASES = MappingProxyType({True: "nest::ArchivingNode", False: "nest::StructuralPlasticityNode"})
"""The node of NEST that a neuron is, by whether NEST keeps an archive for plastic synapses."""

_PRINTER = NestPrinter()
_EMITTED = Symbol("emitted", Kind.LOCAL, INTEGER)


class Lowering:
    """Lowers one model: knows the C++ name of each symbol.

    Parameters
    ----------
    name : the C++ class
    title : what the neuron is called in NEST
    """

    def __init__(self, model: SolvedModel, name: str, title: str, options: Options) -> None:
        self.model = model = hoist(model)
        self.options = options
        self.gap_port = gaps.port(model, options)
        self.currents = tuple(p.symbol for p in model.continuous_ports if p.symbol != self.gap_port)
        self.name = name
        self.title = title
        self.keys = status_keys(model)
        self.needs = calls.function_needs(model.functions)
        ports = (
            *(p.symbol for p in model.spike_ports),
            *(p.symbol for p in model.continuous_ports),
        )
        entries = (
            *(d.symbol for d in model.parameters),
            *(d.symbol for d in model.state),
            *(s for c in model.convolutions for s in c.states),
        )
        functions = [Symbol(f.name, Kind.LOCAL) for f in model.functions]
        past = tuple(d.symbol for d in model.delays)
        self.cpp: dict[Symbol, Symbol] = {}
        self._name(names.members(_with_elements(entries)))
        self._name(names.members(_with_elements(model.internals), taken=["dt"]))
        self._name(names.members((*ports, *past), taken=["t"]))
        self._name(names.variables(_with_elements(local_symbols(model))))
        self.function_names = {s.name: n.name for s, n in names.members(functions).items()}
        self.lanes = self.side_by_side()

    # Names

    def _name(self, named: Mapping[Symbol, Symbol]) -> None:
        """Take over names: elements live in vectors, and sizes are parameters, of these names."""
        self.cpp |= named
        for old, new in named.items():
            if old.vector is not None:
                self.cpp[old] = replace(new, vector=self.cpp[old.vector])
            elif isinstance(old.size, Ref):
                self.cpp[old] = replace(new, size=ref(self.cpp[old.size.symbol]))

    def member(self, symbol: Symbol) -> str:
        """Return the name of a member or variable, or what can be part of that of an element."""
        return self.cpp[symbol].name

    def place(self, symbol: Symbol) -> str:
        """Return how a struct reaches what it holds."""
        new = self.cpp[symbol]
        return new.name if new.vector is None else f"{new.vector.name}[{new.place}]"

    def declared(self, symbol: Symbol, value: Expr) -> tuple[Expr, Symbol | None]:
        """Return the value of a member, with its symbol if it is a vector."""
        if symbol.size is None:
            return value, None
        vector = self.cpp[symbol]
        return filled(vector, value, _PRINTER.type(symbol.type)), vector

    def expr(self, expr: Expr) -> Expr:
        """Return ``expr`` with the names of C++."""
        return rewrite(expr, self._renamed)

    def _renamed(self, e: Expr) -> Expr:
        match e:
            case Ref(symbol) if symbol in self.cpp:
                return replace(e, symbol=self.cpp[symbol])
            case Element(vector):
                return replace(e, vector=self.cpp[vector])
            case Call(function, arguments) if function in self.needs:
                context = calls.context(self.needs[function])
                passed = tuple(Ref(Symbol(c, Kind.LOCAL)) for c in context)
                name = "Functions_::" + self.function_names[function]
                return replace(e, function=name, arguments=passed + arguments)
            case _:
                return e

    def body(self, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        return map_body(body, self.expr, self._statement)

    def function_body(self, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        """Return the body of a function, which counts spikes instead of sending them."""

        def statement(s: Stmt) -> Stmt:
            if isinstance(s, Emit):
                one = Number(Fraction(1), INTEGER)
                return Assign(_EMITTED, Binary("+", ref(_EMITTED), one, INTEGER), s.span)
            return self._statement(s)

        return map_body(body, self.expr, statement)

    def _statement(self, s: Stmt) -> Stmt:
        match s:
            case Assign():
                return replace(s, target=self.cpp[s.target])
            case Declare():
                return replace(s, symbol=self.cpp[s.symbol])
            case For():
                return replace(s, variable=self.cpp[s.variable])
            case _:
                return s

    # Parts

    def neuron(self) -> ir.Neuron:
        m = self.model
        flows = tuple(self.flow(i, f) for i, f in enumerate(m.flows))
        convolutions = tuple(self.convolution(c) for c in m.convolutions)
        update = self.body(m.update)
        handlers = tuple(ir.Handler(self.member(h.port), self.body(h.body)) for h in m.on_receive)
        conditions = tuple(
            ir.Condition(self.expr(c.condition), self.body(c.body)) for c in m.on_condition
        )
        recordings = tuple(self.recording(r.symbol, r.value) for r in m.recordables)
        parameters = tuple(self.entry(d) for d in m.parameters)
        state = tuple(self.entry(d) for d in m.state)
        computations = tuple(self.computation(d) for d in m.derived)
        weights = "sum of the weights that arrive in the step"
        spikes = self.channels([p.symbol for p in m.spike_ports], 0, weights)
        currents = self.channels(self.currents, len(spikes))
        constants = tuple(self.zeroed(s, "") for s in m.internals)
        receptors = self.receptors()
        return ir.Neuron(
            name=self.name,
            title=self.title,
            documentation=tuple(f"/// {line}".rstrip() for line in names.comment(m.documentation)),
            headers=self.headers(),
            runtime=self.runtime(),
            parameters=parameters,
            constants=constants,
            computations=computations,
            state=state,
            hidden=tuple(
                self.zeroed(s, f"convolution of {c.kernel} with {c.port.name}")
                for c in m.convolutions
                for s in c.states
            ),
            dependents=tuple(e.member.name for e in (*parameters, *state) if e.is_dependent),
            dependent_parameters=tuple(e for e in parameters if e.is_dependent),
            dependent_state=tuple(e for e in state if e.is_dependent),
            guards=tuple(self.guards()),
            spike_channels=spikes,
            continuous_channels=currents,
            delays=tuple(self.delay(d) for d in m.delays),
            first_continuous_cell=len(spikes),
            channel_count=len(spikes) + len(currents),
            receptors=receptors,
            receptor_types=self.receptor_types() if len(receptors) > 1 else (),
            last_receptor=max((r.number for r in receptors), default=0),
            continuous_inputs=self.continuous_inputs() if len(currents) > 1 else (),
            last_continuous=max(len(currents) - 1, 0),
            recordings=recordings,
            flows=flows,
            convolutions=convolutions,
            functions=tuple(self.function(f) for f in m.functions),
            update=update,
            handlers=handlers,
            conditions=conditions,
            uses_time=any(s.kind is Kind.TIME for e in step_expressions(m) for s in symbols_in(e)),
            is_random=m.is_random,
            emits=m.output is Output.SPIKE,
            has_scoped_update=any(isinstance(s, Declare) for s in update),
            gap=self.gap(),
            base=f"nestml::Neuron<{_BASES[self.options.archive]}>",
            grows=any(map(grows, (*(d.symbol for d in (*m.parameters, *m.state)), *m.internals))),
            lanes=self.lanes,
        )

    def side_by_side(self) -> ir.LaneCode | None:
        """Return how several neurons advance at once, if they can."""
        if not self.options.lanes or self.gap_port is not None:
            return None
        code = straight(self.model, self.lane_names().__getitem__, self.lane_source)
        if isinstance(code, str):
            return None
        return ir.LaneCode(code, any(f.nonlinear is not None for f in self.model.flows))

    def lane_names(self) -> Mapping[Symbol, str]:
        """Return names for all that lanes have as members, constants and state in one scope."""
        m = self.model
        declared = [*(d.symbol for d in m.parameters), *m.internals, *(d.symbol for d in m.state)]
        single = [e for s in declared for e in (s.elements or (s,))]
        single += [s for c in m.convolutions for s in c.states]
        plain = {s: replace(s, vector=None, size=None) for s in single}
        named = names.members(dict.fromkeys(plain.values()), taken=["held"])
        return {s: named[p].name for s, p in plain.items()}

    def lane_source(self, symbol: Symbol) -> str:
        """Return where one neuron keeps a constant or a state variable."""
        return _PRINTER.name(self.cpp[symbol])

    def headers(self) -> tuple[str, ...]:
        """Return which headers of ours the neuron needs."""
        m = self.model
        derived = [e for d in m.derived for e in derived_expressions(d)]
        statements = [s for body in bodies_of(m) for s in walk_statements(body)]
        declared = [
            x for d in (*m.parameters, *m.state) for x in (d.value, d.guard) if x is not None
        ]
        everywhere = (*derived, *declared, *step_expressions(m))
        needed = {
            "vector_status.h": any(d.symbol.size is not None for d in (*m.parameters, *m.state)),
            "vectors.h": bool(vectors(m)),
            "delay.h": bool(m.delays),
            "input_buffer.h": bool(m.spike_ports or m.continuous_ports) or self.lanes is not None,
            "arena.h": self.lanes is not None,
            "gap_junctions.h": self.gap_port is not None,
            "random.h": m.is_random,
            "message.h": any(isinstance(s, Say) for s in statements),
            "expm1.h": any(
                isinstance(e, Call) and e.function == "expm1" for x in everywhere for e in walk(x)
            ),
            "integer.h": any(_divides_integers(e) for x in everywhere for e in walk(x)),
        }
        return tuple(h for h, is_needed in needed.items() if is_needed)

    def runtime(self) -> tuple[str, ...]:
        """Return which headers of the core's runtime the neuron needs, in order."""
        m = self.model
        derived = [e for d in m.derived for e in derived_expressions(d)]
        functions = {e.function for x in derived for e in walk(x) if isinstance(e, Call)}
        needed = ["expdd.hpp"] if "expdd" in functions else []
        if any(isinstance(d, MatrixExponential) for d in m.derived):
            needed.append("matrix_exponential.hpp")
        if self.lanes is not None:
            return tuple(
                cpp_runtime([*needed, "lane_steps.hpp" if self.lanes.solves else "lanes.hpp"])
            )
        for f in m.flows:
            if f.nonlinear is not None and not _is_euler(f.nonlinear):
                needed.append(CPP_INTEGRATORS[f.nonlinear.integrator.method][0])
        return tuple(cpp_runtime(needed))

    def entry(self, d: Declaration) -> ir.Entry:
        value = self.expr(d.value)
        is_dependent = grows(d.symbol) or any(
            isinstance(e, (Ref, Element)) or (isinstance(e, Call) and e.function not in INTRINSICS)
            for e in walk(value)
        )
        type = d.symbol.type
        default, vector = self.declared(d.symbol, value)
        start, _ = self.declared(d.symbol, _zero(type)) if is_dependent else (default, None)
        unit, outward = _conversion(type, vector)
        return ir.Entry(
            member=ir.Member(
                self.member(d.symbol), type, start, _comment(d.documentation, type), vector
            ),
            key=self.keys[d.symbol],
            default=default,
            is_dependent=is_dependent,
            unit=unit,
            outward=outward,
            size=None if vector is None else vector.size,
            grows=grows(d.symbol),
        )

    def guards(self) -> Iterator[ir.Guard]:
        """Yield what must hold: sizes and delays make sense, and the guards of the model."""
        m = self.model
        everything = (*(d.symbol for d in (*m.parameters, *m.state)), *m.internals)
        sizes = dict.fromkeys(s.size.symbol for s in everything if isinstance(s.size, Ref))
        for size in sizes:
            positive = Binary(">=", self.expr(ref(size)), integer(1), BOOLEAN)
            yield ir.Guard(positive, f"{self.keys[size]} of {self.title} is a size: at least 1.")
        for d in m.parameters:
            if d.symbol in m.fixed:
                assert isinstance(d.value, Number), "a size has a number as its default"
                same = Binary("==", self.expr(ref(d.symbol)), d.value, BOOLEAN)
                text = f"{self.keys[d.symbol]} of {self.title} must be {d.value.value}"
                yield ir.Guard(same, f"{text}: its equations or ports are made for that.")
        for delay in m.delays:
            arguments = (self.expr(delay.duration), ref(DT))
            text = " ".join(delay.duration.span.text.split()) or "its duration"
            message = f"{text} of {self.title} is a delay: at least 0 ms, less than 1e8 steps."
            yield ir.Guard(Call("nestml::is_delay", arguments, BOOLEAN), message)
        for d in (*m.parameters, *m.state):
            if d.guard is not None:
                yield self.guard(d, d.guard)

    def delay(self, d: Delay) -> ir.Delay:
        target = ir.Member(self.member(d.symbol), REAL, _zero(REAL), _comment("", d.symbol.type))
        return ir.Delay(target, self.expr(ref(d.variable)), self.expr(d.duration))

    def guard(self, d: Declaration, condition: Expr) -> ir.Guard:
        text = " ".join(condition.span.text.split())
        rule = f"satisfy {text}" if text else "satisfy its guard"
        message = f"{self.keys[d.symbol]} of {self.title} must {rule}."
        return ir.Guard(self.expr(condition), message)

    def zeroed(self, symbol: Symbol, documentation: str) -> ir.Member:
        comment = _comment(documentation, symbol.type)
        value, vector = self.declared(symbol, _zero(symbol.type))
        return ir.Member(self.member(symbol), symbol.type, value, comment, vector)

    def computation(self, d: Derived) -> ir.Computation:
        match d:
            case Definition(symbol, value):
                value, _ = self.declared(symbol, self.expr(value))
                return _computation(Definition(self.cpp[symbol], value))
            case MatrixExponential(symbols, matrix):
                propagators = tuple(
                    ir.Propagator(i, j, self.member(s))
                    for i, row in enumerate(symbols)
                    for j, s in enumerate(row)
                    if s is not None
                )
                rates = tuple(
                    ir.Rate(i, j, self.expr(e))
                    for i, row in enumerate(matrix)
                    for j, e in enumerate(row)
                    if not isinstance(e, Number) or e.value
                )
                return ir.Computation("", _zero(REAL), True, len(matrix), rates, propagators)

    def channels(
        self, symbols: Sequence[Symbol], first: int, comment: str = ""
    ) -> tuple[ir.Channel, ...]:
        """Return a channel for each port; their cells are numbered from ``first`` on."""
        watched = {h.port for h in self.model.on_receive}

        def channel(cell: int, s: Symbol) -> ir.Channel:
            text = comment or _comment("", s.type)
            member = ir.Member(self.member(s), REAL, _zero(REAL), text)
            return ir.Channel(member, cell, s in watched)

        return tuple(channel(cell, s) for cell, s in enumerate(symbols, first))

    def receptors(self) -> tuple[ir.Receptor, ...]:
        ports = self.model.spike_ports
        cell = {p.symbol: i for i, p in enumerate(ports)}
        addresses = spike_addresses(self.model)
        opposite = {a.symbol: b.symbol for a, b in sign_pairs(ports)}

        def receptor(p: SpikePort) -> ir.Receptor:
            other = opposite.get(p.symbol, p.symbol)
            number = addresses[p.symbol].receptor
            return ir.Receptor(number, cell[p.symbol], cell[other], other != p.symbol)

        return tuple(receptor(p) for p in ports if addresses[p.symbol].sign >= 0)

    def receptor_types(self) -> tuple[ir.PortNumber, ...]:
        addresses = spike_addresses(self.model)
        keys = port_keys(tuple(addresses))
        return tuple(ir.PortNumber(keys[s], a.receptor) for s, a in addresses.items())

    def continuous_inputs(self) -> tuple[ir.PortNumber, ...]:
        keys = port_keys(self.currents)
        return tuple(ir.PortNumber(key, i) for i, key in enumerate(keys.values()))

    def recording(self, symbol: Symbol, value: Expr) -> ir.Recording:
        declared = {d.symbol for d in self.model.state}
        return ir.Recording(
            key=self.keys[symbol],
            value=self.expr(value),
            outward=_conversion(symbol.type)[1],
            is_state=symbol.owner in declared,
        )

    def flow(self, index: int, flow: Flow) -> ir.FlowFunction:
        title = f"integrate_odes({', '.join(s.name for s in flow.variables)})"
        updates = self.updates(own_last(flow.linear.updates)) if flow.linear is not None else ()
        numerics = None
        if flow.nonlinear is not None:
            if _is_euler(flow.nonlinear):
                updates += self.updates(_euler(flow.nonlinear))
            else:
                numerics = self.numerics(flow.nonlinear)
        return ir.FlowFunction(index, title, updates, numerics, self.jumps(flow.jumps))

    def updates(self, updates: Iterable[Update]) -> tuple[ir.Change, ...]:
        return tuple(
            ir.Change(self.place(u.target), self.member(u.target), self.expr(u.value))
            for u in updates
        )

    def jumps(self, jumps: Iterable[Jump]) -> tuple[ir.Change, ...]:
        return tuple(
            ir.Change(self.place(j.target), f"{self.member(j.target)}_{i}", self.expr(j.amount))
            for i, j in enumerate(jumps)
        )

    def numerics(self, system: NonlinearSystem) -> ir.Numerics:
        moving = tuple(self.place(s) for s in (*system.variables, *system.companions))
        integrator = system.integrator
        tolerances: tuple[str, ...] = ()
        if integrator.method.is_adaptive:
            tolerances = (real_literal(integrator.relative), real_literal(integrator.absolute))
        course = self.course(system)
        return ir.Numerics(
            names=moving,
            kept=moving[: len(system.variables)],
            size=len(moving) + (course is not None),
            course=course,
            function=f"nestml_runtime::{CPP_INTEGRATORS[integrator.method][1]}",
            equations=tuple(self.equations(system)),
            tolerances=tolerances,
        )

    def equations(self, system: NonlinearSystem) -> Iterator[ir.Equations]:
        """Yield the functions that the method of ``system`` calls."""
        time = len(system.derivatives)
        passing = (("slope", number(1)), ("rate", number(0)))  # time passes as time does
        for called in evaluations(system):
            values = [*called.values]
            if self.course(system) is not None:
                values += [(f"{r}[{time}]", e) for r, e in passing if r in called.results]
            yield self.evaluation(called.name, values, called.results, called.cleared)

    def evaluation(
        self,
        name: str,
        targets: Sequence[tuple[str, Expr]],
        results: tuple[str, ...],
        cleared: tuple[str, ...] = (),
    ) -> ir.Equations:
        definitions, values = share([e for _, e in targets])
        return ir.Equations(
            name=name,
            results=results,
            cleared=cleared,
            shared=tuple(
                ir.Change(d.symbol.name, d.symbol.name, self.expr(d.value)) for d in definitions
            ),
            values=tuple(
                ir.Value(target, self.expr(e))
                for (target, _), e in zip(targets, values, strict=True)
            ),
        )

    def course(self, system: NonlinearSystem) -> ir.Course | None:
        """Return how the current from gap junctions changes in a step of ``system``."""
        if self.gap_port is None:
            return None
        potential = gaps.potential(self.model, self.options)
        assert potential is not None
        place = system.variables.index(potential)
        return ir.Course(self.member(self.gap_port), place, len(system.derivatives))

    def gap(self) -> ir.GapJunctions | None:
        if self.gap_port is None:
            return None
        potential = gaps.potential(self.model, self.options)
        system = gaps.system(self.model, self.options)
        assert potential is not None
        assert system is not None
        slope = next(d.value for d in system.derivatives if d.target == potential)
        evaluated = self.evaluation("", [("", slope)], ())
        return ir.GapJunctions(
            port=self.member(self.gap_port),
            potential=self.expr(ref(potential)),
            shared=evaluated.shared,
            slope=evaluated.values[0].value,
        )

    def convolution(self, c: Convolution) -> ir.Convolved:
        return ir.Convolved(self.updates(own_last(c.updates)), self.jumps(c.jumps))

    def function(self, f: Function) -> ir.FunctionDefinition:
        needs = self.needs[f.name]
        changed = {"S": "State_& S"} if calls.CHANGES in needs else {}
        arguments = {**_ARGUMENTS, **changed}
        return ir.FunctionDefinition(
            name=self.function_names[f.name],
            result=f.result.type,
            context=tuple(arguments[c] for c in calls.context(needs)),
            arguments=tuple(ir.Argument(a.type, self.member(a)) for a in f.arguments),
            body=self.function_body(f.body),
        )


def _with_elements(symbols: Iterable[Symbol]) -> tuple[Symbol, ...]:
    """Return ``symbols`` and behind them the elements of their vectors."""
    known = tuple(symbols)
    return (*known, *(e for s in known if s.size is not None for e in s.elements))


def _is_euler(system: NonlinearSystem) -> bool:
    return system.integrator.method is Method.FORWARD_EULER


def _euler(system: NonlinearSystem) -> tuple[Update, ...]:
    """Return one explicit step; what companions would become is dropped anyway."""

    def moved(u: Update) -> Update:
        change = Binary("*", ref(DT), u.value, REAL)
        return Update(u.target, Binary("+", ref(u.target), change, REAL))

    return tuple(moved(u) for u in system.derivatives[: len(system.variables)])


def own_last(updates: Iterable[Update]) -> tuple[Update, ...]:
    """Return ``updates`` with what depends on the target itself last in each sum.

    The next step waits for that alone: the other terms are computed ahead of time.
    """
    return tuple(replace(u, value=_own_last(u.target, u.value)) for u in updates)


def _own_last(target: Symbol, value: Expr) -> Expr:
    terms = tuple(_terms(value))
    own = [t for t in terms if target in set(symbols_in(t[1]))]
    others = [t for t in terms if t not in own]
    first = next((t for t in others if t[0] == "+"), None)
    if first is None:
        return value
    others.remove(first)
    total = first[1]
    for op, term in (*others, *own):
        total = Binary(op, total, term, REAL)
    return total


def _terms(e: Expr, sign: str = "+") -> Iterator[tuple[str, Expr]]:
    """Yield the terms of a sum with their signs."""
    if isinstance(e, Binary) and e.op in ("+", "-") and e.type.base is not Base.INTEGER:
        yield from _terms(e.left, sign)
        yield from _terms(e.right, sign if e.op == "+" else "-" if sign == "+" else "+")
    else:
        yield sign, e


def local_symbols(model: SolvedModel) -> tuple[Symbol, ...]:
    found: dict[Symbol, None] = {}
    for f in model.functions:
        found |= dict.fromkeys(f.arguments)
    for body in bodies_of(model):
        for s in walk_statements(body):
            match s:
                case Declare(symbol):
                    found[symbol] = None
                case For(variable):
                    found[variable] = None
                case _:
                    pass
        for e in expressions_in(body):
            found |= dict.fromkeys(s.owner for s in symbols_in(e) if s.kind is Kind.LOCAL)
    return tuple(found)


def derived_expressions(d: Derived) -> tuple[Expr, ...]:
    match d:
        case Definition(_, value):
            return (value,)
        case MatrixExponential(_, matrix):
            return tuple(e for row in matrix for e in row)


def _divides_integers(e: Expr) -> bool:
    if not isinstance(e, Binary) or e.op not in ("//", "%"):
        return False
    return e.left.type.base is Base.INTEGER and e.right.type.base is Base.INTEGER


def _computation(d: Definition) -> ir.Computation:
    return ir.Computation(d.symbol.name, d.value, False, 0, (), ())


def _zero(type: Type) -> Expr:
    match type.base:
        case Base.INTEGER:
            return Number(Fraction(0), INTEGER)
        case Base.BOOLEAN:
            return Boolean(False, BOOLEAN)
        case Base.STRING:
            return Text("", STRING)
        case _:
            return Number(Fraction(0), REAL)


def _conversion(type: Type, vector: Symbol | None = None) -> tuple[str, str]:
    """Return the last arguments of ``nestml::update``, and what converts a value the other way.

    For vectors, both are the last arguments of functions.
    """
    if type.unit is None or type.unit.factor == 1:
        return "", ""
    above, below = (real_literal(float(x)) for x in type.unit.factor.as_integer_ratio())
    if vector is not None:
        return f", {above}, {below}", f", {above}, {below}"
    outward = (f" * {below}" if below != "1.0" else "") + (f" / {above}" if above != "1.0" else "")
    return f", {above}, {below}", outward


def _comment(documentation: str, type: Type) -> str:
    """Return documentation and coherent unit of a value in one line."""
    parts = [" ".join(names.comment(documentation))]
    if type.base is Base.QUANTITY:
        parts.append(coherent_text(type.dimension))
    return ", ".join(p for p in parts if p)
