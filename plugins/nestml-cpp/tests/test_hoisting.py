"""What moves out of the step, and that its value stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from generated_programs import Neuron, generate, solved

from nestml_core.api import Experiment
from nestml_core.experiment import schedule
from nestml_core.reference import simulate as interpret

MODEL = """
model cable:
    state:
        x real = 0.3
        y real = -0.2
        z real = 0.1
    parameters:
        tau ms = 10 ms
        C pF = 250 pF
        g nS = 12 nS
        k integer = 3
        a real = 0.7
    equations:
        x' = -(x - a) / tau + g / C * (y - x) * (2 * 3) / 4 + k / 2 / tau
        y' = (x * y * g) / (C * (1 + x**2)) - exp(-1 / a) * y / tau / k
        z' = -z / tau * 0 + a * a / tau + min(x, y) / 1 ms / 100
    update:
        integrate_odes()
"""


def test_constants_are_hoisted(tmp_path: Path) -> None:
    header = generate(solved(MODEL), tmp_path)["cable.hpp"]
    slopes = header[header.index("slope[0]") : header.index("dormand_prince(f")]
    assert "p.tau" not in slopes
    assert "p.C" not in slopes
    assert "exp(" not in slopes
    assert "d.constant_1" in slopes
    derive = header[header.index("void derive()") :]
    assert "std::exp(-1.0 / p.a)" in derive


def test_values_stay(neuron: Callable[..., Neuron]) -> None:
    made = neuron(MODEL)
    laid = schedule(
        Experiment(duration=30.0, parameters={"tau": 4.0, "k": 2, "a": 1.3}), made.model
    )
    assert laid.value is not None
    exact = interpret(made.model, laid.value).value
    assert exact is not None
    trace = made.run(30.0, parameters={"tau": 4.0, "k": 2, "a": 1.3})
    for name in ("x", "y", "z"):
        assert trace[name] == pytest.approx(exact[name], rel=1e-12)
    assert np.ptp(trace["x"]) > 0.1
