"""Exact integration against 60-digit matrix exponentials, above all where constants coincide."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from nestml_core.expr import Symbol
from nestml_core.pipeline import check_sources
from nestml_core.reference import constants
from nestml_core.solved import Flow, SolvedModel
from nestml_core.source import Source

CHAIN = """model chain:
    state:
        a real = 1
        b real = 1
        c real = 1
        d real = 1
    parameters:
        ta ms = 2 ms
        tb ms = 2 ms
        tc ms = 10 ms
        k real = 3
        J real = 0.5
    equations:
        a' = -a / ta
        b' = -b / tb + k * a / 1 ms
        c' = -c / tc + b / 1 ms + J * a / 1 ms + 2 / 1 ms
        d' = c / 1 ms - 1 / 1 ms
    update:
        integrate_odes()
"""

RING = """model ring:
    state:
        x real = 1
        y real = 0
        z real = 0
    parameters:
        w real = 1
        g real = 0.1
    equations:
        x' = -g * x / 1 ms + w * y / 1 ms
        y' = -w * x / 1 ms - g * y / 1 ms + 0.25 / 1 ms
        z' = (x - z) / 5 ms
    update:
        integrate_odes()
"""


def solved(text: str) -> SolvedModel:
    result = check_sources([Source("m.nestml", text)])
    assert result.value is not None, result.diagnostics
    return result.value.models[0]


def stepped(
    model: SolvedModel, flow: Flow, values: dict[str, float], dt: float
) -> dict[Symbol, float]:
    """Return the state one step after the default initial state, by the model's own updates."""
    from nestml_core.experiment import Experiment, schedule
    from nestml_core.reference import simulate

    laid = schedule(Experiment(duration=dt, dt=dt, parameters=values), model).value
    assert laid is not None
    trace = simulate(model, laid).value
    assert trace is not None
    return {v: float(trace[v.name][0]) for v in flow.variables}


def exact(
    matrix: list[list[float]], drive: list[float], start: list[float], dt: float
) -> list[float]:
    """Return x(dt) of x' = A x + b to double precision, computed with 60 digits."""
    with mpmath.workdps(60):
        n = len(start)
        whole = mpmath.zeros(n + 1)
        for i in range(n):
            for j in range(n):
                whole[i, j] = mpmath.mpf(matrix[i][j]) * dt
            whole[i, n] = mpmath.mpf(drive[i]) * dt
        vector = mpmath.matrix([*start, 1])
        result = mpmath.expm(whole, method="taylor") * vector
        return [float(result[i]) for i in range(n)]


GAPS = [0.0, 1e-16, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 0.1, 0.5, 3.0]


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("dt", [0.01, 0.1, 1.0, 20.0])
def test_equal_and_nearly_equal_time_constants(gap: float, dt: float) -> None:
    model = solved(CHAIN)
    ta, tc = 2.0, 2.0 * (1 + gap / 2)
    tb = ta * (1 + gap)
    got = stepped(model, model.flows[0], {"ta": ta, "tb": tb, "tc": tc}, dt)
    a = [
        [-1 / mpmath.mpf(ta), 0, 0, 0],
        [3, -1 / mpmath.mpf(tb), 0, 0],
        [0.5, 1, -1 / mpmath.mpf(tc), 0],
        [0, 0, 1, 0],
    ]
    expected = exact(a, [0, 0, 2, -1], [1, 1, 1, 1], dt)
    assert list(got.values()) == pytest.approx(expected, rel=2e-15 * max(1, dt), abs=1e-15)


@pytest.mark.parametrize("w", [0.0, 1e-8, 0.1, 1.0, 50.0])
@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_states_in_a_cycle(w: float, dt: float) -> None:
    """A damped oscillator has complex rates; its propagators are real and exact all the same."""
    model = solved(RING)
    got = stepped(model, model.flows[0], {"w": w}, dt)
    a = [[-0.1, w, 0], [-w, -0.1, 0], [0.2, 0, -0.2]]
    expected = exact(a, [0, 0.25, 0], [1, 0, 0], dt)
    assert list(got.values()) == pytest.approx(expected, rel=1e-13, abs=1e-14)


def test_iaf_psc_exp_is_accurate_at_the_singularity() -> None:
    """tau_m = tau_syn: V gains dt/C exp(-dt/tau) per unit of current."""
    from nestml_core.pipeline import compile_files

    program = compile_files(["iaf_psc_exp"]).value
    assert program is not None
    model = program.models[0]
    tau = {d.symbol: 2.0 for d in model.parameters if d.symbol.name in ("tau_m", "tau_syn_exc")}
    values = constants(model, tau, 0.1).value
    assert values is not None
    found = {s.name: v for s, v in values.items()}
    assert found["P_V_m_I_syn_exc"] == pytest.approx(0.1 / 250 * np.exp(-0.05), rel=4e-16)


def test_no_constant_overflows_for_long_steps() -> None:
    model = solved(CHAIN)
    values = constants(model, {}, 1e5).value
    assert values is not None
    assert all(np.isfinite(v) for v in values.values())
