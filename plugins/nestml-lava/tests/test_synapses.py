"""Synapses as connection processes, against networks in the reference interpreter."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nestml_lava.backend import LavaBackend
from nestml_lava.library import synapse_outcome
from nestml_lava.options import Options
from synapse_networks import CASES, DT, NEURON, POST, PRE, SOURCES, expected, script, trains

import nestml_core as nestml
from nestml_core.api import Experiment, ModelKind, SolvedProgram, library_models, load
from nestml_core.experiment import schedule
from nestml_core.reference import simulate
from nestml_core.stimuli import with_input

ALL = os.environ.get("NESTML_LAVA_LIBRARY") == "1"
PEER = os.environ.get("NESTML_PEER_PACKAGE", "")
DURATION = 1000.0 if ALL else 200.0
TOLERANCE = 1e-9

LIBRARY = tuple(p.stem for p in library_models() if p.parent.name == "synapses")
RANDOM = ("noisy", "quantal_stp")
IN_THE_RUNTIME = tuple(CASES) if ALL else ("stdp", "stdp_dopamine", "clopath")


def test_every_synapse_of_the_library_is_there() -> None:
    assert sorted({c.synapse for c in CASES.values()} | set(RANDOM)) == sorted(LIBRARY)


def difference(case: str, folder: Path, duration: float) -> str:
    """Return where a run is not what the reference says, in words."""
    wanted = expected(CASES[case], duration)
    counts = np.load(folder / "spike.npy")
    spikes = sorted((int(k) + 1, int(i)) for k, i in zip(*np.nonzero(counts), strict=True))
    if spikes != wanted["spikes"]:
        return f"{case}: the neurons spike otherwise"
    assert len(spikes) > 5
    for name, values in wanted["values"].items():
        found = np.load(folder / "synapses" / f"{name}.npy")
        error = np.abs(found - values) / np.maximum(1.0, np.abs(values))
        if not error.max() <= TOLERANCE:
            return f"{case}: {name} differs by {error.max():.2g}"
    return ""


def laid(case: str, tmp_path: Path) -> Path:
    folder = tmp_path / case.replace(" ", "_")
    (folder / "synapses").mkdir(parents=True)
    return folder


def test_every_synapse_runs_as_in_the_reference(
    build_library: Callable[..., Any], answer: Callable[..., Any], tmp_path: Path
) -> None:
    """In-process: all state at all times, two spikes at a time, delays of each connection."""
    build_library(NEURON, *dict.fromkeys(c.synapse for c in CASES.values()))
    folders = {case: laid(case, tmp_path) for case in CASES}
    programs = (script(CASES[x], DURATION, str(folder), "inproc") for x, folder in folders.items())
    assert answer("\n".join(programs)) == "done"
    found = [difference(case, folder, DURATION) for case, folder in folders.items()]
    assert [x for x in found if x] == []


@pytest.mark.parametrize("case", IN_THE_RUNTIME)
def test_synapses_in_the_runtime_of_lava(
    case: str, build_library: Callable[..., Any], answer: Callable[..., Any], tmp_path: Path
) -> None:
    build_library(NEURON, CASES[case].synapse)
    folder, duration = laid(case, tmp_path), min(DURATION, 100.0)
    assert answer(script(CASES[case], duration, str(folder), "lava")) == "done"
    assert difference(case, folder, duration) == ""


ALONE = ("stdp", "clopath", "stdsp", "stdp_dopamine", "static")


@pytest.mark.parametrize("name", LIBRARY if ALL else ALONE)
def test_a_synapse_alone(name: str, library: Callable[..., Any]) -> None:
    """Times and weights of what it emits, and all that can be recorded."""
    model = load(name).solved
    wanted, _ = with_input(model, Experiment(duration=100.0, dt=DT), 20.0)
    trace = library(name).simulate(wanted)
    plan = schedule(wanted, model).value
    assert plan is not None
    reference = simulate(model, plan).value
    assert reference is not None
    assert reference.spike_weights is not None
    if model.is_random:
        return
    assert len(reference.spike_steps) > 0 or name == "stdsp"  # which stays immature
    assert np.array_equal(trace.spike_steps, reference.spike_steps)
    assert trace.spike_weights == pytest.approx(reference.spike_weights, rel=TOLERANCE)
    for recorded, values in reference.values.items():
        assert trace[recorded] == pytest.approx(values, rel=TOLERANCE, abs=TOLERANCE), recorded


def test_a_learning_rule_does_not_run_alone(library: Callable[..., Any]) -> None:
    wanted = Experiment(duration=10.0, dt=DT, spikes={"pre_spikes": [5.0]})
    ran = library("stdp", learning="rule").attempt(wanted)
    assert [d.code.id for d in ran.diagnostics] == ["LAVA218"]


def test_parts_of_the_language_in_a_synapse(written: Callable[..., Any]) -> None:
    """Kernels, coupled equations, conditions, functions and whole numbers between events."""
    text = """
