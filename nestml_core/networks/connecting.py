"""What connections of a network are made of: ports, weights, and the inputs of synapses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nestml_core.arguments import named
from nestml_core.declared import unit_text
from nestml_core.expr import Symbol
from nestml_core.loading import LoadedModel
from nestml_core.network import (
    BAD_PART,
    NO_INPUT,
    UNKNOWN_PART,
    WHICH_PORT,
    WRONG_KIND,
    RealArray,
    Roles,
    ThirdFactor,
    unknown,
)
from nestml_core.networks.members import numbers, refuse_infinite
from nestml_core.networks.results import Nodes
from nestml_core.problems import ModelError, by_name, refuse
from nestml_core.solved import SolvedModel, sign_pairs
from nestml_core.types import ONE
from nestml_core.units import magnitude

_REAL = (np.dtype(np.float64), np.dtype(np.float32))


def neurons(nodes: Nodes) -> LoadedModel:
    """Return the model of nodes that are neurons."""
    if nodes.model is None:
        message = f"{nodes.name} only emit spikes: nothing can be sent to them or read from them"
        refuse(WRONG_KIND, message)
    return nodes.model


def recordable_of(model: SolvedModel, name: str) -> Symbol:
    """Return the recordable of a name."""
    choices = [r.symbol for r in model.recordables]
    return named(name, choices, model, "recordable", UNKNOWN_PART)


def continuous_port(model: SolvedModel, name: str) -> Symbol:
    """Return the continuous port of a name."""
    return named(name, [p.symbol for p in model.continuous_ports], model, "port", UNKNOWN_PART)


def spike_port(model: SolvedModel, name: str | None) -> tuple[Symbol, Symbol | None]:
    """Return the port where spikes arrive, and that for negative weights if it is another."""
    ports = tuple(p.symbol for p in model.spike_ports)
    pairs = {e.symbol: i.symbol for e, i in sign_pairs(model.spike_ports)}
    if name is not None:
        to = named(name, ports, model, "port", UNKNOWN_PART)
        return to, pairs.get(to)
    if len(ports) == 1:
        return ports[0], None
    if len(pairs) == 1 and len(ports) == 2:
        return next(iter(pairs.items()))
    listed = ", ".join(f"`{p.name}`" for p in ports) or "none"
    message = f"where do spikes arrive? `{model.name}` has these ports for them: {listed}"
    refuse(WHICH_PORT, message, "name one: port=..." if ports else "")


# Without a synapse


def refuse_settings(name: str, *settings: Mapping[str, Any] | None) -> None:
    """Refuse what only a synapse can be set to."""
    if any(s is not None and (not isinstance(s, Mapping) or s) for s in settings):
        refuse(BAD_PART, f"{name}: there is no synapse to set", "name one: synapse=...")


def fixed_weights(name: str, n: int, in_matrix: RealArray | None, weight: Any) -> RealArray:
    """Return the weights of connections without a synapse, shape (n,). An array may be the one that
    is given: it is not copied.

    Parameters
    ----------
    name : of the connections
    in_matrix : the weights that a matrix gives, if there is one
    weight : what else is said about them
    """
    given = chosen(in_matrix, weight, f"{name}: ")
    if type(given) is not np.ndarray or given.shape != (n,) or given.dtype not in _REAL:
        return numbers(given, n, ONE, f"weights of {name}")
    if in_matrix is None:
        refuse_infinite(given, f"weights of {name}")
    if n > 1 and given.strides == (0,):
        return np.broadcast_to(given[:1].copy(), (n,))
    return given


def chosen(in_matrix: RealArray | None, weight: Any, where: str = "") -> Any:
    """Return the weights of a matrix, or the weight that is given beside it; 1 if none is."""
    if in_matrix is not None and weight is not None:
        refuse(BAD_PART, f"{where}`matrix` gives the weights already")
    if in_matrix is not None:
        return in_matrix
    return 1.0 if weight is None else weight


def refuse_signs(name: str, weights: RealArray, model: SolvedModel, port: Symbol) -> None:
    """Refuse negative weights where one port of a pair is asked for."""
    paired = {p.symbol for pair in sign_pairs(model.spike_ports) for p in pair}
    if port in paired and weights.min(initial=0) < 0:
        help = "leave `port` away: the sign then decides; or use positive weights"
        refuse(BAD_PART, f"{name}: a negative weight for `{port.name}`", help)


# With a synapse


def refuse_weights(name: str, *weights: Any) -> None:
    """Refuse weights beside a synapse."""
    if any(w is not None for w in weights):
        help = "set its parameters or initial values, and give `pairs` if need be"
        refuse(BAD_PART, f"{name}: the weight of a synapse is its own", help)


def inputs_of(
    model: SolvedModel, parts: Roles, inputs: Mapping[str, Any] | None
) -> dict[Symbol, Any]:
    """Return what is given for each port of a synapse that is not on either side of it."""
    wanted = (*parts.modulators, *parts.third_factors)
    by_port = by_name(inputs, "inputs", BAD_PART).items()
    given = {named(name, wanted, model, "port", UNKNOWN_PART): x for name, x in by_port}
    for port in wanted:
        if port not in given:
            way = "nodes that spike" if port in parts.modulators else "the name of a recordable"
            message = f"`{port.name}` of `{model.name}` has no input"
            refuse(NO_INPUT, message, f'give it {way}: inputs={{"{port.name}": ...}}')
    return given


def continuous_inputs(
    given: Mapping[Symbol, Any], target: LoadedModel
) -> tuple[tuple[ThirdFactor, ...], tuple[tuple[Symbol, float], ...]]:
    """Return what continuous ports see of the postsynaptic neuron, and those with a constant."""
    factors: list[ThirdFactor] = []
    constants: list[tuple[Symbol, float]] = []
    for port, value in given.items():
        if isinstance(value, str) and value in target.recordables:
            factors.append(_third_factor(port, recordable_of(target.solved, value)))
        else:
            constants.append((port, _constant(port, value, target)))
    return tuple(factors), tuple(constants)


def _third_factor(port: Symbol, read: Symbol) -> ThirdFactor:
    if read.type.dimension != port.type.dimension:
        message = f"`{port.name}` is in {unit_text(port)}, `{read.name}` in {unit_text(read)}"
        refuse(BAD_PART, message)
    return ThirdFactor(port, read)


def _constant(port: Symbol, given: Any, target: LoadedModel) -> float:
    try:
        return magnitude(given, port.type.unit)
    except (TypeError, ValueError):
        if isinstance(given, str) and given.isidentifier():
            names = target.recordables
            raise ModelError([unknown(f"`{target.name}`", "recordable", given, names)]) from None
        help = "give it the name of a recordable of the postsynaptic neuron, or a value"
        refuse(BAD_PART, f"`{port.name}`: {given!r} is no input for a continuous port", help)
