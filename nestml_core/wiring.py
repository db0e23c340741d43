"""Putting networks together: populations, connections, couplings, and what to record of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from nestml_core.declared import unit_text
from nestml_core.diagnostics import Diagnostic
from nestml_core.experiment import (
    GRID,
    MAX_SEED,
    MAX_STEPS,
    OFF_GRID,
    FloatArray,
    IntArray,
    grid_steps,
    is_list,
    settings,
    signal,
)
from nestml_core.expr import Symbol
from nestml_core.loading import LoadedModel, loaded
from nestml_core.network import (
    BAD_DELAY,
    BAD_PART,
    NO_INPUT,
    WHICH_PORT,
    WRONG_KIND,
    Coupling,
    Modulation,
    NetworkExperiment,
    Plasticity,
    Population,
    Projection,
    Roles,
    Sources,
    ThirdFactor,
    named_port,
    roles,
    unknown,
)
from nestml_core.network_run import Connections, NetworkRun, Nodes
from nestml_core.patterns import pattern
from nestml_core.problems import ModelError, by_name, refuse, valued
from nestml_core.reference.network import simulate_network
from nestml_core.solved import TIME, ModelKind, SolvedModel, sign_pairs
from nestml_core.source import NOWHERE
from nestml_core.types import ONE, Unit
from nestml_core.units import known, magnitude

_TRAINS = "give a list of times for each source"

POISSON = 2
"""What a stream of random numbers is for that is not a member's of a network."""

Model: TypeAlias = LoadedModel | str | Path


