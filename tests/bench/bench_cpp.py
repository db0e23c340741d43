"""Updates of generated populations, against hand-written bounds and Brian2; the first trace.

``python tests/bench/bench_cpp.py [--rounds 5] [--neurons 10240] [--brian2 PYTHON]``;
with ``--only updates`` or ``--only first`` one of the two tables.
``NESTML_LIMITS`` points to a folder with ``lif_update.cpp`` and ``hh_update.cpp``: programs written
by hand for the same neurons, which print a line of JSON for each measurement. ``--brian2`` is an
interpreter that has Brian2, whose standalone programs then run the same neurons, with its default
flags. Populations have no synapses, but read and clear rows of spikes as in a network. Everything
is measured in turn, round by round, on one thread; times are of the CPU, in ns per neuron and step,
the least of the rounds; Brian2 says the wall time of its loop.

The first trace is that of ``nestml run MODEL --backend cpp`` right after an equation of the model
was changed: reading, solving, generating, compiling, loading, 200 ms of one neuron and a table of
it. CPU seconds of the command and its compiler; "new" is the first use on a machine, which also
makes what is kept for later runs, "again" is the same model once more. Traces are compared with
those of the reference.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
from nestml_cpp.backend import CppBackend
from nestml_cpp.options import Options
from nestml_cpp.population import Population, population
from nestml_cpp.toolchain import find_compiler

from nestml_core.api import Artifact, Method, SolvedProgram
from nestml_core.pipeline import compile_files, write_files
from nestml_core.solve import SolveOptions

MODELS = Path(__file__).parents[2] / "nestml_core" / "models" / "neurons"
STEPS = 16
Measured = tuple[str, str]


@dataclass(frozen=True)
class Case:
    """A neuron, how it is integrated, and what measures the same.

    ``limit`` is the program and the variant of the bound; ``brian`` the name of a Brian2 run.
    """

    model: str
    values: Mapping[str, float] = field(default_factory=dict)
    method: Method | None = None
    limit: tuple[str, str] | None = None
    brian: str = ""
    real: str = "double"
    tolerance: float = 1e-9


CASES = {
    "iaf_psc_exp": Case(
        "iaf_psc_exp",
        {"I_e": 450.0},
        limit=("lif_update", "SoA double, AVX2, 16-step slice per 64-neuron block"),
        brian="lif",
    ),
    "iaf_psc_exp, float": Case(
        "iaf_psc_exp",
        {"I_e": 450.0},
        limit=("lif_update", "SoA float, AVX2, step by step"),
        real="float",
    ),
    "HH, exponential Euler": Case(
        "hh_cond_exp_traub",
        {"I_e": 250.0},
        Method.EXPONENTIAL_EULER,
        limit=("hh_update", "exponential Euler, AVX2 (10 exp)"),
        brian="hh",
    ),
    "HH, RK45, one trial step": Case(  # at rest, where each step of this tolerance is accepted
        "hh_cond_exp_traub",
        {"I_e": 0.0},
        Method.RK45,
        tolerance=1e-3,
        limit=("hh_update", "RKF45 one substep, AVX2 (36 exp)"),
    ),
    "HH, RK45, tolerance 1e-6": Case(
        "hh_cond_exp_traub", {"I_e": 250.0}, Method.RK45, tolerance=1e-6
    ),
    "HH, RK45, tolerance 1e-9": Case("hh_cond_exp_traub", {"I_e": 250.0}, Method.RK45),
}

BRIAN = """
import sys, json
from brian2 import *
which, n, steps, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
set_device("cpp_standalone", directory=folder, build_on_run=False)
defaultclock.dt = 0.1 * ms
if which == "lif":
    C, tau, te, ti = 250 * pF, 10 * ms, 2 * ms, 2 * ms
    E, Ie = -70 * mV, 450 * pA
    group = NeuronGroup(n, '''dv/dt = -(v - E) / tau + (ge - gi + Ie) / C : volt (unless refractory)
        dge/dt = -ge / te : amp
        dgi/dt = -gi / ti : amp''', threshold="v >= -55 * mV", reset="v = E",
        refractory=2 * ms, method="exact")
    group.v = "E + 14 * mV * rand()"
