"""Networks on the chip: every neuron a corelet, every connection an axon of its own.

A connection's weight is the weight of its axon, so a neuron can have as many different ones as
there are axon types. Spikes leave through copies of the spiking cell, one for each connection, or
through splitters where there are many; a copy needs no time, a splitter takes one tick off the
delay. Delays beyond 15 ticks go through relays. Spikes of sources come from outside, straight to
the axons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from nestml_core.api import (
    NOWHERE,
    Code,
    Diagnostic,
    Emit,
    NetworkExperiment,
    NetworkTrace,
    Population,
    Ref,
    Result,
    SolvedModel,
    Sources,
    Spikes,
    Symbol,
    checked,
    coherent_text,
    walk_statements,
)
from nestml_truenorth import codes
from nestml_truenorth.affine import Affine, Scope, decimal, exact
from nestml_truenorth.axons import AxonGroup
from nestml_truenorth.chip import cpe
from nestml_truenorth.chip.network import (
    AXON_TYPES,
    MAX_DELAY,
    MAX_WEIGHT,
    SIZE,
    Network,
)
from nestml_truenorth.chip.simulator import PotentialOverflow, run
from nestml_truenorth.corelet import (
    Axon,
    Cell,
    Out,
    Part,
    Place,
    Target,
    There,
    TooLarge,
    place,
)
from nestml_truenorth.holding import CLAMP, RELAY, Hold
from nestml_truenorth.ir import Reading
from nestml_truenorth.lower import (
    DEPTH,
    Case,
    Settings,
    exact_case,
    exact_part,
    hold_of,
    identifier,
    initial_of,
    readings_of,
)
from nestml_truenorth.options import Choices, Options, choices
from nestml_truenorth.quantise import (
    Quantised,
    Quantity,
    coarsest_scale,
    not_whole,
    quantise,
    quantities,
)
from nestml_truenorth.simulation import FloatArray, held_steps, values_of
from nestml_truenorth.step import Dynamics

IntArray = npt.NDArray[np.int64]
Frozen = Mapping[str, Any]
"""Weights of projections with plastic synapses, by name of the projection."""

COPIES = 24
"""Up to so many connections leave by copies of the spiking cell; more by splitters."""

NAME = "truenorth"


@dataclass(frozen=True, slots=True)
class Link:
    """A connection: who fires (node, member), at whom, with what jump, and after how many ticks."""

    source: tuple[int, int]
    target: tuple[int, int]
    jump: Fraction
    delay: int


@dataclass(frozen=True, eq=False, slots=True)
class Wires:
    """What fires at what.

    Attributes
    ----------
    index : for each neuron (node, member) its corelet
    axon_of : for each link, by identity, its axon in the corelet of its target
    first : the number of the first corelet that is a splitter or relay
    extra : these, so far
    """

    index: Mapping[tuple[int, int], int]
    axon_of: Mapping[int, int]
    first: int
    extra: list[Part]

    def add(self, part: Part) -> int:
        """Add a splitter or relay; return its number."""
        self.extra.append(part)
        return self.first + len(self.extra) - 1


@dataclass(frozen=True, eq=False, slots=True)
class NeuronOnChip:
    """A neuron of a population: its corelet, and how to read it."""

    node: int
    member: int
    part: int
    quantised: Quantised
    held: int
    readings: tuple[Reading, ...]


@dataclass(frozen=True, eq=False, slots=True)
class NetworkProgram:
    """A network on the chip.

    Attributes
    ----------
    network : the program
    neurons : in order of nodes and members; neuron n fires at output line n
    places : where each corelet lies
    inputs : for each source (node, member), the axons that its spikes reach: core, axon, delay
    """

    experiment: NetworkExperiment
    network: Network
    neurons: tuple[NeuronOnChip, ...]
    parts: tuple[Part, ...]
    places: tuple[Place, ...]
    inputs: Mapping[tuple[int, int], tuple[tuple[int, int, int], ...]]

    @property
    def text(self) -> str:
        """The program file."""
        return cpe.write(self.network)

    @property
    def resources(self) -> Mapping[str, int]:
        """How much of what there is is used."""
        return {
            "neurons of the model": len(self.neurons),
            "cores": len(self.network.cores),
            "chip neurons": sum(len(p.cells) for p in self.parts),
            "axons": sum(len(p.axons) for p in self.parts),
        }


def compile_network(
    experiment: NetworkExperiment, options: Options | None = None, frozen: Frozen | None = None
) -> Result[NetworkProgram]:
    """Return a network of models of the exact class on the chip.

    Parameters
    ----------
    options : ``tick`` is that of the experiment, whatever it says here; ``weights`` is not used
    frozen : for projections with plastic synapses, by name, the weights that their connections
        keep: numbers, or ``True`` for those they begin with

    Errors
    ------
    TN1xx, TN2xx : a model, or its constants, is not for the chip.
    TN401 : continuous coupling.
    TN402 : a plastic synapse whose weights are not frozen.
    TN403 : too many different weights, or too large ones.
    TN404 : more connections than a neuron has room for.
    """
    chosen = choices(replace(options or Options(), tick=experiment.dt))
    if chosen.value is None:
        return Result(None, chosen.diagnostics)
    if experiment.couplings:
        port = experiment.couplings[0].port
        return _refused(
            codes.COUPLING,
            f"`{port.name}` sees a variable of other neurons; only spikes pass between neurons "
            "of the chip",
            "connect them by spikes",
        )
    compiler = _Compiler(experiment, chosen.value, frozen or {})
    try:
        return checked(compiler.program(), compiler.found)
    except _Stop as stop:
        return Result(None, (*compiler.found, *stop.diagnostics))
    except TooLarge as problem:
        return _refused(codes.FAN, str(problem), "use fewer connections, or split the neuron")


def _refused(code: Code, message: str, help: str) -> Result[NetworkProgram]:
    return Result(None, (code.at(NOWHERE, message, help=help),))


class _Stop(Exception):
    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__(diagnostics[0].message)
        self.diagnostics = diagnostics


class _Compiler:
    """The state of one compilation."""

    def __init__(self, experiment: NetworkExperiment, chosen: Choices, frozen: Frozen) -> None:
        self.experiment = experiment
        self.choices = chosen
        self.frozen = frozen
        self.found: list[Diagnostic] = []
        self.known: dict[Any, tuple[Case, Dynamics]] = {}

    def program(self) -> NetworkProgram:
        experiment = self.experiment
        members = [
            (n, k)
            for n, node in enumerate(experiment.nodes)
            if isinstance(node, Population)
            for k in range(node.size)
        ]
        cases = {m: self.case(*m) for m in members}
        links = list(self.links(cases))
        incoming: dict[tuple[int, int], list[Link]] = {m: [] for m in members}
        outgoing: dict[tuple[int, int], list[Link]] = {}
        for link in links:
            incoming[link.target].append(link)
            outgoing.setdefault(link.source, []).append(link)
        made = {m: self.neuron(cases[m], m, incoming[m]) for m in members}
        axon_of = {id(link): axon for _, _, _, axons in made.values() for link, axon in axons}
        index = {m: n for n, m in enumerate(members)}
        parts: list[Part] = [Part("", (), ())] * len(members)
        wires = Wires(index, axon_of, len(members), [])
        for n, m in enumerate(members):
            targets = tuple(_targets(outgoing.get(m, []), wires))
            case, q, hold, axons = made[m]
            groups = _groups([link for link, _ in axons], q)
            name = identifier(case.model.name)
            parts[n] = exact_part(name, q.kind, hold, groups, (Out(n), *targets))
        parts += wires.extra
        placed = place(parts, self.choices.rng_seed)
        neurons = tuple(self.placed(n, m, *made[m][:2], cases[m][1]) for n, m in enumerate(members))
        inputs = {
            (n, k): tuple(
                (
                    placed.places[index[link.target]].core,
                    placed.places[index[link.target]].axon + axon_of[id(link)],
                    link.delay,
                )
                for link in outgoing.get((n, k), [])
            )
            for n, node in enumerate(experiment.nodes)
            if isinstance(node, Sources)
            for k in range(node.size)
        }
        return NetworkProgram(
            experiment, placed.network, neurons, tuple(parts), placed.places, inputs
        )

    def case(self, node: int, member: int) -> tuple[Case, Dynamics]:
        """Return what is known of a neuron: once for all that have the same values."""
        population = self.experiment.nodes[node]
        assert isinstance(population, Population)
        settings = tuple(
            {s: exact(float(values[member])) for s, values in given.items()}
            for given in (population.parameters, population.initial)
        )
        key = (node, *(tuple(s.items()) for s in settings))
        if key not in self.known:
            found = exact_case(population.model, self.choices, Settings(*settings))
            if found.value is None:
                raise _Stop(*found.diagnostics)
            self.known[key] = found.value
        return self.known[key]

    def links(self, cases: Mapping[tuple[int, int], tuple[Case, Dynamics]]) -> Iterator[Link]:
        for p in self.experiment.projections:
            weights = p.weights if p.plasticity is None else self.frozen_weights(p)
            assert weights is not None
            rows = zip(
                p.pre.tolist(), p.post.tolist(), p.delays.tolist(), weights.tolist(), strict=True
            )
            for pre, post, delay, weight in rows:
                target = (p.target, post)
                factors = dict(cases[target][1].ports)
                amount = exact(weight)
                assert isinstance(amount, Fraction)
                if amount < 0 and p.negative is not None:
                    jump = -amount * factors.get(p.negative, Fraction(0))
                else:
                    jump = amount * factors.get(p.port, Fraction(0))
                if jump:
                    yield Link((p.source, pre), target, jump, delay)

    def frozen_weights(self, p: Any) -> FloatArray:
        """Return the weights that a projection with plastic synapses keeps."""
        model: SolvedModel = p.plasticity.model
        given = self.frozen.get(p.name)
        if given is None:
            raise _Stop(
                codes.PLASTICITY.at(
                    model.span,
                    f"`{p.name}` has synapses of `{model.name}`; the chip has no plasticity: its "
                    "synapses are fixed at load time",
                    help=f"freeze their weights: frozen={{{p.name!r}: weights}}, or True for those "
                    "they begin with",
                )
            )
        if given is not True:
            return np.broadcast_to(np.asarray(given, float), p.pre.shape)
        weight = _emitted(model)
        if weight is None:
            raise _Stop(
                codes.PLASTICITY.at(
                    model.span,
                    f"what `{model.name}` emits is not one of its variables",
                    help=f"give the weights: frozen={{{p.name!r}: [...]}}",
                )
            )
        for values in (p.plasticity.initial, p.plasticity.parameters):
            if weight in values:
                return np.asarray(values[weight], float)
        scope = Scope(model, self.choices.tick, {}, frozenset())
        declared = next(d.value for d in (*model.state, *model.parameters) if d.symbol == weight)
        value = scope.value(declared)
        if not isinstance(value, Affine) or not value.is_constant:
            raise _Stop(
                codes.PLASTICITY.at(
                    model.span,
                    f"the first `{weight.name}` is not a constant",
                    help=f"give the weights: frozen={{{p.name!r}: [...]}}",
                )
            )
        return np.full(p.pre.shape, float(value.constant))

    def neuron(
        self, found: tuple[Case, Dynamics], member: tuple[int, int], incoming: list[Link]
    ) -> tuple[Case, Quantised, Hold | None, list[tuple[Link, int]]]:
        """Return parameters of a neuron, and which of its axons each connection has."""
        case, d = found
        model = case.model
        start = initial_of(model, d, case.scope, case.settings)
        if isinstance(start, Diagnostic):
            raise _Stop(start)
        jumps = tuple(dict.fromkeys(link.jump for link in incoming))
        wanted = [
            *(
                q
                for q in quantities(d, start.value, start.span)
                if not q.what.startswith("what a w")
            ),
            *(Quantity("what a connection adds", jump, model.span) for jump in jumps),
        ]
        scale = self.choices.scale or coarsest_scale(tuple(wanted))
        unit = coherent_text(d.variable.type.dimension)
        problems = tuple(not_whole(tuple(wanted), scale, unit))
        if problems:
            raise _Stop(*problems)
        counts = tuple(int(scale * jump) for jump in jumps)
        self.require_types(case, member, counts, incoming)
        types = [*counts, *(0,) * (AXON_TYPES - len(counts))]
        if case.held:
            types[CLAMP] = -MAX_WEIGHT
            types = _with_lift(types, len(counts), d, scale)
        sizes = [sum(link.jump == jump for link in incoming) for jump in jumps]
        offered, first = [], 0
        for amount, size in zip(counts, sizes, strict=True):
            offered.append(AxonGroup(0, first, first + size - 1, amount))
            first += size
        made = quantise(
            d,
            start.value,
            start.span,
            scale,
            tuple(offered),
            depth=DEPTH if case.held else 2**18 - 1,
            types=(types[0], types[1], types[2], types[3]),
        )
        if made.value is None:
            raise _Stop(*made.diagnostics)
        hold = hold_of(case, made.value)
        if isinstance(hold, Diagnostic):
            raise _Stop(hold)
        ordered = [link for jump in jumps for link in incoming if link.jump == jump]
        return case, made.value, hold, [(link, n) for n, link in enumerate(ordered)]

    def require_types(
        self, case: Case, member: tuple[int, int], counts: tuple[int, ...], incoming: list[Link]
    ) -> None:
        name = f"neuron {member[1]} of `{self.experiment.nodes[member[0]].name}`"
        free = AXON_TYPES - 1 if case.held else AXON_TYPES
        if len(counts) > free:
            held = ", one of which serves to hold it after spikes" if case.held else ""
            raise _Stop(
                codes.WEIGHTS.at(
                    case.model.span,
                    f"{name} has connections of {len(counts)} different weights; a chip neuron "
                    f"tells {AXON_TYPES} axon types apart{held}",
                    help=f"use at most {free} different weights for each neuron",
                )
            )
        large = [c for c in counts if abs(c) > MAX_WEIGHT]
        if large:
            raise _Stop(
                codes.WEIGHTS.at(
                    case.model.span,
                    f"a connection of {name} comes to {large[0]} counts; an axon delivers at most "
                    f"{MAX_WEIGHT}",
                    help="use smaller weights, constants with a larger common divisor, or several "
                    "connections",
                )
            )
        if len(incoming) > SIZE:
            raise _Stop(
                codes.FAN.at(
                    case.model.span,
                    f"{name} has {len(incoming)} connections; a core has {SIZE} axons",
                    help="use fewer connections to each neuron",
                )
            )

    def placed(
        self, n: int, member: tuple[int, int], case: Case, q: Quantised, d: Dynamics
    ) -> NeuronOnChip:
        readings = tuple(readings_of(case, d, q))
        refused = [r for r in readings if isinstance(r, Diagnostic)]
        population = self.experiment.nodes[member[0]]
        assert isinstance(population, Population)
        wanted = {s.name for s in population.record}
        if refused and wanted:
            raise _Stop(*refused)
        good = tuple(r for r in readings if isinstance(r, Reading) and r.name in wanted)
        return NeuronOnChip(*member, n, q, case.held, good)


def _with_lift(types: list[int], used: int, d: Dynamics, scale: Fraction) -> list[int]:
    """Return the axon types with a weight, in a free one, that lifts a held neuron to its reset."""
    if used >= CLAMP or d.floor is None or d.fire.reset is None or d.fire.reset == d.floor:
        if used < CLAMP and d.floor is None:
            types[used] = 1 if used + 1 == CLAMP else 200
            if used + 1 < CLAMP:
                types[used + 1] = 1
        return types
    lift = int(scale * (d.fire.reset - d.floor))
    parts = -(-lift // MAX_WEIGHT)
    if lift % parts == 0:
        types[used] = lift // parts
    else:
        types[used] = 1
    return types


def _groups(links: list[Link], q: Quantised) -> tuple[AxonGroup, ...]:
    counts = [int(q.scale * link.jump) for link in links]
    return tuple(AxonGroup(0, n, n, c) for n, c in enumerate(counts))


def _targets(links: list[Link], wires: Wires) -> Iterator[Target]:
    """Yield where copies of a spiking cell fire; add splitters and relays to the wires."""
    split = [link for link in links if link.delay > 1] if len(links) > COPIES else []
    through = {id(link) for link in split}
    for link in links:
        if id(link) not in through:
            yield _reached(link, link.delay, wires)
    for at in range(0, len(split), SIZE):
        cells = tuple(
            Cell(RELAY, _reached(link, link.delay - 1, wires), "splitter")
            for link in split[at : at + SIZE]
        )
        splitter = Part("splitter", cells, (Axon(0, tuple(range(len(cells)))),))
        yield There(wires.add(splitter), 0, 1)


def _reached(link: Link, delay: int, wires: Wires) -> Target:
    """Return where to fire so that ``link`` is reached ``delay`` ticks later."""
    if delay <= MAX_DELAY:
        return There(wires.index[link.target], wires.axon_of[id(link)], delay)
    onward = _reached(link, delay - MAX_DELAY, wires)
    relay = Part("relay", (Cell(RELAY, onward, "relay"),), (Axon(0, (0,)),))
    return There(wires.add(relay), 0, MAX_DELAY)


def _emitted(model: SolvedModel) -> Symbol | None:
    """Return the variable whose value a synapse emits, if it is one."""
    found = [
        s.weight
        for handler in model.on_receive
        for s in walk_statements(handler.body)
        if isinstance(s, Emit)
    ]
    return found[0].symbol if len(found) == 1 and isinstance(found[0], Ref) else None


# Running


def simulate_network(program: NetworkProgram) -> Result[NetworkTrace]:
    """Run a network from its program file on the simulator of the chip.

    Errors
    ------
    TN303 : a potential left the range in which the chip is exact.
    """
    experiment = program.experiment
    network = cpe.read(program.text)
    rows = [np.zeros((0, 4), np.int64)]
    for n, node in enumerate(experiment.nodes):
        if isinstance(node, Sources):
            for step, k in zip(node.steps.tolist(), node.indices.tolist(), strict=True):
                rows += [
                    np.array([[step + delay - 1, core, axon, 1]])
                    for core, axon, delay in program.inputs[n, k]
                ]
    watch = [
        (
            program.places[x.part].core,
            program.places[x.part].neuron + program.parts[x.part].membrane,
        )
        for x in program.neurons
    ]
    try:
        recording = run(network, np.concatenate(rows), experiment.steps + 1, watch=watch)
    except PotentialOverflow as problem:
        return Result(None, (codes.LEFT_RANGE.at(NOWHERE, str(problem), help=RANGE_HELP),))
    fired = recording.fired
    spikes: list[list[tuple[int, int]]] = [[] for _ in experiment.nodes]
    values: list[dict[str, list[FloatArray]]] = [{} for _ in experiment.nodes]
    owner = {where: x for where, x in zip(watch, program.neurons, strict=True)}
    own: dict[int, list[int]] = {x.part: [] for x in program.neurons}
    for tick, core, neuron in fired.tolist():
        x = owner.get((core, neuron))
        if x is not None:
            spikes[x.node].append((tick, x.member))
            own[x.part].append(tick)
    for column, x in enumerate(program.neurons):
        potentials = recording.potentials[1:, column]
        ticks = np.array(own[x.part], np.int64)
        q = x.quantised
        free = ~held_steps(x.held, ticks, experiment.steps)
        outside = free & ((potentials < q.low) | (potentials > q.high))
        if outside.any():
            return Result(None, (_left(experiment, x, potentials, outside),))
        for reading in x.readings:
            values[x.node].setdefault(reading.name, []).append(
                values_of(reading, potentials, ticks)
            )
    return Result(_trace(experiment, spikes, values))


RANGE_HELP = "give the model a lower bound, or weaker inputs"


def _left(
    experiment: NetworkExperiment, x: NeuronOnChip, potentials: IntArray, outside: Any
) -> Diagnostic:
    step = int(np.flatnonzero(outside)[0]) + 1
    name = f"neuron {x.member} of `{experiment.nodes[x.node].name}`"
    time = decimal(step * exact(experiment.dt))
    return codes.LEFT_RANGE.at(
        NOWHERE,
        f"{name}: at {time} ms the potential is {potentials[step - 1]} counts; the chip computes "
        f"it exactly only from {x.quantised.low} to {x.quantised.high}",
        help=RANGE_HELP,
    )


def _trace(
    experiment: NetworkExperiment,
    spikes: list[list[tuple[int, int]]],
    values: list[dict[str, list[FloatArray]]],
) -> NetworkTrace:
    found: list[Spikes] = []
    recorded: list[dict[Symbol, FloatArray]] = []
    for n, node in enumerate(experiment.nodes):
        if isinstance(node, Sources):
            within = node.steps <= experiment.steps
            steps, indices = node.steps[within], node.indices[within]
            recorded.append({})
        else:
            ordered = sorted(spikes[n])
            steps = np.array([t for t, _ in ordered], np.int64)
            indices = np.array([k for _, k in ordered], np.int64)
            recorded.append({s: np.array(values[n][s.name]) for s in node.record})
        found.append(Spikes(steps, indices, np.zeros(0)))
    none = Spikes(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    return NetworkTrace(
        dt=experiment.dt,
        steps=experiment.steps,
        spikes=tuple(found),
        emitted=(none,) * len(experiment.projections),
        nodes=tuple(recorded),
        projections=({},) * len(experiment.projections),
        backend=NAME,
    )


__all__ = ["NetworkProgram", "compile_network", "simulate_network"]
