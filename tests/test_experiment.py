"""Experiments laid on the grid: units, times, weights, and what is said about mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pint
import pytest

from nestml_core.diagnostics import render
from nestml_core.experiment import Experiment, Schedule, schedule
from nestml_core.pipeline import check_sources
from nestml_core.solved import SolvedModel
from nestml_core.source import Source

MODEL = """\
model m:
    state:
        V_m V = -0.07 V
        g' nS/ms = 0 nS/ms
        g nS = 0 nS
        n integer = 0
        on boolean = false
    equations:
        g'' = -g' / tau
    parameters:
        tau ms = 10 ms
        C_m pF = 250 pF
        k integer = 3
        low mV = -inf * 1 mV
    input:
        exc <- excitatory spike
        inh <- inhibitory spike
        other <- spike
        I nA <- continuous
    update:
        integrate_odes()
"""


@pytest.fixture(scope="module")
def model() -> SolvedModel:
    program = check_sources([Source("m.nestml", MODEL)]).value
    assert program is not None
    return program.models[0]


def laid(model: SolvedModel, duration: Any = 1.0, dt: Any = 0.1, **rest: Any) -> Schedule:
    result = schedule(Experiment(duration, dt, **rest), model)
    assert result.value is not None, [render(d) for d in result.diagnostics]
    return result.value


def said(model: SolvedModel, duration: Any = 1.0, dt: Any = 0.1, **rest: Any) -> list[str]:
    """Return all that is said about an experiment, the errors without a schedule."""
    result = schedule(Experiment(duration, dt, **rest), model)
    assert (result.value is None) == bool(result.errors)
    return [render(d).removeprefix("nestml: ") for d in result.diagnostics]


def by_name(values: Any) -> dict[str, float]:
    return {symbol.name: value for symbol, value in values.items()}


def test_values_are_converted_once(model: SolvedModel) -> None:
    s = laid(model, parameters={"tau": 5.0, "low": -80.0}, initial={"V_m": -0.065, "g'": 2.0})
    assert by_name(s.parameters) == {"tau": 5.0, "low": -80.0}
    assert by_name(s.initial) == {"V_m": -65.0, "g'": 2.0}


def test_names_as_they_are_seen_from_outside(model: SolvedModel) -> None:
    s = laid(model, initial={"g__d": 2.0}, record=["g__d", "g"])
    assert by_name(s.initial) == {"g'": 2.0}
    assert [r.name for r in s.record] == ["g'", "g"]


def test_quantities_of_any_registry(model: SolvedModel) -> None:
    units = pint.UnitRegistry()
    s = laid(
        model,
        0.002 * units.s,
        100 * units.us,
        parameters={"tau": 0.02 * units.s, "C_m": 0.1 * units.nF},
        initial={"V_m": -60 * units.mV},
        spikes={"other": [(300 * units.us, 1.0)]},
        currents={"I": ([0.0 * units.s, 0.001 * units.s], [100 * units.pA, 0.2 * units.nA])},
    )
    assert s.steps == 20
    assert s.dt == pytest.approx(0.1, rel=1e-15)
    assert by_name(s.parameters) == pytest.approx({"tau": 20.0, "C_m": 100.0}, rel=1e-15)
    assert by_name(s.initial) == pytest.approx({"V_m": -60.0}, rel=1e-15)
    assert {p.name: e.steps.tolist() for p, e in s.spikes.items()}["other"] == [3]
    (current,) = s.currents.values()
    assert current.tolist() == pytest.approx([100.0] * 10 + [200.0] * 10, rel=1e-15)


def test_quantities_as_text(model: SolvedModel) -> None:
    s = laid(model, "2 ms", parameters={"tau": "0.02 s"}, currents={"I": "400 pA"})
    assert s.steps == 20
    assert by_name(s.parameters) == {"tau": 20.0}
    assert [x.tolist() for x in s.currents.values()] == [[400.0] * 20]


def test_every_port_has_an_entry(model: SolvedModel) -> None:
    s = laid(model)
    assert [p.name for p in s.spikes] == ["exc", "inh", "other"]
    assert all(len(e.steps) == len(e.weights) == 0 for e in s.spikes.values())
    assert [x.tolist() for x in s.currents.values()] == [[0.0] * 10]


def test_spikes_are_due_in_the_step_that_ends_with_them(model: SolvedModel) -> None:
    events = [(0.3, 1.0), (0.1, 2.0), (1.0, 3.0), (0.3, -4.0), (1.1, 5.0)]
    s = laid(model, spikes={"other": events})
    e = {p.name: e for p, e in s.spikes.items()}["other"]
    assert e.steps.tolist() == [1, 3, 3, 10]
    assert e.weights.tolist() == [2.0, 1.0, -4.0, 3.0]


@pytest.mark.parametrize("dt", [0.1, 0.01, 0.025, 1 / 3])
def test_multiples_of_the_step_are_on_the_grid(model: SolvedModel, dt: float) -> None:
    """Whatever rounding does to k * dt, it is due in step k."""
    times = [k * dt for k in range(1, 1001)]
    result = schedule(Experiment(1000 * dt, dt, spikes={"other": [(t, 1.0) for t in times]}), model)
    assert result.value is not None
    assert not result.diagnostics
    e = {p.name: e for p, e in result.value.spikes.items()}["other"]
    assert e.steps.tolist() == list(range(1, 1001))


def test_times_off_the_grid_come_later_and_are_mentioned(model: SolvedModel) -> None:
    (text,) = said(model, spikes={"other": [(0.25, 1.0), (0.3, 1.0)]})
    assert text.startswith("warning[NML903]: spikes for `other`: 1 times are not multiples of 0.1")
    s = laid(model, spikes={"other": [(0.25, 1.0), (0.05, 1.0)]})
    assert {p.name: e.steps.tolist() for p, e in s.spikes.items()}["other"] == [1, 3]


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        (2.0, [2000.0] * 4),
        (([0.0, 0.2], [1.0, 3.0]), [1000.0, 1000.0, 3000.0, 3000.0]),
        (([0.1], [1.0]), [0.0, 1000.0, 1000.0, 1000.0]),
        (([0.15], [1.0]), [0.0, 0.0, 1000.0, 1000.0]),
        (([], []), [0.0] * 4),
        (np.array([[0.0, 0.3], [1.0, 2.0]]), [1000.0, 1000.0, 1000.0, 2000.0]),
    ],
)
def test_currents_are_piecewise_constant(
    model: SolvedModel, signal: Any, expected: list[float]
) -> None:
    s = laid(model, 0.4, currents={"I": signal})
    assert [x.tolist() for x in s.currents.values()] == [expected]


def test_all_is_recorded_unless_said_otherwise(model: SolvedModel) -> None:
    assert [r.name for r in laid(model).record] == ["V_m", "g'", "g", "n", "on"]
    assert [r.name for r in laid(model, record=["n", "V_m", "n"]).record] == ["n", "V_m"]
    assert [r.name for r in laid(model, record="V_m").record] == ["V_m"]
    assert laid(model, record=[]).record == ()


def test_duration_is_rounded_to_steps(model: SolvedModel) -> None:
    assert laid(model, 0.3, 0.1).steps == 3
    assert laid(model, 1.04, 0.1).steps == 10
    assert laid(model, 0.0, 0.1).steps == 0


@pytest.mark.parametrize(
    ("experiment", "text"),
    [
        ({"parameters": {"tao": 1}}, "error[NML901]: `m` has no parameter `tao`\nhelp: did you"),
        ({"initial": {"x": 1}}, "error[NML901]: `m` has no state variable `x`\nhelp: there are"),
        ({"spikes": {"I": []}}, "error[NML901]: `m` has no spike port `I`"),
        (
            {"currents": {"exc": 1.0}},
            "error[NML901]: `m` has no continuous port `exc`\nhelp: `exc`",
        ),
        ({"record": ["V"]}, "error[NML901]: `m` has no recordable `V`"),
        (
            {"parameters": {"V_m": 1}},
            "error[NML901]: `m` has no parameter `V_m`\nhelp: `V_m` is a state variable: give",
        ),
        (
            {"initial": {"tau": 1}},
            "error[NML901]: `m` has no state variable `tau`\nhelp: `tau` is a parameter: set it",
        ),
        ({"dt": 100.0}, "error[NML902]: the duration (1 ms) is less than half a step of 100 ms"),
        ({"parameters": {"tau": "ten"}}, "error[NML902]: parameter `tau`: 'ten' is not a number"),
        ({"parameters": {"tau": float("nan")}}, "error[NML902]: parameter `tau`: not a number"),
        ({"parameters": {"k": 1.5}}, "error[NML902]: parameter `k`: 1.5 is not a whole number"),
        ({"parameters": {"k": float("inf")}}, "error[NML902]: parameter `k`: inf is not a whole"),
        ({"spikes": {"exc": [(0.5, -1.0)]}}, "error[NML902]: spikes for `exc`: a negative weight"),
        ({"spikes": {"exc": [(0.0, 1.0)]}}, "error[NML902]: spikes for `exc`: the first possible"),
        ({"spikes": {"exc": [(0.1, 0.2, 0.3)]}}, "error[NML902]: spikes for `exc`: "),
        ({"spikes": {"exc": 3}}, "error[NML902]: spikes for `exc`: "),
        ({"spikes": {"exc": [(0.1, float("inf"))]}}, "error[NML902]: spikes for `exc`: times and"),
        ({"currents": {"I": ([0, 1], [1])}}, "error[NML902]: current for `I`: as many finite"),
        ({"currents": {"I": ([1, 0], [1, 2])}}, "error[NML902]: current for `I`: the times must"),
        ({"currents": {"I": "x"}}, "error[NML902]: current for `I`: "),
        ({"dt": 0.0}, "error[NML902]: duration (1 ms) and dt (0 ms) must be finite, dt above 0"),
        ({"duration": -1.0}, "error[NML902]: duration (-1 ms)"),
        ({"duration": 1e12}, "error[NML902]: 10000000000000 steps are more than"),
        ({"parameters": {"tau": None}}, "error[NML902]: parameter `tau`: None is not a number"),
        ({"parameters": {"tau": [1, 2]}}, "error[NML902]: parameter `tau`: [1, 2] is not a number"),
        ({"parameters": {"k": "5 pA"}}, "error[NML902]: parameter `k`: 5 pA is not a plain number"),
        ({"parameters": ["tau"]}, "error[NML902]: parameters: ['tau'] has no names\nhelp: write {"),
        ({"initial": 5}, "error[NML902]: state variables: 5 has no names"),
        ({"spikes": [1.0]}, "error[NML902]: spikes: [1.0] has no names"),
        ({"currents": 5}, "error[NML902]: currents: 5 has no names"),
        ({"spikes": {"exc": "1 ms"}}, "error[NML902]: spikes for `exc`: '1 ms' is no list"),
        ({"spikes": {"exc": [(0.1, "x")]}}, "error[NML902]: spikes for `exc`: 'x' is not a number"),
        ({"spikes": {"exc": [(1, 2, 3)]}}, "error[NML902]: spikes for `exc`: (1, 2, 3) is no pair"),
        # two pairs and (times, weights) look the same
        ({"spikes": {"exc": ([0.1, 0.2], [5, 6])}}, "error[NML902]: spikes for `exc`: two lists"),
        ({"seed": -1}, "error[NML902]: seed: -1 is not a whole number from 0"),
        ({"seed": 1.5}, "error[NML902]: seed: 1.5 is not"),
    ],
)
def test_mistakes_are_told_apart(model: SolvedModel, experiment: dict[str, Any], text: str) -> None:
    (first, *rest) = said(model, **experiment)
    assert first.startswith(text)
    assert not rest


def test_wrong_dimensions_are_refused(model: SolvedModel) -> None:
    units = pint.UnitRegistry()
    (text,) = said(model, parameters={"tau": 3 * units.mV})
    assert "parameter `tau`: 3 millivolt is not in ms or a multiple of it" in text


def test_all_mistakes_are_reported_at_once(model: SolvedModel) -> None:
    found = said(model, parameters={"tao": 1, "k": 0.5}, spikes={"x": []}, record=["y"])
    assert len(found) == 4
