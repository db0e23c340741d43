"""Hodgkin-Huxley neurons against NEST's own in steps so short that NEST's integrator is exact too.

The accuracy of its RKF45 cannot be set in these models, but no internal step of it is longer than
one of the simulation: with shorter steps the traces of equal equations must approach each other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from library_twins import (
    HH_COND_EXP_TRAUB,
    HH_PSC_ALPHA,
    HILL_TONONI,
    Spikes,
    Stimulus,
    Twin,
    experiment,
    job,
    load,
    run_in_nest,
    train,
)
from together_tools import need_nest

DT, DURATION = 0.002, 40.0


def dense(rate: float, weight: float, seed: int) -> Spikes:
    return train(rate, weight, seed, DURATION)


SIGNED = {"exc_spikes": dense(800, 20.0, 81), "inh_spikes": dense(400, 4.0, 82)}
CURRENTS = {"exc_spikes": dense(800, 900.0, 83), "inh_spikes": dense(400, 100.0, 84)}
TRAINS = {
    "AMPA": dense(500, 50.0, 85),
    "NMDA": dense(500, 20.0, 86),
    "GABA_A": dense(200, 10.0, 87),
    "GABA_B": dense(200, 20.0, 88),
}
STEP = ([10.0, 25.0], [100.0, -200.0])

CASES: list[tuple[Twin, Stimulus, float]] = [
    (HH_PSC_ALPHA, Stimulus({"I_e": 500.0}, CURRENTS, STEP, DURATION), 1e-6),
    (HH_COND_EXP_TRAUB, Stimulus({"I_e": 100.0}, SIGNED, STEP, DURATION), 1e-6),
    (HILL_TONONI, Stimulus({"t_spike": 1.0}, TRAINS, ([10.0, 25.0], [10.0, 0.0]), DURATION), 1e-6),
]


@pytest.mark.parametrize(
    ("twin", "stimulus", "tolerance"), CASES, ids=[twin.model for twin, _, _ in CASES]
)
def test_equations_are_nests(twin: Twin, stimulus: Stimulus, tolerance: float) -> None:
    need_nest()
    model = load(twin)
    laid: dict[str, Any] = job(twin, stimulus, model.parameters)
    (found,) = run_in_nest([laid | {"dt": DT}])
    run = model.run(replace(experiment(twin, stimulus), dt=DT), "reference")
    steps = run.trace.steps
    at = np.rint(found["spikes"] / DT).astype(int)
    assert len(at) > 1
    assert run.spike_steps.tolist() == at[at <= steps].tolist()
    assert np.allclose(found["times"][:steps], run.times, rtol=0, atol=1e-9)
    for ours, theirs in twin.record.items():
        sign = -1.0 if ours in twin.opposite else 1.0
        assert np.abs(run[ours] - sign * found[theirs][:steps]).max() < tolerance, ours
