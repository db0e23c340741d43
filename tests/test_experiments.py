"""Experiments against closed forms, and what is said where one cannot be done."""

from __future__ import annotations

import csv
import math
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pint
import pytest
from scipy.optimize import brentq, minimize_scalar

from nestml_core import experiments, load
from nestml_core.experiment import FloatArray
from nestml_core.experiments import (
    current_step,
    f_i_curve,
    phase_plane,
    psp,
    short_term_plasticity,
    stdp_window,
    voltage_step,
)
from nestml_core.experiments.measurement import Measurement
from nestml_core.explaining import CORE, Explanation, read
from nestml_core.problems import ModelError

u = pint.UnitRegistry()

VOLT = """\
model volt:
    state:
        V V = E_L
        w pA = 0 pA
    equations:
        V' = (-(V - E_L) * g_L - w + I + I_e) / C_m
        w' = (a * (V - E_L) - w) / tau
    parameters:
        C_m nF = 0.1 nF
        g_L nS = 10 nS
        a nS = 2 nS
        tau s = 0.05 s
        E_L V = -0.07 V
        I_e nA = 0 nA
    input:
        I nA <- continuous
    update:
        integrate_odes()
"""


def problem(call: Callable[..., Any], *arguments: Any, **keywords: Any) -> str:
    with pytest.raises(ModelError) as caught:
        call(*arguments, **keywords)
    return str(caught.value)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: f_i_curve("iaf_psc_exp", []), "currents: there is none"),
        (lambda: f_i_curve("iaf_psc_exp", [1], duration=100), "give `settle=0`"),
        (lambda: f_i_curve("iaf_psc_exp", [1], settle=-1), "settle (-1 ms) not below"),
        (lambda: f_i_curve("iaf_psc_exp", [1], dt=0), "dt (0 ms) must be above 0"),
        (lambda: f_i_curve("iaf_psc_exp", [1], parameters=["I_e"]), "['I_e'] has no names"),
        (lambda: f_i_curve("lin_rate", [1]), "`lin_rate` emits no spikes"),
        (lambda: current_step("iaf_psc_exp", [1], before=-1), "before (-1 ms) and after (50 ms)"),
        (lambda: psp("iaf_psc_exp", duration=0), "duration (0 ms) must be above 0, before (10 ms)"),
        (lambda: voltage_step("theta_neuron", [1]), "potential=..."),
        (lambda: voltage_step("hh_psc_alpha", []), "levels: there is none"),
        (lambda: stdp_window("stdp", []), "intervals: there is none"),
        (lambda: stdp_window("stdp", [10], pairs=1.5), "pairs: 1.5 is not a whole number"),
        (lambda: stdp_window("stdp", [10], after=-1), "after: -1 ms is negative"),
        (lambda: stdp_window("stdp", [10], pre="post_spikes"), "the port of both spikes"),
        (lambda: stdp_window("stdp", [10], spikes={"pre_spikes": [1]}), "`pre_spikes` are the"),
        (lambda: short_term_plasticity("tsodyks", "100 kHz"), "at most one spike a step"),
        (lambda: short_term_plasticity("tsodyks", spikes=[1]), "spikes: [1] is not a whole"),
        (
            lambda: phase_plane(
                "izhikevich", "V_m", "U_m", x_range=(-80, -30), y_range=(-20, 10), points=0
            ),
            "points: 0 is not a whole number of 2 or more",
        ),
    ],
)
def test_wrong_arguments_are_told(call: Callable[[], Any], text: str) -> None:
    assert text in problem(call)


# f-I curve


def lif_interval(current: float, dt: float) -> float:
    """Return the interval of the leaky integrate-and-fire neuron with the library's defaults.

    ``T = t_ref + tau ln(R I / (R I - (V_th - E_L)))``, on the grid of steps; the refractory time
    is 2 ms.
    """
    rise = current * 10.0 / 250.0
    if rise <= 15.0:
        return math.inf
    return math.ceil(10.0 * math.log(rise / (rise - 15.0)) / dt) * dt + 2.0


