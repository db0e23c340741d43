"""The simulator is fast enough for a whole chip."""

import time

import numpy as np
from nestml_truenorth.chip.network import SIZE, Core, Crossbar, Network, NeuronType
from nestml_truenorth.chip.simulator import run

CORES = 512
TICKS = 50


def chip(cores: int) -> Network:
    """Return so many full cores with random connections, on which few neurons fire."""
    rng = np.random.default_rng(1)
    kinds = tuple(
        NeuronType(
            n + 1,
            (12, 16, -14, -12),
            threshold=60,
            floor=30,
            leak=-1,
            saturates=True,
            mask_bits=4 if n % 4 == 0 else 0,
        )
        for n in range(8)
    )
    bars = []
    for _ in range(16):
        rows = np.packbits(rng.random((SIZE, SIZE)) < 0.125, axis=1)
        types = tuple(rng.integers(0, 4, SIZE).tolist())
        bars.append(Crossbar(types, tuple(row.tobytes() for row in rows)))
    members = tuple(
        Core(
            k,
            bars[k % 16],
            tuple(rng.integers(1, 9, SIZE).tolist()),
            tuple(rng.integers(0, cores, SIZE).tolist()),
            tuple(rng.integers(0, SIZE, SIZE).tolist()),
            tuple(rng.integers(1, 16, SIZE).tolist()),
            seed=k + 1,
        )
        for k in range(cores)
    )
    return Network(kinds, members)


def test_a_part_of_a_chip() -> None:
    """An eighth of a chip for half of 100 ticks: a sixteenth of what may take a minute."""
    rng = np.random.default_rng(2)
    times = np.repeat(np.arange(TICKS), 4 * CORES)
    inputs = np.ones((len(times), 4), np.int64)
    inputs[:, 0], inputs[:, 1] = times, np.tile(np.arange(CORES), 4 * TICKS)
    inputs[:, 2] = rng.integers(0, SIZE, len(times))
    network = chip(CORES)
    start = time.process_time()
    recording = run(network, inputs, TICKS)
    taken = time.process_time() - start
    share = len(recording.fired) / TICKS / CORES / SIZE
    assert 0.005 < share < 0.1
    assert taken < 60 / 16
