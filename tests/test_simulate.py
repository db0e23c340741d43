"""The Python interface: loading, running, plotting, writing, and what is said about mistakes."""

from __future__ import annotations

import csv
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pint
import pytest

import nestml_core
from nestml_core import plotting
from nestml_core.experiment import Experiment
from nestml_core.simulate import Comparison, LoadedModel, ModelError, Run, compare, load

MODEL = """\
# volt - a membrane in volts
model volt:
    state:
        V_m V = E_L                     # membrane potential
        n integer = 0
        on boolean = false
    equations:
        recordable inline I_leak nA = g_L * (V_m - E_L)
        V_m' = -(V_m - E_L) / tau + I / C_m
    parameters:
        tau s = 0.01 s
        C_m nF = 0.25 nF
        g_L nS = 10 nS
        E_L V = -0.07 V [[ E_L < 0 V ]]
        V_th V = -0.055 V
    input:
        spikes <- spike
        I nA <- continuous
    output:
        spike
    update:
        integrate_odes()
        n += 1
    onReceive(spikes):
        V_m += 1 mV * spikes * 1 s
    onCondition(V_m >= V_th):
        on = true
        V_m = E_L
        emit_spike()
"""


@pytest.fixture
def volt(tmp_path: Path) -> LoadedModel:
    return load(written(tmp_path, MODEL))


