"""LIF neurons as NIR graphs, and as scripts for SANA-FE: both are read and run here."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import nir
import numpy as np
import pytest
from emulators import emulated
from nestml_lava.backend import LavaBackend
from nestml_lava.exports import energy, graph
from nestml_lava.fixed import trial
from nestml_lava.fixed.package import lowered
from nestml_lava.options import Options
from nestml_lava.stock import detect

from nestml_core.api import (
    Experiment,
    Result,
    Schedule,
    SolvedModel,
    SolvedProgram,
    interpret,
    load,
)
from nestml_core.experiment import schedule
from nestml_core.stimuli import poisson_train

SUBSTEPS = 4


def laid_out(model: SolvedModel, experiment: Experiment) -> Schedule:
    laid = schedule(experiment, model)
    assert laid.value is not None, laid.diagnostics
    return laid.value


def drawn(model: SolvedModel, laid: Schedule) -> Any:
    """Return the graph for an experiment, read back from the bytes of its file."""
    lif = detect(model, laid.parameters, laid.initial, laid.dt).lif
    assert lif is not None
    found = graph.lowered(model, lif, model.name, laid.dt)
    assert found.value is not None
    assert found.diagnostics == ()
    written = graph.render(found.value)
    assert written == graph.render(found.value)
    return nir.read(io.BytesIO(written))


def slopes(neuron: Any, v: float, i: float) -> tuple[float, float]:
    """Return the right-hand sides of NIR's equations between spikes."""
    match neuron:
        case nir.CubaLIF():
            dv = (neuron.v_leak[0] - v + neuron.r[0] * i) / neuron.tau_mem[0]
            return dv, -i / neuron.tau_syn[0]
        case nir.LIF():
            return (neuron.v_leak[0] - v) / neuron.tau[0], 0.0
        case nir.IF():
            return 0.0, 0.0
    raise AssertionError(neuron)


def pulsed(neuron: Any, v: float, i: float, area: float) -> tuple[float, float]:
    """Return v and i after a Dirac pulse of the input, by the same equations."""
    match neuron:
        case nir.CubaLIF():
            return v, i + neuron.w_in[0] * area / neuron.tau_syn[0]
        case nir.LIF():
            return v + neuron.r[0] * area / neuron.tau[0], i
        case nir.IF():
            return v + neuron.r[0] * area, i
    raise AssertionError(neuron)


def integrated(
    g: Any, inputs: Mapping[str, np.ndarray], steps: int, dt: float
) -> tuple[np.ndarray, list[int]]:
    """Integrate a graph by the classical method of Runge and Kutta; ``dt`` in s.

    ``inputs`` hold the weights that arrive at the end of each step. The threshold is looked at
    there, too.
    """
    neuron, h = g.nodes["neuron"], dt / SUBSTEPS
    arriving = np.zeros(steps)
    for name, weights in inputs.items():
        assert {(name, f"{name}_scale"), (f"{name}_scale", "neuron")} <= set(g.edges)
        arriving += g.nodes[f"{name}_scale"].scale[0] * weights
    y = np.zeros(2)
    potentials, spikes = np.zeros(steps), []
    for k in range(steps):
        for _ in range(SUBSTEPS):
            a = np.array(slopes(neuron, *y))
            b = np.array(slopes(neuron, *(y + h / 2 * a)))
            c = np.array(slopes(neuron, *(y + h / 2 * b)))
            d = np.array(slopes(neuron, *(y + h * c)))
            y = y + h / 6 * (a + 2 * b + 2 * c + d)
        y = np.array(pulsed(neuron, *y, arriving[k]))
        if y[0] > neuron.v_threshold[0]:
            y[0] = neuron.v_reset[0]
            spikes.append(k + 1)
        potentials[k] = y[0]
    return potentials + neuron.metadata["initial_potential_mV"], spikes


EXP = {"refr_T": 0.0, "V_reset": -65.0, "E_L": -70.0, "I_e": 250.0}
TRAINS = {"exc_spikes": (1200.0, 200.0), "inh_spikes": (400.0, 150.0)}
CASES = [
    ("iaf_psc_exp", EXP, TRAINS, "CubaLIF"),
    ("iaf_psc_exp", EXP | {"tau_m": 2.0, "I_e": 3000.0}, TRAINS, "CubaLIF"),
    ("iaf_psc_delta", {"refr_T": 0.0, "V_reset": -65.0}, {"spikes": (1500.0, 1.5)}, "LIF"),
]


