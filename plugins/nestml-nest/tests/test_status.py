"""Parameters and state of a neuron, read and set from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

InNest = Callable[..., Any]

EXP = "iaf_psc_exp_nestml"


def test_every_entry_can_be_set_and_read(in_nest: InNest, module: str) -> None:
    values = {
        "C_m": 200.0,
        "tau_m": 12.0,
        "tau_syn_exc": 1.0,
        "tau_syn_inh": 3.0,
        "refr_T": 1.0,
        "E_L": -65.0,
        "V_reset": -68.0,
        "V_th": -50.0,
        "I_e": 10.0,
        "V_m": -60.0,
        "I_syn_exc": 1.0,
        "I_syn_inh": 2.0,
        "refr_steps": 3,
    }
    found = in_nest("status", modules=[module], model=EXP, changes=[values])
    before, after = found["states"]
    assert found["errors"] == [""]
    assert {k: after[k] for k in values} == values
    assert all(before[k] != values[k] for k in values)
    assert sorted(after["recordables"]) == ["I_syn_exc", "I_syn_inh", "V_m", "refr_steps"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"C_m": 300.0, "tau_m": -1.0, "V_m": 0.0}, "tau_m of iaf_psc_exp_nestml must satisfy"),
        ({"V_m": 0.0, "tau_m": float("inf") * 0}, "must satisfy tau_m > 0 ms"),
        ({"C_m": 300.0, "tau_m": "long"}, "TypeMismatch"),
        ({"refr_steps": 2.5, "C_m": 300.0}, "TypeMismatch"),
        ({"C_m": 300.0, "tau_minus": -5.0}, "BadProperty"),  # an entry of NEST's own
    ],
)
def test_an_error_leaves_everything_as_it_was(
    in_nest: InNest, module: str, change: dict[str, Any], said: str
) -> None:
    changes = [{"C_m": 240.0, "V_m": -61.0}, change]
    found = in_nest("status", modules=[module], model=EXP, changes=changes)
    assert found["errors"][0] == ""
    assert said in found["errors"][1]
    assert found["states"][2] == found["states"][1]
    assert found["states"][2] != found["states"][0]


def test_an_unknown_entry_is_an_error(in_nest: InNest, module: str) -> None:
    found = in_nest("status", modules=[module], model=EXP, changes=[{"tau_n": 10.0}])
    assert "tau_n" in found["errors"][0]


def test_a_bad_value_at_creation_is_an_error(in_nest: InNest, module: str) -> None:
    made = in_nest("create", modules=[module], model=EXP, params={"C_m": 0.0}, read=[])
    assert "C_m of iaf_psc_exp_nestml must satisfy C_m > 0 pF" in made["error"]


def test_defaults_follow_what_they_depend_on(in_nest: InNest, module: str) -> None:
    def made(model: str, params: dict[str, Any], *read: str) -> list[Any]:
        found = in_nest("create", modules=[module], model=model, params=params, read=list(read))
        assert found["error"] == ""
        return [found[r] for r in read]

    assert made(EXP, {"E_L": -60.0}, "V_m") == [-60.0]
    assert made(EXP, {"E_L": -60.0, "V_m": -50.0}, "V_m") == [-50.0]
    changed = made("defaults", {"E_0": -50.0, "T_ref": 5.0}, "E_L", "half", "scaled", "refr")
    assert changed == [-55.0, -47.5, 20.0, 50]
    assert made("defaults", {"E_0": -50.0, "E_L": -70.0}, "half") == [-62.5]
    assert made("izhikevich_nestml", {"b": 0.25}, "U_m") == [-16.25]


def test_defaults_of_a_model_and_the_past_of_a_neuron(in_nest: InNest, module: str) -> None:
    found = in_nest("defaults", modules=[module], model=EXP)
    assert found["after_defaults"] == -80.0
    assert found["copied"] == {"E_L": -80.0, "V_m": -61.0}
    assert found["settled"] == pytest.approx(-80.0)
    assert found["after_change"] == found["settled"]  # it has lived: nothing is reset


def test_random_parameters_of_nest_are_drawn(in_nest: InNest, module: str) -> None:
    drawn = in_nest("random_parameters", modules=[module], model=EXP)["V_m"]
    assert len(set(drawn)) == 50
    assert all(-70.0 <= v < -60.0 for v in drawn)


def test_the_resolution_is_obeyed(in_nest: InNest, module: str) -> None:
    found = in_nest("resolutions", modules=[module], model=EXP)
    expected = -70.0 + 10.0 * 2.718281828459045**-1
    assert len(found) == 4
    for value in found.values():
        assert value == pytest.approx(expected, rel=1e-13)


def test_the_resolution_stands_once_there_are_nodes(in_nest: InNest, module: str) -> None:
    found = in_nest("resolution_with_nodes", modules=[module], model=EXP)
    assert "resolution" in found["error"] or "time representation" in found["error"]
    assert found["V_m"] == pytest.approx(-70.0 + 10.0 * 2.718281828459045**-1, rel=1e-13)


def test_declared_units_stand_outside(in_nest: InNest, module: str) -> None:
    changes = [{"tau_m": 0.02, "C_m": 0.5, "tau_w": 5000.0, "V_m": -0.06}]
    found = in_nest("status", modules=[module], model="units", changes=changes)
    before, after = found["states"]
    assert (before["C_m"], before["tau_w"], before["V_m"]) == (0.25, 20000.0, -0.07)
    assert {k: after[k] for k in changes[0]} == pytest.approx(changes[0], rel=1e-15)


def test_awkward_names(in_nest: InNest, module: str) -> None:
    changes = [{"class": 10.0, "NULL": 20.0, "PACKAGE": 30.0, "errno": 7, "flag": False}]
    found = in_nest("status", modules=[module], model="keywords", changes=changes)
    assert found["errors"] == [""]
    assert {k: found["states"][1][k] for k in changes[0]} == changes[0]
    assert found["states"][1]["double"] == 1.0
    assert found["states"][1]["Ca_"] == 2.0
    assert found["states"][1]["Ca"] == 0.0  # NEST's own


def test_functions_in_defaults_and_guards(in_nest: InNest, module: str) -> None:
    changes = [{"a": 10.0}, {"a": -1.0}, {"n": 3}, {"n": 6, "name": "somebody"}]
    found = in_nest("status", modules=[module], model="calls", changes=changes)
    assert [s["x"] for s in found["states"]] == [5.0, 25.0, 25.0, 25.0, 25.0]
    first, negative, odd, last = found["errors"]
    assert first == last == ""
    assert "a of calls must satisfy twice(a) > 0" in negative
    assert "n of calls must satisfy n % 2 == 0" in odd
    assert (found["states"][4]["n"], found["states"][4]["name"]) == (6, "somebody")
