"""Generated neurons against NEST's hand-written ones: CPU time of the same network, in turn.

``python tests/bench/bench_nest.py [--rounds 5] [--neurons 10000] [--in-degree 1000] [CASE...]``.
In every round each case runs with either model, which of them first changing from round to round;
the ratios are medians of the ratios of the rounds. Timed is ``nest.Run`` alone, after a warm-up.
Each row also says whether both fired as often, how far apart their mean potentials ended, and what
a plastic connection takes.
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
from nestml_core.solved import Flow, Method, Pair, SolvedModel, SolvedProgram

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


def solved(name: str, current: float, tolerance: float, **rest: Any) -> Model:
    """Return a neuron that NEST solves by the RKF45 of the GSL."""
    potentials, method = (-70.0, -60.0), Method.RK45
    return Model(name, current, potentials, 30.0, method=method, tolerance=tolerance, **rest)


NUMERICAL = (
    solved("iaf_cond_alpha", 400.0, 1e-3),
    solved("iaf_cond_exp", 400.0, 1e-3),
    *(
        solved(f"aeif_{kind}", 700.0, 1e-6, theirs={"t_ref": 2.0})  # as ours has it
        for kind in ("cond_alpha", "cond_exp", "psc_alpha", "psc_exp")
    ),
    solved("hh_psc_alpha", 1000.0, 1e-6),
    solved("hh_cond_exp_traub", 300.0, 1e-3),
    Model("izhikevich", 10.0, (-65.0, -55.0), method=Method.FORWARD_EULER),
)
PLASTIC = MappingProxyType({"iaf_psc_exp": "stdp_synapse", "iaf_psc_alpha": "stdp_synapse_hom"})
"""Neurons with the plastic synapse of NEST that is the twin of `stdp`.