@pytest.mark.parametrize(("name", "parameters", "trains", "node"), CASES)
def test_a_graph_has_the_solution_of_the_model(
    name: str, parameters: dict[str, float], trains: dict[str, Any], node: str
) -> None:
    """Also with equal time constants. The method is of order 4: its error with 80 substeps in the
    shortest time constant, 2 ms, is below (1/80)^4/120 of 15 mV, that is 3e-9 mV.
    """
    model = load(name).solved
    spikes = {
        port: poisson_train(rate, weight, 400.0, 0.1, seed=k + 1)
        for k, (port, (rate, weight)) in enumerate(trains.items())
    }
    laid = laid_out(model, Experiment(400.0, 0.1, parameters, spikes=spikes, record=["V_m"]))
    g = drawn(model, laid)
    assert type(g.nodes["neuron"]).__name__ == node
    inputs = {s.name: np.zeros(laid.steps) for s in laid.spikes}
    for s, events in laid.spikes.items():
        np.add.at(inputs[s.name], events.steps - 1, events.weights)
    potentials, steps = integrated(g, inputs, laid.steps, laid.dt / 1000)
    expected = interpret(model, laid).value
    assert expected is not None
    assert len(expected.spike_steps) > 10
    assert steps == expected.spike_steps.tolist()
    assert len(expected["V_m"]) == laid.steps
    assert np.abs(potentials - expected["V_m"]).max() <= 1e-8


def test_a_potential_without_leak_is_an_integrator() -> None:
    model = load("iaf_psc_delta").solved
    lif = detect(model).lif
    assert lif is not None
    still = replace(lif, keep_v=1.0, bias=0.0, refractory=0)
    found = graph.lowered(model, still, "x", 0.1).value
    assert found is not None
    neuron = nir.read(io.BytesIO(graph.render(found))).nodes["neuron"]
    assert isinstance(neuron, nir.IF)
    assert pulsed(neuron, 1.0, 0.0, 2.0)[0] == 1.0 + 2.0 * lif.ports[0][1]
    driven = graph.lowered(model, replace(still, bias=0.1), "x", 0.1)
    assert driven.value is None
    assert [d.code.id for d in driven.diagnostics] == ["LAVA302"]


def generated(name: str, **options: Any) -> Result[Mapping[str, str | bytes]]:
    backend = LavaBackend()
    found = backend.lower(SolvedProgram((load(name).solved,)), Options(**options))
    files = None if found.value is None else backend.render(found.value)
    return Result(files, found.diagnostics)


def test_what_a_graph_does_not_say_is_said() -> None:
    """A neuron of NIR has no refractory period; the graph is written all the same."""
    found = generated("iaf_psc_exp", export="nir")
    assert [d.code.id for d in found.diagnostics] == ["LAVA301"]
    assert "2 ms" in found.diagnostics[0].message
    assert found.value is not None
    file = found.value["iaf_psc_exp/iaf_psc_exp.nir"]
    assert isinstance(file, bytes)
    neuron = nir.read(io.BytesIO(file)).nodes["neuron"]
    assert neuron.metadata["refractory_period_of_the_model_ms"] == 2.0
    assert generated("iaf_psc_exp", export="nir", values="refr_T=0").diagnostics == ()


@pytest.mark.parametrize(
    ("name", "code"), [("iaf_psc_alpha", "LAVA111"), ("izhikevich", "LAVA103"), ("stdp", "LAVA110")]
)
def test_other_models_are_refused(name: str, code: str) -> None:
    assert [d.code.id for d in generated(name, export="nir").diagnostics] == [code]


def test_options_that_contradict_each_other() -> None:
    assert [d.code.id for d in generated("iaf_psc_exp", export="sanafe").diagnostics] == ["LAVA010"]
    assert [d.code.id for d in generated("iaf_psc_exp", export="nest").diagnostics] == ["LAVA010"]
    found = generated("iaf_psc_alpha", export="sanafe", arith="loihi1", step=1.0)
    assert [d.code.id for d in found.diagnostics] == ["LAVA111"]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "find_spec", lambda name: None)
    found = generated("iaf_psc_exp", export="nir", values="refr_T=0")
    assert found.value is None
    (said,) = found.diagnostics
    assert said.code.id == "LAVA303"
    assert said.help == "pip install 'nestml-lava[nir]'"


SCRIPT = """
import importlib.util, json, sys
for case in json.load(sys.stdin):
    spec = importlib.util.spec_from_file_location("sana_fe", case["path"])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = module.simulate(case["spikes"], case["duration"])
print()
print(json.dumps(found))
"""

