"""Running a network: neurons step by step, synapses from event to event."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from nestml_core.diagnostics import Diagnostic, Result
from nestml_core.experiment import FloatArray, Schedule
from nestml_core.expr import Symbol
from nestml_core.network import (
    Coupling,
    NetworkExperiment,
    NetworkTrace,
    Plasticity,
    Population,
    Projection,
    Sources,
    Spikes,
)
from nestml_core.progress import tracked
from nestml_core.reference.compiled import Compiled, sizes_used
from nestml_core.reference.connection import Connection, steady
from nestml_core.reference.failure import ENDLESS, MESSAGE, Failure
from nestml_core.reference.instance import Instance
from nestml_core.reference.statements import MAX_MESSAGES
from nestml_core.solve.pairing import needs_every_step
from nestml_core.solved import SolvedModel

NAME = "reference"
NEURON, CONNECTION = 0, 1
"""What the streams of random numbers are for: the second word of their seeds."""

Values: TypeAlias = Mapping[Symbol, FloatArray]


def simulate_network(
    network: NetworkExperiment, *, accurate: bool = False, progress: bool = False
) -> Result[NetworkTrace]:
    """Run ``network``.

    In the step that ends at t, each neuron does what ``nestml_core.solved`` says, and then each
    synapse takes what is due at t: spikes of modulators, those of its presynaptic neuron in this
    step, those of its postsynaptic neuron in the step that ended a delay before. What is emitted
    at t arrives a delay later. Continuous inputs for the next step, and third factors at t, are
    read at last, and then what is recorded.

    Every instance of a model with random functions has a stream of random numbers of its own.

    Parameters
    ----------
    accurate : as for ``nestml_core.reference.simulate``
    progress : show a bar if it takes longer than a second

    Errors
    ------
    NML931 to NML936, NML939 : as for one model; the message names the neuron or connection.
    """
    running: _Network | None = None
    try:
        running = _Network(network, accurate)
        for k in tracked(range(1, network.steps + 1), "simulating", wanted=progress):
            running.step(k)
    except _Stopped as stopped:
        said = running.messages() if running is not None else ()
        return Result(None, (*said, stopped.diagnostic))
    return Result(running.trace(), running.messages())


class _Stopped(Exception):
    """A member of the network failed."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


@dataclass(slots=True)
class _Member:
    """One neuron or connection: what it is called where something goes wrong."""

    instance: Instance
    name: str

    def stopped(self, problem: Failure | RecursionError) -> _Stopped:
        if isinstance(problem, RecursionError):
            words = "functions call each other too deeply"
            problem = Failure(ENDLESS, words, self.instance.model.span)
        when = f" in {self.name} at t = {self.instance.progress.time:g} ms"
        return _Stopped(problem.diagnostic(when))


@dataclass(slots=True)
class _Log:
    """Spikes by time."""

    steps: list[int] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def spikes(self) -> Spikes:
        return Spikes(
            np.array(self.steps, np.int64),
            np.array(self.indices, np.int64),
            np.array(self.weights, float),
        )


Inbox: TypeAlias = dict[Symbol, float]
"""The weights that come to the ports of a neuron in a step."""


@dataclass(frozen=True, slots=True)
class _Route:
    """Where the spikes of a connection go."""

    target: tuple[int, int]
    port: Symbol
    negative: Symbol | None
    delay: int


@dataclass(slots=True)
class _Link:
    """A connection with a synapse, and its events that are due in a step."""

    member: _Member
    connection: Connection
    route: _Route
    post: _Member
    third_factors: tuple[tuple[int, Callable[[Any], Any]], ...]
    log: _Log
    place: tuple[int, int]
    """The number of its projection, and its own in that."""
    due: dict[Symbol, int] = field(default_factory=dict)
    """How many spikes, by port."""

    def read_third_factors(self) -> None:
        if self.third_factors:
            values, neuron = self.connection.instance.values, self.post.instance
            for slot, value in self.third_factors:
                values[slot] = float(value(neuron.values))


