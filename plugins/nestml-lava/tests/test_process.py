"""A generated process as its users meet it: construction, names, variables, populations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nestml_core.api import Experiment

POPULATION = """
from iaf_psc_exp import Recorder, iaf_psc_exp
recorder = Recorder({folder!r}, ("V_m", "spike"), 2000)
neurons = iaf_psc_exp(
    shape=(3,), I_e=[350.0, 420.0, 600.0], tau_m=[8.0, 12.0, 20.0], C_m=250.0,
    tau_syn_exc=[2.0, 8.0, 12.000001], recorder=recorder,
)
rng = np.random.default_rng(5)
source = RingBuffer(data=100.0 * rng.poisson(0.05, (3, 2000)))
source.s_out.connect(neurons.exc_spikes)
neurons.run(RunSteps(2000), CONFIG)
neurons.stop()
neurons.stop()
print(json.dumps([np.load(recorder.path(n)).T.tolist() for n in ("V_m", "spike")]))
"""


def test_population_of_three_with_different_parameters(
    library: Callable[..., Any], answer: Callable[..., Any], tmp_path: Any
) -> None:
    """In Lava's runtime, each neuron of a population as the same neuron alone."""
    package = library("iaf_psc_exp", runtime="inproc")
    V_m, spikes = answer(POPULATION.format(folder=str(tmp_path)))
    trains = 100.0 * np.random.default_rng(5).poisson(0.05, (3, 2000))
    parameters = [
        {"I_e": 350.0, "tau_m": 8.0, "tau_syn_exc": 2.0},
        {"I_e": 420.0, "tau_m": 12.0, "tau_syn_exc": 8.0},
        {"I_e": 600.0, "tau_m": 20.0, "tau_syn_exc": 12.000001},
    ]
    for i, chosen in enumerate(parameters):
        arrived = [(round((k + 1) * 0.1, 1), w) for k, w in enumerate(trains[i]) if w]
        trace = package.simulate(
            Experiment(200.0, parameters=chosen, spikes={"exc_spikes": arrived}, record=["V_m"])
        )
        assert len(trace.spike_steps) > 3
        assert (np.nonzero(spikes[i])[0] + 1).tolist() == trace.spike_steps.tolist()
        assert np.abs(trace["V_m"] - V_m[i]).max() < 1e-12


VARIABLES = """
from izhikevich import izhikevich
from iaf_psc_exp import InProcess, iaf_psc_exp
first = iaf_psc_exp(shape=(2, 2), I_e=np.array([[0.0, 400.0], [500.0, 600.0]]))
second = izhikevich(shape=4, I_e=10.0)
synapses = Dense(weights=np.ones((4, 4)))
first.spike.reshape((4,)).connect(synapses.s_in)
synapses.a_out.connect(second.spikes)
first.run(RunSteps(50), CONFIG)
read = {x.name: np.asarray(x.get()).shape for x in first.vars}
read.update((x.name, np.asarray(x.get()).shape) for x in second.vars)
first.I_e.set(np.zeros((2, 2)))
first.tau_m.set(np.full((2, 2), 1e-3))
first.run(RunSteps(200), CONFIG)
relaxed = first.V_m.get().ravel().tolist()
first.stop()
same = InProcess(iaf_psc_exp(shape=(2, 2), I_e=np.array([[0.0, 400.0], [500.0, 600.0]])))
for _ in range(50):
    same.step()
same.set(I_e=0.0, tau_m=1e-3)
for _ in range(200):
    same.step()
print(json.dumps([{k: list(x) for k, x in read.items()}, relaxed, same["V_m"].ravel().tolist()]))
"""


