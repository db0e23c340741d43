"""Models of the library that are no twins of others: against closed forms, SciPy and statistics.

Right-hand sides are typed here from the publications, in textbook form. Times are in ms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy import cosh, exp, tanh
from scipy.integrate import quad, solve_ivp

import nestml_core
from nestml_core import Run

DT = 0.1

Values = Sequence[float]


def run(model: str, duration: float, dt: float = DT, **experiment: Any) -> Run:
    return nestml_core.load(model).simulate(duration, dt, backend="reference", **experiment)


# flows, against SciPy


def fitzhugh(x: Values) -> list[float]:
    v, w = x
    return [v - v**3 / 3 - w + 0.5, 0.08 * (v + 0.7 - 0.8 * w)]


def morris(x: Values) -> list[float]:
    v, w = x
    m = 0.5 * (1 + tanh((v + 1.2) / 18))
    current = 4.4 * m * (v - 120) + 8 * w * (v + 84) + 2 * (v + 60)
    return [(100 - current) / 20, 0.04 * cosh((v - 2) / 60) * (0.5 * (1 + tanh((v - 2) / 30)) - w)]


def hindmarsh(x: Values) -> list[float]:
    x1, y, z = x
    return [
        y - x1**3 + 3 * x1**2 - z + 3.25,
        1 - 5 * x1**2 - y,
        0.005 * (4 * (x1 + 1.6) - z),
    ]


def wilson(x: Values) -> list[float]:
    def s(u: float, a: float, theta: float) -> float:
        return 1 / (1 + exp(-a * (u - theta))) - 1 / (1 + exp(a * theta))

    excited, inhibited = x
    k_e, k_i = 1 - 1 / (1 + exp(1.3 * 4)), 1 - 1 / (1 + exp(2 * 3.7))
    s_e = s(16 * excited - 12 * inhibited + 1.25, 1.3, 4)
    s_i = s(15 * excited - 3 * inhibited, 2, 3.7)
    return [
        (-excited + (k_e - excited) * s_e) / 10,
        (-inhibited + (k_i - inhibited) * s_i) / 10,
    ]


def li_rinzel(x: Values) -> list[float]:
    ip3, ca, h = x
    store = (2 - ca) / 0.185
    gate = ip3 / (ip3 + 0.13) * ca / (ca + 0.08234) * h
    q = 1.049 * (ip3 + 0.13) / (ip3 + 0.9434)
    return [
        (0.16 - ip3) / 7142,
        0.185 * (0.006 * gate**3 + 0.00011) * (store - ca) - 0.0009 * ca**2 / (0.01 + ca**2),
        0.0002 * (q * (1 - h) - ca * h),
    ]


FLOWS: dict[str, tuple[Callable[[Values], list[float]], dict[str, Any], dict[str, float]]] = {
    "fitzhugh_nagumo": (fitzhugh, {"I_e": 0.5}, {"v": -1.1994, "w": -0.62426}),
    "morris_lecar": (morris, {"I_e": 100.0}, {"V_m": -60.855, "w": 0.014915}),
    "hindmarsh_rose": (hindmarsh, {"I_e": 3.25}, {"x": -1.6, "y": -11.8, "z": 0.0}),
    "wilson_cowan": (wilson, {"P": 1.25}, {"E": 0.0, "I": 0.0}),
    "astrocyte_lr_1994": (li_rinzel, {}, {"IP3": 0.5, "Ca_astro": 0.073, "h_IP3R": 0.793}),
}


@pytest.mark.parametrize("model", FLOWS)
def test_flows_are_those_of_the_publications(model: str) -> None:
    rhs, parameters, initial = FLOWS[model]
    duration = 5000.0 if model == "astrocyte_lr_1994" else 150.0
    dt = 10.0 if model == "astrocyte_lr_1994" else DT
    got = run(model, duration, dt, parameters=parameters, initial=initial, record=[*initial])
    truth = solve_ivp(
        lambda _, x: rhs(x),
        (0, duration),
        [*initial.values()],
        method="DOP853",
        t_eval=got.times,
        rtol=1e-11,
        atol=1e-13,
    )
    for name, want in zip(initial, truth.y, strict=True):
        assert np.ptp(want) > 0.01, "something must happen"
        assert np.abs(got[name] - want).max() < 1e-4 * np.ptp(want), name


@pytest.mark.parametrize(
    ("model", "silent", "firing"),
    [
        ("fitzhugh_nagumo", (0.0, 0.31, 1.45), (0.35, 1.38)),
        ("morris_lecar", (0.0, 85.0), (100.0, 200.0)),
    ],
)
def test_where_firing_begins_and_ends(
    model: str, silent: Sequence[float], firing: Sequence[float]
) -> None:
    def late(level: float) -> int:
        return int((run(model, 1500.0, 0.5, parameters={"I_e": level}).spikes > 1000).sum())

    assert [late(level) for level in silent] == [0] * len(silent)
    assert all(late(level) > 3 for level in firing)


def test_hindmarsh_rose_fires_in_bursts() -> None:
    gaps = np.diff(run("hindmarsh_rose", 2000.0, 0.25, parameters={"I_e": 2.0}).spikes)
    gaps = gaps[5:]
    assert (gaps < 40).sum() > 2 * (gaps > 60).sum() > 6
    assert not ((gaps > 45) & (gaps < 55)).any()


def test_wilson_cowan_oscillates_only_with_input() -> None:
    at_rest, driven = (
        run("wilson_cowan", 1000.0, 1.0, parameters={"P": p})["E"][500:] for p in (0.0, 1.25)
    )
    assert np.abs(at_rest).max() < 1e-9
    crossings = np.diff(np.sign(driven - driven.mean())) > 0
    assert np.ptp(driven) > 0.1
    assert crossings.sum() > 3


# periods in closed form


@pytest.mark.parametrize("level", [0.01, 0.2, 1.5])
def test_rate_of_the_theta_neuron(level: float) -> None:
    duration = 3000.0
    got = run("theta_neuron", duration, 0.5, parameters={"I_e": level}, initial={"theta": -math.pi})
    assert len(got.spikes) > 5
    assert abs(len(got.spikes) - duration * math.sqrt(level) / (math.pi * 10)) <= 1


def test_theta_neuron_rests_below_its_threshold() -> None:
    got = run("theta_neuron", 200.0, spikes={"spikes": [(10.0, 0.3)]})
    assert got.spikes.size == 0
    assert got["theta"][-1] == pytest.approx(-2 * math.atan(math.sqrt(0.1)), abs=1e-4)
    assert run("theta_neuron", 200.0, spikes={"spikes": [(10.0, 5.0)]}).spikes.size == 1


def same_gaps(model: str, current: float, rise: float, refractory: float) -> None:
    got = run(model, 200.0, parameters={"I_e": current})
    steps = math.ceil(rise / DT) + round(refractory / DT)
    assert len(got.spikes) > 5
    assert set(np.diff(got.spike_steps)) == {steps}


@pytest.mark.parametrize("current", [130.0, 400.0])
def test_period_of_the_quadratic_neuron(current: float) -> None:
    # C V' = g (V - E) (V - c) / (c - E) + I = k ((V + 60)^2 + d^2)
    k = 25 / 20
    d = math.sqrt(current / k - 100)
    rise = 250 / (k * d) * (math.atan((30 + 60) / d) - math.atan((-70 + 60) / d))
    if current < 200:
        assert rise > 100
        got = run("qif_psc_exp", 400.0, parameters={"I_e": current})
        assert got.spikes[0] == pytest.approx(math.ceil(rise / DT) * DT)
        return
    same_gaps("qif_psc_exp", current, rise, 2.0)


@pytest.mark.parametrize("current", [200.0, 400.0])
def test_period_of_the_exponential_neuron(current: float) -> None:
    def slowness(v: float) -> float:
        return 250 / (-25 * (v + 65) + 25 * 3.48 * exp((v + 59.9) / 3.48) + current)

    rise = quad(slowness, -68, -30, epsabs=1e-10, points=[-60])[0]
    same_gaps("eif_psc_exp", current, rise, 1.7)


# linear models


def test_resonate_and_fire_is_a_damped_oscillator() -> None:
    pulses = [(5.0, 0.4), (9.3, -0.2)]
    got = run("resonate_and_fire", 40.0, spikes={"spikes": pulses})
    z = sum(w * np.exp((-0.1 + 1j) * (got.times - t)) * (got.times >= t - 1e-9) for t, w in pulses)
    assert np.abs(got["x"] - np.real(z)).max() < 1e-12
    assert np.abs(got["y"] - np.imag(z)).max() < 1e-12


def test_resonate_and_fire_prefers_its_own_period() -> None:
    def count(gap: float) -> int:
        train = [(5.0, 0.85), (round(5.0 + gap, 1), 0.85)]
        return len(run("resonate_and_fire", 30.0, spikes={"spikes": train}).spikes)

    assert (count(6.3), count(3.1)) == (1, 0)


def test_alif_keeps_what_lies_above_its_threshold() -> None:
    got = run("alif_psc_delta", 400.0, parameters={"I_e": 3000.0, "refr_T": 2.0})
    v, theta, since, spikes, trace = -70.0, 0.0, 100, [], []
    for step in range(1, 4001):
        v = -70 + (v + 70) * exp(-DT / 20) + 3000 * 20 / 250 * (1 - exp(-DT / 20))
        theta *= exp(-DT / 200)
        since += 1
        if since > 20 and v >= -55 + theta:
            v, theta, since = v - 15, theta + 2.5, 0
            spikes.append(step)
        trace.append(v)
    assert len(spikes) > 5
    assert got.spike_steps.tolist() == spikes
    assert np.abs(got["V_m"] - trace).max() < 1e-9


@pytest.mark.parametrize(
    ("model", "parameters", "drive"),
    [
        ("lin_rate", {"g": 1.5}, lambda x: 1.5 * x),
        ("tanh_rate", {"g": 1.5, "theta": 0.3}, lambda x: math.tanh(1.5 * (x - 0.3))),
        (
            "sigmoid_rate",
            {"g": 2.0, "beta": 0.8, "theta": 0.3},
            lambda x: 2 / (1 + math.exp(-0.8 * (x - 0.3))),
        ),
    ],
)
def test_rate_neurons_without_noise_relax(
    model: str, parameters: Mapping[str, float], drive: Callable[[float], float]
) -> None:
    own = {"sigma": 0.0, "tau": 8.0, "lambda": 0.7, "mu": 0.2, **parameters}
    got = run(model, 50.0, parameters=own, initial={"rate": 2.0}, currents={"input_rate": 1.3})
    end = (0.2 + drive(1.3)) / 0.7
    assert np.abs(got["rate"] - (end + (2 - end) * exp(-0.7 * got.times / 8))).max() < 1e-12


# chance


def close(found: float, want: float, deviation: float) -> bool:
    """Whether ``found`` is within four standard deviations; chance is seeded."""
    return abs(found - want) < 4 * deviation


@pytest.mark.parametrize("model", ["lin_rate", "tanh_rate", "sigmoid_rate"])
def test_noise_of_rate_neurons(model: str) -> None:
    own = {"sigma": 3.0, "tau": 8.0, "lambda": 0.7, "mu": 0.0}
    rate = run(model, 10000.0, 1.0, parameters=own, record=["rate"])["rate"]
    own_drive = 0.5 if model == "sigmoid_rate" else 0.0
    keep = math.exp(-0.7 / 8)
    steps = rate[1:] - keep * rate[:-1] - own_drive / 0.7 * (1 - keep)
    variance = 9 / (2 * 0.7) * (1 - keep**2)
    n = len(steps)
    assert close(steps.mean(), 0, math.sqrt(variance / n))
    assert close(steps.var(), variance, variance * math.sqrt(2 / n))
    assert close(float(np.mean(steps[1:] * steps[:-1])), 0, variance / math.sqrt(n))


def test_noise_on_the_output_of_a_rate_neuron() -> None:
    own = {"sigma": 0.0, "sigma_out": 0.5, "mu": 2.0}
    got = run("lin_rate", 10000.0, 1.0, parameters=own, initial={"rate": 2.0})
    assert np.abs(got["rate"] - 2).max() < 1e-12
    variance = 0.25 * 10 / 1.0
    assert close(got["noisy_rate"].var(), variance, variance * math.sqrt(2 / 10000))


def silent_then_geometric(run: Run, silent: int, p: float) -> None:
    """The gaps are ``silent`` steps and a number of trials with the probability ``p``."""
    gaps = np.diff(run.spike_steps) - silent
    n = len(gaps)
    assert n > 300
    assert gaps.min() == 1
    assert close(gaps.mean(), 1 / p, math.sqrt((1 - p) / p**2 / n))
    assert close((gaps == 1).mean(), p, math.sqrt(p * (1 - p) / n))


@pytest.mark.parametrize("model", ["gif_psc_exp", "gif_cond_exp"])
def test_escape_noise_of_gif(model: str) -> None:
    own = {"E_L": -35.5, "V_reset": -35.5, "lambda_0": 200.0, "refr_T": 4.0}
    got = run(model, 10000.0, 1.0, parameters=own, record=["V_m"])
    assert np.abs(got["V_m"] + 35.5).max() < 1e-12
    silent_then_geometric(got, 4, -math.expm1(-0.2 * math.exp(-1)))


def test_intensity_of_the_point_process() -> None:
    own = {"c_1": 4.0, "c_2": 20.0, "c_3": 0.5, "dead_time": 3.0, "with_reset": False}
    at = {"V_m": 5.0}
    got = run("pp_psc_delta", 10000.0, 1.0, parameters={**own, "I_e": 125.0}, initial=at)
    assert np.abs(got["V_m"] - 5).max() < 1e-12
    silent_then_geometric(got, 3, -math.expm1(-(4 * 5 + 20 * math.exp(2.5)) / 1000))


def counts(run: Run, steps: int) -> np.ndarray:
    return np.bincount(run.spike_steps, minlength=steps + 1)[1:]


def test_point_process_without_dead_time_may_fire_twice_in_a_step() -> None:
    own = {"c_2": 1500.0, "c_3": 0.0, "dead_time": 0.0}
    found = counts(run("pp_psc_delta", 5000.0, 1.0, parameters=own), 5000)
    assert found.max() > 3
    assert close(found.mean(), 1.5, math.sqrt(1.5 / 5000))
    assert close((found == 0).mean(), math.exp(-1.5), math.sqrt(0.22 * 0.78 / 5000))


def test_poisson_follows_its_rate() -> None:
    got = run(
        "poisson",
        12000.0,
        1.0,
        parameters={"rate": 300.0},
        currents={"rate_stim": ([4000.0, 8000.0], [900.0, -400.0])},
    )
    found = counts(got, 12000).reshape(3, 4000)
    assert found[2].sum() == 0
    for part, mean in zip(found[:2], (0.3, 1.2), strict=True):
        assert close(part.mean(), mean, math.sqrt(mean / 4000))
        assert close(part.var(), mean, math.sqrt((mean + 2 * mean**2) / 4000))


def test_galves_locherbach_draws_from_its_potential() -> None:
    # without memory it is at I_e in each step but the one behind a spike, where it is at V_reset
    own = {"mu": 0.0, "I_e": 0.6, "r": 2.0}
    got = run("galves_locherbach", 5000.0, 1.0, parameters=own)
    assert set(np.unique(got["V"])) == {0.0, 0.6}
    silent_then_geometric(got, 1, 0.36)


def test_slow_inward_current_of_the_astrocyte() -> None:
    got = run(
        "astrocyte_lr_1994", 20.0, 1.0, initial={"Ca_astro": 0.4}, parameters={"SIC_scale": 3}
    )
    above = (got["Ca_astro"] - 0.19669) * 1000
    assert above.min() > 1
    assert np.abs(got["I_SIC"] - 3 * np.log(above)).max() < 1e-12
    assert run("astrocyte_lr_1994", 20.0, 1.0)["I_SIC"].max() == 0
    spikes = {"spikes": [(5.0, 100.0)]}
    got = run("astrocyte_lr_1994", 20.0, 1.0, spikes=spikes)
    assert np.allclose(got["IP3"][4:], 0.16 + 0.02 * exp(-(got.times[4:] - 5) / 7142), atol=1e-12)
