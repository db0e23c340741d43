"""Leaky models: what approximations are worth, what is refused, and what it says."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models_under_test import BACKEND, built, by_reference, codes_of, library, on_chip, solved
from nestml_truenorth.approximation import fitted, interval, leak_cells, leaky_interval
from nestml_truenorth.ir import NeuronProgram
from nestml_truenorth.options import Options

from nestml_core.api import Experiment, Result

LEAKY = """\
model leaky:
    state:
        V mV = -65 mV
        g_in real = 0

    equations:
        kernel decay = exp(-t / tau_syn)
        V' = -(V - rest) / tau + convolve(decay, spikes) * jump / tau_syn

    parameters:
        tau ms = 12 ms
        tau_syn ms = 3 ms
        rest mV = -65 mV
        top mV = -50 mV
        jump mV = 1 mV

    input:
        spikes <- spike

    output:
        spike

    update:
        integrate_odes()

    onCondition(V >= top):
        V = rest
        emit_spike()
"""


@lru_cache
def lowered(name: str, **options: Any) -> Result[Any]:
    return BACKEND.lower(library(name), Options(**options))


def made(name: str, **options: Any) -> NeuronProgram:
    result = lowered(name, **options)
    assert result.value is not None, result.diagnostics
    assert codes_of(result.diagnostics) == ["TN209"]
    return result.value.neurons[0]  # type: ignore[no-any-return]


def figures(name: str, **options: Any) -> dict[str, float]:
    return {m.what: m.value for m in made(name, **options).metrics}


F_I = "rates under constant current: rms relative error"
EXACTLY = "the same, of the chip against continuous time"
POISSON = "rates under random spikes: largest error"
PREDICTED = "noise, predicted, as part of threshold"
MEASURED = "noise, measured, as part of threshold"
FALSE = "false rate at 95 % of rheobase"


@pytest.mark.parametrize("name", ["iaf_psc_delta", "iaf_psc_exp"])
def test_stochastic_leak(name: str) -> None:
    found = figures(name, strategy="stochastic-exp")
    assert found[F_I] <= 0.05
    assert found[POISSON] <= 5
    assert abs(found[PREDICTED] / found[MEASURED] - 1) <= 0.1
    assert made(name, strategy="stochastic-exp").neuron_count <= 128


def test_stochastic_leak_on_a_finer_grid() -> None:
    found = figures("iaf_psc_delta", strategy="stochastic-exp", tick=0.25)
    assert found[EXACTLY] <= 0.05
    assert found["largest error against continuous time"] <= 8
    assert found[POISSON] <= 5
    assert abs(found[PREDICTED] / found[MEASURED] - 1) <= 0.1


def test_constant_leak_is_refused_unless_its_error_is_accepted() -> None:
    refused = lowered("iaf_psc_delta", strategy="linear")
    assert refused.value is None
    assert codes_of(refused.errors) == ["TN208"]
    assert "0.105" in refused.errors[0].message
    assert "false rate at 95 % of rheobase" in refused.errors[0].message
    assert "max_error" in refused.errors[0].help
    found = figures("iaf_psc_delta", strategy="linear", max_error=0.15)
    assert 0.05 < found[F_I] <= 0.15
    assert 5 < found[FALSE] < 25, "it fires where the model is silent, and says so"


def test_constant_leak_has_no_synaptic_currents() -> None:
    refused = lowered("iaf_psc_exp", strategy="linear")
    assert codes_of(refused.errors) == ["TN108"]


def test_auto_takes_what_is_within_the_tolerance() -> None:
    assert BACKEND.lower(library("pif_psc_delta"), Options(strategy="auto")).value is not None
    assert made("iaf_psc_delta", strategy="auto").strategy == "stochastic-exp"
    assert made("iaf_psc_delta", strategy="auto", max_error=0.15).strategy == "linear"


def test_a_budget_of_neurons() -> None:
    refused = lowered("iaf_psc_delta", strategy="stochastic-exp", neurons=20)
    assert codes_of(refused.errors) == ["TN207"]


def test_kernels_and_models_without_refractory_period() -> None:
    text = LEAKY.replace("        g_in real = 0\n", "")
    result = BACKEND.lower(solved(text), Options(strategy="stochastic-exp", max_error=0.5))
    assert result.value is not None, result.diagnostics
    found = {m.what: m.value for m in result.value.neurons[0].metrics}
    assert abs(found[PREDICTED] / found[MEASURED] - 1) <= 0.1


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("delta")
    return built(library("iaf_psc_delta"), folder, strategy="stochastic-exp")


class TestRuns:
    """Experiments on generated files; rates within a few spikes per second."""

    def test_current(self, artifact: Any) -> None:
        """A stepwise current, as spikes on the membrane's axons."""
        times, values = [0.0, 500.0, 1000.0], [200.0, 500.0, 900.0]
        experiment = Experiment(duration=1500, dt=1.0, currents={"I_stim": (times, values)})
        ours, theirs = (
            on_chip(artifact, experiment).value,
            by_reference(artifact.program, experiment),
        )
        assert ours is not None
        for first in (0, 500, 1000):
            counts = [
                int(((x.spike_steps > first) & (x.spike_steps <= first + 500)).sum())
                for x in (ours, theirs)
            ]
            assert abs(counts[0] - counts[1]) <= 3
        early = slice(100, 480)
        assert abs(ours["V_m"][early].mean() - theirs["V_m"][early].mean()) < 0.3

    def test_what_is_recorded_after_a_spike(self, artifact: Any) -> None:
        experiment = Experiment(duration=300, dt=1.0, currents={"I_stim": 900.0})
        ours = on_chip(artifact, experiment).value
        assert ours is not None
        at = ours.spike_steps[:-1]
        assert set(ours["refr_steps"][at - 1]) == {2.0}
        assert set(ours["refr_steps"][at]) == {1.0}
        assert set(ours["V_m"][at]) == {-70.0}

    def test_settings_of_an_experiment(self, artifact: Any) -> None:
        """A constant current as a parameter becomes part of the leak: 800 pA are 32 mV."""
        experiment = Experiment(duration=1000, dt=1.0, parameters={"I_e": 800.0})
        ours, theirs = (
            on_chip(artifact, experiment).value,
            by_reference(artifact.program, experiment),
        )
        assert ours is not None
        assert len(theirs.spike_steps) > 80
        assert abs(len(ours.spike_steps) - len(theirs.spike_steps)) <= 5

    def test_inhibition_is_warned_of(self, artifact: Any) -> None:
        experiment = Experiment(duration=50, dt=1.0, spikes={"spikes": [(10, -3.0)]})
        ran = on_chip(artifact, experiment)
        assert codes_of(ran.diagnostics) == ["TN305"]
        assert ran.value is not None
        assert ran.value["V_m"].min() == -70

    def test_other_seeds_are_other_noise(self, artifact: Any, tmp_path: Path) -> None:
        other = built(library("iaf_psc_delta"), tmp_path, strategy="stochastic-exp", rng_seed=2)
        experiment = Experiment(duration=500, dt=1.0, currents={"I_stim": 450.0})
        a, b = (on_chip(x, experiment).value for x in (artifact, other))
        assert a is not None
        assert b is not None
        assert a.spike_steps.tolist() != b.spike_steps.tolist()
        again = on_chip(artifact, experiment).value
        assert again is not None
        assert np.array_equal(a["V_m"], again["V_m"])


class TestNumbers:
    @pytest.mark.parametrize("rate", [0.02469, 0.09516, 0.3935])
    @pytest.mark.parametrize("most", [7, 17, 56])
    def test_leak_cells(self, rate: float, most: int) -> None:
        cells = leak_cells(rate, 12, most)
        assert 0.7 * most <= cells.number <= most
        assert abs(cells.rate / rate - 1) < 0.06

    def test_intervals(self) -> None:
        assert interval(61, 51, 566) == 57
        assert interval(50, 51, 566) == float("inf")
        assert leaky_interval(2.0, 0.1) == 7
        assert leaky_interval(1.0, 0.1) == float("inf")
        assert leaky_interval(2.0, 0.1, restart=0.9) == 1

    def test_fit(self) -> None:
        """Between the leak that gives the right rheobase, 64, and that for high rates, 32."""
        loss, threshold = fitted(640, 0.1, 2, 0.0)
        assert 32 < loss < 64
        assert 500 < threshold < 640
