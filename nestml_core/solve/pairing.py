"""What of a synapse follows from the spikes of its postsynaptic neuron alone.

All connections that end at a neuron see the same postsynaptic spikes. State that nothing else
changes therefore has the same course in all of them, each seeing it a delay later: a neuron can
keep it once, beside the history of its spikes, instead of every connection keeping it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from nestml_core.expr import Call, Element, Expr, Kind, Symbol, is_random, symbols_in, walk
from nestml_core.solve.algebra import ZERO, is_zero
from nestml_core.solve.events import exact_rows, statements_in_steps
from nestml_core.solved import (
    DT,
    Declaration,
    Definition,
    Derived,
    Flow,
    Jump,
    MatrixExponential,
    SolvedModel,
    Update,
)
from nestml_core.stmt import (
    Assign,
    Branch,
    Declare,
    For,
    If,
    Integrate,
    Return,
    Stmt,
    While,
    bodies,
    expressions,
    expressions_in,
    walk_statements,
)


@dataclass(frozen=True, slots=True)
class Postsynaptic:
    """The part of a synapse that its postsynaptic neuron can keep for all of its connections.

    It is a small synapse of its own, with events at ``port`` only. For a spike at time t1, with t0
    that of the one before it (0 at first) and ``dt`` = t1 - t0: ``derived`` is computed; if t1 >
    t0, all of ``updates`` are evaluated, then stored, then those of ``before`` are; at last
    ``body`` runs, with ``t`` = t1, and ``jumps`` are added. At time t, a connection with delay d is
    in the state of time t - d: the events up to then, as far as the order of events in the synapse
    lets them come first, then ``updates`` and ``before`` over the rest of the time. That is exactly
    what it would compute itself, as all that flows begins at rest, at zero.

    Attributes
    ----------
    state : what is kept, with its initial values; with ``before`` among it
    convolved : states of convolutions, which begin at zero
    updates : the exact flow of both, for those that have one; they read values from before
    before : what ``update`` sets once everything has flowed: values without the spikes of the
        very moment
    body : the statements of the handler of ``port`` that change the state
    jumps : of convolutions; the port counts as 1
    derived : the derived constants that all this reads, in order of evaluation
    parameters : those that are read: they belong to the neuron
    reasons : why other state is not here
    """

    port: Symbol | None = None
    state: tuple[Declaration, ...] = ()
    convolved: tuple[Symbol, ...] = ()
    updates: tuple[Update, ...] = ()
    before: tuple[Update, ...] = ()
    body: tuple[Stmt, ...] = ()
    jumps: tuple[Jump, ...] = ()
    derived: tuple[Derived, ...] = ()
    parameters: tuple[Declaration, ...] = ()
    reasons: tuple[tuple[Symbol, str], ...] = ()

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """Everything that is kept."""
        return (*(d.symbol for d in self.state), *self.convolved)


def postsynaptic(
    model: SolvedModel, port: Symbol | None, stay: Iterable[Symbol] = ()
) -> Postsynaptic:
    """Return what of ``model``, a synapse, follows from the spikes at ``port``.

    Parameters
    ----------
    stay : state and parameters that each connection keeps in any case, such as the weight
    """
    if port is None:
        return Postsynaptic()
    return _Analysis(model, port, frozenset(stay)).result()


def without(model: SolvedModel, part: Postsynaptic) -> SolvedModel:
    """Return ``model`` with the flow of what the neuron keeps left out of ``update``.

    Its handlers still change and read all state: run on a copy of that of the neuron.
    """
    gone = frozenset(part.symbols)
    if not gone:
        return model
    set_before = {u.target for u in part.before}
    return replace(
        model,
        flows=tuple(_flow_without(f, gone) for f in model.flows),
        convolutions=tuple(c for c in model.convolutions if not gone.issuperset(c.states)),
        update=tuple(
            s for s in model.update if not (isinstance(s, Assign) and s.target in set_before)
        ),
    )


def needs_every_step(model: SolvedModel) -> bool:
    """Return whether what flows between events reads continuous inputs."""
    inputs = {p.symbol for p in model.continuous_ports}
    values = list(expressions_in(model.update))
    for f in model.functions:
        values += expressions_in(f.body)
    for flow in model.flows:
        if flow.linear is not None:
            values += [*flow.linear.drive, *(u.value for u in flow.linear.updates)]
        if flow.nonlinear is not None:
            values += [d.value for d in flow.nonlinear.derivatives]
    return any(s.owner in inputs or s in inputs for e in values for s in symbols_in(e))


def _flow_without(flow: Flow, gone: frozenset[Symbol]) -> Flow:
    linear = flow.linear
    if linear is None:
        return flow
    kept = [i for i, v in enumerate(linear.variables) if v not in gone]
    beside = range(len(linear.variables), len(linear.variables) + len(linear.companions))
    companions = [i for i in beside if linear.companions[i - len(linear.variables)] not in gone]
    columns = [*kept, *companions]
    linear = replace(
        linear,
        variables=tuple(linear.variables[i] for i in kept),
        companions=tuple(c for c in linear.companions if c not in gone),
        matrix=tuple(tuple(linear.matrix[i][j] for j in columns) for i in kept),
        drive=tuple(linear.drive[i] for i in kept),
        updates=tuple(u for u in linear.updates if u.target not in gone),
    )
    variables = tuple(v for v in flow.variables if v not in gone)
    return replace(flow, variables=variables, linear=linear if kept else None)


class _Analysis:
    """Looks for the greatest set of state that depends on itself and on the port alone."""

    def __init__(self, model: SolvedModel, port: Symbol, stay: frozenset[Symbol]) -> None:
        self.model, self.port, self.stay = model, port, stay
        self.rows = dict(exact_rows(model))
        self.defined: dict[Symbol, Derived] = {}
        for d in model.derived:
            match d:
                case Definition(symbol):
                    self.defined[symbol] = d
                case MatrixExponential(symbols):
                    self.defined |= {s: d for row in symbols for s in row if s is not None}
        self.parameters = {d.symbol: d for d in model.parameters}
        self.declared = {d.symbol: d for d in model.state}
        self.handlers = tuple(h for h in model.on_receive if h.port == port)
        self.convolutions = tuple(c for c in model.convolutions if c.port == port)
        self.before = {u.target: u.value for u in _set_after_flow(model)}
        self.why: dict[Symbol, str] = {}
        self.kept: set[Symbol] = set()
        self.locals: set[Symbol] = set()

    def result(self) -> Postsynaptic:
        convolved = {z for c in self.convolutions for z in c.states}
        self.kept = {*self.declared, *convolved}
        own = [s for h in self.handlers for s in walk_statements(h.body)]
        self.locals = {s.symbol for s in own if isinstance(s, Declare)}
        self.locals |= {s.variable for s in own if isinstance(s, For)}
        self.leave_out(self.never())
        while True:
            size = len(self.kept), len(self.locals)
            self.narrow()
            if (len(self.kept), len(self.locals)) == size:
                break
        return self.found()

    def leave_out(self, found: Iterable[tuple[Symbol, str]]) -> None:
        for symbol, reason in found:
            if symbol in self.kept:
                self.kept.discard(symbol)
                self.why[symbol] = reason

    # What can never be kept

    def never(self) -> Iterator[tuple[Symbol, str]]:
        model = self.model
        for x in self.declared:
            if x in self.stay:
                yield x, "each connection has its own"
            if x.size is not None:
                yield x, "it is a vector"
        yield from self.changed_elsewhere()
        for flow in model.flows:
            for v in flow.variables:
                if v not in self.rows:
                    yield v, "its equation is not integrated exactly, once between two events"
                if v in self.before:
                    yield v, "`update` changes it"
            for j in flow.jumps:
                yield j.target, "spikes are part of its equation"
        own = [s for h in self.handlers for s in walk_statements(h.body)]
        changed = {s.target for s in own if isinstance(s, Assign)}
        for x in self.declared:
            if x not in changed and x not in self.rows and x not in self.before:
                yield x, "nothing changes it"
        if any(isinstance(s, Return) for s in own):
            for x in self.declared:
                yield x, "the handler of the postsynaptic spikes may end early"

    def changed_elsewhere(self) -> Iterator[tuple[Symbol, str]]:
        model = self.model
        others = [
            *(
                ("the handler of another port", h.body)
                for h in model.on_receive
                if h.port != self.port
            ),
            *(("`onCondition`", c.body) for c in model.on_condition),
            *((f"the function `{f.name}`", f.body) for f in model.functions),
        ]
        for where, body in others:
            for s in walk_statements(body):
                if isinstance(s, Assign):
                    yield s.target.owner, f"{where} changes it"
        for s in walk_statements(model.update):
            if isinstance(s, Assign) and s.target.owner not in self.before:
                yield s.target.owner, "`update` changes it"
        for h in self.handlers:
            for s in walk_statements(h.body):
                if isinstance(s, Assign) and s.target in self.before:
                    yield s.target, "`update` and a handler change it"

    # What cannot be kept without the others

    def narrow(self) -> None:
        self.leave_out(self.by_flow())
        self.leave_out(self.by_readers())
        for h in self.handlers:
            self.leave_out(self.by_statements(h.body, True))
        for b, value in self.before.items():
            flowing = {z for c in self.convolutions for z in c.states}
            if not self.follows(value) or self.reads(value, {*self.before, *flowing}, Kind.TIME):
                self.leave_out([(b, "`update` computes it from what a connection has of its own")])
        self.leave_out(self.by_parameters())

    def by_flow(self) -> Iterator[tuple[Symbol, str]]:
        for x in tuple(self.kept):
            if x in self.rows:
                couples, others = self.rows[x]
                begin = self.declared[x].value if x in self.declared else ZERO
                if (not is_zero(others[-1]) and x in self.declared) or not is_zero(begin):
                    yield x, "it does not begin at rest, so its course depends on the delay"
                elif not all(c in self.kept for c in couples) or not all(map(self.follows, others)):
                    yield x, "its equation reads what a connection has of its own"
        for c in self.convolutions:
            steady = all(self.follows(j.amount, port=True) for j in c.jumps)
            if not steady or not self.kept.issuperset(c.states):
                for z in c.states:
                    yield z, "its kernel reads what a connection has of its own"

    def by_readers(self) -> Iterator[tuple[Symbol, str]]:
        """Yield what is read while connections flow: there they have no copy of it."""
        model = self.model
        for s in statements_in_steps(model):
            if isinstance(s, Assign) and s.target in self.before and s.target in self.kept:
                continue
            for inner in walk_statements((s,)):
                for e in expressions(inner):
                    for x in symbols_in(e):
                        yield x.owner, "`update` reads it"
        rows = self.rows
        for flow in model.flows:
            for d in flow.nonlinear.derivatives if flow.nonlinear is not None else ():
                for x in (*symbols_in(d.value), d.target):
                    yield x.owner, "an equation of the connection reads it"
            for v in flow.variables:
                if v in rows and v not in self.kept:
                    couples, others = rows[v]
                    for x in (*couples, *(s for e in others for s in symbols_in(e))):
                        yield x.owner, "an equation of the connection reads it"

    def by_statements(self, body: tuple[Stmt, ...], certain: bool) -> Iterator[tuple[Symbol, str]]:
        """Yield what ``body`` changes otherwise than from what is kept.

        ``certain``: whether it runs at all follows from what is kept.
        """
        reason = "a postsynaptic spike changes it by what a connection has of its own"
        for s in body:
            sure = certain and all(map(self.follows, expressions(s)))
            match s:
                case Assign(target, _, _, index):
                    if not sure or index is not None:
                        self.locals.discard(target)
                        yield target.owner, reason
                case Declare(symbol) if not sure:
                    self.locals.discard(symbol)
                case For(variable) if not sure:
                    self.locals.discard(variable)
            for inner in bodies(s):
                yield from self.by_statements(inner, sure)

    def by_parameters(self) -> Iterator[tuple[Symbol, str]]:
        for x in tuple(self.kept):
            needed, state = self.needed(x)
            if not self.kept.issuperset(state):
                yield x, "its initial value or a guard reads what a connection has of its own"
            elif self.stay.intersection(needed):
                yield x, "it reads a parameter that each connection has of its own"
            for d in self.declared.values():
                if d.guard is None or d.symbol in self.kept:
                    continue
                if not set(needed).isdisjoint(self.closure([d.guard])[0]):
                    yield x, f"the guard of `{d.symbol.name}` reads a parameter that it needs"

    # What expressions read

    def follows(self, e: Expr, port: bool = False) -> bool:
        """Return whether the value of ``e`` follows from what is kept, parameters and the time."""
        for x in walk(e):
            if isinstance(x, Element) or (isinstance(x, Call) and not _is_plain(x, self.model)):
                return False
        for s in self.closure([e])[1] | set(symbols_in(e)):
            match s.kind:
                case Kind.STATE if s not in self.kept:
                    return False
                case Kind.LOCAL | Kind.ARGUMENT if s not in self.locals:
                    return False
                case Kind.CONTINUOUS_PORT | Kind.DELAYED:
                    return False
                case Kind.SPIKE_PORT if not (port and s == self.port):
                    return False
                case Kind.STEP if s == DT:
                    return False
                case Kind.PARAMETER if s.size is not None:
                    return False
        return True

    @staticmethod
    def reads(e: Expr, symbols: set[Symbol], kind: Kind) -> bool:
        return any(s in symbols or s.kind is kind for s in symbols_in(e))

    def closure(self, values: Iterable[Expr]) -> tuple[dict[Symbol, None], set[Symbol]]:
        """Return the parameters that ``values`` need, with guards and defaults, and all else."""
        needed: dict[Symbol, None] = {}
        others: set[Symbol] = set()
        waiting = [s.owner for e in values for s in symbols_in(e)]
        while waiting:
            s = waiting.pop()
            if s in needed or s in others:
                continue
            if s in self.parameters:
                needed[s] = None
                d = self.parameters[s]
                waiting += [x.owner for e in (d.value, d.guard) if e for x in symbols_in(e)]
                continue
            others.add(s)
            match self.defined.get(s):
                case Definition(_, value):
                    waiting += [x.owner for x in symbols_in(value)]
                case MatrixExponential(_, matrix):
                    waiting += [x.owner for row in matrix for e in row for x in symbols_in(e)]
        return needed, others

    def needed(self, x: Symbol) -> tuple[dict[Symbol, None], set[Symbol]]:
        """Return the parameters and the other state that keeping ``x`` needs."""
        values = [value for value in (self.before.get(x),) if value is not None]
        if x in self.declared:
            d = self.declared[x]
            values += [e for e in (d.value, d.guard) if e is not None]
        values += [e for u in self.updates() if u.target == x for e in (u.value,)]
        for c in self.convolutions:
            values += [j.amount for j in c.jumps if j.target == x]
        for h in self.handlers:
            values += _deciding(h.body, x, ())
        parameters, others = self.closure(values)
        others.discard(x)
        return parameters, {s for s in others if s.kind is Kind.STATE}

    def updates(self) -> Iterator[Update]:
        seen: set[Symbol] = set()
        for flow in self.model.flows:
            for u in flow.linear.updates if flow.linear is not None else ():
                if u.target not in seen:
                    seen.add(u.target)
                    yield u
        for c in self.convolutions:
            yield from c.updates

    # The result

    def found(self) -> Postsynaptic:
        kept = self.kept
        body = tuple(s for h in self.handlers for s in self.moved(h.body))
        updates = tuple(u for u in self.updates() if u.target in kept)
        before = tuple(Update(b, v) for b, v in self.before.items() if b in kept)
        jumps = tuple(j for c in self.convolutions for j in c.jumps if j.target in kept)
        state = tuple(d for d in self.model.state if d.symbol in kept)
        values = [u.value for u in (*updates, *before)] + [j.amount for j in jumps]
        values += [*expressions_in(body), *(d.value for d in state)]
        values += [d.guard for d in state if d.guard is not None]
        parameters, others = self.closure(values)
        pulled = True
        while pulled:  # the guard of a parameter can be checked only where all that it reads is
            pulled = False
            for d in self.model.parameters:
                if d.symbol in parameters or d.guard is None:
                    continue
                more, _ = self.closure([d.guard])
                if not set(more).isdisjoint(parameters) and d.symbol not in self.stay:
                    parameters |= {d.symbol: None, **more}
                    pulled = True
        order = [*self.declared, *(z for c in self.convolutions for z in c.states)]
        return Postsynaptic(
            port=self.port,
            state=state,
            convolved=tuple(z for z in order if z in kept and z not in self.declared),
            updates=updates,
            before=before,
            body=body,
            jumps=jumps,
            derived=tuple(d for d in self.model.derived if others.intersection(_defines(d))),
            parameters=tuple(d for d in self.model.parameters if d.symbol in parameters),
            reasons=tuple((s, self.why[s]) for s in order if s in self.why),
        )

    def moved(self, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        """Return the statements of ``body`` that change what is kept, and what they need."""
        wanted = set(self.kept)
        while True:
            part = _slice(body, wanted)
            read = {s for e in expressions_in(part) for s in symbols_in(e) if s in self.locals}
            read |= {s.variable for s in walk_statements(part) if isinstance(s, For)}
            if wanted.issuperset(read):
                return part
            wanted |= read


def _is_plain(e: Call, model: SolvedModel) -> bool:
    return not is_random(e) and all(f.name != e.function for f in model.functions)


def _defines(d: Derived) -> Iterator[Symbol]:
    match d:
        case Definition(symbol):
            yield symbol
        case MatrixExponential(symbols):
            yield from (s for row in symbols for s in row if s is not None)


def _set_after_flow(model: SolvedModel) -> Iterator[Update]:
    """Yield what ``update`` sets, once, behind everything that it integrates."""
    integrating = [
        i
        for i, s in enumerate(model.update)
        if any(isinstance(x, Integrate) for x in walk_statements((s,)))
    ]
    first = max(integrating, default=-1) + 1
    assigned = [s.target for s in walk_statements(model.update) if isinstance(s, Assign)]
    for s in model.update[first:]:
        if isinstance(s, Assign) and s.index is None and assigned.count(s.target) == 1:
            yield Update(s.target, s.value)


def _deciding(body: tuple[Stmt, ...], x: Symbol, around: tuple[Expr, ...]) -> list[Expr]:
    """Return what the assignments to ``x`` in ``body`` read, and what decides on them."""
    found: list[Expr] = []
    for s in body:
        own = expressions(s)
        if isinstance(s, Assign) and s.target == x:
            found += [*around, *own]
        for inner in bodies(s):
            found += _deciding(inner, x, (*around, *own))
    return found


def _slice(body: tuple[Stmt, ...], wanted: set[Symbol]) -> tuple[Stmt, ...]:
    """Return the statements of ``body`` that give a value to any of ``wanted``."""
    found: list[Stmt] = []
    for s in body:
        match s:
            case Assign(target):
                if target in wanted:
                    found.append(s)
            case Declare(symbol):
                if symbol in wanted:
                    found.append(s)
            case If(branches, otherwise):
                new = tuple(Branch(b.condition, _slice(b.body, wanted)) for b in branches)
                rest = _slice(otherwise, wanted)
                if rest or any(b.body for b in new):
                    found.append(replace(s, branches=new, otherwise=rest))
            case For() | While():
                inner = _slice(s.body, wanted)
                if inner:
                    found.append(replace(s, body=inner))
            case _:
                pass
    return tuple(found)
