"""How a neuron is addressed in NEST: status entries, receptor numbers, signs of weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nestml_core.api import Kind, SolvedModel, Symbol, identifiers, sign_pairs
from nestml_nest.native import ENTRIES


@dataclass(frozen=True, slots=True)
class Address:
    """The receptor that a spike port listens on, and the sign of the weights it is meant for.

    A port of sign -1 gets the events with a negative weight, without the sign. Sign 0 stands for
    a port that gets every event with its weight as it is.
    """

    receptor: int
    sign: int


def status_keys(model: SolvedModel) -> Mapping[Symbol, str]:
    """Return the status entry of each parameter, state variable and recordable.

    The elements of a vector are recorded as its name in capitals, ``_`` and the index; without the
    capitals where that is the name of something else.
    """
    single = [d.symbol for d in (*model.parameters, *model.state)]
    single += [r.symbol for r in model.recordables if r.symbol.vector is None]
    vectors = dict.fromkeys(r.symbol.owner for r in model.recordables if r.symbol.vector)
    taken = {s.identifier for s in single}
    outside: dict[Symbol, Symbol] = {s: s for s in single}
    for vector in vectors:
        named = {e: f"{vector.identifier.upper()}_{e.place}" for e in vector.elements}
        if taken.intersection(named.values()):
            named = {e: e.identifier for e in vector.elements}
        taken.update(named.values())
        outside |= {e: Symbol(name, Kind.STATE) for e, name in named.items()}
    keys = identifiers(outside.values(), (), taken=ENTRIES)
    return MappingProxyType({s: keys[key] for s, key in outside.items()})


def spike_addresses(model: SolvedModel) -> Mapping[Symbol, Address]:
    """Return how each spike port is reached.

    The partners of an excitatory/inhibitory pair share a receptor. A receptor that is the only
    one has number 0; several are numbered from 1, in the order of their ports.
    """
    pairs = sign_pairs(model.spike_ports)
    partner = {inhibitory.symbol: excitatory.symbol for excitatory, inhibitory in pairs}
    first = 1 if len(model.spike_ports) - len(pairs) > 1 else 0
    owners = [p.symbol for p in model.spike_ports if p.symbol not in partner]
    number = {symbol: i for i, symbol in enumerate(owners, first)}
    signs = {s: 1 for s in partner.values()} | {s: -1 for s in partner}
    return MappingProxyType(
        {
            p.symbol: Address(number[partner.get(p.symbol, p.symbol)], signs.get(p.symbol, 0))
            for p in model.spike_ports
        }
    )


def port_keys(symbols: tuple[Symbol, ...]) -> Mapping[Symbol, str]:
    """Return the names in ``receptor_types`` and ``continuous_inputs``: capitals, as is usual."""
    capitals = {s: s.identifier.upper() for s in symbols}
    if len(set(capitals.values())) < len(capitals):
        return MappingProxyType({s: s.identifier for s in symbols})
    return MappingProxyType(capitals)
