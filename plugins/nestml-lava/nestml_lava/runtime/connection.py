"""Synapses as Lava processes: connections whose state changes at events, and flows between them.

A process holds all connections of two populations; what a model says about one synapse is computed
for all that have an event in a step. Lava executes this file for itself when it looks for models:
it imports none of its neighbours.
"""

import copy
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

CANCELLED = 5e-324
"""The message that stands for events whose weights add up to zero."""


@dataclass(frozen=True)
class Events:
    """What events a synapse has, and the functions that compute what they do."""

    presynaptic: str
    postsynaptic: str
    """The port for postsynaptic spikes, or nothing."""
    modulators: tuple[str, ...]
    order: tuple[str, ...]
    """All ports for spikes, as events of one time are handled."""
    handlers: Mapping[str, Callable[[Any, Any], None]]
    of_the_interval: Callable[[Any], None]
    """Computes what depends on the time since the last event."""
    constants: tuple[str, ...]
    """What is derived from parameters."""
    moving: frozenset[str]
    """What may change between events."""
    jumping: frozenset[str]
    """Ports whose spikes are added at the end of a flow."""
    vectors: frozenset[str]
    every_step: bool
    """Whether what flows between events reads a continuous port."""


class Synapses:
    """What the processes of all synapses have in common; each declares ports and variables."""

    EVENTS: Events

    def _connect(
        self,
        pre_shape: Any,
        post_shape: Any,
        connected: Any,
        pairs: Any,
        delay_ms: Any,
        whole_steps: Any,
        dt: float,
        modulators: Any,
        third_factors: Any,
        splits: bool,
        values: Any,
        **keywords: Any,
    ) -> Any:
        """Check what is given, initialise the process, and return the values at the start."""
        own, name = self.EVENTS, type(self).__name__
        pre_shape, post_shape = _shape(pre_shape), _shape(post_shape)
        shape = int(np.prod(post_shape)), int(np.prod(pre_shape))
        sources, targets = _pairs(name, connected, pairs, shape)

        def each(what: str, given: Any) -> Any:
            given = given.toarray() if sparse.issparse(given) else np.asarray(given)
            if what not in own.vectors and given.ndim == 2 and given.shape == shape:
                return given[targets, sources]
            return given

        values = {what: each(what, given) for what, given in values.items()}
        held = self.INTERFACE.held  # type: ignore[attr-defined]
        for port, (scale, begin) in third_factors.items():
            if begin is not None:
                values.setdefault(held[port][0], begin[targets] * scale)
        exact = 1.0 if delay_ms is None else each("delay_ms", delay_ms).astype(float) / dt
        try:
            exact = np.broadcast_to(exact, len(sources))
        except ValueError:
            raise ValueError(
                f"{name}: delay_ms has the shape {np.shape(delay_ms)}, there are {len(sources)} "
                f"connections, of (post, pre) = {shape}"
            ) from None
        steps = whole_steps(exact, dt)
        waits = {}
        for port, (_, delay) in modulators.items():
            wait = np.floor(delay / dt + 0.5)
            if not 0 <= wait < np.inf:
                raise ValueError(f"{name}: a delay of {delay:g} ms at {port}")
            waits[port] = int(wait)
        prepare = self._prepare  # type: ignore[attr-defined]
        v = prepare((len(sources),), dt, values=values, **keywords)
        for key, value in (
            ("sources", sources),
            ("targets", targets),
            ("steps", steps),
            ("pre_shape", pre_shape),
            ("post_shape", post_shape),
            ("waits", waits),
            ("modulators", {x: modulators.get(x, ((1,), 0.0))[0] for x in own.modulators}),
            ("third_factors", {port: scale for port, (scale, _) in third_factors.items()}),
            ("splits", splits),
        ):
            self.proc_params[key] = value  # type: ignore[attr-defined]
        self.sources, self.targets = sources, targets
        return v

    def matrix(self, values: Any) -> Any:
        """Return values of the connections as a matrix (post, pre), NaN where there is none."""
        parameters = self.proc_params  # type: ignore[attr-defined]
        sizes = (parameters["post_shape"], parameters["pre_shape"])
        found = np.full(tuple(int(np.prod(x)) for x in sizes), np.nan)
        found[self.targets, self.sources] = values
        return found


