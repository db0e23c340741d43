"""Generated programs against the core's reference interpreter: every spike, every number."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from models_under_test import (
    FIRE,
    FLOOR,
    PERFECT,
    Changes,
    assert_equal_traces,
    built,
    by_reference,
    changed,
    library,
    on_chip,
    random_events,
    solved,
)

from nestml_core.api import Experiment

TICKS = 600

SIGNED = [-9, -3, -1, 1, 2, 5, 17, 30, 70]

SUBTRACT = FIRE.replace("V_m = V_reset", "V_m -= theta")
LOWER_FLOOR = FLOOR.replace("V_min", "-4 mV")
THETA = ("        V_min mV = 0 mV\n", "        V_min mV = 0 mV\n        theta mV = 20 mV\n")

VARIANTS: dict[str, Changes] = {
    "as it is": [],
    "bound behind the threshold": [(FLOOR, ""), (FIRE, FIRE + "\n" + FLOOR)],
    "higher bound before": [(FIRE, FIRE + "\n" + LOWER_FLOOR)],
    "higher bound behind": [(FLOOR, LOWER_FLOOR), (FIRE, FIRE + "\n" + FLOOR)],
    "strict threshold": [("V_m >= V_th", "V_m > V_th")],
    "mirrored comparison": [("V_m >= V_th", "V_th <= V_m")],
    "rearranged comparison": [("V_m >= V_th", "2 * (V_th - V_m) <= 0 mV")],
    "bound that is reached or passed": [("V_m < V_min", "V_m <= V_min")],
    "max in update": [
        (FLOOR, ""),
        ("integrate_odes(V_m)\n", "integrate_odes(V_m)\n        V_m = max(V_min, V_m)\n"),
    ],
    "if in update": [
        (FLOOR, ""),
        (
            "integrate_odes(V_m)\n",
            "integrate_odes(V_m)\n        if V_m < V_min:\n            V_m = V_min\n",
        ),
    ],
    "conditional expression": [
        (FLOOR, ""),
        (
            "integrate_odes(V_m)\n",
            "integrate_odes(V_m)\n        V_m = V_m < V_min ? V_min : V_m\n",
        ),
    ],
    "everything in update": [
        (FLOOR, ""),
        (FIRE, ""),
        (
            "        integrate_odes(V_m)\n",
            "        integrate_odes(V_m)\n        V_m = max(V_m, V_min)\n"
            "        if V_m >= V_th:\n            V_m = V_reset\n            emit_spike()\n",
        ),
    ],
    "spikes in a handler": [
        (" + unit_psp * spikes", ""),
        (
            "    onCondition(V_m < V_min)",
            "    onReceive(spikes):\n        V_m += 2 mV * spikes * 1 s\n\n"
            "    onCondition(V_m < V_min)",
        ),
    ],
    "spikes by hand": [
        (" + unit_psp * spikes", ""),
        (
            "integrate_odes(V_m)",
            "integrate_odes(V_m)\n        V_m = V_m + 3 mV * spikes * 1 s - 1 mV",
        ),
    ],
    "factor of a weight": [("unit_psp mV = 1 mV", "unit_psp mV = -2.5 mV")],
    "drift upwards": [("leak mV/ms = 1 mV/ms", "leak mV/ms = -2 mV/ms")],
    "no leak": [("leak mV/ms = 1 mV/ms", "leak mV/ms = 0 mV/ms")],
    "rest at -70 mV": [
        ("V_m mV = 0 mV", "V_m mV = -70 mV"),
        ("V_th mV = 50 mV", "V_th mV = -50 mV"),
        ("V_reset mV = 0 mV", "V_reset mV = -65 mV"),
        ("V_min mV = 0 mV", "V_min mV = -80 mV"),
    ],
    "quarters of a millivolt": [
        ("leak mV/ms = 1 mV/ms", "leak mV/ms = 0.75 mV/ms"),
        ("V_th mV = 50 mV", "V_th mV = 20.25 mV"),
        ("V_reset mV = 0 mV", "V_reset mV = 1.5 mV"),
    ],
    "reset below the bound": [("V_reset mV = 0 mV", "V_reset mV = -7 mV")],
    "reset below a bound behind": [
        ("V_reset mV = 0 mV", "V_reset mV = -7 mV"),
        (FLOOR, ""),
        (FIRE, FIRE + "\n" + FLOOR),
    ],
    "reset at the threshold": [("V_reset mV = 0 mV", "V_reset mV = 50 mV")],
    "reset above the threshold": [("V_reset mV = 0 mV", "V_reset mV = 75 mV")],
    "threshold at the bound": [
        ("V_m mV = 0 mV", "V_m mV = -1 mV"),
        ("V_th mV = 50 mV", "V_th mV = 0 mV"),
        ("V_reset mV = 0 mV", "V_reset mV = -7 mV"),
        ("V_min mV = 0 mV", "V_min mV = -1 mV"),
    ],
    "subtracting reset": [THETA, (FIRE, SUBTRACT)],
    "subtracting the whole threshold": [THETA, ("V_m = V_reset", "V_m = V_m - V_th")],
    "strict and subtracting": [THETA, (FIRE, SUBTRACT), ("V_m >= V_th", "V_m > V_th")],
    "subtracting more than once": [THETA, (FIRE, SUBTRACT.replace("theta", "theta / 2"))],
    "reset in two statements": [("V_m = V_reset", "V_m = V_reset\n        V_m += 3 mV")],
    "spike before the reset": [
        (FIRE, "    onCondition(V_m >= V_th):\n        emit_spike()\n        V_m = V_reset\n")
    ],
    "two integrations": [
        ("integrate_odes(V_m)", "integrate_odes(V_m)\n        integrate_odes(V_m)")
    ],
    "constants from constants": [
        ("unit_psp mV = 1 mV", "unit_psp mV = (V_th - V_reset) / 24"),
        ("V_reset mV = 0 mV", "V_reset mV = max(V_th / 5 - 8 mV, 0 mV)"),
    ],
    "no bound": [
        (FLOOR, ""),
        ("leak mV/ms = 1 mV/ms", "leak mV/ms = 1 mV/ms"),
    ],
    "infinite bound": [("V_min mV = 0 mV", "V_min mV = -inf * 1 mV")],
    "recordables": [
        (
            "        V_m' = -leak",
            "        recordable inline distance mV = V_th - V_m\n"
            "        recordable inline half real = V_m / (2 mV) + 0.125\n"
            "        V_m' = -leak",
        )
    ],
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_of_a_model(variant: str, tmp_path: Path) -> None:
    program = solved(changed(*VARIANTS[variant]))
    artifact = built(program, tmp_path)
    spiking = 0
    for seed in range(3):
        experiment = Experiment(
            duration=TICKS, dt=1.0, spikes={"spikes": random_events(seed, TICKS, SIGNED)}
        )
        theirs = by_reference(program, experiment)
        assert_equal_traces(on_chip(artifact, experiment), theirs)
        spiking += len(theirs.spike_steps)
    assert spiking > 3


def test_ten_seconds_of_the_library_model(tmp_path: Path) -> None:
    """10,000 ticks with up to six weights of both signs in each: no spike and no bit differs."""
    program = library("pif_psc_delta")
    events = random_events(2026, 10_000, range(-30, 61), most=6)
    experiment = Experiment(duration=10_000, dt=1.0, spikes={"spikes": events})
    theirs = by_reference(program, experiment)
    assert len(theirs.spike_steps) > 3000
    assert len(set(theirs["V_m"].tolist())) > 40
    assert_equal_traces(on_chip(built(program, tmp_path), experiment), theirs)


PORTS = changed(
    (
        "        spikes <- spike\n",
        "        exc <- excitatory spike\n"
        "        inh <- inhibitory spike\n"
        "        other <- spike\n",
    ),
    ("unit_psp * spikes", "unit_psp * exc - 2 * unit_psp * inh + 0.5 * unit_psp * other"),
)


def test_several_ports_share_the_axons(tmp_path: Path) -> None:
    """What ports add in one step is summed; coincident events of different ports do not merge."""
    program = solved(PORTS)
    spikes = {
        "exc": random_events(1, TICKS, [1, 4, 30]),
        "inh": random_events(2, TICKS, [1, 3, 8]),
        "other": random_events(3, TICKS, [-7, -2, 1, 5, 20]),
    }
    experiment = Experiment(duration=TICKS, dt=1.0, spikes=spikes)
    theirs = by_reference(program, experiment)
    assert len(theirs.spike_steps) > 50
    assert_equal_traces(on_chip(built(program, tmp_path), experiment), theirs)


@pytest.mark.parametrize("tick", [0.125, 0.5, 2.0, 4.0])
def test_ticks(tick: float, tmp_path: Path) -> None:
    program = solved(PERFECT)
    events = random_events(5, TICKS, SIGNED, dt=tick)
    experiment = Experiment(duration=TICKS * tick, dt=tick, spikes={"spikes": events})
    theirs = by_reference(program, experiment)
    assert_equal_traces(on_chip(built(program, tmp_path, tick=tick), experiment), theirs)


@pytest.mark.parametrize(
    "options",
    [
        {"scale": "2"},
        {"scale": "3"},
        {"scale": "30"},
        {"weights": "1"},
        {"weights": "1,-1"},
        {"weights": "-1, 2, 5"},
        {"weights": "1,-1,10,-10"},
        {"weights": "0.5,-0.5,8,-8"},
        {"scale": "4", "weights": "1,-1,10,-10"},
        {"rng_seed": 12345},
    ],
)
def test_options_do_not_change_results(options: dict[str, Any], tmp_path: Path) -> None:
    program = solved(PERFECT)
    possible = [1, 2, 10] if options.get("weights") == "1" else [-9, -3, 1, 2, 5, 17, 30]
    events = random_events(6, TICKS, possible)
    experiment = Experiment(duration=TICKS, dt=1.0, spikes={"spikes": events})
    theirs = by_reference(program, experiment)
    assert_equal_traces(on_chip(built(program, tmp_path, **options), experiment), theirs)


@pytest.mark.parametrize(
    ("parameters", "initial"),
    [
        ({"leak": 3.0}, {}),
        ({"leak": -2.0, "V_th": 45.0}, {}),
        ({"V_reset": 20.0}, {}),
        ({"V_min": -30.0, "V_reset": -3.0}, {}),
        ({"leak": 0.25}, {"V_m": 10.5}),
        ({"V_min": float("-inf")}, {}),
        ({"V_min": -30.0}, {"V_m": 49.0}),
        ({}, {"V_m": 0.0}),
        ({"V_min": -20.0, "leak": -3.0}, {"V_m": -20.0}),
    ],
)
def test_settings_of_an_experiment(
    parameters: dict[str, float], initial: dict[str, float], tmp_path: Path
) -> None:
    """Settings are part of the program: it is generated anew, and the built one stays as it is."""
    program = solved(PERFECT)
    artifact = built(program, tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    events = random_events(7, TICKS, SIGNED)
    experiment = Experiment(
        duration=TICKS,
        dt=1.0,
        spikes={"spikes": events},
        parameters=parameters,
        initial=initial,
    )
    plain = Experiment(duration=TICKS, dt=1.0, spikes={"spikes": events})
    theirs = by_reference(program, experiment)
    assert theirs["V_m"].tolist() != by_reference(program, plain)["V_m"].tolist() or not any(
        (*parameters.values(), *initial.values())
    )
    assert_equal_traces(on_chip(artifact, experiment), theirs)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_only_what_is_asked_for_is_recorded(tmp_path: Path) -> None:
    program = solved(changed(*VARIANTS["recordables"]))
    artifact = built(program, tmp_path)
    for names in ([], ["half"], ["distance", "V_m"]):
        experiment = Experiment(duration=20, dt=1.0, record=names)
        ran = on_chip(artifact, experiment)
        assert ran.value is not None
        assert list(ran.value.values) == names


def test_first_and_last_steps(tmp_path: Path) -> None:
    """An event due in step 1 counts, and one due in the last step."""
    program = solved(changed(("V_th mV = 50 mV", "V_th mV = 5 mV")))
    artifact = built(program, tmp_path)
    events = [(1.0, 6.0), (4.0, 3.0), (5.0, 6.0)]
    experiment = Experiment(duration=5, dt=1.0, spikes={"spikes": events})
    ran = on_chip(artifact, experiment)
    assert ran.value is not None
    assert ran.value.spike_steps.tolist() == [1, 5]
    assert ran.value["V_m"].tolist() == [0, 0, 0, 2, 0]
    assert ran.value.times.tolist() == [1, 2, 3, 4, 5]


def test_no_steps(tmp_path: Path) -> None:
    ran = on_chip(built(solved(PERFECT), tmp_path), Experiment(duration=0, dt=1.0))
    assert ran.value is not None
    assert ran.value["V_m"].shape == (0,)
    assert ran.value.spike_steps.shape == (0,)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.data(),
    variant=st.sampled_from([
        "as it is",
        "bound behind the threshold",
        "strict threshold",
        "subtracting reset",
        "max in update",
        "spikes in a handler",
    ]),
    seed=st.integers(0, 10**6),
)  # fmt: skip
def test_random_constants(
    data: st.DataObject, variant: str, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever whole or quarter numbers the constants are, if it is not refused it is exact."""
    program = solved(changed(*VARIANTS[variant]))
    quarters = st.integers(-80, 160).map(lambda n: n / 4)
    drawn = {name: data.draw(quarters, name) for name in ("V_th", "V_reset", "V_min")}
    drawn["V_min"] = min(drawn["V_min"], drawn["V_th"])
    drawn["leak"] = data.draw(st.integers(-12, 12).map(lambda n: n / 4), "leak")
    initial = {"V_m": min(data.draw(quarters, "V_m"), drawn["V_th"])}
    experiment = Experiment(
        duration=150,
        dt=1.0,
        spikes={"spikes": random_events(seed, 150, SIGNED)},
        parameters=drawn,
        initial=initial,
    )
    artifact = built(program, tmp_path_factory.mktemp("random"))
    ours = on_chip(artifact, experiment)
    if ours.value is None:
        assert all(d.code.id in ("TN114", "TN115", "TN203", "TN303") for d in ours.errors)
        return
    assert_equal_traces(ours, by_reference(program, experiment))