ON_CHIP = [
    ("iaf_psc_exp", {"refr_T": 0.0, "I_e": 200.0}, TRAINS),
    ("iaf_psc_exp", {"refr_T": 3.0, "I_e": 500.0}, {}),
    ("iaf_psc_delta", {"refr_T": 0.0}, {"spikes": (1500.0, 1.5)}),
]


@pytest.mark.parametrize(("name", "parameters", "trains"), ON_CHIP)
def test_sana_fe_spikes_as_the_neuron_does(
    tmp_path: Path, name: str, parameters: dict[str, float], trains: dict[str, Any]
) -> None:
    """It computes with real numbers: potentials differ by roundings only. Energy comes out."""
    model = load(name).solved
    events = {
        port: [
            (t, w)
            for t, w in poisson_train(rate, weight, 500.0, 1.0, seed=k + 1)
            if t > 1.5  # SANA-FE sends no spike that arrives in the first step
        ]
        for k, (port, (rate, weight)) in enumerate(trains.items())
    }
    laid = laid_out(model, Experiment(500.0, 1.0, parameters, spikes=events, record=["V_m"]))
    package = lowered(model, Options(arith="loihi1"), laid).value
    assert package is not None
    script = energy.lowered(model, package).value
    assert script is not None
    path = tmp_path / "sana_fe.py"
    path.write_text(energy.render(script, "0"))
    spikes = [(port, trains[port][1], [t for t, _ in train]) for port, train in events.items()]
    case = {"path": str(path), "spikes": spikes, "duration": 500.0}
    found = emulated("NESTML_SANAFE_PYTHON", SCRIPT, [case])
    plan = trial.in_whole_numbers(laid, package.numbers.integers)
    assert isinstance(plan, Schedule)
    trace = interpret(package.numbers.integers.model, plan).value
    assert trace is not None
    assert len(trace.spike_steps) > 20
    np.testing.assert_allclose(found["spikes in ms"], trace.spike_steps, atol=1e-9)
    v = package.numbers.integers.formats[0]
    exact = trace[v.whole.name] / v.scale + v.offset
    assert np.abs(np.array(found["potential in mV"]) - exact).max() <= 1e-3 * 15.0
    assert found["energy in J"]["total"] > 0
    assert found["time on the chip in s"] > 0


def test_sana_fe_loses_spikes_in_refractory_periods() -> None:
    found = generated("iaf_psc_exp", export="sanafe", arith="loihi1", step=1.0)
    assert [d.code.id for d in found.diagnostics] == ["LAVA304"]
    assert found.value is not None
    text = found.value["iaf_psc_exp/sana_fe.py"]
    assert '"refractory_delay": 3,' in str(text)


def test_a_script_without_sana_fe_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import runpy
    import sys

    found = generated("iaf_psc_exp", export="sanafe", arith="loihi1", step=1.0)
    assert found.value is not None
    path = tmp_path / "sana_fe.py"
    path.write_text(str(found.value["iaf_psc_exp/sana_fe.py"]))
    monkeypatch.setitem(sys.modules, "sanafe", None)
    monkeypatch.setattr(sys, "argv", [str(path), "--duration", "10"])
    with pytest.raises(SystemExit, match="pip install sanafe"):
        runpy.run_path(str(path), run_name="__main__")


COMMAND = """
import json, os, runpy, sys
(case,) = json.load(sys.stdin)
os.chdir(case["folder"])
sys.argv = ["sana_fe.py", *case["arguments"]]
runpy.run_path("sana_fe.py", run_name="__main__")
print()
print(json.dumps(json.load(open("energy.json"))))
"""


def test_the_command_of_the_readme_finds_what_it_says(tmp_path: Path) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    command, answer = readme.partition("sana_fe.py ")[2].splitlines()[:2]
    options = {"arith": "loihi1", "step": 1.0, "values": "refr_T=0"}
    found = generated("iaf_psc_exp", export="sanafe", **options)
    assert found.value is not None
    assert found.diagnostics == ()
    (tmp_path / "sana_fe.py").write_text(str(found.value["iaf_psc_exp/sana_fe.py"]))
    case = {"folder": str(tmp_path), "arguments": command.split()}
    written = emulated("NESTML_SANAFE_PYTHON", COMMAND, [case])
    energy, time = written["energy in J"]["total"], written["time on the chip in s"]
    spikes, steps = len(written["spikes in ms"]), written["steps"]
    assert (
        answer == f"{spikes} spikes, {energy:.3g} J and {time:.3g} s in {steps} steps: energy.json"
    )
