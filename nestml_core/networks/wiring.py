"""Putting networks together: populations, connections, couplings, and what to record of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nestml_core import arguments
from nestml_core.diagnostics import Diagnostic, Result
from nestml_core.experiment import MAX_SEED, MAX_STEPS, FloatArray, IntArray, is_list
from nestml_core.expr import Symbol
from nestml_core.loading import LoadedModel, loaded
from nestml_core.network import (
    BAD_PART,
    CUT_SHORT,
    NO_ROOM,
    WRONG_KIND,
    Coupling,
    Modulation,
    NetworkExperiment,
    NetworkState,
    NetworkTrace,
    Plasticity,
    Population,
    Projection,
    Roles,
    Running,
    Sources,
    roles,
    unknown,
)
from nestml_core.networks.connecting import (
    chosen,
    continuous_inputs,
    continuous_port,
    fixed_weights,
    inputs_of,
    neurons,
    recordable_of,
    refuse_settings,
    refuse_signs,
    refuse_weights,
    spike_port,
)
from nestml_core.networks.execution import execute
from nestml_core.networks.members import Arrays, count, delays, numbers, settled, signals
from nestml_core.networks.ordering import by_source, listed, own
from nestml_core.networks.patterns import pattern
from nestml_core.networks.results import Connections, NetworkRun, Nodes
from nestml_core.networks.states import loaded_state, saved
from nestml_core.networks.trains import in_time, poisson, trains
from nestml_core.problems import ModelError, by_name, refuse, valued
from nestml_core.solved import ModelKind, SolvedModel
from nestml_core.types import ONE
from nestml_core.units import known

POISSON = 2
"""What a stream of random numbers is for that is not a member's of a network."""

Model: TypeAlias = LoadedModel | str | Path


@contextmanager
def _room_for(what: str) -> Iterator[None]:
    """Refuse what does not fit into memory."""
    try:
        yield
    except MemoryError as problem:
        help = "connect fewer of them, or take a machine with more memory"
        refuse(NO_ROOM, f"{what}: there is not enough memory: {problem}", help)


def _save(state: NetworkState, path: str | Path) -> None:
    try:
        saved(state, path)
    except OSError as problem:
        help = "all that the run has yielded is in the `result` of the network, its state too"
        refuse(NO_ROOM, f"the state cannot be written to `{path}`: {problem.strerror}", help)


