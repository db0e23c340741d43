"""The tutorial model with vectors: a Poisson process whose rate is given by two lists."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from nestml_core import plugins
from nestml_core.loading import LoadedModel, load

PACKAGE = os.environ.get("NESTML_PEER_PACKAGE", "")
NAME = "inhomogeneous_poisson"

pytestmark = pytest.mark.skipif(not PACKAGE, reason="set NESTML_PEER_PACKAGE, or use tox -e peers")


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    path = Path(PACKAGE) / "doc" / "tutorials" / NAME / f"{NAME}.nestml"
    loaded = load(path)
    assert not [d for d in loaded.diagnostics if d.is_error]
    return loaded


@pytest.mark.parametrize("backend", ["reference", "cpp"])
def test_spikes_come_at_the_rates_that_were_set(model: LoadedModel, backend: str) -> None:
    """The model takes a rate of r per ms as r / 1000: 100 stands for 100 spikes a second."""
    if backend != "reference" and not plugins.find(backend).backends:
        pytest.skip(f"nestml-{backend} is not installed")
    times, rates = [0.0, 10_000.0, 15_000.0, 16_000.0], [40.0, 200.0, 0.0, 90.0]
    run = model.simulate(
        30_000.0,
        dt=1.0,
        parameters={"N": 4, "rate_times": times, "rate_values": rates},
        backend=backend,
        seed=5,
    )
    edges = [*times, 30_000.0]
    counts, _ = np.histogram(run.spikes - 0.5, edges)
    for count, rate, begin, end in zip(counts, rates, edges, edges[1:], strict=False):
        # one spike at most in each step: it comes with the probability 1 - exp(-rate dt)
        p = 1 - np.exp(-rate * 1e-3)
        n = end - begin
        assert abs(count - n * p) <= 5 * np.sqrt(n * p * (1 - p))
    assert run["idx"][-1] == 3


def test_the_default_is_silent(model: LoadedModel) -> None:
    assert len(model.simulate(100.0, backend="reference").spikes) == 0