model parts:
    state:
        a real = 1
        b real = 0.5
        n integer = 0
        z real = 2
    equations:
        kernel K = exp(-t / tau)
        a' = (-2 * a + 3 * b) / tau
        b' = (-3 * a - 2 * b) / tau + 0.2 * convolve(K, post_spikes) / tau
        z' = -z ** 3 / tau
        recordable inline c real = convolve(K, pre_spikes) + a
    parameters:
        tau ms = 10 ms
    input:
        pre_spikes <- spike
        post_spikes <- spike
    output:
        spike
    function half(x real) real:
        if x > 1:
            return x / 2
        return -x
    update:
        integrate_odes()
    onReceive(pre_spikes):
        a += half(b)
        emit_spike(c + n)
    onReceive(post_spikes):
        b += 0.1
        z += 1
        n += 1
    onCondition(n >= 3):
        n = 0
        z = 0.5 * resolution() / 1 ms
"""
    package = written(text)
    model = package.artifact.program.models[0]
    rng = np.random.default_rng(2)
    spikes = {p: np.sort(rng.integers(1, 999, 40)) * DT for p in ("pre_spikes", "post_spikes")}
    record = tuple(r.symbol.name for r in model.recordables)
    wanted = Experiment(duration=100.0, dt=DT, spikes=spikes, record=record)
    trace, plan = package.simulate(wanted), schedule(wanted, model).value
    assert plan is not None
    reference = simulate(model, plan).value
    assert reference is not None
    assert reference.spike_weights is not None
    assert trace.spike_weights == pytest.approx(reference.spike_weights, rel=1e-9)
    for name, values in reference.values.items():
        assert trace[name] == pytest.approx(values, rel=1e-7, abs=1e-7), name


RELAYED = """
import tsodyks
from iaf_psc_exp import InProcessNetwork, Recorder, SpikeSource, iaf_psc_exp, run
recorder = Recorder({folder!r}, ("V_m", "spike"), 2000)
source = SpikeSource(json.loads({trains!r}))
neurons = iaf_psc_exp(shape=(2,), I_e=[420.0, 390.0], recorder=recorder)
relay = tsodyks.connect(
    source, neurons.exc_spikes, pairs=({pre}, {post}), delay_ms={delays},
    w=[500.0, -600.0, 700.0, 800.0, 900.0], tau_fac=[0.0, 100.0, 200.0])
run(neurons, 200.0)
neurons.stop()
try:
    tsodyks.connect(source, neurons.exc_spikes, delay_ms=0.1)
except ValueError as problem:
    print(json.dumps(str(problem)))