class Network:
    """Neurons, connections between them, and what is to be recorded.

    What is asked for is checked at once. ``run`` starts from the beginning every time, and always
    does the same.

    Parameters
    ----------
    dt : the step, in ms
    seed : of all random numbers. Every neuron, connection and source has a stream of its own

    Attributes
    ----------
    result : what the last run yielded, also if it was interrupted or went wrong half-way

    Raises
    ------
    ModelError : also from every method: something does not fit.
    """

    def __init__(self, dt: Any = 0.1, seed: int = 1) -> None:
        self.dt = arguments.time(dt, "dt", BAD_PART)
        if not 0 < self.dt < np.inf:
            refuse(BAD_PART, f"dt ({self.dt:g} ms) must be positive and finite")
        if not isinstance(seed, (int, np.integer)) or not 0 <= seed <= MAX_SEED:
            refuse(BAD_PART, f"seed: {seed!r} is not a whole number from 0 to {MAX_SEED}")
        self.seed = int(seed)
        self._nodes: list[Nodes] = []
        self._trains: dict[int, tuple[IntArray, IntArray]] = {}
        self._rates: dict[int, FloatArray] = {}
        self._settings: dict[int, tuple[Arrays, Arrays]] = {}
        self._currents: dict[int, Mapping[str, Any]] = {}
        self._projections: list[Connections] = []
        self._wired: list[Projection] = []
        self._couplings: list[Coupling] = []
        self._recorded: dict[int, tuple[Symbol, ...]] = {}
        self._recorded_of: dict[int, tuple[Symbol, ...]] = {}
        self._said: list[Diagnostic] = []
        self.result: NetworkRun | None = None

    # What there is

    def spike_source(self, times: Sequence[Any], name: str = "sources") -> Nodes:
        """Return sources that emit spikes at given times.

        Parameters
        ----------
        times : for each source its times, in ms: from the end of the first step on. One that is
            not a multiple of dt counts for the next that is (with a warning)
        """
        steps, said = trains(times, self.dt)
        found = self._node(Nodes(name, len(steps), None, len(self._nodes)))
        self._trains[found.place] = in_time(steps)
        self._said += said
        return found

    def poisson_source(self, n: int, rate: Any, name: str = "Poisson sources") -> Nodes:
        """Return sources of Poisson trains on the grid of steps; a step may have several spikes.

        Parameters
        ----------
        n : how many sources
        rate : in Hz, or a quantity; one for all, or one for each
        """
        size = count(n, name)
        rates = numbers(rate, size, known("Hz"), f"rate of {size} sources")
        if (rates < 0).any():
            refuse(BAD_PART, "a rate is negative")
        found = self._node(Nodes(name, size, None, len(self._nodes)))
        self._rates[found.place] = rates
        return found

    def create(
        self,
        model: Model,
        n: int = 1,
        *,
        parameters: Mapping[str, Any] | None = None,
        initial: Mapping[str, Any] | None = None,
        currents: Mapping[str, Any] | None = None,
        name: str = "",
    ) -> Nodes:
        """Return new neurons.

        Parameters
        ----------
        model : of the neurons, loaded already or what ``load`` takes
        n : how many
        parameters, initial : by name: a value for all, or a sequence or array with one for each
        currents : for each continuous port a value for all, an array with one for each, or
            (times, values) as in ``LoadedModel.simulate``, for all
        name : what diagnostics call them; the name of the model if empty
        """
        made = loaded(model)
        if made.solved.kind is not ModelKind.NEURON:
            help = "use it in connect(..., synapse=...); neurons emit in `onCondition` or `update`"
            message = f"`{made.name}` is a synapse, and no neuron"
            refuse(WRONG_KIND, message, help, made.solved.span)
        name = name or made.name
        size = count(n, name)
        values = settled(made.solved, parameters, initial, size, name)
        ports, given = made.continuous_ports, by_name(currents, "currents", BAD_PART)
        for port in given:
            if port not in ports:
                raise ModelError([unknown(f"`{made.name}`", "continuous port", port, ports)])
        signals(made.solved, size, given, self.dt, 1)
        found = Nodes(name, size, made, len(self._nodes))
        self._settings[found.place] = values
        self._currents[found.place] = dict(given)
        return self._node(found)

    # What is connected

    def connect(
        self,
        pre: Nodes,
        post: Nodes,
        *,
        rule: str = "all_to_all",
        pairs: tuple[Any, Any] | None = None,
        matrix: Any = None,
        weight: Any = None,
        delay: Any = 1.0,
        port: str | None = None,
        synapse: Model | None = None,
        parameters: Mapping[str, Any] | None = None,
        initial: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        presynaptic: str | None = None,
        postsynaptic: str | None = None,
        name: str = "",
    ) -> Connections:
        """Return new connections: a spike emitted at t arrives at t + delay.

        Which connections there are, and in which order: all pairs, those of the first source
        first; or, with ``rule="one_to_one"``, each source with the neuron of the same number; or
        ``pairs``, two sequences of numbers of sources and of neurons; or the entries of ``matrix``
        that are not zero, row by row.

        Parameters
        ----------
        matrix : weights, an array or SciPy sparse matrix of shape (sources, neurons)
        weight : of every spike, 1 if nothing is said; one for all, or one for each connection.
            Synapses have their own
        delay : in ms, a multiple of dt, and at least one; one for all, or one for each connection.
            A postsynaptic spike comes back to the synapse with the same delay
        port : where spikes arrive; needed where the neurons have several. If they have a pair of
            an excitatory and an inhibitory port, the sign of the weight decides if nothing is said
        synapse : its model; without one the weights never change
        parameters, initial : of the synapses, by name; one for all, or one for each connection
        inputs : for ports of the synapse that are neither presynaptic nor postsynaptic. At a port
            for spikes: nodes, every spike of which is seen at once, or (nodes, delay), or None
            for no input. At a continuous port: the name of a recordable of the postsynaptic
            neuron, whose value at the time of an event is seen, or a number
        presynaptic, postsynaptic : these ports of the synapse, where the compiler would choose
            others (see ``docs/networks.md``)
        name : what diagnostics call them
        """
        self._own(pre, Nodes)
        self._own(post, Nodes)
        target = neurons(post)
        name = name or f"{pre.name} to {post.name}"
        with _room_for(name):
            between, in_matrix = pattern(pre, post, rule, pairs, matrix)
        to, negative = spike_port(target.solved, port)
        made, weights, plasticity = None, None, None
        late = delays(delay, len(between), self.dt, 1)
        if synapse is None:
            refuse_settings(name, parameters, initial, inputs)
            weights = fixed_weights(name, len(between), in_matrix, weight)
            if port is not None:
                refuse_signs(name, weights, target.solved, to)
            with _room_for(name):
                weights = weights if weights is in_matrix else own(between, weights)
                between, (weights, late) = by_source(between, pre.size, post.size, weights, late)
        else:
            refuse_weights(name, in_matrix, weight)
            made = loaded(synapse)
            parts = valued(roles(made.solved, presynaptic, postsynaptic))[0]
            values = settled(made.solved, parameters, initial, len(between), f"synapses of {name}")
            plasticity = self._plasticity(made.solved, parts, values, inputs, target)
            between = listed(between, post.size)
        self._wired.append(
            Projection(
                name=name,
                source=pre.place,
                target=post.place,
                pairs=between,
                delays=late,
                port=to,
                negative=negative,
                weights=weights,
                plasticity=plasticity,
            )
        )
        self._projections.append(Connections(name, between, made, len(self._projections)))
        return self._projections[-1]

    def couple(
        self,
        source: Nodes,
        target: Nodes,
        recordable: str,
        port: str,
        *,
        rule: str = "all_to_all",
        pairs: tuple[Any, Any] | None = None,
        matrix: Any = None,
        weight: Any = None,
        delay: Any = 0.0,
    ) -> None:
        """Let a continuous port see recorded quantities of other neurons, weighted and summed.

        The value at the end of a step is seen in the step that begins ``delay`` later. Several
        couplings with one port add up, also with its input from outside.

        Parameters
        ----------
        recordable : of the neurons of ``source``
        port : continuous port of the neurons of ``target``
        rule, pairs, matrix : as in ``connect``
        weight : in the unit of the port over that of the recordable, or a quantity
        delay : in ms, a multiple of dt, perhaps 0; one for all, or one for each pair
        """
        self._own(source, Nodes)
        self._own(target, Nodes)
        read = recordable_of(neurons(source).solved, recordable)
        to = continuous_port(neurons(target).solved, port)
        between, in_matrix = pattern(source, target, rule, pairs, matrix)
        between = listed(between, target.size)
        ratio = (to.type.unit or ONE) / (read.type.unit or ONE)
        given = chosen(in_matrix, weight)
        self._couplings.append(
            Coupling(
                source=source.place,
                target=target.place,
                recordable=read,
                port=to,
                pre=between.pre,
                post=between.post,
                weights=numbers(given, len(between), ratio, f"weights for `{port}`"),
                delays=delays(delay, len(between), self.dt, 0).astype(np.int32),
            )
        )

    # What is recorded, and running

    def record(self, what: Nodes | Connections, names: Sequence[str] | str | None = None) -> None:
        """Record recordables of all neurons, or of the synapses of all connections.

        Parameters
        ----------
        names : all of them if None
        """
        self._own(what, Nodes, Connections)
        if what.model is None:
            message = f"{what.name}: there is nothing to record but spikes, which always are"
            refuse(WRONG_KIND, message)
        wanted = what.model.recordables if names is None else names
        if not is_list(wanted) and not isinstance(wanted, str):
            refuse(BAD_PART, f"{what.name}: {wanted!r} is no name of a recordable", "give a list")
        wanted = (wanted,) if isinstance(wanted, str) else tuple(wanted)
        symbols = [recordable_of(what.model.solved, n) for n in wanted]
        kept = self._recorded if isinstance(what, Nodes) else self._recorded_of
        kept[what.place] = tuple(dict.fromkeys((*kept.get(what.place, ()), *symbols)))

    def experiment(self, duration: Any, first: int = 0) -> NetworkExperiment:
        """Return the network as a value: everything checked, in coherent units, on the grid.

        Parameters
        ----------
        duration : ms; rounded to a whole number of steps
        first : how many steps have been done before
        """
        length = arguments.time(duration, "duration", BAD_PART)
        if not 0 <= length < np.inf:
            refuse(BAD_PART, f"duration ({length:g} ms) must be finite, and not below 0")
        if first + round(length / self.dt) > MAX_STEPS:
            message = f"duration ({length:g} ms): no run has more than {MAX_STEPS} steps"
            refuse(BAD_PART, message)
        steps = first + round(length / self.dt)
        return NetworkExperiment(
            nodes=tuple(self._described(n, steps) for n in self._nodes),
            projections=tuple(self._with_records(k, p) for k, p in enumerate(self._wired)),
            couplings=tuple(self._couplings),
            steps=steps,
            dt=self.dt,
            seed=self.seed,
        )

    def run(
        self,
        duration: Any,
        *,
        backend: str = "reference",
        threads: int = 1,
        start: NetworkState | str | Path | None = None,
        checkpoint: bool | str | Path = False,
        emitted: bool = True,
        progress: bool = True,
        **options: Any,
    ) -> NetworkRun:
        """Run the network, from the beginning or from where another run stopped.

        Ctrl-C ends it; what there is by then is in ``result``, as it is if the run goes wrong.

        Parameters
        ----------
        duration : ms; rounded to a whole number of steps
        backend : what runs it: the reference interpreter, or a backend that runs networks, such as
            ``"cpp"``, with compiled code
        threads : how many threads compute; results do not depend on it
        start : go on from the state that another run has kept, or from a file with one. The times
            of spike sources and currents count from the beginning of the first run
        checkpoint : keep the state at the end, also if Ctrl-C was the end: in ``NetworkRun.state``,
            and in a file, if this is its path
        emitted : keep what synapses emit, for ``NetworkRun.emitted``
        progress : show a bar if it takes longer than a second
        options : of the backend. Of the reference interpreter: ``accurate``, to integrate nonlinear
            equations to a relative 1e-12
        """
        running = Running(
            threads=count(threads, "threads"),
            start=None if start is None else loaded_state(start),
            keeps_state=bool(checkpoint),
            keeps_emitted=bool(emitted),
            progress=progress,
        )
        self.result = None
        with _room_for("the spikes of sources, and currents"):
            experiment = self.experiment(duration, running.first)
        ran = execute(experiment, running, backend, options)
        self.result = None if ran.value is None else self._ran(experiment, ran.value, ran)
        state = None if ran.value is None else ran.value.state
        if isinstance(checkpoint, (str, Path)) and state is not None:
            _save(state, checkpoint)
        if any(d.code is CUT_SHORT for d in ran.errors):
            raise KeyboardInterrupt(ran.errors[0].message)
        if self.result is None or ran.errors:
            raise ModelError(ran.diagnostics)
        return self.result

    def _ran(
        self, experiment: NetworkExperiment, trace: NetworkTrace, ran: Result[NetworkTrace]
    ) -> NetworkRun:
        said = (*self._said, *ran.diagnostics)
        return NetworkRun(experiment, trace, tuple(self._nodes), tuple(self._projections), said)

    # Checking

    def _node(self, node: Nodes) -> Nodes:
        self._nodes.append(node)
        return node

    def _own(self, what: Any, *kinds: type[Nodes | Connections]) -> None:
        """Refuse what is no part of this network, or of another kind."""
        if all(what is not part for part in (*self._nodes, *self._projections)):
            help = "use what `create`, `spike_source`, `poisson_source` or `connect` returned"
            refuse(BAD_PART, f"{what!r} is not part of this network", help)
        if not isinstance(what, kinds):
            help = "use what `create`, `spike_source` or `poisson_source` returned"
            refuse(WRONG_KIND, f"{what!r} are connections, and no nodes", help)

    def _plasticity(
        self,
        model: SolvedModel,
        parts: Roles,
        values: tuple[Arrays, Arrays],
        inputs: Mapping[str, Any] | None,
        target: LoadedModel,
    ) -> Plasticity:
        given = inputs_of(model, parts, inputs)
        modulators = [p for p in parts.modulators if given[p] is not None]
        modulations = tuple(self._modulation(p, given[p]) for p in modulators)
        factors, constants = continuous_inputs({p: given[p] for p in parts.third_factors}, target)
        return Plasticity(
            model=model,
            roles=parts,
            parameters=values[0],
            initial=values[1],
            modulations=modulations,
            third_factors=factors,
            constants=constants,
            record=(),
        )

    def _modulation(self, port: Symbol, given: Any) -> Modulation:
        if isinstance(given, tuple) and len(given) != 2:
            refuse(BAD_PART, f"`{port.name}`: {given!r}", "give nodes, or (nodes, delay)")
        nodes, delay = given if isinstance(given, tuple) else (given, 0.0)
        self._own(nodes, Nodes)
        return Modulation(port, nodes.place, int(delays(delay, 1, self.dt, 0)[0]))

    # Describing

    def _described(self, node: Nodes, steps: int) -> Sources | Population:
        if node.model is not None:
            return self._population(node, node.model.solved, steps)
        if node.place in self._trains:
            at, sources = self._trains[node.place]
            in_run = at <= steps
            return Sources(node.name, node.size, at[in_run], sources[in_run])
        random = np.random.default_rng([self.seed, POISSON, node.place])
        at, sources = poisson(self._rates[node.place], self.dt, steps, random)
        return Sources(node.name, node.size, at, sources)

    def _population(self, node: Nodes, model: SolvedModel, steps: int) -> Population:
        parameters, initial = self._settings[node.place]
        return Population(
            name=node.name,
            size=node.size,
            model=model,
            parameters=parameters,
            initial=initial,
            currents=signals(model, node.size, self._currents[node.place], self.dt, steps),
            record=self._recorded.get(node.place, ()),
        )

    def _with_records(self, place: int, p: Projection) -> Projection:
        if p.plasticity is None or place not in self._recorded_of:
            return p
        return replace(p, plasticity=replace(p.plasticity, record=self._recorded_of[place]))
