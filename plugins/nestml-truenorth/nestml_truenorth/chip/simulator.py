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
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nestml_truenorth.chip.network import (
    AXON_TYPES,
    FIRST_OUTPUT,
    MAX_DELAY,
    MAX_POTENTIAL,
    MIN_POTENTIAL,
    SIZE,
    Core,
    Network,
    NeuronType,
    Reset,
    require_valid,
)
from nestml_truenorth.chip.spikes import InputSpike, OutputSpike
from nestml_truenorth.chip.xorshift import advance

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]

RING = 16


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
    inputs: Iterable[InputSpike] = (),
    ticks: int = 1,
    *,
    watch: Sequence[tuple[int, int]] = (),
) -> Recording:
    """Run the ticks 0 .. ticks-1.

    Parameters
    ----------
    inputs : spikes from outside, in any order
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


class _Machine:
    """The state of one run. Enabled neurons are numbered by core, then by neuron."""

    def __init__(self, network: Network) -> None:
        self.cores = network.cores
        self.index = {core.id: k for k, core in enumerate(network.cores)}
        kinds = {kind.number: kind for kind in network.neuron_types}
        pairs = [
            (k, j)
            for k, core in enumerate(network.cores)
            for j in range(SIZE)
            if core.is_enabled(j)
        ]
        enabled = [kinds[self.cores[k].types[j]] for k, j in pairs]
        if any(kind.is_stochastic for kind in enabled):
            raise Unspecified(
                "stochastic weights and leaks are not simulated: the order in which the chip "
                "draws its random numbers for them is not published"
            )
        self.core = np.array([k for k, _ in pairs], np.int64)
        self.neuron = np.array([j for _, j in pairs], np.int64)
        self.core_ids = np.array([core.id for core in self.cores], np.int64)
        self._load_parameters(enabled)
        self._load_targets(pairs)
        self.rows = [np.frombuffer(b"".join(c.crossbar.rows), np.uint8) for c in self.cores]
        self.axon_types = [np.array(c.crossbar.axon_types) for c in self.cores]
        self.weights = [self._weights(core, kinds) for core in self.cores]
        self.slots = np.zeros((RING, len(self.cores), SIZE), bool)
        self.words = [core.seed for core in self.cores]
        self.noisy = self._noisy()

    def _load_parameters(self, kinds: list[NeuronType]) -> None:
        def column(values: Iterable[int]) -> IntArray:
            return np.array(list(values), np.int64)

        self.potential = column(k.potential for k in kinds)
        self.threshold = column(k.threshold for k in kinds)
        self.floor = column(k.floor for k in kinds)
        self.leak = column(k.leak for k in kinds)
        self.reset = column(k.reset for k in kinds)
        self.mask = column(2**k.mask_bits - 1 for k in kinds)
        mode = column(k.reset_mode for k in kinds)
        self.subtracts = mode == Reset.SUBTRACT
        self.stays = mode == Reset.NONE
        self.reverses = np.array([k.leak_reversal for k in kinds], bool)
        self.saturates = np.array([k.saturates for k in kinds], bool)

    def _load_targets(self, pairs: list[tuple[int, int]]) -> None:
        """Destinations by enabled neuron: core position (or -1 for none), axon, delay."""
        cores = self.cores
        self.target = np.array(
            [self.index.get(cores[k].dest_cores[j], -1) for k, j in pairs], np.int64
        )
        self.target_axon = np.array([cores[k].dest_axons[j] for k, j in pairs], np.int64)
        self.delay = np.array([cores[k].delays[j] for k, j in pairs], np.int64)

    def _weights(self, core: Core, kinds: dict[int, NeuronType]) -> IntArray:
        """Return the weights of the core's neurons, shape (axon types, neurons)."""
        unused = (0,) * AXON_TYPES
        rows = [kinds[core.types[j]].weights if core.is_enabled(j) else unused for j in range(SIZE)]
        return np.array(rows, np.int64).T

    def _noisy(self) -> list[tuple[int, list[int]]]:
        """For each core that draws random numbers: its position, and which neurons draw."""
        found = []
        for k in range(len(self.cores)):
            drawing = np.flatnonzero((self.core == k) & (self.mask > 0))
            if drawing.size:
                found.append((k, drawing.tolist()))
        return found

    def positions(self, watch: Sequence[tuple[int, int]]) -> list[int]:
        """Return the numbers of the watched neurons among the enabled ones."""
        known = {
            (int(self.core_ids[k]), int(j)): n
            for n, (k, j) in enumerate(zip(self.core, self.neuron, strict=True))
        }
        for pair in watch:
            if pair not in known:
                raise Unspecified(f"neuron {pair[1]} of core {pair[0]} is not enabled")
        return [known[pair] for pair in watch]

    def arrivals(self, inputs: Iterable[InputSpike], ticks: int) -> list[list[tuple[int, int]]]:
        """Return, for each tick, the (core position, axon) pairs that spikes from outside reach."""
        due: list[list[tuple[int, int]]] = [[] for _ in range(ticks)]
        for s in inputs:
            if s.core not in self.index or not 0 <= s.axon < SIZE:
                raise Unspecified(f"an input spike goes to axon {s.axon} of core {s.core}")
            if s.time < 0 or not 1 <= s.delay <= MAX_DELAY:
                raise Unspecified(f"an input spike has time {s.time} and delay {s.delay}")
            if s.time + s.delay < ticks:
                due[s.time + s.delay].append((self.index[s.core], s.axon))
        return due

    def tick(self, tick: int, arriving: list[tuple[int, int]]) -> IntArray:
        """Advance by one tick; return the neurons that fired, as rows (tick, core id, neuron)."""
        active = self.slots[tick % RING]
        for k, axon in arriving:
            active[k, axon] = True
        v = self.potential + self.synaptic(active)
        active[:] = False
        self.check(tick, v)
        v = self.leaked(v)
        v = np.where(self.stays, np.minimum(v, self.threshold + self.mask), v)
        noise = self.noise()
        fires = v >= self.threshold + noise
        sinks = ~fires & (v < -(self.floor + np.where(self.saturates, 0, noise)))
        up = np.where(self.subtracts, v - self.threshold - noise, self.reset)
        down = np.where(self.subtracts, v + self.floor + noise, -self.reset)
        down = np.where(self.stays, v, down)
        down = np.where(self.saturates, -self.floor, down)
        v = np.where(fires & ~self.stays, up, np.where(sinks, down, v))
        self.check(tick, v)
        self.potential = v
        return self.send(tick, np.flatnonzero(fires))

    def synaptic(self, active: BoolArray) -> IntArray:
        """Return the synaptic input of each enabled neuron; ``active`` is (cores, axons)."""
        total = np.zeros(active.shape, np.int64)
        for k in np.flatnonzero(active.any(axis=1)):
            axons = np.flatnonzero(active[k])
            rows = self.rows[k].reshape(SIZE, -1)[axons]
            bits = np.unpackbits(rows, axis=1)
            kinds = self.axon_types[k][axons]
            for g in range(AXON_TYPES):
                of_type = bits[kinds == g]
                if len(of_type):
                    total[k] += self.weights[k][g] * of_type.sum(axis=0, dtype=np.int64)
        return total[self.core, self.neuron]

    def leaked(self, v: IntArray) -> IntArray:
        sign = np.sign(v)
        after = v + np.where(self.reverses, sign * self.leak, self.leak)
        crossed = self.reverses & (sign != 0) & (np.sign(after) == -sign)
        return np.where(crossed, 0, after)

    def noise(self) -> IntArray:
        """Draw for every neuron with a random threshold, by core, in order of the neurons."""
        drawn = np.zeros(len(self.potential), np.int64)
        for k, neurons in self.noisy:
            word = self.words[k]
            for n in neurons:
                drawn[n] = word
                word = advance(word)
            self.words[k] = word
        return drawn & self.mask

    def check(self, tick: int, v: IntArray) -> None:
        wrong = np.flatnonzero((v < MIN_POTENTIAL) | (v > MAX_POTENTIAL))
        if wrong.size:
            n = wrong[0]
            core = int(self.core_ids[self.core[n]])
            raise PotentialOverflow(tick, core, int(self.neuron[n]), int(v[n]))

    def send(self, tick: int, fired: IntArray) -> IntArray:
        on_chip = fired[self.target[fired] >= 0]
        when = (tick + self.delay[on_chip]) % RING
        self.slots[when, self.target[on_chip], self.target_axon[on_chip]] = True
        cores = self.core_ids[self.core[fired]]
        return np.column_stack((np.full(len(fired), tick), cores, self.neuron[fired]))
