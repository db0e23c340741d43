"""Running networks: populations and synapses of compiled libraries, in the network runtime."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Any

import numpy as np

from nestml_core.api import (
    CUT_SHORT,
    NOWHERE,
    Code,
    Coupling,
    Diagnostic,
    NetworkExperiment,
    NetworkState,
    NetworkTrace,
    Plasticity,
    Population,
    Projection,
    Recordable,
    Result,
    Running,
    Severity,
    SolvedModel,
    Sources,
    Spikes,
    Symbol,
    Written,
    tracked,
)
from nestml_cpp import synapses
from nestml_cpp.compiled_functions import FloatArray, Kind, Problem
from nestml_cpp.library import CHUNK_SECONDS, Handle, Library
from nestml_cpp.names import file_name
from nestml_cpp.network_compiling import Compiled, compiled
from nestml_cpp.network_library import NetworkHandle
from nestml_cpp.network_neurons import set_up
from nestml_cpp.network_state import NAME, cut_of, digest_of, fits, packed, unpacked
from nestml_cpp.options import Options
from nestml_cpp.requirements import has_loops
from nestml_cpp.simulation import (
    STOPPED,
    failure,
    recordables,
    spoken,
)
from nestml_cpp.synapse_library import SynapseHandle
from nestml_cpp.toolchain import Variant, library_of, unwritten

LONG_DELAY = Code("CPP207", Severity.ERROR, "a delay that is too long for a compiled network")
OTHER_NETWORK = Code("CPP208", Severity.ERROR, "a state of another network")

LONGEST_DELAY = 65535
"""In steps: delays take two bytes."""
NEURON, CONNECTION = 0, 1
"""What the streams of random numbers are for: the second word of their seeds."""
NOTHING: Mapping[Symbol, Any] = MappingProxyType({})
NOTHING_EMITTED = Spikes(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
MEMORY = "record less, keep less (`emitted=False`), or make the network smaller"


def simulate_network(
    network: NetworkExperiment,
    running: Running,
    options: Options,
    written: Written[Options],
) -> Result[NetworkTrace]:
    """Run a network. What there is of it by the time it ends early is in the trace.

    Errors
    ------
    NML968 : it was interrupted.
    CPP101 to CPP104 : there is no compiler, it does not work, or there is no room for its files.
    CPP201 to CPP206 : as for one neuron or synapse.
    CPP207 : a delay is too long.
    CPP208 : the state to begin with is that of another network.
    """
    found = tuple(_refused(network))
    if found:
        return Result(None, found)
    try:
        made = compiled(network, options, written)
    except OSError as problem:
        return Result(None, (unwritten(problem),))
    if made.value is None:
        return Result(None, made.diagnostics)
    start = running.start
    if start is not None and not fits(start, digest_of(network, made.value.names(network))):
        message = "the state to go on from is that of another network"
        help = "all must be as it was, but how long it runs, what is recorded, and threads"
        return Result(None, (*made.diagnostics, OTHER_NETWORK.at(NOWHERE, message, help=help)))
    try:
        run = _Run(network, running, made.value)
    except MemoryError as problem:
        message = f"there is not enough memory for the network: {problem}"
        return Result(None, (*made.diagnostics, STOPPED.at(NOWHERE, message, help=MEMORY)))
    try:
        done = run.result()
    finally:
        run.close()
    return Result(done.value, (*made.diagnostics, *done.diagnostics))


def _refused(network: NetworkExperiment) -> Iterator[Diagnostic]:
    for p in network.projections:
        longest = int(p.delays.max(initial=0))
        if longest > LONGEST_DELAY:
            message = f"{p.name}: a delay of {longest * network.dt:g} ms, or {longest} steps"
            help = f"the longest is {LONGEST_DELAY} steps; take a larger dt"
            yield LONG_DELAY.at(NOWHERE, message, help=help)


# Building


@dataclass(slots=True)
class _Part:
    """What there is of a node or projection: handles of its blocks, arrays of its recordings."""

    handles: list[Any] = field(default_factory=list)
    recorded: dict[Symbol, FloatArray] = field(default_factory=dict)


class _Run:
    """A network that is built, and runs once.

    Raises
    ------
    MemoryError : there is not enough memory for it.
    """

    def __init__(self, network: NetworkExperiment, running: Running, made: Compiled) -> None:
        self.network = network
        self.running = running
        self.made = made
        self.steps = network.steps - running.first
        self.handle = NetworkHandle(made.functions, network.dt, running.threads, cut_of(running))
        self.libraries: dict[str, Library] = {}
        self.nodes = [self._node(k, n) for k, n in enumerate(network.nodes)]
        self.projections = [self._projection(k, p) for k, p in enumerate(network.projections)]
        for c in network.couplings:
            self._couple(c)

    def close(self) -> None:
        self.handle.close()
        for part in (*self.nodes, *self.projections):
            for handle in part.handles:
                handle.close()

    def _node(self, place: int, node: Sources | Population) -> _Part:
        part = _Part()
        if isinstance(node, Sources):
            keep = self.handle.keep
            steps, members = keep(node.steps, np.int64), keep(node.indices, np.int64)
            self.handle.call("trains", node.size, steps, members, len(node.steps))
            return part
        self.handle.call("population", node.size)
        artifact = self.made.populations[place]
        path = library_of(artifact.directory, node.model, Variant.POPULATION)
        library = Library(path, file_name(node.model))
        self.libraries[str(path)] = library
        addresses = [library.address(name) for name in ("begin", "advance", "read")]
        length = self.handle.block_length(node.size)
        seed = _seed(self.network.seed, NEURON, place)
        for first in range(0, node.size, length):
            size = min(length, node.size - first)
            block = Handle(library, size, self.network.dt, seed)
            part.handles.append(block)
            set_up(block, node, slice(first, first + size))
            population = block.population(first, node.size)
            self.handle.call("block", place, population, block.pointer, *addresses)
        for symbol in node.record:
            out = self._recording(node.size)
            number = _number(recordables(node.model), symbol)
            self.handle.record("record", place, number, out)
            part.recorded[symbol] = out
        return part

    def _recording(self, members: int) -> FloatArray:
        return np.empty((self.steps, members))

    def _projection(self, place: int, p: Projection) -> _Part:
        part = _Part()
        target = self.network.nodes[p.target]
        assert isinstance(target, Population), "sources receive nothing"
        ports = [x.symbol for x in target.model.spike_ports]
        negative = -1 if p.negative is None else ports.index(p.negative)
        numbers = (p.source, p.target, ports.index(p.port), negative)
        if p.plasticity is None and p.pairs.starts is not None:
            columns = (p.pairs.targets, p.delays, p.weights)
            self.handle.connect_sorted(numbers, p.pairs.starts, columns)
            return part
        if p.plasticity is None:
            self.handle.connect("connect", numbers, (p.pre, p.post, p.delays, p.weights))
            return part
        nothing = np.broadcast_to(np.zeros(1), (len(p.pairs),))
        self.handle.connect("connect_plastic", numbers, (p.pre, p.post, p.delays, nothing))
        self._plastic(place, p, p.plasticity, part)
        return part

    def _plastic(self, place: int, p: Projection, plasticity: Plasticity, part: _Part) -> None:
        seed = _seed(self.network.seed, CONNECTION, place)
        for _ in self.nodes[p.target].handles:
            block = synapses.opened(self.made.synapses[place], plasticity, self.network.dt, seed)
            part.handles.append(block)
            block.keep_emitted(self.running.keeps_emitted)
            functions = [
                block.library.address(name) for name in ("start", "take", "read", "problem")
            ]
            self.handle.call("synapses", place, block.plastic, block.pointer, *functions)
        for m in plasticity.modulations:
            self.handle.call("modulate", place, m.node)
        self._factors(place, p, plasticity)
        for symbol in plasticity.record:
            out = self._recording(len(p.pairs))
            number = _number(recordables(plasticity.model), symbol)
            self.handle.record("record_synapses", place, number, out)
            part.recorded[symbol] = out

    def _factors(self, place: int, p: Projection, plasticity: Plasticity) -> None:
        target = self.network.nodes[p.target]
        assert isinstance(target, Population)
        read = {t.port: t.recordable for t in plasticity.third_factors}
        constants = dict(plasticity.constants)
        for port in (x.symbol for x in plasticity.model.continuous_ports):
            if port in read:
                number = _number(recordables(target.model), read[port])
                self.handle.call("factor", place, number, 0.0)
            else:
                self.handle.call("factor", place, -1, constants[port])

    def _couple(self, c: Coupling) -> None:
        source, target = self.network.nodes[c.source], self.network.nodes[c.target]
        assert isinstance(source, Population)
        assert isinstance(target, Population)
        read = _number(recordables(source.model), c.recordable)
        port = [x.symbol for x in target.model.continuous_ports].index(c.port)
        numbers = (c.source, c.target, read, port)
        self.handle.connect("couple", numbers, (c.pre, c.post, c.delays, c.weights))

    # Running

    def result(self) -> Result[NetworkTrace]:
        """Run; return what there is, and what is wrong, if anything."""
        problem = self._begun()
        if problem is not None:
            return Result(None, (*self._messages(), problem))
        cut: tuple[Diagnostic, ...] = ()
        try:
            if not self._advanced():
                cut = (self._problem(),)
        except KeyboardInterrupt:
            at = self.handle.steps_done * self.network.dt
            message = f"interrupted at t = {at:g} ms"
            help = "what there is by then is in the `result` of the network"
            cut = (CUT_SHORT.at(NOWHERE, message, help=help),)
        try:
            state = self._state() if self.running.keeps_state else None
            emitted = self._all_emitted() if self.running.keeps_emitted else ()
        except MemoryError:
            state, emitted = None, ()
            message = "there is not enough memory for the state, or for what synapses have emitted"
            cut = (*cut, STOPPED.at(NOWHERE, f"{message}: both are left out", help=MEMORY))
        return Result(self._trace(state, emitted), (*self._messages(), *cut))

    def _begun(self) -> Diagnostic | None:
        if self.handle.begin() != Kind.NONE:
            return self._problem()
        if self.running.start is None:
            return None
        if self.handle.load(unpacked(self.running.start)[1]) != Kind.NONE:
            return self._problem()
        return None

    def _advanced(self) -> bool:
        """Advance to the end; return whether all went well. Interruptions end it in between."""
        bar = iter(tracked(range(self.steps), "simulating", wanted=self.running.progress))
        loops = any(has_loops(model) for model in self._models())
        chunk, left = 1, self.steps
        while left > 0:
            now = min(chunk, left)
            begin = time.perf_counter()
            kind = self._watched(now) if loops else self.handle.advance(now)
            if kind != Kind.NONE:
                return False
            deque(islice(bar, now), maxlen=0)
            left -= now
            if time.perf_counter() - begin < CHUNK_SECONDS / 2:
                chunk *= 2
        return True

    def _watched(self, steps: int) -> int:
        """Advance in another thread, so that this one notices when it is interrupted."""
        found: list[int] = []
        thread = threading.Thread(
            target=lambda: found.append(self.handle.advance(steps)), daemon=True
        )
        thread.start()
        try:
            while thread.is_alive():
                thread.join(CHUNK_SECONDS)
        except BaseException:
            self._interrupt(1)
            thread.join()
            raise
        finally:
            self._interrupt(0)
        return found[0]

    def _interrupt(self, wanted: int) -> None:
        for library in self.libraries.values():
            library.interrupt(wanted)
        for part in self.projections:
            for block in part.handles:
                block.library.interrupt(wanted)

    def _models(self) -> Iterator[SolvedModel]:
        for node in self.network.nodes:
            if isinstance(node, Population):
                yield node.model
        for p in self.network.projections:
            if p.plasticity is not None:
                yield p.plasticity.model

    def _problem(self) -> Diagnostic:
        """Return why the run ended early."""
        (where, number), text, dt = self.handle.place, self.handle.text, self.network.dt
        kind = Kind(self.handle.kind)
        if where == 1:
            node = self.network.nodes[number]
            assert isinstance(node, Population)
            given = {**node.parameters, **node.initial}
            return failure(node.model, dt, given, Problem(kind, text))
        if where == 2:
            p = self.network.projections[number]
            assert p.plasticity is not None
            given = {**p.plasticity.parameters, **p.plasticity.initial}
            return synapses.failure(p.plasticity.model, p.name, dt, given, Problem(kind, text))
        if kind is Kind.NO_MEMORY:
            message = "the network was stopped for want of memory"
            return STOPPED.at(NOWHERE, message, help=MEMORY)
        return STOPPED.at(NOWHERE, f"the network was stopped: {text}")

    # What comes out

    def _all_emitted(self) -> tuple[Spikes, ...]:
        return tuple(_emitted(part, self.handle.steps_done) for part in self.projections)

    def _state(self) -> NetworkState | None:
        """Return where the run stopped, if it did so between two steps."""
        if self.handle.kind != Kind.NONE:
            return None
        digest = digest_of(self.network, self.made.names(self.network))
        steps = self.handle.steps_done
        return packed(cut_of(self.running), self.handle.save(), digest, steps)

    def _trace(self, state: NetworkState | None, emitted: tuple[Spikes, ...]) -> NetworkTrace:
        steps = self.handle.steps_done - self.running.first
        return NetworkTrace(
            dt=self.network.dt,
            steps=steps,
            spikes=tuple(
                Spikes(*self.handle.spikes(k), np.zeros(0)) for k in range(len(self.nodes))
            ),
            emitted=emitted,
            nodes=tuple(_recorded(part, steps) for part in self.nodes),
            projections=tuple(_recorded(part, steps) for part in self.projections),
            backend=NAME,
            first=self.running.first,
            state=state,
        )

    def _messages(self) -> tuple[Diagnostic, ...]:
        found: list[Diagnostic] = []
        models = dict(enumerate(self._models()))
        parts = [part for part in (*self.nodes, *self.projections) if part.handles]
        for k, part in enumerate(parts):
            for handle in part.handles:
                found += spoken(models[k], handle.messages())
        return tuple(found)


def _number(known: Iterable[Recordable], symbol: Symbol) -> int:
    return [r.symbol for r in known].index(symbol)


def _seed(seed: int, what: int, place: int) -> int:
    return int(np.random.SeedSequence([seed, what, place]).generate_state(1, np.uint64)[0])


def _emitted(part: _Part, done: int) -> Spikes:
    """Return what the synapses of a projection emitted: by time, then by connection."""
    blocks = [h.emitted() for h in part.handles if isinstance(h, SynapseHandle)]
    if not blocks:
        return NOTHING_EMITTED
    steps, numbers, weights = (np.concatenate(x) for x in zip(*blocks, strict=True))
    order = np.lexsort((numbers, steps))
    order = order[: np.searchsorted(steps, done, side="right", sorter=order)]
    return Spikes(steps[order], numbers[order], weights[order])


def _recorded(part: _Part, steps: int) -> Mapping[Symbol, FloatArray]:
    return MappingProxyType({s: out[:steps].T for s, out in part.recorded.items()})