@pytest.mark.parametrize("dt", [0.1, 0.02])
def test_f_i_curve_of_the_leaky_integrator(dt: float) -> None:
    currents = [0.0, 370.0, 380.0, 500.0, 1000.0]
    curve = f_i_curve("iaf_psc_exp", currents, dt=dt, duration=500, backend="reference")
    exact = [1000.0 / lif_interval(x, dt) for x in currents]
    assert curve.rates == pytest.approx(exact, rel=1e-12)
    assert curve.rheobase == 380.0
    assert curve.counts[:2].tolist() == [0, 0]
    assert np.isnan(curve.latencies[0])
    assert curve.latencies[4] == pytest.approx(lif_interval(1000.0, dt) - 2.0)
    assert curve.units["current"] == "pA"
    assert curve.port == "I_stim"


def test_f_i_curve_takes_quantities_and_a_parameter() -> None:
    plain = f_i_curve("iaf_psc_exp", [400.0, 500.0], duration=300, backend="reference")
    same = f_i_curve(
        load("iaf_psc_exp"),
        np.array([0.4, 0.5]) * u.nA,
        duration=0.3 * u.s,
        settle="200 ms",
        port="I_e",
        backend="reference",
    )
    assert same.port == "I_e"
    assert same.currents == pytest.approx(plain.currents)
    assert same.rates == pytest.approx(plain.rates)


# Postsynaptic potential


def alpha_psp(t: float, weight: float, tau: float = 10.0, rise: float = 2.0) -> float:
    """Return the potential after an alpha-shaped current (Rotter & Diesmann 1999), in mV."""
    b = 1 / rise - 1 / tau
    shape = (math.exp(-t / tau) - math.exp(-t / rise)) / b**2 - t * math.exp(-t / rise) / b
    return math.e * weight / (rise * 250.0) * shape


@pytest.mark.parametrize(("port", "sign"), [("exc_spikes", 1), ("inh_spikes", -1)])
def test_the_potential_after_an_alpha_current(port: str, sign: int) -> None:
    found = psp("iaf_psc_alpha", port, 100.0, backend="reference")
    after = found.times >= 0
    exact = [sign * alpha_psp(t, 100.0) for t in found.times[after]]
    assert found.response[after] == pytest.approx(exact, abs=1e-12)
    assert not found.response[~after].any()
    top = minimize_scalar(lambda t: -alpha_psp(t, 100.0), bracket=(1, 5, 20), tol=1e-12)
    assert found.amplitude == pytest.approx(-sign * top.fun, rel=1e-6)
    assert found.peak_time == pytest.approx(top.x, abs=2e-3)

    def passes(share: float, low: float, high: float) -> float:
        return float(brentq(lambda t: alpha_psp(t, 100.0) + share * top.fun, low, high))

    assert found.rise_time == pytest.approx(passes(0.9, 0, top.x) - passes(0.1, 0, top.x), abs=3e-3)
    assert found.half_width == pytest.approx(
        passes(0.5, top.x, 99) - passes(0.5, 0, top.x), abs=3e-3
    )
    assert found.units["response"] == "mV"
    assert found.baseline == pytest.approx(-70.0)


def test_a_jump_peaks_where_it_jumps() -> None:
    found = psp("iaf_psc_delta", weight=2.0, duration=30, backend="reference")
    assert found.amplitude == pytest.approx(2.0, rel=0.02)
    assert found.peak_time == pytest.approx(0.0, abs=0.1)


# Clamps


def hh_rates(v: float) -> dict[str, tuple[float, float]]:
    """Return opening and closing rates, 1/ms (Hodgkin & Huxley 1952; rest at -65 mV)."""

    def linoid(x: float) -> float:
        return x / -math.expm1(-x) if x else 1.0

    return {
        "Act_m": (linoid((v + 40) / 10), 4 * math.exp(-(v + 65) / 18)),
        "Inact_h": (0.07 * math.exp(-(v + 65) / 20), 1 / (1 + math.exp(-(v + 35) / 10))),
        "Act_n": (0.1 * linoid((v + 55) / 10), 0.125 * math.exp(-(v + 65) / 80)),
    }


