"""One synapse: nothing happens to it but events, and what flows between them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from nestml_core.experiment import FloatArray, Schedule
from nestml_core.expr import Symbol, symbols_in
from nestml_core.network import Roles
from nestml_core.progress import tracked
from nestml_core.reference.compiled import Compiled
from nestml_core.reference.expressions import PROGRESS, Values, shown
from nestml_core.reference.failure import NOT_FINITE, Failure
from nestml_core.reference.instance import Instance
from nestml_core.reference.state import Progress
from nestml_core.solve.pairing import needs_every_step
from nestml_core.solved import Flow, SolvedModel
from nestml_core.stmt import Assign, walk_statements


class Connection:
    """An instance of a synapse, and the time of its last event.

    Times are counted in steps of the grid. Events come in the order of ``roles.order`` where they
    have one time, and never from before the last one.
    """

    def __init__(self, instance: Instance, roles: Roles) -> None:
        self.instance = instance
        self.compiled: Compiled = instance.compiled
        self.roles = roles
        self.last = 0
        self.ports = dict(self.compiled.ports)
        self.bodies: dict[Symbol, list[Any]] = {port: [] for port in self.ports}
        for port, body in self.compiled.on_receive:
            self.bodies[port].append(body)
        self.jumps = _ports_of_jumps(instance.model.flows)

    def flow(self, v: Values, now: int) -> None:
        """Let ``v``, the values after the last event, flow to ``now``."""
        c, grid = self.compiled, self.instance.grid
        interval = (now - self.last) * grid
        if v[c.dt] != interval:
            v[c.dt] = interval
            for derive in c.of_the_interval:
                derive(v)
        v[c.time] = self.last * grid
        convolved = [[f(v) for f in z.updates] for z in c.convolutions]
        c.update(v)
        for z, new in zip(c.convolutions, convolved, strict=True):
            z.store(v, new)

    def advance(self, now: int) -> None:
        """Let everything flow to ``now``, which becomes the time of the last event."""
        if now > self.last:
            self.begin(now)
            self.flow(self.instance.values, now)
            self.last = now

    def receive(self, port: Symbol, now: int, emitted: int | None = None) -> list[float]:
        """Take a spike at ``port`` that was emitted at ``emitted``, if not ``now``.

        Returns
        -------
        The weights of the spikes that this makes the synapse emit.
        """
        self.begin(now)
        c, v, progress = self.compiled, self.instance.values, self.instance.progress
        slot = self.ports[port]
        v[slot] = 1.0
        if now > self.last or port in self.jumps:
            self.flow(v, now)
            self.last = now
        v[c.time] = (now if emitted is None else emitted) * self.instance.grid
        before = len(progress.spike_weights)
        for body in self.bodies[port]:
            body(v)
        for z in c.convolutions:
            if z.port == port:
                z.jump(v)
        v[slot] = 0.0
        for condition, body in c.on_condition:
            if condition(v):
                body(v)
        return [self.weight(w) for w in progress.spike_weights[before:]]

    def begin(self, now: int) -> None:
        progress = self.instance.progress
        progress.step, progress.time, progress.passes = now, now * self.instance.grid, 0

    def weight(self, emitted: Any) -> float:
        weight = float(emitted)
        if not math.isfinite(weight):
            name = self.instance.model.name
            message = f"the weight of a spike that `{name}` emits would become {shown(weight)}"
            raise Failure(NOT_FINITE, message, self.instance.model.span)
        return weight

    def peek(self, now: int, recorded: Sequence[Symbol]) -> list[float]:
        """Return the values at ``now``, without anything happening to the synapse."""
        instance, v = self.instance, self.instance.values
        if now > self.last:
            random = instance.progress.random
            v = list(v)
            v[PROGRESS] = Progress(
                deepcopy(random) if instance.model.is_random else random,
                step=now,
                time=now * instance.grid,
            )
            self.flow(v, now)
        v[self.compiled.time] = now * instance.grid
        return [float(instance.recordables[s](v)) for s in recorded]


def _ports_of_jumps(flows: Iterable[Flow]) -> frozenset[Symbol]:
    """Return the ports whose spikes are added at the end of a flow."""
    return frozenset(s for f in flows for j in f.jumps for s in symbols_in(j.amount))


def moving_symbols(model: SolvedModel) -> frozenset[Symbol]:
    """Return the state that may change between events."""
    bodies = [model.update, *(f.body for f in model.functions)]
    found = {s.target.owner for b in bodies for s in walk_statements(b) if isinstance(s, Assign)}
    found |= {v.owner for flow in model.flows for v in flow.variables}
    found |= {z.owner for c in model.convolutions for z in c.states}
    return frozenset(found)


def steady(model: SolvedModel, recorded: Sequence[Symbol]) -> bool:
    """Return whether what is to be recorded changes only at events."""
    moving = moving_symbols(model) | {p.symbol for p in model.continuous_ports}
    values = {r.symbol: r.value for r in model.recordables}
    return not any(s.owner in moving for r in recorded for s in symbols_in(values[r]))


def run_alone(
    roles: Roles, instance: Instance, schedule: Schedule, progress: bool = False
) -> Mapping[Symbol, FloatArray]:
    """Run one synapse with the events of ``schedule``; all delays are zero.

    Returns
    -------
    For each recordable an array of shape (steps,).
    """
    connection = Connection(instance, roles)
    v, model = instance.values, instance.model
    stepwise = needs_every_step(model)
    counts = {
        port: np.bincount(schedule.spikes[port].steps, minlength=schedule.steps + 1)
        for port in roles.order
    }
    signals = [
        (instance.inputs[port], np.append(signal, signal[-1:]))
        for port, signal in schedule.currents.items()
    ]
    recorded = np.empty((len(schedule.record), schedule.steps))
    for slot, signal in signals:
        v[slot] = float(signal[0]) if len(signal) else 0.0
    for k in tracked(range(1, schedule.steps + 1), "simulating", wanted=progress):
        if stepwise:
            connection.advance(k)
        for slot, signal in signals:
            v[slot] = float(signal[k])
        for port in roles.order:
            for _ in range(counts[port][k]):
                connection.receive(port, k)
        if schedule.record:
            recorded[:, k - 1] = connection.peek(k, schedule.record)
    return dict(zip(schedule.record, recorded, strict=True))