else:
    C, gl, El, EK, ENa = 200 * pF, 10 * nS, -60 * mV, -90 * mV, 50 * mV
    gna, gk, VT, Ei, Ie = 20000 * nS, 6000 * nS, -63 * mV, -80 * mV, 250 * pA
    group = NeuronGroup(n, '''
        dv/dt = (gl*(El-v) - ge*v + gi*(Ei-v) - Ina - Ik + Ie)/C : volt
        Ina = gna*(m*m*m)*h*(v-ENa) : amp
        Ik = gk*(k*k*k*k)*(v-EK) : amp
        dm/dt = am*(1-m) - bm*m : 1
        dk/dt = an*(1-k) - bn*k : 1
        dh/dt = ah*(1-h) - bh*h : 1
        dge/dt = -ge/(5*ms) : siemens
        dgi/dt = -gi/(10*ms) : siemens
        am = 0.32*(mV**-1)*4*mV/exprel((13*mV-v+VT)/(4*mV))/ms : Hz
        bm = 0.28*(mV**-1)*5*mV/exprel((v-VT-40*mV)/(5*mV))/ms : Hz
        ah = 0.128*exp((17*mV-v+VT)/(18*mV))/ms : Hz
        bh = 4./(1+exp((40*mV-v+VT)/(5*mV)))/ms : Hz
        an = 0.032*(mV**-1)*5*mV/exprel((15*mV-v+VT)/(5*mV))/ms : Hz
        bn = 0.5*exp((10*mV-v+VT)/(40*mV))/ms : Hz''',
        threshold="v > -33*mV", refractory=2 * ms, method="exponential_euler")
    group.v = "El + 5*mV*rand()"
run(steps * 0.1 * ms)
device.build(run=False)
for k in range(int(sys.argv[5])):
    device.run()
    print(json.dumps(device._last_run_time / (n * steps) * 1e9))
"""


def made(case: Case, size: int, folder: Path) -> Population:
    """Return neurons that have begun, at potentials of their own."""
    solving = SolveOptions(integrator=case.method, tolerance=case.tolerance)
    program = compile_files([MODELS / f"{case.model}.nestml"], solving).value
    assert program is not None
    (model,) = program.models
    backend, options = CppBackend(), Options(real=case.real)
    lowered = backend.lower(program, options).value
    assert lowered is not None
    written = write_files(backend.render(lowered), folder)
    assert written.value is not None
    artifact = Artifact(SolvedProgram((model,)), options, folder, folder)
    neurons = population(artifact, model, size).value
    assert neurons is not None
    symbols = {d.symbol.name: d.symbol for d in (*model.parameters, *model.state)}
    start = np.random.default_rng(1).uniform(-70, -58, size)
    values = {symbols[name]: value for name, value in case.values.items()}
    neurons.set(values, {symbols["V_m"]: start})
    neurons.keep_spikes(False)
    assert neurons.begin() == ()
    for port in model.spike_ports:  # from now on rows are read, as the bounds do
        neurons.arriving(port.symbol, 1)
    return neurons


def ours(neurons: Population, least: float = 0.5) -> float:
    """Return ns of the CPU for an update: the least of short runs, as the bounds are."""
    best, total = float("inf"), 0.0
    while total < least:
        begin = time.process_time()
        problems = neurons.run(STEPS)
        seconds = time.process_time() - begin
        assert problems == ()
        best = min(best, seconds / (neurons.size * STEPS) * 1e9)
        total += seconds
    return best


def limits(source: Path, folder: Path) -> Callable[[], dict[tuple[str, int], float]]:
    """Return what runs a program of bounds: ns by variant and number of neurons."""
    compiler = find_compiler()
    assert compiler is not None
    program = folder / source.stem
    command = [*compiler.command, "-O3", "-march=native", "-std=c++20", source, "-o", program]
    subprocess.run(command, check=True)

    def run() -> dict[tuple[str, int], float]:
        said = subprocess.run([program], capture_output=True, text=True, check=True).stdout
        # not as JSON: where there are no counters of cycles, a program may print `nan`
        rows = re.findall(r'"variant":"(.*?)","n":(\d+).*?"ns":([\d.e+-]+)', said)
        return {(variant, int(n)): float(ns) for variant, n, ns in rows}

    return run


def brian(python: str, which: str, size: int, folder: Path, rounds: int) -> list[float]:
    script = folder / "brian.py"
    script.write_text(BRIAN, encoding="utf-8")
    arguments = [which, str(size), "4000", str(folder / which), str(rounds)]
    done = subprocess.run(
        [python, script, *arguments], capture_output=True, text=True, check=True, cwd=folder
    )
    numbers = (line for line in done.stdout.splitlines() if line[:1].isdigit())
    return [float(json.loads(x)) for x in numbers]


EDITED = ("iaf_psc_exp", "iaf_cond_alpha", "aeif_cond_exp", "hh_psc_alpha")
"""Models whose equations have the sum ``I_e + I_stim``, which is changed."""
AGREEMENT = 1e-6
"""mV; two adaptive integrators differ by their tolerance."""


def first_traces(rounds: int, folder: Path) -> Mapping[str, Mapping[str, list[float]]]:
    """Return CPU seconds from a changed equation to its trace, by model and kind of run."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    found: dict[str, dict[str, list[float]]] = {
        name: {"new": [], "changed": [], "again": []} for name in EDITED
    }
    for k in range(rounds + 1):
        for name, seconds in found.items():
            text = (MODELS / f"{name}.nestml").read_text(encoding="utf-8")
            changed = text.replace("I_e + I_stim", f"I_e * 1.{k + 1:03} + I_stim")
            assert changed != text
            source = folder / f"{name}.nestml"
            source.write_text(changed, encoding="utf-8")
            new = k == 0 and name == EDITED[0]
            seconds["new" if new else "changed"].append(trace(source, "cpp", environment))
            seconds["again"].append(trace(source, "cpp", environment))
            if k == 0:
                trace(source, "reference", environment)
                ours, reference = (potential(folder, b) for b in ("cpp", "reference"))
                assert np.abs(ours - reference).max() < AGREEMENT, name
    return found


