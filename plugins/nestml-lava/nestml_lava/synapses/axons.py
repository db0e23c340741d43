"""Synapses that see presynaptic spikes alone: fixed weights, and what relays at axons can do."""

from __future__ import annotations

from collections.abc import Iterator

from nestml_core.api import (
    Binary,
    Diagnostic,
    Emit,
    Expr,
    Ref,
    Roles,
    SolvedModel,
    Symbol,
    Unary,
    bodies_of,
    symbols_in,
    walk_statements,
)
from nestml_lava.bodies import all_expressions
from nestml_lava.synapses import codes
from nestml_lava.synapses.reading import PROCESS


def fixed_weight(model: SolvedModel, ports: Roles) -> Symbol | None:
    """Return the weight of a synapse that does nothing but pass spikes on with it."""
    if not _sees_presynaptic_spikes_alone(ports) or model.flows or model.on_condition:
        return None
    statements = [s for body in bodies_of(model) for s in walk_statements(body)]
    match statements:
        case [Emit(Ref(symbol))] if symbol.size is None and symbol.vector is None:
            names = {d.symbol for d in (*model.parameters, *model.state)}
            return symbol if symbol in names else None
    return None


def scaling_weight(model: SolvedModel, ports: Roles) -> Symbol | None:
    """Return the parameter that all emitted weights are proportional to, and nothing else reads.

    All connections of an axon can then share the rest of the synapse.
    """
    if not _sees_presynaptic_spikes_alone(ports) or model.is_random:
        return None
    emitted = tuple(_emitted(model))
    for d in model.parameters:
        mentions = sum(d.symbol in tuple(symbols_in(e)) for e in all_expressions(model))
        used = sum(list(symbols_in(e)).count(d.symbol) for e in all_expressions(model))
        once = used == mentions == len(emitted) > 0
        if once and all(_has_factor(e, d.symbol) for e in emitted):
            return d.symbol
    return None


def is_presynaptic(model: SolvedModel, ports: Roles) -> bool:
    """Return whether presynaptic spikes alone decide what is passed on."""
    return _sees_presynaptic_spikes_alone(ports) and not model.is_random


def not_shared(model: SolvedModel) -> Diagnostic:
    """Return why no relay at the axon stands for a synapse."""
    message = f"what `{model.name}` passes on is not proportional to a parameter of its own"
    return codes.PER_SPIKE.at(model.span, message, help=PROCESS)


def graded(model: SolvedModel) -> Diagnostic:
    """Return why whole numbers have no relay."""
    message = f"`{model.name}` passes on more or less of its weight, spike by spike"
    return codes.GRADED.at(model.span, message, help="use arith=float")


def _sees_presynaptic_spikes_alone(ports: Roles) -> bool:
    return ports.postsynaptic is None and not (ports.modulators or ports.third_factors)


def _emitted(model: SolvedModel) -> Iterator[Expr]:
    for body in bodies_of(model):
        for s in walk_statements(body):
            if isinstance(s, Emit) and s.weight is not None:
                yield s.weight


def _has_factor(e: Expr, symbol: Symbol) -> bool:
    match e:
        case Ref(found):
            return found == symbol
        case Unary("-" | "+", operand):
            return _has_factor(operand, symbol)
        case Binary("*", left, right):
            return _has_factor(left, symbol) or _has_factor(right, symbol)
        case Binary("/", left, _):
            return _has_factor(left, symbol)
    return False
