"""Numbers of generated code against closed forms, mpmath and SciPy."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import mpmath
import nestml_lava
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from nestml_core.api import Experiment

RUNTIME = Path(nestml_lava.__file__).parent / "runtime"


@pytest.fixture(scope="module")
def exponential() -> ModuleType:
    """Return the part of generated code with the divided differences as a module."""
    spec = importlib.util.spec_from_file_location("linear", RUNTIME / "linear.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def divided_difference(h: float, rates: list[float]) -> float:
    """Return the divided difference of ``exp(x h)`` from its definition, to 200 digits."""
    mpmath.mp.dps = 200
    points = [mpmath.mpf(a) + mpmath.mpf(10) ** -25 * i for i, a in enumerate(rates)]
    row = [mpmath.exp(x * mpmath.mpf(h)) for x in points]
    for width in range(1, len(points)):
        row = [
            (row[i + 1] - row[i]) / (points[i + width] - points[i])
            for i in range(len(points) - width)
        ]
    return float(row[0])


GAPS = [0.0, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 0.1, 1.0, 3.9, 4.1, 30.0, 600.0]


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("h", [0.01, 1.0])
def test_divided_differences_of_two_rates(exponential: ModuleType, gap: float, h: float) -> None:
    rates = [-0.1, -0.1 - gap]
    with np.errstate(all="ignore"):
        got = exponential.expdd(h, *(np.array([a]) for a in rates))
    assert got[0] == pytest.approx(divided_difference(h, rates), rel=3e-15, abs=0)


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("other", [0.0, 1e-7, 0.3, 5.0])
def test_divided_differences_of_three_rates(
    exponential: ModuleType, gap: float, other: float
) -> None:
    rates = [-0.1, -0.1 - gap, -0.1 - other]
    with np.errstate(all="ignore"):
        got = exponential.expdd(1.0, *(np.array([a]) for a in rates))
    assert got[0] == pytest.approx(divided_difference(1.0, rates), rel=1e-14, abs=0)


def test_divided_differences_are_elementwise(exponential: ModuleType) -> None:
    """Lanes with equal, close and far rates do not disturb each other."""
    a = np.array([-0.5, -0.5, -0.5])
    b = np.array([-0.5, -0.5 - 1e-9, -20.0])
    with np.errstate(all="ignore"):
        together = exponential.expdd(0.1, a, b, b)
        alone = [exponential.expdd(0.1, a[[i]], b[[i]], b[[i]])[0] for i in range(3)]
    assert together.tolist() == alone


IZHIKEVICH = {"a": 0.02, "b": 0.2, "c": -65.0, "d": 8.0}


@pytest.mark.usefixtures("lava")
def test_izhikevich_against_an_accurate_integrator(library: Callable[..., Any]) -> None:
    """SciPy's DOP853 at a relative 1e-12, reset at the ends of steps as the model prescribes."""
    dt, steps, current = 0.1, 3000, 10.0
    trace = library("izhikevich").simulate(
        Experiment(steps * dt, dt=dt, parameters={"I_e": current}, record=["V_m", "U_m"])
    )
    a, b, c, d = IZHIKEVICH.values()

    def slope(_: float, x: Any) -> list[float]:
        v, u = x
        return [0.04 * v * v + 5 * v + 140 - u + current, a * (b * v - u)]

    x = np.array([-65.0, b * -65.0])
    values, spikes = [], []
    for k in range(1, steps + 1):
        x = solve_ivp(slope, (0, dt), x, method="DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
        if x[0] >= 30.0:
            x = np.array([c, x[1] + d])
            spikes.append(k)
        values.append(x)
    exact = np.array(values)
    assert len(spikes) > 5
    assert trace.spike_steps.tolist() == spikes
    assert np.abs(trace["V_m"] - exact[:, 0]).max() < 1e-5
    assert np.abs(trace["U_m"] - exact[:, 1]).max() < 1e-6


ALONE = """
from conductance_like import InProcess, conductance_like
values = dict(g=[0.5, 3.0, 40.0], tau=[1.0, 10.0, 0.05], E=[-80.0, 0.0, 10.0])
together = InProcess(conductance_like(shape=(3,), **values))
alone = [
    InProcess(conductance_like(shape=(1,), **{k: x[i] for k, x in values.items()}))
    for i in range(3)
]
for k in range(300):
    drive = 20.0 if k % 7 == 0 else 0.0
    together.step(I=drive)
    for neuron in alone:
        neuron.step(I=drive)
print(json.dumps([together["V"].tolist(), [float(n["V"][0]) for n in alone]]))
"""

CONDUCTANCE_LIKE = """
model conductance_like:
    state:
        V mV = -70 mV
        n real = 0.3
    equations:
        V' = -(V + 70 mV) / tau - g * n**4 * (V - E) / 1 ms + I * 1 mV / (1 pA * 1 ms)
        n' = (0.5 + 0.01 * V / 1 mV - n) / (1 ms + 0.001 ms * exp(-V / 20 mV))
    parameters:
        g real = 1
        tau ms = 10 ms
        E mV = -80 mV
    input:
        I pA <- continuous
    update:
        integrate_odes()
"""


def test_each_neuron_integrates_as_if_it_were_alone(
    written: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    """Step sizes are controlled for each neuron: stiff neighbours change nothing, not a bit."""
    written(CONDUCTANCE_LIKE)
    together, alone = answer(ALONE)
    assert together == alone
    assert len({round(v, 3) for v in together}) == 3


@pytest.mark.usefixtures("lava")
def test_exact_propagation_does_not_depend_on_the_step(library: Callable[..., Any]) -> None:
    """With a constant current V_m follows its closed form, whatever the step."""
    package = library("iaf_psc_exp", runtime="inproc")
    for dt in (0.05, 1.0, 20.0):
        trace = package.simulate(
            Experiment(40.0, dt=dt, parameters={"I_e": 300.0, "tau_m": 8.0}, record=["V_m"])
        )
        exact = -70 + 300 / 250 * 8.0 * -np.expm1(-trace.times / 8.0)
        assert np.abs(trace["V_m"] - exact).max() < 1e-12
