"""Clamps: steps of the potential with the current they need, and steps of the current."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from nestml_core.declared import unit_text
from nestml_core.diagnostics import Code, Severity
from nestml_core.experiment import BAD_VALUE, FloatArray
from nestml_core.experiments.bench import (
    Model,
    bench,
    current_input,
    neuron,
    numbers,
    observed,
    potential,
    recorded,
    span,
)
from nestml_core.experiments.clamping import clamped
from nestml_core.experiments.field import Field
from nestml_core.experiments.measurement import Measurement
from nestml_core.expr import Symbol
from nestml_core.loading import LoadedModel, loaded
from nestml_core.pipeline import resolved_models
from nestml_core.problems import by_name, refuse, valued
from nestml_core.progress import tracked
from nestml_core.solve import solve

if TYPE_CHECKING:
    from matplotlib.figure import Figure


CANNOT_CLAMP = Code("NML973", Severity.ERROR, "a potential that no current can hold")


@dataclass(frozen=True, eq=False, repr=False)
class VoltageStep(Measurement):
    """Currents that hold a potential.

    Attributes
    ----------
    port : the port whose current holds the potential
    potential : name of what is held
    times : shape (steps,), ms, the ends of the steps; the step of the potential is at 0
    levels : shape (n,), the potentials after the step, in the unit of the potential
    voltages : shape (n, steps), the potential
    currents : shape (n, steps), in the unit of the port; positive depolarises, if it does so in
        the model
    traces : the other recorded quantities, each of shape (n, steps), by name
    """

    port: str
    potential: str
    times: FloatArray
    levels: FloatArray
    voltages: FloatArray
    currents: FloatArray
    traces: Mapping[str, FloatArray]

    @property
    def steady(self) -> FloatArray:
        """The current at the end of each step; shape (n,)."""
        return self.currents[:, -1]

    @property
    def peaks(self) -> FloatArray:
        """The current that is farthest from that before the step; shape (n,)."""
        before = self.currents[:, self.times < 0]
        rest = before[:, -1:] if before.shape[1] else np.zeros((len(self.levels), 1))
        after = self.currents[:, self.times >= 0]
        largest = np.abs(after - rest).argmax(axis=1)
        return np.asarray(after[np.arange(len(after)), largest])

    def columns(self) -> Mapping[str, FloatArray]:
        n = len(self.times)
        return {
            "t": np.tile(self.times, len(self.levels)),
            "level": np.repeat(self.levels, n),
            self.potential: self.voltages.ravel(),
            self.port: self.currents.ravel(),
            **{name: x.ravel() for name, x in self.traces.items()},
        }

    def figure(self) -> Figure:
        from nestml_core import plotting

        return plotting.figure_of_voltage_step(self)

    def summary(self) -> str:
        unit = self.units[self.potential]
        low, high = self.levels.min(), self.levels.max()
        return f"{self.potential} from {low:g} to {high:g} {unit} in {len(self.levels)} levels"


def voltage_step(
    model: Model,
    levels: Any,
    *,
    holding: Any = None,
    before: Any = 10.0,
    duration: Any = 50.0,
    dt: Any = 0.1,
    potential: str | None = None,
    port: str | None = None,
    record: Sequence[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    backend: str | None = None,
    progress: bool = True,
    **options: Any,
) -> VoltageStep:
    """Hold the potential, step it to each of several levels, and tell the current this needs.

    The equation of the potential, ``V' = f(V, I, ...)``, is taken out of the model: V becomes an
    input, on which everything else goes on to depend as before, and the current is the I for which
    ``f = 0``: ``I = -f(V, 0, ...) / (df/dI)``, by exact differentiation; the charge that the step
    itself needs is not part of it. Spike thresholds and resets of V are left out. Gates and other
    variables with an equation begin in the steady state of the holding potential.

    Parameters
    ----------
    levels : potentials after the step, in the declared unit, or quantities
    holding : the potential before the step; the initial value of the model if None
    before, duration : how long the holding potential and the level last, ms
    potential : name of the state variable; ``V_m``, or the only potential, if None
    port : the continuous port for the current; the only one if None
    record : names of what is recorded beside; what is recorded of the gates if None
    initial : initial values that replace the steady state
    dt, parameters, backend, progress, options : as ``Model.simulate``

    Raises
    ------
    ModelError : the potential has no first-order equation that is linear in the current, there is
        no steady state, a value does not fit, or a run went wrong.
    """
    chosen = loaded(model)
    neuron(chosen.solved)
    v = _potential(chosen, potential)
    current = current_input(chosen.solved, port, steps=True)
    held, wanted = _clamped(chosen, v, current)
    rest = _resting(chosen, v, holding)
    at_levels = numbers(levels, v, "levels")
    first, length, _ = span(before, duration)
    given = by_name(initial, "initial", BAD_VALUE)
    start = _steady_state_at(held, v, rest, by_name(parameters, "parameters", BAD_VALUE), given)
    ready = bench(held, dt, parameters, backend, options, progress=progress)
    names = _beside(held, wanted, record)
    runs = []
    for level in tracked(at_levels.tolist(), "voltage step", wanted=progress):
        signal = ([0.0, first], [rest, level]) if first > 0 else level
        runs.append(
            ready.run(
                first + length,
                currents={v.name: signal},
                initial=start,
                record=[wanted, *names],
            )
        )
    times = runs[0].times - first if runs else np.zeros(0)
    units = {n: held.units[n] for n in names}
    return VoltageStep(
        model=chosen.name,
        backend=ready.backend,
        units=MappingProxyType(
            {
                "t": "ms",
                "level": unit_text(v),
                v.name: unit_text(v),
                current.name: unit_text(current),
            }
            | units
        ),
        port=current.name,
        potential=v.name,
        times=_tidy(times),
        levels=at_levels,
        voltages=_stacked([_as_held(r.inputs[v.name]) for r in runs], len(times)),
        currents=_stacked([r[wanted] for r in runs], len(times)),
        traces=MappingProxyType({n: _stacked([r[n] for r in runs], len(times)) for n in names}),
    )


def _as_held(signal: FloatArray) -> FloatArray:
    """Return the signal as a recording sees it: at the end of a step, that of the next one."""
    return np.append(signal[1:], signal[-1:])


def _stacked(rows: Sequence[FloatArray], steps: int) -> FloatArray:
    return np.stack(rows) if rows else np.zeros((0, steps))


def _tidy(times: FloatArray) -> FloatArray:
    """Return times without the rounding errors that the difference has left."""
    return np.asarray(np.round(times, 9))


def _potential(model: LoadedModel, name: str | None) -> Symbol:
    found = potential(model.solved, name, "potential")
    if found not in [d.symbol for d in model.solved.state]:
        refuse(CANNOT_CLAMP, f"`{found.name}` is no state variable of `{model.name}`")
    return found


def _clamped(model: LoadedModel, v: Symbol, current: Symbol) -> tuple[LoadedModel, str]:
    """Return ``model`` with ``v`` as an input, and the name of the current it records."""
    resolved, _ = valued(resolved_models(model.solved.span.source, model.dialect))
    original = next(m for m in resolved if m.name == model.name)
    found = clamped(original, v, current)
    if isinstance(found, str):
        help = "the equation must be of first order and linear in the current"
        refuse(CANNOT_CLAMP, found, help)
    held, wanted = found
    solved, said = valued(solve(held, model.solving))
    return replace(model, solved=solved, diagnostics=said), wanted


def _resting(model: LoadedModel, v: Symbol, holding: Any) -> float:
    if holding is not None:
        return float(numbers([holding], v, "holding")[0])
    return Field(model.solved, {}, {}).initial(v)


def _steady_state_at(
    held: LoadedModel,
    v: Symbol,
    rest: float,
    parameters: Mapping[str, Any],
    initial: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the steady state of a clamped model at a potential, with ``initial`` in its place."""
    field = Field(held.solved, parameters, {v.name: rest})
    return {**field.steady_state(frozen=tuple(initial)), **initial}