def hh_current(v: float, m: Any, h: Any, n: Any) -> Any:
    sodium, potassium = 12000 * m**3 * h * (v - 50), 3600 * n**4 * (v + 77)
    return sodium + potassium + 30 * (v + 54.402)


def relaxing(v: float, holding: float, t: FloatArray) -> list[FloatArray]:
    """Return the gates after a step of the potential: exponentials."""
    found = []
    before, after = hh_rates(holding), hh_rates(v)
    for name, (opening, closing) in after.items():
        start = before[name][0] / sum(before[name])
        end = opening / (opening + closing)
        found.append(end + (start - end) * np.exp(-t * (opening + closing)))
    return found


def test_voltage_clamp_of_the_squid_axon() -> None:
    levels = [-90.0, -43.0, -20.5, 0.5, 40.5]
    step = voltage_step(
        "hh_psc_alpha", levels, holding=-64.0, before=2, duration=60, backend="reference"
    )
    after = step.times >= 0
    for k, v in enumerate(levels):
        gates = relaxing(v, -64.0, step.times[after])
        for name, exact in zip(("Act_m", "Inact_h", "Act_n"), gates, strict=True):
            assert step.traces[name][k][after] == pytest.approx(exact, rel=1e-6, abs=1e-8)
        exact_current = hh_current(v, *gates)
        assert step.currents[k][after] == pytest.approx(exact_current, rel=1e-5, abs=1e-2)
        steady = [a / (a + b) for a, b in hh_rates(v).values()]
        assert step.steady[k] == pytest.approx(hh_current(v, *steady), rel=2e-3, abs=1.0)
        assert set(step.voltages[k][after]) == {v}
    resting = [a / (a + b) for a, b in hh_rates(-64.0).values()]
    assert step.currents[:, ~after] == pytest.approx(hh_current(-64.0, *resting), rel=1e-9)
    assert step.peaks[2] == pytest.approx(step.currents[2][after].min())
    assert dict(step.units)["I_stim"] == "pA"


def test_voltage_clamp_in_other_units() -> None:
    """The linear membrane: ``I = g (V - E) + w - I_e``, and w relaxes to ``a (V - E)``."""
    step = voltage_step(
        load(VOLT),
        [-60.0, -80.0] * u.mV,
        holding="-70 mV",
        duration=300,
        parameters={"I_e": 0.05},
        backend="reference",
    )
    assert step.levels == pytest.approx([-0.06, -0.08])
    t = step.times[step.times >= 0]
    for k, v in enumerate((10.0, -10.0)):  # mV above rest; nS mV = pA
        w = 2.0 * v * -np.expm1(-t / 50.0)
        assert step.traces["w"][k][step.times >= 0] == pytest.approx(w, abs=1e-6)
        exact = (10.0 * v + w - 50.0) / 1000.0
        assert step.currents[k][step.times >= 0] == pytest.approx(exact, abs=1e-9)
    assert step.units["I"] == "nA"
    assert step.units["V"] == "V"


def test_thresholds_do_not_disturb_a_clamp() -> None:
    step = voltage_step("iaf_psc_exp", [0.0], duration=20, backend="reference")
    assert step.steady == pytest.approx([250.0 / 10.0 * 70.0])


def test_vectors_begin_in_their_steady_state() -> None:
    text = "model m:\n    state:\n        V mV = 0 mV\n        w[3] pA = 0 pA\n    equations:\n"
    text += "        V' = (I - w[0] - w[1] - w[2]) / (100 pF)\n"
    text += "        w' = (a * V - w) / (10 ms)\n    parameters:\n        a[3] nS = 2 nS\n"
    text += "    input:\n        I pA <- continuous\n    update:\n        integrate_odes()\n"
    step = voltage_step(load(text), [10.0], holding=5.0, before=3, duration=10, backend="reference")
    before = step.times < 0
    assert step.currents[0][before] == pytest.approx(30.0, rel=1e-9)
    t = step.times[~before]
    assert step.currents[0][~before] == pytest.approx(60 - 30 * np.exp(-t / 10), rel=1e-7)


