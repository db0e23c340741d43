"""Learning rules of Loihi, run by Lava's own LearningDense, against the reference interpreter."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nestml_lava.backend import LavaBackend
from nestml_lava.options import Options

import nestml_core as nestml
from nestml_core.api import SolvedProgram
from nestml_core.pipeline import compile_files, generate, write_files

STEPS, DT, W_MAX = 3000, 1.0, 100.0
TOGETHER = 1 if os.environ.get("NESTML_LAVA_LIBRARY") == "1" else 4
RULES = {
    "stdp": ("-2^-7*x0*y1*w-2^-7*y0*x1*(w-100)", {"x1": 1.28, "y1": 1.28}),
    "stdp_triplet": (
        "-2^-7*x0*y1-2^-7*y0*x1-2^-7*x0*y1*x2+2^-7*y0*y2*x1",
        {"x1": 1.1904, "x2": 0.03397, "y1": 0.86656, "y2": 1.0},
    ),
}


def trains(seed: int, *, apart: bool = True) -> tuple[Any, Any]:
    """Return steps of pre- and postsynaptic spikes; ``apart``: never two at a time."""
    rng = np.random.default_rng(seed)
    pre = np.unique(rng.integers(1, STEPS, 81))
    post = np.unique(rng.integers(1, STEPS, 96))
    return pre, np.setdiff1d(post, pre) if apart else post


def weights(model: str, pre: Any, post: Any, begin: float, **parameters: float) -> Any:
    """Return the course of the weight in the reference."""
    run = nestml.load(model).simulate(
        STEPS * DT,
        dt=DT,
        spikes={"pre_spikes": pre * DT, "post_spikes": post * DT},
        parameters=parameters,
        initial={"w": begin},
        record=["w"],
        backend="reference",
    )
    return run["w"]


def generated(name: str, directory: Path, **options: Any) -> tuple[str, ...]:
    """Write the package of a learning rule, and return the codes of what was said."""
    program = compile_files([name]).value
    assert program is not None
    files = generate(program, LavaBackend(), Options(learning="rule", **options))
    assert files.value is not None, files.diagnostics
    write_files(files.value, directory)
    return tuple(d.code.id for d in files.diagnostics)


SCRIPT = """
import importlib
job = json.loads({job!r})
package = importlib.import_module(job["package"])
found = []
for seed, pairs in enumerate(job["trains"], 1):
    n = len(pairs)
    process = package.RULE.dense(np.full((n, n), job["begin"]), {dt}, seed)
    package.SpikeSource([pre for pre, _ in pairs], {dt}).spike.connect(process.s_in)
    source = package.SpikeSource([post for _, post in pairs], {dt})
    source.spike.connect(process.s_in_bap)
    course = []
    if job["runtime"] == "lava":
        package.run(source, {steps} * {dt})
        course.append(np.diagonal(process.weights.get()))
        source.stop()
    else:
        network = package.InProcessNetwork(source)
        for _ in range({steps}):
            network.step()
            course.append(np.diagonal(network[process].model.weights).copy())
    found += (np.array(course).T * package.RULE.unit).tolist()
