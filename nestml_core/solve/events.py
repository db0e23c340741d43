"""What needs no step of its own: state that is exact from one event to the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nestml_core.expr import Call, Expr, Kind, Symbol, ref, symbols_in, walk
from nestml_core.solve.algebra import ONE, is_zero, minus
from nestml_core.solved import (
    DT,
    TIME,
    Between,
    Definition,
    Flow,
    LinearSystem,
    ModelKind,
    SolvedModel,
    Update,
)
from nestml_core.stmt import (
    Assign,
    If,
    Integrate,
    Stmt,
    bodies,
    expressions_in,
    walk_statements,
)


def begin_of_interval(kind: ModelKind) -> Expr:
    """Return the time at which ``update`` begins to integrate: there ``t`` is that of a synapse."""
    return ref(TIME) if kind is ModelKind.SYNAPSE else minus(ref(TIME), ref(DT))


def between(model: SolvedModel) -> Between:
    """Return what is known of ``model`` between its events."""
    obstacle = _obstacle(model)
    reason = obstacle or _closed_form(model)
    return Between(_event_driven(model), not obstacle, reason)


# The equations as a whole


def _closed_form(model: SolvedModel) -> str:
    if not model.flows and not model.convolutions:
        return "nothing moves between events"
    held = ", with continuous inputs that are constant" if model.continuous_ports else ""
    return f"all equations are linear with constant coefficients{held}"


def _obstacle(model: SolvedModel) -> str:
    """Return why the state has no closed form between events; nothing if it has one."""
    for flow in model.flows:
        if flow.nonlinear is not None:
            names = _listed(v for v in flow.nonlinear.variables)
            return f"{names} must be integrated numerically"
    clocks = _clocks(model)
    assigned = [v for v in _assigned(statements_in_steps(model)) if v not in clocks]
    for flow in model.flows:
        if flow.linear is None:
            continue
        read = set(_owners(s for v in flow.linear.drive for s in symbols_in(v)))
        for v in _owners(flow.linear.variables):
            if v in assigned:
                return f"every step assigns `{v.name}`, which has an equation"
        for v in assigned:
            if v in read:
                return f"every step assigns `{v.name}`, which an equation reads"
        for delay in model.delays:
            if delay.symbol in read:
                return f"an equation reads `{delay.variable.name}` as it was"
    moved = [v for v in assigned if v.kind is Kind.STATE]
    if not model.flows and moved:
        return f"`update` computes {_listed(moved)} step by step"
    return ""


def _clocks(model: SolvedModel) -> set[Symbol]:
    """Return what is set to the begin of each step and then moves with the time.

    It has the same value at the end of one long step as at the end of many short ones.
    """
    begin = begin_of_interval(model.kind)
    found: set[Symbol] = set()
    for flow in model.flows:
        if flow.linear is None:
            continue
        system = flow.linear
        for v, row, drive in zip(system.variables, system.matrix, system.drive, strict=True):
            if drive == ONE and all(map(is_zero, row)):
                found.add(v)
    for s in walk_statements(statements_in_steps(model)):
        if isinstance(s, Assign) and s.value != begin:
            found.discard(s.target)
    return found


def _listed(symbols: Iterable[Symbol]) -> str:
    return ", ".join(f"`{s.name}`" for s in symbols)


# Each variable


def _event_driven(model: SolvedModel) -> tuple[Symbol, ...]:
    """Return the greatest set of state that depends on itself alone, and that no step needs."""
    changing = _changing(model)
    rows = dict(exact_rows(model))
    held = {v.owner for flow in model.flows for v in flow.variables}  # in other flows than its own
    found = {
        x
        for x, (_, others) in rows.items()
        if x.owner not in changing and not _vary(others, changing | held)
    }
    always = _read_in_steps(model)
    while True:
        read = always | {
            w for c in model.convolutions for z in c.states if z not in found for w in rows[z][0]
        }
        for flow in model.flows:
            read |= {s.owner for s in _read_by(flow, found)}
        kept = {x for x in found if x.owner not in read and found.issuperset(c for c in rows[x][0])}
        if kept == found:
            break
        found = kept
    order = [s for d in model.state for s in (d.symbol.elements or (d.symbol,))]
    order += [z for c in model.convolutions for z in c.states]
    return tuple(x for x in order if x in found)


def exact_rows(
    model: SolvedModel,
) -> Iterator[tuple[Symbol, tuple[tuple[Symbol, ...], list[Expr]]]]:
    """Yield what every step advances once and exactly: what its flow reads of what moves, and
    the rest of its equation."""
    for c in model.convolutions:
        for z, row in zip(c.states, c.matrix, strict=True):
            used = tuple(w for w, e in zip(c.states, row, strict=True) if not is_zero(e))
            yield z, (used, list(row))
    elsewhere = {
        s.flow
        for body in _event_bodies(model)
        for s in walk_statements(body)
        if isinstance(s, Integrate)
    }
    seen: dict[Symbol, tuple[int, LinearSystem]] = {}
    doubtful: set[Symbol] = set()
    for k, flow in enumerate(model.flows):
        for v in flow.variables:
            system = flow.linear
            if system is None or v not in system.variables or k in elsewhere:
                doubtful.add(v)
            elif v not in seen:
                seen[v] = k, system
            elif not _same(v, flow, model.flows[seen[v][0]]):
                doubtful.add(v)
    for v, (_, system) in seen.items():
        if v in doubtful or _times_integrated(model.update, v, model.flows) != 1:
            continue
        i = system.variables.index(v)
        order = system.variables + system.companions
        couples = {w: e for w, e in zip(order, system.matrix[i], strict=True) if not is_zero(e)}
        yield v, (tuple(couples), [*couples.values(), system.drive[i]])


def _same(v: Symbol, one: Flow, other: Flow) -> bool:
    """Return whether two flows do the same to ``v``."""

    def update(flow: Flow) -> list[Update]:
        return [u for u in flow.linear.updates if u.target == v] if flow.linear else []

    jumps = [[j for j in f.jumps if j.target == v] for f in (one, other)]
    return update(one) == update(other) and jumps[0] == jumps[1]


def _times_integrated(body: tuple[Stmt, ...], v: Symbol, flows: tuple[Flow, ...]) -> int | None:
    """Return how often ``body`` integrates ``v``, None if that is not the same on every way."""
    total = 0
    for s in body:
        if isinstance(s, Integrate):
            total += v in flows[s.flow].variables
            continue
        counts = {_times_integrated(b, v, flows) for b in bodies(s)}
        if not counts or counts == {0}:
            continue
        if not isinstance(s, If) or len(counts) > 1:
            return None
        (count,) = counts
        if count is None:
            return None
        total += count
    return total


def _changing(model: SolvedModel) -> set[Symbol]:
    """Return what may differ from one step to the next without an event, or with the step size.

    State that has an equation or is a convolution is not among it unless ``update`` assigns it.
    """
    found = set(_assigned(statements_in_steps(model)))
    found |= {c.symbol.owner for c in model.continuous_ports} | {d.symbol for d in model.delays}
    for p in model.parameters:
        if _vary([p.value], found):
            found.add(p.symbol)
    for d in model.derived:
        if isinstance(d, Definition) and _vary([d.value], found):
            found.add(d.symbol)
    return found


def _vary(values: Iterable[Expr], changing: set[Symbol]) -> bool:
    """Return whether any of ``values`` reads the time, the step size, or one of ``changing``."""
    moving = (Kind.TIME, Kind.STEP)
    return any(s.kind in moving or s.owner in changing for e in values for s in symbols_in(e))


def _assigned(body: tuple[Stmt, ...]) -> dict[Symbol, None]:
    return {s.target.owner: None for s in walk_statements(body) if isinstance(s, Assign)}


def _owners(symbols: Iterable[Symbol]) -> Iterator[Symbol]:
    return (s.owner for s in symbols)


def _event_bodies(model: SolvedModel) -> Iterator[tuple[Stmt, ...]]:
    yield from (h.body for h in model.on_receive)
    yield from (c.body for c in model.on_condition)
    yield from (f.body for f in model.functions)


def statements_in_steps(model: SolvedModel) -> tuple[Stmt, ...]:
    """Return ``update`` and, if it or a condition calls a function of the model, all of these."""
    read = [*expressions_in(model.update), *(c.condition for c in model.on_condition)]
    known = {f.name for f in model.functions}
    if any(isinstance(e, Call) and e.function in known for x in read for e in walk(x)):
        return (*model.update, *(s for f in model.functions for s in f.body))
    return model.update


def _read_in_steps(model: SolvedModel) -> set[Symbol]:
    """Return what ``update`` and the conditions read in every step, in functions they call too."""
    read = [*expressions_in(statements_in_steps(model)), *(c.condition for c in model.on_condition)]
    found = {s.owner for e in read for s in symbols_in(e)}
    return found | {d.variable.owner for d in model.delays}


def _read_by(flow: Flow, event_driven: set[Symbol]) -> Iterator[Symbol]:
    """Yield what a flow reads for variables that are not ``event_driven``."""
    if flow.nonlinear is not None:
        for d in flow.nonlinear.derivatives:
            yield from symbols_in(d.value)
            yield d.target
    if flow.linear is None:
        return
    system = flow.linear
    order = system.variables + system.companions
    for v, row, drive in zip(system.variables, system.matrix, system.drive, strict=True):
        if v not in event_driven:
            yield v
            yield from (w for w, e in zip(order, row, strict=True) if not is_zero(e))
            yield from symbols_in(drive)
