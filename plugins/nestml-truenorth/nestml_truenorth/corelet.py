"""Corelets: cells and axons that belong together, and their placement on cores.

A corelet is what one neuron of a model becomes: chip neurons (cells) and the axons that reach
them. All of it lies in one core, since axons are local; several corelets share a core where they
fit. Axon types are a matter of each corelet alone: the weights that a type stands for belong to
the cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from nestml_truenorth.chip.network import (
    DISABLED,
    FIRST_OUTPUT,
    NO_TYPE,
    SIZE,
    UNROUTED,
    Core,
    Corelet,
    Network,
    NeuronType,
    crossbar,
)
from nestml_truenorth.chip.xorshift import advance

BUILD_KEY = "nestml-truenorth"
LINES = 256
"""Lines of an output core."""


@dataclass(frozen=True, slots=True)
class Here:
    """An axon of the same corelet, ``delay`` ticks later."""

    axon: int
    delay: int = 1


@dataclass(frozen=True, slots=True)
class There:
    """An axon of another corelet."""

    corelet: int
    axon: int
    delay: int = 1


@dataclass(frozen=True, slots=True)
class Out:
    """A line that leaves the chip, counted over all output cores."""

    line: int


Target = Here | There | Out | None
"""Where the spikes of a cell go; nowhere, if None."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A chip neuron: its parameters (the number in them does not count) and where it fires at."""

    kind: NeuronType
    target: Target
    role: str = "membrane"


@dataclass(frozen=True, slots=True)
class Axon:
    """An axon of some type, and the cells that it reaches, by place in the corelet."""

    type: int
    cells: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A corelet. ``membrane`` is the cell whose potential and spikes are those of the model."""

    name: str
    cells: tuple[Cell, ...]
    axons: tuple[Axon, ...]
    membrane: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a corelet lies: its core, its first neuron, and its first axon."""

    core: int
    neuron: int
    axon: int


@dataclass(frozen=True, slots=True)
class Placed:
    network: Network
    places: tuple[Place, ...]


class TooLarge(ValueError):
    """A corelet that no core can hold."""


def size_problem(part: Part) -> str:
    """Return what keeps ``part`` from lying in one core, or nothing."""
    for what, number in (("neurons", len(part.cells)), ("axons", len(part.axons))):
        if number > SIZE:
            return f"`{part.name}` needs {number} {what} in one core, which has {SIZE}"
    return ""


def place(parts: Sequence[Part], seed: int) -> Placed:
    """Return a network of all ``parts``, each in the first core with room for it.

    Parameters
    ----------
    seed : of the random numbers of core 0; those of the others are drawn from it

    Raises
    ------
    TooLarge : a part does not fit into a core.
    """
    places = _places(parts)
    kinds: dict[NeuronType, int] = {}
    for part in parts:
        for cell in part.cells:
            kinds.setdefault(replace(cell.kind, number=0), len(kinds) + 1)
    members: dict[int, list[int]] = {}
    for k, where in enumerate(places):
        members.setdefault(where.core, []).append(k)
    cores = tuple(
        _core(core, [(parts[k], places[k]) for k in inside], places, kinds, seed_of(seed, core))
        for core, inside in members.items()
    )
    types = tuple(replace(kind, number=number) for kind, number in kinds.items())
    return Placed(Network(types, cores, BUILD_KEY), places)


def seed_of(seed: int, core: int) -> int:
    """Return the seed of a core: distinct for each, never 0."""
    if core == 0:
        return seed
    state = (seed * 0x9E3779B1 + core * 0x85EBCA77) & 0xFFFFFFFF
    for _ in range(8):
        state = advance(state or 0x6C078965)
    return state


def _places(parts: Sequence[Part]) -> tuple[Place, ...]:
    used: list[tuple[int, int]] = []
    found = []
    first_open = 0
    for part in parts:
        if size_problem(part):
            raise TooLarge(size_problem(part))
        core = first_open
        while core < len(used) and (
            used[core][0] + len(part.cells) > SIZE or used[core][1] + len(part.axons) > SIZE
        ):
            core += 1
        if core == len(used):
            used.append((0, 0))
        neurons, axons = used[core]
        found.append(Place(core, neurons, axons))
        used[core] = (neurons + len(part.cells), axons + len(part.axons))
        while first_open < len(used) and SIZE in used[first_open]:
            first_open += 1
    return tuple(found)


def _core(
    id: int,
    inside: Sequence[tuple[Part, Place]],
    places: Sequence[Place],
    kinds: dict[NeuronType, int],
    seed: int,
) -> Core:
    types, to = [NO_TYPE] * SIZE, [(DISABLED, 0, 1)] * SIZE
    axon_types = [0] * SIZE
    synapses: list[tuple[int, int]] = []
    for part, where in inside:
        for n, cell in enumerate(part.cells):
            types[where.neuron + n] = kinds[replace(cell.kind, number=0)]
            to[where.neuron + n] = _destination(cell.target, where, places)
        for i, axon in enumerate(part.axons):
            axon_types[where.axon + i] = axon.type
            synapses += [(where.axon + i, where.neuron + n) for n in axon.cells]
    names = tuple(dict.fromkeys(part.name for part, _ in inside))
    return Core(
        id=id,
        crossbar=crossbar(axon_types, synapses),
        types=tuple(types),
        dest_cores=tuple(t[0] for t in to),
        dest_axons=tuple(t[1] for t in to),
        delays=tuple(t[2] for t in to),
        seed=seed,
        corelet=Corelet(name=names[0], number=id),
    )


def _destination(target: Target, where: Place, places: Sequence[Place]) -> tuple[int, int, int]:
    match target:
        case Here(axon, delay):
            return where.core, where.axon + axon, delay
        case There(corelet, axon, delay):
            there = places[corelet]
            return there.core, there.axon + axon, delay
        case Out(line):
            return (*output_line(line), 1)
        case None:
            return UNROUTED, -1, 1


def output_line(line: int) -> tuple[int, int]:
    """Return the output core and axon of a line."""
    return FIRST_OUTPUT - line // LINES, line % LINES


class Drawing:
    """A corelet while it is being put together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cells: list[Cell] = []
        self.axons: list[Axon] = []

    def cell(self, kind: NeuronType, target: Target, role: str) -> int:
        self.cells.append(Cell(kind, target, role))
        return len(self.cells) - 1

    def axon(self, type: int, cells: Iterable[int] = ()) -> int:
        """Add an axon; it may reach cells that are added later, see ``connect``."""
        self.axons.append(Axon(type, tuple(cells)))
        return len(self.axons) - 1

    def connect(self, axon: int, cells: Iterable[int]) -> None:
        old = self.axons[axon]
        self.axons[axon] = Axon(old.type, (*old.cells, *cells))

    def part(self, membrane: int) -> Part:
        return Part(self.name, tuple(self.cells), tuple(self.axons), membrane)
