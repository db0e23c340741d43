"""Generated processes in whole numbers, and those that Lava has, in Lava itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nestml_lava import execution
from nestml_lava.backend import VERSION
from nestml_lava.fixed import rendering, trial
from nestml_lava.fixed.loihi import stored_weights
from nestml_lava.fixed.package import lowered
from nestml_lava.options import Options

from nestml_core.api import Experiment, Schedule, SolvedModel, interpret, load
from nestml_core.comparing import compare
from nestml_core.experiment import schedule
from nestml_core.stimuli import poisson_train

pytestmark = pytest.mark.usefixtures("lava")

MODELS = [
    ("iaf_psc_exp", "loihi1", 200.0),
    ("iaf_psc_delta", "loihi1", 3.0),
    ("iaf_psc_alpha", "fixed24", 200.0),
    ("mat2_psc_exp", "fixed32", 1500.0),
    ("izhikevich", "fixed24", 5.0),
    ("iaf_cond_beta", "fixed32", 3.0),
]


def laid_out(model: SolvedModel, weight: float, duration: float, dt: float) -> Schedule:
    spikes = {
        p.symbol.name: poisson_train(800.0, weight * (1.0, 0.5)[k % 2], duration, dt, seed=k)
        for k, p in enumerate(model.spike_ports)
    }
    currents = {p.symbol.name: 100.0 for p in model.continuous_ports}
    laid = schedule(Experiment(duration, dt, spikes=spikes, currents=currents), model)
    assert laid.value is not None, laid.diagnostics
    return laid.value


def test_processes_compute_what_the_model_in_whole_numbers_says(lava: Any, tmp_path: Path) -> None:
    """To the last bit: all variables, in every step, with spikes and a current as input."""
    jobs = []
    for k, (name, arith, weight) in enumerate(MODELS):
        model = load(name).solved
        laid = laid_out(model, weight, 200.0, 1.0 if arith == "loihi1" else 0.1)
        package = lowered(model, Options(arith=arith), laid).value
        assert package is not None
        of = package.numbers.integers
        plan = trial.in_whole_numbers(laid, of)
        assert isinstance(plan, Schedule)
        plan = replace(plan, record=tuple(f.whole for f in of.formats))
        expected = interpret(of.model, plan).value
        assert expected is not None
        job, out = tmp_path / f"job_{k}", tmp_path / f"out_{k}"
        job.mkdir()
        for path, text in rendering.render(package, VERSION).items():
            (out / package.name).mkdir(parents=True, exist_ok=True)
            (out / package.name / path).write_text(text, encoding="utf-8")
        names = {x.symbol: x.name for x in package.inner.states}
        recorded = {f.whole: execution._variable(f.whole, names[f.whole]) for f in of.formats}
        execution.write_job(
            job, package.inner, plan, recorded, directory=out, runtime="inproc", tag="fixed_pt"
        )
        jobs.append((job, package, plan, recorded, of, expected))
    for job, package, plan, recorded, of, expected in jobs:
        command = [lava.path, "-I", "-B", str(execution.HARNESS), str(job)]
        outcome = execution.execute(command, tmp_path, 120.0)
        assert outcome.status == 0, outcome.errors
        trace = execution.read_trace(job, package.inner, plan, recorded)
        assert len(expected.spike_steps) >= 3, package.name
        np.testing.assert_array_equal(trace.spike_steps, expected.spike_steps)
        for f in of.formats:
            whole = np.rint((trace[f.whole.name] - f.offset) * f.scale)
            np.testing.assert_array_equal(whole, expected[f.whole.name], err_msg=f.whole.name)


@pytest.mark.parametrize("arith", ["loihi1", "fixed24"])
def test_running_in_the_runtime_of_lava(library: Callable[..., Any], arith: str) -> None:
    package = library("iaf_psc_exp", arith=arith, step=1.0, timeout=60.0)
    experiment = Experiment(60.0, 1.0, parameters={"I_e": 500.0}, record=["V_m"])
    trace = package.simulate(experiment)
    expected = load("iaf_psc_exp").run(experiment, "reference")
    np.testing.assert_array_equal(trace.spike_steps, expected.spike_steps)
    first = trace.spike_steps[0] - 1
    np.testing.assert_allclose(trace["V_m"][:first], expected["V_m"][:first], atol=0.02)


NETWORK = """
from iaf_psc_exp import *
import iaf_psc_exp as package
source = SpikeSource([[3.0, 10.0], [7.0]], dt=1.0)
neurons = package.iaf_psc_exp(shape=(3,), V_m=-58.0)
weights = np.array([[200.0, 100.0], [0.0, 150.0], [20.0, 0.0]])
connect(source, neurons.exc_spikes, weights, delay_ms=2.0)
found = {}
try:
    connect(source, neurons.exc_spikes, 1e6 * weights)