def _beside(model: LoadedModel, wanted: str, record: Sequence[str] | None) -> list[str]:
    if record is not None:
        return recorded(record)
    gates = [x.name for x in Field(model.solved, {}, {}).variables]
    return [n for n in model.recordables if n in gates and n != wanted]


@dataclass(frozen=True, eq=False, repr=False)
class CurrentStep(Measurement):
    """Responses to steps of the current.

    Attributes
    ----------
    port : the port that the current flows through
    times : shape (steps,), ms, the ends of the steps; the current sets in at 0
    levels : shape (n,), in the unit of the port
    currents : shape (n, steps), the current
    traces : each recorded quantity, of shape (n, steps), by name
    spikes : for each level the times of the spikes, ms after the onset
    """

    port: str
    times: FloatArray
    levels: FloatArray
    currents: FloatArray
    traces: Mapping[str, FloatArray]
    spikes: tuple[FloatArray, ...]

    def columns(self) -> Mapping[str, FloatArray]:
        return {
            "t": np.tile(self.times, len(self.levels)),
            "level": np.repeat(self.levels, len(self.times)),
            self.port: self.currents.ravel(),
            **{name: x.ravel() for name, x in self.traces.items()},
        }

    def figure(self) -> Figure:
        from nestml_core import plotting

        return plotting.figure_of_current_step(self)

    def summary(self) -> str:
        counts = ", ".join(str(len(t)) for t in self.spikes)
        return f"{len(self.levels)} levels through {self.port}; spikes: {counts or 'none'}"