"""


def test_a_relay_at_the_axon(
    library: Callable[..., Any], answer: Callable[..., Any], tmp_path: Path
) -> None:
    """Short-term plasticity, one state for all connections of an axon, in Lava's runtime."""
    library("iaf_psc_exp")
    library("tsodyks", learning="rule")
    delays, given = (1.0, 0.3, 0.2, 2.0, 1.0), trains(200.0)[:SOURCES]
    fields = {"pre": PRE, "post": POST, "delays": delays, "trains": json.dumps(given)}
    said = answer(RELAYED.format(folder=str(tmp_path), **fields))
    assert "delays are two steps or more" in said
    net = nestml.Network(dt=DT)
    neurons = net.create(NEURON, 2, parameters={"I_e": [420.0, 390.0]})
    net.connect(
        net.spike_source(given),
        neurons,
        pairs=(np.array(PRE), np.array(POST)),
        synapse="tsodyks",
        parameters={
            "w": np.array([500.0, -600.0, 700.0, 800.0, 900.0]),
            "tau_fac": np.array([0.0, 100.0, 200.0])[list(PRE)],
        },
        delay=np.array(delays),
    )
    net.record(neurons, "V_m")
    result = net.run(200.0)
    times, indices = result.spikes(neurons)
    counts = np.load(tmp_path / "spike.npy")
    assert len(times) > 5
    assert sorted(zip(np.rint(times / DT).tolist(), indices.tolist(), strict=True)) == sorted(
        (float(k + 1), int(i)) for k, i in zip(*np.nonzero(counts), strict=True)
    )
    assert np.abs(np.load(tmp_path / "V_m.npy").T - result[neurons]["V_m"]).max() <= TOLERANCE


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("noisy", {}, "LAVA210"),
        ("tsodyks", {"arith": "loihi1"}, "LAVA212"),
        ("static", {"arith": "loihi1"}, "LAVA216"),
        ("capped", {}, "LAVA211"),
    ],
)
def test_what_no_relay_does(
    name: str, options: dict[str, Any], code: str, compiled: Callable[..., Any]
) -> None:
    capped = name == "capped"
    program = compiled(CAPPED) if capped else SolvedProgram((load(name).solved,))
    lowered = LavaBackend().lower(program, Options(learning="rule", **options))
    assert [d.code.id for d in lowered.diagnostics] == [code]


CAPPED = """
model capped:
    state:
        x real = 1
    parameters:
        w real = 1
    input:
        pre_spikes <- spike
    output:
        spike
    onReceive(pre_spikes):
        x = 0.5 * x
        emit_spike(min(w * x, 1))
"""


CHANCE = """
import noisy, quantal_stp, tsodyks2
from iaf_psc_delta import InProcessNetwork, Recorder, SpikeSource, iaf_psc_delta
n = 2000
times = [10.0, 30.0, 35.0, 80.0]
def sent(package, name, **values):
    recorder = Recorder({folder!r} + "/" + name, ("spike",), 1000)
    source = SpikeSource(times)
    neurons = iaf_psc_delta(shape=(n,), V_th=1e6)
    package.connect(source, neurons.spikes, seed=5, recorder=recorder, **values)
    InProcessNetwork(neurons).run(100.0)
    rows = np.load(recorder.path("spike"))
    return rows[[round(t / 0.1) - 1 for t in times]]
stp = dict(tau_fac=100.0, tau_rec=50.0, U=0.3)
noise = sent(noisy, "noisy", w=3.0, A_noise=2.0)
quanta = sent(quantal_stp, "quantal_stp", n=8, **stp)
mean = sent(tsodyks2, "tsodyks2", w=8.0, **stp)
print(json.dumps([x.tolist() for x in (
    noise.mean(1), noise.std(1), np.corrcoef(noise)[0, 1:], quanta.mean(1), mean[:, 0])]))
"""


def test_random_synapses(
    build_library: Callable[..., Any], answer: Callable[..., Any], tmp_path: Path
) -> None:
    """Mean and spread of the weights; bounds are five standard errors of 2000 connections."""
    build_library("iaf_psc_delta", "noisy", "quantal_stp", "tsodyks2")
    for name in ("noisy", "quantal_stp", "tsodyks2"):
        (tmp_path / name).mkdir()
    mean, spread, together, quanta, exact = answer(CHANCE.format(folder=str(tmp_path)))
    assert mean == pytest.approx([3.0] * 4, abs=5 * 2.0 / 2000**0.5)
    assert spread == pytest.approx([2.0] * 4, abs=5 * 2.0 / 4000**0.5)
    assert together == pytest.approx([0.0] * 3, abs=5 / 2000**0.5)
    assert quanta == pytest.approx(exact, abs=5 * 2.0 / 2000**0.5)  # the variance is below 8 / 4


