"""Models that are exactly a neuron process of Lava: which they are, and with which numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nestml_lava.library import (
    HEADER,
    SYNAPSES,
    Outcome,
    SynapseOutcome,
    outcomes,
    row,
    synapse_outcomes,
    synapse_row,
)
from nestml_lava.stock import Lif, detect

from nestml_core.api import Experiment, Schedule, SolvedModel, interpret, library_models, load
from nestml_core.experiment import schedule
from nestml_core.stimuli import poisson_train

PAGE = Path(__file__).parent.parent / "docs" / "library.md"


@pytest.fixture(scope="module")
def found() -> list[Outcome]:
    return list(outcomes())


@pytest.fixture(scope="module")
def synapses() -> list[SynapseOutcome]:
    return list(synapse_outcomes())


def test_the_page_is_up_to_date(found: list[Outcome], synapses: list[SynapseOutcome]) -> None:
    """Otherwise: python -m nestml_lava table > docs/library.md."""
    expected = HEADER + "\n".join(map(row, found)) + SYNAPSES
    assert PAGE.read_text() == expected + "\n".join(map(synapse_row, synapses)) + "\n"


def test_every_model_is_in_the_table(found: list[Outcome], synapses: list[SynapseOutcome]) -> None:
    names = {p.stem for p in library_models()}
    assert {o.model for o in (*found, *synapses)} == names


WHAT_SYNAPSES_ARE = {
    "clopath": ("LAVA208", "LAVA208"),
    "noisy": ("LAVA210", "LAVA210"),
    "quantal_stp": ("LAVA210", "LAVA210"),
    "static": ("Delayed", "LAVA216"),
    "stdp": ("LearningDense", "LearningDense"),
    "stdp_dopamine": ("LearningDense", "LAVA208"),
    "stdp_nn_pre_centered": ("LAVA205", "LAVA205"),
    "stdp_nn_restr_symm": ("LAVA206", "LAVA206"),
    "stdp_nn_symm": ("LAVA204", "LAVA204"),
    "stdp_triplet": ("LearningDense", "LearningDense"),
    "stdp_vogels": ("LearningDense", "LAVA215"),
    "stdsp": ("LAVA209", "LAVA209"),
    "tsodyks": ("relay", "LAVA212"),
    "tsodyks2": ("relay", "LAVA212"),
}


def test_what_the_synapses_are(synapses: list[SynapseOutcome]) -> None:
    assert {o.model: (o.kind, o.whole_kind) for o in synapses} == WHAT_SYNAPSES_ARE


def test_what_the_models_are(found: list[Outcome]) -> None:
    kinds = {o.model: o.kind for o in found}
    stock = {m for m, kind in kinds.items() if not kind.startswith("LAVA")}
    assert stock == {"iaf_psc_delta", "iaf_psc_exp", "iaf_psc_exp_htum"}
    assert kinds["iaf_psc_alpha"] == "LAVA111"
    assert kinds["izhikevich"] == kinds["iaf_cond_exp"] == kinds["hh_psc_alpha"] == "LAVA103"
    assert kinds["mat2_psc_exp"] == kinds["amat2_psc_exp"] == "LAVA104"
    assert kinds["pif_psc_delta"] == kinds["ignore_and_fire"] == "LAVA107"
    assert kinds["poisson"] == "LAVA112"
    assert kinds["tanh_rate"] == "LAVA110"
    fixed = {o.model: o.fixed for o in found}
    assert sum(f == "yes" for f in fixed.values()) >= 22
    assert fixed["izhikevich"] == fixed["iaf_psc_alpha"] == fixed["iaf_cond_exp"] == "yes"
    assert fixed["hh_psc_alpha"] == fixed["aeif_cond_exp"] == fixed["morris_lecar"] == "LAVA105"
    assert fixed["iaf_chxk_2008"] == "LAVA113"
    assert fixed["gif_psc_exp"] == fixed["iaf_psc_exp_multisynapse"] == "LAVA114"


@pytest.mark.parametrize(
    ("model", "parameters", "code"),
    [
        ("iaf_psc_exp", {"tau_syn_inh": 3.0}, "LAVA101"),
        ("iaf_psc_exp_htum", {"t_ref_tot": 4.0}, "LAVA106"),
        ("iaf_psc_exp", {"V_reset": -50.0}, "LAVA106"),
        ("iaf_psc_exp", {"V_th": math.inf}, "LAVA110"),
    ],
)
def test_parameters_decide_too(model: str, parameters: dict[str, float], code: str) -> None:
    solved = load(model).solved
    symbols = {d.symbol.name: d.symbol for d in solved.parameters}
    verdict = detect(solved, {symbols[n]: v for n, v in parameters.items()})
    assert verdict.lif is None
    assert [d.code.id for d in verdict.why_not] == [code]


TEXT = """
model renamed:
    state:
        potential mV = {start}
        drive pA = {drive}
        pause integer = 0
    equations:
        drive' = -drive / (3 ms)
        potential' = (-65 mV - potential) / (12 ms) + drive / (180 pF)
    input:
        one <- spike
        other <- spike
    output:
        spike
    update:
        if pause > 0:
            integrate_odes(drive)
            pause -= 1
        else:
            integrate_odes(potential, drive)
    onReceive(one):
        drive += 2 pA * one * 1 s
    onReceive(other):
        drive -= 3 pA * other * 1 s
    onCondition(-50 mV {op} potential and pause <= 0):
        emit_spike()
        potential = -71 mV
        pause = {pause}
