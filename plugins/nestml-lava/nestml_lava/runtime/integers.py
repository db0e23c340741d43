"""Populations in whole numbers: what they have in common, beside what all populations do.

Lava executes this file for itself when it looks for models: it imports none of its neighbours.
"""

import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import SimpleNamespace
from typing import Any

import numpy as np
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var


@dataclass(frozen=True)
class Integers:
    """What a population in whole numbers has, by name.

    A variable has the value ``whole / scale + offset``, in its declared unit; a weight w at a port
    is the message ``rint(w * scale)``, of a magnitude of at most ``largest``.
    """

    name: str
    dt: float
    initial: Mapping[str, int]
    formats: Mapping[str, tuple[float, float]]
    """For each variable of the model its scale and offset."""
    limits: Mapping[str, int]
    ports: Mapping[str, tuple[float, int]]
    held: Mapping[str, str]
    """For each continuous port the variable that keeps its value."""
    partners: Mapping[str, str]
    step: Any
    baked: tuple[str, ...]
    """The parameters that the numbers are made for."""

    @property
    def settable(self) -> tuple[str, ...]:
        return tuple(self.initial)

    @property
    def recordable(self) -> tuple[str, ...]:
        return (*self.initial, "spike")

    def check_names(self, what: str, names: Any, choices: tuple[str, ...]) -> None:
        """Raise TypeError, with a suggestion, if one of ``names`` is no choice."""
        for name in names:
            if name in choices:
                continue
            if name in self.baked:
                raise TypeError(
                    f"{self.name}: the whole numbers are made for one {name}; build for another "
                    f"with the option values={name}=..."
                )
            close = get_close_matches(name, choices, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(choices)}"
            raise TypeError(f"{self.name} has no {what} {name!r}; {hint}")


class Wholes(SimpleNamespace):
    """The whole numbers of a population: arrays of its shape."""

    def __init__(self, name: str, shape: Any, dt: float) -> None:
        shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        if not shape or any(n < 1 for n in shape):
            raise ValueError(f"{name}: a population of shape {shape}")
        super().__init__(name=name, shape=shape, dt=float(dt), everyone=np.ones(shape, bool))
        self.emitted = np.zeros(shape, np.int32)


def emit(v: Any, active: Any) -> None:
    """Send a spike at the end of the step."""
    v.emitted = v.emitted + active


def events(v: Any, messages: Any) -> Any:
    """Return which neurons receive an event, and the messages."""
    return messages != 0, messages


class IntegerPopulation(AbstractProcess):  # type: ignore[misc]
    """What the processes of all models in whole numbers have in common."""

    INTERFACE: Integers
    TAG = "fixed_pt"
    _runtime = None  # Lava's __del__ asks for it even where __init__ has failed

    def _prepare(
        self, shape: Any, dt: Any, recorder: Any, name: Any, log_config: Any, values: Any
    ) -> Any:
        """Check what is given, initialise the process, and return the values at the start."""
        own = self.INTERFACE
        own.check_names("variable", values, own.settable)
        if dt is not None and abs(dt - own.dt) > 1e-12 * own.dt:
            raise ValueError(
                f"{own.name}: the whole numbers are made for steps of {own.dt:g} ms, not {dt:g}"
            )
        v = Wholes(own.name, shape, own.dt)
        for variable, initial in own.initial.items():
            whole = np.full(v.shape, initial, np.int64)
            if variable in values:
                whole = self.to_whole(variable, np.broadcast_to(values[variable], v.shape))
            setattr(v, variable, whole)
        if recorder is not None:
            own.check_names("recordable", recorder.names, own.recordable)
            recorder.create({x: v.shape for x in recorder.names})
        super().__init__(
            shape=v.shape, dt=v.dt, recorder=recorder, name=name, log_config=log_config
        )
        return v

    def to_physical(self, variable: str, whole: Any) -> Any:
        """Return whole numbers as values of a variable, in its declared unit."""
        scale, offset = self.INTERFACE.formats.get(variable, (1.0, 0.0))
        return np.asarray(whole) / scale + offset

    def to_whole(self, variable: str, values: Any) -> Any:
        """Return values of a variable, in its declared unit, as whole numbers."""
        scale, offset = self.INTERFACE.formats.get(variable, (1.0, 0.0))
        whole = np.rint((np.asarray(values, float) - offset) * scale)
        limit = self.INTERFACE.limits[variable]
        if not (np.abs(whole) <= limit).all():
            raise ValueError(
                f"{self.INTERFACE.name}: {variable} goes from {-limit / scale + offset:g} to "
                f"{limit / scale + offset:g}"
            )
        return whole.astype(np.int64)

    def quantised(self, port: str, weights: Any) -> Any:
        """Return weights, or values of a current, as messages of a port."""
        scale, largest = self.INTERFACE.ports[port]
        whole = np.rint(np.asarray(weights, float) * scale)
        if not (np.abs(whole) <= largest).all():
            raise ValueError(
                f"{self.INTERFACE.name}.{port} takes up to {abs(largest / scale):g}: build for "
                "larger weights with the option weight=..."
            )
        return whole


def whole_variable(v: Any, whole: Any) -> Any:
    """Return a ``Var`` of whole numbers for every neuron."""
    return Var(shape=v.shape, init=np.array(np.broadcast_to(whole, v.shape)))


class IntegerModel(PyLoihiProcessModel):  # type: ignore[misc]
    """How populations run on a CPU, in whole numbers of 64 bits cut to those of the format."""

    INTERFACE: Integers

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._population = Wholes(self.INTERFACE.name, proc_params["shape"], proc_params["dt"])
        self._files: Any = None
        self._every = 1

    def run_spk(self) -> None:
        """Run one time step."""
        try:
            self._run_step()
        except BaseException:
            traceback.print_exc()  # Lava's runtime says only that there was an exception
            sys.stderr.flush()
            raise

    def _run_step(self) -> None:
        v, own = self._population, self.INTERFACE
        received = {port: _whole(getattr(self, port).recv()) for port in own.ports}
        for port, message in received.items():
            held = own.held.get(port)
            setattr(v, port, message if held is None else getattr(self, held))
        for name in own.initial:
            setattr(v, name, getattr(self, name).copy())
        v.emitted = np.zeros(v.shape, np.int32)
        own.step(v)
        for name in own.initial:
            getattr(self, name)[...] = getattr(v, name)
        for port, held in own.held.items():
            getattr(self, held)[...] = received[port]
        self._record()
        self.spike.send(v.emitted)

    def _record(self) -> None:
        recorder = self.proc_params["recorder"]
        if self._files is None:
            self._files = {} if recorder is None else recorder.open()
            self._every = 1 if recorder is None else recorder.every
        row, rest = divmod(self.time_step, self._every)
        if rest:
            return
        for name, rows in self._files.items():
            if row <= len(rows):
                rows[row - 1] = self._value(name)

    def _value(self, name: str) -> Any:
        if name == "spike":
            return self._population.emitted
        scale, offset = self.INTERFACE.formats.get(name, (1.0, 0.0))
        return getattr(self, name) / scale + offset


def _whole(message: Any) -> Any:
    return np.rint(message).astype(np.int64)
