"""Models of the library against the models of the same name that the reference toolchain ships.

Our compiler reads both: what is compared are the models. Those of the toolchain are numbers in and
numbers out here. Where ours do otherwise, ``DIFFERENCES`` says why, and how to make ours do the
same; with that change the traces must agree, so that there is no other difference.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from peer_drive import DRIVE, rate_of

import nestml_core
from nestml_core.library import LIBRARY
from nestml_core.loading import LoadedModel
from nestml_core.results import Run
from nestml_core.solve import SolveOptions
from nestml_core.solved import Method
from nestml_core.stimuli import poisson_train

PACKAGE = os.environ.get("NESTML_PEER_PACKAGE", "")
RENAMED = MappingProxyType({"stdp_dopamine": "neuromodulated_stdp"})
OURS = {p.stem: p for p in sorted(LIBRARY.glob("*/*.nestml"))}
THEIRS = {
    name: path
    for name in OURS
    for path in (Path(PACKAGE).glob("**/models/*/*.nestml") if PACKAGE else ())
    if path.stem.rpartition("_")[0] == RENAMED.get(name, name)
}
NEURONS = [name for name in THEIRS if OURS[name].parent.name == "neurons"]
SYNAPSES = [name for name in THEIRS if OURS[name].parent.name == "synapses"]

pytestmark = pytest.mark.skipif(not PACKAGE, reason="set NESTML_PEER_PACKAGE, or use tox -e peers")

DT = 0.125
"""A power of two: so their refractory timers, which count down in ms, end when they should."""

COUNTERS = frozenset({"refr_counter", "phase", "phase_steps"})
"""Recordables that count in another way; what they are for is compared."""


@dataclass(frozen=True)
class Difference:
    """What ours does otherwise.

    Attributes
    ----------
    reason : why
    changes : pieces of our text, and what to put there to get theirs
    initial : initial values that ours needs to get theirs
    parameters, start : parameters and initial values for both, with which they can be compared
    defaults : of ours, where they are not theirs
    silent : whether theirs never fires, or the place of its spikes is known to be another
    apart : recordables that mean something else
    """

    reason: str
    changes: tuple[tuple[str, str], ...] = ()
    initial: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, float] = field(default_factory=dict)
    start: Mapping[str, float] = field(default_factory=dict)
    defaults: Mapping[str, float] = field(default_factory=dict)
    silent: bool = False
    apart: frozenset[str] = frozenset()


NOTHING = Difference("none")

WITHIN_THE_STEP = (
    """        # since then b decays, and w tends to what belongs to V_reset in place of V_peak
        w += b * exp(-since / tau_w) + a * (V_peak - V_reset) * expm1(-since / tau_w)
""",
    "        w += b\n",
)
SINCE = (
    """        # the time since V_m was at V_peak; where V_m falls there by now, it counts as none
        since ms = slope > 0 mV/ms ? min((V_m - V_peak) / slope, resolution()) : 0 ms
