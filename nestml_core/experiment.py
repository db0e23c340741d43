"""Experiments on one model, and the traces they yield: the one language of all simulators."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from nestml_core.diagnostics import Code, Diagnostic, Result, Severity, checked, nearest
from nestml_core.expr import Kind, Number, Ref, Symbol
from nestml_core.solved import TIME, ModelKind, SolvedModel, sign_pairs
from nestml_core.source import NOWHERE
from nestml_core.types import Base, Type
from nestml_core.units import magnitude, plain_number

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

UNKNOWN_TARGET = Code("NML901", Severity.ERROR, "an experiment names something the model lacks")
BAD_VALUE = Code("NML902", Severity.ERROR, "a value of an experiment does not fit")
OFF_GRID = Code("NML903", Severity.WARNING, "a time of an experiment is not on the grid of steps")

MAX_STEPS = 10**9
MAX_SEED = 2**31 - 1
GRID = 1e-6
"""How far from a grid point, in steps, a time may be to count as on it."""


@dataclass(frozen=True, eq=False)
class Experiment:
    """What to do with one instance of a model.

    Numbers are in the declared units of the model, times in ms; Pint quantities are accepted.
    Times are arrival times at the model. A spike that arrives at t is due in the step
    that ends at t. A current with a value given for t holds from t on.

    Parameters
    ----------
    duration, dt : ms; ``duration`` is rounded to a whole number of steps
    parameters, initial : values that replace defaults, by name; of a vector a sequence with a value
        for each element, or one value for all of them
    spikes : for each spike port, times, or pairs (time, weight) where the weight is not 1. It is
        what the port sees, so the partners of an excitatory/inhibitory pair take weights >= 0
        only; the ports of a synapse, where spikes only count, take no others than 1
    currents : for each continuous port a constant, or (times, values), piecewise constant
    record : names of recordables; all of them if None
    seed : of all random numbers
    """

    duration: Any
    dt: Any = 0.1
    parameters: Mapping[str, Any] = field(default_factory=dict)
    initial: Mapping[str, Any] = field(default_factory=dict)
    spikes: Mapping[str, Iterable[Any]] = field(default_factory=dict)
    currents: Mapping[str, Any] = field(default_factory=dict)
    record: Sequence[str] | None = None
    seed: int = 1


@dataclass(frozen=True, eq=False, slots=True)
class Events:
    """The spikes for one port, by arrival: ``steps`` in 1..N ascending, ``weights`` beside them.

    A spike in step k arrives at ``k * dt``, the end of that step.
    """

    steps: IntArray
    weights: FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class Schedule:
    """An experiment checked against a model and laid on the grid; numbers in coherent units.

    ``spikes`` and ``currents`` have an entry for every port of the model; a current is an array
    of shape (steps,): the value that holds during each step. What a recordable reads at the end of
    step k is the value of step k + 1; after the last step, the last value. The values of a vector
    are an array, as long as the vector is.
    """

    dt: float
    steps: int
    parameters: Mapping[Symbol, float | FloatArray]
    initial: Mapping[Symbol, float | FloatArray]
    spikes: Mapping[Symbol, Events]
    currents: Mapping[Symbol, FloatArray]
    record: tuple[Symbol, ...]
    seed: int


@dataclass(frozen=True, eq=False, slots=True)
class Trace:
    """What an experiment yields.

    Attributes
    ----------
    dt : ms
    steps : number of steps
    values : for each recorded name an array of shape (steps,): the value at the end of each step
    units : for each recorded name the unit of its values
    spike_steps : the steps in which a spike was emitted, ascending, counted from 1; a step that
        emitted two is there twice
    backend : who computed it
    spike_weights : for each emitted spike the argument of ``emit_spike``, 1 without; None where
        the backend does not tell
    """

    dt: float
    steps: int
    values: Mapping[str, FloatArray]
    units: Mapping[str, str]
    spike_steps: IntArray
    backend: str
    spike_weights: FloatArray | None = None

    @property
    def times(self) -> FloatArray:
        """The times of the recorded values: the ends of the steps, in ms."""
        return np.arange(1, self.steps + 1, dtype=np.float64) * np.float64(self.dt)

    @property
    def spikes(self) -> FloatArray:
        """The times of the emitted spikes, in ms."""
        return self.spike_steps.astype(np.float64) * np.float64(self.dt)

    def __getitem__(self, name: str) -> FloatArray:
        try:
            return self.values[name]
        except KeyError:
            recorded = ", ".join(self.values) or "nothing"
            raise KeyError(f"`{name}` was not recorded; recorded: {recorded}") from None


def _items(value: Any) -> list[Any] | None:
    """Return the values in a sequence, an array or a text with commas; None if it is none.

    In a text the unit behind the last number is that of all, as in ``0, 10, 20 ms``.
    """
    if isinstance(value, str):
        items = [x.strip() for x in value.split(",")]
        if len(items) == 1:
            return None
        unit = items[-1].lstrip("+-.0123456789eE")
        plain = re.compile(r"[-+]?(inf|(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)")
        return [f"{x} {unit}" if plain.fullmatch(x) else x for x in items] if unit else items
    if isinstance(value, (bytes, Mapping)) or not hasattr(value, "__len__"):
        return None
    try:
        return list(value)
    except TypeError:  # an array without dimensions
        return None


def _is_pair(event: Any) -> bool:
    return isinstance(event, (tuple, list)) or (isinstance(event, np.ndarray) and event.ndim > 0)


def is_list(events: Any) -> bool:
    """Report whether these are several; a text or a number is one."""
    several = hasattr(events, "__iter__") and getattr(events, "ndim", 1) > 0
    return several and not isinstance(events, (str, bytes, Mapping))


def _is_two_lists(events: Any) -> bool:
    """Report whether these are (times, weights), which two pairs are written like."""
    return (
        isinstance(events, tuple)
        and len(events) == 2
        and all(isinstance(e, list) or getattr(e, "ndim", 0) == 1 for e in events)
    )


def schedule(experiment: Experiment, model: SolvedModel) -> Result[Schedule]:
    """Return ``experiment`` as ``model`` will see it.

    Errors
    ------
    NML901 : a parameter, port or recordable the model does not have.
    NML902 : a value of the wrong kind or unit, or out of range.
    NML903 (warning) : spike times that are not multiples of the step; they arrive at the next one.
    """
    return _Scheduling(experiment, model).run()


def grid_steps(times: FloatArray, dt: float) -> tuple[IntArray, int]:
    """Return the steps at whose ends ``times`` fall, and how many were not on the grid.

    A time between two grid points counts for the later one.
    """
    exact = times / dt
    nearest = np.rint(exact)
    on_grid = np.abs(exact - nearest) < GRID
    return np.where(on_grid, nearest, np.ceil(exact)).astype(np.int64), int((~on_grid).sum())


@dataclass(frozen=True, eq=False, slots=True)
class Settings:
    """Values that replace defaults, in coherent units; those of a vector are an array."""

    parameters: Mapping[Symbol, float | FloatArray]
    initial: Mapping[Symbol, float | FloatArray]


def settings(
    model: SolvedModel, parameters: Mapping[str, Any], initial: Mapping[str, Any]
) -> Result[Settings]:
    """Return values of parameters and initial values as ``model`` will see them.

    Errors
    ------
    NML901 : a parameter or state variable the model does not have.
    NML902 : a value of the wrong kind or unit, or out of range.
    """
    doing = _Scheduling(Experiment(0.0, parameters=parameters, initial=initial), model)
    return checked(doing.settled(), doing.found)


def signal(
    model: SolvedModel, port: str, given: Any, dt: float, steps: int
) -> Result[tuple[Symbol, FloatArray]]:
    """Return a continuous port and its input in each step, shape (steps,), in coherent units.

    Errors
    ------
    NML901, NML902 : as ``schedule``.
    """
    doing = _Scheduling(Experiment(0.0), model)
    symbol = doing.look_up("continuous port", port, [p.symbol for p in model.continuous_ports])
    if symbol is None:
        return Result(None, tuple(doing.found))
    values = doing.signal(port, given, symbol.type, dt, steps)
    return Result(None if values is None else (symbol, values), tuple(doing.found))


class _Scheduling:
    """The state of one call of ``schedule``: what it has found so far."""

    def __init__(self, experiment: Experiment, model: SolvedModel) -> None:
        self.experiment = experiment
        self.model = model
        self.found: list[Diagnostic] = []

    def bad(self, message: str, help: str = "") -> None:
        self.found.append(BAD_VALUE.at(NOWHERE, message, help=help))

    def run(self) -> Result[Schedule]:
        e = self.experiment
        dt = self.time(e.dt, "dt")
        duration = self.time(e.duration, "duration")
        if dt is None or duration is None:
            return Result(None, tuple(self.found))
        if not 0 < dt < math.inf or not 0 <= duration < math.inf:
            message = f"duration ({duration:g} ms) and dt ({dt:g} ms) must be finite"
            self.bad(f"{message}, dt above 0, and duration not below")
            return Result(None, tuple(self.found))
        steps = round(duration / dt)
        if steps > MAX_STEPS:
            self.bad(f"{steps} steps are more than {MAX_STEPS}", "choose a larger dt")
            return Result(None, tuple(self.found))
        if duration > 0 and steps == 0:
            message = f"the duration ({duration:g} ms) is less than half a step of {dt:g} ms"
            self.bad(message, "choose a smaller dt")
            return Result(None, tuple(self.found))
        settled = self.settled()
        spikes = self.spike_events(dt, steps)
        currents = self.signals(dt, steps)
        record = self.recorded()
        seed = self.seed()
        value = Schedule(
            dt=dt,
            steps=steps,
            parameters=settled.parameters,
            initial=settled.initial,
            spikes=MappingProxyType(spikes),
            currents=MappingProxyType(currents),
            record=record,
            seed=seed,
        )
        return checked(value, self.found)

    def settled(self) -> Settings:
        e, m = self.experiment, self.model
        parameters = self.settings("parameter", e.parameters, [d.symbol for d in m.parameters])
        state = [d.symbol for d in m.state]
        initial = self.settings("state variable", e.initial, state, parameters)
        return Settings(MappingProxyType(parameters), MappingProxyType(initial))

    def by_name(self, given: Any, what: str) -> Mapping[str, Any]:
        """Return what is given by name, or refuse it."""
        if isinstance(given, Mapping):
            return given
        self.bad(f"{what}: {reprlib.repr(given)} has no names", 'write {"NAME": ...}')
        return {}

    def time(self, value: Any, what: str) -> float | None:
        return self.number(value, TIME.type, what)

    def number(self, value: Any, type: Type, what: str) -> float | None:
        """Return ``value`` in coherent units."""
        if type.base is Base.BOOLEAN:
            return float(bool(value))
        try:
            result = magnitude(value, type.unit)
        except (TypeError, ValueError) as problem:
            self.bad(f"{what}: {problem}")
            return None
        if math.isnan(result):
            self.bad(f"{what}: not a number")
            return None
        if type.base is Base.INTEGER and not result.is_integer():
            self.bad(f"{what}: {result:g} is not a whole number")
            return None
        return result

    def seed(self) -> int:
        seed = self.experiment.seed
        if not isinstance(seed, (int, np.integer)) or not 0 <= seed <= MAX_SEED:
            self.bad(f"seed: {seed!r} is not a whole number from 0 to {MAX_SEED}")
            return 0
        return int(seed)

    def look_up(self, what: str, name: str, choices: Sequence[Symbol]) -> Symbol | None:
        for symbol in choices:
            if name in (symbol.name, symbol.identifier):
                return symbol
        help = self.is_something_else(name) or nearest(name, [s.name for s in choices])
        message = f"`{self.model.name}` has no {what} `{name}`"
        self.found.append(UNKNOWN_TARGET.at(NOWHERE, message, help=help))
        return None

    def is_something_else(self, name: str) -> str:
        """Return what ``name`` is in the model, or ``""``."""
        m = self.model
        ways = {
            Kind.STATE: "give it an initial value",
            Kind.PARAMETER: "set it as a parameter",
            Kind.SPIKE_PORT: "give it spikes",
            Kind.CONTINUOUS_PORT: "give it a current",
        }
        known = [d.symbol for d in (*m.parameters, *m.state)]
        known += [p.symbol for p in m.spike_ports] + [p.symbol for p in m.continuous_ports]
        for symbol in known:
            if name in (symbol.name, symbol.identifier) and symbol.kind in ways:
                return f"`{name}` is a {symbol.kind.value}: {ways[symbol.kind]}"
        return ""

    def settings(
        self,
        what: str,
        values: Mapping[str, Any],
        choices: Sequence[Symbol],
        known: Mapping[Symbol, Any] = MappingProxyType({}),
    ) -> dict[Symbol, float | FloatArray]:
        """Return values by symbol; ``known`` are those of parameters, which may be sizes."""
        result: dict[Symbol, float | FloatArray] = {}
        vectors: list[tuple[Symbol, str, Any]] = []
        for name, value in self.by_name(values, f"{what}s").items():
            symbol = self.look_up(what, name, choices)
            if symbol is None:
                continue
            if symbol.size is not None:
                vectors.append((symbol, f"{what} `{name}`", value))
                continue
            number = self.number(value, symbol.type, f"{what} `{name}`")
            if number is not None and not self.is_fixed(symbol, number):
                result[symbol] = number
        for symbol, where, value in vectors:
            numbers = self.numbers(value, symbol, where, {**known, **result})
            if numbers is not None:
                result[symbol] = numbers
        return result

    def is_fixed(self, symbol: Symbol, number: float) -> bool:
        """Report whether a parameter would change that the equations or ports are made for."""
        if symbol not in self.model.fixed:
            return False
        default = next(d.value for d in self.model.parameters if d.symbol == symbol)
        if not isinstance(default, Number) or default.value == number:
            return False
        self.bad(
            f"parameter `{symbol.name}`: the equations or ports of `{self.model.name}` are made "
            f"for {default.value}, not for {number:g}",
            "change the model",
        )
        return True

    def numbers(
        self, value: Any, vector: Symbol, where: str, known: Mapping[Symbol, Any]
    ) -> FloatArray | None:
        """Return the values of the elements of ``vector`` in coherent units."""
        size = self.size(vector, known)
        items = _items(value)
        if items is None:
            number = self.number(value, vector.type, where)
            return None if number is None else np.full(size, number)
        if len(items) != size:
            plural = "" if size == 1 else "s"
            help = ""
            if isinstance(vector.size, Ref):
                help = f"its size is `{vector.size.symbol.name}`: set that to {len(items)} too"
            here = "is 1 value" if len(items) == 1 else f"are {len(items)} values"
            self.bad(f"{where}: it has {size} element{plural}, here {here}", help)
            return None
        place = where.rstrip("`")
        found = [self.number(x, vector.type, f"{place}[{i}]`") for i, x in enumerate(items)]
        numbers = [x for x in found if x is not None]
        return np.array(numbers) if len(numbers) == size else None

    def size(self, vector: Symbol, known: Mapping[Symbol, Any]) -> int:
        if not isinstance(vector.size, Ref):
            return vector.length or 0
        parameter = vector.size.symbol
        default = next(d.value for d in self.model.parameters if d.symbol == parameter)
        assert isinstance(default, Number), "a size has a number as its default"
        return int(known.get(parameter, default.value))

    def spike_events(self, dt: float, steps: int) -> dict[Symbol, Events]:
        ports = self.model.spike_ports
        paired = {p.symbol for pair in sign_pairs(ports) for p in pair}
        nothing = Events(np.zeros(0, np.int64), np.zeros(0))
        result = {p.symbol: nothing for p in ports}
        for name, events in self.by_name(self.experiment.spikes, "spikes").items():
            symbol = self.look_up("spike port", name, [p.symbol for p in ports])
            if symbol is None:
                continue
            laid = self.lay(name, events, dt, steps, paired=symbol in paired)
            if laid is not None:
                result[symbol] = laid
        return result

    def lay(self, name: str, events: Any, dt: float, steps: int, *, paired: bool) -> Events | None:
        where = f"spikes for `{name}`"
        help = "give a list of times in ms, or of pairs (time in ms, weight)"
        if not is_list(events):
            self.bad(f"{where}: {reprlib.repr(events)} is no list", help)
            return None
        if _is_two_lists(events):
            self.bad(f"{where}: two lists, and not pairs", f"{help}: list(zip(times, weights))")
            return None
        try:
            pairs = [e if _is_pair(e) else (e, 1.0) for e in events]
            given = [(magnitude(t, TIME.type.unit), plain_number(w)) for t, w in pairs]
            times = np.array([t for t, _ in given], float)
            weights = np.array([w for _, w in given], float)
        except TypeError as problem:
            self.bad(f"{where}: {problem}", help)
            return None
        except ValueError as problem:
            wrong = next((e for e in events if _is_pair(e) and len(e) != 2), None)
            message = str(problem) if wrong is None else f"{reprlib.repr(wrong)} is no pair"
            self.bad(f"{where}: {message}", help)
            return None
        if not (np.isfinite(times).all() and np.isfinite(weights).all()):
            self.bad(f"{where}: times and weights must be finite")
            return None
        if paired and (weights < 0).any():
            self.bad(
                f"{where}: a negative weight",
                "negative weights go to the inhibitory port, without the sign",
            )
            return None
        if self.model.kind is ModelKind.SYNAPSE and (weights != 1.0).any():
            self.bad(
                f"{where}: a weight other than 1",
                f"`{self.model.name}` is a synapse: spikes that come in only count",
            )
            return None
        if (times / dt < GRID).any():
            self.bad(f"{where}: the first possible arrival is {dt:g} ms, the end of the first step")
            return None
        at, off_grid = grid_steps(times, dt)
        if off_grid:
            message = f"{where}: {off_grid} times are not multiples of {dt:g} ms"
            help = "they arrive at the end of the step they fall in"
            self.found.append(OFF_GRID.at(NOWHERE, message, help=help))
        order = np.argsort(at, kind="stable")
        order = order[at[order] <= steps]
        return Events(at[order], weights[order])

    def signals(self, dt: float, steps: int) -> dict[Symbol, FloatArray]:
        ports = [p.symbol for p in self.model.continuous_ports]
        result = {p: np.zeros(steps) for p in ports}
        for name, signal in self.by_name(self.experiment.currents, "currents").items():
            symbol = self.look_up("continuous port", name, ports)
            if symbol is None:
                continue
            values = self.signal(name, signal, symbol.type, dt, steps)
            if values is not None:
                result[symbol] = values
        return result

    def signal(
        self, name: str, signal: Any, type: Type, dt: float, steps: int
    ) -> FloatArray | None:
        where = f"current for `{name}`"
        several = isinstance(signal, (tuple, list, np.ndarray)) and getattr(signal, "ndim", 1) > 0
        pair = several and len(signal) == 2
        times, values = signal if pair else ([0.0], [signal])
        try:
            at = np.array([magnitude(t, TIME.type.unit) for t in times], float)
            level = np.array([magnitude(v, type.unit) for v in values], float)
        except (TypeError, ValueError) as problem:
            self.bad(f"{where}: {problem}", "give a value, or (times in ms, values)")
            return None
        if len(at) != len(level) or not np.isfinite(at).all() or not np.isfinite(level).all():
            self.bad(f"{where}: as many finite values as times are needed")
            return None
        if (np.diff(at) <= 0).any():
            self.bad(f"{where}: the times must be ascending")
            return None
        begins = np.arange(steps) * dt
        index = np.searchsorted(at, begins + GRID * dt, side="right") - 1
        return (
            np.where(index >= 0, level[np.maximum(index, 0)], 0.0) if len(at) else np.zeros(steps)
        )

    def recorded(self) -> tuple[Symbol, ...]:
        choices = [r.symbol for r in self.model.recordables]
        if self.experiment.record is None:
            return tuple(choices)
        record = self.experiment.record
        names = (record,) if isinstance(record, str) else record
        found = [self.look_up("recordable", n, choices) for n in names]
        return tuple(dict.fromkeys(s for s in found if s is not None))