class Network:
    """Neurons, connections between them, and what is to be recorded.

    What is asked for is checked at once. ``run`` starts from the beginning every time, and always
    does the same.

    Parameters
    ----------
    dt : the step, in ms
    seed : of all random numbers. Every neuron, connection and source has a stream of its own

    Raises
    ------
    ModelError : also from every method: something does not fit.
    """

    def __init__(self, dt: Any = 0.1, seed: int = 1) -> None:
        self.dt = _time(dt, "dt")
        if not 0 < self.dt < np.inf:
            refuse(BAD_PART, f"dt ({self.dt:g} ms) must be positive and finite")
        if not isinstance(seed, (int, np.integer)) or not 0 <= seed <= MAX_SEED:
            refuse(BAD_PART, f"seed: {seed!r} is not a whole number from 0 to {MAX_SEED}")
        self.seed = int(seed)
        self._nodes: list[Nodes] = []
        self._trains: dict[int, tuple[IntArray, IntArray]] = {}
        self._rates: dict[int, FloatArray] = {}
        self._settings: dict[int, tuple[_Arrays, _Arrays]] = {}
        self._currents: dict[int, Mapping[str, Any]] = {}
        self._projections: list[Connections] = []
        self._wired: list[Projection] = []
        self._couplings: list[Coupling] = []
        self._recorded: dict[int, tuple[Symbol, ...]] = {}
        self._recorded_of: dict[int, tuple[Symbol, ...]] = {}
        self._said: list[Diagnostic] = []

    # What there is

    def spike_source(self, times: Sequence[Any], name: str = "sources") -> Nodes:
        """Return sources that emit spikes at given times.

        Parameters
        ----------
        times : for each source its times, in ms: from the end of the first step on. One that is
            not a multiple of dt counts for the next that is (with a warning)
        """
        steps: list[IntArray] = []
        said: list[Diagnostic] = []
        if not is_list(times):
            refuse(BAD_PART, f"times: {times!r} is no list", _TRAINS)
        for k, train in enumerate(times):
            what = f"times of source {k}"
            if not is_list(train):
                refuse(BAD_PART, f"{what}: {train!r} is no list", _TRAINS)
            try:
                numbers = np.array([magnitude(t, TIME.type.unit) for t in train], float)
            except (TypeError, ValueError) as problem:
                refuse(BAD_PART, f"{what}: {problem}", _TRAINS)
            if not np.isfinite(numbers).all() or (numbers / self.dt < GRID).any():
                refuse(BAD_PART, f"{what}: the first possible spike is at {self.dt:g} ms")
            at, off_grid = grid_steps(numbers, self.dt)
            if off_grid:
                message = f"{what}: {off_grid} of them are not multiples of {self.dt:g} ms"
                help = "these spikes are emitted at the end of the step they fall in"
                said.append(OFF_GRID.at(NOWHERE, message, help=help))
            steps.append(at)
        found = self._node(Nodes(name, len(steps), None, len(self._nodes)))
        at = np.concatenate([*steps, np.zeros(0, np.int64)])
        sources = np.repeat(np.arange(len(steps)), [len(x) for x in steps])
        order = np.lexsort((sources, at))
        self._trains[found.place] = at[order], sources[order]
        self._said += said
        return found

    def poisson_source(self, n: int, rate: Any, name: str = "Poisson sources") -> Nodes:
        """Return sources of Poisson trains on the grid of steps; a step may have several spikes.

        Parameters
        ----------
        n : how many sources
        rate : in Hz, or a quantity; one for all, or one for each
        """
        size = _count(n, name)
        rates = self._numbers(rate, size, known("Hz"), f"rate of {size} sources")
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
        size = _count(n, name)
        values = self._settled(made.solved, parameters or {}, initial or {}, size, name)
        ports = made.continuous_ports
        for port in by_name(currents, "currents", BAD_PART):
            if port not in ports:
                raise ModelError([unknown(f"`{made.name}`", "continuous port", port, ports)])
        found = Nodes(name, size, made, len(self._nodes))
        self._signals(found, currents or {}, 1)
        self._settings[found.place] = values
        self._currents[found.place] = dict(currents or {})
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
        target = _neurons(post)
        name = name or f"{pre.name} to {post.name}"
        i, j, weights = pattern(pre, post, rule, pairs, matrix)
        to, negative = _port(target.solved, port)
        plasticity, made = None, None
        if synapse is None:
            if parameters or initial or inputs:
                refuse(BAD_PART, f"{name}: there is no synapse to set", "name one: synapse=...")
            if weights is not None and weight is not None:
                refuse(BAD_PART, f"{name}: `matrix` gives the weights already")
            if weights is None:
                weights = self._numbers(
                    1.0 if weight is None else weight, len(i), ONE, f"weights of {name}"
                )
            if port is not None and _is_paired(target.solved, to) and (weights < 0).any():
                help = "leave `port` away: the sign then decides; or use positive weights"
                refuse(BAD_PART, f"{name}: a negative weight for `{port}`", help)
        else:
            if weight is not None or weights is not None:
                help = "set its parameters or initial values, and give `pairs` if need be"
                refuse(BAD_PART, f"{name}: the weight of a synapse is its own", help)
            made = loaded(synapse)
            parts = valued(roles(made.solved, presynaptic, postsynaptic))[0]
            values = self._settled(
                made.solved, parameters or {}, initial or {}, len(i), f"synapses of {name}"
            )
            plasticity = self._plasticity(made.solved, parts, values, inputs or {}, target)
        self._wired.append(
            Projection(
                name=name,
                source=pre.place,
                target=post.place,
                pre=i,
                post=j,
                delays=self._delays(delay, len(i), 1),
                port=to,
                negative=negative,
                weights=None if plasticity is not None else weights,
                plasticity=plasticity,
            )
        )
        self._projections.append(Connections(name, i, j, made, len(self._projections)))
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
        read = _recordable(_neurons(source), recordable)
        ports = [p.symbol for p in _neurons(target).solved.continuous_ports]
        to = valued(named_port(_neurons(target).solved, port, ports))[0]
        i, j, weights = pattern(source, target, rule, pairs, matrix)
        ratio = (to.type.unit or ONE) / (read.type.unit or ONE)
        if weights is not None and weight is not None:
            refuse(BAD_PART, "`matrix` gives the weights already")
        given = weights if weights is not None else 1.0 if weight is None else weight
        self._couplings.append(
            Coupling(
                source=source.place,
                target=target.place,
                recordable=read,
                port=to,
                pre=i,
                post=j,
                weights=self._numbers(given, len(i), ratio, f"weights for `{port}`"),
                delays=self._delays(delay, len(i), 0),
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
        wanted = (wanted,) if isinstance(wanted, str) else tuple(wanted)
        symbols = [_recordable(what.model, n) for n in wanted]
        kept = self._recorded if isinstance(what, Nodes) else self._recorded_of
        kept[what.place] = tuple(dict.fromkeys((*kept.get(what.place, ()), *symbols)))

    def experiment(self, duration: Any) -> NetworkExperiment:
        """Return the network as a value: everything checked, in coherent units, on the grid.

        Parameters
        ----------
        duration : ms; rounded to a whole number of steps
        """
        length = _time(duration, "duration")
        if not 0 <= length < np.inf:
            refuse(BAD_PART, f"duration ({length:g} ms) must be finite, and not below 0")
        if round(length / self.dt) > MAX_STEPS:
            message = f"duration ({length:g} ms): no run has more than {MAX_STEPS} steps"
            refuse(BAD_PART, message)
        steps = round(length / self.dt)
        return NetworkExperiment(
            nodes=tuple(self._described(n, steps) for n in self._nodes),
            projections=tuple(self._with_records(k, p) for k, p in enumerate(self._wired)),
            couplings=tuple(self._couplings),
            steps=steps,
            dt=self.dt,
            seed=self.seed,
        )

    def run(self, duration: Any, *, accurate: bool = False, progress: bool = True) -> NetworkRun:
        """Run the network from the beginning, on the reference interpreter.

        Parameters
        ----------
        duration : ms; rounded to a whole number of steps
        accurate : integrate nonlinear equations to a relative 1e-12
        progress : show a bar if that takes longer than a second
        """
        experiment = self.experiment(duration)
        trace, said = valued(simulate_network(experiment, accurate=accurate, progress=progress))
        return NetworkRun(
            experiment, trace, tuple(self._nodes), tuple(self._projections), (*self._said, *said)
        )

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

    def _numbers(self, value: Any, n: int, unit: Unit, what: str) -> FloatArray:
        """Return ``n`` numbers in coherent units: one for all, or one for each."""
        single = _is_single(value)
        items = [value] if single else list(value)
        if not single and len(items) != n:
            refuse(BAD_PART, f"{what}: {n} are needed, here are {len(items)}")
        try:
            numbers = np.array([magnitude(x, unit) for x in items], float)
        except (TypeError, ValueError) as problem:
            refuse(BAD_PART, f"{what}: {problem}")
        if not np.isfinite(numbers).all():
            refuse(BAD_PART, f"{what}: all must be finite")
        return np.array(np.broadcast_to(numbers, (n,)))

    def _delays(self, value: Any, n: int, least: int) -> IntArray:
        unit = TIME.type.unit
        assert unit is not None, "time has a unit"
        delays = self._numbers(value, n, unit, "delays")
        steps = np.rint(delays / self.dt)
        off_grid = np.abs(delays / self.dt - steps) > GRID
        if off_grid.any():
            message = f"a delay of {delays[off_grid][0]:g} ms is not a multiple of {self.dt:g} ms"
            refuse(BAD_DELAY, message, "change the delay, or the dt of the network")
        if (steps < least).any():
            message = f"a delay of {delays[steps < least][0]:g} ms"
            shortest = f"the shortest is {least * self.dt:g} ms"
            refuse(BAD_DELAY, message, f"{shortest}, one step" if least else shortest)
        return steps.astype(np.int64)

    def _settled(
        self,
        model: SolvedModel,
        parameters: Mapping[str, Any],
        initial: Mapping[str, Any],
        n: int,
        what: str,
    ) -> tuple[_Arrays, _Arrays]:
        """Return parameters and initial values for each of ``n`` instances."""
        vectors = {d.symbol.name for d in (*model.parameters, *model.state) if d.symbol.size}
        each: list[tuple[dict[str, Any], dict[str, Any]]] = [({}, {}) for _ in range(n)]
        shared: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        for place, values in enumerate((parameters, initial)):
            for name, value in by_name(values, ("parameters", "initial")[place], BAD_PART).items():
                many = not _is_single(value)
                if name in vectors:
                    many = many and len(value) > 0 and not _is_single(value[0])
                if not many:
                    shared[place][name] = value
                    continue
                if len(value) != n:
                    message = f"`{name}` of {what}: there are {n} of them, here are {len(value)}"
                    refuse(BAD_PART, message, "give one value for all, or one for each")
                for one, x in zip(each, value, strict=True):
                    one[place][name] = x
        if not any(one[0] or one[1] for one in each):
            common = valued(settings(model, *shared))[0]
            made = [common] * n
        else:
            made = [valued(settings(model, shared[0] | p, shared[1] | s))[0] for p, s in each]
        return _stacked([m.parameters for m in made]), _stacked([m.initial for m in made])

    def _plasticity(
        self,
        model: SolvedModel,
        parts: Roles,
        values: tuple[_Arrays, _Arrays],
        inputs: Mapping[str, Any],
        target: LoadedModel,
    ) -> Plasticity:
        wanted = (*parts.modulators, *parts.third_factors)
        named = by_name(inputs, "inputs", BAD_PART)
        given = {valued(named_port(model, n, wanted))[0]: x for n, x in named.items()}
        for port in wanted:
            if port not in given:
                way = "nodes that spike" if port in parts.modulators else "the name of a recordable"
                message = f"`{port.name}` of `{model.name}` has no input"
                refuse(NO_INPUT, message, f'give it {way}: inputs={{"{port.name}": ...}}')
        modulations = [
            self._modulation(p, given[p]) for p in parts.modulators if given[p] is not None
        ]
        factors: list[ThirdFactor] = []
        constants: list[tuple[Symbol, float]] = []
        for port in parts.third_factors:
            if not isinstance(given[port], str) or given[port] not in target.recordables:
                constants.append((port, _constant(port, given[port], target)))
                continue
            read = _recordable(target, given[port])
            if read.type.dimension != port.type.dimension:
                message = (
                    f"`{port.name}` is in {unit_text(port)}, `{read.name}` in {unit_text(read)}"
                )
                refuse(BAD_PART, message)
            factors.append(ThirdFactor(port, read))
        return Plasticity(
            model=model,
            roles=parts,
            parameters=values[0],
            initial=values[1],
            modulations=tuple(modulations),
            third_factors=tuple(factors),
            constants=tuple(constants),
            record=(),
        )

    def _modulation(self, port: Symbol, given: Any) -> Modulation:
        if isinstance(given, tuple) and len(given) != 2:
            refuse(BAD_PART, f"`{port.name}`: {given!r}", "give nodes, or (nodes, delay)")
        nodes, delay = given if isinstance(given, tuple) else (given, 0.0)
        self._own(nodes, Nodes)
        return Modulation(port, nodes.place, int(self._delays(delay, 1, 0)[0]))

    # Describing

    def _described(self, node: Nodes, steps: int) -> Sources | Population:
        if node.model is not None:
            parameters, initial = self._settings[node.place]
            return Population(
                name=node.name,
                size=node.size,
                model=node.model.solved,
                parameters=parameters,
                initial=initial,
                currents=self._signals(node, self._currents[node.place], steps),
                record=self._recorded.get(node.place, ()),
            )
        if node.place in self._trains:
            at, sources = self._trains[node.place]
            known_here = at <= steps
            return Sources(node.name, node.size, at[known_here], sources[known_here])
        random = np.random.default_rng([self.seed, POISSON, node.place])
        mean = self._rates[node.place] * self.dt
        counts = random.poisson(mean, size=(steps, node.size))
        at, sources = np.nonzero(counts)
        often = counts[at, sources]
        return Sources(node.name, node.size, np.repeat(at + 1, often), np.repeat(sources, often))

    def _signals(self, node: Nodes, currents: Mapping[str, Any], steps: int) -> _Arrays:
        assert node.model is not None, "sources have no currents"
        model, found = node.model.solved, {}
        for port, given in currents.items():
            many = not _is_single(given) and not isinstance(given, tuple)
            if many and len(given) != node.size:
                message = f"`{port}`: there are {node.size} neurons, here are {len(given)} values"
                refuse(BAD_PART, message, "give one for all, one for each, or (times, values)")
            values = list(given) if many else [given]
            rows = [valued(signal(model, port, x, self.dt, steps))[0] for x in values]
            symbol = rows[0][0] if rows else None
            if symbol is not None:
                stacked = np.array([x for _, x in rows])
                found[symbol] = np.broadcast_to(stacked, (node.size, steps))
        return MappingProxyType(found)

    def _with_records(self, place: int, p: Projection) -> Projection:
        if p.plasticity is None or place not in self._recorded_of:
            return p
        return replace(p, plasticity=replace(p.plasticity, record=self._recorded_of[place]))


_Arrays: TypeAlias = Mapping[Symbol, FloatArray]


def _time(value: Any, what: str) -> float:
    try:
        return magnitude(value, TIME.type.unit)
    except (TypeError, ValueError) as problem:
        refuse(BAD_PART, f"{what}: {problem}")


def _count(n: Any, what: str) -> int:
    if not isinstance(n, (int, np.integer)) or isinstance(n, bool) or n < 1:
        refuse(BAD_PART, f"{what}: how many? Not {n!r}", "give a whole number, 1 or more")
    return int(n)


def _is_single(value: Any) -> bool:
    """Return whether ``value`` is one value and no sequence of them; a text is one."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__getitem__"):
        return True
    return getattr(value, "ndim", 1) == 0


def _neurons(nodes: Nodes) -> LoadedModel:
    if nodes.model is None:
        message = f"{nodes.name} only emit spikes: nothing can be sent to them or read from them"
        refuse(WRONG_KIND, message)
    return nodes.model


def _recordable(model: LoadedModel, name: str) -> Symbol:
    for r in model.solved.recordables:
        if name in (r.symbol.name, r.symbol.identifier):
            return r.symbol
    raise ModelError([unknown(f"`{model.name}`", "recordable", name, model.recordables)])


def _constant(port: Symbol, given: Any, target: LoadedModel) -> float:
    try:
        return magnitude(given, port.type.unit)
    except (TypeError, ValueError):
        if isinstance(given, str) and given.isidentifier():
            names = target.recordables
            raise ModelError([unknown(f"`{target.name}`", "recordable", given, names)]) from None
        help = "give it the name of a recordable of the postsynaptic neuron, or a value"
        refuse(BAD_PART, f"`{port.name}`: {given!r} is no input for a continuous port", help)


def _port(model: SolvedModel, name: str | None) -> tuple[Symbol, Symbol | None]:
    """Return the port where spikes arrive, and that for negative weights if it is another."""
    ports = tuple(p.symbol for p in model.spike_ports)
    pairs = {e.symbol: i.symbol for e, i in sign_pairs(model.spike_ports)}
    if name is not None:
        to = valued(named_port(model, name, ports))[0]
        return to, pairs.get(to)
    if len(ports) == 1:
        return ports[0], None
    if len(pairs) == 1 and len(ports) == 2:
        return next(iter(pairs.items()))
    listed = ", ".join(f"`{p.name}`" for p in ports) or "none"
    message = f"where do spikes arrive? `{model.name}` has these ports for them: {listed}"
    refuse(WHICH_PORT, message, "name one: port=..." if ports else "")


def _is_paired(model: SolvedModel, port: Symbol) -> bool:
    return any(port == p.symbol for pair in sign_pairs(model.spike_ports) for p in pair)


def _stacked(values: Sequence[Mapping[Symbol, float | FloatArray]]) -> _Arrays:
    found = {}
    for symbol in values[0] if values else ():
        rows = [np.asarray(v[symbol], float) for v in values]
        lengths = sorted({len(x) for x in rows if x.ndim})
        if len(lengths) > 1:
            message = f"`{symbol.name}` has {lengths[0]} elements here and {lengths[1]} there"
            refuse(BAD_PART, message, "all instances of a part have vectors of one length")
        found[symbol] = np.array(rows)
    return MappingProxyType(found)
