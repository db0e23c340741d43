"""How the cost of a network grows with neurons, synapses and threads.

``python tests/bench/bench_scaling.py [--rounds 5] [--networks 1000x100,100000x1000]``.
Networks of excitation and inhibition in balance (Brunel 2000), NEURONSxINPUTS; each is measured in
a process of its own, whose peak of memory is then that of this network: from connecting to the
begin of the run, in bytes for each synapse, beside the 8 that its lists of connections take. Runs
of one and of two threads advance in turn by 15 ms; times are medians, ratios medians of those of
each round: CPU time for one thread, wall time for what two threads gain. Spikes of both are equal.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from network_cases import DT, Case, random_balanced
from network_ours import described, libraries, opened

NETWORKS = "1000x100,10000x1000,100000x100,100000x1000,1000000x100"
STEPS = 150
HEAD = (
    f"{'neurons':>9}{'synapses':>12}{'ns/update':>11}{'ns/event':>10}{'update':>8}{'B/syn':>7}"
    f"{'peak':>7}{'rate':>8}{'2 threads':>11}"
)


def row(neurons: int, degree: int, rounds: int) -> str:
    """Measure one network; return its row of the table."""
    duration = STEPS * DT * (rounds + 1)
    case = random_balanced(np.random.default_rng(1), neurons, degree, duration)
    with tempfile.TemporaryDirectory(prefix="nestml-bench-") as folder:
        made = libraries(
            described(random_balanced(np.random.default_rng(1), 10, 10, 1.0)), Path(folder)
        )
        before = forget_peak()
        experiment = described(case)
        with opened(experiment, made, threads=1) as one:
            one.handle.measure()
            assert one.handle.begin() == 0, one.handle.text
            peak = (peak_bytes() - before) / case.synapses
            with opened(experiment, made, threads=2) as two:
                assert two.handle.begin() == 0, two.handle.text
                return measured(case, rounds, peak, one, two)


def equal_spikes(one: Any, two: Any) -> int:
    """Return the number of spikes since they were last asked for, which both must have alike."""
    found, same = one.handle.spikes(0), two.handle.spikes(0)
    assert all(np.array_equal(a, b) for a, b in zip(found, same, strict=True))
    return len(found[0])


def measured(case: Case, rounds: int, peak: float, one: Any, two: Any) -> str:
    neurons, synapses = case.neurons, case.synapses
    for run in (one, two):
        assert run.handle.advance(STEPS) == 0
    equal_spikes(one, two)
    begun = one.handle.seconds
    cpu, ratios = [], []
    for k in range(rounds):
        wall = {}
        for run in (one, two) if k % 2 == 0 else (two, one):
            begin, begin_cpu = time.perf_counter(), time.process_time()
            assert run.handle.advance(STEPS) == 0, run.handle.text
            wall[run] = time.perf_counter() - begin
            if run is one:
                cpu.append(time.process_time() - begin_cpu)
        ratios.append(wall[one] / wall[two])
    spikes = equal_spikes(one, two) / rounds
    update, delivery = (b - a for a, b in zip(begun, one.handle.seconds, strict=True))
    return (
        f"{neurons:9}{synapses:12}{median(cpu) / (neurons * STEPS) * 1e9:11.2f}"
        f"{delivery / rounds / max(spikes * synapses / neurons, 1) * 1e9:10.2f}"
        f"{update / (update + delivery):8.0%}{one.handle.static_bytes / synapses:7.2f}{peak:7.1f}"
        f"{spikes / (neurons * STEPS * DT) * 1e3:8.1f}{median(ratios):10.2f}x"
    )


def forget_peak() -> int:
    """Have the peak of memory start from now; return what is taken, in bytes."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return peak_bytes()


def peak_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = (x for x in status.splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--networks", default=NETWORKS, help="NEURONSxINPUTS, separated by commas")
    parser.add_argument("--row", action="store_true", help="the row of one network, without a head")
    given = parser.parse_args()
    if given.row:
        neurons, degree = map(int, given.networks.split("x"))
        print(row(neurons, degree, given.rounds), flush=True)
        return 0
    print(HEAD, flush=True)
    for network in given.networks.split(","):
        command = [sys.executable, __file__, "--row", "--networks", network]
        subprocess.run([*command, "--rounds", str(given.rounds)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
