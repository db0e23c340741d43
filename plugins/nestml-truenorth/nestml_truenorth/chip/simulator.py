"""One tick of a TrueNorth program, in exact integers.

For neuron j with active axons A, in this order (symbols as in ``network``):

1. ``V += sum of the weights of the axons in A that the crossbar connects to j``
2. ``V' = V + leak``, or ``V + sgn(V) leak`` with leak reversal, where a leak that would carry V
   through zero stops at zero
3. with ``Reset.NONE``: ``V' = min(V', threshold + 2^mask_bits - 1)``
4. ``n``: if mask_bits > 0, the next random word of the core, its low mask_bits bits; else 0
5. ``V' >= threshold + n``: spike, and V becomes the reset value, ``V' - threshold - n``, or V'
6. else ``V' < -floor`` (``-(floor + n)`` without saturation): V becomes ``-floor``; without
   saturation ``-reset``, ``V' + floor + n``, or V', by reset mode
7. else V becomes V'

A spike of tick t reaches its axon in tick t + delay; spikes that reach one axon in one tick count
once. A spike from outside with source time t and delay d is integrated in tick t + d.

Reference: Cassidy et al. (2013), IJCNN, equations 1-8; the ceiling of 3 and the random words of 4
are not published and were found by matching the output of the chip's own simulator.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from nestml_truenorth.chip.network import (
    AXON_TYPES,
    DISABLED,
    FIRST_OUTPUT,
    MAX_DELAY,
    MAX_POTENTIAL,
    MIN_POTENTIAL,
    NO_TYPE,
    ROW_BYTES,
    SIZE,
    Core,
    Network,
    NeuronType,
    Reset,
    require_valid,
)
from nestml_truenorth.chip.spikes import InputSpike, OutputSpike
from nestml_truenorth.chip.xorshift import advance, jump_table

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
SmallArray = npt.NDArray[np.int32]

RING = 16
BATCH = 2**15
"""Axons whose rows are summed at once: bounds the memory of a tick."""


class Unspecified(ValueError):
    """The network or its inputs do what no published source defines for the chip."""


class PotentialOverflow(ArithmeticError):
    """A potential left the chip's 20 bits; what happens then is not published."""

    def __init__(self, tick: int, core: int, neuron: int, value: int) -> None:
        super().__init__(
            f"tick {tick}: the potential of neuron {neuron} of core {core} would be {value}, "
            f"outside {MIN_POTENTIAL}..{MAX_POTENTIAL}"
        )


@dataclass(frozen=True, eq=False, slots=True)
class Recording:
    """What a run yields.

    Attributes
    ----------
    fired : shape (spikes, 3), ascending: tick, core id, neuron
    potentials : shape (ticks, watched neurons): the potential at the end of each tick
    """

    fired: IntArray
    potentials: IntArray


def run(
    network: Network,
    inputs: Iterable[InputSpike] | IntArray = (),
    ticks: int = 1,
    *,
    watch: Sequence[tuple[int, int]] = (),
) -> Recording:
    """Run the ticks 0 .. ticks-1.

    Parameters
    ----------
    inputs : spikes from outside, in any order; perhaps as an array with their fields as columns
    watch : (core id, neuron) pairs whose potentials are recorded

    Raises
    ------
    InvalidNetwork : the network is not a legal program.
    Unspecified : it uses stochastic weights or a stochastic leak (the order in which the chip
        draws for these is not published), or an input spike goes to no axon.
    PotentialOverflow : a potential needs more than 20 bits.
    """
    machine = _Machine(require_valid(network))
    arrivals = machine.arrivals(inputs, ticks)
    seen = machine.positions(watch)
    potentials = np.zeros((ticks, len(watch)), np.int64)
    fired: list[IntArray] = []
    for tick in range(ticks):
        fired.append(machine.tick(tick, arrivals[tick]))
        potentials[tick] = machine.potential[seen]
    spikes = np.concatenate(fired) if fired else np.zeros((0, 3), np.int64)
    return Recording(spikes, potentials)