def _shape(shape: Any) -> tuple[int, ...]:
    return (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(shape)


def _pairs(name: str, connected: Any, pairs: Any, shape: tuple[int, int]) -> Any:
    """Return the sources and targets of the connections."""
    if pairs is not None:
        if connected is not None:
            raise TypeError(f"{name}: pairs or connected, not both")
        sources, targets = (np.asarray(x, np.int64).ravel() for x in pairs)
        sources, targets = np.broadcast_arrays(sources, targets)
        for what, indices, size in (("pre", sources, shape[1]), ("post", targets, shape[0])):
            if ((indices < 0) | (indices >= size)).any():
                raise ValueError(f"{name}: pairs: there are {size} {what}synaptic neurons")
    elif connected is None:
        sources, targets = (x.ravel() for x in np.indices(shape[::-1]))
    else:
        matrix = sparse.coo_matrix(connected)
        if matrix.shape != shape:
            raise ValueError(
                f"{name}: connected has the shape {matrix.shape}, not (post, pre) = {shape}"
            )
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        order = np.lexsort((matrix.row, matrix.col))
        sources, targets = matrix.col[order], matrix.row[order]
    if len(sources) == 0:
        raise ValueError(f"{name}: there are no connections")
    return sources.astype(np.int64), targets.astype(np.int64)


class _Lists:
    """The connections of each neuron, and a quick way to those of several."""

    def __init__(self, neurons: Any, size: int) -> None:
        self.connections = np.argsort(neurons, kind="stable")
        self.begins = np.concatenate([[0], np.cumsum(np.bincount(neurons, minlength=size))])

    def of(self, messages: Any) -> Any:
        """Return the connections of neurons with spikes, and the number of spikes of each."""
        spiking = np.nonzero(messages)[0]
        begins = self.begins[spiking]
        counts = self.begins[spiking + 1] - begins
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        places = np.arange(total) + np.repeat(begins - ends + counts, counts)
        return self.connections[places], np.repeat(messages[spiking], counts).astype(np.int64)


class SynapsesModel:
    """How synapses run on a CPU, in floating point."""

    EVENTS: Events
    _begun = False

    def _begin(self) -> None:
        """Prepare for the first step: the variables are there only now."""
        given, own = self.proc_params, self.EVENTS  # type: ignore[attr-defined]
        self._sources, self._targets = given["sources"], given["targets"]
        self._steps, self._waits = given["steps"], given["waits"]
        self._third_factors, self._splits = given["third_factors"], given["splits"]
        self._size = int(np.prod(given["post_shape"]))
        self._by_source = _Lists(self._sources, int(np.prod(given["pre_shape"])))
        self._by_target = _Lists(self._targets, self._size)
        self._last = np.zeros(len(self._sources), np.int64)
        longest = int(self._steps.max())
        # Where in the ring, seen from the row that is due next, a connection adds its weight.
        self._places = (self._steps - 1) * self._size + self._targets
        self._rings = [np.zeros(longest * self._size) for _ in range(2 if self._splits else 1)]
        self._due = 0
        self._back: list[Any] = [[] for _ in range(longest + 1)]
        self._modulations = {x: [0] * (self._waits.get(x, 0) + 1) for x in own.modulators}
        self._sent = np.zeros(len(self._sources))
        self._begun = True

    def run_spk(self) -> None:
        """Run one time step: what is due goes out before anything is taken in."""
        self.send_due()
        self.take()

    def send_due(self) -> None:
        if not self._begun:
            self._begin()
        shape = self.proc_params["post_shape"]  # type: ignore[attr-defined]
        ports = (self.a_out, self.negative_out)  # type: ignore[attr-defined]
        for ring, port in zip(self._rings, ports):
            row = ring[self._due : self._due + self._size]
            port.send(row.reshape(shape).copy())
            row[:] = 0.0
        if not self._splits:
            self.negative_out.send(np.zeros(shape))  # type: ignore[attr-defined]
        self._due = (self._due + self._size) % len(self._rings[0])

    def take(self) -> None:
        try:
            with np.errstate(all="ignore"):
                self._take(self.time_step)  # type: ignore[attr-defined]
        except BaseException:
            traceback.print_exc()  # Lava's runtime says only that there was an exception
            sys.stderr.flush()
            raise

    def _take(self, now: int) -> None:
        own = self.EVENTS
        spikes = {port: self._received(port) for port in own.order}
        signals = {port: self._port(port) for port in self._population_interface().held}
        if self._stale:  # type: ignore[attr-defined]
            self._read_parameters()  # type: ignore[attr-defined]
        if own.every_step:
            self.advance(now)
        for port, scale in self._third_factors.items():
            held = self._population_interface().held[port][0]
            getattr(self, held)[:] = (signals[port].ravel() * scale)[self._targets]
        self._sent[:] = 0.0
        for port, (chosen, counts) in self._due_events(spikes, now).items():
            self.events(port, chosen, counts, now)
        self._record_values(now)

    def _population_interface(self) -> Any:
        return self.INTERFACE  # type: ignore[attr-defined]

    def _port(self, name: str) -> Any:
        return np.asarray(getattr(self, name).recv(), float)

    def _received(self, port: str) -> Any:
        messages = self._port(port).ravel()
        if messages.any() and ((messages < 0) | (messages != np.rint(messages))).any():
            wrong = messages[(messages < 0) | (messages != np.rint(messages))][0]
            raise ValueError(
                f"{self._population_interface().name}: {port} received {wrong:g}, not a number of "
                "spikes"
            )
        return messages

    def _due_events(self, spikes: Any, now: int) -> Any:
        """Return the connections that have events at each port, and how many each."""
        own, due = self.EVENTS, {}
        if own.postsynaptic:
            back = self._back
            connections, counts = self._by_target.of(spikes[own.postsynaptic])
            delays = self._steps[connections]
            for delay in np.unique(delays):
                late = delays == delay
                back[(now + delay) % len(back)].append((connections[late], counts[late]))
            events = back[now % len(back)]
            back[now % len(back)] = []
            if events:
                chosen, counts = (np.concatenate(x) for x in zip(*events))
                order = np.argsort(chosen)
                due[own.postsynaptic] = chosen[order], counts[order]
        chosen, counts = self._by_source.of(spikes[own.presynaptic])
        if len(chosen):
            due[own.presynaptic] = chosen, counts
        for port, ring in self._modulations.items():
            ring[(now + self._waits.get(port, 0)) % len(ring)] += int(spikes[port].sum())
            count, ring[now % len(ring)] = ring[now % len(ring)], 0
            if count:
                everyone = np.arange(len(self._sources))
                due[port] = everyone, np.full(len(everyone), count)
        return {port: due[port] for port in own.order if port in due}

    def events(self, port: str, chosen: Any, counts: Any, now: int) -> None:
        """Let connections take their events at a port, one after the other."""
        counts = counts.copy()
        while len(chosen):
            fresh = self._last[chosen] < now
            if port in self.EVENTS.jumping or fresh.all():
                self._event(port, chosen, now, True)
            elif not fresh.any():
                self._event(port, chosen, now, False)
            else:
                self._event(port, chosen[fresh], now, True)
                self._event(port, chosen[~fresh], now, False)
            counts -= 1
            chosen, counts = chosen[counts > 0], counts[counts > 0]

    def _event(self, port: str, chosen: Any, now: int, flows: bool) -> None:
        v = self._gathered(chosen, now)
        setattr(v, port, 1.0)
        if flows:
            self._flow(v, chosen, now)
            self._last[chosen] = now
        emitted = now - self._steps[chosen] if port == self.EVENTS.postsynaptic else now
        v.t = emitted * v.resolution
        self.EVENTS.handlers[port](v, v.everyone)
        v.t = now * v.resolution
        self._store(v, chosen)
        sending = np.broadcast_to(v.emitted > 0, v.shape)
        if sending.any():
            self._emit(chosen[sending], np.broadcast_to(v.emitted_weight, v.shape)[sending])

    def advance(self, now: int) -> None:
        """Let all connections flow to the end of the step."""
        late = np.nonzero(self._last < now)[0]
        if len(late):
            v = self._gathered(late, now)
            self._flow(v, late, now)
            self._last[late] = now
            self._store(v, late)

    def _flow(self, v: Any, chosen: Any, now: int) -> None:
        v.dt = (now - self._last[chosen]) * v.resolution
        v.t = self._last[chosen] * v.resolution
        self.EVENTS.of_the_interval(v)
        self._population_interface().step(v)

    def _gathered(self, chosen: Any, now: int) -> Any:
        """Return the values of some connections."""
        own, base = self._population_interface(), self._population  # type: ignore[attr-defined]
        n = len(self._sources)
        v = base.copy()
        v.numbers, v.shape = chosen, chosen.shape
        v.everyone = np.ones(chosen.shape, bool)
        v.enter(now)
        for name in (*own.parameters, *self.EVENTS.constants):
            value = np.asarray(getattr(v, name))
            if n > 1 and value.ndim and value.shape[-1] == n:
                setattr(v, name, value[..., chosen])
        for name, factor in own.state.items():
            value = getattr(self, name)[..., chosen]
            setattr(v, name, value if factor == 1.0 else value * factor)
        for port in own.spike_ports:
            setattr(v, port, 0.0)
        for port, (held, factor) in own.held.items():
            setattr(v, port, getattr(self, held)[chosen] * factor)
        return v

    def _store(self, v: Any, chosen: Any) -> None:
        own = self._population_interface()
        for name, factor in own.state.items():
            value = getattr(v, name)
            wrong = ~np.isfinite(value) if name in own.finite else np.isnan(value)
            if wrong.any():
                place = v.place(
                    np.broadcast_to(wrong, np.shape(value)).reshape(-1, *v.shape).any(0)
                )
                raise FloatingPointError(
                    f"{v.name}: {name} of connection {place} is not finite in step {v.step_number}"
                )
            getattr(self, name)[..., chosen] = value if factor == 1.0 else value / factor
        own.compute_inlines(v)
        for name, factor in own.inlines.items():
            getattr(self, name)[..., chosen] = getattr(v, name) / factor

    def _emit(self, chosen: Any, weights: Any) -> None:
        """Put weights where they will be due."""
        if not np.isfinite(weights).all():
            where = int(chosen[~np.isfinite(weights)][0])
            name = self._population_interface().name
            raise FloatingPointError(f"{name}: connection {where} emits a weight that is no number")
        self._sent[chosen] += weights
        negative = (weights < 0) & self._splits
        for ring, part, sign in zip(self._rings, (~negative, negative), (1.0, -1.0)):
            if part.any():
                places = (self._places[chosen[part]] + self._due) % len(ring)
                np.add.at(ring, places, sign * weights[part])
                ring[places[ring[places] == 0.0]] = CANCELLED

    def alone(self, now: int, counts: Any, signals: Any, names: Any) -> Any:
        """Do a step of one synapse without delays, for which there need be no neurons.

        Returns
        -------
        What ``names`` are at the end, and the weights emitted.
        """
        if not self._begun:
            self._begin()
            self._steps = np.zeros_like(self._steps)
        if self._stale:  # type: ignore[attr-defined]
            self._read_parameters()  # type: ignore[attr-defined]
        emissions = self._population.emissions = []  # type: ignore[attr-defined]
        chosen = np.arange(1)
        with np.errstate(all="ignore"):
            if self.EVENTS.every_step:
                self.advance(now)
            for port, value in signals.items():
                getattr(self, self._population_interface().held[port][0])[:] = value
            for port in self.EVENTS.order:
                if counts[port]:
                    self.events(port, chosen, np.array([int(counts[port])]), now)
            values = self.peek(names, now)
        return values, [float(np.asarray(x).flat[0]) for x in emissions]

    # Recording

    def peek(self, names: Any, now: int) -> dict[str, Any]:
        """Return values at the end of the step, without anything happening to the synapses."""
        own, found = self._population_interface(), {}
        still = {x: 1.0 for x in (*own.parameters, *own.state, *(h for h, _ in own.held.values()))}
        for name in names:
            if name in still and name not in self.EVENTS.moving:
                found[name] = getattr(self, name)
            elif name == "spike":
                found[name] = self._sent
        if len(found) == len(names):
            return found
        everyone = np.arange(len(self._sources))
        v = self._gathered(everyone, now)
        v.generator = copy.deepcopy(v.generator)
        late = np.nonzero(self._last < now)[0]
        if len(late):
            moved = self._gathered(late, now)
            moved.generator = v.generator
            self._flow(moved, late, now)
            for name in own.state:
                value = np.array(getattr(v, name))
                value[..., late] = getattr(moved, name)
                setattr(v, name, value)
        v.t = now * v.resolution
        own.compute_inlines(v)
        factors = {**own.state, **own.inlines}
        for name in names:
            if name not in found:
                found[name] = np.broadcast_to(
                    getattr(v, name) / factors[name], getattr(self, name).shape
                )
        return found

    def _record_values(self, now: int) -> None:
        if self._files is None:  # type: ignore[has-type]
            recorder = self.proc_params["recorder"]  # type: ignore[attr-defined]
            self._files = {} if recorder is None else recorder.open()
            self._every = 1 if recorder is None else recorder.every
        row, rest = divmod(now, self._every)
        if rest or not any(row <= len(rows) for rows in self._files.values()):
            return
        for name, values in self.peek(tuple(self._files), now).items():
            if row <= len(self._files[name]):
                self._files[name][row - 1] = values
