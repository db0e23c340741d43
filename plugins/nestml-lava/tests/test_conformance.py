"""The backend keeps what it claims: the conformance kit, in-process and in Lava's runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from nestml_lava.backend import LavaBackend

from nestml_core import testing
from nestml_core.api import Experiment
from nestml_core.experiment import schedule
from nestml_core.reference import simulate
from nestml_core.testing import BackendConformance

LIBRARY = ("iaf_psc_delta", "iaf_psc_exp", "izhikevich", "pif_psc_delta")
CASES = [
    (name, case.title)
    for name in LIBRARY
    for case in testing.cases(testing.models()[name], 0.1)
    if case.title != "no input"
]
CASES += [
    ("delayed", "Poisson trains"),
    ("kernel_oscillating", "Poisson trains"),
    ("vector_ports", "Poisson trains"),
    ("vectors", "other parameters"),
]


class TestInProcess(BackendConformance):
    """All of the corpus without Lava's runtime, which costs a second or more a run."""

    backend = LavaBackend()

    def options_for(self, options: Any, experiment: Experiment) -> Any:
        return replace(options, runtime="inproc")


@pytest.mark.usefixtures("lava")
@pytest.mark.parametrize(("name", "title"), CASES)
def test_models_in_the_runtime_of_lava(name: str, title: str, built: Callable[..., Any]) -> None:
    """With sources, channels and processes as a network has them."""
    model = testing.models()[name]
    case = next(c for c in testing.cases(model, 0.1) if c.title == title)
    laid = schedule(case.experiment, model)
    assert laid.value is not None
    expected = simulate(model, laid.value).value
    assert expected is not None
    trace = built(model, runtime="lava").simulate(case.experiment)
    assert np.array_equal(trace.spike_steps, expected.spike_steps)
    for recorded, exact in expected.values.items():
        error = np.abs(trace[recorded] - exact) / np.maximum(1.0, np.abs(exact))
        assert error.max() <= LavaBackend.supports.tolerance, recorded