def outputs(network: Network, fired: IntArray) -> tuple[OutputSpike, ...]:
    """Return the spikes in ``fired`` that leave the chip, with their destinations."""
    cores = {core.id: core for core in network.cores}
    found = []
    for tick, core_id, j in fired.tolist():
        core = cores[core_id]
        if core.dest_cores[j] <= FIRST_OUTPUT:
            found.append(
                OutputSpike(
                    tick, core_id, j, core.dest_cores[j], core.dest_axons[j], core.delays[j]
                )
            )
    return tuple(found)


@dataclass(frozen=True, eq=False, slots=True)
class _Parameters:
    """Parameters of the neuron types, one array each; neurons look theirs up by place."""

    threshold: SmallArray
    floor: SmallArray
    leak: SmallArray
    reset: SmallArray
    mask: SmallArray
    potential: SmallArray
    subtracts: BoolArray
    stays: BoolArray
    reverses: BoolArray
    saturates: BoolArray

    def of(self, types: IntArray) -> _Parameters:
        """Return the parameters of neurons of these types."""
        return _Parameters(*(getattr(self, f.name)[types] for f in fields(self)))


def _table(kinds: Sequence[NeuronType]) -> _Parameters:
    def column(values: Iterable[int]) -> SmallArray:
        return np.array(list(values), np.int32)

    mode = column(k.reset_mode for k in kinds)
    return _Parameters(
        threshold=column(k.threshold for k in kinds),
        floor=column(k.floor for k in kinds),
        leak=column(k.leak for k in kinds),
        reset=column(k.reset for k in kinds),
        mask=column(2**k.mask_bits - 1 for k in kinds),
        potential=column(k.potential for k in kinds),
        subtracts=mode == Reset.SUBTRACT,
        stays=mode == Reset.NONE,
        reverses=np.array([k.leak_reversal for k in kinds], bool),
        saturates=np.array([k.saturates for k in kinds], bool),
    )


