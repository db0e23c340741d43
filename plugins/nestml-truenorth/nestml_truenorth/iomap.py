"""The file that says how to drive a generated network and how to read it: ``*.iomap.json``.

Numbers that need not be whole are texts, exact: ``"0.1"`` or ``"1/3"``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from nestml_truenorth.affine import decimal
from nestml_truenorth.axons import AxonGroup
from nestml_truenorth.ir import IoMap, Port, Reading

FORMAT = "nestml-truenorth I/O map"
VERSION = 2
ABOUT = (
    "Tick k computes step k of the model, from (k - 1) * tick to k * tick; tick 0 comes before the "
    "first step and has no inputs.",
    "An event due in step k enters as input spikes with srcTime k - 1 and delay 1, on axons whose "
    "counts add up to counts_per_weight * weight, summed over all events of the step.",
    "An axon delivers its counts once in a tick, however many spikes reach it: use different axons "
    "for events of one step.",
    "An output spike with srcTime k is one of step k.",
    "Recordables are at_zero + per_count * potential of their neuron, at the end of the tick; at "
    "the end of the tick of a spike and those behind it, the values of after_spike, if there are "
    "any.",
    "Inputs of one pool are summed; those of a continuous port are its value in every tick. Where "
    "the strategy is not exact, they are rounded to whole counts, and the rest is carried on.",
)


class IoMapError(ValueError):
    """A text that is not an I/O map of this version."""


def write(io: IoMap) -> str:
    """Return ``io`` as JSON."""
    fields = {
        "format": FORMAT,
        "version": VERSION,
        "about": list(ABOUT),
        "model": io.model,
        "tick_ms": decimal(io.tick),
        "neuron": {"core": io.core, "neuron": io.neuron},
        "output": {"destCore": io.output_core, "destAxon": io.output_axon},
        "axons": [
            {
                "core": g.core,
                "first": g.first,
                "last": g.last,
                "counts": g.counts,
                "pool": g.pool,
            }
            for g in io.axons
        ],
        "ports": [_port_fields(port, io.axons) for port in io.ports],
        "recordables": [
            {
                "name": r.name,
                "unit": r.unit,
                "per_count": decimal(r.per_count),
                "at_zero": decimal(r.at_zero),
                "neuron": r.neuron,
                "after_spike": [decimal(x) for x in r.after_spike],
            }
            for r in io.readings
        ],
        "strategy": io.strategy,
        "held_ticks": io.held,
        "exact_range": {"lowest": io.low, "highest": io.high},
    }
    return json.dumps(fields, indent=2, ensure_ascii=True) + "\n"


def _port_fields(port: Port, axons: tuple[AxonGroup, ...]) -> dict[str, Any]:
    """Return the fields of a port, with the weight that each axon group stands for."""
    weights = (
        [
            {"weight": decimal(g.counts / port.counts), "core": g.core, "axons": [g.first, g.last]}
            for g in axons
            if g.pool == port.pool
        ]
        if port.counts
        else []
    )
    return {
        "name": port.name,
        "counts_per_weight": decimal(port.counts),
        "pool": port.pool,
        "continuous": port.current,
        "weights_of_single_axons": weights,
    }


def read(text: str) -> IoMap:
    """Return the I/O map in ``text``.

    Raises
    ------
    IoMapError : the text is not one.
    """
    try:
        f = json.loads(text)
        if f["format"] != FORMAT or f["version"] != VERSION:
            raise IoMapError(f"not a {FORMAT} of version {VERSION}")
        return IoMap(
            model=_text(f["model"]),
            tick=_number(f["tick_ms"]),
            core=_whole(f["neuron"]["core"]),
            neuron=_whole(f["neuron"]["neuron"]),
            output_core=_whole(f["output"]["destCore"]),
            output_axon=_whole(f["output"]["destAxon"]),
            axons=tuple(_axons(f["axons"])),
            ports=tuple(
                Port(
                    _text(p["name"]),
                    _number(p["counts_per_weight"]),
                    _whole(p["pool"]),
                    _truth(p["continuous"]),
                )
                for p in f["ports"]
            ),
            readings=tuple(
                Reading(
                    _text(r["name"]),
                    _text(r["unit"]),
                    _number(r["per_count"]),
                    _number(r["at_zero"]),
                    _whole(r["neuron"]),
                    tuple(_number(x) for x in r["after_spike"]),
                )
                for r in f["recordables"]
            ),
            low=_whole(f["exact_range"]["lowest"]),
            high=_whole(f["exact_range"]["highest"]),
            held=_whole(f["held_ticks"]),
            strategy=_text(f["strategy"]),
        )
    except json.JSONDecodeError as problem:
        raise IoMapError(f"line {problem.lineno}: {problem.msg}") from None
    except (KeyError, TypeError, RecursionError) as problem:
        raise IoMapError(f"a field is missing or of the wrong kind: {problem}") from None


def _axons(groups: list[dict[str, Any]]) -> Iterator[AxonGroup]:
    for g in groups:
        keys = ("core", "first", "last", "counts", "pool")
        yield AxonGroup(*(_whole(g[key]) for key in keys))


def _truth(value: object) -> bool:
    if type(value) is not bool:
        raise IoMapError(f"{value!r} is not true or false")
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise IoMapError(f"{value!r} is not a whole number")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise IoMapError(f"{value!r} is not a text")
    return value


def _number(value: object) -> Fraction:
    text = _text(value)
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise IoMapError(f"{value!r} is not a number") from None
