"""Generated neurons against NEST's hand-written ones: CPU time of the same network, in turn.

``python tests/bench/bench_nest.py [--rounds 5] [--neurons 10000] [--in-degree 1000] [CASE...]``.
In every round each case runs with either model, which of them first changing from round to round;
the ratios are medians of the ratios of the rounds. Timed is ``nest.Run`` alone, after a warm-up.
Each row also says whether both fired as often, and how far apart their mean potentials ended.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

import nest
import numpy as np
from nestml_nest.backend import NestBackend
from nestml_nest.options import Options

from nestml_core.pipeline import compile_files, generate, write_files
from nestml_core.solve import SolveOptions
from nestml_core.solved import Flow, Method, SolvedModel, SolvedProgram

SLICES = MappingProxyType({"15 steps": 1.5, "1 step": None})
"""The delay, in ms, of a connection between two nodes apart that sets the length of a slice."""


@dataclass(frozen=True)
class Model:
    """A neuron of the library and its twin, whose defaults are the same.

    Attributes
    ----------
    current : ``I_e``, pA
    potentials : between which ``V_m`` starts
    duration : what is simulated in a round, ms
    theirs : what NEST's model is given beside
    method : how ours is integrated, where there is no exact solution
    tolerance : of NEST's integrator, and so of ours: absolute, whatever the size of a variable
    """

    name: str
    current: float
    potentials: tuple[float, float] = (-70.0, -56.0)
    duration: float = 200.0
    ours: Mapping[str, float] = field(default_factory=dict)
    theirs: Mapping[str, float] = field(default_factory=dict)
    method: Method | None = None
    tolerance: float = 0.0


EXACT = (
    Model("iaf_psc_exp", 500.0),
    Model("iaf_psc_alpha", 500.0),
    Model("iaf_psc_delta", 500.0),
)
NUMERICAL = (
    Model("iaf_cond_alpha", 400.0, duration=50.0, method=Method.RK45, tolerance=1e-3),
    Model(
        *("aeif_cond_exp", 700.0, (-70.0, -60.0), 30.0),
        ours={"refr_T": 0.0},
        method=Method.RK45,
        tolerance=1e-6,
    ),
    Model("hh_psc_alpha", 1000.0, (-70.0, -60.0), 30.0, method=Method.RK45, tolerance=1e-6),
    Model("izhikevich", 10.0, (-65.0, -55.0), method=Method.FORWARD_EULER),
)


@dataclass(frozen=True)
class Outcome:
    """One run: CPU seconds, spikes, mean potential at the end in mV."""

    seconds: float
    spikes: int
    potential: float


Simulation = Callable[[str, Mapping[str, float]], Outcome]


@dataclass(frozen=True)
class Case:
    name: str
    model: Model
    simulate: Simulation


def unconnected(model: Model, count: int, delay: float | None) -> Simulation:
    """Return what runs neurons that only their constant current drives."""

    def simulate(name: str, entries: Mapping[str, float]) -> Outcome:
        if delay is not None:
            nodes = nest.Create("parrot_neuron", 2)
            nest.Connect(nodes[0], nodes[1], syn_spec={"delay": delay})
        neurons = started(name, count, model, entries)
        return timed(neurons, model.duration)

    return simulate


def brunel(model: Model, count: int, in_degree: int, synapse: str) -> Simulation:
    """Return what runs a network with four excitatory neurons to an inhibitory one.

    Brunel (2000), J. Comput. Neurosci. 8:183-208, driven by a constant current.
    """

    def simulate(name: str, entries: Mapping[str, float]) -> Outcome:
        neurons = started(name, count, model, entries)
        excitatory, inhibitory = neurons[: count * 4 // 5], neurons[count * 4 // 5 :]
        strength = 0.1 if model.name == "iaf_psc_delta" else 20.0
        strength *= 1000.0 / in_degree
        for sources, weight in ((excitatory, strength), (inhibitory, -6.0 * strength)):
            rule = {"rule": "fixed_indegree", "indegree": in_degree * len(sources) // count}
            made = {"synapse_model": synapse, "weight": weight, "delay": 1.5}
            nest.Connect(sources, neurons, rule, made)
        return timed(neurons, model.duration)

    return simulate


def started(name: str, count: int, model: Model, entries: Mapping[str, float]) -> Any:
    """Return neurons that are not in step with each other."""
    neurons = nest.Create(name, count, {"I_e": model.current, **entries})
    neurons.V_m = np.random.default_rng(1).uniform(*model.potentials, count)
    return neurons


def timed(neurons: Any, duration: float) -> Outcome:
    nest.Prepare()
    nest.Run(15.0)
    before = nest.local_spike_counter
    begin = time.process_time()
    nest.Run(duration)
    seconds = time.process_time() - begin
    nest.Cleanup()
    spikes = nest.local_spike_counter - before
    return Outcome(seconds, spikes, float(np.mean(neurons.V_m)))


def modules(folder: Path, models: Sequence[Model], **choices: Any) -> list[str]:
    """Build the models, those that are solved by one method in one module; return the modules."""
    backend, found = NestBackend(), []
    for method in dict.fromkeys(m.method for m in models):
        chosen = {m.name: m.tolerance for m in models if m.method == method}
        program = compile_files(list(chosen), SolveOptions(method)).value
        assert program is not None
        program = SolvedProgram(tuple(with_tolerance(m, chosen[m.name]) for m in program.models))
        kind = "exact" if method is None else method.value
        options = Options(module=f"{kind}module", **choices)
        files = generate(program, backend, options).value
        assert files is not None
        write_files(files, folder / kind)
        artifact = backend.compile(program, folder / kind, options).value
        assert artifact is not None
        found.append(str(artifact.product))
    return found


def with_tolerance(model: SolvedModel, tolerance: float) -> SolvedModel:
    """Return ``model`` with an absolute tolerance of its integrators and no relative one."""

    def accurate(flow: Flow) -> Flow:
        system = flow.nonlinear
        if system is None:
            return flow
        integrator = replace(system.integrator, relative=0.0, absolute=tolerance)
        return replace(flow, nonlinear=replace(system, integrator=integrator))

    return replace(model, flows=tuple(map(accurate, model.flows)))


def once(case: Case, is_ours: bool, installed: Sequence[str], threads: int) -> Outcome:
    nest.ResetKernel()
    nest.set(resolution=0.1, local_num_threads=threads, rng_seed=1)
    for module in installed:
        nest.Install(module)
    model = case.model
    if is_ours:
        return case.simulate(f"{model.name}_nestml", model.ours)
    return case.simulate(model.name, model.theirs)


def row(name: str, ours: Sequence[Outcome], theirs: Sequence[Outcome]) -> str:
    ratios = [b.seconds / a.seconds for a, b in zip(ours, theirs, strict=True)]
    seconds = f"{median(o.seconds for o in ours):9.3f} {median(t.seconds for t in theirs):9.3f}"
    spread = f"{min(ratios):6.2f} to {max(ratios):5.2f}"
    a, b = ours[0], theirs[0]
    spikes = f"{a.spikes} spikes" if a.spikes == b.spikes else f"{a.spikes} spikes, not {b.spikes}"
    apart = f"{abs(a.potential - b.potential):.1e} mV"
    return f"{name:<32} {seconds} {median(ratios):7.2f}  {spread:<17} {apart:>10}  {spikes}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--neurons", type=int, default=10_000)
    arguments.add_argument("--in-degree", type=int, default=1_000)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--native", action="store_true", help="compile for this processor")
    arguments.add_argument("--optimization", default=None, help="level of the compiler")
    arguments.add_argument("cases", nargs="*", help="parts of the names of cases; all if none")
    options = arguments.parse_args()
    count = options.neurons
    cases = [
        Case(f"{m.name}, {name}", m, unconnected(m, count, delay))
        for name, delay in SLICES.items()
        for m in (*EXACT, *NUMERICAL)
    ]
    cases += [
        Case(f"{m.name}, Brunel", m, brunel(m, count, options.in_degree, "static_synapse"))
        for m in EXACT
    ]
    cases = [c for c in cases if any(part in c.name for part in options.cases or [""])]
    how: dict[str, Any] = {"native": True} if options.native else {}
    if options.optimization is not None:
        how["optimization"] = options.optimization
    nest.set_verbosity("M_ERROR")
    outcomes: dict[str, tuple[list[Outcome], list[Outcome]]] = {c.name: ([], []) for c in cases}
    with tempfile.TemporaryDirectory() as folder:
        installed = modules(Path(folder), [c.model for c in cases], **how)
        for k in range(options.rounds):
            for case in cases:
                for is_ours in (True, False) if k % 2 == 0 else (False, True):
                    found = once(case, is_ours, installed, options.threads)
                    outcomes[case.name][not is_ours].append(found)
        nest.ResetKernel()
    print(f"{'':<32} {'ours, s':>9} {'NEST, s':>9} {'faster':>7}  rounds{'':<13} mean V_m")
    for name, (ours, theirs) in outcomes.items():
        print(row(name, ours, theirs))


if __name__ == "__main__":
    main()