class _Machine:
    """The state of one run. Enabled neurons are numbered by core, then by neuron."""

    def __init__(self, network: Network) -> None:
        cores = network.cores
        self.core_ids = np.array([c.id for c in cores], np.int64)
        self.index = {c.id: k for k, c in enumerate(cores)}
        place = {kind.number: n for n, kind in enumerate(network.neuron_types)}
        numbers = np.array([c.types for c in cores], np.int64).reshape(-1, SIZE)
        targets = np.array([c.dest_cores for c in cores], np.int64).reshape(-1, SIZE)
        self.flat = np.flatnonzero((numbers != NO_TYPE) & (targets != DISABLED))
        known = np.array(sorted(place), np.int64)
        order = np.array([place[int(n)] for n in known], np.int64)
        self.types = order[np.searchsorted(known, numbers.ravel()[self.flat])]
        used = [network.neuron_types[n] for n in np.unique(self.types)]
        if any(kind.is_stochastic for kind in used):
            raise Unspecified(
                "stochastic weights and leaks are not simulated: the order in which the chip "
                "draws its random numbers for them is not published"
            )
        self.core, self.neuron = np.divmod(self.flat, SIZE)
        self.of = _table(network.neuron_types).of(self.types)
        self.potential = self.of.potential.copy()
        self.load_targets(cores, targets)
        self.load_crossbars(network)
        self.slots = np.zeros((RING, len(cores) * SIZE), bool)
        self.noise = _Noise([c.seed for c in cores], self.core, self.of.mask)
        self.has_reversal = bool(self.of.reverses.any())
        self.has_ceiling = bool(self.of.stays.any())

    def load_targets(self, cores: Sequence[Core], targets: IntArray) -> None:
        """Destinations by enabled neuron: number of the axon on the chip (-1: none), delay."""
        to = targets.ravel()[self.flat]
        ids, places = self.core_ids, np.arange(len(self.core_ids))
        order = np.argsort(ids, kind="stable")
        on_chip = to >= 0
        axons = np.array([c.dest_axons for c in cores], np.int64).ravel()[self.flat]
        delays = np.array([c.delays for c in cores], np.int64).ravel()[self.flat]
        self.target = np.full(len(to), -1, np.int64)
        found = places[order][np.searchsorted(ids[order], to[on_chip])]
        self.target[on_chip] = found * SIZE + axons[on_chip]
        self.delay = delays

    def load_crossbars(self, network: Network) -> None:
        """Crossbars by axon, and weights by core and axon type, shape (cores * types, neurons)."""
        cores = network.cores
        rows = b"".join(b"".join(c.crossbar.rows) for c in cores)
        self.rows = np.frombuffer(rows, np.uint8).reshape(-1, ROW_BYTES)
        kinds = np.array([c.crossbar.axon_types for c in cores], np.int64).reshape(-1, SIZE)
        self.weight_row = (np.arange(len(cores))[:, None] * AXON_TYPES + kinds).ravel()
        of_type = np.array([k.weights for k in network.neuron_types], np.int16)
        weights = np.zeros((len(cores), AXON_TYPES, SIZE), np.int16)
        for g in range(AXON_TYPES):
            weights[self.core, g, self.neuron] = of_type.reshape(-1, AXON_TYPES)[self.types, g]
        self.weights = weights.reshape(-1, SIZE)

    def positions(self, watch: Sequence[tuple[int, int]]) -> list[int]:
        """Return the numbers of the watched neurons among the enabled ones."""
        found = []
        for core, neuron in watch:
            flat = self.index.get(core, -1) * SIZE + neuron
            n = int(np.searchsorted(self.flat, flat))
            if flat < 0 or n == len(self.flat) or self.flat[n] != flat:
                raise Unspecified(f"neuron {neuron} of core {core} is not enabled")
            found.append(n)
        return found

    def arrivals(self, inputs: Iterable[InputSpike] | IntArray, ticks: int) -> list[IntArray]:
        """Return, for each tick, the axons of the chip that spikes from outside reach."""
        given = inputs if isinstance(inputs, np.ndarray) else list(inputs)
        rows = np.array(given, np.int64).reshape(-1, 4)
        time, core, axon, delay = rows.T
        self.require_possible(rows)
        order = np.argsort(self.core_ids, kind="stable")
        place = order[np.searchsorted(self.core_ids[order], core)]
        due = time + delay
        by_time = np.argsort(due, kind="stable")
        flat = (place * SIZE + axon)[by_time]
        ends = np.searchsorted(due[by_time], np.arange(ticks + 1))
        return [flat[ends[t] : ends[t + 1]] for t in range(ticks)]

    def require_possible(self, rows: IntArray) -> None:
        time, core, axon, delay = rows.T
        nowhere = ~np.isin(core, self.core_ids) | (axon < 0) | (axon >= SIZE)
        if nowhere.any():
            _, k, i, _ = rows[nowhere][0]
            raise Unspecified(f"an input spike goes to axon {i} of core {k}")
        never = (time < 0) | (delay < 1) | (delay > MAX_DELAY)
        if never.any():
            t, _, _, d = rows[never][0]
            raise Unspecified(f"an input spike has time {t} and delay {d}")

    def tick(self, tick: int, arriving: IntArray) -> IntArray:
        """Advance by one tick; return the neurons that fired, as rows (tick, core id, neuron)."""
        active = self.slots[tick % RING]
        active[arriving] = True
        of = self.of
        v = self.potential + self.synaptic(np.flatnonzero(active))
        active[:] = False
        self.check(tick, v)
        v = self.leaked(v)
        if self.has_ceiling:
            v = np.where(of.stays, np.minimum(v, of.threshold + of.mask), v)
        noise = self.noise.draw()
        fires = v >= of.threshold + noise
        self.settle(v, np.flatnonzero(fires), noise)
        low = -of.floor if self.noise.is_silent else -(of.floor + np.where(of.saturates, 0, noise))
        self.bound(v, np.flatnonzero(~fires & (v < low)), noise)
        self.check(tick, v)
        self.potential = v
        return self.send(tick, np.flatnonzero(fires))

    def settle(self, v: SmallArray, fired: IntArray, noise: SmallArray) -> None:
        """Reset those that fired."""
        of, at = self.of, v[fired]
        after = np.where(of.subtracts[fired], at - of.threshold[fired] - noise[fired], at)
        mode_value = ~(of.subtracts[fired] | of.stays[fired])
        v[fired] = np.where(mode_value, of.reset[fired], after)

    def bound(self, v: SmallArray, sunk: IntArray, noise: SmallArray) -> None:
        """Reset those that fell below their floor."""
        of, at = self.of, v[sunk]
        after = np.where(of.subtracts[sunk], at + of.floor[sunk] + noise[sunk], -of.reset[sunk])
        after = np.where(of.stays[sunk], at, after)
        v[sunk] = np.where(of.saturates[sunk], -of.floor[sunk], after)

    def synaptic(self, active: IntArray) -> SmallArray:
        """Return the synaptic input of each enabled neuron; ``active`` are axons, ascending."""
        total = np.zeros((len(self.core_ids), SIZE), np.int32)
        for first in range(0, len(active), BATCH):
            axons = active[first : first + BATCH]
            bits = np.unpackbits(self.rows[axons], axis=1)
            sums = bits * self.weights[self.weight_row[axons]]
            cores = axons // SIZE
            starts = np.flatnonzero(np.diff(cores, prepend=-1))
            total[cores[starts]] += np.add.reduceat(sums, starts, axis=0, dtype=np.int32)
        return total.ravel()[self.flat]

    def leaked(self, v: SmallArray) -> SmallArray:
        leak = self.of.leak
        if not self.has_reversal:
            return v + leak
        reverses = self.of.reverses
        sign = np.sign(v)
        after = v + np.where(reverses, sign * leak, leak)
        crossed = reverses & (sign != 0) & (np.sign(after) == -sign)
        return np.where(crossed, 0, after)

    def check(self, tick: int, v: SmallArray) -> None:
        if not len(v) or (v.min() >= MIN_POTENTIAL and v.max() <= MAX_POTENTIAL):
            return
        n = int(np.flatnonzero((v < MIN_POTENTIAL) | (v > MAX_POTENTIAL))[0])
        core = int(self.core_ids[self.core[n]])
        raise PotentialOverflow(tick, core, int(self.neuron[n]), int(v[n]))

    def send(self, tick: int, fired: IntArray) -> IntArray:
        on_chip = fired[self.target[fired] >= 0]
        self.slots[(tick + self.delay[on_chip]) % RING, self.target[on_chip]] = True
        cores = self.core_ids[self.core[fired]]
        return np.column_stack((np.full(len(fired), tick), cores, self.neuron[fired]))


