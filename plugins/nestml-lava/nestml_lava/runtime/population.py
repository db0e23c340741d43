"""Populations of neurons as Lava processes: what all models have in common.

Lava executes this file for itself when it looks for models: it imports none of its neighbours.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import SimpleNamespace
from typing import Any

import numpy as np
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var


@dataclass(frozen=True)
class Interface:
    """What a population has, by name, and the functions that compute it.

    Numbers are the sizes of declared units in coherent ones: ms, mV, pA, hence nS, pF, GOhm.
    """

    name: str
    parameters: Mapping[str, float]
    state: Mapping[str, float]
    inlines: Mapping[str, float]
    """What is computed in every step for the sake of recording."""
    held: Mapping[str, tuple[str, float]]
    """For each continuous port the variable that keeps its value, and the size of its unit."""
    spike_ports: tuple[str, ...]
    partners: Mapping[str, str]
    """Excitatory and inhibitory ports that belong together: both take weights >= 0."""
    finite: frozenset[str]
    """What equations advance, and must stay finite."""
    sends: str
    """What is sent as ``spike``: ``counts``, ``weights``, or nothing."""
    outputs: Mapping[str, str]
    """For each further out-port the variable it sends."""
    set_parameters: Callable[[Any, Any], None]
    check_bounds: Callable[[Any], None]
    derive: Callable[[Any], None]
    """Computes what depends on parameters and the step size only."""
    begin: Callable[[Any, Any], None]
    """Sets the state at the start."""
    step: Callable[[Any], None]
    compute_inlines: Callable[[Any], None]
    check_sizes: Callable[[Any], None]
    """Checks that nobody has changed what vectors are as long as."""

    @property
    def settable(self) -> tuple[str, ...]:
        held = (name for name, _ in self.held.values())
        return (*self.parameters, *self.state, *held)

    @property
    def recordable(self) -> tuple[str, ...]:
        return (*self.settable, *self.inlines, *(("spike",) if self.sends else ()))

    @property
    def in_ports(self) -> tuple[str, ...]:
        return (*self.spike_ports, *self.held)

    def check_names(self, what: str, names: Iterable[str], choices: tuple[str, ...]) -> None:
        """Raise TypeError, with a suggestion, if one of ``names`` is no choice."""
        for name in names:
            if name not in choices:
                close = get_close_matches(name, choices, 1)
                listed = ", ".join(choices) or "none"
                hint = f"did you mean {close[0]!r}?" if close else f"there are: {listed}"
                raise TypeError(f"{self.name} has no {what} {name!r}; {hint}")


@dataclass(frozen=True)
class Recorder:
    """Write variables to ``<directory>/<name>.npy`` at the end of each step.

    Each file is an array of shape (steps, *shape), in the units of the process; row k - 1 is step
    k, steps beyond ``steps`` are not recorded. ``spike`` is the number of spikes of each neuron. A
    vector has its elements in front: (steps, n, *shape). With ``every``, only one step in so many
    is recorded, in ``steps // every`` rows.
    """

    directory: str
    names: tuple[str, ...]
    steps: int
    every: int = 1

    def __post_init__(self) -> None:
        if self.every < 1 or self.every != int(self.every):
            raise ValueError(f"Recorder: every must be a whole number from 1 on, not {self.every}")

    @property
    def rows(self) -> int:
        return max(0, self.steps // self.every)

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name + ".npy")

    def create(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Create the files, filled with zeros."""
        for name, shape in shapes.items():
            if self.rows > 0:
                np.lib.format.open_memmap(self.path(name), "w+", float, (self.rows, *shape))
            else:
                np.save(self.path(name), np.zeros((0, *shape)))

    def open(self) -> dict[str, Any]:
        """Return the files by name, as arrays to write to."""
        if self.rows == 0:
            return {}
        return {name: np.load(self.path(name), mmap_mode="r+") for name in self.names}


