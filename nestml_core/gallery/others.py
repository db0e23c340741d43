"""Portraits of neurons with many faces, of rate neurons, of clocks and of astrocytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nestml_core.gallery.calibration import BACKEND
from nestml_core.gallery.neurons import labelled
from nestml_core.loading import LoadedModel
from nestml_core.portrait import Column, Curve, Panel, Portrait, Style, Train, points
from nestml_core.results import Run

ONSET = 20.0
"""When a step of current begins, in ms."""


def _run(model: LoadedModel, duration: float, dt: float = 0.1, **given: Any) -> Run:
    return model.simulate(duration, dt, backend=BACKEND, progress=False, **given)


def variants(
    model: LoadedModel,
    name: str | tuple[str, ...],
    variants: Mapping[str, Mapping[str, Any]],
    current: float,
    end: float,
) -> Portrait:
    """Return the answers to one step of current with several sets of parameters."""
    names = (name,) if isinstance(name, str) else name
    panels: list[Panel] = []
    for title, parameters in variants.items():
        run = _run(
            model,
            end,
            parameters=parameters,
            currents={"I_stim": ([0.0, ONSET], [0.0, current])},
            record=list(names),
        )
        curves = tuple(Curve(n, run.times, run[n]) for n in names)
        label = labelled(names, run.units[names[0]])
        panels.append(
            Panel(curves=curves, label=label, title=title, spikes=run.spikes, labelled=False)
        )
    half = (len(panels) + 1) // 2
    columns = [Column(tuple(p), limits=(0.0, end)) for p in (panels[:half], panels[half:])]
    unit = model.units["I_stim"]
    said = f"I_stim: {current:g} {unit} from {ONSET:g} ms"
    shown = f"{' and '.join(names)}; " if len(names) > 1 else ""
    return Portrait(model.name, shown + said, tuple(columns))


def clockwork(model: LoadedModel) -> Portrait:
    """Return the phase of a neuron that fires by itself, for three rates."""
    panels = []
    for rate in (10.0, 25.0, 60.0):
        run = _run(
            model,
            300.0,
            parameters={"firing_rate": rate},
            initial={"phase": 0.25},
            record=["phase_steps"],
        )
        curve = Curve("", run.times, run["phase_steps"])
        panels.append(
            Panel(curves=(curve,), label="phase_steps", title=f"{rate:g} Bq", spikes=run.spikes)
        )
    column = Column(tuple(panels), limits=(0.0, 300.0))
    return Portrait(model.name, "at three rates, from phase 0.25", (column,))


def point_process(model: LoadedModel) -> Portrait:
    """Return trains of a source of random spikes, while its rate goes in steps."""
    port = model.continuous_ports[0]
    signal = ([0.0, 200.0, 400.0, 700.0], [0.0, 20.0, 100.0, 10.0])
    runs = [_run(model, 1000.0, currents={port: signal}, seed=k) for k in range(1, 13)]
    values = runs[0].inputs[port]
    grid = points(np.arange(len(values)) * 0.1)
    driven = Panel(
        curves=(Curve("", grid, values, Style.STEPS),), label=f"{port} ({model.units[port]})"
    )
    trains = tuple(Train(f"seed {k}", r.spikes) for k, r in enumerate(runs, 1))
    column = Column((driven, Panel(trains=trains)), limits=(0.0, 1000.0))
    return Portrait(model.name, "", (column,))


def rate(model: LoadedModel) -> Portrait:
    """Return a rate neuron's answer to steps of input with and without noise, and its gain."""
    times, levels = [0.0, 50.0, 150.0, 250.0], [0.0, 2.0, -1.0, 0.0]
    signal = {"input_rate": (times, levels)}
    panels = []
    runs = [(s, _run(model, 350.0, currents=signal, parameters={"sigma": s})) for s in (0.2, 0.0)]
    inputs = runs[0][1].inputs["input_rate"]
    grid = points(np.arange(len(inputs)) * 0.1)
    panels.append(
        Panel(curves=(Curve("", grid, inputs, Style.STEPS),), label="input_rate", height=0.6)
    )
    curves = tuple(Curve(f"sigma = {s:g}", r.times, r["rate"]) for s, r in runs)
    panels.append(Panel(curves=curves, label="rate", height=1.5))
    left = Column(tuple(panels), width=1.9, limits=(0.0, 350.0))
    drive = np.linspace(-4.0, 4.0, 17)
    ends = [
        _run(model, 150.0, currents={"input_rate": float(x)}, parameters={"sigma": 0.0})["rate"][-1]
        for x in drive
    ]
    gain = Panel(
        curves=(Curve("", drive, points(ends), Style.POINTS),),
        label="rate",
        title="steady state",
        zero=True,
        height=1.9,
    )
    right = Column((gain,), across="input_rate")
    return Portrait(model.name, "", (left, right))


def calcium(model: LoadedModel) -> Portrait:
    """Return an astrocyte under a train of spikes for half a minute, in seconds."""
    end, step = 60_000.0, 2.0
    train = np.arange(5000.0, 35_000.0, 20.0)
    run = _run(model, end, step, spikes={"spikes": [(float(t), 5.0) for t in train]})
    seconds = points((run.times / 1000.0).tolist())
    shown = (("IP3",), ("Ca_astro",), ("h_IP3R",), ("I_SIC",))
    panels = [Panel(trains=(Train("spikes", points(list(train[::10] / 1000.0))),))]
    for names in shown:
        label = labelled(names, run.units[names[0]])
        curves = tuple(Curve(n, seconds, run[n]) for n in names)
        panels.append(Panel(curves=curves, label=label, height=0.8))
    column = Column(tuple(panels), across="time (s)", limits=(0.0, end / 1000.0))
    return Portrait(model.name, "spikes: 50 Hz, weight 5 (one in ten drawn)", (column,))
