"""LIF neurons as graphs of the Neuromorphic Intermediate Representation.

Pedersen et al. (2024), Nature Communications 15:8122. Its neurons are differential equations in
continuous time: times are in s, potentials in mV above the initial one, spikes are Dirac pulses
whose area is their weight.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from nestml_core.api import NOWHERE, Diagnostic, Result, SolvedModel, checked
from nestml_lava.exports import codes
from nestml_lava.stock import Lif

PACKAGE = "nir"
INSTALL = "pip install 'nestml-lava[nir]'"
SECOND = 1000.0
"""In ms."""


@dataclass(frozen=True, slots=True)
class Leak:
    """The time constant of the membrane, s, and where the potential leaks to, mV."""

    tau: float
    v: float


@dataclass(frozen=True, slots=True)
class Graph:
    """A neuron with an input for each port.

    Attributes
    ----------
    path : of the file
    leak : None for a potential that stays where it is
    tau_syn : s; None for spikes that act at once
    jump : what a scaled weight of 1 adds: to the potential, or to the current, whose unit is mV
    scales : for each port what multiplies its weights
    threshold, reset : mV above ``origin``, the initial potential in mV
    dt, refractory : ms; not part of what a graph says
    """

    path: str
    model: str
    leak: Leak | None
    tau_syn: float | None
    jump: float
    scales: tuple[tuple[str, float], ...]
    threshold: float
    reset: float
    origin: float
    dt: float
    refractory: float


def lowered(model: SolvedModel, lif: Lif, name: str, dt: float) -> Result[Graph]:
    """Return ``model``, which ``lif`` is with steps of ``dt`` ms, as the graph of package ``name``.

    The solution of the graph's equations passes through the model's state after each step.

    Errors
    ------
    LAVA301 (warning) : a refractory period, or a current at the start.
    LAVA302 : a potential without leak that does more than add up spikes.
    LAVA303 : the package ``nir`` is not installed.
    """
    found = [*_missing(), *_unsaid(model, lif, dt), *_without_node(model, lif)]
    if any(d.code is codes.NO_NODE for d in found):
        return Result(None, tuple(found))
    top = max((abs(gain) for _, gain in lif.ports), default=0.0) or 1.0
    start = lif.reset + lif.v
    threshold = lif.threshold - lif.v
    leak = None
    if lif.keep_v < 1:
        v = lif.bias / (1 - lif.keep_v) - lif.v
        leak = Leak(_time_constant(lif.keep_v, dt), v)
    current = leak is not None and lif.late
    graph = Graph(
        path=f"{name}/{name}.nir",
        model=model.name,
        leak=leak,
        tau_syn=_time_constant(lif.keep_u, dt) if current else None,
        jump=top / _response(lif, dt) if current else top,
        scales=tuple((port.name, gain / top) for port, gain in lif.ports),
        threshold=threshold if lif.strict else math.nextafter(threshold, -math.inf),
        reset=-lif.v,
        origin=start,
        dt=dt,
        refractory=lif.refractory * dt,
    )
    return checked(graph, found)


def _missing() -> Iterator[Diagnostic]:
    if find_spec(PACKAGE) is None:
        message = "`export=nir` writes with the package `nir`, which is not installed"
        yield codes.NO_PACKAGE.at(NOWHERE, message, help=INSTALL)


def _unsaid(model: SolvedModel, lif: Lif, dt: float) -> Iterator[Diagnostic]:
    if lif.refractory:
        message = (
            f"`{model.name}` stands still for {lif.refractory * dt:g} ms after a spike; "
            "a neuron of NIR moves on at once"
        )
        help = "simulate the graph with a refractory period, or set that of the model to 0"
        yield codes.UNSAID.at(model.span, message, help=help)
    if lif.u:
        message = f"`{model.name}` begins with a synaptic current; a neuron of NIR without"
        yield codes.UNSAID.at(model.span, message, help="begin with currents of 0")


def _without_node(model: SolvedModel, lif: Lif) -> Iterator[Diagnostic]:
    leaks = 0 < lif.keep_v < 1
    adds_up = lif.keep_v == 1 and not lif.late and not lif.bias
    if not leaks and not adds_up:
        message = f"the potential of `{model.name}` has no leak, but a current"
        help = "give the membrane a finite time constant"
        yield codes.NO_NODE.at(lif.variable.span, message, help=help)
    elif lif.late and not 0 < lif.keep_u < 1:
        message = f"the synaptic current of `{model.name}` does not decay with a time constant"
        help = "give the synapses a finite time constant, of more than a few hundredths of a step"
        yield codes.NO_NODE.at(lif.variable.span, message, help=help)


def _time_constant(kept: float, dt: float) -> float:
    """Return the time constant in s of which a step of ``dt`` ms leaves ``kept``."""
    return -dt / math.log(kept) / SECOND


def _response(lif: Lif, dt: float) -> float:
    """Return the potential a step after the current jumped to 1."""
    tau, tau_syn = _time_constant(lif.keep_v, dt), _time_constant(lif.keep_u, dt)
    h = dt / SECOND
    x = h / tau_syn - h / tau
    return h / tau * lif.keep_v * (-math.expm1(-x) / x if x else 1.0)


def render(graph: Graph) -> bytes:
    """Return the file, the same bytes for the same graph."""
    import nir
    import numpy as np

    def one(x: float) -> np.ndarray:
        return np.array([x])

    limits = {"v_threshold": one(graph.threshold), "v_reset": one(graph.reset)}
    said = {
        "model": graph.model,
        "units": "s, mV; a spike is a Dirac pulse whose area is its weight",
        "initial_potential_mV": graph.origin,
        "made_for_steps_of_ms": graph.dt,
        "refractory_period_of_the_model_ms": graph.refractory,
    }
    neuron: nir.NIRNode
    match graph:
        case Graph(leak=None):
            neuron = nir.IF(r=one(graph.jump), **limits, metadata=said)
        case Graph(leak=Leak(tau, v), tau_syn=None):
            neuron = nir.LIF(
                tau=one(tau), r=one(tau * graph.jump), v_leak=one(v), **limits, metadata=said
            )
        case Graph(leak=Leak(tau, v), tau_syn=tau_syn):
            assert tau_syn is not None
            neuron = nir.CubaLIF(
                tau_syn=one(tau_syn),
                tau_mem=one(tau),
                r=one(1.0),
                v_leak=one(v),
                w_in=one(tau_syn * graph.jump),
                **limits,
                metadata=said,
            )
    nodes: dict[str, nir.NIRNode] = {}
    edges: list[tuple[str, str]] = []
    for name, scale in graph.scales:
        nodes[name] = nir.Input({"input": np.array([1])})
        nodes[f"{name}_scale"] = nir.Scale(one(scale))
        edges += [(name, f"{name}_scale"), (f"{name}_scale", "neuron")]
    nodes |= {"neuron": neuron, "spike": nir.Output({"output": np.array([1])})}
    file = io.BytesIO()
    nir.write(file, nir.NIRGraph(nodes=nodes, edges=[*edges, ("neuron", "spike")]))
    return file.getvalue()
