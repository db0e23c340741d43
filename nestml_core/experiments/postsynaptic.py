"""The postsynaptic potential: what one spike does to a neuron."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from nestml_core.declared import unit_text
from nestml_core.experiment import FloatArray
from nestml_core.experiments.bench import (
    DOES_NOT_FIT,
    FIRES,
    Model,
    bench,
    named,
    neuron,
    potential,
    span,
)
from nestml_core.experiments.measurement import Measurement
from nestml_core.problems import refuse
from nestml_core.solved import SolvedModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class PSP(Measurement):
    """The response of a recorded quantity to one spike: what it is with the spike less without.

    Attributes
    ----------
    port : the port at which the spike arrives
    recorded : name of what responds
    weight : of the spike
    times : shape (steps,), ms after the arrival of the spike
    response : shape (steps,)
    baseline : shape (steps,), the quantity without the spike
    """

    port: str
    recorded: str
    weight: float
    times: FloatArray
    response: FloatArray
    baseline: FloatArray

    @property
    def peak_time(self) -> float:
        """When the response is largest, ms after the arrival of the spike.

        Between the steps it is where the parabola through the largest value and its neighbours
        has its vertex.
        """
        return self._vertex()[0]

    @property
    def amplitude(self) -> float:
        """The response at its peak; negative for an inhibitory one."""
        return self._vertex()[1]

    @property
    def rise_time(self) -> float:
        """The time from 10 % to 90 % of the peak, ms; linear between the steps."""
        k, share = self._shares()
        return self._crossing(share, 0.9, 0, k) - self._crossing(share, 0.1, 0, k)

    @property
    def half_width(self) -> float:
        """How long the response is above half of its peak, ms; nan if it has not come back."""
        k, share = self._shares()
        if (share[k:] > 0.5).all():
            return float("nan")
        end = k + int(np.argmax(share[k:] <= 0.5))
        return self._crossing(share, 0.5, end - 1, end) - self._crossing(share, 0.5, 0, k)

    def _shares(self) -> tuple[int, FloatArray]:
        """Return the place of the largest response, and the response in parts of the peak."""
        return int(np.abs(self.response).argmax()), self.response / (self.amplitude or 1.0)

    def _vertex(self) -> tuple[float, float]:
        k = int(np.abs(self.response).argmax())
        if not 0 < k < len(self.response) - 1:
            return float(self.times[k]), float(self.response[k])
        a, b, c = (float(y) for y in self.response[k - 1 : k + 2])
        bend = a - 2 * b + c
        if bend == 0 or (a == 0 and self.times[k - 1] <= 0):  # it jumps: the peak is a corner
            return float(self.times[k]), b
        shift = 0.5 * (a - c) / bend
        step = float(self.times[k + 1] - self.times[k])
        return float(self.times[k]) + shift * step, b - 0.25 * (a - c) * shift

    def _crossing(self, share: FloatArray, level: float, begin: int, end: int) -> float:
        """Return when the response first passes ``level`` between two places."""
        part = share[begin : end + 1]
        rises = part[-1] >= part[0]
        past = part >= level if rises else part <= level
        k = begin + int(np.argmax(past))
        if k == begin:
            return float(self.times[begin])
        y0, y1 = float(share[k - 1]), float(share[k])
        t0, t1 = float(self.times[k - 1]), float(self.times[k])
        return t0 + (level - y0) / (y1 - y0) * (t1 - t0)

    def columns(self) -> Mapping[str, FloatArray]:
        return {"t": self.times, "response": self.response, "baseline": self.baseline}

    def figure(self) -> Figure:
        from nestml_core import plotting

        return plotting.figure_of_psp(self)

    def summary(self) -> str:
        unit = self.units["response"]
        return f"{self.amplitude:.4g} {unit} after {self.peak_time:.4g} ms, from {self.port}"


def psp(
    model: Model,
    port: str | None = None,
    weight: float = 1.0,
    *,
    before: Any = 10.0,
    duration: Any = 100.0,
    dt: Any = 0.1,
    record: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    currents: Mapping[str, Any] | None = None,
    seed: int = 1,
    backend: str | None = None,
    progress: bool = True,
    **options: Any,
) -> PSP:
    """Measure what one spike does to the potential: two runs, with and without it.

    Parameters
    ----------
    port : at which the spike arrives; the first spike port of the model if None
    weight : of the spike
    before, duration : how long before and after its arrival the model runs, ms
    record : name of what responds; the membrane potential if None
    currents : into the continuous ports, in both runs
    dt, parameters, initial, seed, backend, progress, options : as ``Model.simulate``

    Raises
    ------
    ModelError : the model has no spike port, it fires, a value does not fit, or a run went wrong.
    """
    ready = bench(model, dt, parameters, backend, options, progress=progress)
    solved = ready.model.solved
    neuron(solved)
    entry, observed = _spike_port(solved, port), potential(solved, record)
    first, after, _ = span(before, duration)
    arrival = max(1, round(first / ready.dt)) * ready.dt
    what = {
        "record": [observed.name],
        "initial": initial or {},
        "currents": currents or {},
        "seed": seed,
    }
    length = arrival + after
    silent = ready.run(length, **what)
    struck = ready.run(length, spikes={entry: [(arrival, weight)]}, **what)
    for run, help in (
        (silent, "it fires without the spike, too: change its parameters or currents"),
        (struck, "use a smaller weight"),
    ):
        if len(run.spikes):
            refuse(FIRES, f"`{solved.name}` fires at {run.spikes[0]:g} ms", help)
    unit = unit_text(observed)
    return PSP(
        model=solved.name,
        backend=ready.backend,
        units=MappingProxyType({"t": "ms", "response": unit, "baseline": unit, "weight": "1"}),
        port=entry,
        recorded=observed.name,
        weight=float(weight),
        times=np.round(silent.times - arrival, 9),
        response=struck[observed.name] - silent[observed.name],
        baseline=silent[observed.name],
    )


def _spike_port(model: SolvedModel, name: str | None) -> str:
    ports = [p.symbol for p in model.spike_ports]
    if name is not None:
        return named(name, ports, model, "spike port").name
    if not ports:
        refuse(DOES_NOT_FIT, f"`{model.name}` has no port for spikes")
    return ports[0].name
