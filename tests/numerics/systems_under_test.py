"""Equations that tests integrate, as models, and their solutions by SciPy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp

from nestml_core.experiment import Experiment, schedule
from nestml_core.pipeline import check_sources
from nestml_core.reference.flows import Equations
from nestml_core.reference.instance import Instance
from nestml_core.reference.integrators import (
    RightHandSide,
    Tolerance,
    dormand_prince,
    rosenbrock,
)
from nestml_core.solve import SolveOptions
from nestml_core.solved import Method, NonlinearSystem, SolvedModel
from nestml_core.source import Source

HODGKIN_HUXLEY = """
model hodgkin_huxley:
    # Hodgkin & Huxley (1952), J. Physiol. 117:500-544, the potential relative to rest at 0 mV
    state:
        V mV = {V}
        m real = {m}
        h real = {h}
        n real = {n}

    equations:
        inline alpha_m real = 0.1 * (25 - V / 1 mV) / (exp((25 - V / 1 mV) / 10) - 1)
        inline beta_m real = 4 * exp(-V / 18 mV)
        inline alpha_h real = 0.07 * exp(-V / 20 mV)
        inline beta_h real = 1 / (exp((30 - V / 1 mV) / 10) + 1)
        inline alpha_n real = 0.01 * (10 - V / 1 mV) / (exp((10 - V / 1 mV) / 10) - 1)
        inline beta_n real = 0.125 * exp(-V / 80 mV)
        inline I_Na pA = g_Na * m**3 * h * (V - E_Na)
        inline I_K pA = g_K * n**4 * (V - E_K)
        inline I_L pA = g_L * (V - E_L)
        V' = (I_e - I_Na - I_K - I_L) / C_m
        m' = speed * (alpha_m * (1 - m) - beta_m * m) / 1 ms
        h' = (alpha_h * (1 - h) - beta_h * h) / 1 ms
        n' = (alpha_n * (1 - n) - beta_n * n) / 1 ms

    parameters:
        C_m pF = 1 pF
        g_Na nS = 120 nS
        g_K nS = 36 nS
        g_L nS = 0.3 nS
        E_Na mV = 115 mV
        E_K mV = -12 mV
        E_L mV = 10.6 mV
        I_e pA = 10 pA
        speed real = {speed}    # of the sodium gate m

    update:
        integrate_odes()
"""

ADEX = """
model adex:
    # Brette & Gerstner (2005), J. Neurophysiol. 94:3637-3642
    state:
        V mV = {V}
        w pA = 0 pA

    equations:
        V' = (-g_L * (V - E_L) + g_L * Delta_T * exp((V - V_T) / Delta_T) - w + I_e) / C_m
        w' = (a * (V - E_L) - w) / tau_w

    parameters:
        C_m pF = 281 pF
        g_L nS = 30 nS
        E_L mV = -70.6 mV
        V_T mV = -50.4 mV
        Delta_T mV = 2 mV
        tau_w ms = 144 ms
        a nS = 4 nS
        b pA = 80.5 pA
        I_e pA = 1000 pA

    update:
        integrate_odes()

    onCondition(V > 20 mV):
        V = E_L
        w += b
"""

IZHIKEVICH = """
model izhikevich_2003:
    # Izhikevich (2003), IEEE Trans. Neural Netw. 14:1569-1572
    state:
        v mV = -65 mV
        u mV = -13 mV

    equations:
        v' = (0.04 * v * v / 1 mV + 5 * v + 140 mV - u + I_e * 1 GOhm) / 1 ms
        u' = a * (b * v - u) / 1 ms

    parameters:
        a real = 0.02
        b real = 0.2
        I_e pA = 10 pA

    update:
        integrate_odes()

    onCondition(v > 30 mV):
        v = -65 mV
        u += 8 mV
