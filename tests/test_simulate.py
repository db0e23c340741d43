"""The Python interface: loading, running, plotting, writing, and what is said about mistakes."""

from __future__ import annotations

import csv
import math
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pint
import pytest

import nestml_core
from nestml_core import plotting, running
from nestml_core.comparing import Comparison, compare, compared
from nestml_core.experiment import Experiment, schedule
from nestml_core.loading import LoadedModel, load
from nestml_core.problems import ModelError
from nestml_core.results import Run

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


def test_a_model_may_be_given_as_its_text() -> None:
    model = nestml_core.load(MODEL)
    assert model.name == "volt"
    assert "E_L < 0 V" in problem(model.simulate, 1, parameters={"E_L": 1.0}, backend="reference")
    two = "model a:\n    state:\n        x real = 1\nmodel b:\n    state:\n        x real = 1\n"
    assert nestml_core.load(two, "b").name == "b"
    assert "the text holds several models: a, b" in problem(nestml_core.load, two)


def test_checking_raises_nothing(tmp_path: Path) -> None:
    assert len(nestml_core.check("iaf_psc_exp")) == 0
    assert str(nestml_core.check("iaf_psc_exp")) == "no problems"
    found = nestml_core.check(MODEL.replace("g_L * (V_m", "g_l * (V_m"))
    assert [d.code.id for d in found.errors] == ["NML101"]
    assert "did you mean `g_L`?" in repr(found)
    assert next(iter(found)) is found[0]
    good, bad = written(tmp_path, MODEL), written(tmp_path, "model m\n", "bad.nestml")
    assert {d.span.source.name for d in nestml_core.check([good, bad])} == {str(bad)}
    assert nestml_core.check("no/such.nestml").errors[0].code.id == "NML910"


def test_solving() -> None:
    program = nestml_core.solve([MODEL, "izhikevich"][1])
    assert program.models[0].flows[0].nonlinear.integrator.reason
    assert [m.name for m in nestml_core.solve(MODEL).models] == ["volt"]
    assert "NML101" in problem(nestml_core.solve, MODEL.replace("= E_L", "= E_l"))


def test_the_short_form(volt: LoadedModel) -> None:
    short = nestml_core.simulate(MODEL, 5, currents={"I": 0.3}, backend="reference")
    assert np.array_equal(short["V_m"], volt.simulate(5, currents={"I": 0.3})["V_m"])
    assert nestml_core.simulate(volt, 1, 0.5).times.tolist() == [0.5, 1.0]


def test_functions_are_not_hidden_by_modules() -> None:
    import nestml_core.solve.flows

    for name in nestml_core.__all__:
        assert not isinstance(getattr(nestml_core, name), type(sys)), name
    assert callable(nestml_core.solve)


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


def test_arrays_and_lists_of_quantities(volt: LoadedModel) -> None:
    u = pint.UnitRegistry()
    plain = volt.simulate(
        20,
        spikes={"spikes": [(5.0, 2.0), (7.0, 3.0)]},
        currents={"I": ([0.0, 10.0], [0.1, 0.3])},
        backend="reference",
    )
    times = [5.0, 7.0] * u.ms
    for signal in (
        ([0.0, 0.01] * u.s, [100.0, 300.0] * u.pA),
        ([0 * u.ms, "10 ms"], np.array([0.1, 0.3])),
        ((0.0, 10.0), ("100 pA", 0.3 * u.nA)),
    ):
        same = volt.simulate(
            20 * u.ms,
            spikes={"spikes": list(zip(times, [2.0, 3.0], strict=True))},
            currents={"I": signal},
            backend="reference",
        )
        assert same["V_m"] == pytest.approx(plain["V_m"], rel=1e-12)
    assert "not in nA or a multiple" in problem(volt.simulate, 1, currents={"I": 3 * u.mV})
    assert "not in ms or a multiple" in problem(volt.simulate, 1 * u.pA)


def test_quantities_for_a_vector() -> None:
    u = pint.UnitRegistry()
    text = "model m:\n    state:\n        x[2] mV = 0 mV\n    parameters:\n"
    text += "        a[2] mV = 1 mV\n    update:\n        x[0] = a[0]\n        x[1] = a[1]\n"
    for given in ([0.002, 0.003] * u.V, [2 * u.mV, "3 mV"], "2, 3 mV", np.array([2, 3])):
        run = nestml_core.load(text).simulate(0.1, parameters={"a": given}, backend="reference")
        assert [run["x[0]"][0], run["x[1]"][0]] == pytest.approx([2.0, 3.0])


