"""The f-I curve: how fast a neuron fires for a constant current."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from nestml_core.declared import unit_text
from nestml_core.experiment import FloatArray, IntArray
from nestml_core.experiments.bench import (
    DOES_NOT_FIT,
    Model,
    bench,
    current_input,
    input_of,
    neuron,
    numbers,
    time,
)
from nestml_core.experiments.measurement import Measurement
from nestml_core.model import Output
from nestml_core.problems import refuse
from nestml_core.progress import tracked

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, repr=False)
class FICurve(Measurement):
    """Rates of firing by current.

    Attributes
    ----------
    port : the port, or parameter, that the current flows through
    currents : shape (n,), in the unit of the port
    rates : shape (n,), Hz: one over the mean interval between the spikes after the settling time,
        0 where there are less than two
    counts : shape (n,): how many spikes there were after the settling time
    latencies : shape (n,), ms: the time of the first spike of all; not a number where there is none
    """

    port: str
    currents: FloatArray
    rates: FloatArray
    counts: IntArray
    latencies: FloatArray

    @property
    def rheobase(self) -> float:
        """The smallest of the currents with which the neuron keeps firing; nan if none does."""
        firing = self.currents[self.rates > 0]
        return float(firing.min()) if len(firing) else float("nan")

    def columns(self) -> Mapping[str, FloatArray]:
        return {
            "current": self.currents,
            "rate": self.rates,
            "spikes": self.counts.astype(float),
            "latency": self.latencies,
        }

    def figure(self) -> Figure:
        from nestml_core import plotting

        return plotting.figure_of_f_i_curve(self)

    def summary(self) -> str:
        fastest = float(self.rates.max(initial=0.0))
        return f"up to {fastest:.4g} Hz at {len(self.currents)} currents through {self.port}"


def f_i_curve(
    model: Model,
    currents: Any,
    *,
    duration: Any = 1000.0,
    settle: Any = 200.0,
    dt: Any = 0.1,
    port: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    seed: int = 1,
    backend: str | None = None,
    progress: bool = True,
    **options: Any,
) -> FICurve:
    """Measure the rate of firing for each of several constant currents.

    Each current flows from the beginning of a run of its own. Code is generated and compiled once.

    Parameters
    ----------
    currents : in the unit of the port, or quantities
    duration : of each run, ms
    settle : spikes up to that time, in ms, do not count
    port : the continuous port, or the parameter, for the current; None for the only port for a
        current, or the parameter ``I_e``
    dt, parameters, initial, seed, backend, progress, options : as ``Model.simulate``

    Raises
    ------
    ModelError : the model has no such port, a value does not fit, or a run went wrong.
    """
    ready = bench(model, dt, parameters, backend, options, progress=progress)
    solved = ready.model.solved
    neuron(solved)
    if solved.output is not Output.SPIKE:
        refuse(DOES_NOT_FIT, f"`{solved.name}` emits no spikes")
    symbol = current_input(solved, port)
    levels = numbers(currents, symbol, "currents")
    length, begin = time(duration, "duration"), time(settle, "settle")
    if begin < 0 or length <= 0:
        message = f"duration ({length:g} ms) must be above 0, settle ({begin:g} ms) not below"
        refuse(DOES_NOT_FIT, message)
    if begin >= length:
        message = f"no spike counts: settle ({begin:g} ms) is not before the end ({length:g} ms)"
        refuse(DOES_NOT_FIT, message, "make the duration longer, or give `settle=0`")
    trains = [
        ready.run(
            length,
            record=[],
            initial=initial or {},
            seed=seed,
            **input_of(symbol, level, solved),
        ).spikes
        for level in tracked(levels.tolist(), "f-I curve", wanted=progress)
    ]
    counted = [t[t > begin] for t in trains]
    return FICurve(
        model=solved.name,
        backend=ready.backend,
        units=MappingProxyType(
            {"current": unit_text(symbol), "rate": "Hz", "spikes": "1", "latency": "ms"}
        ),
        port=symbol.name,
        currents=levels,
        rates=np.array([_rate(t) for t in counted]),
        counts=np.array([len(t) for t in counted], dtype=np.int64),
        latencies=np.array([t[0] if len(t) else np.nan for t in trains]),
    )


def _rate(spikes: FloatArray) -> float:
    """Return one over the mean interval, in Hz."""
    if len(spikes) < 2 or spikes[-1] == spikes[0]:
        return 0.0
    return 1000.0 * (len(spikes) - 1) / float(spikes[-1] - spikes[0])