class Values(SimpleNamespace):
    """The values of a population: arrays in coherent units, of its shape or shape (1, ..., 1).

    A vector is an array of shape (n, *shape).
    """

    def __init__(self, name: str, shape: Any, dt: float, seed: Any) -> None:
        shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        if not shape or any(n < 1 for n in shape):
            raise ValueError(f"{name}: a population of shape {shape}")
        if not 0.0 < dt < np.inf:
            raise ValueError(f"{name}: dt must be positive and finite, not {dt}")
        super().__init__(name=name, shape=shape, dt=float(dt), everyone=np.ones(shape, bool))
        self.resolution = float(dt)
        self.member = "neuron"
        self.emissions: list[Any] | None = None
        """The weights emitted, one after the other, where they are wanted."""
        self.numbers: Any = None
        """Which ones these are, where they are not all: synapses with an event."""
        self.generator = np.random.default_rng(seed)
        self.histories: dict[str, Any] = {}
        self.enter(0)

    def enter(self, step: int) -> None:
        """Begin a time step."""
        self.step_number = step
        self.t = step * self.dt
        self.loop_passes = 0
        self.emitted = np.zeros(self.shape, np.int32)
        self.emitted_weight = np.zeros(self.shape)

    def copy(self) -> "Values":
        """Return a population of its own, with the same values, in which variables can move."""
        new = Values.__new__(Values)
        vars(new).update(vars(self))
        return new

    def place(self, mask: Any) -> Any:
        """Return the index of the first neuron in ``mask``."""
        mask = np.broadcast_to(mask, self.shape)
        index = [int(i) for i in np.argwhere(mask)[0]]
        if self.numbers is not None:
            return int(self.numbers[index[0]])
        return index[0] if len(index) == 1 else tuple(index)

    def guard(self, name: str, holds: Any, text: str) -> None:
        """Raise ValueError unless a bound of ``name`` holds for all neurons."""
        fails = ~(self.everyone & holds)
        if fails.any():
            where = self.place(fails)
            raise ValueError(
                f"{self.name}: {name} of {self.member} {where} violates its bound: {text}"
            )

    def unchanged(self, name: str, length: float) -> None:
        """Raise ValueError if the parameter ``name`` is no longer ``length``."""
        if (getattr(self, name) != length).any():
            raise ValueError(f"{self.name}: {name} is {length:g}, a size, and has to stay that")


class Given:
    """The values given for parameters and state, by name."""

    def __init__(self, name: str, values: Mapping[str, Any], shape: tuple[int, ...]) -> None:
        self.name = name
        self.values = values
        self.shape = shape

    def __call__(
        self, name: str, default: Any, factor: float = 1.0, kind: type = float, size: Any = None
    ) -> Any:
        """Return the values of ``name`` in coherent units, in the population's shape.

        A vector of ``size`` elements has the shape (size, *shape); it can be given as one number,
        or as ``size`` numbers, which are those of each neuron.
        """
        shape = self.shape
        if size is not None:
            length = int(np.asarray(size).flat[0])
            if (np.asarray(size) != length).any() or length < 1:
                raise ValueError(f"{self.name}: {name}: all neurons have vectors of one length")
            shape = (length, *shape)
        if name not in self.values:
            return _full(default, kind, shape)
        try:
            value = np.asarray(self.values[name], bool if kind is bool else float)
            if size is not None and value.ndim == 1 and len(value) == shape[0]:
                value = value.reshape(-1, *(1 for _ in self.shape))
            value = _full(value, kind, shape)
        except (TypeError, ValueError) as problem:
            raise type(problem)(f"{self.name}: {name}: {problem}") from None
        if kind is not bool and np.isnan(value).any():
            raise ValueError(f"{self.name}: {name} is not a number")
        if kind is int and (value != np.trunc(value)).any():
            raise ValueError(f"{self.name}: {name} must be a whole number")
        return value if factor == 1.0 else value * factor

    def fixed(self, name: str, default: float) -> Any:
        """Return ``default``, for which the equations are made."""
        value = self(name, default, kind=int)
        if (value != default).any():
            raise ValueError(f"{self.name}: {name} is {default:g}; for others change the model")
        return value


def _full(value: Any, kind: type, shape: tuple[int, ...]) -> Any:
    value = np.asarray(value, bool if kind is bool else float)
    return np.array(np.broadcast_to(value, shape))


class Population(AbstractProcess):  # type: ignore[misc]
    """What the processes of all models have in common; each declares ports and variables."""

    INTERFACE: Interface
    MEMBER = "neuron"
    _runtime = None  # Lava's __del__ asks for it even where __init__ has failed

    def _prepare(
        self,
        shape: Any,
        dt: float,
        seed: Any,
        recorder: Any,
        name: Any,
        log_config: Any,
        values: Mapping[str, Any],
        signal: Any = None,
    ) -> Values:
        """Check what is given, initialise the process, and return the values at the start."""
        own = self.INTERFACE
        own.check_names("parameter or state variable", values, own.settable)
        v = Values(own.name, shape, dt, seed)
        v.member = self.MEMBER
        given = Given(own.name, values, v.shape)
        with np.errstate(all="ignore"):
            own.set_parameters(v, given)
            own.check_bounds(v)
            own.derive(v)
            own.begin(v, given)
            own.compute_inlines(v)
        if signal is not None:
            own.check_names("variable to be sent", (signal,), (*own.settable, *own.inlines))
            if np.broadcast_shapes(np.shape(getattr(v, signal)), v.shape) != v.shape:
                raise TypeError(f"{own.name}: {signal} is a vector: it cannot be sent as a signal")
            if not own.sends:
                raise TypeError(f"{own.name} has an out-port {signal}_out: signal is not needed")
        if recorder is not None:
            own.check_names("recordable", recorder.names, own.recordable)
            shapes = {x: np.broadcast(getattr(v, x, 0.0), v.everyone).shape for x in recorder.names}
            recorder.create(shapes)
        super().__init__(
            shape=v.shape,
            dt=v.dt,
            seed=seed,
            recorder=recorder,
            signal=signal,
            name=name,
            log_config=log_config,
        )
        return v