GIVEN = """
import stdp
from iaf_psc_delta import InProcessNetwork, SpikeSource, iaf_psc_delta
mask = np.array([[1, 0, 1], [1, 1, 0]])
w = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
def failing(make):
    try:
        make()
    except (TypeError, ValueError, FloatingPointError) as problem:
        return f"{type(problem).__name__}: {problem}"
    return ""
def neurons(**values):
    return iaf_psc_delta(shape=(2,), **values)
source = lambda: SpikeSource([[1.0], [2.0], [3.0]])
taus, delays = [1.0, 2.0, 3.0, 4.0], np.full((2, 3), 0.5)
made = stdp.connect(source(), neurons().spikes, connected=mask, w=w, tau_tr_pre=taus)
again = stdp.connect(source(), neurons().spikes, pairs=([2, 0], [1, 1]), w=w, delay_ms=delays)
errors = [
    failing(lambda: stdp.connect(source(), neurons().spikes, v=1.0)),
    failing(lambda: stdp.connect(source(), neurons().spikes, w=500.0)),
    failing(lambda: stdp.connect(source(), neurons().spikes, delay_ms=0.02)),
    failing(lambda: stdp.connect(source(), neurons().spikes, w=[1.0, 2.0])),
    failing(lambda: stdp.connect(source(), neurons().spikes, connected=mask.T)),
    failing(lambda: stdp.connect(source(), neurons().spikes, inputs={"mod": source()})),
    failing(lambda: stdp.connect(source(), neurons(dt=0.2).spikes)),
    failing(lambda: stdp.connect(source(), neurons().spikes, pairs=([3], [0]))),
]
wrong = stdp.stdp(pre_shape=(1,))
model = stdp.InProcess(wrong)
errors.append(failing(lambda: model.step(pre_spikes=0.5)))
print(json.dumps([
    made.sources.tolist(), made.targets.tolist(),
    made.w.init.tolist(), made.tau_tr_pre.init.tolist(),
    again.w.init.tolist(), np.nan_to_num(made.matrix(made.w.init)).tolist(), errors]))
"""


def test_what_is_given(build_library: Callable[..., Any], answer: Callable[..., Any]) -> None:
    build_library("iaf_psc_delta", "stdp")
    sources, targets, w, tau, again, matrix, errors = answer(GIVEN)
    assert (sources, targets) == ([0, 0, 1, 2], [0, 1, 1, 0])
    assert w == [1.0, 4.0, 5.0, 3.0]
    assert tau == [1.0, 2.0, 3.0, 4.0]
    assert again == [6.0, 4.0]
    assert matrix == [[1.0, 0.0, 3.0], [4.0, 5.0, 0.0]]
    for error, words in zip(
        errors,
        (
            "stdp has no parameter or state variable 'v'",
            "w of connection 0 violates its bound",
            "shorter than a step",
            "w:",
            "connected has the shape (3, 2)",
            "has no port for further inputs 'mod'",
            "all processes of a network have the same dt",
            "there are 3 presynaptic neurons",
            "received 0.5, not a number of spikes",
        ),
        strict=True,
    ):
        assert words in error


