"""Generated neurons beside those that NEST has built in: same spikes, same potentials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

InNest = Callable[..., Any]
Values = dict[str, float]


@pytest.mark.parametrize(
    ("model", "case"),
    [
        ("iaf_psc_exp", ({}, {}, 30.0)),
        (
            "iaf_psc_exp",
            (
                {"tau_syn_exc": 3.0, "tau_syn_inh": 0.7, "refr_T": 1.3, "I_e": 150.0},
                {"tau_syn_ex": 3.0, "tau_syn_in": 0.7, "t_ref": 1.3, "I_e": 150.0},
                60.0,
            ),
        ),
        # time constants that are the same, or nearly: textbook propagators are 0/0 there
        *(
            (
                "iaf_psc_exp",
                (
                    {"tau_syn_exc": tau, "tau_syn_inh": tau},
                    {"tau_syn_ex": tau, "tau_syn_in": tau},
                    40.0,
                ),
            )
            for tau in (10.0, 10.0 * (1 + 1e-15), 10.0 * (1 - 1e-9), 10.0 * (1 + 1e-6))
        ),
        ("iaf_psc_delta", ({}, {}, 0.3)),
        ("iaf_psc_delta", ({"tau_m": 20.0, "refr_T": 0.5}, {"tau_m": 20.0, "t_ref": 0.5}, 0.5)),
        ("izhikevich", ({}, {}, 0.2)),
        ("izhikevich", ({"d": 2.0, "I_e": 5.0}, {"d": 2.0, "I_e": 5.0}, 0.4)),
    ],
)
def test_agrees_with_the_native_model(
    in_nest: InNest, module: str, model: str, case: tuple[Values, Values, float]
) -> None:
    ours, theirs, weight = case
    generated = f"{model}_nestml"
    found = in_nest(
        "compare",
        modules=[module],
        models=[generated, model],
        parameters=[ours, theirs],
        weight=weight,
    )
    mine, native = found[generated], found[model]
    assert len(native["spikes"]) > 10
    assert mine["spikes"] == native["spikes"]
    assert len(mine["V_m"]) == 9990
    assert np.abs(np.subtract(mine["V_m"], native["V_m"])).max() < 1e-9


def test_synapses_of_nest_see_the_spikes(in_nest: InNest, module: str) -> None:
    """The archive of spikes that plastic synapses read is there."""
    native, generated = (
        in_nest("plasticity", modules=[module], model=m)["weight"]
        for m in ("iaf_psc_exp", "iaf_psc_exp_nestml")
    )
    assert native != 5.0
    assert generated == pytest.approx(native, rel=1e-12)


def test_threads_change_nothing(in_nest: InNest, module: str) -> None:
    one, four = (
        in_nest("network", modules=[module], model="iaf_psc_exp_nestml", threads=n) for n in (1, 4)
    )
    assert len(one["spikes"]) > 100
    assert one == four