class _Network:
    """The state of a network while it runs."""

    def __init__(self, network: NetworkExperiment, accurate: bool) -> None:
        self.network = network
        self.accurate = accurate
        self.compiled: dict[tuple[int, tuple[int, ...]], Compiled] = {}
        self.neurons = [self.population(i, n) for i, n in enumerate(network.nodes)]
        self.given = [_by_step(n) for n in network.nodes]
        self.logs = [_Log() for _ in network.nodes]
        self.emitted = [_Log() for _ in network.projections]
        self.inboxes: defaultdict[int, dict[tuple[int, int], Inbox]] = defaultdict(dict)
        self.events: defaultdict[int, list[tuple[_Link, Symbol]]] = defaultdict(list)
        # by the member that emits: where its spikes go, and the ports of synapses that see them
        self.routes: defaultdict[tuple[int, int], list[tuple[_Route, float]]] = defaultdict(list)
        self.seen_by: defaultdict[tuple[int, int], list[tuple[_Link, Symbol, int]]] = defaultdict(
            list
        )
        self.links = [self.connect(i, p) for i, p in enumerate(network.projections)]
        self.stepwise = [
            link
            for links, p in zip(self.links, network.projections, strict=True)
            if p.plasticity is not None and needs_every_step(p.plasticity.model)
            for link in links
        ]
        self.signals = _Signals(network, self.neurons)
        self.recorders = self.recording()
        self.signals.provide(0)
        for links in self.links:
            for link in links:
                link.read_third_factors()

    # Building

    def instance(
        self, model: SolvedModel, settings: tuple[Values, Values], k: int, seed: Sequence[int]
    ) -> Instance:
        parameters, initial = ({s: x[k] for s, x in values.items()} for values in settings)
        key = (id(model), sizes_used(model, parameters))
        if key not in self.compiled:
            self.compiled[key] = Compiled(model, parameters, accurate=self.accurate)
        e = self.network
        nothing: Mapping[Symbol, Any] = MappingProxyType({})
        plan = Schedule(e.dt, e.steps, parameters, initial, nothing, nothing, (), e.seed)
        random = np.random.default_rng([e.seed, *seed]) if model.is_random else _NO_RANDOM
        return Instance(model, plan, compiled=self.compiled[key], random=random)

    def population(self, place: int, node: Sources | Population) -> list[_Member]:
        if isinstance(node, Sources):
            return []
        settings = node.parameters, node.initial
        return [
            self.member(f"neuron {k} of `{node.name}`", node.model, settings, k, (NEURON, place, k))
            for k in range(node.size)
        ]

    def member(
        self,
        name: str,
        model: SolvedModel,
        settings: tuple[Values, Values],
        k: int,
        seed: Sequence[int],
    ) -> _Member:
        try:
            return _Member(self.instance(model, settings, k, seed), name)
        except Failure as problem:
            raise _Stopped(problem.diagnostic(f" in {name}")) from None

    def connect(self, place: int, p: Projection) -> list[_Link]:
        routes = [
            _Route((p.target, j), p.port, p.negative, d)
            for j, d in zip(p.post.tolist(), p.delays.tolist(), strict=True)
        ]
        if p.plasticity is None:
            assert p.weights is not None, "without a synapse there are weights"
            for i, route, weight in zip(p.pre.tolist(), routes, p.weights.tolist(), strict=True):
                self.routes[p.source, i].append((route, weight))
            return []
        made = [self.link(place, k, p, p.plasticity, route) for k, route in enumerate(routes)]
        for i, link in zip(p.pre.tolist(), made, strict=True):
            self.attach(p, p.plasticity, link, i)
        return made

    def link(
        self, place: int, k: int, p: Projection, plasticity: Plasticity, route: _Route
    ) -> _Link:
        name = f"connection {k} of `{p.name}`"
        settings = plasticity.parameters, plasticity.initial
        member = self.member(name, plasticity.model, settings, k, (CONNECTION, place, k))
        post = self.neurons[p.target][route.target[1]]
        inputs = member.instance.inputs
        for port, value in plasticity.constants:
            member.instance.values[inputs[port]] = value
        read = tuple(
            (inputs[t.port], post.instance.recordables[t.recordable])
            for t in plasticity.third_factors
        )
        connection = Connection(member.instance, plasticity.roles)
        return _Link(member, connection, route, post, read, self.emitted[place], (place, k))

    def attach(self, p: Projection, plasticity: Plasticity, link: _Link, pre: int) -> None:
        """Let the synapse see the spikes that its ports are for, each after its delay."""
        roles = plasticity.roles
        self.seen_by[p.source, pre].append((link, roles.presynaptic, 0))
        if roles.postsynaptic is not None:
            self.seen_by[link.route.target].append((link, roles.postsynaptic, link.route.delay))
        for m in plasticity.modulations:
            for i in range(self.network.nodes[m.node].size):
                self.seen_by[m.node, i].append((link, m.port, m.delay))

    def recording(self) -> list[_Recorder]:
        steps = self.network.steps
        found: list[_Recorder] = []
        for node, members in zip(self.network.nodes, self.neurons, strict=True):
            record = () if isinstance(node, Sources) else node.record
            found.append(_Neurons(members, record, steps))
        for p, links in zip(self.network.projections, self.links, strict=True):
            found.append(_Connections(links, p.plasticity, steps))
        return found

    # Running

    def step(self, now: int) -> None:
        inboxes = self.inboxes.pop(now, {})
        nothing: Inbox = {}
        for place, (members, given) in enumerate(zip(self.neurons, self.given, strict=True)):
            for k, member in enumerate(members):
                progress = member.instance.progress
                try:
                    member.instance.step(now, inboxes.get((place, k), nothing))
                except (Failure, RecursionError) as problem:
                    raise member.stopped(problem) from None
                for _ in progress.spike_steps:
                    self.spike(place, k, now)
                progress.spike_steps.clear()
                progress.spike_weights.clear()
            for k in given.get(now, ()):
                self.spike(place, k, now)
        self.synapses(now)
        self.signals.provide(now)
        for recorder in self.recorders:
            recorder.record(now)

    def spike(self, place: int, k: int, now: int) -> None:
        """Send the spike of a neuron or source."""
        log = self.logs[place]
        log.steps.append(now)
        log.indices.append(k)
        for route, weight in self.routes.get((place, k), ()):
            self.send(route, weight, now)
        for link, port, delay in self.seen_by.get((place, k), ()):
            self.events[now + delay].append((link, port))

    def send(self, route: _Route, weight: float, now: int) -> None:
        port = route.port
        if weight < 0 and route.negative is not None:
            port, weight = route.negative, -weight
        inbox = self.inboxes[now + route.delay].setdefault(route.target, {})
        inbox[port] = inbox.get(port, 0.0) + weight

    def synapses(self, now: int) -> None:
        """Let the synapses take the events of this time, one synapse after the other."""
        touched: dict[tuple[int, int], _Link] = {}
        for link, port in self.events.pop(now, ()):
            touched[link.place] = link
            link.due[port] = link.due.get(port, 0) + 1
        for link in self.stepwise:
            self.attempt(link, lambda link: link.connection.advance(now))
            link.read_third_factors()
        for _, link in sorted(touched.items(), key=lambda item: item[0]):
            link.read_third_factors()
            self.attempt(link, lambda link: self.take(link, now))
            link.due.clear()

    def take(self, link: _Link, now: int) -> None:
        roles = link.connection.roles
        for port in roles.order:
            emitted = now - link.route.delay if port == roles.postsynaptic else now
            for _ in range(link.due.get(port, 0)):
                for weight in link.connection.receive(port, now, emitted):
                    link.log.steps.append(now)
                    link.log.indices.append(link.place[1])
                    link.log.weights.append(weight)
                    self.send(link.route, weight, now)

    def attempt(self, link: _Link, act: Callable[[_Link], None]) -> None:
        try:
            act(link)
        except (Failure, RecursionError) as problem:
            raise link.member.stopped(problem) from None

    # Results

    def trace(self) -> NetworkTrace:
        e = self.network
        values = [r.values() for r in self.recorders]
        return NetworkTrace(
            dt=e.dt,
            steps=e.steps,
            spikes=tuple(log.spikes() for log in self.logs),
            emitted=tuple(log.spikes() for log in self.emitted),
            nodes=tuple(values[: len(e.nodes)]),
            projections=tuple(values[len(e.nodes) :]),
            backend=NAME,
        )

    def messages(self) -> tuple[Diagnostic, ...]:
        """Return what the models say, each member in its turn, the first hundred."""
        members = [m for x in self.neurons for m in x] + [
            link.member for x in self.links for link in x
        ]
        found = [d for m in members for d in m.instance.progress.messages]
        unsaid = sum(m.instance.progress.unsaid for m in members)
        unsaid += max(0, len(found) - MAX_MESSAGES)
        if unsaid:
            more = MESSAGE.at(found[0].span, f"and {unsaid} more messages")
            return (*found[:MAX_MESSAGES], more)
        return tuple(found)


