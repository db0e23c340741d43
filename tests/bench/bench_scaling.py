"""How the cost of a network grows with neurons, synapses and threads.

``python tests/bench/bench_scaling.py [--rounds 5] [--networks 1000x100,100000x1000]``.
Networks of excitation and inhibition in balance (Brunel 2000), NEURONSxINPUTS.

Time: runs of one and of two threads advance in turn, by 15 ms or, below 10^8 synapses, up to 1.5 s,
and have equal spikes. Times are of the CPU, medians of the rounds: of the update of a neuron, of
the delivery of an event (a spike at one connection), and of both together for a neuron and step,
beside that of the first network with as many inputs: 1 is linear. What two threads gain is the
median of the ratios of wall times, which needs two idle cores; in brackets that of the CPU times of
their work, which does not. Beside it stands what the machine gains with two processes that share
nothing, in the same rounds: where processors are virtual that may be much less than 2.

Memory: the peak of a process from connecting to the begin of the run, for each synapse, beside the
lists or the matrix that it is given: of one weight and one delay, of lists with weights and delays
of their own, and of a SciPy sparse matrix with these. Each is measured in a process of its own, and
what the runtime takes of it stands behind a stroke. A neuron takes some too, which few synapses
bear: the networks with the most tell what a synapse takes.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from network_cases import DT, MODELS, Case, random_balanced
from network_ours import described, libraries, opened
from scipy.sparse import csr_array

from nestml_core import Network, load
from nestml_core.api import NetworkExperiment

NETWORKS = "1000x100,10000x100,10000x1000,100000x100,100000x1000,1000000x100"
KINDS = ("one", "lists", "matrix")
STEPS = 150
ARITHMETIC = """
import time
begin = time.perf_counter()
sum(k * k for k in range(2_000_000))
print(time.perf_counter() - begin)
"""
TIME_HEAD = (
    f"{'neurons':>9}{'synapses':>12}{'ns/update':>11}{'ns/event':>10}{'ns/step':>9}{'growth':>8}"
    f"{'Hz':>7}{'2 threads':>11}{'(work)':>9}{'machine':>9}"
)
MEMORY_HEAD = (
    f"{'neurons':>9}{'synapses':>12}  bytes a synapse: one weight and delay   lists of their own"
    "   matrix, delays of their own"
)


# Time


def timed(neurons: int, degree: int, rounds: int) -> Mapping[str, float]:
    """Measure how long one network takes, on one thread and on two."""
    steps = STEPS * min(max(10**8 // (neurons * degree), 1), 100)
    case = random_balanced(np.random.default_rng(1), neurons, degree, steps * DT * (rounds + 1))
    with compiled() as made:
        experiment = described(case)
        with opened(experiment, made, threads=1) as one, opened(experiment, made, threads=2) as two:
            for run in (one, two):
                run.handle.measure()
                assert run.handle.begin() == 0, run.handle.text
            return measured(case, steps, rounds, one, two)


def measured(case: Case, steps: int, rounds: int, one: Any, two: Any) -> Mapping[str, float]:
    for run in (one, two):
        assert run.handle.advance(steps) == 0
    equal_spikes(one, two)
    phases: dict[Any, list[tuple[float, float]]] = {one: [], two: []}
    walls: dict[Any, list[float]] = {one: [], two: []}
    machine = []
    for k in range(rounds):
        for run in (one, two) if k % 2 == 0 else (two, one):
            before, begin = run.handle.seconds, time.perf_counter()
            assert run.handle.advance(steps) == 0, run.handle.text
            walls[run].append(time.perf_counter() - begin)
            update, delivery = (b - a for a, b in zip(before, run.handle.seconds, strict=True))
            phases[run].append((update, delivery))
        machine.append(machine_gain())
    spikes = equal_spikes(one, two) / rounds
    update, delivery = (median(x) for x in zip(*phases[one], strict=True))
    both = zip(phases[one], phases[two], strict=True)
    updates = case.neurons * steps
    return {
        "update": update / updates * 1e9,
        "event": delivery / max(spikes * case.synapses / case.neurons, 1) * 1e9,
        "step": (update + delivery) / updates * 1e9,
        "rate": spikes / (updates * DT) * 1e3,
        "gain": median(a / b for a, b in zip(walls[one], walls[two], strict=True)),
        "work": median(sum(a) / sum(b) for a, b in both),
        "machine": median(machine),
    }


def machine_gain() -> float:
    """Return how many times as much two processes compute as one does."""
    (alone,) = computing(1)
    return 2 * alone / max(computing(2))


def computing(processes: int) -> list[float]:
    """Have processes compute the same at once; return the seconds that each takes."""
    command = [sys.executable, "-S", "-c", ARITHMETIC]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(processes)]
    return [float(p.communicate()[0]) for p in started]


def equal_spikes(one: Any, two: Any) -> int:
    """Return the number of spikes since they were last asked for, which both must have alike."""
    found, same = one.handle.spikes(0), two.handle.spikes(0)
    assert all(np.array_equal(a, b) for a, b in zip(found, same, strict=True))
    return len(found[0])


# Memory


def held(neurons: int, degree: int, kind: str) -> Mapping[str, float]:
    """Measure what connections take: in the process at its peak, and in the runtime."""
    rng = np.random.default_rng(1)
    case = random_balanced(rng, neurons, degree, STEPS * DT)
    with compiled() as made:
        given = columns(case, rng) if kind != "one" else []
        if kind == "matrix":
            given = [(as_matrix(case, k, *x), x[1]) for k, x in enumerate(given)]
        before = forget_peak()
        experiment = described(case) if kind == "one" else connected(case, given, kind)
        with opened(experiment, made, threads=1) as run:
            assert run.handle.begin() == 0, run.handle.text
            peak = peak_bytes() - before
            assert run.handle.advance(STEPS) == 0, run.handle.text
            synapses = sum(len(p.pairs) for p in experiment.projections)
            return {"peak": peak / synapses, "engine": run.handle.static_bytes / synapses}


def columns(case: Case, rng: np.random.Generator) -> list[tuple[Any, Any]]:
    """Return weights, and delays in ms, of all connections."""
    found = []
    for p in case.projections:
        weights = rng.random(len(p.pre))
        weights *= p.weight
        delays = rng.integers(case.delay / DT, 2 * case.delay / DT, len(p.pre)).astype(float)
        delays *= DT
        found.append((weights, delays))
    return found


def as_matrix(case: Case, number: int, weights: Any, delays: Any) -> Any:
    """Return weights as a sparse matrix, row by row; the number of its entries is that of lists.

    Lists have several connections between some neurons: a matrix has one, so that targets here are
    moved to the next free place.
    """
    p = case.projections[number]
    counts = np.bincount(p.pre, minlength=case.neurons)
    starts = np.concatenate([[0], counts.cumsum()])
    rank = np.arange(len(p.pre), dtype=np.int32) - np.repeat(starts[:-1], counts).astype(np.int32)
    width = np.repeat(counts, counts).astype(np.int32)
    spread = (rank.astype(np.int64) * case.neurons // width).astype(np.int32)
    found = csr_array((weights, spread, starts), shape=(case.neurons, case.neurons))
    assert found.has_canonical_format
    return found


def connected(case: Case, given: list[tuple[Any, Any]], kind: str) -> NetworkExperiment:
    """Return a network with weights and delays of their own."""
    net = Network(dt=DT)
    cells = net.create(load(MODELS / f"{case.model}.nestml"), case.neurons, initial=case.initial)
    for p, (weights, delays) in zip(case.projections, given, strict=True):
        if kind == "matrix":
            net.connect(cells, cells, matrix=weights, delay=delays)
        else:
            net.connect(cells, cells, pairs=(p.pre, p.post), weight=weights, delay=delays)
    return net.experiment(case.duration)


def forget_peak() -> int:
    """Have the peak of memory start from now; return what is taken, in bytes."""
    ctypes.CDLL(None).malloc_trim(0)  # what is free counts as free
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return peak_bytes()


def peak_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = (x for x in status.splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


# Both


@contextmanager
def compiled() -> Iterator[Any]:
    """Have the libraries of such networks compiled."""
    with tempfile.TemporaryDirectory(prefix="nestml-bench-") as folder:
        small = random_balanced(np.random.default_rng(1), 10, 10, 1.0)
        yield libraries(described(small), Path(folder))


def asked(*words: str) -> Mapping[str, float]:
    """Return what this program finds in a process of its own."""
    command = [sys.executable, __file__, *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: Mapping[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def time_table(networks: list[tuple[int, int]], rounds: int) -> None:
    print(TIME_HEAD, flush=True)
    first: dict[int, float] = {}
    for neurons, degree in networks:
        x = asked("--row", "time", "--networks", f"{neurons}x{degree}", "--rounds", str(rounds))
        growth = x["step"] / first.setdefault(degree, x["step"])
        print(
            f"{neurons:9}{neurons * degree:12}{x['update']:11.2f}{x['event']:10.2f}"
            f"{x['step']:9.2f}{growth:8.2f}{x['rate']:7.1f}{x['gain']:10.2f}x{x['work']:8.2f}x"
            f"{x['machine']:8.2f}x",
            flush=True,
        )


def memory_table(networks: list[tuple[int, int]]) -> None:
    print(MEMORY_HEAD, flush=True)
    for neurons, degree in networks:
        found = [asked("--row", kind, "--networks", f"{neurons}x{degree}") for kind in KINDS]
        cells = (f"{x['peak']:.1f} / {x['engine']:.1f}" for x in found)
        one, lists, matrix = cells
        print(f"{neurons:9}{neurons * degree:12}{one:>39}{lists:>21}{matrix:>30}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--networks", default=NETWORKS, help="NEURONSxINPUTS, separated by commas")
    parser.add_argument("--only", choices=["time", "memory"], help="one of both tables")
    parser.add_argument(
        "--row", choices=["time", *KINDS], help="one number of one network, as JSON"
    )
    given = parser.parse_args()
    sizes = [n.split("x") for n in given.networks.split(",")]
    networks = [(int(neurons), int(degree)) for neurons, degree in sizes]
    if given.row is not None:
        found = (
            timed(*networks[0], given.rounds)
            if given.row == "time"
            else held(*networks[0], given.row)
        )
        print(json.dumps(found), flush=True)
        return 0
    if given.only != "memory":
        time_table(networks, given.rounds)
    if given.only != "time":
        memory_table(networks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