print(json.dumps(found))
"""


def in_lava(
    answer: Callable[..., Any],
    package: str,
    pairs: Any,
    begin: float,
    *,
    runtime: str = "inproc",
    together: int = 1,
) -> Any:
    """Return the course of the weight for each pair of trains, or its end in Lava's runtime.

    ``together`` synapses are the diagonal of one LearningDense, with one seed for rounding.
    """
    trains = [((pre * DT).tolist(), (post * DT).tolist()) for pre, post in pairs]
    job = {
        "package": package,
        "begin": begin,
        "runtime": runtime,
        "trains": [trains[i : i + together] for i in range(0, len(trains), together)],
    }
    return np.array(answer(SCRIPT.format(job=json.dumps(job), dt=DT, steps=STEPS)))


@pytest.mark.parametrize("mu", [1.0, 0.0, 2.0])
def test_pairs_in_floating_point(mu: float, answer: Callable[..., Any], tmp_path: Path) -> None:
    said = generated("stdp", tmp_path / "out", values=f"mu_plus={mu},mu_minus={mu},lambda=0.005")
    assert said == ("LAVA203", "LAVA217")
    pre, post = trains(1)
    got = in_lava(answer, "stdp", [(pre, post)], 50.0)[0]
    exact = weights("stdp", pre, post, 50.0, mu_plus=mu, mu_minus=mu, **{"lambda": 0.005})
    assert np.ptp(exact) > 0.5
    assert exact.max() < W_MAX
    assert np.abs(got - exact).max() <= 1e-9 * W_MAX


def test_spikes_at_one_time(answer: Callable[..., Any], tmp_path: Path) -> None:
    """A learning rule sees both of them; each makes the weight differ by two changes at most."""
    generated("stdp", tmp_path / "out")
    pre, post = trains(2, apart=False)
    together = len(np.intersect1d(pre, post))
    got = in_lava(answer, "stdp", [(pre, post)], 50.0)[0]
    exact = weights("stdp", pre, post, 50.0)
    assert together > 0
    assert 0.0 < np.abs(got - exact).max() <= 2 * together * 0.01 * W_MAX


def test_triplets_in_floating_point(answer: Callable[..., Any], tmp_path: Path) -> None:
    generated("stdp_triplet", tmp_path / "out")
    pre, post = trains(3)
    got = in_lava(answer, "stdp_triplet", [(pre, post)], 50.0)[0]
    exact = weights("stdp_triplet", pre, post, 50.0)
    assert np.ptp(exact) > 0.1
    assert np.abs(got - exact).max() <= 1e-9 * W_MAX


def test_constant_changes_are_told_by_the_tag(answer: Callable[..., Any], tmp_path: Path) -> None:
    generated("stdp_vogels", tmp_path / "out", values="eta=0.05")
    pre, post = trains(4)
    got = in_lava(answer, "stdp_vogels", [(pre, post)], 50.0)[0]
    exact = weights("stdp_vogels", pre, post, 50.0, eta=0.05)
    assert np.ptp(exact) > 0.1
    assert np.abs(got - exact).max() <= 1e-9 * W_MAX


def test_the_same_in_the_runtime_of_lava(answer: Callable[..., Any], tmp_path: Path) -> None:
    generated("stdp", tmp_path / "out")
    pre, post = trains(1)
    got = in_lava(answer, "stdp", [(pre, post)], 50.0, runtime="lava")[0]
    assert got[-1] == pytest.approx(weights("stdp", pre, post, 50.0)[-1], abs=1e-9 * W_MAX)


def test_pairs_in_whole_numbers(answer: Callable[..., Any], tmp_path: Path) -> None:
    """Twenty pairs of trains, five seeds of stochastic rounding: no bias, no run far off.

    With NESTML_LAVA_LIBRARY=1, twenty of both.
    """
    said = generated("stdp", tmp_path / "out", arith="loihi1")
    assert said == ("LAVA217",)
    pairs = [trains(seed) for seed in range(10, 30)]
    begin = 40.0  # a whole number of units
    got = in_lava(answer, "stdp", pairs, begin, together=TOGETHER)
    exact = np.array([weights("stdp", pre, post, begin) for pre, post in pairs])
    errors = got[:, -1] - exact[:, -1]
    assert np.ptp(exact[:, -1]) > 5.0
    assert abs(errors.mean()) <= 0.01 * W_MAX
    assert np.abs(errors).max() <= 0.05 * W_MAX


NETWORK = """
import iaf_psc_exp, stdp
recorder = iaf_psc_exp.Recorder({folder!r}, ("spike",), 3000)
source = stdp.SpikeSource([[20.0 * i + j for i in range(1, 14)] for j in range(3)])
neurons = iaf_psc_exp.iaf_psc_exp(shape=(2,), I_e=[430.0, 400.0], recorder=recorder)
w = np.array([[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]])
learning = stdp.connect(source, neurons.exc_spikes, w=w, delay_ms=1.5)
network = stdp.InProcessNetwork(neurons)
network.run(300.0)
print(json.dumps(network[learning].model.weights.tolist()))
"""


def test_learning_in_a_network(
    library: Callable[..., Any], answer: Callable[..., Any], tmp_path: Path
) -> None:
    """With the spikes that the neurons had there, each synapse is as the reference says."""
    library("iaf_psc_exp")
    generated("stdp", tmp_path / "out")
    got = np.array(answer(NETWORK.format(folder=str(tmp_path))))
    counts = np.load(tmp_path / "spike.npy")
    begin = np.array([[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]])
    for i in range(2):
        post = (np.nonzero(counts[:, i])[0] + 1) * 0.1 + 1.5
        assert len(post) > 5
        for j in range(3):
            run = nestml.load("stdp").simulate(
                300.0,
                dt=0.1,
                spikes={
                    "pre_spikes": [20.0 * i + j for i in range(1, 14)],
                    "post_spikes": post[post < 300.0].round(6),
                },
                initial={"w": begin[i, j]},
                record=["w"],
                backend="reference",
            )
            assert got[i, j] == pytest.approx(run["w"][-1], abs=1e-9 * W_MAX)


WHOLE = """
import iaf_psc_exp, stdp
def network():
    source = stdp.SpikeSource([np.arange(5.0, 100.0, 7.0), np.arange(6.0, 100.0, 9.0)])
    neurons = iaf_psc_exp.iaf_psc_exp(shape=(2,), I_e=420.0)
    learning = stdp.connect(source, neurons.exc_spikes, w=20.0, delay_ms=1.0, rng_seed=3)
    return neurons, learning