The parameters of ours are then in each connection too, or shared as those of NEST's.
"""


@dataclass(frozen=True)
class Outcome:
    """One run: CPU seconds, spikes, mean potential at the end in mV, bytes of a connection."""

    seconds: float
    spikes: int
    potential: float
    bytes: int = 0


Simulation = Callable[[str, Mapping[str, float]], Outcome]


@dataclass(frozen=True)
class Case:
    """``ours`` is what our neuron is called in NEST."""

    name: str
    model: Model
    ours: str
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


def brunel(model: Model, count: int, in_degree: int, *, own_synapse: bool) -> Simulation:
    """Return what runs a network with four excitatory neurons to an inhibitory one.

    Brunel (2000), J. Comput. Neurosci. 8:183-208, driven by a constant current. ``own_synapse`` :
    ours are connected by the static synapse that is generated with them.
    """

    def simulate(name: str, entries: Mapping[str, float]) -> Outcome:
        is_own = own_synapse and name != model.name
        synapse = f"static_synapse__with_{name}" if is_own else "static_synapse"
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


def plastic(model: Model, count: int, in_degree: int) -> Simulation:
    """Return what runs the network above with plastic excitatory synapses."""

    def simulate(name: str, entries: Mapping[str, float]) -> Outcome:
        is_ours = name != model.name
        synapse = f"stdp__with_{model.name}" if is_ours else PLASTIC[model.name]
        static = f"static_synapse__with_{name}" if is_ours else "static_synapse"
        neurons = started(name, count, model, entries)
        excitatory, inhibitory = neurons[: count * 4 // 5], neurons[count * 4 // 5 :]
        strength = 20.0 * 1000.0 / in_degree
        nest.SetDefaults(synapse, {"Wmax": 3.0 * strength})
        made = {"synapse_model": synapse, "weight": strength, "delay": 1.5}
        rule = {"rule": "fixed_indegree", "indegree": in_degree * 4 // 5}
        nest.Connect(excitatory, neurons, rule, made)
        made = {"synapse_model": static, "weight": -6.0 * strength, "delay": 1.5}
        rule = {"rule": "fixed_indegree", "indegree": in_degree // 5}
        nest.Connect(inhibitory, neurons, rule, made)
        found = timed(neurons, model.duration)
        some = nest.GetConnections(neurons[:1], synapse_model=synapse)
        return replace(found, bytes=some[0].get("sizeof"))

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


def modules(folder: Path, cases: Sequence[Case], **choices: Any) -> list[str]:
    """Build what the cases need, with models that are solved by one method in one module."""
    alone = [c.model for c in cases if c.ours == f"{c.model.name}_nestml"]
    found = []
    for method in dict.fromkeys(m.method for m in alone):
        tolerances = {m.name: m.tolerance for m in alone if m.method == method}
        program = compile_files(list(tolerances), SolveOptions(method)).value
        assert program is not None
        accurate = tuple(with_tolerance(m, tolerances[m.name]) for m in program.models)
        kind = "exact" if method is None else method.value
        options = Options(module=f"{kind}module", static_synapse=method is None, **choices)
        found.append(module(folder / kind, SolvedProgram(accurate), options))
    for neuron in dict.fromkeys(c.model.name for c in cases if c.ours == paired(c.model.name)):
        program = compile_files([neuron, "stdp"]).value
        assert program is not None
        shared = ("all",) if PLASTIC[neuron].endswith("_hom") else ()
        own = {"module": f"{neuron}module", "static_synapse": True, "homogeneous": shared}
        program = SolvedProgram(program.models, (Pair(neuron, "stdp"),))
        found.append(module(folder / neuron, program, Options(**own, **choices)))
    return found


def module(folder: Path, program: SolvedProgram, options: Options) -> str:
    """Return the path of a module."""
    backend = NestBackend()
    files = generate(program, backend, options).value
    assert files is not None
    write_files(files, folder)
    artifact = backend.compile(program, folder, options).value
    assert artifact is not None
    return str(artifact.product)


def paired(neuron: str) -> str:
    return f"{neuron}__with_stdp"


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
        return case.simulate(case.ours, model.ours)
    return case.simulate(model.name, model.theirs)


def row(name: str, ours: Sequence[Outcome], theirs: Sequence[Outcome]) -> str:
    ratios = [b.seconds / a.seconds for a, b in zip(ours, theirs, strict=True)]
    seconds = f"{median(o.seconds for o in ours):9.3f} {median(t.seconds for t in theirs):9.3f}"
    spread = f"{min(ratios):6.2f} to {max(ratios):5.2f}"
    a, b = ours[0], theirs[0]
    spikes = f"{a.spikes} spikes" if a.spikes == b.spikes else f"{a.spikes} spikes, not {b.spikes}"
    apart = f"{abs(a.potential - b.potential):.1e} mV"
    size = f", {a.bytes} bytes, NEST's {b.bytes}" if a.bytes else ""
    return f"{name:<32} {seconds} {median(ratios):7.2f}  {spread:<17} {apart:>10}  {spikes}{size}"


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
        Case(f"{m.name}, {name}", m, f"{m.name}_nestml", unconnected(m, count, delay))
        for name, delay in SLICES.items()
        for m in (*EXACT, *NUMERICAL)
    ]
    for m in EXACT:
        for name, own in (("Brunel", False), ("Brunel, own synapse", True)):
            network = brunel(m, count, options.in_degree, own_synapse=own)
            cases.append(Case(f"{m.name}, {name}", m, f"{m.name}_nestml", network))
        if m.name in PLASTIC:
            network = plastic(m, count, options.in_degree)
            cases.append(Case(f"{m.name}, {PLASTIC[m.name]}", m, paired(m.name), network))
    cases = [c for c in cases if any(part in c.name for part in options.cases or [""])]
    how: dict[str, Any] = {"native": True} if options.native else {}
    if options.optimization is not None:
        how["optimization"] = options.optimization
    nest.set_verbosity("M_ERROR")
    outcomes: dict[str, tuple[list[Outcome], list[Outcome]]] = {c.name: ([], []) for c in cases}
    with tempfile.TemporaryDirectory() as folder:
        installed = modules(Path(folder), cases, **how)
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
