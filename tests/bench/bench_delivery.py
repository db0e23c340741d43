"""Delivery of spikes through static connections, against hand-written bounds.

``python tests/bench/bench_delivery.py [--rounds 3] [--targets 4000,10000,100000]``.
Sources have 1000 connections each to random neurons; in each step 100 of them emit. Times are of
the CPU, in ns for one event (a spike at one connection), the least of the rounds, on one thread;
the update of the neurons is not part of it. What has arrived is compared with sums of NumPy in the
same run. ``NESTML_LIMITS`` points to a folder with ``deliver.cpp``: a program written by hand that
delivers such spikes, and prints a line of JSON for each layout and number of targets. It has
layouts of the same numbers as ours, and of smaller ones: counts instead of sums, floats as weights.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bench_cpp import limits
from network_ours import libraries, opened

from nestml_core import Network, load
from nestml_core.api import NetworkExperiment

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

DEGREE, EMITTING, STEPS = 1000, 100, 150
DELAY = 1.5
SUMMING = """model summing:
    state:
        total real = 0
    input:
        spikes <- spike
    output:
        spike
    onReceive(spikes):
        total += spikes * 1 s
    onCondition(total > 1e300):
        emit_spike()
"""
"""A neuron that adds up what it receives."""


@dataclass(frozen=True)
class Case:
    """Connections with one weight or weights of their own, and layouts that bound them: of the same
    numbers, and the best there is, of smaller numbers."""

    title: str
    is_weighted: bool
    same: str
    best: str


CASES = (
    Case(
        "one weight",
        False,
        "CSR u32 sorted target, one weight, one delay",
        "blocks of 65536 targets, u16 offset, spike counts u16 (one weight)",
    ),
    Case(
        "weights of their own",
        True,
        "CSR u32 sorted target, f64 weight, one delay",
        "blocks of 65536 targets, u16 offset, f32 weight",
    ),
)


@dataclass
class Delivery:
    """A network in which little happens but delivery."""

    experiment: NetworkExperiment
    libraries: Any
    expected: FloatArray
    bytes_per_synapse: float = 0.0

    def run(self) -> float:
        """Return the CPU time of an event, in ns."""
        with opened(self.experiment, self.libraries, threads=1) as network:
            handle = network.handle
            handle.measure()
            assert handle.begin() == 0, handle.text
            assert handle.advance(self.experiment.steps) == 0, handle.text
            synapses = len(self.experiment.projections[0].pairs)
            self.bytes_per_synapse = handle.static_bytes / synapses
            found = np.concatenate([block.read(0) for block in network.nodes[1].handles])
            np.testing.assert_allclose(found, self.expected, rtol=1e-9)
            return handle.seconds[1] / (STEPS * EMITTING * DEGREE) * 1e9


def made(targets: int, folder: Path, *, is_weighted: bool) -> Delivery:
    """Return connections from sources that emit at random to so many neurons."""
    rng = np.random.default_rng(1)
    sources = min(targets, 10000)
    post = rng.integers(0, targets, (sources, DEGREE))
    pre = np.repeat(np.arange(sources), DEGREE)
    weights = rng.uniform(0, 1, post.size) if is_weighted else np.full(post.size, 0.5)
    who = rng.integers(0, sources, (STEPS, EMITTING))
    times: list[list[float]] = [[] for _ in range(sources)]
    for step, members in enumerate(who):
        for member in members:
            times[member].append((step + 1) / 10)
    net = Network(dt=0.1)
    emitting = net.spike_source(times)
    neurons = net.create(load(SUMMING), targets)
    net.connect(emitting, neurons, pairs=(pre, post.ravel()), weight=weights, delay=DELAY)
    experiment = net.experiment(STEPS / 10 + DELAY)
    expected = received(who, post, weights.reshape(post.shape), targets)
    return Delivery(experiment, libraries(experiment, folder), expected)


def received(who: IntArray, post: IntArray, weights: FloatArray, n: int) -> FloatArray:
    """Return the sum of what arrives at each neuron."""
    often = np.bincount(who.ravel(), minlength=len(post)).astype(float)
    return np.bincount(post.ravel(), (weights * often[:, np.newaxis]).ravel(), minlength=n)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--targets", default="4000,10000,100000")
    given = parser.parse_args()
    found = os.environ.get("NESTML_LIMITS", "")
    heads = ("targets", "ours", "B/syn", "same bound", "ratio", "best bound", "ratio")
    widths = (9, 8, 7, 12, 7, 12, 7)
    named = zip(heads, widths, strict=True)
    print(f"{'ns an event':<24}" + "".join(f"{head:>{width}}" for head, width in named))
    with tempfile.TemporaryDirectory(prefix="nestml-bench-") as name:
        folder = Path(name)
        bound = limits(Path(found) / "deliver.cpp", folder) if found else dict
        cases = [
            (case, n, made(n, folder, is_weighted=case.is_weighted))
            for n in map(int, given.targets.split(","))
            for case in CASES
        ]
        ours, same, best = ([inf] * len(cases) for _ in range(3))
        for _ in range(given.rounds):
            rows = bound()
            for k, (case, n, delivery) in enumerate(cases):
                ours[k] = min(ours[k], delivery.run())
                same[k] = min(same[k], rows.get((case.same, n), inf))
                best[k] = min(best[k], rows.get((case.best, n), inf))
        for k, (case, n, delivery) in enumerate(cases):
            print(
                f"{case.title:<24}{n:9}{ours[k]:8.2f}{delivery.bytes_per_synapse:7.1f}"
                f"{same[k]:12.2f}{ours[k] / same[k]:7.2f}{best[k]:12.2f}{ours[k] / best[k]:7.2f}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
