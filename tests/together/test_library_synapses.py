"""The synapses of the library against NEST's own: the same weight at every presynaptic spike.

NESTML_SYNAPSE_SECONDS=100 takes longer trains.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from scipy import stats
from synapses import DELAYS, DT, DURATION, ROWS, Row, job_of_twin, trains
from together_tools import need_nest

import nestml_core as nestml

RUNS = Path(__file__).parents[2] / "plugins/nestml-nest/tests/synapse_runs.py"
TWINS = {case: row for case, row in ROWS.items() if row.twin}


def in_nest(script: Path, *arguments: str, given: Any) -> Any:
    """Return what a script that uses NEST makes of ``given``."""
    with TemporaryDirectory() as folder:
        source, sink = Path(folder, "in.json"), Path(folder, "out.json")
        source.write_text(json.dumps(given), encoding="utf-8")
        command = [sys.executable, str(script), *arguments, str(source), str(sink)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return json.loads(sink.read_text(encoding="utf-8"))


def weights_in_nest(jobs: list[dict[str, Any]], duration: float, **fields: Any) -> list[Any]:
    """Return what NEST's own synapses pass on: times and weights."""
    given = {"modules": [], "jobs": jobs, "duration": duration, **fields}
    found = in_nest(RUNS, "weights", given=given)
    return [(np.array(times), np.array(weights)) for times, weights in found]


@cache
def expected() -> dict[tuple[str, float], tuple[Any, Any]]:
    """Return times and weights of the built-in synapses, all from one process."""
    keys = [(case, delay) for case in TWINS for delay in DELAYS]
    jobs = [job_of_twin(TWINS[case], delay) for case, delay in keys]
    return dict(zip(keys, weights_in_nest(jobs, DURATION + 20.0), strict=True))


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
        parameters=dict(row.parameters),
        initial=dict(row.initial),
        record=[],
        backend="reference",
    )


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("case", TWINS)
def test_same_weights_as_nest(case: str, delay: float) -> None:
    need_nest()
    row = TWINS[case]
    got, (times, weights) = alone(row, delay), expected()[case, delay]
    assert len(times) > 40
    assert np.array_equal(got.spike_steps, np.rint(times / DT))
    assert np.abs(got.weights - weights).max() < row.tolerance
    if case != "static":
        assert np.ptp(weights) > 1.0, "the weight must change"


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
        for case, row in TWINS.items():
            if row.meet is meet:
                made[case] = net.connect(
                    pre,
                    post,
                    synapse=row.ours,
                    delay=delay,
                    parameters=dict(row.parameters),
                    initial=dict(row.initial),
                    inputs={"mod_spikes": (mod, DT)} if row.ours == "stdp_dopamine" else {},
                )
    result = net.run(DURATION)
    for case, connections in made.items():
        times, _, weights = result.emitted(connections)
        at, want = expected()[case, delay]
        assert np.array_equal(np.rint(times / DT), np.rint(at / DT)), case
        assert np.abs(weights - want).max() < TWINS[case].tolerance, case


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
        "synapse": "quantal_stp_synapse",
        "parameters": p,
        "values": {"u": p["U"], "a": p["n"], "weight": 1.0},
        "neuron": "parrot_neuron",
        "properties": {},
        "delay": 1.0,
        "pre": pre.tolist(),
        "post": [],
    }
    ((_, want),) = weights_in_nest([task], float(pre[-1]) + 20.0, resolution=1.0)
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
    for weights in (got.weights, want):
        released = np.bincount(weights.astype(int), minlength=5)
        released[0] = len(pre) - released[1:].sum()
        counts.append(np.append(released[:3], released[3:].sum()))
    assert min(map(min, counts)) > 50
    assert stats.chi2_contingency(np.array(counts)).pvalue > 1e-4


def pairing(dt: float, rate: float, lag: float) -> tuple[float, float]:
    """Return how much five pairings change the weight, in NEST and here, at the same potential."""
    pre = 20.0 + 1000.0 / rate * np.arange(5)
    task = {
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
    theirs = in_nest(Path(__file__).with_name("nest_synapse.py"), given=task)
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