"""

CONDUCTANCE = """
model conductance_lif:
    state:
        V mV = -70 mV
        g nS = 20 nS

    equations:
        V' = (-g_L * (V - E_L) - g * (V - E_ex) + I_e) / C_m
        g' = -g / tau

    parameters:
        C_m pF = 250 pF
        g_L nS = 16.7 nS
        E_L mV = -70 mV
        E_ex mV = 0 mV
        tau ms = 0.2 ms
        I_e pA = 300 pA

    update:
        integrate_odes()

    onCondition(V > -55 mV):
        V = -70 mV
"""

ROBERTSON = """
model robertson:
    # Robertson (1966), a chemical reaction, its time scaled so that ms are seconds
    state:
        x real = 1
        y real = 0
        z real = 0

    equations:
        x' = (-0.04 * x + 1e4 * y * z) / 1 ms
        y' = (0.04 * x - 1e4 * y * z - 3e7 * y**2) / 1 ms
        z' = 3e7 * y**2 / 1 ms

    update:
        integrate_odes()
"""

VAN_DER_POL = """
model van_der_pol:
    state:
        x real = 2
        y real = 0

    equations:
        x' = y / tau
        y' = mu * ((1 - x * x) * y - x) / tau

    parameters:
        mu real = {mu}
        tau ms = 1 ms

    update:
        integrate_odes()
"""

FITZHUGH_NAGUMO = """
model fitzhugh_nagumo_test:
    state:
        v real = -1.2
        w real = -0.6

    equations:
        v' = (v - v**3 / 3 - w + 0.5) / 1 ms
        w' = (v + 0.7 - 0.8 * w) / 4 ms

    update:
        integrate_odes()
"""

AT_REST = {
    "V": "0 mV",
    "m": "0.0529324853",
    "h": "0.5961207536",
    "n": "0.3176769141",
    "speed": "1",
}


def solved(text: str, method: Method | None = None, tolerance: float = 1e-9) -> SolvedModel:
    """Return the only model of ``text``."""
    program = check_sources([Source("test.nestml", text)], SolveOptions(method, tolerance))
    assert program.value is not None, program.diagnostics
    (model,) = program.value.models
    return model


def system(model: SolvedModel) -> NonlinearSystem:
    (flow,) = model.flows
    assert flow.nonlinear is not None
    return flow.nonlinear


def begun(model: SolvedModel) -> tuple[list[float], RightHandSide]:
    """Return the nonlinear system at the start: its vector and its right-hand side."""
    laid = schedule(Experiment(duration=0.1), model).value
    assert laid is not None
    instance = Instance(model, laid)
    moving = system(model)
    slots = [instance.slots.at(s) for s in (*moving.variables, *moving.companions)]
    return [instance.values[s] for s in slots], instance.equations(moving)(instance.values).slope


def truth(
    model: SolvedModel, times: npt.NDArray[np.float64], by: float = 0.0
) -> npt.NDArray[np.float64]:
    """Return the solution at ``times`` to 1e-12, shape (variables, times), by SciPy's DOP853.

    It starts ``by`` above the initial values; nothing may reset a variable.
    """
    first, slope = begun(model)

    def f(_: float, x: npt.NDArray[np.float64]) -> list[float]:
        return slope(x.tolist())

    first = [x + by for x in first]
    done = solve_ivp(f, (0.0, times[-1]), first, "DOP853", times, rtol=1e-12, atol=1e-13)
    assert done.success
    return np.asarray(done.y)


def trials(model: SolvedModel, duration: float, dt: float) -> int:
    """Return how many trial steps the reference takes."""
    laid = schedule(Experiment(duration=duration, dt=dt), model).value
    assert laid is not None
    found: list[float] = []

    def watch(x: list[float], h: float, error: float) -> None:
        found.append(h)

    def integrate(moving: NonlinearSystem, q: Equations, x: list[float]) -> list[float]:
        limit = Tolerance(moving.integrator.relative, moving.integrator.absolute)
        if moving.integrator.method is Method.RK45:
            return dormand_prince(q.slope, x, dt, limit, watch=watch)
        return rosenbrock(q.slope, q.jacobian, x, dt, limit, watch=watch)

    instance = Instance(model, laid, integrate=integrate)
    for k in range(1, laid.steps + 1):
        instance.step(k, {})
    return len(found)