def test_of_several_ports_for_a_current_the_usual_one_is_taken() -> None:
    text = VOLT.replace("I nA <- continuous", "I_stim nA <- continuous\n        I pA <- continuous")
    text = text.replace("I + I_e", "I + I_stim + I_e")
    text += "    output:\n        spike\n    onCondition(V > 1 V):\n        emit_spike()\n"
    assert f_i_curve(load(text), [0.1], duration=201).port == "I_stim"


def test_current_steps_of_a_membrane() -> None:
    levels = np.array([-100.0, 100.0, 300.0])
    step = current_step("iaf_psc_exp", levels, before=5, duration=60, after=40, backend="reference")
    t = step.times
    on, off = (t >= 0) & (t <= 60), t > 60
    for k, level in enumerate(levels):
        rise = level * 10.0 / 250.0
        exact = np.where(on, -70 - rise * np.expm1(-t / 10), -70.0)
        end = -70 - rise * math.expm1(-6.0)
        exact = np.where(off, -70 + (end + 70) * np.exp(-(t - 60) / 10), exact)
        assert step.traces["V_m"][k] == pytest.approx(exact, abs=1e-10)
    assert [len(s) for s in step.spikes] == [0, 0, 0]
    assert len(current_step("iaf_psc_exp", 500.0, backend="reference").spikes[0]) > 5


# Plasticity


def test_the_window_of_pairs() -> None:
    given = {"lambda": 0.02, "alpha": 0.7, "mu_plus": 0.4, "mu_minus": 0.6, "tau_tr_post": 30.0}
    window = stdp_window(
        "stdp", [-40, -10.5, -1, 1, 10.5, 40], parameters=given, initial={"w": 30.0}
    )
    t = window.intervals
    up = 0.02 * 100 * (1 - 0.3) ** 0.4 * np.exp(-t / 20)
    down = -0.7 * 0.02 * 100 * 0.3**0.6 * np.exp(t / 30)
    assert window.changes == pytest.approx(np.where(t > 0, up, down), rel=1e-9)
    assert window.before == 30.0
    assert window.relative == pytest.approx(window.changes / 30)


def test_a_reward_may_come_long_after_the_pairs() -> None:
    """dw/dt = c n from the reward on: Izhikevich (2007), with both decaying."""
    reward, tau_c, tau_n = 300.0, 1000.0, 200.0
    what = {"parameters": {"A_plus": 1.0, "A_minus": 1.0}, "spikes": {"mod_spikes": [reward]}}
    assert stdp_window("stdp_dopamine", [10, -10], **what).changes.tolist() == [0.0, 0.0]
    late = stdp_window("stdp_dopamine", [10, -10], after=5000, **what)
    tau_s = tau_c * tau_n / (tau_c + tau_n)
    eligible = math.exp(-10 / 20) * math.exp(-(reward - 21) / tau_c)
    expected = eligible * tau_s / tau_n
    assert late.changes[0] == pytest.approx(expected, rel=1e-6)
    assert late.changes[1] < 0


def test_pairs_add_up() -> None:
    """Additive depression: n pairs far apart do n times what one does."""
    given = {"mu_plus": 0.0, "mu_minus": 0.0}
    what = {"parameters": given, "initial": {"w": 50.0}}
    one = stdp_window("stdp", [10, -10], **what)
    three = stdp_window("stdp", [10 * u.ms, -0.01 * u.s], pairs=3, period=800, **what)
    assert three.intervals.tolist() == [10, -10]
    assert three.changes == pytest.approx(3 * one.changes, rel=1e-9)


