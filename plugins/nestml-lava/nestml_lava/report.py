"""``report.json``: which process a model became, its numbers, and what they cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from nestml_core.api import SolvedModel, Symbol
from nestml_lava.fixed.formats import Format, PortFormat
from nestml_lava.fixed.package import IntegerPackage, Numbers
from nestml_lava.fixed.trial import Measured
from nestml_lava.stock import Lif, detect

NOT_HERE = (
    "everything here has been run on a CPU; a run on Loihi needs lava-loihi, which Intel gives to "
    "members of its research community, and was not tried"
)

LOIHI_CORE = {
    "compartments": 1024,
    "axons in": 4096,
    "axons out": 4096,
    "compartment configurations": 32,
    "thresholds": 8,
    "synapse memory in bits": 16384 * 64,
}


def text(report: Mapping[str, Any]) -> str:
    return json.dumps(report, indent=2) + "\n"


def of_float(model: SolvedModel, dt: float) -> Mapping[str, Any]:
    """Return the report of a process in floating point: whether Lava has it, or why not."""
    return {
        "model": model.name,
        "arithmetic": "float",
        "step in ms": dt,
        "stock process": verdict(model, dt),
        "hardware": NOT_HERE,
    }


def verdict(model: SolvedModel, dt: float) -> Mapping[str, Any]:
    """Return which process of Lava the model is with default parameters, or why none."""
    found = detect(model, dt=dt)
    if found.lif is None:
        return {"is": None, "why not": [f"{d.code.id}: {d.message}" for d in found.why_not]}
    return {"is": found.lif.process, "parameters": parameters(found.lif)}


def parameters(lif: Lif) -> Mapping[str, Any]:
    """Return the parameters of Lava's process, in floating point; potentials in mV."""
    return {
        "du": 1 - lif.keep_u,
        "dv": 1 - lif.keep_v,
        "bias_mant": lif.bias,
        "vth": lif.vth,
        "refractory_period": lif.refractory,
        "counted from (mV)": lif.reset,
        "weight of 1 at each port": {s.name: gain for s, gain in lif.ports},
        "extra delay in steps": int(lif.late),
    }


def of_integers(package: IntegerPackage) -> Mapping[str, Any]:
    """Return the report of a process in whole numbers."""
    n = package.numbers
    return {
        "model": package.process.symbol_name,
        "arithmetic": package.arithmetic,
        "tags": list(package.tags),
        "step in ms": n.integers.dt,
        "parameters that are not the defaults": dict(package.made_for),
        "stock process": {"is": n.lif.process, "parameters": parameters(n.lif)} if n.lif else None,
        "whole numbers": whole_numbers(n),
        "variables": {f.whole.name: _format(f) for f in n.integers.formats},
        "ports": {p.whole.name: _port(p) for p in n.integers.ports},
        "predicted errors": predicted(n),
        "measured errors": measured(n.measured),
        "measured errors against the same steps in floating point": measured(n.rounding),
        "resources": resources(n),
        "hardware": NOT_HERE,
    }


def whole_numbers(n: Numbers) -> Mapping[str, Any]:
    if n.compartment is None:
        return {"significant bits of constants": n.precision}
    c = n.compartment
    return {
        "du": c.du,
        "dv": c.dv,
        "bias_mant": c.bias_mant,
        "bias_exp": c.bias_exp,
        "vth": c.vth,
        "refractory steps": c.refractory,
        "refractDelay of the chip": c.refractory + 1,
        "weight_exp": c.weight_exp,
        "counts per mV": c.scale,
        "mV per unit of weight": c.unit,
        "extra delay in steps": int(n.lif.late) if n.lif else 0,
    }


def _format(f: Format) -> Mapping[str, Any]:
    return {
        "counts per unit": f.scale,
        "offset": f.offset,
        "bits": f.bits + 1 if f.bits else 32,
        "limits": [-f.limit / f.scale + f.offset, f.limit / f.scale + f.offset],
    }


def _port(p: PortFormat) -> Mapping[str, Any]:
    return {"counts per weight": p.scale, "largest weight": abs(p.largest / p.scale)}


def predicted(n: Numbers) -> Mapping[str, Any]:
    """Return what is known before anything runs; relative errors."""
    if n.predicted is not None:
        return asdict(n.predicted)
    return {
        "constants": 2.0**-n.precision,
        "half a count": {_name(f.symbol): 0.5 / f.scale for f in n.integers.formats if f.bits},
        "nonlinear equations": "one step of the method for each time step; see measured errors"
        if n.compartment is None
        else "none",
    }


def measured(m: Measured | None) -> Mapping[str, Any] | None:
    """Return the errors of the trial, whole numbers against floating point."""
    if m is None:
        return None
    return {
        "steps": m.steps,
        "spikes": m.spikes,
        "spikes in floating point": m.expected,
        "part of them at most one step away": m.near,
        "mean interval": m.rate,
        "largest difference before the first spike": dict(m.before),
    }


def resources(n: Numbers) -> Mapping[str, Any]:
    """Return what a neuron takes, and of what a core of Loihi 1 has how much."""
    bits = sum(f.bits + 1 for f in n.integers.formats if f.bits)
    if n.compartment is None:
        return {
            "state of a neuron in bits": bits,
            "cores of Loihi": "none: its neurons have one fixed equation",
        }
    return {
        "compartments for each neuron": 1,
        "axons out for each neuron": 1,
        "axons in": "one for each presynaptic neuron",
        "synapse memory for each weight in bits, without its address": 8,
        "compartment configurations": 1,
        "a core has": LOIHI_CORE,
        "neurons for each core at most": LOIHI_CORE["compartments"],
        "synapses for each core at most": LOIHI_CORE["synapse memory in bits"] // 8,
    }


def _name(symbol: Symbol) -> str:
    return symbol.name