def test_variables_can_be_read_and_set_between_runs(
    build_library: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    """Two models and a matrix of neurons in one network; constants follow their parameters."""
    build_library("iaf_psc_exp", "izhikevich")
    shapes, relaxed, same = answer(VARIABLES)
    assert shapes["tau_syn_exc"] == [2, 2]
    assert shapes["U_m"] == [4]
    assert relaxed == pytest.approx([-70.0] * 4, abs=1e-9)
    assert relaxed == same


UNKNOWN = """
from iaf_psc_exp import InProcess, Recorder, iaf_psc_exp
said = []
for values in (
    dict(tau_M=3.0), dict(V_mem=0.0), dict(tau_m=-1.0), dict(C_m=float("nan")),
    dict(refr_steps=0.5), dict(I_e="much"), dict(shape=(3,), I_e=[1.0, 2.0]), dict(shape=()),
    dict(dt=0.0), dict(recorder=Recorder(".", ("V_n",), 3)),
):
    try:
        iaf_psc_exp(**values)
        said.append("nothing")
    except (TypeError, ValueError) as problem:
        said.append(f"{type(problem).__name__}: {problem}")
try:
    InProcess(iaf_psc_exp()).step(exc_spike=1.0)
except TypeError as problem:
    said.append(str(problem))
print(json.dumps(said))
"""


def test_what_a_process_is_given_is_checked_at_once(
    library: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    library("iaf_psc_exp")
    said = answer(UNKNOWN)
    assert said[0] == (
        "TypeError: iaf_psc_exp has no parameter or state variable 'tau_M'; did you mean 'tau_m'?"
    )
    assert said[1].startswith("TypeError: iaf_psc_exp has no parameter or state variable 'V_mem'")
    assert said[2] == (
        "ValueError: iaf_psc_exp: tau_m of neuron 0 violates its bound: tau_m > 0 ms"
    )
    assert said[3] == "ValueError: iaf_psc_exp: C_m is not a number"
    assert said[4] == "ValueError: iaf_psc_exp: refr_steps must be a whole number"
    assert said[5].startswith("ValueError: iaf_psc_exp: I_e: could not convert")
    assert said[6].startswith("ValueError: iaf_psc_exp: I_e: ")
    assert said[7] == "ValueError: iaf_psc_exp: a population of shape ()"
    assert said[8].startswith("ValueError: iaf_psc_exp: dt must be positive")
    assert "no recordable 'V_n'" in said[9]
    assert "did you mean 'exc_spikes'?" in said[10]


RESERVED = tuple(
    """
    class lambda np self time_step shape name vars dt t_ tags run stop spike_ proc_params in_ports
    log id phase run_spk active py_ports on_var_update step_number everyone emitted generator seed
    recorder v given None_ print_ type object _v _population
    """.split()
)

NAMED = """
model random:
    state:
        x real = 0
        {state}
    equations:
        x' = {sum} / 1 ms
    parameters:
        {parameters}
    input:
        runtime <- spike
        load pA <- continuous
    output:
        spike
    function abs_(max_ real) real:
        active real = max_
        return active
    update:
        integrate_odes()
        result real = abs_(x)
        result += load / 1 pA
        special real = result
        if special > 3:
            _emit real = special
            result = _emit
        join = result
    onReceive(runtime):
        x += runtime * 1 s
    onCondition(x > 3):
        x = 0
        emit_spike()
"""


@pytest.mark.usefixtures("lava")
def test_names_that_python_or_lava_reserve(written: Callable[..., Any]) -> None:
    """Parameters, states, ports, locals and a model named like what generated code needs."""
    text = NAMED.format(
        state="join real = 0",
        sum=" + ".join(RESERVED),
        parameters="\n        ".join(f"{x} real = 0.01" for x in RESERVED),
    )
    package = written(text)
    trace = package.simulate(
        Experiment(
            20.0,
            parameters={"class": 0.5, "time_step": 0.25},
            initial={"join": 3.0},
            spikes={"runtime": [(2.0, 0.5)]},
            currents={"load": 2.0},
        )
    )
    rate = 0.75 + 0.01 * (len(RESERVED) - 2)
    assert trace["x"][9] == pytest.approx(rate * 1.0, rel=1e-12)
    assert trace["x"][19] == pytest.approx(rate * 2.0 + 0.5, rel=1e-12)
    assert trace["join"][9] == pytest.approx(rate + 2.0, rel=1e-12)
    assert len(trace.spike_steps) >= 4


ATTRIBUTES = """
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.process.process import AbstractProcess
from iaf_psc_exp import PyIafPscExpModelFloat, iaf_psc_exp
process = iaf_psc_exp()
own = {x.name for x in process.vars} | {x.name for x in process.in_ports}
model = PyIafPscExpModelFloat(process.proc_params)
names = set(dir(process)) | set(dir(model)) | set(dir(PyLoihiProcessModel)) | set(
    dir(AbstractProcess))
print(json.dumps(sorted(x for x in names - own if not x.startswith("_"))))
"""


def test_all_attributes_of_lava_are_reserved(
    library: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    from nestml_lava.reserved import VARIABLES

    library("iaf_psc_exp")
    found = answer(ATTRIBUTES)
    assert {"time_step", "run_spk", "vars", "procs"} <= set(found)
    assert set(found) <= VARIABLES


CURRENT = """
from iaf_psc_delta import Recorder, iaf_psc_delta
recorder = Recorder({folder!r}, ("V_m",), 4)
neuron = iaf_psc_delta(tau_m=1e9, I_stim_held=250.0, recorder=recorder)
source = RingBuffer(data=np.array([[0.0, 500.0, 0.0, 0.0]]))
spikes = RingBuffer(data=np.array([[0.0, 0.0, 3.0, 0.0]]))
source.s_out.connect(neuron.I_stim)
spikes.s_out.connect(neuron.spikes)
neuron.run(RunSteps(4), CONFIG)
neuron.stop()
print(json.dumps(np.diff(np.load(recorder.path("V_m"))[:, 0], prepend=-70.0).tolist()))
"""


def test_when_currents_and_spikes_act(
    library: Callable[..., Any], answer: Callable[..., Any], tmp_path: Any
) -> None:
    """A spike received in step 3 acts in it; a current received in step 2 holds in step 3."""
    library("iaf_psc_delta")
    changes = answer(CURRENT.format(folder=str(tmp_path)))
    assert changes == pytest.approx([0.1, 0.0, 0.2 + 3.0, 0.0], abs=1e-6)
