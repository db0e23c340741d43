"""Models of the exact class over ten seconds of random input: no spike and no bit differs."""

from pathlib import Path

import pytest
from models_under_test import (
    BACKEND,
    FIRE,
    FLOOR,
    PERFECT,
    Changes,
    assert_equal_traces,
    built,
    by_reference,
    changed,
    codes_of,
    on_chip,
    random_events,
    solved,
)
from nestml_truenorth.options import Options

from nestml_core.api import Experiment

TICKS = 10_000

COUNTER: Changes = [
    ("        V_m mV = 0 mV\n", "        V_m mV = 0 mV\n        rest integer = 0\n"),
    (
        "        integrate_odes(V_m)\n",
        "        if rest > 0:\n            rest -= 1\n        else:\n"
        "            integrate_odes(V_m)\n",
    ),
    (FIRE, FIRE.replace("V_m >= V_th", "rest == 0 and V_m >= V_th")),
    ("        emit_spike()\n", "        rest = 3\n        emit_spike()\n"),
]
"""Adds a refractory period of three steps to ``PERFECT``."""

TIMER: Changes = [
    ("        V_m mV = 0 mV\n", "        V_m mV = 0 mV\n        left ms = 0 ms\n"),
    (
        "        integrate_odes(V_m)\n",
        "        if left <= resolution() / 2:\n            integrate_odes(V_m)\n"
        "        else:\n            left -= resolution()\n",
    ),
    ("        emit_spike()\n", "        left = 4.25 ms\n        emit_spike()\n"),
]

SIGNED = [-9, -3, -1, 1, 2, 5, 17, 30, 70]
INHIBITORY: Changes = [
    (
        "        spikes <- spike\n",
        "        exc <- excitatory spike\n        inh <- inhibitory spike\n",
    ),
    ("unit_psp * spikes", "unit_psp * exc - 2 * unit_psp * inh"),
]

NEURONS: dict[str, Changes] = {
    "reset to the bound": COUNTER,
    "one step": [*COUNTER, ("rest = 3", "rest = 1")],
    "no step at all": [*COUNTER, ("rest = 3", "rest = 0")],
    "forty steps": [*COUNTER, ("rest = 3", "rest = 40")],
    "reset above the bound": [*COUNTER, ("V_min mV = 0 mV", "V_min mV = -37 mV")],
    "forty steps above the bound": [
        *COUNTER,
        ("rest = 3", "rest = 40"),
        ("V_min mV = 0 mV", "V_min mV = -37 mV"),
    ],
    "no bound": [
        *COUNTER,
        (FLOOR, ""),
        ("V_min mV = 0 mV", "V_min mV = -99 mV"),
        ("leak mV/ms = 1 mV/ms", "leak mV/ms = 0 mV/ms"),
    ],
    "far from zero": [
        *COUNTER,
        ("V_m mV = 0 mV", "V_m mV = -70 mV"),
        ("V_th mV = 50 mV", "V_th mV = -50 mV"),
        ("V_reset mV = 0 mV", "V_reset mV = -65 mV"),
        ("V_min mV = 0 mV", "V_min mV = -80.5 mV"),
    ],
    "drift upwards": [*COUNTER, ("leak mV/ms = 1 mV/ms", "leak mV/ms = -2 mV/ms")],
    "strict": [*COUNTER, ("V_m >= V_th", "V_m > V_th")],
    "a time in ms": TIMER,
}


@pytest.mark.parametrize("name", NEURONS)
def test_ten_seconds(name: str, tmp_path: Path) -> None:
    program = solved(changed(*NEURONS[name]))
    weights = [w for w in SIGNED if w > 0 or name != "no bound"] + [-1, -2]
    experiment = Experiment(
        duration=TICKS, dt=1.0, spikes={"spikes": random_events(len(name), TICKS, weights)}
    )
    theirs = by_reference(program, experiment)
    assert len(theirs.spike_steps) > 200
    assert_equal_traces(on_chip(built(program, tmp_path), experiment), theirs)


@pytest.mark.parametrize("refractory", [False, True])
def test_ten_seconds_with_inhibition(refractory: bool, tmp_path: Path) -> None:
    program = solved(changed(*INHIBITORY, *(COUNTER if refractory else ())))
    spikes = {
        "exc": random_events(1, TICKS, [1, 4, 30]),
        "inh": random_events(2, TICKS, [1, 3, 8]),
    }
    experiment = Experiment(duration=TICKS, dt=1.0, spikes=spikes)
    theirs = by_reference(program, experiment)
    assert len(theirs.spike_steps) > 200
    assert_equal_traces(on_chip(built(program, tmp_path), experiment), theirs)


def test_ten_seconds_of_a_subtracting_reset(tmp_path: Path) -> None:
    program = solved(changed(("V_m = V_reset", "V_m -= V_th")))
    events = random_events(7, TICKS, [-9, -3, 1, 2, 5, 17, 30])
    experiment = Experiment(duration=TICKS, dt=1.0, spikes={"spikes": events})
    theirs = by_reference(program, experiment)
    assert len(theirs.spike_steps) > 1000
    assert_equal_traces(on_chip(built(program, tmp_path), experiment), theirs)


REFUSED: dict[str, tuple[Changes, str]] = {
    "held at what is left": ([*COUNTER, ("V_m = V_reset", "V_m -= V_th")], "TN114"),
    "reset at the threshold": ([*COUNTER, ("V_reset mV = 0 mV", "V_reset mV = 50 mV")], "TN114"),
    "too long": ([*COUNTER, ("rest = 3", "rest = 300")], "TN202"),
    "a counter for something else": (
        [*COUNTER, ("rest -= 1\n", "rest -= 1\n            V_m += 1 mV\n")],
        "TN104",
    ),
    "spikes that are not held back": (
        [
            *COUNTER,
            (" + unit_psp * spikes", ""),
            (
                "    onCondition(V_m < V_min)",
                "    onReceive(spikes):\n        V_m += 2 mV * spikes * 1 s\n\n"
                "    onCondition(V_m < V_min)",
            ),
        ],
        "TN104",
    ),
    "integrated all the same": (
        [*COUNTER, ("rest -= 1\n", "rest -= 1\n            integrate_odes(V_m)\n")],
        "TN104",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what: str) -> None:
    changes, code = REFUSED[what]
    result = BACKEND.lower(solved(changed(*changes)), Options())
    assert result.value is None
    assert code in codes_of(result.errors)
    assert all(d.help for d in result.errors)


def test_a_budget_of_neurons_is_kept() -> None:
    result = BACKEND.lower(solved(changed(*COUNTER)), Options(neurons=20))
    assert codes_of(result.errors) == ["TN207"]
    assert BACKEND.lower(solved(changed(*COUNTER)), Options(neurons=60)).value is not None


@pytest.mark.parametrize("weights", ["1,-2", "1,-1,30", "5"])
def test_chosen_weights(weights: str, tmp_path: Path) -> None:
    program = solved(changed(*COUNTER))
    events = random_events(3, TICKS, [float(w) for w in weights.split(",")])
    experiment = Experiment(duration=TICKS, dt=1.0, spikes={"spikes": events})
    artifact = built(program, tmp_path, weights=weights)
    theirs = by_reference(program, experiment)
    assert_equal_traces(on_chip(artifact, experiment), theirs)


assert "rest" in changed(*COUNTER, text=PERFECT)