def current_step(
    model: Model,
    levels: Any,
    *,
    before: Any = 20.0,
    duration: Any = 200.0,
    after: Any = 50.0,
    dt: Any = 0.1,
    port: str | None = None,
    record: Sequence[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    initial: Mapping[str, Any] | None = None,
    seed: int = 1,
    backend: str | None = None,
    progress: bool = True,
    **options: Any,
) -> CurrentStep:
    """Let a current of each of several levels flow for a while, and record the response.

    Parameters
    ----------
    levels : of the current, in the unit of the port, or quantities
    before, duration, after : how long no current, the current, and again none flows, ms
    port : the continuous port for the current; the only one if None
    record : names of recordables; the membrane potential, or everything without one, if None
    dt, parameters, initial, seed, backend, progress, options : as ``Model.simulate``

    Raises
    ------
    ModelError : the model has no such port, a value does not fit, or a run went wrong.
    """
    ready = bench(model, dt, parameters, backend, options, progress=progress)
    solved = ready.model.solved
    neuron(solved)
    symbol = current_input(solved, port, steps=True)
    at_levels = numbers(levels, symbol, "levels")
    first, length, rest = span(before, duration, after)
    total = first + length + rest
    names = recorded(record) if record is not None else observed(solved)
    runs = []
    for level in tracked(at_levels.tolist(), "current step", wanted=progress):
        begin = [0.0, first] if first > 0 else [0.0]
        values = [0.0, level] if first > 0 else [level]
        signal = ([*begin, first + length], [*values, 0.0])
        runs.append(
            ready.run(
                total,
                currents={symbol.name: signal},
                record=names,
                initial=initial or {},
                seed=seed,
            )
        )
    times = _tidy(runs[0].times - first) if runs else np.zeros(0)
    units = {"t": "ms", "level": unit_text(symbol), symbol.name: unit_text(symbol), "spikes": "ms"}
    return CurrentStep(
        model=solved.name,
        backend=ready.backend,
        units=MappingProxyType(units | {n: ready.model.units[n] for n in names}),
        port=symbol.name,
        times=times,
        levels=at_levels,
        currents=_stacked([r.inputs[symbol.name] for r in runs], len(times)),
        traces=MappingProxyType({n: _stacked([r[n] for r in runs], len(times)) for n in names}),
        spikes=tuple(_tidy(r.spikes - first) for r in runs),
    )
