"""Portraits of neurons: postsynaptic potentials, a step of current, how fast they fire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from nestml_core.gallery.calibration import BACKEND, current, weight
from nestml_core.loading import LoadedModel
from nestml_core.portrait import Column, Curve, Panel, Portrait, Style, Train, points
from nestml_core.results import Run
from nestml_core.solved import Sign

NONE: Mapping[str, Any] = MappingProxyType({})

STEP = 200.0
"""How long the step of current is, in ms."""

TRAIN = 3.0
"""The interval of a train of spikes, in ms."""

CURRENTS = 7
"""How many currents the f-I curve has."""


@dataclass(frozen=True)
class Protocol:
    """What is done to a neuron, and what is shown of it.

    Attributes
    ----------
    panels : names of recordables, those of one panel together
    parameters : that differ from the defaults
    step : the amplitude of the step of current, in the unit of its port; None: found by trial
    weights : of one spike at each port; found by trial for others
    before : ms before the first spike
    apart : ms between spikes at different ports
    length : of the step of current, ms
    rates : whether the f-I curve is drawn
    fastest : the largest current of the f-I curve, in steps of current
    further : signals at other continuous ports
    settle : ms in which the neuron comes to rest before it all begins
    after : ms shown after the step
    said : what is special about the protocol
    """

    panels: tuple[tuple[str, ...], ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=lambda: NONE)
    step: float | None = None
    weights: Mapping[str, float] = field(default_factory=lambda: NONE)
    before: float = 10.0
    apart: float = 50.0
    length: float = STEP
    rates: bool = True
    fastest: float = 3.0
    further: Mapping[str, Any] = field(default_factory=lambda: NONE)
    settle: float = 0.0
    after: float = 50.0
    said: str = ""


def automatic(model: LoadedModel) -> tuple[tuple[str, ...], ...]:
    """Return the panels of a model that nothing is known about: three at most, by unit."""
    hidden = ("refr", "phase", "received")
    names = [n for n in model.recordables if not n.startswith(hidden) and "'" not in n]
    by_unit: dict[str, list[str]] = {}
    for name in names:
        by_unit.setdefault(model.units[name], []).append(name)
    first = potential(model)
    panels: list[tuple[str, ...]] = [(first,)] if first else []
    for unit, group in by_unit.items():
        rest = tuple(n for n in group if n != first)[:4]
        if rest and unit != model.units.get(first, ""):
            panels.append(rest)
    return tuple(panels[:3])


def potential(model: LoadedModel) -> str:
    """Return the recordable that is the membrane potential: V_m, or the first one in volts."""
    if "V_m" in model.recordables:
        return "V_m"
    volts = (n for n in model.recordables if model.units[n].endswith("V"))
    return next(volts, model.recordables[0] if model.recordables else "")


def portrait(model: LoadedModel, protocol: Protocol) -> Portrait:
    """Return a neuron's answer to a spike at each port and to a step of current.

    A neuron without a port for a current gets a train of spikes at its first port instead.
    """
    given: dict[str, Any] = {"parameters": protocol.parameters, "initial": _rest(model, protocol)}
    weights = _weights(model, protocol, given)
    begin = protocol.before + protocol.apart * len(weights)
    end = begin + protocol.length
    port = _current_port(model)
    amplitude = protocol.step
    if amplitude is None:
        amplitude = current(model, port, protocol.length, given) if port else 0.0
    spikes = {
        p: [(protocol.before + k * protocol.apart, w)] for k, (p, w) in enumerate(weights.items())
    }
    if weights and not port:
        first, w = next(iter(weights.items()))
        spikes[first] += [(t, w) for t in np.arange(begin, end, TRAIN).tolist()]
    panels = protocol.panels or automatic(model)
    run = model.simulate(
        end + protocol.after,
        0.1,
        spikes=spikes,
        currents={**_step(port, begin, end, amplitude), **protocol.further},
        **given,
        record=list(dict.fromkeys(n for names in panels for n in names)),
        backend=BACKEND,
        progress=False,
    )
    driven = [*protocol.further, *([port] if port and amplitude else [])]
    drawn = [*_stimulus(run, driven), *(_traces(run, n, marked=n == panels[0]) for n in panels)]
    drawn += [] if panels else [Panel(trains=(Train("output", run.spikes),))]
    columns = [Column(tuple(drawn), width=2.6, limits=(0.0, end + protocol.after))]
    if port and amplitude > 0 and protocol.rates:
        columns.append(_rates(model, port, amplitude, protocol))
    spoken = [f"weights: {', '.join(f'{w:g}' for w in weights.values())}"] if weights else []
    if port and amplitude:
        unit = model.units[port]
        spoken.append(f"{port}: {amplitude:g}" + (f" {unit}" if unit != "1" else ""))
    spoken += [protocol.said] if protocol.said else []
    return Portrait(model.name, "; ".join(spoken), tuple(columns))


def _step(port: str, begin: float, end: float, amplitude: float) -> dict[str, Any]:
    return {port: ([0.0, begin, end], [0.0, amplitude, 0.0])} if port else {}


def _weights(model: LoadedModel, protocol: Protocol, given: Mapping[str, Any]) -> dict[str, float]:
    """Return the weight of a spike for each port."""
    observed = potential(model)
    return {p: protocol.weights.get(p) or weight(model, p, observed, given) for p in _ports(model)}


def _rest(model: LoadedModel, protocol: Protocol) -> Mapping[str, Any]:
    """Return the state in which the neuron comes to rest; nothing if it shall begin as it is."""
    if not protocol.settle:
        return NONE
    states = [n for n in model.state if n in model.recordables and not n.startswith("refr")]
    run = model.simulate(
        protocol.settle,
        0.1,
        parameters=protocol.parameters,
        record=states,
        backend=BACKEND,
        progress=False,
    )
    return {n: float(run[n][-1]) for n in states}


def _ports(model: LoadedModel) -> list[str]:
    """Return the spike ports, one of each vector, at most four; excitatory ones first."""
    ports = [p for p in model.solved.spike_ports if p.symbol.vector is None or p.symbol.place < 4]
    ports.sort(key=lambda p: p.sign is Sign.INHIBITORY)
    return [p.symbol.name for p in ports][:4]


def _current_port(model: LoadedModel) -> str:
    """Return the port for the step of current: I_stim, or the first one for a current, or ""."""
    if "I_stim" in model.continuous_ports:
        return "I_stim"
    fitting = (p for p in model.continuous_ports if model.units[p].endswith("A"))
    return next(fitting, "")


def _stimulus(run: Run, driven: Sequence[str]) -> list[Panel]:
    trains = tuple(
        Train(p.name, points(e.steps * run.trace.dt), e.weights)
        for p, e in run.schedule.spikes.items()
        if len(e.steps)
    )
    panels = [Panel(trains=trains)] if trains else []
    for port in driven:
        signal = run.inputs[port]
        times = points(np.arange(len(signal)) * run.trace.dt)
        shown = Curve(port, times, signal, Style.STEPS)
        label = labelled((port,), run.input_units[port])
        panels.append(Panel(curves=(shown,), label=label, height=0.5))
    return panels


def _traces(run: Run, names: Sequence[str], *, marked: bool) -> Panel:
    curves = tuple(Curve(n, run.times, run[n]) for n in names)
    unit = run.units[names[0]]
    if marked:
        return Panel(curves=curves, label=labelled(names, unit), spikes=run.spikes)
    return Panel(curves=curves, label=labelled(names, unit), height=0.75)


def labelled(names: Sequence[str], unit: str) -> str:
    """Return the label of an axis: name and unit of one quantity, the unit of several."""
    if len(names) > 1:
        return unit.replace("1", "", 1) if unit == "1" else unit
    return names[0] if unit == "1" else f"{names[0]} ({unit})"


def _rates(model: LoadedModel, port: str, amplitude: float, protocol: Protocol) -> Column:
    from nestml_core.experiments import f_i_curve

    levels = np.linspace(0.0, protocol.fastest * amplitude, CURRENTS)
    curve = f_i_curve(
        model,
        levels,
        duration=350.0,
        settle=150.0,
        port=port,
        parameters=protocol.parameters,
        backend=BACKEND,
        progress=False,
    )
    shown = Curve("rate", curve.currents, curve.rates, Style.POINTS)
    panel = Panel(curves=(shown,), label="rate (Hz)", title="steady firing", zero=True, height=1.9)
    return Column((panel,), across=labelled((port,), model.units[port]), width=1.0)
