"""Neurons of Hodgkin-Huxley type in the library, against SciPy and right-hand sides typed here.

What follows is written from the publications, with the numbers of the defaults in place and in
textbook form, so that neither a slip in a model nor one of the compiler goes unseen. Potentials in
mV, conductances in nS, currents in pA, times in ms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mpmath
import numpy as np
import pytest
from numpy import exp
from scipy.integrate import solve_ivp

import nestml_core
from nestml_core.experiment import Experiment, schedule
from nestml_core.reference.instance import Instance
from nestml_core.solve import SolveOptions
from nestml_core.solved import Method

DT = 0.1

Kernel = Callable[[float], float]
Values = tuple[float, ...]


def sigma(x: float) -> float:
    return 1 / (1 + exp(-x))


def alpha_function(tau: float) -> Kernel:
    """Rises to 1 at tau."""
    return lambda t: t / tau * exp(1 - t / tau)


def decay(tau: float) -> Kernel:
    return lambda t: exp(-t / tau)


def beta_function(rise: float, fall: float) -> Kernel:
    """Rises to 1, too."""
    peak = np.log(fall / rise) * rise * fall / (fall - rise)
    top = exp(-peak / fall) - exp(-peak / rise)
    return lambda t: (exp(-t / fall) - exp(-t / rise)) / top


RECEPTORS = {
    "AMPA": beta_function(0.5, 2.4),
    "NMDA": beta_function(4.0, 40.0),
    "GABA_A": beta_function(1.0, 7.0),
    "GABA_B": beta_function(60.0, 200.0),
}


def receptor_current(v: float, ampa: float, nmda: float, gaba_a: float, gaba_b: float) -> float:
    """Hill & Tononi (2005); arguments in spikes of weight 1."""
    return (
        -0.1 * ampa * v
        - 0.075 * nmda * v * sigma((v + 58) / 2.5)
        - 0.33 * gaba_a * (v + 70)
        - 0.0132 * gaba_b * (v + 90)
    )


# Hodgkin & Huxley (1952)


def squid(x: Values, syn: Values, current: float) -> list[float]:
    v, m, h, n = x
    alpha_n = 0.01 * (v + 55) / (1 - exp(-(v + 55) / 10))
    alpha_m = 0.1 * (v + 40) / (1 - exp(-(v + 40) / 10))
    beta_h = 1 / (1 + exp(-(v + 35) / 10))
    ionic = 12000 * m**3 * h * (v - 50) + 3600 * n**4 * (v + 77) + 30 * (v + 54.402)
    return [
        (-ionic + syn[0] - syn[1] + current) / 100,
        alpha_m * (1 - m) - 4 * exp(-(v + 65) / 18) * m,
        0.07 * exp(-(v + 65) / 20) * (1 - h) - beta_h * h,
        alpha_n * (1 - n) - 0.125 * exp(-(v + 65) / 80) * n,
    ]


# Traub & Miles (1991): rates of the potential relative to V_T


def traub_miles(u: float, m: float, h: float, n: float) -> list[float]:
    alpha_m = 0.32 * (13 - u) / (exp((13 - u) / 4) - 1)
    beta_m = 0.28 * (u - 40) / (exp((u - 40) / 5) - 1)
    alpha_h = 0.128 * exp((17 - u) / 18)
    beta_h = 4 / (1 + exp((40 - u) / 5))
    alpha_n = 0.032 * (15 - u) / (exp((15 - u) / 5) - 1)
    beta_n = 0.5 * exp((10 - u) / 40)
    return [
        alpha_m * (1 - m) - beta_m * m,
        alpha_h * (1 - h) - beta_h * h,
        alpha_n * (1 - n) - beta_n * n,
    ]


def traub_gates(u: float) -> list[float]:
    """The steady state: where the gates would move to from 0, over how fast they would."""
    opening = traub_miles(u, 0.0, 0.0, 0.0)
    closing = traub_miles(u, 1.0, 1.0, 1.0)
    return [a / (a - b) for a, b in zip(opening, closing, strict=True)]


def hippocampus(x: Values, syn: Values, current: float) -> list[float]:
    v, m, h, n = x
    ionic = 20000 * m**3 * h * (v - 50) + 6000 * n**4 * (v + 90) + 10 * (v + 60)
    synaptic = syn[0] * v + syn[1] * (v + 80)
    return [(-ionic - synaptic + current) / 200, *traub_miles(v + 63, m, h, n)]


def cortex(x: Values, syn: Values, current: float) -> list[float]:
    """Destexhe et al. (2001), the noise at its mean."""
    v, m, h, n, p = x
    alpha_p = 0.0001 * (v + 30) / (1 - exp(-(v + 30) / 9))
    beta_p = -0.0001 * (v + 30) / (1 - exp((v + 30) / 9))
    ionic = 17318 * m**3 * h * (v - 60) + (3463.6 * n**4 + 173.18 * p) * (v + 90)
    synaptic = (syn[0] + 12) * v + (syn[1] + 57) * (v + 75)
    return [
        (-ionic - 15.5862 * (v + 80) - synaptic + current) / 346.36,
        *traub_miles(v + 58, m, h, n),
        alpha_p * (1 - p) - beta_p * p,
    ]


def m_current_at(v: float) -> float:
    slope = cortex((v, 0, 0, 0, 0), (0, 0), 0)[4], cortex((v, 0, 0, 0, 1), (0, 0), 0)[4]
    return slope[0] / (slope[0] - slope[1])


def pyramidal_ions(v: float, m: float, h: float, n: float) -> float:
    """Olufsen et al. (2003)."""
    return 10000 * m**3 * h * (v - 50) + 8000 * n**4 * (v + 100) + 10 * (v + 67)


def pyramidal(x: Values, syn: Values, current: float) -> list[float]:
    v, m, h, n = x
    slope = (-pyramidal_ions(v, m, h, n) + syn[0] - syn[1] + current) / 100
    return [slope, *traub_miles(v + 67, m, h, n)]


def pyramidal_receptors(x: Values, syn: Values, current: float) -> list[float]:
    v, m, h, n = x
    slope = (-pyramidal_ions(v, m, h, n) + receptor_current(v, *syn) + current) / 100
    return [slope, *traub_miles(v + 67, m, h, n)]


# Wang & Buzsaki (1996)


def fast_spiking(v: float, h: float, n: float) -> list[float]:
    alpha_m = 0.1 * (v + 35) / (1 - exp(-0.1 * (v + 35)))
    beta_m = 4 * exp(-(v + 60) / 18)
    alpha_h, beta_h = 0.07 * exp(-(v + 58) / 20), 1 / (1 + exp(-0.1 * (v + 28)))
    alpha_n = 0.01 * (v + 34) / (1 - exp(-0.1 * (v + 34)))
    beta_n = 0.125 * exp(-(v + 44) / 80)
    m = alpha_m / (alpha_m + beta_m)
    return [
        -3500 * m**3 * h * (v - 55) - 900 * n**4 * (v + 90) - 10 * (v + 65),
        5 * (alpha_h * (1 - h) - beta_h * h),
        5 * (alpha_n * (1 - n) - beta_n * n),
    ]


def interneuron(x: Values, syn: Values, current: float) -> list[float]:
    v = x[0]
    ionic, h, n = fast_spiking(*x)
    return [(ionic - syn[0] * v - syn[1] * (v + 75) + current) / 100, h, n]


def interneuron_receptors(x: Values, syn: Values, current: float) -> list[float]:
    ionic, h, n = fast_spiking(*x)
    return [(ionic + receptor_current(x[0], *syn) + current) / 100, h, n]


def interneuron_gates(v: float) -> list[float]:
    _, h0, n0 = fast_spiking(v, 0.0, 0.0)
    _, h1, n1 = fast_spiking(v, 1.0, 1.0)
    return [h0 / (h0 - h1), n0 / (n0 - n1)]


# Booth, Rinzel & Kiehn (1997)


def motoneuron(x: Values, syn: Values, current: float) -> list[float]:
    v, ca, m, h, n, p, mc, hc = x
    alpha_m = 0.4 * (v + 66) / (1 - exp(-(v + 66) / 5))
    beta_m = 0.4 * (v + 32) / (exp((v + 32) / 5) - 1)
    tau_h = 30 / (exp((v + 60) / 15) + exp(-(v + 60) / 16))
    tau_n = 5 / (exp((v + 50) / 40) + exp(-(v + 50) / 50))
    e_ca = 1000 * 8.314472 * 309.15 / 2 / 96485.34 * np.log10(2 / ca)
    calcium = (5000 * mc**2 * hc + 10 * p) * (v - e_ca)
    ionic = 5000 * m**3 * h * (v - 50) + 30000 * n**4 * (v + 80) + 200 * (v + 70)
    adaptation = 30000 * 0.6 * ca**2 / (ca**2 + 0.014**2) * (v + 80)
    return [
        (-ionic - calcium - adaptation + syn[0] - syn[1] + current) / 200,
        0.01 * (-1e-5 * calcium - 4 * ca),
        alpha_m * (1 - m) - beta_m * m,
        (sigma(-(v + 65) / 7) - h) / tau_h,
        (sigma((v + 38) / 15) - n) / tau_n,
        (sigma((v + 55.8) / 3.7) - p) / 400,
        (sigma((v + 32) / 5) - mc) / 15,
        (sigma(-(v + 50) / 5) - hc) / 50,
    ]


# Terman et al. (2002), Rubin & Terman (2004)


def pallidum(x: Values, syn: Values, current: float) -> list[float]:
    v, h, n, r, ca = x
    tau = 0.05 + 0.27 / (1 + exp((v + 40) / 12))
    low = 0.5 * sigma((v + 57) / 2) ** 3 * r * (v - 120)
    high = 0.15 * sigma((v + 35) / 2) ** 2 * (v - 120)
    ionic = 120 * sigma((v + 37) / 10) ** 3 * h * (v - 55) + 0.1 * (v + 55)
    potassium = (30 * n**4 + 30 * ca / (ca + 30)) * (v + 80)
    return [
        -ionic - potassium - low - high - syn[0] * v - syn[1] * (v + 100) + current,
        0.05 * (sigma(-(v + 58) / 12) - h) / tau,
        0.1 * (sigma((v + 50) / 14) - n) / tau,
        (sigma(-(v + 70) / 2) - r) / 30,
        1e-4 * (-high - low - 15 * ca),
    ]


def pallidal_gates(v: float) -> list[float]:
    return [sigma(-(v + 58) / 12), sigma((v + 50) / 14), sigma(-(v + 70) / 2)]


def subthalamus(x: Values, syn: Values, current: float) -> list[float]:
    v, h, n, r, ca = x
    b = 1 / (1 + exp((r - 0.25) / -0.07)) - 1 / (1 + exp(0.25 / 0.07))
    low = 0.5 * sigma((v + 63) / 7.8) ** 3 * b**2 * (v - 140)
    high = 0.5 * sigma((v + 39) / 8) ** 2 * (v - 140)
    ionic = 37.5 * sigma((v + 30) / 15) ** 3 * h * (v - 55) + 2.25 * (v + 60)
    potassium = (45 * n**4 + 9 * ca / (ca + 15)) * (v + 80)
    return [
        -ionic - potassium - low - high - syn[0] * v - syn[1] * (v + 85) + current,
        0.75 * (sigma(-(v + 39) / 3.1) - h) / (1 + 500 / (1 + exp((v + 57) / 3))),
        0.75 * (sigma((v + 32) / 8) - n) / (1 + 100 / (1 + exp((v + 80) / 26))),
        0.5 * (sigma(-(v + 67) / 2) - r) / (7.1 + 17.5 / (1 + exp((v - 68) / 2.2))),
        5e-5 * (-high - low - 22.5 * ca),
    ]


def subthalamic_gates(v: float) -> list[float]:
    return [sigma(-(v + 39) / 3.1), sigma((v + 32) / 8), sigma(-(v + 67) / 2)]


# Hill & Tononi (2005)


def thalamocortical(x: Values, syn: Values, current: float) -> list[float]:
    v, theta, d, m, h, mh = x
    nap = sigma((v + 55.7) / 7.7) ** 3 * (v - 30)
    kna = (v + 90) / (1 + (0.25 / d) ** 3.5)
    m_tau = 0.22 / (exp(-(v + 132) / 16.7) + exp((v + 16.8) / 18.2)) + 0.13
    h_tau = 8.2 + (56.6 + 0.27 * exp((v + 115.2) / 5)) / (1 + exp((v + 86) / 3.2))
    mh_rate = exp(-14.59 - 0.086 * v) + exp(-1.87 + 0.0701 * v)
    intrinsic = -nap - kna - m**2 * h * v - mh * (v + 40)
    leak = -0.2 * (v - 30) - (v + 90)
    return [
        (leak + receptor_current(v, *syn) + intrinsic + current) / 16,
        -(theta + 51) / 2,
        0.025 * sigma((v + 10) / 5) - (d - 0.001) / 1250,
        (sigma((v + 59) / 6.2) - m) / m_tau,
        (sigma(-(v + 83) / 4) - h) / h_tau,
        (sigma(-(v + 75) / 5.5) - mh) * mh_rate,
    ]


def repolarising(x: Values, syn: Values, current: float) -> list[float]:
    slope = thalamocortical(x, syn, current)
    return [slope[0] - (x[0] + 90) / 1.75, *slope[1:]]


def thalamocortical_start(v: float) -> list[float]:
    d = 0.001 + 1250 * 0.025 * sigma((v + 10) / 5)
    return [v, -51.0, d, sigma((v + 59) / 6.2), sigma(-(v + 83) / 4), sigma(-(v + 75) / 5.5)]


@dataclass(frozen=True)
class Case:
    """A model, its equations typed again, and a stimulus.

    Attributes
    ----------
    equations : from the variables, what the ports' kernels add up to, and the current to slopes
    start : values of the variables, typed again
    kernels : by port
    weights : of the spikes of each port
    peak : the potential above which a maximum is a spike; None: ``thalamocortical`` with its own
    """

    model: str
    equations: Callable[[Values, Values, float], list[float]]
    variables: tuple[str, ...]
    start: list[float]
    kernels: Mapping[str, Kernel]
    weights: tuple[float, ...]
    current: float
    peak: float | None
    duration: float = 60.0
    parameters: Mapping[str, float] = field(default_factory=dict)

    @property
    def trains(self) -> dict[str, list[float]]:
        """When spikes arrive at each port."""
        return {
            port: [round(4 + 3 * k + 9.7 * i, 1) for i in range(int(self.duration / 9.7) - 1)]
            for k, port in enumerate(self.kernels)
        }


GATES = ("Act_m", "Inact_h", "Act_n")
TRAUB = ("V_m", "Act_m", "Act_h", "Inact_n")
CALCIUM = ("V_m", "gate_h", "gate_n", "gate_r", "Ca_con")
QUIET = {"sigma_noise_exc": 0.0, "sigma_noise_inh": 0.0}


def decays(exc: float, inh: float) -> Mapping[str, Kernel]:
    return {"exc_spikes": decay(exc), "inh_spikes": decay(inh)}


def alphas(exc: float, inh: float) -> Mapping[str, Kernel]:
    return {"exc_spikes": alpha_function(exc), "inh_spikes": alpha_function(inh)}


def squid_start(v: float) -> list[float]:
    opening, closing = squid((v, 0, 0, 0), (0, 0), 0)[1:], squid((v, 1, 1, 1), (0, 0), 0)[1:]
    return [v, *(a / (a - b) for a, b in zip(opening, closing, strict=True))]


def motoneuron_start(v: float) -> list[float]:
    opening = motoneuron((v, 1e-4, 0, 0, 0, 0, 0, 0), (0, 0), 0)[2]
    closing = motoneuron((v, 1e-4, 1, 0, 0, 0, 0, 0), (0, 0), 0)[2]
    steady = [sigma(-(v + 65) / 7), sigma((v + 38) / 15), sigma((v + 55.8) / 3.7)]
    return [
        v,
        1e-4,
        opening / (opening - closing),
        *steady,
        sigma((v + 32) / 5),
        sigma(-(v + 50) / 5),
    ]


CASES = [
    Case(
        "hh_psc_alpha",
        squid,
        ("V_m", *GATES),
        squid_start(-65.0),
        alphas(0.2, 2.0),
        (900.0, 200.0),
        650.0,
        0.0,
    ),
    Case(
        "hh_cond_exp_traub",
        hippocampus,
        TRAUB,
        [-60.0, *traub_gates(-60.0)],
        decays(5.0, 10.0),
        (15.0, 5.0),
        200.0,
        -33.0,
    ),
    Case(
        "hh_cond_exp_destexhe",
        cortex,
        (*TRAUB, "Noninact_p"),
        [-80.0, *traub_gates(-80.0), m_current_at(-80.0)],
        decays(2.7, 10.5),
        (30.0, 10.0),
        2500.0,
        -28.0,
        parameters=QUIET,
    ),
    Case(
        "hh_moto_5ht",
        motoneuron,
        ("V_m", "Ca_in", "Act_m", "Act_h", "Inact_n", "Act_p", "Act_mc", "Act_hc"),
        motoneuron_start(-65.0),
        alphas(0.2, 2.0),
        (1000.0, 300.0),
        5000.0,
        0.0,
    ),
    Case(
        "traub_psc_alpha",
        pyramidal,
        ("V_m", *GATES),
        [-70.0, *traub_gates(-3.0)],
        alphas(0.2, 2.0),
        (300.0, 50.0),
        200.0,
        -20.0,
    ),
    Case(
        "traub_cond_multisyn",
        pyramidal_receptors,
        ("V_m", *GATES),
        [-70.0, *traub_gates(-3.0)],
        RECEPTORS,
        (50.0, 20.0, 10.0, 20.0),
        100.0,
        -20.0,
    ),
    Case(
        "wb_cond_exp",
        interneuron,
        ("V_m", "Inact_h", "Act_n"),
        [-65.0, *interneuron_gates(-65.0)],
        decays(0.2, 10.0),
        (20.0, 2.0),
        120.0,
        -55.0,
    ),
    Case(
        "wb_cond_multisyn",
        interneuron_receptors,
        ("V_m", "Inact_h", "Act_n"),
        [-65.0, *interneuron_gates(-65.0)],
        RECEPTORS,
        (50.0, 20.0, 10.0, 20.0),
        100.0,
        -55.0,
    ),
    Case(
        "terub_gpe",
        pallidum,
        CALCIUM,
        [-55.0, *pallidal_gates(-55.0), 0.0],
        alphas(1.0, 12.5),
        (0.2, 0.02),
        2.0,
        0.0,
    ),
    Case(
        "terub_stn",
        subthalamus,
        CALCIUM,
        [-60.0, *subthalamic_gates(-60.0), 0.0],
        alphas(1.0, 0.08),
        (0.5, 1.0),
        20.0,
        0.0,
    ),
    Case(
        "hill_tononi",
        thalamocortical,
        ("V_m", "Theta", "IKNa_D", "IT_m", "IT_h", "Ih_m"),
        thalamocortical_start(-70.0),
        RECEPTORS,
        (40.0, 20.0, 10.0, 20.0),
        10.0,
        None,
    ),
]


def truth(case: Case) -> tuple[np.ndarray, list[int]]:
    """Return the variables at the end of every step, and the steps of spikes, from SciPy."""
    arrivals = [
        [(t, w) for t in times] for times, w in zip(case.trains.values(), case.weights, strict=True)
    ]
    kernels = list(case.kernels.values())

    def course(
        equations: Callable[..., list[float]], start: list[float], first: int, last: int
    ) -> np.ndarray:
        """Return the variables at the steps after ``first``, hearing spikes up to it."""
        here = first * DT + 1e-9
        heard = [[(t, w) for t, w in a if t <= here] for a in arrivals]

        def slope(t: float, x: np.ndarray) -> list[float]:
            syn = tuple(
                sum(w * k(t - at) for at, w in a) for a, k in zip(heard, kernels, strict=True)
            )
            return equations(tuple(x.tolist()), syn, case.current)

        grid = np.arange(first + 1, last + 1) * DT
        done = solve_ivp(
            slope,
            (first * DT, grid[-1]),
            start,
            method="DOP853",
            t_eval=grid,
            rtol=1e-10,
            atol=1e-11,
        )
        assert done.success
        return done.y.T

    steps = round(case.duration / DT)
    stops = sorted({round(t / DT) for a in arrivals for t, _ in a} | {steps})
    found = np.zeros((steps + 1, len(case.start)))
    found[0] = case.start
    spikes: list[int] = []
    k, until = 0, 0  # the step, and the one till which a spike lasts
    while k < steps:
        end = min(s for s in (*stops, *([until] if until > k else [])) if s > k)
        equations = repolarising if until > k else case.equations
        found[k + 1 : end + 1] = course(equations, found[k].tolist(), k, end)
        if case.peak is None and until < end:
            over = np.flatnonzero(found[k + 1 : end + 1, 0] >= found[k + 1 : end + 1, 1])
            if len(over):
                end = k + 1 + int(over[0])
                found[end, :2] = 30.0
                spikes.append(end)
                until = end + 20
        k = end
    if case.peak is not None:
        v = found[:, 0]
        for step in range(1, steps + 1):
            if v[step] >= case.peak and v[step] < v[step - 1] and step > until:
                spikes.append(step)
                until = step + 20
    return found[1:], spikes


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.model)
def test_solution(case: Case) -> None:
    model = nestml_core.load(case.model)
    trains = {
        port: [(t, w) for t in times]
        for (port, times), w in zip(case.trains.items(), case.weights, strict=True)
    }
    got = model.simulate(
        duration=case.duration,
        dt=DT,
        parameters={"I_e": case.current, **case.parameters},
        spikes=trains,
        record=list(case.variables),
        backend="reference",
    )
    want, spikes = truth(case)
    assert len(spikes) > 1, "the stimulus must make the neuron fire"
    assert got.spike_steps.tolist() == spikes
    for i, name in enumerate(case.variables):
        scale = max(1.0, float(np.abs(want[:, i]).max()))
        assert np.abs(got[name] - want[:, i]).max() < 2e-6 * scale, name


def test_noise_conductances() -> None:
    """Ornstein-Uhlenbeck: mean, deviation, correlation in time, and no correlation of the two."""
    model = nestml_core.load("hh_cond_exp_destexhe")
    laid = schedule(Experiment(duration=1.0, dt=DT, seed=5), model.solved).value
    assert laid is not None
    instance = Instance(model.solved, laid)
    values = {s.name: instance.values[instance.slots.at(s)] for s in model.solved.internals}
    for name, tau, sd in (("exc", 2.7, 3.0), ("inh", 10.5, 6.6)):
        assert values[f"decay_{name}"] == pytest.approx(np.exp(-DT / tau), rel=1e-14)
        # what makes the deviation stay as it is
        kept = sd**2 * (1 - np.exp(-2 * DT / tau))
        assert values[f"kick_{name}"] ** 2 == pytest.approx(kept, rel=1e-12)
    run = model.simulate(
        duration=1000.0,
        dt=DT,
        record=["g_noise_exc", "g_noise_inh"],
        backend="reference",
        seed=7,
    )
    exc, inh = run["g_noise_exc"] * 1000, run["g_noise_inh"] * 1000
    for g, mean, sd, tau in ((exc, 12, 3, 2.7), (inh, 57, 6.6, 10.5)):
        assert abs(g.mean() - mean) < 5 * sd * np.sqrt(2 * tau / 1000)
        innovations = g[1:] - mean - np.exp(-DT / tau) * (g[:-1] - mean)
        expected = sd * np.sqrt(1 - np.exp(-2 * DT / tau))
        assert innovations.std() == pytest.approx(expected, rel=0.04)
        assert abs(np.corrcoef(innovations[1:], innovations[:-1])[0, 1]) < 0.05
    assert abs(np.corrcoef(np.diff(exc), np.diff(inh))[0, 1]) < 0.05


SINGULAR = {
    "hh_psc_alpha": (-40.0, -55.0),
    "hh_cond_exp_traub": (-50.0, -23.0, -48.0),
    "hh_cond_exp_destexhe": (-45.0, -18.0, -43.0, -30.0),
    "hh_moto_5ht": (-66.0, -32.0),
    "traub_psc_alpha": (-54.0, -27.0, -52.0),
    "traub_cond_multisyn": (-54.0, -27.0, -52.0),
    "wb_cond_exp": (-35.0, -34.0),
    "wb_cond_multisyn": (-35.0, -34.0),
}
"""Potentials at which a rate is 0/0 in textbook form."""


def equations_of(name: str) -> tuple[Any, list[str], list[float]]:
    """Return slopes and Jacobian of a model, its variables, and their values at the start."""
    model = nestml_core.load(name, solving=SolveOptions(Method.ROSENBROCK)).solved
    laid = schedule(Experiment(duration=1.0, dt=DT), model).value
    assert laid is not None
    instance = Instance(model, laid)
    (flow,) = model.flows
    assert flow.nonlinear is not None
    system = flow.nonlinear
    moving = (*system.variables, *system.companions)
    start = [instance.values[instance.slots.at(s)] for s in moving]
    return instance.equations(system)(instance.values), [s.name for s in moving], start


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.model)
def test_right_hand_side(case: Case) -> None:
    """At places that no solution needs to visit, so that no constant hides."""
    equations, names, _ = equations_of(case.model)
    draw = np.random.default_rng(3)
    for v in np.linspace(-101.3, 41.7, 40):
        x = [v, *draw.uniform(0.05, 0.95, len(case.variables) - 1)]
        place = dict(zip(case.variables, x, strict=True))
        got = equations.slope([place.get(name, 0.0) for name in names])
        want = case.equations(tuple(x), (0.0,) * len(case.kernels), 0.0)
        for name, slope in zip(case.variables, want, strict=True):
            if name in names:  # Theta has an exact solution
                assert got[names.index(name)] == pytest.approx(slope, rel=1e-10, abs=1e-12), name


@pytest.mark.parametrize("name", SINGULAR)
def test_removable_singularities(name: str) -> None:
    """Slopes and Jacobian go through them smoothly, as far as the digits go."""
    equations, names, x = equations_of(name)
    at = names.index("V_m")

    def moved(v: float) -> list[float]:
        return [v if i == at else value for i, value in enumerate(x)]

    for v in SINGULAR[name]:
        slope, jacobian = (
            np.array(equations.slope(moved(v))),
            np.array(equations.jacobian(moved(v))),
        )
        assert np.isfinite(slope).all()
        assert np.isfinite(jacobian).all()
        for h in (1e-12, 1e-9, 1e-6):
            around = [np.array(equations.slope(moved(v + s * h))) for s in (-1, 1)]
            scale = np.maximum(1.0, np.abs(slope))
            assert (np.abs(sum(around) / 2 - slope) < 1e-9 * scale).all()
        for h in (1e-3, 0.05):
            # fourth-order difference quotient against the column of the Jacobian
            f = {k: np.array(equations.slope(moved(v + k * h))) for k in (-2, -1, 1, 2)}
            quotient = (f[-2] - 8 * f[-1] + 8 * f[1] - f[2]) / (12 * h)
            scale = np.maximum(1.0, np.abs(quotient))
            assert (np.abs(quotient - jacobian[:, at]) < 1e-6 * scale).all()


def test_rates_keep_all_digits() -> None:
    """alpha_m and alpha_n of the squid and their slopes, where textbook form loses digits."""
    equations, names, x = equations_of("hh_psc_alpha")
    at = {name: names.index(name) for name in ("V_m", "Act_m", "Act_n")}
    for gate, zero, top in (("Act_m", -40.0, 1.0), ("Act_n", -55.0, 0.1)):
        for apart in (0.0, 1e-14, 1e-9, 1e-5, 0.01, 0.0999, 0.1, 0.1001, 1.0, 30.0):
            for v in (zero + apart, zero - apart):
                place = [
                    v if i == at["V_m"] else 0.0 if i == at[gate] else value
                    for i, value in enumerate(x)
                ]
                with mpmath.workdps(60):
                    u = (mpmath.mpf(v) - zero) / 10
                    value = top * (u / (1 - mpmath.exp(-u)) if u else mpmath.mpf(1))
                    derivative = (
                        top / 10 * (value / top / u - (value / top) ** 2 * mpmath.exp(-u) / u)
                        if u
                        else mpmath.mpf(top) / 20
                    )
                # the gate is closed, so that these are the rate and its slope
                found = equations.slope(place)[at[gate]]
                assert found == pytest.approx(float(value), rel=2e-15, abs=0)
                found = equations.jacobian(place)[at[gate]][at["V_m"]]
                assert found == pytest.approx(float(derivative), rel=1e-12, abs=0)