""",
    "",
)
AT_ONCE = ("        if refr_count == 0:\n            V_m += slope * since\n", "")
AEIF = Difference(
    "as in NEST, w takes into account when in the step V_m got to V_peak; theirs adds b at its end",
    changes=(WITHIN_THE_STEP, SINCE, AT_ONCE),
)
AEIF_PSC = Difference(
    "besides, theirs takes V_th, where a spike sets in, for the potential at which it is emitted",
    changes=(
        WITHIN_THE_STEP,
        SINCE,
        AT_ONCE,
        ("onCondition(refr_steps == 0 and V_m >= V_peak)", "onCondition(V_m >= V_th)"),
    ),
)
LAST_STEP = (
    "        elif V_m >= 0 mV and V_m < V_m_old:",
    "        if refr_steps == 0 and V_m >= 0 mV and V_m < V_m_old:",
)
CLOSED = MappingProxyType({"gate_h": 0.0, "gate_n": 0.0, "gate_r": 0.0})
TERUB = (
    "theirs starts with closed gates, drives V_m away from the reversal potential of inhibition, "
    "and counts spikes in the last step of the refractory period"
)

DIFFERENCES: Mapping[str, Difference] = {
    "aeif_cond_alpha": AEIF,
    "aeif_cond_alpha_alt": AEIF,
    "aeif_cond_exp": AEIF,
    "aeif_psc_alpha": AEIF_PSC,
    "aeif_psc_exp": AEIF_PSC,
    "hh_cond_exp_destexhe": Difference(
        "noise is drawn in another order; theirs cannot fire, because a local variable hides the "
        "potential of the step before",
        parameters={"sigma_noise_exc": 0.0, "sigma_noise_inh": 0.0},
        silent=True,
    ),
    "hh_moto_5ht": Difference(
        "theirs has calcium a thousand times as slow, by a unit that its own compiler drops, and "
        "adds the current of inhibition",
        changes=(
            ("0.01 / 1 ms", "0.01 / 1 s"),
            ("I_syn_ex - I_syn_in + I_e + I_stim) /", "I_syn_ex + I_syn_in + I_e + I_stim) /"),
        ),
    ),
    "hill_tononi": Difference(
        "theirs starts with closed gates and without sodium, at -70 mV; while the potassium "
        "current of a spike should flow, it stands still",
        changes=(
            (
                "        integrate_odes()\n        if spike_steps > 0:\n"
                "            spike_steps -= 1\n",
                "        if spike_steps > 0:\n            spike_steps -= 1\n"
                "        else:\n            integrate_odes()\n",
            ),
        ),
        initial={"V_m": -70.0, "IKNa_D": 0.0, "IT_m": 0.0, "IT_h": 0.0, "Ih_m": 0.0},
    ),
    "iaf_chxk_2008": Difference(
        "theirs takes the value of the alpha function's exponential for its derivative",
        changes=(("slope * (1 - since / tau_ahp)", "slope"),),
    ),
    "iaf_cond_exp_sfa_rr": Difference(
        "as in NEST, g_sfa and g_rr decay during the refractory period; theirs stand still",
        changes=(("            integrate_odes(g_sfa, g_rr)\n", ""),),
    ),
    "iaf_psc_exp_htum": Difference(
        "theirs counts below zero without end and never fires, as it waits for zero",
        changes=(
            ("        if r_tot > 0:\n            r_tot -= 1", "        r_tot -= 1"),
            (
                "        if r_abs > 0:\n            r_abs -= 1\n        else:",
                "        if r_abs == 0:",
            ),
        ),
        silent=True,
    ),
    "ignore_and_fire": Difference(
        "as in NEST, the first spike comes after the phase; theirs after half a period, whatever "
        "the phase is",
        initial={"phase_steps": 399},
        parameters={"firing_rate": 10.0},
    ),
    "mat2_psc_exp": Difference(
        "as in NEST, and as the model is published, V_m and the threshold never stand still; "
        "theirs do for refr_T after a spike",
        changes=(
            (
                "        integrate_odes()\n        if refr_steps > 0:\n"
                "            refr_steps -= 1\n",
                "        if refr_steps > 0:\n            refr_steps -= 1\n"
                "        else:\n            integrate_odes()\n",
            ),
            ("refr_count + 1", "refr_count"),
        ),
    ),
    "stdp_dopamine": Difference(
        "theirs lets the weight leave its bounds; compared between them",
        start={"w": 100.0},
    ),
    "stdsp": Difference(
        "compared where the synapse is mature: theirs starts with the weight of a mature one",
        parameters={"lambda_minus": 0.0},
        start={"permanence": 20.0},
    ),
    "terub_gpe": Difference(
        TERUB,
        changes=(("g_inh * (E_gg - V_m)", "g_inh * (V_m - E_gg)"), LAST_STEP),
        initial=CLOSED,
    ),
    "terub_stn": Difference(
        TERUB,
        changes=(("g_inh * (E_gs - V_m)", "g_inh * (V_m - E_gs)"), LAST_STEP),
        initial=CLOSED,
    ),
    "tsodyks": Difference(
        "theirs keeps its variables as they were at the last spike; the weights are the same",
        apart=frozenset({"x", "y", "u"}),
    ),
    "wb_cond_exp": Difference(
        "theirs counts local maxima above 0 mV, whatever V_Tr is; that is our default",
        defaults={"V_Tr": 0.0},
    ),
    "wb_cond_multisyn": Difference(
        "theirs takes peaks of EPSPs above -55 mV for spikes",
        parameters={"V_Tr": -55.0},
        defaults={"V_Tr": 0.0},
    ),
}


def test_all_models_have_a_namesake() -> None:
    assert len(NEURONS) == 30
    assert len(SYNAPSES) == 10
    assert set(DRIVE) == set(NEURONS)
    assert set(DIFFERENCES) <= set(THEIRS)


def pair(name: str) -> tuple[LoadedModel, LoadedModel]:
    """Return ours, with the changes that make it theirs, and theirs.

    One integrator for both: the choice by analysis is for other tests, and takes longer.
    """
    text = OURS[name].read_text(encoding="utf-8")
    for ours, theirs in DIFFERENCES.get(name, NOTHING).changes:
        assert ours in text, f"`{ours}` is no longer in {name}"
        text = text.replace(ours, theirs)
    solving = SolveOptions(Method.RK45)
    return (
        nestml_core.load(text, solving=solving),
        nestml_core.load(THEIRS[name], solving=solving),
    )


@pytest.mark.parametrize("name", THEIRS)
def test_same_parameters_and_ports(name: str) -> None:
    ours, theirs = nestml_core.load(OURS[name]), nestml_core.load(THEIRS[name])
    assert set(ours.parameters) == set(theirs.parameters)
    for parameter, value in theirs.parameters.items():
        assert ours.units[parameter] == theirs.units[parameter], parameter
        # defaults that are computed may differ in the last digit
        expected = DIFFERENCES.get(name, NOTHING).defaults.get(parameter, value)
        assert ours.parameters[parameter] == pytest.approx(expected, rel=1e-14), parameter
    assert spike_ports(ours) == spike_ports(theirs)
    assert {p: ours.units[p] for p in ours.continuous_ports} == {
        p: theirs.units[p] for p in theirs.continuous_ports
    }
    assert ours.solved.kind is theirs.solved.kind


def spike_ports(model: LoadedModel) -> set[tuple[str, str, int | None]]:
    return {(p.symbol.name, p.sign.value, p.symbol.length) for p in model.solved.spike_ports}


@pytest.mark.parametrize("stimulus", ["current", "spikes"])
@pytest.mark.parametrize("name", NEURONS)
def test_same_response(name: str, stimulus: str) -> None:
    ours, theirs = pair(name)
    difference = DIFFERENCES.get(name, NOTHING)
    current, weight = DRIVE[name]
    inputs: dict[str, Any] = {"currents": {}, "spikes": {}}
    if stimulus == "spikes":
        inputs["spikes"] = {
            port: poisson_train(rate_of(port), weight, 100.0, DT, seed=k + 1)
            for k, port in enumerate(sorted(ours.spike_ports))
        }
    elif ours.continuous_ports:
        inputs["currents"] = {"I_stim": current}
    a, b = both(ours, theirs, difference, 100.0, inputs)
    if difference.silent:
        assert len(b.spikes) == 0
    else:
        assert len(a.spikes) >= (1 if name in ("hh_moto_5ht", "ignore_and_fire") else 2)
        assert a.spike_steps.tolist() == b.spike_steps.tolist()
    compare(a, b, COUNTERS | difference.apart)


@pytest.mark.parametrize("name", SYNAPSES)
def test_same_weights(name: str) -> None:
    ours, theirs = pair(name)
    difference = DIFFERENCES.get(name, NOTHING)
    rates = {"pre_spikes": 40.0, "post_spikes": 40.0, "mod_spikes": 5.0}
    trains = {
        port: poisson_train(rates[port], 1.0, 300.0, DT, seed=k + 3)
        for k, port in enumerate(ours.spike_ports)
    }
    a, b = both(ours, theirs, difference, 300.0, {"spikes": trains})
    assert len(a.spikes) > 5
    assert a.spike_steps.tolist() == b.spike_steps.tolist()
    assert np.allclose(a.weights, b.weights, rtol=1e-12, atol=1e-12)
    compare(a, b, difference.apart)


def both(
    ours: LoadedModel,
    theirs: LoadedModel,
    difference: Difference,
    duration: float,
    inputs: Mapping[str, Any],
) -> tuple[Run, Run]:
    inputs = {**inputs, "parameters": difference.parameters, "backend": "reference"}
    start = dict(difference.start)
    return (
        ours.simulate(duration, DT, initial={**start, **difference.initial}, **inputs),
        theirs.simulate(duration, DT, initial=start, **inputs),
    )


def compare(a: Run, b: Run, apart: frozenset[str]) -> None:
    """Compare what both record; the integrators' own tolerance decides."""
    common = [name for name in a.recorded if name in b.recorded and name not in apart]
    for name in common:
        difference = np.abs(a[name] - b[name]).max()
        assert difference <= 1e-6 * max(1.0, np.abs(b[name]).max()), name