class _Noise:
    """The random words of all cores, each of which draws for its neurons in order.

    Every neuron keeps the word that it draws next; from one tick to the next that advances by as
    many words as its core draws in a tick, which is a linear map of its bits.
    """

    def __init__(self, seeds: Sequence[int], core: IntArray, mask: SmallArray) -> None:
        self.drawing = np.flatnonzero(mask > 0)
        self.mask = mask[self.drawing].astype(np.uint32)
        self.drawn = np.zeros(len(mask), np.int32)
        self.is_silent = not len(self.drawing)
        owners = core[self.drawing]
        self.words = np.zeros(len(self.drawing), np.uint32)
        counts = np.bincount(owners, minlength=len(seeds))
        first = 0
        for k in np.flatnonzero(counts):
            word = seeds[int(k)]
            for n in range(first, first + int(counts[k])):
                self.words[n] = word
                word = advance(word)
            first += int(counts[k])
        different, which = np.unique(counts[owners], return_inverse=True)
        tables = [jump_table(int(m)) for m in different]
        self.tables = np.array(tables, np.uint32).reshape(-1, 4 * 256)
        self.base = which * (4 * 256)

    def draw(self) -> SmallArray:
        """Return the random part of every threshold in this tick."""
        if self.is_silent:
            return self.drawn
        self.drawn[self.drawing] = self.words & self.mask
        words, flat = self.words, self.tables.ravel()
        after = flat[self.base + (words & 255)]
        after ^= flat[self.base + 256 + (words >> 8 & 255)]
        after ^= flat[self.base + 512 + (words >> 16 & 255)]
        after ^= flat[self.base + 768 + (words >> 24)]
        self.words = after
        return self.drawn