def written(folder: Path, text: str, name: str = "m.nestml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def problem(*arguments: Any, **keywords: Any) -> str:
    """Return what ``arguments[0]`` raises."""
    with pytest.raises(ModelError) as caught:
        arguments[0](*arguments[1:], **keywords)
    return str(caught.value)


# Loading


def test_a_library_model_by_name() -> None:
    model = nestml_core.load("iaf_psc_exp")
    assert model.name == "iaf_psc_exp"
    assert model.parameters["tau_m"] == 10.0
    assert model.units["C_m"] == "pF"
    assert model.spike_ports == ("exc_spikes", "inh_spikes")
    assert model.continuous_ports == ("I_stim",)
    assert "refr_steps" in model.state
    assert "leaky" in model.documentation
    assert repr(model) == "<model iaf_psc_exp: V_m, I_syn_exc, I_syn_inh, refr_steps>"


def test_declared_units_and_values(volt: LoadedModel) -> None:
    assert volt.parameters == {"tau": 0.01, "C_m": 0.25, "g_L": 10.0, "E_L": -0.07, "V_th": -0.055}
    assert volt.units["V_m"] == "V"
    assert volt.units["I_leak"] == "nA"
    assert volt.units["n"] == "1"
    assert volt.units["I"] == "nA"


def test_one_model_of_several(tmp_path: Path) -> None:
    path = written(tmp_path, MODEL + MODEL.replace("volt", "second"))
    assert load(path, "second").name == "second"
    assert "holds several models: volt, second" in problem(load, path)
    assert "holds no model `third`: volt, second" in problem(load, path, "third")
    assert load(tmp_path, "volt").name == "volt"


def test_mistakes_in_a_model_are_shown_with_their_places(tmp_path: Path) -> None:
    path = written(tmp_path, MODEL.replace("/ tau", "/ tao"))
    text = problem(load, str(path))
    assert f"{path}:9:31:" in text
    assert "`tao` is not defined in `volt`" in text
    assert "did you mean `tau`?" in text


def test_what_is_not_there() -> None:
    assert "iaf_psc_exq" in problem(load, "iaf_psc_exq")
    assert "no/such.nestml" in problem(load, "no/such.nestml")


# Running


def test_numbers_are_in_declared_units_both_ways(volt: LoadedModel) -> None:
    run = volt.simulate(10, 0.1, currents={"I": 0.3}, parameters={"tau": 0.02})
    exact = -0.07 + 0.3 / 0.25 * 0.02 * -np.expm1(-run.times / 20)
    assert run["V_m"] == pytest.approx(exact, rel=1e-12)
    assert run["I_leak"] == pytest.approx(10e-3 * (run["V_m"] + 0.07) * 1e3, abs=1e-15)
    assert run.units == {"V_m": "V", "n": "1", "on": "1", "I_leak": "nA"}
    assert run.recorded == ("V_m", "n", "on", "I_leak")


def test_quantities(volt: LoadedModel) -> None:
    u = pint.UnitRegistry()
    plain = volt.simulate(5, 0.1, currents={"I": 0.3}, initial={"V_m": -0.06})
    same = volt.simulate(
        0.005 * u.s, 100 * u.us, currents={"I": 300 * u.pA}, initial={"V_m": -60 * u.mV}
    )
    assert same["V_m"] == pytest.approx(plain["V_m"], rel=1e-12)


def test_a_run_says_what_it_is(volt: LoadedModel) -> None:
    run = volt.simulate(10, 0.1, spikes={"spikes": [(1.0, 5.0), (2.0, 20.0)]}, backend="reference")
    assert isinstance(run, nestml_core.Run)
    assert run.model == "volt"
    assert run.backend == "reference"
    assert run.reason == "as asked for"
    assert run.spike_steps.tolist() == [20]
    assert run.spikes.tolist() == [2.0]
    assert run.times[[0, -1]].tolist() == pytest.approx([0.1, 10.0])
    assert run["V_m"].shape == (100,)
    assert run["on"].tolist() == [0.0] * 19 + [1.0] * 81
    with pytest.raises(KeyError, match="`V` was not recorded; recorded: V_m, n, on, I_leak"):
        run["V"]


def test_only_what_is_asked_for_is_recorded(volt: LoadedModel) -> None:
    assert volt.simulate(1, record=["n"]).recorded == ("n",)


def test_accuracy_is_an_option_of_the_reference() -> None:
    model = load("izhikevich")
    exact = model.simulate(5, 0.1, backend="reference", accurate=True)["V_m"]
    assert model.simulate(5, 0.1, backend="reference")["V_m"] == pytest.approx(exact, rel=1e-6)


def test_mistakes_in_an_experiment(volt: LoadedModel) -> None:
    text = problem(volt.simulate, 10, parameters={"tao": 1.0}, record=["v"])
    assert "`volt` has no parameter `tao`" in text
    assert "`volt` has no recordable `v`" in text
    text = problem(volt.simulate, 10, parameters={"E_L": 1.0}, backend="reference")
    assert "the guard `E_L < 0 V` of `E_L` does not hold: E_L = 1 V" in text
    assert "m.nestml:14:" in text


def test_mistakes_in_options(volt: LoadedModel) -> None:
    assert "there is no backend `reverence`" in problem(volt.simulate, 1, backend="reverence")
    text = problem(volt.simulate, 1, backend="reference", speed=3)
    assert "`reference` has no option `speed`" in text
    assert "an option of a backend, and none is named" in problem(volt.simulate, 1, speed=3)


def test_messages_of_a_model_come_with_the_run(tmp_path: Path) -> None:
    text = "model m:\n    state:\n        V V = 1 V\n    update:\n"
    path = written(tmp_path, text + '        info("V is {V}")\n')
    run = load(path).simulate(0.2, 0.1, backend="reference")
    assert [d.message for d in run.diagnostics] == ["t = 0.1 ms: V is 1 V", "t = 0.2 ms: V is 1 V"]


# Files


def test_csv_reads_back_the_same(volt: LoadedModel, tmp_path: Path) -> None:
    run = volt.simulate(3, 0.1, spikes={"spikes": [(1.0, 5.0), (2.0, 20.0)]})
    run.to_csv(tmp_path / "run.csv")
    with open(tmp_path / "run.csv", encoding="utf-8", newline="") as file:
        heading, *rows = csv.reader(file)
    assert heading == ["t (ms)", "V_m (V)", "n (1)", "on (1)", "I_leak (nA)", "spikes"]
    table = np.array(rows, dtype=float)
    assert np.array_equal(table[:, 0], run.times)
    assert np.array_equal(table[:, 1], run["V_m"])
    assert np.flatnonzero(table[:, -1]).tolist() == [19]


def test_a_frame_needs_pandas(volt: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    class Frame:
        def __init__(self, columns: Any, index: Any) -> None:
            self.columns, self.index, self.attrs = columns, index, {}

    class Pandas:
        DataFrame = Frame

        @staticmethod
        def Index(values: Any, name: str) -> Any:
            return name, values

    run = volt.simulate(1, 0.1)
    monkeypatch.setitem(sys.modules, "pandas", Pandas)
    frame = run.to_frame()
    assert list(frame.columns) == ["V_m", "n", "on", "I_leak"]
    assert frame.index[0] == "t"
    assert frame.attrs["units"]["V_m"] == "V"
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError):
        run.to_frame()


# Figures


def inked(path: Path) -> float:
    """Return the share of pixels that are not white."""
    from matplotlib.image import imread

    pixels = imread(path)[..., :3]
    return float((pixels.min(axis=2) < 0.9).mean())


def test_a_figure_of_a_run(volt: LoadedModel, tmp_path: Path) -> None:
    run = volt.simulate(
        50, 0.1, spikes={"spikes": [(5.0, 3.0), (9.0, -2.0), (12.0, 20.0)]}, currents={"I": 0.1}
    )
    figure = run.plot(tmp_path / "run.png")
    labels = [a.get_ylabel() for a in figure.axes]
    assert labels == ["", "I (nA)", "V_m (V)", "", "I_leak (nA)", ""]
    assert figure.axes[0].get_title(loc="left") == "volt"
    assert "1 spike, 20 spikes/s; dt = 0.1 ms" in figure.axes[0].get_title(loc="right")
    assert [t.get_text() for t in figure.axes[-1].get_yticklabels()] == ["output"]
    assert 0.005 < inked(tmp_path / "run.png") < 0.3


@pytest.mark.parametrize("duration", [0, 0.1, 50])
def test_figures_of_little(volt: LoadedModel, duration: float, tmp_path: Path) -> None:
    volt.simulate(duration, 0.1, record=[]).plot(tmp_path / "a.png")
    volt.simulate(duration, 0.1).plot(tmp_path / "b.svg")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_long_traces_are_thinned_but_keep_their_peaks(volt: LoadedModel) -> None:
    run = volt.simulate(2000, 0.1, spikes={"spikes": [(1000.0, 9.0)]})
    times, values = plotting.thinned(run.times, run["V_m"])
    assert len(values) <= plotting.MAX_POINTS + 20
    assert values.max() == run["V_m"].max()
    assert (np.diff(times) > 0).all()


# Comparing


def altered(run: Run, name: str, by: float, drop: int) -> Run:
    values = {n: x + by for n, x in run.trace.values.items()}
    steps = run.trace.spike_steps[drop:]
    return replace(run, trace=replace(run.trace, values=values, spike_steps=steps, backend=name))


def test_comparing_the_reference_with_itself(volt: LoadedModel) -> None:
    experiment = Experiment(20, 0.1, currents={"I": 0.5})
    comparison = compare(volt, experiment, ["reference", "none"])
    assert comparison.agrees
    assert list(comparison.runs) == ["reference"]
    first, second = comparison.rows
    assert set(first.differences.values()) == {0.0}
    assert second.run is None
    assert "there is no backend `none`" in second.problem
    lines = comparison.table().splitlines()
    assert lines[0].split("  ")[0] == "backend"
    assert "max |ΔV_m| (V)" in lines[0]
    assert lines[1].split()[:3] == ["reference", "1", "yes"]
    assert lines[-1].startswith("none: there is no backend")


def test_what_a_comparison_shows(volt: LoadedModel, tmp_path: Path) -> None:
    run = volt.simulate(50, 0.1, currents={"I": 0.5}, backend="reference")
    near, far = altered(run, "near", 1e-9, 0), altered(run, "far", 1e-3, 1)
    rows = [Comparison.row(n, r, "", run) for n, r in [("one", run), ("near", near), ("far", far)]]
    comparison = Comparison("volt", tuple(rows))
    assert [r.equal_spikes for r in rows] == [True, True, False]
    assert not comparison.agrees
    assert rows[1].differences["V_m"] == pytest.approx(1e-9)
    figure = comparison.plot(tmp_path / "compare.png")
    assert [t.get_text() for t in figure.axes[-1].get_yticklabels()] == ["one", "near", "far"]
    assert figure.axes[1].get_yscale() == "log"
    assert inked(tmp_path / "compare.png") > 0.005
    Comparison("volt", (rows[0],)).plot(tmp_path / "one.png")
    Comparison("volt", ()).plot(tmp_path / "none.png")


def test_values_that_are_equal_or_infinite_do_not_differ(volt: LoadedModel) -> None:
    run = volt.simulate(1, 0.1, record=["V_m"], backend="reference")
    values = {"V_m": np.where(np.arange(10) < 5, math.inf, 1.0)}
    infinite = replace(run, trace=replace(run.trace, values=values))
    assert Comparison.row("x", infinite, "", infinite).differences == {"V_m": 0.0}


def test_a_neo_segment(volt: LoadedModel) -> None:
    pytest.importorskip("neo")
    run = volt.simulate(10, 0.1, spikes={"spikes": [(2.0, 20.0)]})
    segment = run.to_neo()
    signal = segment.analogsignals[0]
    assert signal.name == "V_m"
    assert str(signal.units.dimensionality) == "V"
    assert np.array_equal(signal.magnitude[:, 0], run["V_m"])
    assert segment.spiketrains[0].magnitude.tolist() == [2.0]
