"""Programs in the terms of two other simulators, RANC and SANA-FE, for comparison.

Both know less than the chip; what they lack is refused by name.

References: Mack et al. (2021), IEEE TCAD 40:2265-2278 (RANC); Boyle et al. (2025), SANA-FE.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nestml_truenorth.chip.network import (
    AXON_TYPES,
    SIZE,
    UNROUTED,
    Core,
    Network,
    NeuronType,
    Reset,
    require_valid,
)
from nestml_truenorth.chip.spikes import InputSpike

RANC_CONFIG: Mapping[str, int] = {
    "num_neurons": SIZE,
    "num_axons": SIZE,
    "num_weights": AXON_TYPES,
    "max_tick_offset": 16,
    "neuron_block_trace_verbosity": 1,
    "core_controller_trace_verbosity": 0,
    "scheduler_trace_verbosity": 0,
    "neuron_reset_type": 0,
}


class Unsupported(ValueError):
    """A program that the other simulator cannot run; the message names what it lacks."""


def _enabled(core: Core) -> Iterator[int]:
    return (j for j in range(SIZE) if core.is_enabled(j))


def _require(network: Network, simulator: str, lacks: Mapping[str, Any]) -> None:
    """Refuse a program if one of its neurons has what the ``simulator`` ``lacks``."""
    kinds = {k.number: k for k in network.neuron_types}
    for core in network.cores:
        for j in _enabled(core):
            for what, present in lacks.items():
                if present(kinds[core.types[j]]):
                    raise Unsupported(
                        f"{simulator} has no {what}: neuron {j} of core {core.id} uses it"
                    )


# RANC

_RANC_LACKS: Mapping[str, Any] = {
    "leak reversal (epsilon)": lambda k: k.leak_reversal,
    "saturating floor (kappa), but for one at the reset value 0": lambda k: (
        k.saturates and (k.floor or k.reset)
    ),
    "random threshold (TM)": lambda k: k.mask_bits,
    "neurons without a reset (gamma = 2)": lambda k: k.reset_mode is Reset.NONE,
    "stochastic weights (b)": lambda k: any(k.stochastic_weights),
    "stochastic leak (c)": lambda k: k.stochastic_leak,
}


def ranc(
    network: Network, inputs: Iterable[InputSpike], ticks: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return input and configuration of RANC's simulator, as JSON values.

    Cores lie on a square grid whose first place is the output bus. Row t of the packets is what
    is integrated in tick t.

    Raises
    ------
    Unsupported : the program uses what RANC lacks.
    """
    require_valid(network)
    _require(network, "RANC", _RANC_LACKS)
    side = 1
    while side * side < len(network.cores) + 1:
        side += 1
    at = {c.id: ((n + 1) % side, (n + 1) // side) for n, c in enumerate(network.cores)}
    kinds = {k.number: k for k in network.neuron_types}
    packets: list[list[dict[str, Any]]] = [[] for _ in range(ticks)]
    for s in sorted(inputs):
        if s.time + s.delay < ticks:
            packets[s.time + s.delay].append(
                {
                    "destination_core": list(at[s.core]),
                    "destination_axon": s.axon,
                    "destination_tick": 0,
                }
            )
    given = {
        "output_bus": {"coordinates": [0, 0], "num_outputs": SIZE},
        "packets": packets,
        "cores": [_ranc_core(core, at, kinds) for core in network.cores],
    }
    return given, {**RANC_CONFIG, "num_cores_x": side, "num_cores_y": side}


def _ranc_core(
    core: Core, at: Mapping[int, tuple[int, int]], kinds: Mapping[int, NeuronType]
) -> dict[str, Any]:
    x, y = at[core.id]
    neurons, connections = [], []
    for j in _enabled(core):
        kind, to = kinds[core.types[j]], core.dest_cores[j]
        there = at.get(to, (0, 0))
        routed = to != UNROUTED
        neurons.append(
            {
                "reset_potential": kind.reset,
                "weights": list(kind.weights),
                "leak": kind.leak,
                "positive_threshold": kind.threshold,
                "negative_threshold": -kind.floor,
                "destination_core_offset": [there[0] - x, there[1] - y],
                "destination_axon": core.dest_axons[j] if routed else SIZE - 1,
                "destination_tick": core.delays[j] - 1,
                "current_potential": kind.potential,
                "reset_mode": int(kind.reset_mode),
            }
        )
        connections.append([core.crossbar.rows[i][j // 8] >> 7 - j % 8 & 1 for i in range(SIZE)])
    return {
        "coordinates": [x, y],
        "axons": list(core.crossbar.axon_types),
        "connections": connections,
        "neurons": neurons,
    }


def ranc_json(network: Network, inputs: Iterable[InputSpike], ticks: int) -> dict[str, str]:
    """Return the two files of RANC's simulator: input and configuration."""
    given, config = ranc(network, inputs, ticks)
    return {
        ".ranc.json": json.dumps(given, separators=(",", ":")) + "\n",
        ".ranc.config.json": json.dumps(config, indent=2) + "\n",
    }


# SANA-FE

_SANAFE_LACKS: Mapping[str, Any] = {
    "leak reversal of this kind (epsilon)": lambda k: k.leak_reversal,
    "negative reset (kappa = 0)": lambda k: not k.saturates,
    "random threshold of this kind (TM)": lambda k: k.mask_bits,
    "initial potential (V)": lambda k: k.potential,
    "stochastic weights (b)": lambda k: any(k.stochastic_weights),
    "stochastic leak (c)": lambda k: k.stochastic_leak,
}
_SANAFE_MODES = {Reset.VALUE: "hard", Reset.SUBTRACT: "soft", Reset.NONE: "saturate"}


def sanafe(network: Network, inputs: Iterable[InputSpike], ticks: int) -> dict[str, Any]:
    """Return the network of SANA-FE's TrueNorth, as a JSON value.

    ``groups`` are neurons (their attributes, and where they are mapped), ``edges`` lead from
    (group, neuron) to (group, neuron) with a weight. Each core is a group ``core<id>``; each axon
    with input from outside is one ``input<core>_<axon>``, whose neuron plays the spikes; delays
    of more than one tick are neurons of a group ``relay<n>`` that pass spikes on.

    Raises
    ------
    Unsupported : the program uses what SANA-FE lacks; several sources of one axon, among others.
    """
    require_valid(network)
    _require(network, "SANA-FE", _SANAFE_LACKS)
    kinds = {k.number: k for k in network.neuron_types}
    cores = {c.id: c for c in network.cores}
    groups: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    for core in network.cores:
        members = list(_enabled(core))
        groups.append(
            {
                "name": f"core{core.id}",
                "core": core.id,
                "neurons": [
                    {"neuron": j, "attributes": _sanafe_attributes(kinds[core.types[j]])}
                    for j in members
                ],
            }
        )
    sources: dict[tuple[int, int], list[tuple[str, int]]] = {}
    for (core_id, axon), times in _by_axon(inputs, ticks).items():
        name = f"input{core_id}_{axon}"
        train = [int(t in times) for t in range(ticks)]
        groups.append(
            {
                "name": name,
                "core": core_id,
                "neurons": [{"neuron": 0, "attributes": {"spikes": train}}],
            }
        )
        sources.setdefault((core_id, axon), []).append((name, 0))
    for core in network.cores:
        for j in _enabled(core):
            if core.dest_cores[j] <= UNROUTED:
                continue
            last = (f"core{core.id}", j)
            if core.delays[j] > 1:
                last = _relays(groups, edges, core.id, last, core.delays[j] - 1)
            sources.setdefault((core.dest_cores[j], core.dest_axons[j]), []).append(last)
    for (core_id, axon), found in sources.items():
        if len(found) > 1:
            raise Unsupported(
                f"SANA-FE adds spikes that meet on an axon, and axon {axon} of core {core_id} has "
                f"{len(found)} sources"
            )
        edges += _sanafe_edges(cores[core_id], axon, found[0], kinds)
    return {"ticks": ticks, "groups": groups, "edges": edges}


def _sanafe_attributes(kind: NeuronType) -> dict[str, Any]:
    return {
        "threshold": kind.threshold,
        "reset": kind.reset,
        "reset_mode": _SANAFE_MODES[kind.reset_mode],
        "reverse_threshold": -kind.floor,
        "reverse_reset_mode": "saturate",
        "leak": kind.leak,
        "leak_towards_zero": False,
        "force_update": True,
    }


def _by_axon(inputs: Iterable[InputSpike], ticks: int) -> dict[tuple[int, int], set[int]]:
    """Return, for each axon with input, the ticks in which a unit of SANA-FE plays a spike."""
    found: dict[tuple[int, int], set[int]] = {}
    for s in sorted(inputs):
        if 0 <= s.time + s.delay - 1 < ticks:
            found.setdefault((s.core, s.axon), set()).add(s.time + s.delay - 1)
    return found


def _relays(
    groups: list[dict[str, Any]],
    edges: list[dict[str, Any]],
    core: int,
    source: tuple[str, int],
    number: int,
) -> tuple[str, int]:
    """Add neurons that pass a spike on, a tick each; return the last of them."""
    kind = NeuronType(0, (1, 1, 1, 1), threshold=1, saturates=True)
    name = f"relay{core}_{source[1]}"
    attributes = _sanafe_attributes(kind)
    groups.append(
        {
            "name": name,
            "core": core,
            "neurons": [{"neuron": n, "attributes": attributes} for n in range(number)],
        }
    )
    for n in range(number):
        before = source if n == 0 else (name, n - 1)
        edges.append({"from": list(before), "to": [name, n], "weight": 1})
    return name, number - 1


def _sanafe_edges(
    core: Core, axon: int, source: tuple[str, int], kinds: Mapping[int, NeuronType]
) -> Iterator[dict[str, Any]]:
    row = int.from_bytes(core.crossbar.rows[axon], "big")
    type = core.crossbar.axon_types[axon]
    for j in _enabled(core):
        weight = kinds[core.types[j]].weights[type]
        if row >> SIZE - 1 - j & 1 and weight:
            yield {"from": list(source), "to": [f"core{core.id}", j], "weight": weight}


def sanafe_json(network: Network, inputs: Iterable[InputSpike], ticks: int) -> str:
    """Return the network for SANA-FE as a file."""
    return json.dumps(sanafe(network, inputs, ticks), separators=(",", ":")) + "\n"


__all__ = ["Unsupported", "ranc", "ranc_json", "sanafe", "sanafe_json"]