"""


def test_names_and_order_do_not_matter(compiled: Callable[..., Any]) -> None:
    text = TEXT.format(start="-65 mV", drive="0 pA", op="<", pause="7")
    lif = detect(compiled(text).models[0]).lif
    assert lif is not None
    assert (lif.process, lif.refractory, lif.reset, lif.strict) == ("LIFRefractory", 7, -71.0, True)
    (_, one), (_, other) = lif.ports
    assert other == pytest.approx(-1.5 * one, rel=1e-14)
    assert lif.keep_u == pytest.approx(math.exp(-0.1 / 3), rel=1e-14)
    assert lif.vth == lif.threshold == 21.0


CHANGED = [
    ("emit_spike()\n        potential = -71 mV", "emit_spike()\n        potential -= 20 mV", "107"),
    ("pause -= 1", "pause -= 2", "107"),
    ("            integrate_odes(drive)\n", "", "106"),
    ("drive -= 3 pA * other * 1 s", "drive -= 3 pA * other * 1 s * potential / 1 mV", "107"),
    ("drive / (3 ms)", "drive * drive / (3 ms * 1 pA)", "103"),
    ("potential = -71 mV\n", "potential = -71 mV\n        drive = 0 pA\n", "104"),
    ("-50 mV < potential", "-50 mV < potential + drive * 1 GOhm", "104"),
    ("drive += 2 pA * one * 1 s", "potential += 2 mV * one * 1 s", "106"),
    ("drive += 2 pA * one * 1 s", "drive = 2 pA", "107"),
]


@pytest.mark.parametrize(("old", "new", "code"), CHANGED)
def test_what_is_different_is_found(
    compiled: Callable[..., Any], old: str, new: str, code: str
) -> None:
    text = TEXT.format(start="-65 mV", drive="0 pA", op="<", pause="7")
    assert old in text
    verdict = detect(compiled(text.replace(old, new)).models[0])
    assert verdict.lif is None
    assert [d.code.id for d in verdict.why_not] == [f"LAVA{code}"]


def run(lif: Lif, laid: Schedule) -> tuple[np.ndarray, np.ndarray]:
    """Return v + reset after each step, and the steps with spikes, by Lava's LIF equations."""
    messages = np.zeros(laid.steps + 2)
    for port, gain in lif.ports:
        events = laid.spikes[port]
        np.add.at(messages, events.steps + (1 if lif.late else 0), gain * events.weights)
    u, v, waiting = lif.u, lif.v, 0
    values, spikes = np.zeros(laid.steps), []
    for k in range(1, laid.steps + 1):
        u = lif.keep_u * u + messages[k]
        if waiting:
            waiting -= 1
        else:
            v = lif.keep_v * v + u + lif.bias
            if v > lif.vth:
                v, waiting = 0.0, lif.refractory
                spikes.append(k)
        values[k - 1] = v + lif.reset
    return values, np.array(spikes)


@pytest.mark.parametrize("dt", [0.1, 1.0])
@pytest.mark.parametrize("name", ["iaf_psc_exp", "iaf_psc_delta", "iaf_psc_exp_htum", "renamed"])
@pytest.mark.parametrize("refractory", [True, False])
def test_the_translation_is_exact(
    compiled: Callable[..., Any], name: str, dt: float, refractory: bool
) -> None:
    """Also where the reset is not the resting potential, and with any start."""
    experiment = Experiment(400.0, dt)
    if name == "renamed":
        pause = "5" if refractory else "0"
        text = TEXT.format(start="-60 mV", drive="900 pA", op="<=", pause=pause)
        model: SolvedModel = compiled(text).models[0]
        settings: dict[str, float] = {}
        inputs = {"one": 300.0, "other": 40.0}
    else:
        model = load(name).solved
        reset, shift = (-5.0, 0.0) if name == "iaf_psc_exp_htum" else (-65.0, -70.0)
        settings = {"V_reset": reset, "I_e": 300.0}
        if not refractory and name != "iaf_psc_exp_htum":
            settings["refr_T"] = 0.0
        weight = 3.0 if name == "iaf_psc_delta" else 400.0
        inputs = {p.symbol.name: weight for p in model.spike_ports}
        experiment = Experiment(400.0, dt, initial={"V_m": shift + 2.5})
    spikes = {
        n: poisson_train(500.0, w, 400.0, dt, seed=i) for i, (n, w) in enumerate(inputs.items())
    }
    experiment = Experiment(
        400.0, dt, parameters=settings, initial=experiment.initial, spikes=spikes
    )
    laid = schedule(experiment, model).value
    assert laid is not None
    lif = detect(model, laid.parameters, laid.initial, dt).lif
    assert lif is not None
    reference = interpret(model, laid).value
    assert reference is not None
    values, steps = run(lif, laid)
    assert len(steps) > 3
    np.testing.assert_array_equal(steps, reference.spike_steps)
    difference = values - reference.values[lif.variable.name]
    assert np.sqrt(np.mean(difference**2)) <= 1e-9
