"""Lower solved models to Lava processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from nestml_core.api import (
    DT,
    NOWHERE,
    Base,
    Binary,
    Call,
    Code,
    Convolution,
    Declaration,
    Definition,
    Diagnostic,
    Emit,
    Expr,
    Feature,
    Flow,
    Kind,
    MatrixExponential,
    Method,
    ModelKind,
    NonlinearSystem,
    Number,
    Output,
    Ref,
    Result,
    Severity,
    SolvedModel,
    Span,
    Symbol,
    Text,
    bodies_of,
    checked,
    constructs,
    features,
    identifiers,
    number,
    real_literal,
    safe,
    share,
    step_expressions,
    symbols_in,
    walk,
    walk_statements,
)
from nestml_lava.ir import (
    Bind,
    Do,
    Exponential,
    Give,
    Needs,
    Port,
    Process,
    Routine,
    Select,
    Unpack,
    Variable,
    Vector,
    When,
)
from nestml_lava.reserved import MODELS, VARIABLES
from nestml_lava.vector import (
    ACTIVE,
    ALL,
    Body,
    Names,
    V,
    body,
    both,
    mask,
    name,
    recursive,
    routine,
    stored,
)

SYNAPSE = Code("LAVA001", Severity.ERROR, "a synapse model")
TEXT = Code("LAVA002", Severity.ERROR, "a string where Lava keeps numbers only")
CONTINUOUS_OUTPUT = Code("LAVA003", Severity.ERROR, "a continuous output")
NO_PLACE = Code("LAVA004", Severity.ERROR, "a vector or a delayed variable")

UNSUPPORTED = frozenset({Feature.VECTORS, Feature.DELAYS})

SPECIAL = ("erf", "erfc")
BITWISE = ("&", "|", "^", "<<", ">>", "~")


def process(model: SolvedModel) -> Result[Process]:
    """Return ``model`` as a Lava process.

    Errors
    ------
    LAVA001 : a synapse model.
    LAVA002 : a state variable, parameter, internal or recordable that holds a string.
    LAVA003 : continuous output.
    """
    found = tuple(refusals(model))
    if found:
        return Result(None, found)
    return checked(_Lowering(model).process(), ())


def refusals(model: SolvedModel) -> Iterator[Diagnostic]:
    """Yield why this backend cannot generate ``model``."""
    if model.kind is ModelKind.SYNAPSE:
        yield SYNAPSE.at(
            model.span,
            f"`{model.name}` is a synapse model; Lava processes are generated for neurons only",
            help="connect neurons by Lava's Dense or Sparse processes, for plastic synapses by its "
            "LearningDense with a learning rule",
        )
        return
    for c in constructs(model, UNSUPPORTED):
        message = f"{c.words}; the processes generated for Lava have none yet"
        yield NO_PLACE.at(c.span, message, help=c.help)
    yield from _strings(model)
    if model.output is Output.CONTINUOUS:
        yield CONTINUOUS_OUTPUT.at(
            model.span,
            f"`{model.name}` has a continuous output, which is not connected to any value",
            help="record the variable, or read its Var with a Lava Monitor",
        )


def _strings(model: SolvedModel) -> Iterator[Diagnostic]:
    symbols = [d.symbol for d in (*model.parameters, *model.state)]
    symbols += [*model.internals, *(r.symbol for r in model.recordables)]
    for symbol in dict.fromkeys(symbols):
        if symbol.type.base is Base.STRING:
            yield TEXT.at(
                symbol.span if symbol.span is not NOWHERE else model.span,
                f"`{symbol.name}` is a string; the variables of a Lava process are numbers",
                help="use a whole number, or write the text where it is printed",
            )


class _Lowering:
    """The lowering of one model."""

    def __init__(self, model: SolvedModel) -> None:
        self.model = model
        self.held = {p.symbol: _held(p.symbol) for p in model.continuous_ports}
        self.inlines = tuple(
            r for r in model.recordables if r.symbol not in {d.symbol for d in model.state}
        )
        self.names = Names(
            variable_names(self.public_symbols()),
            MappingProxyType({f.name: f"function_{f.name}" for f in model.functions}),
            recursive(model.functions),
        )
        self.strict = frozenset(s for f in model.flows for s in f.variables)

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
            *m.internals,
        )

    def process(self) -> Process:
        m = self.model
        package = safe(m.name, MODELS)
        documentation = [x.rstrip() for x in m.documentation.strip().splitlines()] or [m.name]
        graded = any(e.weight is not None for e in self.emits())
        return Process(
            name=package,
            model_class=_class_name(package),
            symbol_name=m.name,
            title=documentation[0],
            documentation=tuple(documentation[1:]),
            spike_ports=tuple(
                self.port(p.symbol, "sum of the weights that arrive") for p in m.spike_ports
            ),
            continuous_ports=tuple(
                self.port(p.symbol, "value that holds for the step that follows")
                for p in m.continuous_ports
            ),
            sends=m.output is Output.SPIKE,
            graded=graded,
            parameters=tuple(self.variable(d.symbol, d.documentation, d) for d in m.parameters),
            states=tuple(self.variable(d.symbol, d.documentation) for d in m.state),
            convolutions=tuple(
                self.variable(s, f"kernel {c.kernel} on {c.port.name}")
                for c in m.convolutions
                for s in c.states
            ),
            held=tuple(
                self.variable(h, f"what the port {p.name} received last")
                for p, h in self.held.items()
            ),
            inlines=tuple(
                self.variable(r.symbol, "recordable, computed in every step") for r in self.inlines
            ),
            routines=tuple(self.routines()),
            recordables=tuple((r.symbol, self.variable(r.symbol, "")) for r in m.recordables),
            needs=self.needs(),
        )

    def emits(self) -> Iterator[Emit]:
        for stmts in bodies_of(self.model):
            for stmt in walk_statements(stmts):
                if isinstance(stmt, Emit):
                    yield stmt

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
            summary=_with_default(_one_line(summary), declaration),
        )

    def port(self, symbol: Symbol, summary: str) -> Port:
        unit = symbol.type.unit if symbol in self.held else None
        return Port(
            name=self.names.variables[symbol],
            symbol=symbol,
            unit=unit.text if unit else "",
            factor=float(unit.factor) if unit else 1.0,
            held=self.names.variables[self.held[symbol]] if symbol in self.held else "",
            summary=summary,
        )

    # Routines of the module

    def routines(self) -> Iterator[Routine]:
        m = self.model
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
            tuple(self.guards(d for d in m.parameters if not self.is_late(d))),
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
        yield Routine("_step", ("v",), "Advance all neurons by one step.", tuple(self.step()))
        yield Routine(
            "_inlines",
            ("v",),
            "Compute what can be recorded beside the state.",
            tuple(self.recorded()),
        )

    def parameters(self) -> Iterator[Vector]:
        out: list[Vector] = []
        for d in self.model.parameters:
            default = Body(self.names).expr(d.value, ALL, out)
            out.append(Bind(self.names.of(d.symbol), self.given(d.symbol, default)))
        yield from out

    def given(self, symbol: Symbol, default: Expr) -> Expr:
        """Return what takes the given value of ``symbol``, or else ``default``."""
        variable = self.variable(symbol, "")
        kind = (
            ()
            if not (variable.is_boolean or variable.is_integer)
            else (name("kind=bool" if variable.is_boolean else "kind=int"),)
        )
        factor = () if variable.factor == 1 else (name(f"factor={real_literal(variable.factor)}"),)
        return Call("given", (Text(variable.name), stored(symbol.type, default), *factor, *kind))

    def guards(self, declarations: Iterable[Declaration]) -> Iterator[Vector]:
        out: list[Vector] = []
        for d in declarations:
            if d.guard is None:
                continue
            holds = Body(self.names).expr(d.guard, ALL, out)
            text = _one_line(d.guard.span.text) or "its guard"
            variable = Text(self.names.variables[d.symbol])
            out.append(Do(Call("_guard", (V, variable, holds, Text(text)))))
        yield from out

    def is_late(self, d: Declaration) -> bool:
        """Return whether a guard can be checked only when the state is known."""
        return d.guard is not None and (d.symbol.kind is Kind.STATE or _reads_state(d.guard))

    def constants(self) -> Iterator[Vector]:
        lowering = Body(self.names)
        out: list[Vector] = []
        for i, derived in enumerate(self.model.derived, 1):
            match derived:
                case Definition(symbol, value):
                    target = self.names.of(symbol)
                    out.append(Bind(target, stored(symbol.type, lowering.expr(value, ALL, out))))
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
        read = frozenset(s for d in state for s in symbols_in(d.value))
        for d in state:
            target = self.names.of(d.symbol)
            value = stored(d.symbol.type, lowering.expr(d.value, ALL, out))
            if d.symbol in read:
                out.append(Bind(target, value))
                late.append(Bind(target, self.given(d.symbol, name(target, d.symbol.type))))
            else:
                out.append(Bind(target, self.given(d.symbol, value)))
        for symbol in (*self.convolved_states(), *self.held.values()):
            out.append(Bind(self.names.of(symbol), self.given(symbol, number(0))))
        for port, held in self.held.items():
            out.append(Bind(self.names.of(port), name(self.names.of(held))))
        for spike_port in self.model.spike_ports:
            out.append(Bind(self.names.of(spike_port.symbol), number(0)))
        yield from (*out, *late)
        yield from self.guards(d for d in (*self.model.parameters, *state) if self.is_late(d))

    def convolved_states(self) -> tuple[Symbol, ...]:
        return tuple(s for c in self.model.convolutions for s in c.states)

    def flow(self, index: int, flow: Flow) -> Iterator[Routine]:
        """Yield ``_integrate_k`` and the right-hand side it integrates numerically, if any."""
        advanced = ", ".join(s.name for s in flow.variables)
        out: list[Vector] = []
        stores: list[Vector] = []
        lowering = Body(self.names)
        if flow.linear is not None:
            for u in flow.linear.updates:
                new = f"new_{self.names.variables[u.target]}"
                out.append(Bind(new, lowering.expr(u.value, mask(ACTIVE), out)))
                stores.append(Select(self.names.of(u.target), ACTIVE, name(new, u.target.type)))
        if flow.nonlinear is not None:
            system = flow.nonlinear
            yield self.derivatives(index, system)
            if system.integrator.method is Method.ROSENBROCK:
                yield self.linearised(index, system)
            targets = tuple(f"new_{self.names.variables[s]}" for s in system.variables)
            unused = ("_",) * len(system.companions)
            if len(targets) + len(unused) == 1:
                targets = (f"({targets[0]},)",)
            out.append(Unpack((*targets, *unused), self.integration(index, system)))
            for s in system.variables:
                value = name(f"new_{self.names.variables[s]}", s.type)
                stores.append(Select(self.names.of(s), ACTIVE, value))
        yield Routine(
            f"_integrate_{index}",
            ("v", ACTIVE),
            f"Integrate {advanced} over the step, for the neurons in ``active``."
            if advanced
            else "Integrate nothing: no equation is meant.",
            (*out, *stores, *self.jumps(flow)),
        )

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
        moving = tuple(
            Text(self.names.variables[s]) for s in (*system.variables, *system.companions)
        )
        method = system.integrator.method
        functions = [name(f"_derivatives_{index}")]
        if method is Method.ROSENBROCK:
            functions.append(name(f"_linearised_{index}"))
        tolerances = (
            name(f"relative={real_literal(system.integrator.relative)}"),
            name(f"absolute={real_literal(system.integrator.absolute)}"),
        )
        return Call(
            f"_{method.value}",
            (*functions, V, mask(ACTIVE), *moving, *(tolerances if method.is_adaptive else ())),
        )

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
            stores.append(Select(target.symbol.name, ACTIVE, _plus(target, amount)))
        yield from (*out, *stores)

    def step(self) -> Iterator[Vector]:
        """Yield a step in the order that the solved model prescribes."""
        m = self.model
        for handler in m.on_receive:
            port = self.names.of(handler.port)
            received = f"received_{self.names.variables[handler.port]}"
            yield Unpack((received, port), Call("_events", (V, name(port))))
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
                new = f"new_{self.names.variables[u.target]}"
                yield Bind(new, Body(self.names).expr(u.value, ALL, []))

    def convolution_stores(self) -> Iterator[Vector]:
        for c in self.model.convolutions:
            yield from self.convolution_store(c)

    def convolution_store(self, c: Convolution) -> Iterator[Vector]:
        """Jumps read spikes and constants only, so that they can join the new values at once."""
        for u in c.updates:
            value: Expr = name(f"new_{self.names.variables[u.target]}", u.target.type)
            for jump in c.jumps:
                if jump.target == u.target:
                    value = _plus(value, Body(self.names).expr(jump.amount, ALL, []))
            yield Bind(self.names.of(u.target), value)

    def recorded(self) -> Iterator[Vector]:
        out: list[Vector] = []
        lowering = Body(self.names)
        for r in self.inlines:
            value = lowering.expr(r.value, ALL, out)
            out.append(Bind(self.names.of(r.symbol), stored(r.symbol.type, value)))
        yield from out

    # What the module has to contain

    def needs(self) -> Needs:
        m = self.model
        used = features(m)
        nonlinear = [f.nonlinear.integrator.method for f in m.flows if f.nonlinear]
        calls = set(self.functions_called())
        return Needs(
            adaptive=any(method.is_adaptive for method in nonlinear),
            rk45=Method.RK45 in nonlinear,
            rosenbrock=Method.ROSENBROCK in nonlinear,
            rk4=Method.RK4 in nonlinear,
            forward_euler=Method.FORWARD_EULER in nonlinear,
            exponential=any(method.is_exponential for method in nonlinear),
            expdd="expdd" in calls,
            matrix_exponential=any(isinstance(d, MatrixExponential) for d in m.derived),
            special=any(f in calls for f in SPECIAL),
            random=m.is_random,
            poisson="random_poisson" in calls,
            messages=Feature.MESSAGES in used,
            loops=Feature.LOOPS in used,
            rounding="round" in calls,
            bitwise=any(op in calls for op in BITWISE),
            events=bool(m.on_receive),
        )

    def functions_called(self) -> Iterator[str]:
        """Yield the functions and operators that stand anywhere in the model."""
        for top in self.expressions():
            for e in walk(top):
                if isinstance(e, Call):
                    yield e.function
                elif hasattr(e, "op") and e.type.base is Base.INTEGER:
                    yield e.op

    def expressions(self) -> Iterator[Expr]:
        m = self.model
        yield from step_expressions(m)
        for d in (*m.parameters, *m.state):
            yield d.value
            if d.guard is not None:
                yield d.guard
        for derived in m.derived:
            match derived:
                case Definition(_, value):
                    yield value
                case MatrixExponential(_, matrix):
                    yield from (e for row in matrix for e in row)


def variable_names(symbols: tuple[Symbol, ...]) -> Mapping[Symbol, str]:
    """Return the names of ports, variables and constants. Leading underscores are Lava's own."""
    private = frozenset(s.identifier for s in symbols if s.identifier.startswith("_"))
    return identifiers(symbols, VARIABLES | private)


def _held(port: Symbol) -> Symbol:
    return Symbol(f"{port.identifier}_held", Kind.STATE, port.type, port.span)


def _plus(a: Expr, b: Expr) -> Expr:
    return Binary("+", a, b, a.type)


def _reads_state(e: Expr) -> bool:
    return any(
        isinstance(part, Ref) and part.symbol.kind is not Kind.PARAMETER and part.symbol != DT
        for part in walk(e)
    )


def _class_name(package: str) -> str:
    return "Py" + "".join(part[:1].upper() + part[1:] for part in package.split("_")) + "ModelFloat"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _shown(span: Span, otherwise: str) -> str:
    return _one_line(span.text) or otherwise


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
            shown = _one_line(value.span.text)
    return "; ".join(part for part in (summary, shown and f"default {shown}") if part)