except ValueError as problem:
    found["too large"] = str(problem)
for given in ({"tau_m": 5.0}, {"V_n": 1.0}, {"V_m": 1e9}, {"dt": 0.1}):
    try:
        package.iaf_psc_exp(**given)
    except (TypeError, ValueError) as problem:
        found[next(iter(given))] = str(problem)
network = InProcessNetwork(neurons)
network.run(20.0)
found["V_m"] = neurons.to_physical("V_m", network[neurons]["V_m"]).tolist()
found["u"] = network[neurons]["u"].tolist()
run(neurons, 20.0)
found["in the runtime"] = neurons.u.get().tolist()
neurons.stop()
print(json.dumps(found))
"""


def test_a_network_in_whole_numbers(
    library: Callable[..., Any], answer: Callable[[str], Any]
) -> None:
    library("iaf_psc_exp", arith="loihi1", step=1.0, weight=200.0)
    found = answer(NETWORK)
    assert "build for larger weights with the option weight=" in found["too large"]
    assert "values=tau_m=" in found["tau_m"]
    assert "did you mean 'V_m'?" in found["V_n"]
    assert "V_m goes from" in found["V_m"] or isinstance(found["V_m"], list)
    assert "steps of 1 ms, not 0.1" in found["dt"]
    assert found["in the runtime"] == found["u"] != [0, 0, 0]
    expected = []
    for k in range(3):
        weights = [[200.0, 100.0], [0.0, 150.0], [20.0, 0.0]][k]
        times = [(t + 2.0, weights[j]) for j, ts in enumerate(([3, 10], [7])) for t in ts]
        experiment = Experiment(
            20.0, 1.0, initial={"V_m": -58.0}, spikes={"exc_spikes": [x for x in times if x[1]]}
        )
        expected.append(load("iaf_psc_exp").run(experiment, "reference")["V_m"][-1])
    np.testing.assert_allclose(found["V_m"], expected, atol=0.05)


STOCK = """
import iaf_psc_exp as package
neurons = package.iaf_psc_exp(shape=(2,), V_m=np.array([-60.0, -70.0]))
source = package.SpikeSource([[3.0], [7.0]], dt=1.0)
package.connect(source, neurons.exc_spikes, np.eye(2) * 400.0)
package.run(neurons, 12.0)
values = neurons.to_physical(neurons.v.get()).tolist()
neurons.stop()
try:
    package.iaf_psc_exp(tau_m=3.0)
except TypeError as problem:
    print(json.dumps([values, str(problem)]))