_NO_RANDOM = np.random.default_rng(0)
"""For models that never ask for a random number."""


def _by_step(node: Sources | Population) -> Mapping[int, list[int]]:
    """Return which sources emit in each step."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    if isinstance(node, Sources):
        for step, k in zip(node.steps.tolist(), node.indices.tolist(), strict=True):
            found[step].append(k)
    return found


class _Signals:
    """The continuous inputs of neurons: from outside, and from other neurons."""

    def __init__(self, network: NetworkExperiment, neurons: list[list[_Member]]) -> None:
        self.steps = network.steps
        self.neurons = neurons
        self.couplings = [_Wire(c, neurons[c.source]) for c in network.couplings]
        coupled = {(c.target, c.port) for c in network.couplings}
        self.ports: list[tuple[int, Symbol, list[_Member], FloatArray | None]] = []
        for place, node in enumerate(network.nodes):
            if isinstance(node, Population):
                for port in (p.symbol for p in node.model.continuous_ports):
                    given = node.currents.get(port)
                    if given is not None or (place, port) in coupled:
                        self.ports.append((place, port, neurons[place], given))

    def provide(self, now: int) -> None:
        """Set the inputs that hold in the step that begins ``now``."""
        sums: dict[tuple[int, Symbol], FloatArray] = {}
        for wire in self.couplings:
            target = wire.coupling.target, wire.coupling.port
            size = len(self.neurons[wire.coupling.target])
            wire.add(sums.setdefault(target, np.zeros(size)))
        for place, port, members, given in self.ports:
            total = sums.get((place, port), np.zeros(len(members)))
            if given is not None and self.steps:
                total = total + given[:, min(now, self.steps - 1)]
            for member, value in zip(members, total.tolist(), strict=True):
                member.instance.values[member.instance.inputs[port]] = value


class _Wire:
    """A coupling with the values that are still on their way."""

    def __init__(self, coupling: Coupling, members: list[_Member]) -> None:
        self.coupling = coupling
        self.members = members
        longest = int(coupling.delays.max(initial=0))
        self.past = deque([self.read()] * (longest + 1), maxlen=longest + 1)

    def read(self) -> FloatArray:
        return np.array([_value(m, self.coupling.recordable) for m in self.members])

    def add(self, total: FloatArray) -> None:
        """Note today's values, and add those that arrive to ``total``."""
        self.past.append(self.read())
        c, past = self.coupling, np.array(self.past)
        arriving = past[len(past) - 1 - c.delays, c.pre]
        np.add.at(total, c.post, c.weights * arriving)


