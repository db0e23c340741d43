"""Lower synapses to connection processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from nestml_core.api import (
    Assign,
    Code,
    Definition,
    Diagnostic,
    Result,
    Roles,
    Severity,
    SolvedModel,
    Symbol,
    constants,
    needs_every_step,
    roles,
    safe,
    symbols_in,
    walk_statements,
)
from nestml_lava.ir import Port
from nestml_lava.lower import Lowering, strings
from nestml_lava.reserved import MODELS, SYNAPSES, VARIABLES
from nestml_lava.scope import Scope
from nestml_lava.synapses import axons, codes, rules, third
from nestml_lava.synapses.events import Events, SynapseSetup
from nestml_lava.synapses.ir import Connection, Learning

SYNAPSE = Code("LAVA001", Severity.ERROR, "a synapse that connections cannot have")


def connection(model: SolvedModel, dt: float, *, relay: bool = False) -> Result[Connection]:
    """Return ``model``, a synapse, as a process that holds connections.

    Parameters
    ----------
    relay : let a relay at the axon compute what depends on presynaptic spikes only

    Errors
    ------
    LAVA001 : a synapse that sees delayed values.
    LAVA002 : a state variable, parameter, internal or recordable that holds a string.
    LAVA210, LAVA211 : a synapse for which there is no relay.
    NML964 : several ports could be the pre- or the postsynaptic one.
    """
    found = tuple(refusals(model))
    if found:
        return Result(None, found)
    ports = roles(model)
    if ports.value is None:
        return Result(None, ports.diagnostics)
    lowered = _lowered(model, ports.value, dt)
    weight = axons.fixed_weight(model, ports.value)
    if weight is None and relay:
        weight = axons.scaling_weight(model, ports.value)
        if weight is None:
            return Result(None, (axons.not_shared(model),))
        lowered = replace(lowered, is_relay=True)
    if weight is not None:
        names = {x.symbol: x.name for x in lowered.values.variables}
        lowered = replace(lowered, weight=names[weight])
    return Result(lowered)


def learning(
    model: SolvedModel, given: Mapping[Symbol, Any], dt: float, *, whole: bool
) -> Result[Learning | Connection]:
    """Return ``model``, a synapse, as a learning rule of Loihi, for the parameters ``given``.

    One that sees presynaptic spikes alone is a relay at the axon, or but a weight.

    Errors
    ------
    LAVA201 to LAVA215 : what no learning rule does.
    """
    ports = roles(model)
    if ports.value is not None and axons.is_presynaptic(model, ports.value):
        if whole:
            fixed = axons.fixed_weight(model, ports.value) is not None
            why = in_floating_point(model) if fixed else axons.graded(model)
            return Result(None, (why,))
        relay = connection(model, dt, relay=True)
        return Result(relay.value, relay.diagnostics)
    values = constants(model, given, dt)
    if ports.value is None or values.value is None:
        return Result(None, (*ports.diagnostics, *values.diagnostics))
    numbers = {s: v for s, v in values.value.items() if isinstance(v, (int, float))}
    known = rules.known_values(numbers)
    if ports.value.modulators and not ports.value.third_factors and not whole:
        gated = third.modulated(model, ports.value, known, dt)
        if gated.value is None:
            return Result(None, gated.diagnostics)
        made = _learning(model, *gated.value, whole=False)
        return Result(made, gated.diagnostics)
    found = rules.rule(model, ports.value, known, whole)
    if found.value is None:
        return Result(None, found.diagnostics)
    return Result(_learning(model, found.value, None, whole=whole), found.diagnostics)


def _learning(
    model: SolvedModel, rule: rules.Rule, side: third.ThirdSide | None, *, whole: bool
) -> Learning:
    scope = Scope(model, VARIABLES | SYNAPSES)
    weight = scope.variable(rule.weight, "")
    return Learning(
        name=safe(model.name, MODELS),
        symbol_name=model.name,
        rule=rule,
        weight=weight.name,
        factor=weight.factor,
        whole=whole,
        third=side,
    )


def in_floating_point(model: SolvedModel) -> Diagnostic:
    """Return why a process for ``model`` does not fit between neurons in whole numbers."""
    message = f"`{model.name}` is computed in floating point, the neurons in whole numbers"
    help = "learning=rule makes it a learning rule, if it has one; static weights take `connect`"
    return codes.WHOLE_NUMBERS.at(model.span, message, help=help)


def without_neurons(model: SolvedModel) -> Diagnostic:
    """Return why a learning rule is not run by itself."""
    message = f"`{model.name}` is a learning rule of Lava's LearningDense, which needs neurons"
    return codes.ALONE.at(model.span, message, help="learning=process runs a synapse alone, too")


def refusals(model: SolvedModel) -> Iterator[Diagnostic]:
    """Yield why connections cannot have ``model``."""
    for d in model.delays:
        message = (
            f"`{d.variable.name}` as it was: a synapse has no steps in which it could be noted"
        )
        help = "let the neuron compute it, and read it through a continuous port"
        yield SYNAPSE.at(d.span, message, help=help)
    yield from strings(model)


def _lowered(model: SolvedModel, ports: Roles, dt: float) -> Connection:
    scope = Scope(model, VARIABLES | SYNAPSES)
    routines = (*SynapseSetup(scope).routines(), *Events(scope).routines())
    values = Lowering(model, scope).process(dt, routines)
    by_symbol: dict[Symbol, Port] = {p.symbol: p for p in values.spike_ports}
    names = scope.names.variables
    constants = [
        s
        for d in model.derived
        for s in (
            (d.symbol,)
            if isinstance(d, Definition)
            else (x for row in d.symbols for x in row if x is not None)
        )
    ]
    moving = {x.owner for flow in model.flows for x in flow.variables}
    moving |= {s for c in model.convolutions for s in c.states}
    for body in (model.update, *(f.body for f in model.functions)):
        moving |= {s.target.owner for s in walk_statements(body) if isinstance(s, Assign)}
    jumping = {s for f in model.flows for j in f.jumps for s in symbols_in(j.amount)}
    post = ports.postsynaptic
    return Connection(
        values=values,
        presynaptic=by_symbol[ports.presynaptic],
        postsynaptic=None if post is None else by_symbol[post],
        modulators=tuple(by_symbol[s] for s in ports.modulators),
        order=tuple(by_symbol[s] for s in ports.order),
        constants=tuple(names[s] for s in dict.fromkeys(constants)),
        moving=tuple(x.name for x in values.advanced if x.symbol in moving),
        jumping=tuple(p.name for p in values.spike_ports if p.symbol in jumping),
        every_step=needs_every_step(model),
    )
