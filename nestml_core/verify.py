"""What every solved model must satisfy: used in tests, and by ``--verify``."""

from __future__ import annotations

from collections.abc import Iterator

from nestml_core.backend import bodies_of, step_expressions
from nestml_core.expr import (
    INTRINSICS,
    RANDOM,
    Call,
    Convolve,
    Expr,
    Kind,
    Symbol,
    symbols_in,
    walk,
)
from nestml_core.solved import Definition, MatrixExponential, SolvedModel
from nestml_core.stmt import Assign, Declare, Integrate, IntegrateOdes, walk_statements


def violations(model: SolvedModel) -> tuple[str, ...]:
    """Return what is wrong with ``model``, in words; nothing if the compiler did its work."""
    return (*_order(model), *_expressions(model), *_statements(model), *_flows(model))


def _order(model: SolvedModel) -> Iterator[str]:
    """Values are computed after what they read."""
    known: set[Symbol] = set()

    def check(symbol: Symbol, value: Expr) -> Iterator[str]:
        for s in symbols_in(value):
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


def _known(model: SolvedModel) -> set[Symbol]:
    found = {d.symbol for d in (*model.parameters, *model.state)} | set(model.internals)
    found |= {p.symbol for p in model.spike_ports} | {c.symbol for c in model.continuous_ports}
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
            if s.kind not in own and s not in known:
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
