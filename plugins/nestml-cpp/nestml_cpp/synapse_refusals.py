"""What a synapse must not contain to become C++."""

from __future__ import annotations

from collections.abc import Iterator

from nestml_core.api import (
    Base,
    Call,
    Code,
    Definition,
    Diagnostic,
    Expr,
    Result,
    Roles,
    Severity,
    SolvedModel,
    Symbol,
    is_random,
    roles,
    vectors,
    walk,
)
from nestml_cpp.functions import Reaches, reaches
from nestml_cpp.options import Options
from nestml_cpp.ownership import split
from nestml_cpp.refusals import TOO_EARLY

SYNAPSE = Code("CPP001", Severity.ERROR, "a part of a synapse that cannot be generated")


def roles_of(model: SolvedModel, options: Options) -> Result[Roles]:
    """Return what the ports of a synapse are for.

    Errors
    ------
    NML964, NML965 : as the core says.
    """
    ports = {name for p in model.spike_ports for name in (p.symbol.name, p.symbol.identifier)}
    pre = options.presynaptic if options.presynaptic in ports else None
    post = options.postsynaptic if options.postsynaptic in ports else None
    return roles(model, pre, post)


def synapse_refusals(model: SolvedModel, options: Options) -> Iterator[Diagnostic]:
    """Yield why ``model``, a synapse, cannot become C++, apart from what neurons cannot either."""
    found = roles_of(model, options)
    yield from found.diagnostics
    for v in vectors(model):
        help = "use a variable of its own for each element"
        yield SYNAPSE.at(v.span, f"`{v.name}` is a vector, in a synapse", help=help)
    for d in (*model.parameters, *model.state):
        if d.symbol.type.base is Base.STRING:
            help = "leave it out: a connection keeps numbers only"
            yield SYNAPSE.at(d.symbol.span, f"`{d.symbol.name}` is a text, in a synapse", help=help)
    bound = split(model, found.value, options.own).reaches if found.value else {}
    plain = reaches(model)
    parameters = {d.symbol for d in model.parameters}
    for symbol, e in _static_values(model):
        if symbol not in parameters and is_random(e):
            message = f"`{symbol.name}` begins with a random number, in a synapse"
            help = "give the connections the initial values wanted, or draw in a handler"
            yield SYNAPSE.at(e.span, message, help=help)
        for name in _bound_calls(e, bound):
            if symbol in parameters and not plain[name].is_static:
                continue  # refused as in neurons
            message = f"`{symbol.name}` is needed before `{name}` can be called"
            help = "let the function read what all connections share only, or write it out"
            yield TOO_EARLY.at(e.span, message, help=help)


def _static_values(model: SolvedModel) -> Iterator[tuple[Symbol, Expr]]:
    for d in (*model.parameters, *model.state):
        yield d.symbol, d.value
        if d.guard is not None and not is_random(d.guard):
            yield d.symbol, d.guard
    for derived in model.derived:
        if isinstance(derived, Definition):
            yield derived.symbol, derived.value


def _bound_calls(e: Expr, known: Reaches) -> Iterator[str]:
    """Yield the functions called that need a connection."""
    for x in walk(e):
        if isinstance(x, Call) and x.function in known and not known[x.function].is_static:
            yield x.function
