"""What a simulation yields, and the forms it can be taken away in."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from nestml_core.declared import declared_value, unit_text
from nestml_core.diagnostics import Diagnostic
from nestml_core.experiment import FloatArray, IntArray, Schedule, Trace
from nestml_core.files import whole_file
from nestml_core.optional import optional

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Run:
    """What a simulation yielded, in the declared units of the model.

    ``run["V_m"]`` is the array of what was recorded of ``V_m``, of shape (steps,): its values at
    ``run.times``, the ends of the steps.

    Attributes
    ----------
    model : name of the model
    schedule : what was put in, on the grid of steps, in coherent units
    trace : what came out
    reason : why this backend was taken
    diagnostics : warnings, and messages of the model
    """

    model: str
    schedule: Schedule
    trace: Trace
    reason: str
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def inputs(self) -> Mapping[str, FloatArray]:
        """The signal of each continuous port, in its unit: the value that held in each step."""
        currents = self.schedule.currents
        return MappingProxyType({p.name: declared_value(p, x) for p, x in currents.items()})

    @property
    def input_units(self) -> Mapping[str, str]:
        """The unit of each continuous port, by name."""
        return MappingProxyType({p.name: unit_text(p) for p in self.schedule.currents})

    def __getitem__(self, name: str) -> FloatArray:
        return self.trace[name]

    def __repr__(self) -> str:
        n = len(self.spikes)
        end = self.trace.steps * self.trace.dt
        recorded = ", ".join(f"{x} ({u})" for x, u in self.units.items()) or "nothing recorded"
        spikes = f"{n} spike{'' if n == 1 else 's'}"
        return f"<run of {self.model} on {self.backend}: {end:g} ms, {spikes}; {recorded}>"

    def _repr_mimebundle_(self, **_: Any) -> Mapping[str, Any]:
        from nestml_core.notebook import of_picture

        return of_picture(repr(self), self.plot)

    @property
    def backend(self) -> str:
        """The backend that ran the model."""
        return self.trace.backend

    @property
    def recorded(self) -> tuple[str, ...]:
        """The names of what was recorded."""
        return tuple(self.trace.values)

    @property
    def units(self) -> Mapping[str, str]:
        """The unit of each recorded array, by name."""
        return self.trace.units

    @property
    def times(self) -> FloatArray:
        """The ends of the steps, in ms; shape (steps,)."""
        return self.trace.times

    @property
    def spikes(self) -> FloatArray:
        """The times of the spikes that the model emitted, in ms."""
        return self.trace.spikes

    @property
    def weights(self) -> FloatArray | None:
        """The weights of the spikes that the model emitted; None if the backend does not tell.

        What a neuron's spikes weigh is a matter of its connections; these are for synapses.
        """
        return self.trace.spike_weights

    @property
    def spike_steps(self) -> IntArray:
        """The steps, counted from 1, in which the model emitted spikes."""
        return self.trace.spike_steps

    def plot(
        self, path: str | Path | None = None, *, what: str | Sequence[str] | None = None
    ) -> Figure:
        """Return a Matplotlib figure of input, recorded traces and spikes.

        Parameters
        ----------
        path : also write it there; the suffix gives the format
        what : names of what was recorded, of input ports, and ``"spikes"`` for what was emitted
            (and for a port that is called so), in any number; if None all of that, except whole
            numbers and truth values such as counters of refractory steps

        Raises
        ------
        ImportError : Matplotlib is not installed.
        KeyError : there is nothing of that name.
        """
        optional("matplotlib")
        from nestml_core import plotting

        return plotting.saved(plotting.figure_of_run(self, what), path)

    def phase_plane(self, x: str, y: str, path: str | Path | None = None) -> Figure:
        """Return a Matplotlib figure of one recorded quantity against another over time.

        The nullclines and the vector field around such a path are
        ``nestml_core.experiments.phase_plane``.

        Parameters
        ----------
        x, y : names of what was recorded
        path : also write the figure there

        Raises
        ------
        ImportError : Matplotlib is not installed.
        KeyError : one of them was not recorded.
        """
        optional("matplotlib")
        from nestml_core import plotting

        return plotting.saved(plotting.figure_of_path(self, x, y), path)

    def to_frame(self) -> Any:
        """Return a pandas ``DataFrame``: one row a step, indexed by time in ms.

        The units are in ``frame.attrs["units"]``, the spike times in ``frame.attrs["spikes"]``.

        Raises
        ------
        ImportError : pandas is not installed.
        """
        pandas = optional("pandas")
        frame = pandas.DataFrame(dict(self.trace.values), index=pandas.Index(self.times, name="t"))
        frame.attrs["units"] = {"t": "ms", **self.units}
        frame.attrs["spikes"] = self.spikes.tolist()
        return frame

    def to_xarray(self) -> Any:
        """Return an xarray ``Dataset``: a variable for each recorded name, over ``t`` in ms.

        The unit of each variable and coordinate is its attribute ``units``; the times of the
        spikes are the variable ``spikes``, over a dimension of their own.

        Raises
        ------
        ImportError : xarray is not installed.
        """
        xarray = optional("xarray")
        variables = {
            name: ("t", values, {"units": self.units[name]})
            for name, values in self.trace.values.items()
        }
        if "spikes" not in variables:
            variables["spikes"] = ("spike", self.spikes, {"units": "ms"})
        attributes = {"model": self.model, "backend": self.backend, "dt": self.trace.dt}
        return xarray.Dataset(
            variables, coords={"t": ("t", self.times, {"units": "ms"})}, attrs=attributes
        )

    def to_neo(self) -> Any:
        """Return a Neo ``Segment``: a signal for each recorded name, and a spike train.

        Units that Neo does not know are in the annotation ``unit`` of a dimensionless signal.

        Raises
        ------
        ImportError : neo is not installed.
        """
        neo, quantities = optional("neo"), optional("quantities")
        end = self.trace.steps * self.trace.dt
        segment = neo.Segment(name=self.model)
        for name, values in self.trace.values.items():
            signal = neo.AnalogSignal(
                values,
                units=_neo_unit(quantities, self.units[name]),
                t_start=self.trace.dt * quantities.ms,
                sampling_period=self.trace.dt * quantities.ms,
                name=name,
                unit=self.units[name],
            )
            segment.analogsignals.append(signal)
        train = neo.SpikeTrain(self.spikes, units="ms", t_stop=end * quantities.ms, name=self.model)
        segment.spiketrains.append(train)
        return segment

    def to_csv(self, path: str | Path) -> None:
        """Write time, recorded values and number of spikes, one row a step.

        The heading gives names and units. Numbers are written in full: they read back the same.
        """
        emitted = np.bincount(self.spike_steps, minlength=self.trace.steps + 1)[1:]
        columns = [self.times.tolist(), *(x.tolist() for x in self.trace.values.values())]
        heading = ["t (ms)", *(f"{name} ({unit})" for name, unit in self.units.items()), "spikes"]
        rows = zip(*columns, emitted.tolist(), strict=True)
        with whole_file(path) as stage, open(stage, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(heading)
            writer.writerows(rows)


def _neo_unit(quantities: Any, unit: str) -> Any:
    if unit == "1":
        return quantities.dimensionless
    try:
        return quantities.Quantity(1.0, unit.replace("Ohm", "ohm")).units
    except LookupError:
        return quantities.dimensionless
