"""Whole networks: ours, Brian2's standalone programs and NEST's own models, side by side.

``python tests/bench/bench_network.py --brian2 PYTHON [--rounds 5] [--only cuba,stdp] [--scale 1]``.
``--brian2`` is an interpreter that has Brian2; NEST is that of this one; without either the column
stays empty. All simulate the same neurons, connections (as lists) and initial values, with one
thread, in turn, round by round. Times are seconds of the CPU for the simulation alone, without
building or connecting; ratios are medians of the ratios of each round. In the same run the rates of
all three are compared: chaotic networks that differ in a last digit differ in their rates before
long, so these must agree within three times the standard deviation over runs of ours whose neurons
swap their initial values. Under each row is the CPU time to compile the network: all of it where
nothing is kept, and its models where what all networks share is kept; beside Brian2's program.

NEST's neurons with conductances are integrated adaptively, the others with steps of exponential
Euler: these rows compare simulators, not methods.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median, stdev

import numpy as np
from network_cases import CASES, Case
from network_ours import Built, built, children_seconds

HERE = Path(__file__).parent
SPREAD_RUNS = 8
TOLERATED = 0.005
"""How far rates may be apart whatever their spread."""


@dataclass(frozen=True)
class Run:
    """CPU seconds of a simulation, and how many spikes there were."""

    seconds: float
    spikes: int


Runner = Callable[[], Run]


def brian(python: str, name: str, case: Path, folder: Path) -> Runner:
    """Build the program of a network; return what runs it."""
    done = subprocess.run(
        [python, HERE / "network_brian.py", name, case, folder],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"Brian2: {done.stderr[-2000:]}")
    counts = folder / json.loads(done.stdout.splitlines()[-1])["counts"]

    def run() -> Run:
        subprocess.run(["./main"], cwd=folder, capture_output=True, check=True)
        seconds = float((folder / "cpu_seconds.txt").read_text(encoding="utf-8"))
        return Run(seconds, int(np.fromfile(counts, dtype=np.int32).sum()))

    return run


def nest(name: str, case: Path, stack: ExitStack) -> Runner:
    """Build a network in a process of its own; return what runs it once more."""
    process = stack.enter_context(
        subprocess.Popen(
            [sys.executable, HERE / "network_nest.py", name, case],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
    )  # fmt: skip
    said = (json.loads(line) for line in process.stdout or () if line.startswith("{"))
    next(said)

    def run() -> Run:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        return Run(**next(said))

    return run


def ours(network: Built) -> Runner:
    def run() -> Run:
        seconds, spikes = network.run()
        return Run(seconds, spikes)

    return run


def compare(name: str, given: argparse.Namespace) -> str:
    """Return a row of the table."""
    case = CASES[name](np.random.default_rng(given.seed), given.scale)
    with tempfile.TemporaryDirectory(prefix="nestml-bench-") as folder, ExitStack() as stack:
        path = Path(folder) / "case.npz"
        case.save(path)
        network = built(case, Path(folder) / "ours", threads=1)
        runners: dict[str, Runner] = {"ours": ours(network)}
        theirs = None
        if given.brian2:
            begin = children_seconds()
            runners["Brian2"] = brian(given.brian2, name, path, Path(folder) / "brian")
            theirs = children_seconds() - begin
        if not given.without_nest:
            runners["NEST"] = nest(name, path, stack)
        runs: dict[str, list[Run]] = {who: [] for who in runners}
        for k in range(given.rounds):
            order = list(runners) if k % 2 == 0 else list(reversed(runners))
            for who in order:
                runs[who].append(runners[who]())
        swapped = [network.run(mixed)[1] for mixed in range(1, SPREAD_RUNS + 1)]
        spread = stdev(swapped) / case.neurons / case.duration * 1e3
        return f"{row(case, network, runs, spread)}\n{compiling(network, theirs)}"


def compiling(network: Built, theirs: float | None) -> str:
    """Return what it costs to compile a network; ``theirs`` with the generation of the program."""
    text = (
        f"{'':<8}to compile, of the CPU: nothing kept {network.first_seconds:.1f} s in all; "
        f"kept {network.compile_seconds:.1f} s"
    )
    return text if theirs is None else f"{text}; Brian2 {theirs:.1f} s"


def row(case: Case, network: Built, runs: Mapping[str, list[Run]], spread: float) -> str:
    """Return a row; ``spread`` is the standard deviation of rates, in Hz."""
    mine = runs["ours"]
    seconds = median(r.seconds for r in mine)
    updates = case.neurons * case.duration * 10
    rates = {
        who: found[0].spikes / case.neurons / case.duration * 1e3 for who, found in runs.items()
    }
    text = f"{case.name:<8}{seconds:8.3f} s{seconds / updates * 1e9:8.2f}"
    for who in ("Brian2", "NEST"):
        pairs = zip(runs.get(who, ()), mine, strict=False)
        ratios = [theirs.seconds / own.seconds for theirs, own in pairs]
        text += f"{median(ratios):9.1f}x" if ratios else f"{'':>10}"
    for who in ("ours", "Brian2", "NEST"):
        text += f"{rates[who]:8.2f}" if who in rates else f"{'':>8}"
    text += f" +-{spread:5.2f}{network.bytes_per_synapse:8.1f}"
    apart = max(rates.values()) - min(rates.values())
    agree = apart <= max(TOLERATED * rates["ours"], 3 * spread)
    return text + ("" if agree else "   THE RATES DIFFER")


HEAD = (
    f"{'':<8}{'ours':>10}{'ns/upd':>8}{'Brian2':>10}{'NEST':>10}{'rates: ours':>12}{'Brian2':>6}"
    f"{'NEST':>6}{'SD':>9}{'B/syn':>8}"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of neurons")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(CASES), help="names of networks")
    parser.add_argument("--brian2", default="", help="an interpreter that has Brian2")
    parser.add_argument("--without-nest", action="store_true")
    given = parser.parse_args()
    begin = time.perf_counter()
    print(HEAD)
    for name in given.only.split(","):
        print(compare(name, given), flush=True)
    print(f"{time.perf_counter() - begin:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