"""


def test_a_population_of_lavas_own_neurons(
    library: Callable[..., Any], answer: Callable[[str], Any]
) -> None:
    library("iaf_psc_exp", lower="stock", step=1.0)
    values, problem = answer(STOCK)
    assert "values=tau_m=" in problem
    for k, (start, time) in enumerate(((-60.0, 3.0), (-70.0, 7.0))):
        experiment = Experiment(
            12.0, 1.0, initial={"V_m": start}, spikes={"exc_spikes": [(time + 1.0, 400.0)]}
        )
        expected = load("iaf_psc_exp").run(experiment, "reference")["V_m"][-1]
        assert values[k] == pytest.approx(expected, rel=1e-12)


STOCK_CASES: list[tuple[str, Mapping[str, float], float]] = [
    ("iaf_psc_exp", {"I_e": 500.0, "V_reset": -65.0}, 1.0),
    ("iaf_psc_exp", {"I_e": 500.0, "V_reset": -65.0, "refr_T": 0.0}, 0.1),
    ("iaf_psc_delta", {"I_e": 300.0, "V_reset": -65.0}, 1.0),
]


@pytest.mark.parametrize(("name", "parameters", "dt"), STOCK_CASES)
def test_lavas_own_neurons_are_the_model(
    library: Callable[..., Any], name: str, parameters: Mapping[str, float], dt: float
) -> None:
    """In Lava's runtime, recorded by Lava's monitor; several spikes in a step count as such."""
    model = load(name).solved
    weight = 3.0 if name == "iaf_psc_delta" else 200.0
    duration = 150.0 * dt + 30.0
    spikes = {
        p.symbol.name: poisson_train(1500.0, weight * (1.0, 0.5)[k], duration, dt, seed=k)
        for k, p in enumerate(model.spike_ports)
    }
    experiment = Experiment(duration, dt, parameters=parameters, spikes=spikes, record=["V_m"])
    trace = library(name, lower="stock", timeout=100.0).simulate(experiment)
    expected = load(name).run(experiment, "reference")
    assert len(expected.spike_steps) >= 3
    np.testing.assert_array_equal(trace.spike_steps, expected.spike_steps)
    assert np.sqrt(np.mean((trace["V_m"] - expected["V_m"]) ** 2)) <= 1e-9


def test_what_is_not_recorded_is_said(library: Callable[..., Any]) -> None:
    package = library("iaf_psc_exp", arith="loihi1", step=1.0, runtime="inproc")
    result = package.attempt(Experiment(5.0, 1.0, record=["V_m", "I_syn_exc"]))
    assert list(result.value.values) == ["V_m"]
    (hint,) = result.diagnostics
    assert hint.code.id == "LAVA116"
    assert "`I_syn_exc`" in hint.message


def test_comparing_shows_the_price_of_each_arithmetic() -> None:
    names = [f"lava:runtime=inproc:arith={a}" for a in ("float", "loihi1", "fixed24")]
    experiment = Experiment(100.0, 1.0, parameters={"I_e": 450.0}, record=["V_m"])
    rows = compare("iaf_psc_exp", experiment, ["reference", *names], progress=False).rows
    assert [r.problem for r in rows] == [""] * 4
    assert all(r.equal_spikes for r in rows)
    price = [r.differences["V_m"] for r in rows]
    assert price[0] == 0.0
    assert price[1] < 1e-10
    assert 1e-3 < price[2] < 0.02
    assert 1e-6 < price[3] < 1e-3


WEIGHTS = """
from lava.proc.dense.models import PyDenseModelBitAcc
from lava.utils.weightutils import SignMode
found = []
class Port:
    def recv(self): return np.ones(1, bool)
    def send(self, message): self.message = message.copy()
for mode, weight, exponent in json.loads(%r):
    model = PyDenseModelBitAcc({"sign_mode": SignMode(mode), "weight_exp": exponent})
    model.weights = np.array([[weight]], np.int32)
    model.a_buff = np.zeros(1, np.int32)
    model.num_message_bits = np.array(0, np.int8)
    model.s_in, model.a_out = Port(), Port()
    model.run_spk()
    model.run_spk()
    found.append(int(model.a_out.message[0]))
print(json.dumps(found))
"""


def test_weights_are_stored_as_lava_does(answer: Callable[[str], Any]) -> None:
    """Excitatory, inhibitory and mixed ones, even beyond 8 bits, and with exponents."""
    cases = [
        (mode, weight, exponent)
        for mode, weights in (
            (1, (7, -7, 254, 255, -255, -256, 300, -300)),
            (2, (7, 254, 255, 300)),
            (3, (-7, -254, -255, -300)),
        )
        for weight in weights
        for exponent in (0, 2, -3)
    ]
    found = answer(WEIGHTS % json.dumps(cases))
    modes = {1: "mixed", 2: "excitatory", 3: "inhibitory"}
    expected = [
        int(stored_weights(np.array([w]), modes[mode], exponent)[0]) for mode, w, exponent in cases
    ]
    assert found == expected
