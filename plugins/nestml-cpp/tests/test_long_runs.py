"""Long runs keep spikes where closed forms put them, step by step.

``NESTML_LONG_SECONDS`` says how long: 1e5 in ``tox -e cpp-library``.
"""

from __future__ import annotations

import os
from pathlib import Path

import mpmath
import numpy as np
import pytest
from generated_programs import neurons, solved

from nestml_core.testing import models

SECONDS = float(os.environ.get("NESTML_LONG_SECONDS", "200"))
DT = 0.1
STEPS = round(SECONDS * 1e4)


def interval(current: float) -> int:
    """Return the steps from spike to spike of ``iaf_psc_exp`` under a constant current.

    After the refractory period V follows V_inf + (E_L - V_inf) exp(-t / tau_m); the spike is in the
    first step at whose end that has reached V_th.
    """
    with mpmath.workdps(60):
        rise = mpmath.mpf(current) * 10 / 250
        needed = -10 * mpmath.log(1 - 15 / rise) / mpmath.mpf("0.1")
        assert abs(needed - mpmath.nint(needed)) > 1e-6, "a current that meets the threshold"
        return 20 + int(mpmath.ceil(needed))


@pytest.mark.parametrize("one_by_one", [False, True])
def test_spikes_stay_on_their_grid(
    one_by_one: bool, compiler: tuple[str, ...], tmp_path: Path
) -> None:
    """Not one step is lost or gained: each spike is a whole number of intervals from the first."""
    model = models()["iaf_psc_exp"]
    many = neurons(model, tmp_path, 1, one_by_one=one_by_one)
    (drive,) = (d.symbol for d in model.parameters if d.symbol.name == "I_e")
    many.set({drive: 437.0})
    assert many.begin() == ()
    many.reserve(1000)
    many.begin()
    steps = STEPS if not one_by_one else STEPS // 10
    assert many.run(steps) == ()
    assert many.steps_done == steps
    each = interval(437.0)
    first = each - 20  # it starts at rest, not refractory
    expected = first + each * np.arange((steps - first) // each + 1)
    assert np.array_equal(many.spike_steps, expected)


CLOCK = """
model clock:
    state:
        ticks integer = 0
        worst ms = 0 ms
    output:
        spike
    update:
        worst = max(worst, abs(t - 0.1 ms * round(t / 0.1 ms)))
        if t > (ticks + 1) * 1000 ms - 0.05 ms:
            ticks += 1
            emit_spike()
"""


def test_the_time_does_not_drift(compiler: tuple[str, ...], tmp_path: Path) -> None:
    """`t` is the number of steps times their length, not a sum of so many lengths."""
    model = solved(CLOCK)
    many = neurons(model, tmp_path, 1)
    many.reserve(1000)
    many.begin()
    assert many.run(STEPS) == ()
    begin = many.spike_steps[0]
    assert begin in (10000, 10001), "t is that of the begin or the end of a step"
    assert np.array_equal(many.spike_steps, np.arange(begin, STEPS + 1, 10000))
    assert many["worst"][0] <= np.spacing(SECONDS * 1e3)


def test_a_run_in_pieces_is_one_run(compiler: tuple[str, ...], tmp_path: Path) -> None:
    """Bit for bit, wherever it is cut, with random numbers too."""
    model = models()["noise"]
    whole, pieces = (neurons(model, tmp_path, 7) for _ in range(2))
    names = [r.symbol.name for r in model.recordables]
    for many in (whole, pieces):
        many.begin()
    assert whole.run(1000) == ()
    for steps in (1, 15, 16, 17, 300, 651):
        assert pieces.run(steps) == ()
    for name in names:
        assert (whole[name] == pieces[name]).all()
    assert (whole.spike_steps == pieces.spike_steps).all()