def test_depression_and_recovery() -> None:
    """Tsodyks & Markram (1997), Proc. Natl. Acad. Sci. 94:719-723, and facilitation as in 1998."""
    model = load("tsodyks2")
    p = model.parameters
    found = short_term_plasticity(model, 25 * u.Hz, spikes=6, recovery=[100.0, 1000.0])

    def passed_on(times: FloatArray) -> list[float]:
        x, use, amplitudes = 1.0, p["U"], []
        for gap in np.append(np.diff(times), 0.0):
            amplitudes.append(x * use)
            x = 1 + (x - x * use - 1) * math.exp(-gap / p["tau_rec"])
            facilitated = use * math.exp(-gap / p["tau_fac"]) if p["tau_fac"] > 0 else 0.0
            use = p["U"] + facilitated * (1 - p["U"])
        return amplitudes

    exact = np.array(passed_on(found.times))
    assert found.relative == pytest.approx(exact / exact[0], rel=1e-9)
    for pause, amplitude in zip(found.recovery, found.recovered, strict=True):
        later = passed_on(np.append(found.times, found.times[-1] + pause))[-1]
        assert amplitude / found.amplitudes[0] == pytest.approx(later / exact[0], rel=1e-9)
    assert found.rate == pytest.approx(25.0)
    assert found.paired_pulse_ratio == pytest.approx(exact[1] / exact[0])


# Phase plane


FITZHUGH_NAGUMO = """\
model fhn:
    state:
        v real = -1.2
        r real = -0.6
        slow real = 0.3
    equations:
        v' = (v - v**3 / 3 - r + drive + 0 * slow) / 1 ms
        r' = 0.08 * (v + 0.7 - 0.8 * r) / 1 ms
        slow' = (1 - 2 * slow + 0 * v) / 10 ms
    parameters:
        drive real = 0
    update:
        integrate_odes()
"""


@pytest.mark.parametrize(("drive", "kind"), [(0.0, "stable focus"), (0.5, "unstable focus")])
def test_the_plane_of_fitzhugh_and_nagumo(drive: float, kind: str) -> None:
    """FitzHugh (1961), Biophys. J. 1:445-466."""
    plane = phase_plane(
        load(FITZHUGH_NAGUMO),
        "v",
        "r",
        x_range=(-2.5, 2.5),
        y_range=(-1, 2),
        parameters={"drive": drive},
    )
    v, r = plane.x_nullcline.reshape(-1, 2).T
    assert len(v) > 200
    assert r == pytest.approx(v - v**3 / 3 + drive, abs=1e-9)
    v, r = plane.y_nullcline.reshape(-1, 2).T
    assert r == pytest.approx((v + 0.7) / 0.8, abs=1e-9)
    (point,) = plane.fixed_points
    x = brentq(lambda v: v - v**3 / 3 + drive - (v + 0.7) / 0.8, -3, 3)
    assert point.x == pytest.approx(x, abs=1e-9)
    assert point.y == pytest.approx((x + 0.7) / 0.8, abs=1e-9)
    trace, determinant = 1 - x**2 - 0.064, -(1 - x**2) * 0.064 + 0.08
    assert sum(point.eigenvalues).real == pytest.approx(trace)
    assert math.prod(point.eigenvalues).real == pytest.approx(determinant)
    assert point.kind == kind
    assert point.is_stable == kind.startswith("stable")
    assert plane.frozen == {"slow": pytest.approx(0.5)}
    i, j = 7, 11
    assert plane.dx[i, j] == pytest.approx(
        plane.x[j] - plane.x[j] ** 3 / 3 - plane.y[i] + drive, rel=1e-12
    )


