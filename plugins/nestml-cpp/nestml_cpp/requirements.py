"""What the code of a model needs: headers of the standard library, pieces of the runtime."""

from __future__ import annotations

from collections.abc import Iterator

from nestml_core.api import (
    CPP_INTEGRATORS,
    RANDOM,
    Base,
    Binary,
    Call,
    Constant,
    For,
    MatrixExponential,
    Say,
    SolvedModel,
    While,
    bodies_of,
    expressions_in,
    vectors,
    walk,
    walk_statements,
)
from nestml_cpp.printer import ROUNDING
from nestml_cpp.refusals import every_expression

ORDER = ("spikes", "vectors", "delay", "integer", "failures", "counter", "random", "messages")
"""Our own pieces of the runtime, each behind those that it needs."""


def pieces(model: SolvedModel) -> tuple[str, ...]:
    """Return our own pieces of the runtime that ``model`` needs, in order."""
    needed = set(_pieces(model))
    return tuple(f"runtime/{name}.hpp" for name in ORDER if name in needed)


def _pieces(model: SolvedModel) -> Iterator[str]:
    if model.spike_ports:
        yield "spikes"
    if vectors(model):
        yield "vectors"
    if model.delays:
        yield "delay"
    if any(isinstance(s, Say) for body in bodies_of(model) for s in walk_statements(body)):
        yield "messages"
    if has_loops(model) or recursive(model):
        yield "failures"
    for expr in every_expression(model):
        for e in walk(expr):
            match e:
                case Call(function) if function in RANDOM:
                    yield from ("counter", "integer", "random")
                case Call(function) if function in ROUNDING and e.type.base is Base.INTEGER:
                    yield "integer"
                case Binary("**") if e.type.base is Base.INTEGER:
                    yield "integer"
                case Binary("//" | "%", a, b) if a.type.base is b.type.base is Base.INTEGER:
                    yield "failures"
                case Binary("+") if e.type.base is Base.STRING:
                    yield "messages"


def has_loops(model: SolvedModel) -> bool:
    statements = (s for body in bodies_of(model) for s in walk_statements(body))
    return any(isinstance(s, (For, While)) for s in statements)


def recursive(model: SolvedModel) -> frozenset[str]:
    """Return the names of the functions that may call themselves, directly or through others."""
    called = {
        f.name: {e.function for x in expressions_in(f.body) for e in walk(x) if isinstance(e, Call)}
        for f in model.functions
    }
    reached = {name: set(direct) for name, direct in called.items()}
    while True:
        more = {
            name: found.union(*(reached.get(other, ()) for other in found))
            for name, found in reached.items()
        }
        if more == reached:
            return frozenset(name for name, found in reached.items() if name in found)
        reached = more


def numerics(model: SolvedModel) -> tuple[str, ...]:
    """Return the headers of the core's runtime that ``model`` needs."""
    found: list[str] = []
    if any(isinstance(d, MatrixExponential) for d in model.derived):
        found.append("matrix_exponential.hpp")
    if any(
        isinstance(e, Call) and e.function == "expdd"
        for x in every_expression(model)
        for e in walk(x)
    ):
        found.append("expdd.hpp")
    for flow in model.flows:
        if flow.nonlinear is not None:
            found.append(CPP_INTEGRATORS[flow.nonlinear.integrator.method][0])
    return tuple(dict.fromkeys(found))


def headers(model: SolvedModel) -> tuple[str, ...]:
    """Return the headers of the standard library that ``model`` needs, in order."""
    found = {"cmath"} | set(_headers(model))
    return tuple(sorted(found))


def _headers(model: SolvedModel) -> Iterator[str]:
    if any(d.symbol.type.base is Base.STRING for d in (*model.parameters, *model.state)):
        yield "string"
    if any(f.nonlinear for f in model.flows):
        yield "array"
    for expr in every_expression(model):
        for e in walk(expr):
            match e:
                case Call("min" | "max"):
                    yield "algorithm"
                case Call("abs"):
                    yield "cstdlib"
                case Constant("inf"):
                    yield "limits"
            if e.type.base is Base.STRING:
                yield "string"