def test_suggestions_for_every_kind_of_name(volt: LoadedModel) -> None:
    for what, name, near in (
        ("parameters", "g_l", "g_L"),
        ("initial", "Vm", "V_m"),
        ("spikes", "spike", "spikes"),
        ("record", "I_leek", "I_leak"),
    ):
        given: Any = [name] if what == "record" else {name: []} if what == "spikes" else {name: 1}
        assert f"did you mean `{near}`?" in problem(volt.simulate, 1, **{what: given})
    text = problem(volt.simulate, 1, currents={"J": 1.0})
    assert "has no continuous port `J`" in text
    assert "there are: I" in text
    assert "set it as a parameter" in problem(volt.simulate, 1, initial={"tau": 1.0})


def test_a_violated_guard_tells_value_guard_and_line(volt: LoadedModel) -> None:
    with pytest.raises(ModelError) as caught:
        volt.simulate(1, parameters={"E_L": "20 mV"}, backend="reference")
    (found,) = caught.value.diagnostics
    assert found.code.id == "NML931"
    assert found.message.startswith("the guard `E_L < 0 V` of `E_L` does not hold: E_L = 0.02 V")
    assert found.span.line == 14


def test_no_backend_runs_what_violates_a_guard(volt: LoadedModel) -> None:
    class Never:
        name = "never"

        def simulate(self, *_: object) -> NoReturn:
            raise AssertionError

    laid = schedule(Experiment(1, parameters={"E_L": "20 mV"}), volt.solved).value
    assert laid is not None
    result = running._compiled_run(Never(), volt.solved, None)(laid, False)  # type: ignore[arg-type]
    assert result.value is None
    assert "does not hold: E_L = 0.02 V" in result.diagnostics[0].message


@pytest.mark.parametrize("source", ["", "  ", 5, None, [5]])
def test_what_is_no_source_is_refused(source: Any) -> None:
    text = problem(load, source)
    assert "is no model\nhelp: give a file, a folder" in text


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
    text = problem(volt.simulate, 1, parameter={"E_L": 1})
    assert "did you mean `parameters`?" in text


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


@pytest.mark.parametrize(
    ("call", "module", "command"),
    [
        ("to_frame", "pandas", "pip install pandas"),
        ("to_xarray", "xarray", "pip install xarray"),
        ("to_neo", "neo", "pip install neo"),
        ("plot", "matplotlib", 'pip install "nestml-core[plot]"'),
    ],
)
def test_what_is_not_installed_is_named_with_its_command(
    volt: LoadedModel, monkeypatch: pytest.MonkeyPatch, call: str, module: str, command: str
) -> None:
    run = volt.simulate(1, 0.1)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=re.escape(command)):
        getattr(run, call)()


def test_a_real_frame(volt: LoadedModel) -> None:
    pytest.importorskip("pandas")
    run = volt.simulate(3, 0.1, spikes={"spikes": [(2.0, 20.0)]})
    frame = run.to_frame()
    assert frame.loc[:, "V_m"].tolist() == run["V_m"].tolist()
    assert frame.index.tolist() == run.times.tolist()
    assert frame.attrs == {"units": {"t": "ms", **run.units}, "spikes": [2.0]}


def test_an_xarray_dataset(volt: LoadedModel) -> None:
    pytest.importorskip("xarray")
    run = volt.simulate(3, 0.1, spikes={"spikes": [(2.0, 20.0)]})
    data = run.to_xarray()
    assert data["V_m"].attrs["units"] == "V"
    assert data["V_m"].dims == ("t",)
    assert np.array_equal(data["V_m"], run["V_m"])
    assert data["t"].attrs["units"] == "ms"
    assert data["spikes"].values.tolist() == [2.0]
    assert data.attrs["model"] == "volt"
    assert float(data["V_m"].sel(t=2.0, method="nearest")) == run["V_m"][19]


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
    assert labels == ["", "I (nA)", "V_m (V)", "I_leak (nA)", ""]  # no counters, no flags
    assert [a.get_ylabel() for a in run.plot(what=["n", "on"]).axes] == ["n", "on"]
    counted = volt.simulate(5, 0.1, record=["n"])
    assert counted.plot().axes[0].get_ylabel() == "n"
    assert figure.axes[0].get_title(loc="left") == "volt"
    assert "1 spike, 20 spikes/s; dt = 0.1 ms" in figure.axes[0].get_title(loc="right")
    assert [t.get_text() for t in figure.axes[-1].get_yticklabels()] == ["output"]
    assert 0.005 < inked(tmp_path / "run.png") < 0.3


def test_a_figure_of_what_is_chosen(volt: LoadedModel) -> None:
    run = volt.simulate(50, spikes={"spikes": [(5.0, 20.0)]}, currents={"I": 0.1})
    assert len(run.plot(what="V_m").axes) == 1
    figure = run.plot(what=["I_leak", "I", "spikes"])
    labels = [a.get_ylabel() for a in figure.axes]
    assert labels == ["", "I (nA)", "I_leak (nA)", ""]  # the input port is called `spikes` too
    (last,) = figure.axes[-1:]
    assert last.get_xlabel() == "time (ms)"
    assert len({a.get_xlim() for a in figure.axes}) == 1
    with pytest.raises(KeyError, match="did you mean `V_m`"):
        run.plot(what=["Vm"])