def trace(source: Path, backend: str, environment: Mapping[str, str]) -> float:
    """Run a model for 200 ms; return CPU seconds of the command and all that it starts."""
    table = str(source.parent / f"{backend}.csv")
    words = ["run", str(source), "--backend", backend, "--set", "I_e=300pA", "--csv", table]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "nestml_core.cli", *words, "--duration", "200ms", "--record", "V_m"],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def potential(folder: Path, backend: str) -> np.ndarray:
    return np.loadtxt(folder / f"{backend}.csv", delimiter=",", skiprows=1, usecols=1)


def report_first(found: Mapping[str, Mapping[str, list[float]]]) -> None:
    heads = ("least", "median", "again", "new")
    print(f"\n{'CPU s to the first trace':<28}" + "".join(f"{head:>13}" for head in heads))
    for name, seconds in found.items():
        changed = seconds["changed"]
        numbers = (min(changed), median(changed), min(seconds["again"]))
        new = [f"{x:13.2f}" for x in seconds["new"]]
        print(f"{name:<28}" + "".join([*(f"{x:13.2f}" for x in numbers), *new]))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=("updates", "first"), default="")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--neurons", type=int, default=10240)
    parser.add_argument("--brian2", default="", help="an interpreter that has Brian2")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nestml-bench-") as name:
        folder = Path(name)
        if given.only != "first":
            report(updates(given.neurons, given.rounds, given.brian2, folder))
        if given.only != "updates":
            report_first(first_traces(given.rounds, folder))
    return 0


def updates(size: int, rounds: int, brian2: str, folder: Path) -> Mapping[Measured, list[float]]:
    """Return ns of an update of each case, by who it is that does it."""
    found = os.environ.get("NESTML_LIMITS", "")
    bounds = {}
    if found:
        names = sorted({c.limit[0] for c in CASES.values() if c.limit})
        bounds = {n: limits(Path(found) / f"{n}.cpp", folder) for n in names}
    populations = {}
    for number, (title, case) in enumerate(CASES.items()):
        own = folder / str(number)
        own.mkdir()
        populations[title] = made(case, size, own)
    best: dict[Measured, list[float]] = {}
    for _ in range(rounds):
        seen = {n: run() for n, run in bounds.items()}
        for title, case in CASES.items():
            best.setdefault((title, "ours"), []).append(ours(populations[title]))
            if case.limit and case.limit[0] in seen:
                program, variant = case.limit
                rows = [ns for (v, n), ns in seen[program].items() if v == variant and n < 20000]
                best.setdefault((title, "limit"), []).append(min(rows))
    for title, case in CASES.items():
        if brian2 and case.brian:
            best[title, "brian"] = brian(brian2, case.brian, size, folder, rounds)
    return best


def report(best: Mapping[Measured, list[float]]) -> None:
    heads = ("ours", "bound", "ours/bound", "Brian2", "Brian2/ours")
    print(f"{'ns per update':<28}" + "".join(f"{head:>13}" for head in heads))
    for title in CASES:
        mine, bound, theirs = (
            min(best.get((title, who), [float("nan")])) for who in ("ours", "limit", "brian")
        )
        numbers = (mine, bound, mine / bound, theirs, theirs / mine)
        print(f"{title:<28}" + "".join(f"{x:13.2f}" for x in numbers))


if __name__ == "__main__":
    sys.exit(main())
