"""The backend: writes the classes, and runs them where they were written."""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nestml_core.api import (
    Artifact,
    Backend,
    Feature,
    Result,
    Schedule,
    SolvedModel,
    SolvedProgram,
    Supports,
    Symbol,
    Trace,
    coherent_text,
    constants,
    environment,
    safe,
)
from nestml_echo.ir import PythonClass
from nestml_echo.lower import lower, symbols
from nestml_echo.printing import RESERVED, Printer

FEATURES = frozenset(
    {
        Feature.LINEAR,
        Feature.COUPLED_LINEAR,
        Feature.SPIKE_INPUT,
        Feature.CONTINUOUS_INPUT,
        Feature.CONVOLUTION,
        Feature.RECORDABLE_INLINE,
        Feature.SIMULATE,
    }
)


@dataclass(frozen=True, slots=True)
class EchoOptions:
    slots: bool = field(default=False, metadata={"help": "give the classes __slots__"})


class EchoBackend(Backend[tuple[PythonClass, ...], EchoOptions]):
    name = "echo"
    version = "0.1.0"
    summary = "plain Python classes, standard library only"
    options = EchoOptions
    supports = Supports(FEATURES, tolerance=1e-12)

    def lower(
        self, program: SolvedProgram, options: EchoOptions
    ) -> Result[tuple[PythonClass, ...]]:
        return lower(program, FEATURES, slots=options.slots)

    def render(self, ir: tuple[PythonClass, ...]) -> Mapping[str, str | bytes]:
        template = environment("nestml_echo").get_template("model.py.jinja")
        return {f"{c.name}.py": template.render(model=c) for c in ir}

    def simulate(self, artifact: Artifact, model: SolvedModel, schedule: Schedule) -> Result[Trace]:
        values = constants(model, schedule.parameters, schedule.dt)
        if values.value is None:
            return Result(None, values.diagnostics)
        name = safe(model.name, RESERVED)
        kind = runpy.run_path(str(artifact.directory / f"{name}.py"))[name]
        names = Printer(symbols(model)).names
        instance = kind({s.name: x for s, x in values.value.items()})
        for symbol, value in schedule.initial.items():
            setattr(instance, names[symbol], type(getattr(instance, names[symbol]))(value))
        return Result(_trace(instance, names, model, schedule))


def _trace(
    instance: Any, names: Mapping[Symbol, str], model: SolvedModel, schedule: Schedule
) -> Trace:
    arriving: list[dict[str, float]] = [{} for _ in range(schedule.steps + 1)]
    for port, events in schedule.spikes.items():
        for step, weight in zip(events.steps.tolist(), events.weights.tolist(), strict=True):
            arriving[step][port.name] = arriving[step].get(port.name, 0.0) + weight
    signals = [(names[port], x.tolist()) for port, x in schedule.currents.items()]
    columns: dict[str, list[float]] = {s.name: [] for s in schedule.record}
    spike_steps: list[int] = []
    for k in range(1, schedule.steps + 1):
        for p in model.spike_ports:
            setattr(instance, names[p.symbol], arriving[k].get(p.symbol.name, 0.0))
        for name, signal in signals:
            setattr(instance, name, signal[k - 1])
        instance.step(k * schedule.dt, arriving[k])
        spike_steps += [k] * instance.spikes
        for name, signal in signals:
            setattr(instance, name, signal[min(k, schedule.steps - 1)])
        now = instance.recorded()
        for name, column in columns.items():
            column.append(now[name])
    return Trace(
        dt=schedule.dt,
        steps=schedule.steps,
        values={name: np.array(x, dtype=float) for name, x in columns.items()},
        units={s.name: coherent_text(s.type.dimension) for s in schedule.record},
        spike_steps=np.array(spike_steps, dtype=np.int64),
        backend="echo",
    )
