"""Vectors and delayed variables of a neuron, seen from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

InNest = Callable[..., Any]


def changed(in_nest: InNest, module: str, *changes: dict[str, Any]) -> Any:
    return in_nest("status", modules=[module], model="taps", changes=list(changes))


def test_entries_are_arrays(in_nest: InNest, module: str) -> None:
    values = {
        "weights": [3.0, 2.0, 1.0],
        "volts": [0.25, 2],  # whole numbers among others
        "flags": [False, True],
        "past": [1, 2, 3],
        "counts": [1, 2, 3],
    }
    found = changed(in_nest, module, values)
    before, after = found["states"]
    assert found["errors"] == [""]
    assert before["weights"] == pytest.approx([1 / 3] * 3)
    assert before["volts"] == [0.5, 0.5]
    assert [before[k] for k in ("past", "counts", "flags")] == [[2.0] * 3, [7] * 3, [True] * 2]
    assert {k: after[k] for k in values} == values


def test_one_value_stands_for_all_elements(in_nest: InNest, module: str) -> None:
    found = changed(in_nest, module, {"volts": 2.0, "counts": 4, "past": -1.0, "flags": False})
    after = found["states"][1]
    assert found["errors"] == [""]
    assert (after["volts"], after["counts"], after["past"]) == ([2.0] * 2, [4] * 3, [-1.0] * 3)
    assert after["flags"] == [False, False]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"k": 1, "weights": [1.0, 2.0]}, "weights has 3 elements; 2 are given"),
        ({"k": 1, "n": 2, "weights": [1.0, 2.0, 3.0]}, "weights has 2 elements; 3 are given"),
        ({"k": 1, "counts": [1.0, 2.5, 3.0]}, "TypeMismatch"),
        ({"k": 1, "counts": ["a", "b", "c"]}, "TypeMismatch"),
        ({"k": 1, "n": 0}, "n of taps is a size: at least 1"),
        ({"n": 5, "weights": [-1.0, 1.0, 1.0, 1.0, 1.0]}, "weights of taps must satisfy"),
    ],
)
def test_what_does_not_fit_changes_nothing(
    in_nest: InNest, module: str, change: dict[str, Any], said: str
) -> None:
    found = changed(in_nest, module, {"past": [4.0, 5.0, 6.0]}, change)
    assert found["errors"][0] == ""
    assert said in found["errors"][1]
    assert found["states"][2] == found["states"][1]


def test_a_size_resizes_its_vectors(in_nest: InNest, module: str) -> None:
    found = changed(
        in_nest,
        module,
        {"weights": [3.0, 2.0, 1.0], "past": [7.0, 8.0, 9.0]},
        {"n": 4},
        {"n": 2, "weights": [5.0, 6.0]},
    )
    assert found["errors"] == ["", "", ""]
    assert [s["weights"] for s in found["states"][2:]] == [[0.25] * 4, [5.0, 6.0]]
    assert [s["past"] for s in found["states"][2:]] == [[2.0] * 4, [2.0] * 2]


def test_nodes_and_random_parameters(in_nest: InNest, module: str) -> None:
    found = in_nest("vector_nodes", modules=[module], model="taps")
    assert found["each"] == [[1.0] * 3, [2.0, 3.0, 4.0]]
    assert found["scalars"] == [1, 2]
    drawn = [x for values in found["drawn"] for x in values]
    assert len(set(drawn)) == 6
    assert all(0.0 <= x < 1.0 for x in drawn)


def test_elements_are_recorded(in_nest: InNest, module: str) -> None:
    found = in_nest("vector_recording", modules=[module])
    assert found["taps"] == ["COUNTS_0", "COUNTS_1", "COUNTS_2", "k", "y"]
    # `V` and `v` would have the same capitals
    assert {"V_0", "V_2", "v_0", "v_1", "G_0", "G__D_1", "second"} <= set(found["equations"])
    assert found["V_1"] == found["recorded"]


def test_an_index_outside_ends_the_run(in_nest: InNest, module: str) -> None:
    found = in_nest("outside", modules=[module])
    assert "There is no past[3]: past has 3 elements" in found["error"]
    assert found["y"] == pytest.approx(2 + 1 / 3)


def test_sizes_of_equations_are_fixed(in_nest: InNest, module: str) -> None:
    changes = [{"n": 3}, {"n": 2, "w": [0.5, 0.25]}]
    found = in_nest("status", modules=[module], model="vector_equations", changes=changes)
    refused, accepted = found["errors"]
    assert "n of vector_equations must be 2: its equations or ports are made for that" in refused
    assert accepted == ""
    assert found["states"][2]["w"] == [0.5, 0.25]


def test_a_delay_begins_with_the_initial_value_and_may_change(in_nest: InNest, module: str) -> None:
    """x rises by 1 in a ms from 5; y follows x(t - d), seen at the begin of a step."""
    found = in_nest("delays", modules=[module])
    assert found["default"] == pytest.approx([5.0, 5.0, 5.9, 6.9])
    assert found["none"] == pytest.approx([5.9, 6.9, 7.9, 8.9])
    assert found["threads"] == found["default"]
    # 2 ms for 3 ms, then 1 ms, then 4 ms: what is older than 1 ms is forgotten by then
    assert found["changing"] == pytest.approx([5.9, 7.9, 7.9, 7.9, 7.9, 8.9])
    assert "d of ahead is a delay" in found["negative"]
    assert "d of ahead is a delay" in found["endless"]
