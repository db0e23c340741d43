"""The resolved model becomes the solved model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType

from nestml_core.diagnostics import Code, Diagnostic, Result, Severity, checked
from nestml_core.expr import (
    Call,
    Convolve,
    Expr,
    Kind,
    Ref,
    Symbol,
    is_random,
    number,
    ref,
    rewrite,
    substitute,
    symbols_in,
    walk,
)
from nestml_core.model import (
    MECHANISMS,
    Declaration,
    Kernel,
    Model,
    OnCondition,
    OnReceive,
)
from nestml_core.resolve import codes
from nestml_core.solve.algebra import ONE, ZERO, folded, times, total
from nestml_core.solve.events import begin_of_interval, between
from nestml_core.solve.flows import Constants, Derivative, FlowSolver, split_ports
from nestml_core.solve.functions import hidden_state
from nestml_core.solve.grid import on_grid
from nestml_core.solve.inlines import expanded_inlines
from nestml_core.solve.kernels import Reason, Response, response, value
from nestml_core.solved import (
    TIME,
    Convolution,
    Definition,
    Delay,
    Derived,
    Flow,
    Integrator,
    Jump,
    Method,
    ModelKind,
    Recordable,
    SolvedModel,
)
from nestml_core.source import Span
from nestml_core.stmt import (
    Assign,
    Emit,
    Integrate,
    IntegrateOdes,
    Stmt,
    expressions_in,
    map_body,
    walk_statements,
)
from nestml_core.types import REAL

HIDDEN_STATE = Code("NML311", Severity.ERROR, "a function that hides what an equation depends on")

NO_RESPONSE = Code("NML320", Severity.ERROR, "a kernel that no linear equation produces")
KERNEL_NOT_LINEAR = Code("NML321", Severity.ERROR, "equations of a kernel that are not linear")
KERNEL_MOVES = Code("NML322", Severity.ERROR, "a kernel that depends on what moves")

KERNEL_CODES: Mapping[Reason, Code] = MappingProxyType(
    {
        Reason.NO_EQUATION: NO_RESPONSE,
        Reason.NOT_LINEAR: KERNEL_NOT_LINEAR,
        Reason.NOT_CONSTANT: KERNEL_MOVES,
    }
)

PER_SECOND = Fraction(1, 1000)
"""1/s in coherent units: in procedural code a port is its summed weight times this."""


@dataclass(frozen=True, slots=True)
class SolveOptions:
    """How to integrate what has no exact solution.

    ``integrator`` is None where the equations are to decide: that is RK45 unless
    ``nestml_core.selection`` finds them stiff. ``tolerance`` is the relative and, in coherent
    units, the absolute error of one adaptive step.
    """

    integrator: Method | None = None
    tolerance: float = 1e-9


DEFAULTS = SolveOptions()


def solve(model: Model, options: SolveOptions = DEFAULTS) -> Result[SolvedModel]:
    """Return what each step of ``model`` computes.

    Errors
    ------
    NML320, NML321, NML322 : a kernel that is not the response of a linear system with constant
        coefficients.
    NML310 : spikes on a right-hand side other than as a term ``factor * port``.
    NML311 : a function in an equation that reads or changes state behind its arguments.
    NML340 : an integrator that needs derivatives of equations that have none.
    """
    return _Solving(model, options).run()


class _Solving:
    """The state of one call of ``solve``."""

    def __init__(self, model: Model, options: SolveOptions) -> None:
        self.kind = _kind(model)
        self.model = model = on_grid(model) if self.kind is ModelKind.NEURON else model
        self.options = options
        self.found: list[Diagnostic] = []
        self.inlines = expanded_inlines(model)
        self.convolution_values: dict[tuple[Symbol, Symbol], Expr] = {}
        self.moving: dict[Symbol, Expr] = {}
        self.hidden = hidden_state(model.functions)
        self.constants = Constants(set(self.names()))
        clock = self.constants.symbol("t__start").name
        self.clock = Symbol(clock, Kind.STATE, TIME.type, self.mention_of_time())
        """Time as equations see it: set when a flow begins, moves with it; only if one reads it."""

    def mention_of_time(self) -> Span:
        """Return where an equation, or an inline, reads ``t``; the model's place if none does."""
        m = self.model
        for read in (*(q.value for q in m.equations), *(i.value for i in m.inlines)):
            for e in walk(read):
                if isinstance(e, Ref) and e.symbol is TIME:
                    return e.span
        return m.span

    def names(self) -> Iterator[str]:
        m = self.model
        for d in (*m.parameters, *m.internals, *m.state):
            yield d.symbol.identifier
        yield from (i.symbol.identifier for i in m.inlines)
        yield from (p.symbol.identifier for p in m.spike_ports)
        yield from (c.symbol.identifier for c in m.continuous_ports)
        yield from ("dt", "t")

    def run(self) -> Result[SolvedModel]:
        m = self.model
        if m.is_compartmental:
            return Result(None, (_compartmental(m),))
        convolutions = self.convolutions()
        derivatives = self.derivatives()
        if any(d.is_error for d in self.found):
            return Result(None, tuple(self.found))
        o = self.options
        method = o.integrator or Method.RK45
        integrator = Integrator(method, o.tolerance, o.tolerance, "")
        solver = FlowSolver(derivatives, self.moving, self.constants, integrator, m.functions)
        convolutions = tuple(self.with_updates(c, solver) for c in convolutions)
        bodies, flows = self.bodies(solver, derivatives)
        self.found += solver.found
        update, *others = bodies
        handlers = others[: len(m.on_receive)]
        conditions = others[len(m.on_receive) : len(m.on_receive) + len(m.on_condition)]
        functions = others[len(m.on_receive) + len(m.on_condition) :]
        internals: tuple[Derived, ...] = tuple(
            Definition(d.symbol, folded(d.value)) for d in m.internals
        )
        solved = SolvedModel(
            name=m.name,
            kind=self.kind,
            documentation=m.documentation,
            parameters=tuple(replace(d, value=folded(d.value)) for d in m.parameters),
            derived=internals + tuple(self.constants.derived),
            state=self.state(derivatives),
            recordables=self.recordables(),
            spike_ports=m.spike_ports,
            continuous_ports=m.continuous_ports,
            output=m.output,
            convolutions=convolutions,
            flows=flows,
            update=update,
            on_receive=tuple(
                OnReceive(h.port, h.priority, b, h.span)
                for h, b in zip(m.on_receive, handlers, strict=True)
            ),
            on_condition=tuple(
                OnCondition(self.procedural(c.condition), b, c.span, c.priority)
                for c, b in zip(m.on_condition, conditions, strict=True)
            ),
            functions=tuple(
                replace(f, body=b) for f, b in zip(m.functions, functions, strict=True)
            ),
            is_random=self.is_random(),
            span=m.span,
            delays=tuple(replace(d, duration=folded(d.duration)) for d in self.delays()),
            fixed=m.fixed,
        )
        return checked(replace(solved, between=between(solved)), self.found)

    def delays(self) -> tuple[Delay, ...]:
        """Return the delays that anything reads."""
        read = {
            s
            for e in (*self.inlines.values(), *(q.value for q in self.model.equations))
            for s in symbols_in(e)
        }
        return tuple(d for d in self.model.delays if d.symbol in read)

    def state(self, derivatives: Mapping[Symbol, Derivative]) -> tuple[Declaration, ...]:
        found = [replace(d, value=folded(d.value)) for d in self.model.state]
        if self.clock in derivatives:
            said = "the time at the begin of the step, for equations with `t`"
            found.append(Declaration(self.clock, ZERO, None, False, said))
        return tuple(found)

    def all_bodies(self) -> tuple[tuple[Stmt, ...], ...]:
        m = self.model
        return (
            m.update,
            *(h.body for h in m.on_receive),
            *(c.body for c in m.on_condition),
            *(f.body for f in m.functions),
        )

    def is_random(self) -> bool:
        m = self.model
        values = [e for body in self.all_bodies() for e in expressions_in(body)]
        values += [c.condition for c in m.on_condition] + list(self.inlines.values())
        values += [d.value for d in (*m.parameters, *m.internals, *m.state)]
        return any(is_random(v) for v in values)

    # Convolutions

    def convolutions(self) -> tuple[Convolution, ...]:
        """Return the convolutions of the model, without their updates yet."""
        kernels = {k.symbol.name: k for k in self.model.kernels}
        used: dict[tuple[Symbol, Symbol], None] = {}
        sources = [*self.inlines.values(), *(q.value for q in self.model.equations)]
        for e in (part for source in sources for part in walk(source)):
            if isinstance(e, Convolve):
                used[e.kernel, e.port] = None
        responses = {
            name: self.checked_response(k) for name, k in kernels.items() if not _is_delta(k)
        }
        result: list[Convolution] = []
        for kernel_symbol, port in used:
            kernel = kernels[kernel_symbol.name]
            if _is_delta(kernel):
                self.convolution_values[kernel_symbol, port] = ref(port)
                continue
            found = responses[kernel_symbol.name]
            if found is not None:
                result.append(self.convolution(kernel, port, found))
        return tuple(result)

    def checked_response(self, kernel: Kernel) -> Response | None:
        found = response(self.expanded(kernel))
        if isinstance(found, Response):
            return found
        span = found.span if found.span.text else kernel.span
        self.found.append(KERNEL_CODES[found.reason].at(span, found.message, help=found.help))
        return None

    def expanded(self, kernel: Kernel) -> Kernel:
        """Return ``kernel`` without inlines."""
        if kernel.value is not None:
            return replace(kernel, value=substitute(kernel.value, self.inlines))
        odes = tuple(replace(q, value=substitute(q.value, self.inlines)) for q in kernel.equations)
        return replace(kernel, equations=odes)

    def convolution(self, kernel: Kernel, port: Symbol, found: Response) -> Convolution:
        stem = f"{kernel.symbol.name}__X__{port.identifier}"
        states = tuple(
            Symbol(self.constants.symbol(f"{stem}__{n}" if n else stem).name, Kind.STATE)
            for n in found.names
        )
        self.convolution_values[kernel.symbol, port] = value(found.output, states)
        for row, z in zip(found.matrix, states, strict=True):
            self.moving[z] = total(times(c, ref(w)) for c, w in zip(row, states, strict=True))
        jumps = tuple(
            Jump(z, times(c, ref(port)))
            for z, c in zip(states, found.initial, strict=True)
            if c != ZERO
        )
        return Convolution(kernel.symbol.name, port, states, (), jumps, found.matrix)

    def with_updates(self, c: Convolution, solver: FlowSolver) -> Convolution:
        drive = (ZERO,) * len(c.states)
        return replace(c, updates=solver.exact_updates(c.states, c.matrix, c.states, drive))

    # Equations

    def in_equations(self, e: Expr) -> Expr:
        """Return ``e`` without inlines and convolutions; ports stay what they are, pulses."""
        return rewrite(substitute(e, self.inlines), self.without_convolution)

    def without_convolution(self, e: Expr) -> Expr:
        if isinstance(e, Convolve):
            return self.convolution_values.get((e.kernel, e.port), ZERO)
        return e

    def derivatives(self) -> dict[Symbol, Derivative]:
        ports = tuple(p.symbol for p in self.model.spike_ports)
        result: dict[Symbol, Derivative] = {}
        for ode in self.model.equations:
            for x, dx in zip(ode.variables, ode.variables[1:], strict=False):
                result[x] = Derivative(x, ref(dx), (), ode.span)
            rhs = folded(self.in_equations(ode.value))
            if TIME in symbols_in(rhs):
                rhs = substitute(rhs, {TIME: ref(self.clock)})
            self.check_equation(rhs)
            derivative, problems = split_ports(ode.variables[-1], rhs, ports, ode.span)
            self.found += problems
            if derivative is not None:
                result[ode.variables[-1]] = derivative
        order = [s for d in self.model.state for s in (d.symbol.elements or (d.symbol,))]
        found = {s: result[s] for s in order if s in result}
        if any(self.clock in symbols_in(d.value) for d in found.values()):
            found[self.clock] = Derivative(self.clock, ONE, (), self.model.span)
        return found

    def check_equation(self, rhs: Expr) -> None:
        for e in walk(rhs):
            if isinstance(e, Call) and e.function in self.hidden:
                touched = self.hidden[e.function].name
                message = (
                    f"`{e.function}` uses `{touched}` behind its arguments; in an equation that "
                    "would hide what the equation depends on"
                )
                help = f"give `{e.function}` an argument for `{touched}`"
                self.found.append(HIDDEN_STATE.at(e.span, message, help=help))

    # Procedural code

    def procedural(self, e: Expr) -> Expr:
        """Return ``e`` without inlines and convolutions, ports as numbers."""
        ports = {p.symbol for p in self.model.spike_ports}

        def change(e: Expr) -> Expr:
            if isinstance(e, Ref) and e.symbol in ports:
                return times(number(PER_SECOND), Ref(e.symbol, REAL, e.span), e.span)
            return e

        def one(e: Expr) -> Expr:
            if isinstance(e, Convolve):  # a delta kernel gives the port itself, as a plain number
                return self.convolution_values.get((e.kernel, e.port), ZERO)
            if isinstance(e, Ref) and e.symbol in self.inlines:
                return self.procedural(self.inlines[e.symbol])
            return change(e)

        return folded(rewrite(e, one))

    def recordables(self) -> tuple[Recordable, ...]:
        state = [s for d in self.model.state for s in (d.symbol.elements or (d.symbol,))]
        found = [Recordable(s, ref(s)) for s in state if s.size is None]
        found += [
            Recordable(i.symbol, self.procedural(i.value))
            for i in self.model.inlines
            if i.recordable
        ]
        return tuple(found)

    def bodies(
        self, solver: FlowSolver, derivatives: Mapping[Symbol, Derivative]
    ) -> tuple[list[tuple[Stmt, ...]], tuple[Flow, ...]]:
        """Return all bodies with ``integrate_odes`` turned into flows, and these flows."""
        systems = {q.variables[0]: q.variables for q in self.model.equations}
        everything = tuple(x for x in derivatives if x != self.clock)
        flows: dict[tuple[Symbol, ...], int] = {}
        solved: list[Flow] = []

        def integrate(s: Stmt) -> Stmt | tuple[Stmt, ...]:
            if not isinstance(s, IntegrateOdes):
                return s
            named = {x for v in s.variables or () for x in systems.get(v, ())}
            chosen = everything if s.variables is None else named
            variables = tuple(x for x in everything if x in chosen)
            timed = any(self.clock in symbols_in(derivatives[x].value) for x in variables)
            if timed:
                variables = (*variables, self.clock)
            if variables not in flows:
                flows[variables] = len(solved)
                solved.append(solver.flow(variables))
            call = Integrate(flows[variables], s.span)
            begin = begin_of_interval(self.kind)
            return (Assign(self.clock, begin, s.span), call) if timed else call

        result = [map_body(b, self.procedural, integrate) for b in self.all_bodies()]
        return result, tuple(solved)


def _kind(m: Model) -> ModelKind:
    """A synapse answers a spike with a spike; a neuron emits for reasons of its own."""

    def emits(body: tuple[Stmt, ...]) -> bool:
        return any(isinstance(s, Emit) for s in walk_statements(body))

    answers = any(emits(h.body) for h in m.on_receive)
    fires = emits(m.update) or any(emits(c.body) for c in m.on_condition)
    return ModelKind.SYNAPSE if answers and not fires else ModelKind.NEURON


def _compartmental(m: Model) -> Diagnostic:
    spans = [i.symbol.span for i in m.inlines if _is_mechanism(i.decorators)]
    spans += [q.span for q in m.equations if _is_mechanism(q.decorators)]
    message = f"`{m.name}` is a compartmental model; these are checked, but not compiled yet"
    help = "write the equation of the potential of one compartment, and leave the decorators out"
    return codes.NOT_SUPPORTED.at(spans[0], message, help=help)


def _is_mechanism(decorators: tuple[str, ...]) -> bool:
    return any(d in MECHANISMS for d in decorators)


def _is_delta(kernel: Kernel) -> bool:
    return kernel.value is None and not kernel.equations
