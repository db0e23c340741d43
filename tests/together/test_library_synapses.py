"""The synapses of the library against NEST's own: the same weight at every presynaptic spike.

The trains are Poisson, and some spikes are made to meet at the synapse. Three seconds of them by
default; NESTML_SYNAPSE_SECONDS=100 takes more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from together_tools import need_nest

import nestml_core as nestml

DT = 0.1
DURATION = 1000.0 * float(os.environ.get("NESTML_SYNAPSE_SECONDS", "3"))
DELAYS = (0.1, 1.0, 5.0)
RATE = 30.0

PAIR = {
    "lambda": "lambda",
    "alpha": "alpha",
    "mu_plus": "mu_plus",
    "mu_minus": "mu_minus",
    "Wmax": "Wmax",
    "tau_tr_pre": "tau_plus",
    "tau_tr_post": "neuron tau_minus",
}
TRIPLET = {
    "tau_plus": "tau_plus",
    "tau_x": "tau_plus_triplet",
    "tau_minus": "neuron tau_minus",
    "tau_y": "neuron tau_minus_triplet",
    "A2_plus": "Aplus",
    "A3_plus": "Aplus_triplet",
    "A2_minus": "Aminus",
    "A3_minus": "Aminus_triplet",
    "Wmax": "Wmax",
}
TSODYKS = {"w": "weight", "U": "U", "tau_fac": "tau_fac", "tau_rec": "tau_rec"}
DOPAMINE = {
    "tau_tr_pre": "tau_plus",
    "tau_tr_post": "neuron tau_minus",
    **{name: name for name in ("tau_c", "tau_n", "b", "Wmin", "Wmax", "A_plus", "A_minus")},
}
VOGELS = {"eta": "eta", "tau": "tau, neuron tau_minus", "alpha": "alpha", "Wmax": "Wmax"}


@dataclass(frozen=True)
class Row:
    """A synapse of ours, its twin, and values for both.

    ``names`` maps our parameters to theirs; those of the postsynaptic neuron begin with "neuron".
    ``initial`` is what ours has at the start, where theirs begins otherwise; ``theirs`` is what
    theirs has, for the same reason.
    """

    ours: str
    twin: str
    names: Mapping[str, str]
    parameters: Mapping[str, float]
    weight: float
    initial: Mapping[str, Any] = field(default_factory=dict)
    theirs: Mapping[str, Any] = field(default_factory=dict)
    meet: bool = True
    """Whether spikes may meet at the synapse."""
    tolerance: float = 1e-9


STDP = {"lambda": 0.03, "alpha": 1.1, "tau_tr_pre": 15.0, "tau_tr_post": 32.0, "Wmax": 80.0}
GUETIG = STDP | {"mu_plus": 0.4, "mu_minus": 0.6}
BEFORE = {"pre_trace": 1.0}
MODULATED = {
    "tau_tr_pre": 20.0,
    "tau_tr_post": 25.0,
    "tau_c": 300.0,
    "tau_n": 150.0,
    "b": 0.008,
    "A_plus": 0.26,
    "A_minus": 0.2,
    "Wmin": 0.0,
    "Wmax": 300.0,
}
ROWS: dict[str, Row] = {
    "static": Row("static", "static_synapse", {"w": "weight"}, {"w": 2.5}, 2.5),
    "stdp": Row("stdp", "stdp_synapse", PAIR, GUETIG, 20.0),
    "stdp, additive": Row(
        "stdp",
        "stdp_synapse",
        PAIR,
        STDP | {"lambda": 0.2, "mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 25.0},
        20.0,
    ),
    # these two begin as if there had been a presynaptic spike at 0
    "nearest, symmetric": Row(
        "stdp_nn_symm", "stdp_nn_symm_synapse", PAIR, GUETIG, 20.0, initial=BEFORE
    ),
    "nearest, restricted": Row(
        "stdp_nn_restr_symm",
        "stdp_nn_restr_synapse",
        PAIR,
        GUETIG,
        20.0,
        initial={**BEFORE, "pre_handled": False},
    ),
    "nearest, centred": Row(
        "stdp_nn_pre_centered", "stdp_nn_pre_centered_synapse", PAIR, GUETIG, 20.0
    ),
    "triplet": Row(
        "stdp_triplet",
        "stdp_triplet_synapse",
        TRIPLET,
        {
            "tau_plus": 15.0,
            "tau_x": 90.0,
            "tau_minus": 30.0,
            "tau_y": 110.0,
            "A2_plus": 2e-2,
            "A3_plus": 6e-2,
            "A2_minus": 7e-2,
            "A3_minus": 2e-2,
            "Wmax": 25.0,
        },
        20.0,
    ),
    "tsodyks": Row(
        "tsodyks",
        "tsodyks_synapse",
        TSODYKS | {"tau_psc": "tau_psc"},
        {"w": 250.0, "U": 0.1, "tau_fac": 300.0, "tau_rec": 120.0, "tau_psc": 4.0},
        250.0,
    ),
    "tsodyks, depressing": Row(
        "tsodyks",
        "tsodyks_synapse",
        TSODYKS | {"tau_psc": "tau_psc"},
        {"w": 100.0, "U": 0.5, "tau_fac": 0.0, "tau_rec": 800.0, "tau_psc": 3.0},
        100.0,
    ),
    # theirs begins with the u of its first spike
    "tsodyks2": Row(
        "tsodyks2",
        "tsodyks2_synapse",
        TSODYKS,
        {"w": 250.0, "U": 0.1, "tau_fac": 300.0, "tau_rec": 120.0},
        250.0,
        theirs={"u": 0.1},
    ),
    "dopamine": Row("stdp_dopamine", "stdp_dopamine_synapse", DOPAMINE, MODULATED, 100.0),
    "dopamine, bounded": Row(
        "stdp_dopamine",
        "stdp_dopamine_synapse",
        DOPAMINE,
        MODULATED | {"b": 0.0, "Wmin": 99.3, "Wmax": 100.5},
        100.0,
    ),
    # ours keeps to the bounds at all times, theirs at the ends of steps
    "dopamine, bounded, with baseline": Row(
        "stdp_dopamine",
        "stdp_dopamine_synapse",
        DOPAMINE,
        MODULATED | {"Wmin": 99.7, "Wmax": 101.0},
        100.0,
        tolerance=1e-6,
    ),
    # for theirs, spikes that meet make no pair
    "vogels": Row(
        "stdp_vogels",
        "vogels_sprekeler_synapse",
        VOGELS,
        {"eta": 0.1, "tau": 20.0, "alpha": 1.2, "Wmax": 25.0},
        20.0,
        meet=False,
    ),
}


@dataclass(frozen=True)
class Trains:
    """When the neurons fire, in steps."""

    pre: Any
    post: Any
    mod: Any


@cache
def trains(delay: float, meet: bool) -> Trains:
    """Return Poisson trains; with ``meet``, some reach the synapse together, otherwise none."""
    rng = np.random.default_rng(17)
    late = round(delay / DT)
    steps = np.arange(round((delay + 2.0) / DT), round(DURATION / DT))
    pre, post, mod = (
        steps[rng.random(len(steps)) < rate * DT / 1000] for rate in (RATE, RATE, RATE / 4)
    )
    if meet:
        post = np.union1d(post, pre[::9] - late)
        mod = np.union1d(mod, [*(pre[::7] - 1), *(post[::5] + late - 1)])
    else:
        post = np.setdiff1d(post, pre - late)
    # what makes a neuron fire must do so earlier
    return Trains(pre, post[post > 30], mod[mod > 30])


def job(row: Row, delay: float) -> dict[str, Any]:
    """Return what NEST is to do."""
    there: dict[str, float] = {}
    neuron: dict[str, float] = {}
    for name, value in row.parameters.items():
        for target in row.names[name].split(", "):
            if target.startswith("neuron "):
                neuron[target.removeprefix("neuron ")] = value
            elif target != "weight":
                there[target] = value
    fire = trains(delay, row.meet)
    return {
        "model": row.twin,
        "parameters": there,
        "neuron": neuron,
        "initial": dict(row.theirs),
        "weight": row.weight,
        "delay": delay,
        "dt": DT,
        "duration": DURATION + delay + 10.0,
        "pre": (fire.pre * DT).round(6).tolist(),
        "post": (fire.post * DT).round(6).tolist(),
        "mod": (fire.mod * DT).round(6).tolist() if row.ours == "stdp_dopamine" else [],
    }


def in_nest(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("nest_synapse.py"))],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout[done.stdout.index('{"results"') :])["results"]
    return [{name: np.array(values) for name, values in result.items()} for result in found]


@cache
def expected() -> dict[tuple[str, float], dict[str, Any]]:
    """Return times and weights of the built-in synapses, all from one process."""
    keys = [(case, delay) for case in ROWS for delay in DELAYS]
    results = in_nest([job(ROWS[case], delay) for case, delay in keys])
    return dict(zip(keys, results, strict=True))


def own_parameters(row: Row) -> dict[str, float]:
    p = dict(row.parameters)
    if row.ours == "stdp_vogels":
        p["rho_0"] = p.pop("alpha") / (2 * p["tau"]) * 1000.0
    return p


def beginning(row: Row) -> dict[str, Any]:
    plastic = any(d.symbol.name == "w" for d in nestml.load(row.ours).solved.state)
    return {**row.initial, "w": row.weight} if plastic else dict(row.initial)


def alone(row: Row, delay: float) -> Any:
    """Run our synapse with the spikes when they reach it."""
    fire, late = trains(delay, row.meet), round(delay / DT)
    arrivals = {"pre_spikes": fire.pre, "post_spikes": fire.post + late, "mod_spikes": fire.mod + 1}
    model = nestml.load(row.ours)
    ports = [p.symbol.name for p in model.solved.spike_ports]
    return model.simulate(
        DURATION,
        dt=DT,
        spikes={
            port: (arrivals[port][arrivals[port] <= DURATION / DT] * DT).round(6) for port in ports
        },
        parameters=own_parameters(row),
        initial=beginning(row),
        record=[],
        backend="reference",
    )


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("case", ROWS)
def test_same_weights_as_nest(case: str, delay: float) -> None:
    need_nest()
    row = ROWS[case]
    got, want = alone(row, delay), expected()[case, delay]
    assert len(want["times"]) > 60
    assert np.array_equal(got.spike_steps, np.rint(want["times"] / DT))
    assert np.abs(got.weights - want["weights"]).max() < row.tolerance
    if case != "static":
        assert np.ptp(want["weights"]) > 1.0, "the weight must change"


@pytest.mark.parametrize("delay", DELAYS)
def test_same_weights_in_a_network(delay: float) -> None:
    """All synapses at once, between neurons, where the network sees to the delays."""
    need_nest()
    net = nestml.Network(dt=DT)
    made = {}
    for meet in (True, False):
        fire = trains(delay, meet)
        pre, mod = (net.spike_source([(x * DT).round(6)]) for x in (fire.pre, fire.mod))
        # a relay: it fires in the step in which its input arrives, whatever the synapses pass on
        kicks = net.spike_source([((fire.post - 1) * DT).round(6)])
        relay = {"V_th": 1e6, "refr_T": 0.0}
        post = net.create("iaf_psc_delta", parameters=relay)
        net.connect(kicks, post, weight=1e9, delay=DT)
        for case, row in ROWS.items():
            if row.meet is meet:
                made[case] = net.connect(
                    pre,
                    post,
                    synapse=row.ours,
                    delay=delay,
                    parameters=own_parameters(row),
                    initial=beginning(row),
                    inputs={"mod_spikes": (mod, DT)} if row.ours == "stdp_dopamine" else {},
                )
    result = net.run(DURATION)
    for case, connections in made.items():
        times, _, weights = result.emitted(connections)
        want = expected()[case, delay]
        assert np.array_equal(np.rint(times / DT), np.rint(want["times"] / DT)), case
        assert np.abs(weights - want["weights"]).max() < ROWS[case].tolerance, case


def test_trains_meet() -> None:
    """What the comparison is worth at spikes that meet."""
    for delay in DELAYS:
        late = round(delay / DT)
        together = trains(delay, True)
        assert len(np.intersect1d(together.pre, together.post + late)) >= 5
        assert len(np.intersect1d(together.pre, together.mod + 1)) >= 5
        apart = trains(delay, False)
        assert not len(np.intersect1d(apart.pre, apart.post + late))


def test_quantal_release_has_nests_statistics() -> None:
    """The same numbers of releases in a long train, as far as chance can tell."""
    need_nest()
    rng = np.random.default_rng(19)
    pre = np.unique(np.rint(np.cumsum(rng.exponential(40.0, 3000) + 0.5))) + 10.0
    p = {"U": 0.3, "tau_rec": 60.0, "tau_fac": 40.0, "n": 4}
    task = {
        "model": "quantal_stp_synapse",
        "parameters": {},
        "neuron": {},
        "initial": {**p, "u": p["U"], "a": p["n"]},
        "weight": 1.0,
        "delay": 1.0,
        "dt": 1.0,
        "duration": float(pre[-1]) + 20.0,
        "pre": pre.tolist(),
        "post": [],
        "mod": [],
    }
    (want,) = in_nest([task])
    got = nestml.load("quantal_stp").simulate(
        float(pre[-1]) + 1.0,
        dt=1.0,
        spikes={"pre_spikes": pre.tolist()},
        parameters=p,
        record=[],
        seed=5,
        backend="reference",
    )
    counts = []
    for weights in (got.weights, want["weights"]):
        released = np.bincount(weights.astype(int), minlength=5)
        released[0] = len(pre) - released[1:].sum()
        counts.append(np.append(released[:3], released[3:].sum()))
    assert min(map(min, counts)) > 50
    assert stats.chi2_contingency(np.array(counts)).pvalue > 1e-4


def pairing(dt: float, rate: float, lag: float) -> tuple[float, float]:
    """Return how much five pairings change the weight, in NEST and here, at the same potential."""
    pre = 20.0 + 1000.0 / rate * np.arange(5)
    task = {
        "model": "clopath",
        "neuron": {
            "V_m": -70.6,
            "E_L": -70.6,
            "V_reset": -60.0,
            "theta_minus": -70.6,
            "theta_plus": -45.3,
            "A_LTD": 14e-5,
            "A_LTP": 8e-5,
            # the shortest there is: the equations have none
            "delay_u_bars": dt,
        },
        "weight": 0.5,
        "dt": dt,
        "duration": float(pre[-1]) + 120.0,
        # a spike late enough to see what those before did
        "pre": np.append(pre, pre[-1] + 80.0).round(6).tolist(),
        "post": (pre + lag).round(6).tolist(),
    }
    (theirs,) = in_nest([task])
    ours = nestml.load("clopath").simulate(
        float(theirs["times"][-1]),
        dt=dt,
        spikes={"pre_spikes": task["pre"]},
        currents={"V": (theirs["times"], theirs["V_m"])},
        initial={"w": 0.5},
        record=[],
        backend="reference",
    )
    return theirs["weights"][-1] - 0.5, ours.weights[-1] - 0.5


@pytest.mark.parametrize(
    ("rate", "lag", "sign"), [(20.0, 10.0, 1), (20.0, -10.0, -1), (50.0, -10.0, 1)]
)
def test_voltage_based_plasticity_tends_to_nests(rate: float, lag: float, sign: int) -> None:
    """NEST's takes the potential and its filtered values a step late, with one Euler step: the
    difference is of first order in the step."""
    need_nest()
    (coarse, ours_coarse), (fine, ours_fine) = (pairing(dt, rate, lag) for dt in (0.1, 0.025))
    assert sign * fine > 0.005
    assert ours_fine == pytest.approx(fine, rel=0.04)
    assert abs(ours_fine - fine) < 0.4 * abs(ours_coarse - coarse)
