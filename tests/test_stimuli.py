"""Random spike trains, and the stimulus for models that nobody gave one."""

from __future__ import annotations

import numpy as np
import pytest

from nestml_core.experiment import Experiment
from nestml_core.loading import LoadedModel
from nestml_core.pipeline import compile_files
from nestml_core.stimuli import poisson_train, standard_stimulus


def test_a_train_has_its_rate_and_lies_on_the_grid() -> None:
    train = poisson_train("0.5 kHz", 2.0, "20 s", 0.1, seed=5)
    times = np.array([t for t, _ in train])
    assert {w for _, w in train} == {2.0}
    assert len(times) == pytest.approx(10_000, abs=5 * 100)  # five standard deviations
    assert np.abs(times / 0.1 - np.rint(times / 0.1)).max() < 1e-6
    assert times.min() > 0
    assert times.max() <= 20_000 + 1e-6
    assert (np.diff(times) == 0).any(), "a step may hold several spikes"


def test_a_seed_makes_a_train() -> None:
    assert poisson_train(400, 1, 1000, 0.1, seed=1) == poisson_train(400, 1, 1000, 0.1, seed=1)
    assert poisson_train(400, 1, 1000, 0.1, seed=1) != poisson_train(400, 1, 1000, 0.1, seed=2)


@pytest.mark.parametrize("name", ["iaf_psc_delta", "iaf_psc_exp", "izhikevich", "pif_psc_delta"])
def test_the_standard_stimulus_makes_models_fire(name: str) -> None:
    program = compile_files([name]).value
    assert program is not None
    model = program.models[0]
    experiment, said = standard_stimulus(model, Experiment(duration=200.0))
    assert all(p.symbol.name in said for p in (*model.spike_ports, *model.continuous_ports))
    assert len(LoadedModel(model).run(experiment, "reference").spikes) >= 3