def _value(member: _Member, recordable: Symbol) -> float:
    instance = member.instance
    try:
        return float(instance.recordables[recordable](instance.values))
    except (Failure, RecursionError) as problem:
        raise member.stopped(problem) from None


class _Neurons:
    """Records the neurons of a population."""

    def __init__(self, members: list[_Member], record: Sequence[Symbol], steps: int) -> None:
        self.members = members
        self.arrays = {s: np.empty((len(members), steps)) for s in record}

    def record(self, now: int) -> None:
        for symbol, array in self.arrays.items():
            array[:, now - 1] = [_value(m, symbol) for m in self.members]

    def values(self) -> Values:
        return MappingProxyType(self.arrays)


class _Connections:
    """Records the connections of a projection.

    What changes only at events is read only from those that had one.
    """

    def __init__(self, links: list[_Link], plasticity: Plasticity | None, steps: int) -> None:
        self.links = links
        self.symbols = () if plasticity is None else plasticity.record
        self.arrays = np.empty((len(self.symbols), len(links), steps))
        self.is_steady = plasticity is None or steady(plasticity.model, self.symbols)

    def record(self, now: int) -> None:
        if not self.symbols:
            return
        links: Sequence[int] = range(len(self.links))
        if self.is_steady and now > 1:
            self.arrays[:, :, now - 1] = self.arrays[:, :, now - 2]
            links = [k for k in links if self.links[k].connection.last == now]
        for k in links:
            self.arrays[:, k, now - 1] = self.read(self.links[k], now)

    def read(self, link: _Link, now: int) -> list[float]:
        link.read_third_factors()
        try:
            return link.connection.peek(now, self.symbols)
        except (Failure, RecursionError) as problem:
            raise link.member.stopped(problem) from None

    def values(self) -> Values:
        return MappingProxyType(dict(zip(self.symbols, self.arrays, strict=True)))


_Recorder: TypeAlias = _Neurons | _Connections
