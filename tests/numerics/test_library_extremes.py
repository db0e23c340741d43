"""Models of the library where parameters or inputs are legal and extreme."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import nestml_core
from nestml_core.stimuli import poisson_train

AEIF = (
    "aeif_cond_alpha",
    "aeif_cond_alpha_alt",
    "aeif_cond_alpha_astro",
    "aeif_cond_exp",
    "aeif_psc_alpha",
    "aeif_psc_exp",
)
BETA = {
    "hill_tononi": ("GABA_A", "g_GABA_A", "GABA_A_Tau_1", "GABA_A_Tau_2", "GABA_A_g_peak"),
    "iaf_cond_beta": ("exc_spikes", "g_exc", "tau_syn_rise_E", "tau_syn_decay_E", ""),
    "traub_cond_multisyn": ("AMPA", "g_AMPA", "tau_AMPA_1", "tau_AMPA_2", "AMPA_g_peak"),
    "wb_cond_multisyn": ("NMDA", "g_NMDA", "NMDA_Tau_1", "NMDA_Tau_2", "NMDA_g_peak"),
}


@pytest.mark.parametrize(
    ("rise", "decay"), [(2.0, 2.0), (2.0, 2.0 + 1e-9), (2.0, 2.001), (4.0, 1.0)]
)
@pytest.mark.parametrize("name", BETA)
def test_time_constants_may_be_equal(name: str, rise: float, decay: float) -> None:
    """The difference of exponentials has the alpha function for its limit, and is symmetric."""
    port, conductance, first, second, peak = BETA[name]
    model = nestml_core.load(name)
    run = model.simulate(
        20.0,
        parameters={first: rise, second: decay},
        spikes={port: [(1.0, 1.5)]},
        backend="reference",
    )
    t = run.times - 1.0
    if abs(rise - decay) < 1e-6:
        shape = t / 2 * np.exp(1 - t / 2)
    else:
        top = np.log(decay / rise) * rise * decay / (decay - rise)
        scale = np.exp(-top / decay) - np.exp(-top / rise)
        shape = (np.exp(-t / decay) - np.exp(-t / rise)) / scale
    height = 1.5 * (model.parameters[peak] if peak else 1.0)
    expected = np.where(t > 0, height * shape, 0.0)
    assert run[conductance] == pytest.approx(expected, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize(
    "case",
    [
        {"initial": {"V_m": 0.0}, "currents": {"I_stim": -1e7}},
        {"initial": {"V_m": 0.0}, "parameters": {"refr_T": 0.0, "I_e": 1e6}},
        {"parameters": {"Delta_T": 0.05, "I_e": 1000.0}},
        {"parameters": {"tau_w": 0.001, "refr_T": 0.0, "I_e": 1000.0}, "duration": 20.0},
    ],
    ids=["falling", "driven", "sharp", "quick adaptation"],
)
@pytest.mark.parametrize("name", AEIF)
def test_adaptive_exponential_neurons_stay_finite(name: str, case: Mapping[str, Any]) -> None:
    case = {"duration": 50.0, **case}
    run = nestml_core.load(name).simulate(**case, backend="reference")
    assert all(np.isfinite(run[quantity]).all() for quantity in run.recorded)
    assert len(run.spikes) > 0 or case["currents"]["I_stim"] < 0


def test_inhibition_at_the_moment_of_a_spike() -> None:
    """V_m is beyond V_peak, where it falls by now: the adaptation takes its step all the same."""
    model = nestml_core.load("aeif_psc_exp")
    free = model.simulate(20.0, parameters={"I_e": 1000.0}, backend="reference")
    first = free.spikes[0]
    stopped = model.simulate(
        20.0,
        parameters={"I_e": 1000.0},
        spikes={"inh_spikes": [(first, 1e15)]},
        backend="reference",
    )
    k = int(free.spike_steps[0]) - 1
    assert stopped.spikes.tolist() == [first]
    assert stopped["w"][k] - stopped["w"][k - 1] == pytest.approx(
        free["w"][k] - free["w"][k - 1], rel=0.01
    )


def test_no_refractory_period_of_adaptive_exponential_neurons() -> None:
    """The same equations in three files spike in the same steps."""
    runs = [
        nestml_core.load(name).simulate(
            50.0, parameters={"refr_T": 0.0, "I_e": 1500.0}, backend="reference"
        )
        for name in ("aeif_cond_alpha", "aeif_cond_alpha_alt", "aeif_cond_alpha_astro")
    ]
    first = runs[0].spike_steps.tolist()
    assert len(first) > 5
    assert all(run.spike_steps.tolist() == first for run in runs)


@pytest.mark.parametrize(
    ("name", "current"), [("izhikevich", 10.0), ("izhikevich_psc_alpha", 1000.0)]
)
def test_quadratic_neurons_say_that_a_step_is_too_long(name: str, current: float) -> None:
    """A parabola reaches infinity within a step of 1 ms, but not in one of 0.1 ms."""
    model = nestml_core.load(name)
    what: dict[str, Any] = {"currents": {"I_stim": current}, "backend": "reference"}
    assert len(model.simulate(200.0, 0.1, **what).spikes) > 3
    with pytest.raises(nestml_core.ModelError, match=r"a smaller dt may help"):
        model.simulate(200.0, 1.0, **what)


def test_morris_lecar_far_beyond_its_reversal_potentials() -> None:
    run = nestml_core.load("morris_lecar").simulate(
        20.0, spikes={"spikes": [(5.0, 1e4)]}, backend="reference"
    )
    assert np.isfinite(run["V_m"]).all()
    assert abs(run["V_m"][-1]) < 100.0


def test_phase_of_the_theta_neuron_stays_on_the_circle() -> None:
    run = nestml_core.load("theta_neuron").simulate(
        20.0, 1.0, currents={"I_stim": 1e4}, backend="reference"
    )
    assert np.abs(run["theta"]).max() <= np.pi


def test_calcium_of_the_astrocyte_stays_within_its_bounds() -> None:
    model = nestml_core.load("astrocyte_lr_1994")
    for noise in (-0.01, 0.5):
        run = model.simulate(50.0, currents={"J_noise": noise}, backend="reference")
        assert 0.0 <= run["Ca_astro"].min() <= run["Ca_astro"].max() <= 2.0


@pytest.mark.parametrize(
    ("name", "excitation", "inhibition"),
    [("wb_cond_exp", "exc_spikes", "inh_spikes"), ("wb_cond_multisyn", "AMPA", "GABA_A")],
)
def test_interneurons_do_not_count_epsps(name: str, excitation: str, inhibition: str) -> None:
    """Action potentials begin with an upward crossing of 0 mV."""
    run = nestml_core.load(name).simulate(
        300.0,
        spikes={
            excitation: poisson_train(600.0, 50.0, 300.0, 0.1, seed=1),
            inhibition: poisson_train(200.0, 50.0, 300.0, 0.1, seed=2),
        },
        backend="reference",
    )
    v = run["V_m"]
    assert len(run.spikes) == np.count_nonzero((v[:-1] < 0.0) & (v[1:] >= 0.0)) > 1