def test_the_plane_of_the_squid_axon() -> None:
    plane = phase_plane(
        "hh_psc_alpha", "V_m", "Act_n", x_range=(-80 * u.mV, 40 * u.mV), y_range=(0, 1),
        resolution=60,
    )  # fmt: skip
    m, h = plane.frozen["Act_m"], plane.frozen["Inact_h"]
    v, n = plane.x_nullcline.reshape(-1, 2).T
    assert hh_current(v, m, h, n) / 1e5 == pytest.approx(np.zeros(len(v)), abs=1e-9)
    v, n = plane.y_nullcline.reshape(-1, 2).T
    steady = [a / (a + b) for a, b in (hh_rates(x)["Act_n"] for x in v.tolist())]
    assert n == pytest.approx(steady, abs=1e-9)
    assert plane.fixed_points[0].x == pytest.approx(-65.0, abs=0.1)


def test_a_current_moves_a_nullcline() -> None:
    what = {"x_range": (-80, -30), "y_range": (-20, 20)}
    assert len(phase_plane("izhikevich", "V_m", "U_m", **what).fixed_points) == 2
    assert phase_plane("izhikevich", "V_m", "U_m", current=10.0, **what).fixed_points == ()
    here = phase_plane("izhikevich", "V_m", "U_m", current=10.0, port="I_e", **what)
    assert here.summary() == "no fixed point"


# All results