neurons, learning = network()
stdp.run(neurons, 100.0)
found = [learning.weights.get().tolist()]
neurons.stop()
neurons, learning = network()
running = stdp.InProcessNetwork(neurons)
running.run(100.0)
found.append(running[learning].model.weights.tolist())
print(json.dumps(found))
"""


def test_whole_weights_between_neurons_in_floating_point(
    library: Callable[..., Any], answer: Callable[..., Any], tmp_path: Path
) -> None:
    """Lava's own model for whole numbers, in the runtime and without it."""
    library("iaf_psc_exp")
    generated("stdp", tmp_path / "out", arith="loihi1")
    in_runtime, in_process = answer(WHOLE)
    assert in_runtime == in_process
    assert np.ptp(in_runtime) > 0
    assert all(w == int(w) and 0 <= w <= 255 for row in in_runtime for w in row)


REWARDED = """
import iaf_psc_exp, stdp_dopamine
recorder = iaf_psc_exp.Recorder({folder!r}, ("spike",), 3000)
source = stdp_dopamine.SpikeSource([[20.0 * i + j for i in range(1, 14)] for j in range(3)])
reward = stdp_dopamine.SpikeSource([[50.0, 120.0], [200.0]])
neurons = iaf_psc_exp.iaf_psc_exp(shape=(2,), I_e=[430.0, 400.0], recorder=recorder)
w = np.array([[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]])
learning = stdp_dopamine.connect(
    source, neurons.exc_spikes, w=w, delay_ms=1.5, inputs={{"mod_spikes": (reward, {delay})}})
if {runtime!r} == "lava":
    stdp_dopamine.run(neurons, 300.0)
    weights = learning.weights.get()
    neurons.stop()
else:
    network = stdp_dopamine.InProcessNetwork(neurons)
    network.run(300.0)
    weights = network[learning].model.weights
print(json.dumps(weights.tolist()))
"""


