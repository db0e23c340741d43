"""What every solved model must satisfy: used in tests, and by ``--verify``."""

from __future__ import annotations

from collections.abc import Iterator

from nestml_core.backend import bodies_of, step_expressions
from nestml_core.expr import (
    INTRINSICS,
    RANDOM,
    Call,
    Convolve,
    Element,
    Expr,
    Kind,
    Ref,
    Symbol,
    symbols_in,
    walk,
)
from nestml_core.solved import Definition, MatrixExponential, SolvedModel
from nestml_core.stmt import (
    Assign,
    Declare,
    Integrate,
    IntegrateOdes,
    expressions_in,
    walk_statements,
)


def violations(model: SolvedModel) -> tuple[str, ...]:
    """Return what is wrong with ``model``, in words; nothing if the compiler did its work."""
    return (
        *_order(model),
        *_vectors(model),
        *_expressions(model),
        *_statements(model),
        *_flows(model),
        *_between(model),
    )


def _order(model: SolvedModel) -> Iterator[str]:
    """Values are computed after what they read."""
    known: set[Symbol] = set()

    def check(symbol: Symbol, value: Expr) -> Iterator[str]:
        size = () if symbol.size is None else symbols_in(symbol.size)
        for s in (*size, *(s.owner for s in symbols_in(value))):
            if s.kind is not Kind.STEP and s not in known:
                yield f"`{symbol.name}` reads `{s.name}`, which has no value yet"

    for p in model.parameters:
        yield from check(p.symbol, p.value)
        known.add(p.symbol)
    for derived in model.derived:
        match derived:
            case Definition():
                yield from check(derived.symbol, derived.value)
                known.add(derived.symbol)
            case MatrixExponential(symbols, matrix):
                names = [s for row in symbols for s in row if s is not None]
                if {len(symbols), len(matrix)} != {len(r) for r in (*symbols, *matrix)}:
                    yield "a matrix exponential is not square"
                for entry in (e for row in matrix for e in row):
                    yield from check(names[0], entry)
                known.update(names)
    for x in model.state:
        yield from check(x.symbol, x.value)
        known.add(x.symbol)


def _vectors(model: SolvedModel) -> Iterator[str]:
    """Elements lie in their vectors, and vectors as a whole stand in no expression."""
    for e in step_expressions(model):
        if isinstance(e, Ref) and e.symbol.size is not None:
            continue  # what a vector is assigned
        for part in walk(e):
            if isinstance(part, Ref) and part.symbol.size is not None:
                yield f"the vector `{part.symbol.name}` stands for one number"
            if isinstance(part, Element) and part.vector.size is None:
                yield f"`{part.vector.name}` has no elements"
        for s in symbols_in(e):
            if s.vector is not None and not 0 <= s.place < (s.vector.length or 0):
                yield f"`{s.name}` is not in its vector"


def _known(model: SolvedModel) -> set[Symbol]:
    found = {d.symbol for d in (*model.parameters, *model.state)} | set(model.internals)
    found |= {p.symbol for p in model.spike_ports} | {c.symbol for c in model.continuous_ports}
    found |= {d.symbol for d in model.delays}
    return found | {z for c in model.convolutions for z in c.states}


def _expressions(model: SolvedModel) -> Iterator[str]:
    known = _known(model)
    functions = {*INTRINSICS, *RANDOM, *(f.name for f in model.functions)}
    own = (Kind.LOCAL, Kind.ARGUMENT, Kind.TIME, Kind.STEP)
    for e in step_expressions(model):
        for part in walk(e):
            if isinstance(part, Convolve):
                yield "a convolution is left"
            if isinstance(part, Call) and part.function not in functions:
                yield f"a call of the unknown function `{part.function}`"
            if isinstance(part, Call) and part.function == "expdd":
                yield "`expdd` is called in a step"
        for s in symbols_in(e):
            if s.kind not in own and s.owner not in known:
                yield f"`{s.name}` ({s.kind.value}) is used but not part of the model"


def _statements(model: SolvedModel) -> Iterator[str]:
    writable = (Kind.STATE, Kind.LOCAL, Kind.ARGUMENT)
    for body in bodies_of(model):
        for s in walk_statements(body):
            if isinstance(s, IntegrateOdes):
                yield "an `integrate_odes` is left"
            if isinstance(s, Integrate) and not 0 <= s.flow < len(model.flows):
                yield f"there is no flow {s.flow}"
            if isinstance(s, (Assign, Declare)):
                target = s.target if isinstance(s, Assign) else s.symbol
                if target.kind not in writable:
                    yield f"`{target.name}` is assigned"


def _flows(model: SolvedModel) -> Iterator[str]:
    for k, flow in enumerate(model.flows):
        exact = flow.linear.variables if flow.linear else ()
        numeric = flow.nonlinear.variables if flow.nonlinear else ()
        if sorted(v.name for v in exact + numeric) != sorted(v.name for v in flow.variables):
            yield f"flow {k} does not advance each of its variables once"
        if flow.linear:
            n = len(exact) + len(flow.linear.companions)
            if tuple(u.target for u in flow.linear.updates) != exact:
                yield f"flow {k}: the updates are not those of its variables"
            if len(flow.linear.matrix) != len(exact) or any(
                len(row) != n for row in flow.linear.matrix
            ):
                yield f"flow {k}: the matrix has the wrong shape"
        if flow.nonlinear:
            targets = tuple(u.target for u in flow.nonlinear.derivatives)
            if targets != numeric + flow.nonlinear.companions:
                yield f"flow {k}: the derivatives are not those of its variables"


def _between(model: SolvedModel) -> Iterator[str]:
    """Event-driven state moves exactly, and no step needs it."""
    chosen = set(model.between.event_driven)
    systems = [f.linear for f in model.flows if f.linear is not None]
    exact = [u for c in model.convolutions for u in c.updates]
    exact += [u for s in systems for u in s.updates]
    for x in model.between.event_driven:
        if not any(u.target == x for u in exact):
            yield f"`{x.name}` is event-driven, but nothing moves it exactly"
    moving = _moving(model)
    for u in exact:
        for s in symbols_in(u.value):
            if s in moving and (s in chosen) != (u.target in chosen):
                yield f"`{u.target.name}` reads `{s.name}`, and only one of them is event-driven"
    read = {s for e in expressions_in(model.update) for s in symbols_in(e)}
    read |= {s for c in model.on_condition for s in symbols_in(c.condition)}
    read |= {s.target for s in walk_statements(model.update) if isinstance(s, Assign)}
    for x in (x for x in model.between.event_driven if x in read):
        yield f"`{x.name}` is event-driven, but every step reads or writes it"


def _moving(model: SolvedModel) -> set[Symbol]:
    found = {z for c in model.convolutions for z in c.states}
    return found | {v for f in model.flows for v in f.variables}