def variable(v: Values, value: Any, factor: float) -> Any:
    """Return a ``Var`` that begins with ``value``, in its unit, for every neuron."""
    value = np.asarray(value)
    shape = np.broadcast_shapes(value.shape, v.shape)
    init = np.array(np.broadcast_to(value if factor == 1.0 else value / factor, shape))
    return Var(shape=shape, init=init)


class PopulationModel(PyLoihiProcessModel):  # type: ignore[misc]
    """How populations run on a CPU, in floating point."""

    INTERFACE: Interface
    MEMBER = "neuron"

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._population = Values(
            self.INTERFACE.name, proc_params["shape"], proc_params["dt"], proc_params["seed"]
        )
        self._population.member = self.MEMBER
        self._files: dict[str, Any] | None = None
        self._every = 1
        self._stale = True

    def on_var_update(self) -> None:
        """Have the constants computed again: a variable was set from outside."""
        self._stale = True

    def run_spk(self) -> None:
        """Run one time step."""
        try:
            with np.errstate(all="ignore"):
                self._run_step()
        except BaseException:
            traceback.print_exc()  # Lava's runtime says only that there was an exception
            sys.stderr.flush()
            raise

    def _run_step(self) -> None:
        v, own = self._population, self.INTERFACE
        for port in own.spike_ports:
            setattr(v, port, getattr(self, port).recv())
        signals = [getattr(self, port).recv() for port in own.held]
        for name, factor in own.state.items():
            value = getattr(self, name)
            setattr(v, name, value.copy() if factor == 1.0 else value * factor)
        if self._stale:
            self._read_parameters()
        for port, (held, factor) in own.held.items():
            setattr(v, port, getattr(self, held) * factor)
        v.enter(self.time_step)
        own.step(v)
        for (port, (held, factor)), signal in zip(own.held.items(), signals):
            getattr(self, held)[...] = signal
            setattr(v, port, signal * factor)
        own.compute_inlines(v)
        self._check_values()
        for names in (own.state, own.inlines):
            for name, factor in names.items():
                value = getattr(v, name)
                getattr(self, name)[...] = value if factor == 1.0 else value / factor
        self._record()
        if own.sends:
            self.spike.send(v.emitted if own.sends == "counts" else v.emitted_weight)
        signal = self.proc_params["signal"]
        if signal is None and own.sends and getattr(self.signal, "csp_ports", None):
            raise RuntimeError(f"{v.name}: the port signal is connected: choose one, signal=...")
        if signal is not None:
            self.signal.send(np.asarray(getattr(self, signal), float))
        for port, name in own.outputs.items():
            getattr(self, port).send(getattr(self, name))

    def _read_parameters(self) -> None:
        """Take over parameters; those that all neurons share become arrays of one element."""
        v, own = self._population, self.INTERFACE
        for name, factor in own.parameters.items():
            value = getattr(self, name)
            axes = tuple(range(value.ndim - len(v.shape), value.ndim))
            first = value[(..., *(slice(1) for _ in axes))]
            shared = first if (value == first).all() else value
            setattr(v, name, shared.copy() if factor == 1.0 else shared * factor)
        own.check_sizes(v)
        own.check_bounds(v)
        own.derive(v)
        self._stale = False

    def _check_values(self) -> None:
        """Raise if a variable is not a number, or what equations advance has become infinite."""
        v, own = self._population, self.INTERFACE
        for name, factor in own.state.items():
            value = getattr(v, name)
            if name in own.finite:
                wrong = ~np.isfinite(value)
                if wrong.any():  # what was set to infinity may stay there
                    wrong = wrong & (value != getattr(self, name) * factor)
            else:
                wrong = np.isnan(value)
            if wrong.any():
                shape = getattr(self, name).shape
                index = tuple(int(i) for i in np.argwhere(np.broadcast_to(wrong, shape))[0])
                shown = np.broadcast_to(value, shape)[index]
                element = "".join(f"[{i}]" for i in index[: len(shape) - len(v.shape)])
                neuron = index[len(shape) - len(v.shape) :]
                raise FloatingPointError(
                    f"{v.name}: {name}{element} of {v.member} "
                    f"{neuron[0] if len(neuron) == 1 else neuron} is {shown} "
                    f"in step {v.step_number}"
                )

    def _record(self) -> None:
        if self._files is None:
            recorder = self.proc_params["recorder"]
            self._files = {} if recorder is None else recorder.open()
            self._every = 1 if recorder is None else recorder.every
        row, rest = divmod(self.time_step, self._every)
        if rest:
            return
        for name, rows in self._files.items():
            if row <= len(rows):
                values = self._population.emitted if name == "spike" else getattr(self, name)
                rows[row - 1] = values