@pytest.mark.parametrize(("runtime", "delay"), [("lava", 0.0), ("inproc", 2.0)])
def test_three_factors(
    runtime: str,
    delay: float,
    library: Callable[..., Any],
    answer: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """Dopamine: exact, where no spikes of both sides meet and the weight stays off its bounds."""
    library("iaf_psc_exp")
    said = generated("stdp_dopamine", tmp_path / "out", values="b=0.002")
    assert said == ("LAVA203", "LAVA217")
    program = REWARDED.format(folder=str(tmp_path), runtime=runtime, delay=delay)
    got = np.array(answer(program))
    counts = np.load(tmp_path / "spike.npy")
    begin = np.array([[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]])
    assert np.abs(got - begin).max() > 0.1
    for i in range(2):
        post = (np.nonzero(counts[:, i])[0] + 1) * 0.1 + 1.5
        assert len(post) > 5
        for j in range(3):
            pre = np.array([20.0 * k + j for k in range(1, 14)])
            assert not np.isin(np.rint(pre / 0.1), np.rint(post / 0.1)).any()
            run = nestml.load("stdp_dopamine").simulate(
                300.0,
                dt=0.1,
                spikes={
                    "pre_spikes": pre,
                    "post_spikes": post[post < 300.0].round(6),
                    "mod_spikes": [50.0 + delay, 120.0 + delay, 200.0 + delay],
                },
                parameters={"b": 0.002},
                initial={"w": begin[i, j]},
                record=["w"],
                backend="reference",
            )
            assert got[i, j] == pytest.approx(run["w"][-1], abs=1e-9 * W_MAX)


@pytest.mark.parametrize("name", RULES)
def test_rules_in_floating_point(name: str) -> None:
    program = compile_files([name]).value
    assert program is not None
    lowered = LavaBackend().lower(program, Options(learning="rule"))
    assert lowered.value is not None
    package: Any = lowered.value.packages[0]
    dw, impulses = RULES[name]
    assert package.dw == dw
    assert {t.name: t.impulse for t in package.traces} == pytest.approx(impulses, rel=1e-3)


def test_rule_in_whole_numbers() -> None:
    """The exponents make up for the bits that products of Loihi lose."""
    program = compile_files(["stdp"]).value
    assert program is not None
    lowered = LavaBackend().lower(program, Options(learning="rule", arith="loihi1"))
    assert lowered.value is not None
    package: Any = lowered.value.packages[0]
    assert package.dw == "-2^-6*x0*y1*w-2^-6*y0*x1*(w-255)"
    assert [t.impulse for t in package.traces] == pytest.approx([20.48, 20.48])


STDP = """
model pairs:
    state:
        w real = 1 [[ w >= 0 and w <= Wmax ]]
        x real = 0
        y real = 0
    equations:
        x' = -x / (20 ms)
        y' = -y / (20 ms)
    parameters:
        Wmin real = 0
        Wmax real = 100
        mu real = 1
    input:
        pre_spikes <- spike
        post_spikes <- spike
    output:
        spike
    update:
        integrate_odes()
    onReceive(post_spikes):
        w = {potentiation}
        y += 1
    onReceive(pre_spikes):
        w = clip(w - 0.1 * w * y, Wmin, Wmax)
        x += 1
        emit_spike(w)
"""
REFUSED = {
    "LAVA201": "clip(w + (1 - w / Wmax) ** mu * x, Wmin, Wmax)",
    "LAVA202": "clip(w + x, Wmin + 1, Wmax)",
    "LAVA213": "clip(w + exp(x), Wmin, Wmax)",
    "LAVA215": "clip(w + 0.01 * x + 0.013 * x * y, Wmin, Wmax)",
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_is_no_rule_is_refused(code: str, compiled: Callable[..., SolvedProgram]) -> None:
    text = STDP.format(potentiation=REFUSED[code])
    program = compiled(text.replace("mu real = 1", "mu real = 0.4"))
    lowered = LavaBackend().lower(program, Options(learning="rule"))
    errors = [d.code.id for d in lowered.diagnostics if d.code.severity.name == "ERROR"]
    assert errors == [code]
    assert lowered.value is None
    assert LavaBackend().lower(program, Options()).value is not None


def test_more_traces_than_a_rule_has(compiled: Callable[..., SolvedProgram]) -> None:
    text = STDP.format(potentiation="clip(w + 0.01 * (x + x2 + x3), Wmin, Wmax)")
    text = text.replace("x real = 0", "x real = 0\n        x2 real = 0\n        x3 real = 0")
    text = text.replace(
        "y' = ", "x2' = -x2 / (5 ms)\n        x3' = -x3 / (50 ms)\n        y' = "
    ).replace("x += 1", "x += 1\n        x2 += 1\n        x3 += 1")
    lowered = LavaBackend().lower(compiled(text), Options(learning="rule"))
    assert [d.code.id for d in lowered.diagnostics] == ["LAVA214"]
