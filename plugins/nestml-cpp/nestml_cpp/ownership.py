"""Which part of a synapse has what: all connections together, each of them, their neurons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from nestml_core.api import (
    DT,
    RESOLUTION,
    TIME,
    Assign,
    Call,
    Declaration,
    Definition,
    Derived,
    Emit,
    Expr,
    Flow,
    Integrate,
    Kind,
    MatrixExponential,
    Postsynaptic,
    Roles,
    SolvedModel,
    Stmt,
    Symbol,
    expressions_in,
    map_body,
    needs_every_step,
    postsynaptic,
    step_expressions,
    symbols_in,
    walk,
    walk_statements,
    without,
)
from nestml_cpp.functions import Reach, Reaches, reaches
from nestml_cpp.names import members, state_symbols

ALL = "all"
"""Stands for all parameters in the option ``own``."""

SHARED, OWN = "p", "o"
DERIVED, OWN_DERIVED = "d", "k"
INTERVAL, OWN_INTERVAL = "i", "j"
STATE, SOURCE, TARGET = "s", "a", "b"
INPUTS = "in"

STRUCTS = frozenset("resolution dt size place load store resize each act s o".split())
"""What the structs of a synapse use themselves."""


@dataclass(frozen=True, slots=True)
class Split:
    """A synapse, and what each of its symbols belongs to.

    Attributes
    ----------
    whole : the model
    rest : the model without the flow of what source and target keep
    source, target : what follows from the presynaptic and the postsynaptic spikes alone
    owners : the struct that has each parameter, derived constant, state variable and port
    paths : the same symbols under their C++ names, with the struct
    reaches : of the functions; those that need more than the shared parameters reach the instance
    is_eager, is_stepwise : when events must be handled
    """

    whole: SolvedModel
    rest: SolvedModel
    roles: Roles
    source: Postsynaptic
    target: Postsynaptic
    owners: Mapping[Symbol, str]
    paths: Mapping[Symbol, Symbol]
    reaches: Reaches
    is_eager: bool
    is_stepwise: bool

    def owned(self, symbols: Iterable[Symbol], owner: str) -> tuple[Symbol, ...]:
        return tuple(s for s in symbols if self.owners[s] == owner)

    @property
    def moves(self) -> bool:
        """Whether a connection has to know when its last event was."""
        return bool(self.rest.update or self.rest.convolutions or self.reads_interval)

    @property
    def reads_interval(self) -> bool:
        """Whether anything but the flow reads the length of the last interval."""
        found = {s for s, owner in self.owners.items() if owner in (INTERVAL, OWN_INTERVAL)} | {DT}
        return any(s in found for e in at_events(self.rest) for s in symbols_in(e))


def split(model: SolvedModel, roles: Roles, own: Sequence[str]) -> Split:
    """Return what belongs to what.

    Parameters
    ----------
    own : names of parameters that each connection has of its own, and of state that neurons must
        not keep
    """
    is_stepwise = needs_every_step(model)
    is_eager = is_stepwise or _acts_between(model, roles)
    mine = _own_parameters(model, own)
    stay = (*mine, *(d.symbol for d in model.state if d.symbol.name in own))
    source, target, rest = Postsynaptic(), Postsynaptic(), model
    if not is_eager:
        target = postsynaptic(model, roles.postsynaptic, stay)
        rest = without(model, target)
        source = postsynaptic(rest, roles.presynaptic, stay)
        rest = without(rest, source)
    rest = _without_idle(rest)
    owners = dict(_owners(model, mine, source, target))
    named = members(owners, STRUCTS)
    paths = {s: _path(owner, named[s]) for s, owner in owners.items()}
    paths |= {
        TIME: Symbol("t", Kind.LOCAL, TIME.type),
        DT: Symbol(f"{INTERVAL}->dt", Kind.LOCAL, DT.type),
        RESOLUTION: Symbol(f"{DERIVED}.resolution", Kind.LOCAL, RESOLUTION.type),
    }
    return Split(
        whole=model,
        rest=rest,
        roles=roles,
        source=source,
        target=target,
        owners=MappingProxyType(owners),
        paths=MappingProxyType(paths),
        reaches=_reaches(model, mine),
        is_eager=is_eager,
        is_stepwise=is_stepwise,
    )


def is_own(d: Declaration, own: Sequence[str]) -> bool:
    """Return whether each connection has a parameter of its own."""
    return not d.homogeneous and (d.symbol.name in own or ALL in own)


def _own_parameters(model: SolvedModel, own: Sequence[str]) -> set[Symbol]:
    """Return the parameters that each connection has of its own, or whose defaults read such."""
    found: set[Symbol] = set()
    for d in model.parameters:
        if is_own(d, own) or any(s.owner in found for s in symbols_in(d.value)):
            found.add(d.symbol)
    return found


def defined(d: Derived) -> tuple[Symbol, ...]:
    """Return the derived constants that ``d`` defines."""
    match d:
        case Definition(symbol):
            return (symbol,)
        case MatrixExponential(symbols):
            return tuple(s for row in symbols for s in row if s is not None)


def values_of(d: Derived) -> tuple[Expr, ...]:
    match d:
        case Definition(_, value):
            return (value,)
        case MatrixExponential(_, matrix):
            return tuple(e for row in matrix for e in row)


def at_events(model: SolvedModel) -> Iterator[Expr]:
    """Yield what is evaluated at events, or to be recorded, apart from any flow."""
    for h in model.on_receive:
        yield from expressions_in(h.body)
    for c in model.on_condition:
        yield c.condition
        yield from expressions_in(c.body)
    for f in model.functions:
        yield from expressions_in(f.body)
    yield from (j.amount for c in model.convolutions for j in c.jumps)
    yield from (r.value for r in model.recordables)


def _owners(
    model: SolvedModel, mine: set[Symbol], source: Postsynaptic, target: Postsynaptic
) -> Iterator[tuple[Symbol, str]]:
    for d in model.parameters:
        yield d.symbol, OWN if d.symbol in mine else SHARED
    owner: dict[Symbol, str] = {}
    for derived in model.derived:
        read = {s.owner for e in values_of(derived) for s in symbols_in(e)}
        before = {owner.get(s, "") for s in read}
        own = not mine.isdisjoint(read) or not before.isdisjoint((OWN_DERIVED, OWN_INTERVAL))
        moving = (
            isinstance(derived, MatrixExponential)
            or DT in read
            or not before.isdisjoint((INTERVAL, OWN_INTERVAL))
        )
        place = {
            (False, False): DERIVED,
            (False, True): OWN_DERIVED,
            (True, False): INTERVAL,
            (True, True): OWN_INTERVAL,
        }[moving, own]
        for s in defined(derived):
            owner[s] = place
            yield s, place
    at_source, at_target = frozenset(source.symbols), frozenset(target.symbols)
    for s in state_symbols(model):
        yield s, SOURCE if s in at_source else TARGET if s in at_target else STATE
    yield from ((s, INPUTS) for s in inputs_of(model))


def inputs_of(model: SolvedModel) -> tuple[Symbol, ...]:
    """Return all ports: those for spikes, then the continuous ones."""
    spiking = (p.symbol for p in model.spike_ports)
    return (*spiking, *(p.symbol for p in model.continuous_ports))


def _path(owner: str, symbol: Symbol) -> Symbol:
    arrow = "->" if owner == INTERVAL else "."
    return replace(symbol, name=f"{owner}{arrow}{symbol.name}", kind=Kind.LOCAL)


def _reaches(model: SolvedModel, mine: set[Symbol]) -> Reaches:
    """Return the reaches of functions: static ones, and those of a connection."""
    known = reaches(model)
    tied = {f.name for f in model.functions if not known[f.name].is_static}
    reading = {f.name: list(expressions_in(f.body)) for f in model.functions}
    while True:
        more = {
            name
            for name, found in reading.items()
            if any(s.owner in mine for e in found for s in symbols_in(e))
            or any(isinstance(x, Call) and x.function in tied for e in found for x in walk(e))
        }
        if more <= tied:
            break
        tied |= more
    bound = Reach(instance=True, changes=True)
    return MappingProxyType({name: bound if name in tied else r for name, r in known.items()})


# When events must be handled


def _reads_factors(values: Iterable[Expr], model: SolvedModel) -> bool:
    factors = {p.symbol for p in model.continuous_ports}
    return any(s.owner in factors for e in values for s in symbols_in(e))


def _acts_between(model: SolvedModel, roles: Roles) -> bool:
    """Return whether anything but a presynaptic spike emits, or sees a continuous input."""
    bodies = [h.body for h in model.on_receive if h.port != roles.presynaptic]
    bodies += [c.body for c in model.on_condition]
    bodies.append(model.update)
    if any(isinstance(s, Emit) for b in bodies for s in walk_statements(b)):
        return True
    values = [e for b in bodies for e in expressions_in(b)]
    values += [c.condition for c in model.on_condition]
    return _reads_factors(values, model)


def _without_idle(model: SolvedModel) -> SolvedModel:
    """Return ``model`` without the integration of flows in which nothing is left."""
    idle = {k for k, flow in enumerate(model.flows) if _is_idle(flow)}

    def change(s: Stmt) -> Stmt | tuple[Stmt, ...]:
        return () if isinstance(s, Integrate) and s.flow in idle else s

    return replace(model, update=map_body(model.update, lambda e: e, change))


def _is_idle(flow: Flow) -> bool:
    return flow.linear is None and flow.nonlinear is None and not flow.jumps


def stripped(
    body: tuple[Stmt, ...], kept: frozenset[Symbol], also: Sequence[Expr]
) -> tuple[tuple[Stmt, ...], bool]:
    """Return ``body`` without what changes a copy of kept state, where nothing reads the copy.

    Parameters
    ----------
    kept : the state; its own course is computed elsewhere
    also : what is evaluated behind the body

    Returns
    -------
    The body, and whether it reads any of ``kept``.
    """

    def change(s: Stmt) -> Stmt | tuple[Stmt, ...]:
        return () if isinstance(s, Assign) and s.target.owner in kept else s

    bare = map_body(body, lambda e: e, change)
    read = any(s.owner in kept for e in (*expressions_in(bare), *also) for s in symbols_in(e))
    return (body if read else bare), read


def every_value(model: SolvedModel) -> Iterator[Expr]:
    """Yield all that a synapse evaluates, apart from derived constants."""
    yield from step_expressions(model)
    for d in (*model.parameters, *model.state):
        yield d.value
        if d.guard is not None:
            yield d.guard
    yield from (r.value for r in model.recordables)