PAUSED = """
import stdp, stdsp
from iaf_psc_exp import SpikeSource, iaf_psc_exp, run
source = SpikeSource([np.arange(5.0, 60.0, 7.0), np.arange(6.0, 60.0, 9.0)])
neurons = iaf_psc_exp(shape=(2, 2), I_e=420.0, signal="I_syn_exc")
first = stdp.connect(source, neurons.exc_spikes, w=20.0, delay_ms=1.0)
second = stdsp.connect(
    neurons, neurons.exc_spikes, permanence=20.0, delay_ms=1.5,
    inputs={"dAP_trace": "I_syn_exc"})
run(neurons, 30.0)
shapes = [v.get().shape == v.shape for p in (first, second) for v in p.vars]
first.w.set(np.full(8, 70.0))
first.tau_tr_pre.set(np.full(8, 5.0))
run(neurons, 30.0)
w = first.w.get()
neurons.stop()
neurons.stop()
print(json.dumps([all(shapes), w.tolist(), first.matrix(w).shape]))
"""


def test_variables_while_the_network_is_paused(
    build_library: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    """Two kinds of synapses, a cycle, neurons in two dimensions."""
    build_library("iaf_psc_exp", "stdp", "stdsp")
    whole, w, shape = answer(PAUSED)
    assert whole
    assert all(60.0 < x < 80.0 and x != 70.0 for x in w)
    assert shape == [4, 2]


FACTORS = """
import clopath, stdp_dopamine
from iaf_psc_delta import InProcessNetwork, SpikeSource, iaf_psc_delta
def failing(make):
    try:
        make()
    except TypeError as problem:
        return str(problem)
    return ""
def connected(package, inputs, **values):
    neurons = iaf_psc_delta(shape=(2,), **values)
    return package.connect(SpikeSource([1.0]), neurons.spikes, inputs=inputs)
print(json.dumps([
    failing(lambda: connected(stdp_dopamine, {})),
    failing(lambda: connected(clopath, {"V": "V_m"})),
    failing(lambda: connected(clopath, {"V": "V_m"}, signal="V_n")),
    failing(lambda: connected(clopath, {"V": "V_m"}, signal="V_m")),
]))
"""


def test_further_inputs(build_library: Callable[..., Any], answer: Callable[..., Any]) -> None:
    build_library("iaf_psc_delta", "clopath", "stdp_dopamine")
    missing, unsent, unknown, right = answer(FACTORS)
    assert "inputs={'mod_spikes': ...} is missing" in missing
    assert "create it with signal='V_m'" in unsent
    assert "did you mean 'V_m'" in unknown
    assert right == ""


def test_a_synapse_with_a_history_is_refused(compiled: Callable[..., Any]) -> None:
    text = """
model late:
    state:
        x real = 1
    equations:
        x' = -x(t - 2 ms) / (10 ms)
    input:
        pre_spikes <- spike
    output:
        spike
    update:
        integrate_odes()
    onReceive(pre_spikes):
        emit_spike(x)
"""
    lowered = LavaBackend().lower(compiled(text), Options())
    assert [d.code.id for d in lowered.diagnostics] == ["LAVA001"]


OF_THE_TOOLCHAIN = {
    "neuromodulated_stdp_synapse": "LearningDense",
    "noisy_synapse": "LAVA210",
    "static_synapse": "Delayed",
    "stdp_nn_pre_centered_synapse": "LAVA205",
    "stdp_nn_restr_symm_synapse": "LAVA206",
    "stdp_nn_symm_synapse": "LAVA204",
    "stdp_synapse": "LearningDense",
    "stdp_triplet_synapse": "LearningDense",
    "stdsp_synapse": "LAVA209",
    "tsodyks_synapse": "relay",
}


@pytest.mark.skipif(not (ALL and PEER), reason="only in the long sweep")
def test_synapses_of_the_reference_toolchain() -> None:
    """All are generated as they are, and as a learning rule or a relay, or refused with a code."""
    kinds = {}
    for file in sorted(Path(PEER).glob("**/models/synapses/*.nestml")):
        model = load(file).solved
        assert model.kind is ModelKind.SYNAPSE
        lowered = LavaBackend().lower(SolvedProgram((model,)), Options())
        assert lowered.value is not None, file.stem
        kinds[model.name] = synapse_outcome(model).kind
    assert kinds == OF_THE_TOOLCHAIN
