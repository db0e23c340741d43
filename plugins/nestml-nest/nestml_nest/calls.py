"""What calls of the functions of a model need, and where NEST can give it to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from nestml_core.api import (
    RANDOM,
    Assign,
    Call,
    Declare,
    Definition,
    Diagnostic,
    Element,
    Emit,
    Expr,
    Function,
    Kind,
    MatrixExponential,
    Ref,
    SolvedModel,
    Symbol,
    expressions_in,
    walk,
    walk_statements,
)
from nestml_nest import codes
from nestml_nest.names import CONTEXT

Needs = frozenset[str]
"""Which of ``CONTEXT`` something uses; ``changes`` stands for assignments to state variables."""

CHANGES = "changes"

_OWNER = MappingProxyType(
    {
        Kind.PARAMETER: "P",
        Kind.INTERNAL: "V",
        Kind.STEP: "V",
        Kind.STATE: "S",
        Kind.SPIKE_PORT: "in",
        Kind.CONTINUOUS_PORT: "in",
        Kind.DELAYED: "in",
        Kind.TIME: "in",
    }
)

_WORDS = MappingProxyType(
    {
        "random": "draws random numbers",
        "emitted": "emits spikes",
        CHANGES: "changes state variables",
        "in": "reads inputs or the time",
        "S": "reads state variables",
    }
)

DERIVED: Needs = frozenset("PV")
DECLARED: Needs = frozenset("PVS")
CONTINUOUS: Needs = frozenset(("P", "V", "S", "in"))


def function_needs(functions: Iterable[Function]) -> Mapping[str, Needs]:
    """Return what each function uses, itself or through those it calls."""
    found = {f.name: frozenset(_own(f)) for f in functions}
    called = {f.name: tuple(c for c in _called(f) if c in found) for f in functions}
    while True:
        new = {name: own.union(*(found[c] for c in called[name])) for name, own in found.items()}
        if new == found:
            return MappingProxyType(found)
        found = new


def _own(f: Function) -> Iterator[str]:
    declared = (s.symbol.size for s in walk_statements(f.body) if isinstance(s, Declare))
    if any(isinstance(size, Ref) for size in declared):
        yield "P"
    for stmt in walk_statements(f.body):
        match stmt:
            case Emit():
                yield "emitted"
            case Assign(target) if target.kind is Kind.STATE:
                yield "S"
                yield CHANGES
            case _:
                pass
    for expr in expressions_in(f.body):
        for e in walk(expr):
            match e:
                case Ref(symbol) | Element(symbol) if symbol.kind in _OWNER:
                    yield _OWNER[symbol.kind]
                case Call(name) if name in RANDOM:
                    yield "random"
                case _:
                    pass


def _called(f: Function) -> Iterator[str]:
    for expr in expressions_in(f.body):
        for e in walk(expr):
            if isinstance(e, Call):
                yield e.function


def context(needs: Needs) -> tuple[str, ...]:
    """Return the variables that a function with these needs is passed, in a fixed order."""
    return tuple(name for name in CONTEXT if name in needs)


def misplaced(model: SolvedModel, needs: Mapping[str, Needs]) -> Iterator[Diagnostic]:
    """Yield what is called where NEST cannot give it what it needs."""
    for place, allowed, expr in _places(model):
        for e in walk(expr):
            if not isinstance(e, Call):
                continue
            used: Needs = frozenset(("random",)) if e.function in RANDOM else frozenset()
            used |= needs.get(e.function, frozenset())
            beyond = [word for name, word in _WORDS.items() if name in used - allowed]
            if not beyond:
                continue
            if e.function in RANDOM and allowed == DECLARED:
                message = f"{place} cannot be random in NEST, where neurons share their defaults"
                help = (
                    "give a number here and draw when neurons are created, "
                    "as in `nest.Create(model, params={'V_m': nest.random.normal(-65., 5.)})`"
                )
                yield codes.RANDOM_DEFAULT.at(e.span, message, help=help)
                continue
            message = f"`{e.function}` {' and '.join(beyond)}; {place} cannot do that in NEST"
            help = "call it in `update` or an event handler and keep the result in a state variable"
            yield codes.CALL.at(e.span, message, help=help)


def _places(model: SolvedModel) -> Iterator[tuple[str, Needs, Expr]]:
    """Yield all expressions outside bodies, with what stands there and what it may use."""
    for d in (*model.parameters, *model.state):
        yield f"the default of `{d.symbol.name}`", DECLARED, d.value
        if d.guard is not None:
            yield f"the guard of `{d.symbol.name}`", DECLARED, d.guard
    for derived in model.derived:
        match derived:
            case MatrixExponential():
                for entry in (e for row in derived.matrix for e in row):
                    yield "a rate of a linear system", DERIVED, entry
            case Definition(symbol, value):
                yield f"the constant `{symbol.name}`", DERIVED, value
    for target, value in _continuous(model):
        yield f"the equation of `{target.name}`", CONTINUOUS, value
    for r in model.recordables:
        yield f"the recordable `{r.symbol.name}`", CONTINUOUS, r.value


def _continuous(model: SolvedModel) -> Iterator[tuple[Symbol, Expr]]:
    """Yield what flows and convolutions compute, with the state variable it is for."""
    for flow in model.flows:
        if flow.linear is not None:
            yield from ((u.target, u.value) for u in flow.linear.updates)
        if flow.nonlinear is not None:
            yield from ((u.target, u.value) for u in flow.nonlinear.derivatives)
        yield from ((j.target, j.amount) for j in flow.jumps)
    for c in model.convolutions:
        yield from ((u.target, u.value) for u in c.updates)
        yield from ((j.target, j.amount) for j in c.jumps)
