"""Portraits of synapses: windows of plasticity, courses of weights, trains of effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from nestml_core.experiment import FloatArray
from nestml_core.gallery.calibration import BACKEND
from nestml_core.gallery.neurons import labelled
from nestml_core.loading import LoadedModel
from nestml_core.portrait import Column, Curve, Panel, Portrait, Style, Train, points
from nestml_core.results import Run

NONE: Mapping[str, Any] = MappingProxyType({})

PRE, POST = "pre_spikes", "post_spikes"

TRAIN = (*(50.0 * (k + 1) for k in range(10)), 1000.0)
"""Ten spikes at 20 Hz and one to see the recovery: times in ms."""

LAGS = np.concatenate([np.arange(-100.0, 0.0, 4.0), np.arange(4.0, 101.0, 4.0)])
"""From the pre- to the postsynaptic spike, in ms."""

BEFORE = (20.0, 30.0, 40.0, 130.0, 250.0, 260.0, 350.0)
AFTER = (50.0, 60.0, 140.0, 220.0, 230.0, 240.0, 340.0)
"""Presynaptic and postsynaptic spikes, in ms: a burst of three before two and one before one, first
with the presynaptic ones ahead, then behind."""

PAIRED = (
    (20.0, 30.0),
    (70.0, 80.0),
    (120.0, 130.0),
    (200.0, 190.0),
    (250.0, 240.0),
    (300.0, 290.0),
)
"""Three pairs pre before post, then three post before pre: times of both in ms."""


@dataclass(frozen=True)
class Protocol:
    """What is done to a synapse, and what is shown of it.

    Attributes
    ----------
    weight : the recordable that is the weight
    panels : names of recordables beside the weight, those of one panel together
    parameters, initial : that differ from the defaults
    pre, post : times of presynaptic and postsynaptic spikes of the course, ms
    train : times of the spikes whose effects are shown, ms
    end : of the course, ms
    further : spikes at other ports during the course
    currents : at continuous ports during the course
    said : what is special about the protocol
    """

    weight: str = "w"
    panels: tuple[tuple[str, ...], ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=lambda: NONE)
    initial: Mapping[str, Any] = field(default_factory=lambda: NONE)
    pre: tuple[float, ...] = BEFORE
    post: tuple[float, ...] = AFTER
    train: tuple[float, ...] = TRAIN
    end: float = 400.0
    further: Mapping[str, Any] = field(default_factory=lambda: NONE)
    currents: Mapping[str, Any] = field(default_factory=lambda: NONE)
    said: str = ""


def run(
    model: LoadedModel,
    duration: float,
    spikes: Mapping[str, Sequence[Any]],
    protocol: Protocol,
    record: Sequence[str],
    **more: Any,
) -> Run:
    """Run a synapse alone."""
    return model.simulate(
        duration,
        0.1,
        spikes=spikes,
        parameters=protocol.parameters,
        initial=protocol.initial,
        record=list(dict.fromkeys(record)),
        backend=BACKEND,
        progress=False,
        **more,
    )


# Plasticity


def window(model: LoadedModel, protocol: Protocol) -> FloatArray:
    """Return the change of the weight by one pair of spikes, for each of ``LAGS``."""
    changes = []
    for lag in LAGS:
        pre, post = (20.0, 20.0 + lag) if lag > 0 else (20.0 - lag, 20.0)
        course = run(model, 160.0, {PRE: [pre], POST: [post]}, protocol, [protocol.weight])
        values = course[protocol.weight]
        changes.append(values[-1] - values[0])
    return points(changes)


def pairing(model: LoadedModel, protocol: Protocol) -> Portrait:
    """Return the window of pairs of spikes, and the weight under such pairs over time."""
    change = window(model, protocol)
    negative, positive = LAGS < 0, LAGS > 0
    curves = (
        Curve("post first", LAGS[negative], change[negative]),
        Curve("pre first", LAGS[positive], change[positive]),
    )
    label = f"change of {_with_unit(model, protocol.weight)}"
    left = Panel(
        curves=curves, label=label, zero=True, title="one pair", labelled=False, height=1.9
    )
    across = "post − pre (ms)"
    columns = (Column((left,), across, width=1.0), course(model, protocol, width=1.9))
    return Portrait(model.name, protocol.said or _said(protocol), columns)


def course(model: LoadedModel, protocol: Protocol, width: float = 1.0) -> Column:
    """Return weight and traces over time, while pairs of spikes arrive."""
    panels = protocol.panels or _traces_of(model, protocol.weight)
    names = [protocol.weight, *(n for p in panels for n in p)]
    spikes: dict[str, Any] = {PRE: protocol.pre, POST: protocol.post, **protocol.further}
    given = {p: s for p, s in spikes.items() if p in model.spike_ports}
    found = run(model, protocol.end, given, protocol, names, currents=protocol.currents)
    shown = [Panel(trains=tuple(Train(p, points(sorted(t))) for p, t in given.items()))]
    for port, values in found.inputs.items():
        signal = Curve(port, points(np.arange(len(values)) * 0.1), values, Style.LINE)
        label = f"{port} ({found.input_units[port]})"
        shown.append(Panel(curves=(signal,), label=label, height=0.7))
    shown += [_panel(found, p) for p in panels]
    shown.append(_panel(found, (protocol.weight,)))
    return Column(tuple(shown), width=width, limits=(0.0, protocol.end))


def _traces_of(model: LoadedModel, weight: str) -> tuple[tuple[str, ...], ...]:
    """Return the first traces beside the weight, for a model nothing is known about."""
    names = [n for n in model.recordables if n != weight and "before" not in n]
    return (tuple(names[:3]),) if names else ()


def _panel(found: Run, names: Sequence[str]) -> Panel:
    unit = found.units[names[0]]
    curves = tuple(Curve(n, found.times, found[n]) for n in names)
    return Panel(curves=curves, label=labelled(names, unit), height=0.75)


def _with_unit(model: LoadedModel, name: str) -> str:
    unit = model.units[name]
    return name if unit == "1" else f"{name} ({unit})"


def _said(protocol: Protocol) -> str:
    changed = {**protocol.parameters, **protocol.initial}
    return ", ".join(f"{n} = {v}" for n, v in changed.items())


# Effects


def effects(model: LoadedModel, *protocols: tuple[str, Protocol]) -> Portrait:
    """Return what a synapse hands on of a train of spikes, in a column for each protocol."""
    columns = []
    for title, protocol in protocols:
        train = protocol.train
        names = [n for p in protocol.panels for n in p]
        end = train[-1] + 200.0
        found = run(model, end, {PRE: train}, protocol, names)
        weights = np.zeros(0) if found.weights is None else found.weights
        sent = Curve("", found.spikes, points(weights), Style.BARS)
        panels = [
            Panel(trains=(Train(PRE, points(train)),), title=title),
            Panel(curves=(sent,), label="weight sent", zero=True),
            *(_panel(found, p) for p in protocol.panels),
        ]
        columns.append(Column(tuple(panels), limits=(0.0, end)))
    said = "; ".join(p.said for _, p in protocols if p.said)
    return Portrait(model.name, said, tuple(columns))


def automatic(model: LoadedModel) -> Portrait:
    """Return a portrait of a synapse that nothing is known about."""
    ports = model.spike_ports
    if PRE in ports and POST in ports and model.recordables:
        weight = "w" if "w" in model.recordables else model.recordables[0]
        return pairing(model, Protocol(weight=weight))
    names = [n for n in model.recordables if model.units[n] == "1"][:3]
    panels = (tuple(names),) if names else ()
    return effects(model, ("", Protocol(panels=panels)))


def effects_of(
    model: LoadedModel,
    protocols: Mapping[str, Mapping[str, Any]],
    panels: tuple[tuple[str, ...], ...] = (),
    train: tuple[float, ...] = TRAIN,
) -> Portrait:
    """Return the effects of a train for several sets of parameters, by title."""
    chosen = [(t, Protocol(parameters=p, panels=panels, train=train)) for t, p in protocols.items()]
    return effects(model, *chosen)


# Rules with a course of their own


def triplets(model: LoadedModel) -> Portrait:
    """Return how the change by pairs of spikes depends on their frequency.

    Pfister & Gerstner (2006), J. Neurosci. 26:9673-9682, figure 1: pairs at intervals of +-10 ms.
    """
    frequencies = points([0.1, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0])
    protocol = Protocol()
    number = 20
    curves = []
    for lag, label in ((10.0, "pre first"), (-10.0, "post first")):
        changes = []
        for f in frequencies:
            pre = 20.0 + np.arange(number) * 1000.0 / f
            end = float(pre[-1]) + 100.0
            found = _sparse(model, {PRE: list(pre), POST: list(pre + lag)}, end)
            changes.append(found)
        curves.append(Curve(label, frequencies, points(changes), Style.POINTS))
    left = Panel(
        curves=tuple(curves),
        label=f"change of {_with_unit(model, 'w')}",
        zero=True,
        title=f"{number} pairs, 10 ms apart",
        height=1.9,
    )
    columns = (
        Column((left,), across="frequency of pairs (Hz)"),
        course(model, replace(protocol, panels=(("tr_r1", "tr_r2"), ("tr_o1", "tr_o2"))), 1.6),
    )
    return Portrait(model.name, "", columns)


def _sparse(model: LoadedModel, spikes: Mapping[str, Sequence[float]], end: float) -> float:
    """Return the change of the weight in a run with long steps: events have times of their own."""
    protocol = Protocol()
    found = model.simulate(
        end,
        1.0,
        spikes={p: [round(t) for t in times] for p, times in spikes.items()},
        record=["w"],
        parameters=protocol.parameters,
        backend=BACKEND,
        progress=False,
    )
    return float(found["w"][-1] - found["w"][0])


def rewarded(model: LoadedModel) -> Portrait:
    """Return how a reward after a while turns eligibility into weight."""
    protocol = Protocol(
        panels=(("c",), ("n",)),
        pre=(100.0, 1600.0),
        post=(110.0, 1590.0),
        further={"mod_spikes": [400.0, 1900.0]},
        end=3000.0,
        initial={"w": 100.0},
        said="pre before post, then post before pre, each rewarded 300 ms later",
    )
    return Portrait(model.name, protocol.said, (course(model, protocol),))


def voltage(model: LoadedModel) -> Portrait:
    """Return plasticity by a potential with spikes and afterdepolarisations at given times."""
    protocol = Protocol(panels=(("u_minus", "u_plus"), ("x_bar",)))
    pre, post = (tuple(sorted(times)) for times in zip(*PAIRED, strict=True))
    signal = {"V": _spiking(post, 350.0)}
    protocol = replace(protocol, pre=pre, post=post, end=350.0, currents=signal)
    frequencies = points([1.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0])
    curves = []
    for lag, label in ((10.0, "pre first"), (-10.0, "post first")):
        changes = []
        for f in frequencies:
            pre = 20.0 + np.arange(5) * 1000.0 / f
            end = float(pre[-1]) + 100.0
            signal = {"V": _spiking([float(t) + lag for t in pre], end)}
            found = run(model, end, {PRE: list(pre)}, Protocol(), ["w"], currents=signal)
            changes.append(found["w"][-1] - found["w"][0])
        curves.append(Curve(label, frequencies, points(changes), Style.POINTS))
    left = Panel(
        curves=tuple(curves),
        label="change of w",
        zero=True,
        title="5 pairs, 10 ms apart",
        height=1.9,
    )
    columns = (
        Column((left,), across="frequency of pairs (Hz)"),
        course(model, protocol, 1.6),
    )
    return Portrait(model.name, "V: spikes of 1 ms, then a slow decay to rest", columns)


def _spiking(spikes: Sequence[float], end: float) -> tuple[list[float], list[float]]:
    """Return a potential at rest at -70.6 mV, with spikes of 1 ms to 33 mV, then from -50 mV."""
    times = np.arange(0.0, end, 0.1)
    values = np.full(len(times), -70.6)
    for t in spikes:
        since = times - t
        after = since >= 1.0
        values[after] = -70.6 + 20.6 * np.exp(-(since[after] - 1.0) / 20.0)
        values[(since >= 0.0) & (since < 1.0)] = 33.0
    return times.tolist(), values.tolist()


def structural(model: LoadedModel) -> Portrait:
    """Return how permanence grows until the synapse is mature, and homeostasis stops it."""
    pre = tuple(50.0 + 150.0 * k for k in range(10))
    protocol = Protocol(
        weight="w",
        panels=(("pre_trace",), ("permanence",)),
        parameters={"lambda_plus": 0.05, "lambda_minus": 0.01, "lambda_h": 0.02},
        pre=pre,
        post=tuple(t + 20.0 for t in pre),
        end=1550.0,
        currents={"dAP_trace": ([0.0, 900.0], [0.0, 3.0])},
        said="pairs 20 ms apart; dAP_trace above its target from 900 ms on",
    )
    return Portrait(model.name, protocol.said, (course(model, protocol),))
