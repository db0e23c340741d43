"""A TrueNorth program as a value: cores of 256 axons and 256 neurons with a binary crossbar.

Symbols in parentheses are those of Cassidy et al. (2013), IJCNN, "Cognitive computing building
block: a versatile and efficient digital neuron model for neurosynaptic cores".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

SIZE = 256
"""Axons of a core, and neurons of a core."""

AXON_TYPES = 4
ROW_BYTES = SIZE // 8
MAX_DELAY = 15
MAX_WEIGHT = 255
MAX_THRESHOLD = 2**18 - 1
MAX_MASK_BITS = 18
MAX_RESET_BITS = 18
POTENTIAL_BITS = 20
MAX_POTENTIAL = 2 ** (POTENTIAL_BITS - 1) - 1
MIN_POTENTIAL = -(2 ** (POTENTIAL_BITS - 1))
DEFAULT_SEED = 2**32 - 1

NO_TYPE = 0
"""The type number of a neuron that is not used."""

DISABLED = -1
"""The destination core of a neuron that is not used."""

UNROUTED = -2
"""The destination core of a neuron whose spikes go nowhere."""

FIRST_OUTPUT = -32
"""The first virtual core; it and those below it (-33, ...) stand for lines that leave the chip."""


class Reset(IntEnum):
    """What happens to the potential of a neuron that fires (gamma)."""

    VALUE = 0
    """It becomes the reset value."""

    SUBTRACT = 1
    """The threshold is taken off."""

    NONE = 2
    """It stays, below a ceiling of threshold and mask."""


@dataclass(frozen=True, slots=True)
class NeuronType:
    """The parameters that the neurons of one kind share.

    Attributes
    ----------
    number : what neurons refer to it by; at least 1
    weights : of the four axon types, -255..255 (s)
    threshold : 0..2^18-1 (alpha)
    floor : 0..2^18-1; the potential is bounded at minus this (beta)
    leak : -255..255 for each tick (lambda)
    leak_reversal : the leak takes the sign of the potential (epsilon)
    reset_mode : (gamma)
    reset : 0 or +-(2^k - 1) (R)
    saturates : below the floor the potential becomes minus the floor (kappa = 1); otherwise a
        negative reset follows, as ``reset_mode`` says, with the random threshold part included
    mask_bits : 0..18; each tick a random number of so many bits raises the threshold (TM)
    potential : the first one (V)
    stochastic_weights, stochastic_leak : probabilities in place of amounts (b, c)
    """

    number: int
    weights: tuple[int, int, int, int]
    threshold: int
    floor: int = 0
    leak: int = 0
    leak_reversal: bool = False
    reset_mode: Reset = Reset.VALUE
    reset: int = 0
    saturates: bool = False
    mask_bits: int = 0
    potential: int = 0
    stochastic_weights: tuple[bool, bool, bool, bool] = (False, False, False, False)
    stochastic_leak: bool = False

    @property
    def is_stochastic(self) -> bool:
        """Whether weights or leak are probabilities."""
        return self.stochastic_leak or any(self.stochastic_weights)


@dataclass(frozen=True, slots=True)
class Crossbar:
    """Which axon reaches which neuron.

    ``axon_types`` are 256 numbers 0..3; ``rows`` are, for each axon, 32 bytes whose bits, the most
    significant first, stand for the neurons.
    """

    axon_types: tuple[int, ...]
    rows: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Corelet:
    """Where a core comes from, for people and tools."""

    name: str = "nestml"
    id: int = 0
    number: int = 0
    parents: tuple[int, ...] = (-1,)


@dataclass(frozen=True, slots=True)
class Core:
    """A core; ``types``, ``dest_cores``, ``dest_axons`` and ``delays`` have one entry a neuron.

    A neuron fires at one axon of one core, ``delays`` ticks later (1..15). Destination cores are
    ids, or ``DISABLED``, ``UNROUTED``, or ``FIRST_OUTPUT`` and below.
    """

    id: int
    crossbar: Crossbar
    types: tuple[int, ...]
    dest_cores: tuple[int, ...]
    dest_axons: tuple[int, ...]
    delays: tuple[int, ...]
    seed: int = DEFAULT_SEED
    corelet: Corelet = Corelet()

    def is_enabled(self, neuron: int) -> bool:
        return self.types[neuron] != NO_TYPE and self.dest_cores[neuron] != DISABLED


@dataclass(frozen=True, slots=True)
class Network:
    """A whole program: neuron types, and cores that use them."""

    neuron_types: tuple[NeuronType, ...]
    cores: tuple[Core, ...]
    build_key: str = ""


class InvalidNetwork(ValueError):
    """A network that no chip could hold; ``problems`` says all that is wrong with it."""

    def __init__(self, found: tuple[str, ...]) -> None:
        super().__init__("; ".join(found))
        self.problems = found


def crossbar(axon_types: Iterable[int], synapses: Iterable[tuple[int, int]]) -> Crossbar:
    """Return the crossbar with the given (axon, neuron) pairs connected."""
    rows = [bytearray(ROW_BYTES) for _ in range(SIZE)]
    for axon, neuron in synapses:
        rows[axon][neuron // 8] |= 0x80 >> neuron % 8
    return Crossbar(tuple(axon_types), tuple(bytes(r) for r in rows))


def is_reset_value(value: int) -> bool:
    """Return whether a reset value is representable: 0 or +-(2^k - 1)."""
    magnitude = abs(value) + 1
    return magnitude & (magnitude - 1) == 0 and magnitude <= 2**MAX_RESET_BITS


def problems(network: Network) -> tuple[str, ...]:
    """Return, in words, everything that keeps ``network`` from being a legal program."""
    return tuple(_problems(network))


def require_valid(network: Network) -> Network:
    """Return ``network``.

    Raises
    ------
    InvalidNetwork : with all problems, if there are any.
    """
    found = problems(network)
    if found:
        raise InvalidNetwork(found)
    return network


def _problems(network: Network) -> Iterator[str]:
    numbers = [t.number for t in network.neuron_types]
    for number in _repeated(numbers):
        yield f"neuron type {number}: defined more than once"
    for kind in network.neuron_types:
        for problem in _type_problems(kind):
            yield f"neuron type {kind.number}: {problem}"
    ids = [c.id for c in network.cores]
    for number in _repeated(ids):
        yield f"core {number}: defined more than once"
    for core in network.cores:
        for problem in _core_problems(core, frozenset(numbers), frozenset(ids)):
            yield f"core {core.id}: {problem}"


def _repeated(numbers: Iterable[int]) -> list[int]:
    return sorted(n for n, times in Counter(numbers).items() if times > 1)


def _outside(name: str, value: int, low: int, high: int) -> Iterator[str]:
    if not low <= value <= high:
        yield f"{name} {value} is not in {low}..{high}"


def _type_problems(kind: NeuronType) -> Iterator[str]:
    yield from _outside("number", kind.number, 1, 2**32 - 1)
    if len(kind.weights) != AXON_TYPES or len(kind.stochastic_weights) != AXON_TYPES:
        yield f"needs {AXON_TYPES} weights and {AXON_TYPES} stochastic weight flags"
    for weight in kind.weights:
        yield from _outside("weight", weight, -MAX_WEIGHT, MAX_WEIGHT)
    yield from _outside("leak", kind.leak, -MAX_WEIGHT, MAX_WEIGHT)
    yield from _outside("threshold", kind.threshold, 0, MAX_THRESHOLD)
    yield from _outside("floor", kind.floor, 0, MAX_THRESHOLD)
    yield from _outside("mask bits", kind.mask_bits, 0, MAX_MASK_BITS)
    yield from _outside("initial potential", kind.potential, MIN_POTENTIAL, MAX_POTENTIAL)
    if not is_reset_value(kind.reset):
        yield f"reset {kind.reset} is not 0 or +-(2^k - 1), k <= {MAX_RESET_BITS}"


def _core_problems(core: Core, types: frozenset[int], ids: frozenset[int]) -> Iterator[str]:
    yield from _outside("id", core.id, 0, 2**31 - 1)
    yield from _outside("seed", core.seed, 1, 2**32 - 1)
    yield from _crossbar_problems(core.crossbar)
    columns = (core.types, core.dest_cores, core.dest_axons, core.delays)
    if any(len(column) != SIZE for column in columns):
        yield f"needs {SIZE} types, destination cores, destination axons and delays"
        return
    if _plainly_legal(core, types, ids):
        return
    for j in range(SIZE):
        for problem in _neuron_problems(core, j, types, ids):
            yield f"neuron {j}: {problem}"


def _plainly_legal(core: Core, types: frozenset[int], ids: frozenset[int]) -> bool:
    """Return whether no neuron can have a problem: a quick look at all of them at once."""
    targets = set(core.dest_cores)
    known = targets - ids
    axons = set(core.dest_axons)
    return (
        set(core.types) <= types | {NO_TYPE}
        and all(t in (DISABLED, UNROUTED) or t <= FIRST_OUTPUT for t in known)
        and min(axons) >= 0
        and max(axons) < SIZE
        and min(core.delays) >= 1
        and max(core.delays) <= MAX_DELAY
        and not any(
            k == NO_TYPE and t != DISABLED for k, t in zip(core.types, core.dest_cores, strict=True)
        )
    )


def _crossbar_problems(bar: Crossbar) -> Iterator[str]:
    if len(bar.axon_types) != SIZE or len(bar.rows) != SIZE:
        yield f"crossbar needs {SIZE} axons"
    for number in sorted({g for g in bar.axon_types if not 0 <= g < AXON_TYPES}):
        yield f"axon type {number} is not in 0..{AXON_TYPES - 1}"
    if any(len(row) != ROW_BYTES for row in bar.rows):
        yield f"crossbar rows need {ROW_BYTES} bytes"


def _neuron_problems(
    core: Core, j: int, types: frozenset[int], ids: frozenset[int]
) -> Iterator[str]:
    kind, target, axon = core.types[j], core.dest_cores[j], core.dest_axons[j]
    if target == DISABLED:
        return
    if kind == NO_TYPE:
        yield "has a destination but no type"
    elif kind not in types:
        yield f"type {kind} is not defined"
    if target >= 0 and target not in ids:
        yield f"destination core {target} does not exist"
    if FIRST_OUTPUT < target < UNROUTED:
        yield f"destination core {target} is neither a core nor an output ({FIRST_OUTPUT} or less)"
    if target != UNROUTED:
        yield from _outside("destination axon", axon, 0, SIZE - 1)
    yield from _outside("delay", core.delays[j], 1, MAX_DELAY)