@pytest.mark.parametrize("n", [1, 2, 4, 7, 10])
def test_any_number_of_traces_can_be_read(n: int) -> None:
    """No panel holds more than six lines, none is flat beside another, no two look the same."""
    state = "".join(f"        x{k} pA = {10 ** (k % 3)} pA\n" for k in range(n))
    odes = "".join(f"        x{k}' = -x{k} / ({k + 1} * 10 ms)\n" for k in range(n))
    text = f"model m:\n    state:\n{state}    equations:\n{odes}    update:\n"
    run = nestml_core.load(text + "        integrate_odes()\n").simulate(50, backend="reference")
    figure = run.plot()
    drawn = 0
    for axes in figure.axes[:-1]:
        lines = axes.get_lines()
        assert 1 <= len(lines) <= 6
        assert len({(x.get_color(), str(x.get_linestyle())) for x in lines}) == len(lines)
        assert axes.get_ylabel().endswith("pA)" if len(lines) == 1 else "pA")
        low, high = axes.get_ylim()
        assert all(np.ptp(x.get_ydata()) > 0.02 * (high - low) for x in lines)
        drawn += len(lines)
    assert drawn == n


def test_a_path_in_the_phase_plane(tmp_path: Path) -> None:
    run = load("izhikevich").simulate(150, parameters={"I_e": 10.0}, backend="reference")
    figure = run.phase_plane("V_m", "U_m", tmp_path / "path.png")
    axes = figure.axes[0]
    assert axes.get_xlabel() == "V_m (mV)"
    moves, resets = axes.collections
    assert len(resets.get_segments()) == len(run.spikes) > 3
    assert len(moves.get_segments()) == len(run.times) - 1 - len(run.spikes)
    assert inked(tmp_path / "path.png") > 0.005
    with pytest.raises(KeyError, match="`V` was not recorded"):
        run.phase_plane("V", "U_m")


def test_names_in_figures_are_no_formulas(tmp_path: Path) -> None:
    model = load("model m:\n    state:\n        $V_$ mV = -70 mV\n        _h mV = 0 mV\n")
    figure = model.simulate(1, backend="reference").plot()
    figure.savefig(tmp_path / "names.svg", metadata={"Date": None})
    legend = figure.axes[0].get_legend()
    assert [t.get_text() for t in legend.get_texts()] == ["$V_$", " _h"]
    assert "<!-- $V_$ -->" in (tmp_path / "names.svg").read_text()


def test_a_figure_is_written_where_it_shall_be(volt: LoadedModel, tmp_path: Path) -> None:
    run = volt.simulate(1, record=[])
    folder = tmp_path / "figures"
    folder.mkdir()
    run.plot(folder / "v")
    assert [p.name for p in folder.iterdir()] == ["v"]
    assert (folder / "v").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(FileNotFoundError, match=r"nowhere/figure\.png"):
        run.plot(tmp_path / "nowhere" / "figure.png")


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
    rows = [compared(n, r, "", run) for n, r in [("one", run), ("near", near), ("far", far)]]
    comparison = Comparison("volt", tuple(rows))
    assert [r.equal_spikes for r in rows] == [True, True, False]
    assert not comparison.agrees
    assert rows[1].differences["V_m"] == pytest.approx(1e-9)
    figure = comparison.plot(tmp_path / "compare.png")
    assert [t.get_text() for t in figure.axes[-1].get_yticklabels()] == ["one", "near", "far"]
    assert figure.axes[1].get_yscale() == "log"
    figure.canvas.draw()
    powers = [t.get_text() for t in figure.axes[1].get_yticklabels()]
    assert "10⁻⁸" in powers, powers
    assert inked(tmp_path / "compare.png") > 0.005
    Comparison("volt", (rows[0],)).plot(tmp_path / "one.png")
    Comparison("volt", ()).plot(tmp_path / "none.png")


def test_values_that_are_equal_or_infinite_do_not_differ(volt: LoadedModel) -> None:
    run = volt.simulate(1, 0.1, record=["V_m"], backend="reference")
    values = {"V_m": np.where(np.arange(10) < 5, math.inf, 1.0)}
    infinite = replace(run, trace=replace(run.trace, values=values))
    assert compared("x", infinite, "", infinite).differences == {"V_m": 0.0}


def test_a_neo_segment(volt: LoadedModel) -> None:
    pytest.importorskip("neo")
    run = volt.simulate(10, 0.1, spikes={"spikes": [(2.0, 20.0)]})
    segment = run.to_neo()
    signal = segment.analogsignals[0]
    assert signal.name == "V_m"
    assert str(signal.units.dimensionality) == "V"
    assert np.array_equal(signal.magnitude[:, 0], run["V_m"])
    assert segment.spiketrains[0].magnitude.tolist() == [2.0]