RESULTS: dict[str, Callable[[], Measurement]] = {
    "f_i_curve": lambda: f_i_curve("iaf_psc_exp", [300, 400, 500], duration=300),
    "psp": lambda: psp("iaf_psc_exp", weight=50.0, duration=30),
    "voltage_step": lambda: voltage_step("hh_psc_alpha", [-80, 0], duration=5),
    "many levels": lambda: voltage_step(load(VOLT), np.linspace(-0.1, 0, 12), duration=5),
    "current_step": lambda: current_step("iaf_psc_exp", [-100, 500], duration=30),
    "stdp_window": lambda: stdp_window("stdp", [-20, -10, 10, 20]),
    "short_term_plasticity": lambda: short_term_plasticity("tsodyks2", spikes=3, recovery=[100]),
    "phase_plane": lambda: phase_plane(
        "izhikevich", "V_m", "U_m", x_range=(-80, -30), y_range=(-20, 10), resolution=40
    ),
}


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_every_result_can_be_seen_and_taken_away(
    make: Callable[[], Measurement], tmp_path: Path
) -> None:
    result = make()
    columns = result.columns()
    assert len({len(x) for x in columns.values()}) == 1
    assert set(columns) <= set(result.units)
    figure = result.plot(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 5000
    assert figure.axes[0].get_title(loc="left") == result.model
    assert all(a.get_xlabel() for a in figure.axes[-1:] if a.get_lines())
    assert result.model in repr(result)
    assert {"image/png", "text/plain"} == set(result._repr_mimebundle_())
    result.to_csv(tmp_path / "a.csv")
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as file:
        heading, *rows = csv.reader(file)
    assert heading == [f"{name} ({result.units[name]})" for name in columns]
    table = np.array(rows, dtype=float)
    assert np.array_equal(table, np.column_stack(list(columns.values())), equal_nan=True)


def test_a_frame_of_a_result() -> None:
    pytest.importorskip("pandas")
    curve = f_i_curve("iaf_psc_exp", [300, 400], duration=300, backend="reference")
    frame = curve.to_frame()
    assert frame["rate"].tolist() == curve.rates.tolist()
    assert frame.attrs["units"] == {
        "current": "pA", "rate": "Hz", "spikes": "1", "latency": "ms",
    }  # fmt: skip


def test_experiments_that_do_not_fit_the_model() -> None:
    text = problem(f_i_curve, "iaf_psc_exp", [1.0], port="I_stin")
    assert "NML970" in text
    assert "did you mean `I_stim`?" in text
    assert "is a synapse, not a neuron" in problem(f_i_curve, "stdp", [1.0])
    assert "is a neuron, not a synapse" in problem(stdp_window, "iaf_psc_exp")
    assert "no port for a current" in problem(current_step, load(FITZHUGH_NAGUMO), [1.0])
    assert "no spike port `exc`" in problem(psp, "iaf_psc_exp", "exc")
    assert "is no multiple of 0.1 ms" in problem(stdp_window, "stdp", [0.05])
    assert "two variables" in problem(
        phase_plane, "izhikevich", "V_m", "V_m", x_range=(0, 1), y_range=(0, 1)
    )
    assert "no variable with an equation `W`" in problem(
        phase_plane, "izhikevich", "V_m", "W", x_range=(0, 1), y_range=(0, 1)
    )
    assert "NML902" in problem(f_i_curve, "iaf_psc_exp", ["1 mV"])


def test_a_neuron_that_fires_has_no_postsynaptic_potential() -> None:
    text = problem(psp, "iaf_psc_exp", weight=1e5)
    assert "NML972" in text
    assert "use a smaller weight" in text
    text = problem(psp, "iaf_psc_exp", parameters={"I_e": 500.0})
    assert "fires without the spike" in text


def test_a_model_without_rest() -> None:
    text = "model m:\n    state:\n        V mV = 0 mV\n        x real = 0\n"
    text += (
        "    equations:\n        V' = (I - V * pA / mV) / pF\n        x' = (1 + (V / mV)**2) / ms\n"
    )
    text += "    input:\n        I pA <- continuous\n    update:\n        integrate_odes()\n"
    model = load(text)
    assert "NML971" in problem(voltage_step, model, [1.0], potential="V")
    given = voltage_step(model, [1.0], potential="V", initial={"x": 0.0}, duration=1)
    assert given.steady == pytest.approx([1.0])


def clamped(equation: str, more: str = "") -> str:
    text = f"model m:\n    state:\n        V mV = 0 mV\n        n integer = 1\n{more}"
    text += f"    equations:\n        {equation}\n"
    text += "    input:\n        I pA <- continuous\n    function twice(x mV) mV:\n"
    text += "        y mV = 2 * x\n        while y > 3 mV:\n            y -= 1 mV\n"
    return text + "        return y\n    update:\n        integrate_odes()\n"


@pytest.mark.parametrize(
    ("equation", "why"),
    [
        ("V' = -V / ms + I**2 / (pF * pA)", "is not linear in `I`"),
        ("V' = -V / ms", "does not depend on `I`"),
        ("V'' = -V / ms**2 - V' / ms + I / (pF * ms)", "is of higher order"),
    ],
)
def test_potentials_that_no_current_holds(equation: str, why: str) -> None:
    more = "        V' mV/ms = 0 mV/ms\n" if "V''" in equation else ""
    text = problem(voltage_step, load(clamped(equation, more)), [1.0], potential="V")
    assert "NML973" in text
    assert why in text


def test_equations_that_are_no_formulas() -> None:
    model = load(clamped("V' = -twice(V) / ms + I / pF"))
    text = problem(phase_plane, model, "V", "V", x_range=(0, 1), y_range=(0, 1))
    assert "NML974" in text


def test_all_of_them_are_documented() -> None:
    page = (Path(__file__).parent.parent / "docs" / "python.md").read_text(encoding="utf-8")
    functions = [n for n in experiments.__all__ if n.islower()]
    assert len(functions) == 7
    assert all(f"experiments.{n}(" in page for n in functions)


EXPLAINED = [e for e in read(CORE).found if "NML970" <= e.code < "NML980"]


@pytest.mark.parametrize("e", EXPLAINED, ids=lambda e: e.code)
def test_what_is_explained_is_so(e: Explanation, tmp_path: Path) -> None:
    """The wrong example ends with its code, the right one goes through."""
    for example, is_wrong in ((e.wrong[0], True), (e.right[0], False)):
        script = tmp_path / "example.py"
        script.write_text(example.text, encoding="utf-8")
        if is_wrong:
            with pytest.raises(ModelError) as caught:
                runpy.run_path(str(script))
            assert {d.code.id for d in caught.value.diagnostics if d.is_error} == {e.code}
        else:
            runpy.run_path(str(script))
