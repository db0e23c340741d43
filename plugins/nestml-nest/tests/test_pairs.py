"""Neurons that keep for their synapses what follows from their own spikes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
from nestml_nest.backend import NestBackend
from nestml_nest.lower import names_in_nest
from nestml_nest.native import CONNECTION_ENTRIES
from nestml_nest.options import Options
from synapses import (
    DELAYS,
    DURATION,
    LONGER,
    MODELS,
    ROWS,
    in_the_reference,
    job_of_ours,
    program_of,
)

from nestml_core.api import Pair, Reading, SolvedProgram, render
from nestml_core.pipeline import compile_files, generate

Found = Mapping[tuple[str, float], tuple[Any, Any]]

CASES = (
    "stdp",
    "restricted",
    "triplet",
    "dopamine",
    "dopamine, bounded",
    "vogels, meeting",
    "kernels",
    "pre first",
    "offset",
)
SYNAPSES = tuple(dict.fromkeys(ROWS[c].ours for c in CASES))
NEURON = "iaf_psc_delta"
PAIRED = f"{NEURON}__with_{'_and_'.join(SYNAPSES)}"
BACKEND = NestBackend()

MOVED = {
    "stdp": {"tau_tr_post", "post_trace", "post_before"},
    "stdp_nn_restr_symm": {"tau_tr_post", "post_trace", "post_before"},
    "stdp_triplet": {"tau_minus", "tau_y", "tr_o1", "tr_o2", "o1_before"},
    "stdp_dopamine": {"tau_tr_post", "post_tr", "post_before"},
    "stdp_vogels": {"tau", "post_trace"},
    "kernels": {"tau_post", "rise"},
    "pre_first": {"tau", "cap", "post_trace", "count", "last", "big"},
    "offset": {"held"},
}


def everything() -> SolvedProgram:
    library = [s for s in SYNAPSES if f"model {s}:" not in MODELS]
    made = program_of(MODELS, NEURON, *library)
    return SolvedProgram(made.models, tuple(Pair(NEURON, s) for s in SYNAPSES))


@pytest.fixture(scope="module")
def paired(module_of: Callable[..., str]) -> str:
    return module_of(everything(), optimization="1")


def job(case: str, delay: float) -> dict[str, Any]:
    """Return the job with what has moved set in the neuron."""
    made = job_of_ours(ROWS[case], delay, PAIRED)
    ours, moved = ROWS[case].ours, MOVED[ROWS[case].ours]
    given = made["parameters"]
    made["properties"] = {f"{k}__for_{ours}": given.pop(k) for k in tuple(given) if k in moved}
    return {**made, "synapse": f"{ours}__with_{NEURON}"}


@pytest.fixture(scope="module")
def found(paired: str, synapse_run: Callable[..., Any]) -> Callable[[int], Found]:
    keys = [(case, delay) for delay in DELAYS for case in CASES]

    @cache
    def run(threads: int) -> Found:
        jobs = [job(*key) for key in keys]
        given = {"modules": [paired], "jobs": jobs, "duration": DURATION + 10.0, "threads": threads}
        weights = synapse_run("weights", **given)
        return {k: (np.array(t), np.array(w)) for k, (t, w) in zip(keys, weights, strict=True)}

    return run


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("case", CASES)
def test_same_weights_as_every_connection_by_itself(
    found: Callable[[int], Found], case: str, delay: float
) -> None:
    times, weights = found(1)[case, delay]
    at, expected = in_the_reference(case, delay)
    here = times <= at[-1] + 1e-6
    assert len(at) > 40
    assert np.ptp(expected) > 1.0, "the weight must change"
    assert np.allclose(times[here], at, atol=1e-6)
    assert np.abs(weights[here] - expected).max() < 1e-9


def test_longer_intervals_of_communication_change_nothing(
    paired: str, synapse_run: Callable[..., Any]
) -> None:
    keys = [(case, delay) for delay in LONGER for case in CASES]
    given = {"modules": [paired], "jobs": [job(*k) for k in keys], "duration": DURATION + 10.0}
    weights = synapse_run("weights", **given, link=LONGER[0])
    for (case, delay), (times, found) in zip(keys, weights, strict=True):
        at, expected = in_the_reference(case, delay, LONGER[0])
        here = np.array(times) <= at[-1] + 1e-6
        assert np.abs(np.array(found)[here] - expected).max() < 1e-9, (case, delay)


def test_threads_change_nothing(found: Callable[[int], Found]) -> None:
    one, four = found(1), found(4)
    for key, (times, weights) in one.items():
        assert np.array_equal(times, four[key][0]), key
        assert np.array_equal(weights, four[key][1]), key


def test_what_moves() -> None:
    lowered = BACKEND.lower(everything(), Options())
    assert lowered.value is not None, [render(d) for d in lowered.diagnostics]
    (neuron,) = lowered.value.neurons
    assert neuron.title == PAIRED
    for kept in neuron.kept:
        ending = f"__for_{kept.synapse}"
        entries = (*kept.parameters, *kept.state)
        assert {e.key.removesuffix(ending) for e in entries} == MOVED[kept.synapse]
        assert all(e.key.endswith(ending) for e in entries)
    for synapse, name in zip(lowered.value.synapses, SYNAPSES, strict=True):
        assert synapse.title == f"{name}__with_{NEURON}"
        assert not MOVED[name].intersection(e.key for e in (*synapse.own, *synapse.state))


@pytest.fixture(scope="module")
def handled(paired: str, synapse_run: Callable[..., Any]) -> Mapping[str, Any]:
    """Return what comes of connecting, setting and reading a pair."""
    names = {"neuron": PAIRED, "synapse": f"stdp__with_{NEURON}"}
    return dict(synapse_run("pairs", modules=[paired], **names))


def test_a_synapse_ends_at_its_neuron_only(handled: Mapping[str, Any]) -> None:
    """An error says at which; the process goes on."""
    assert handled["wrong_neuron"].startswith("IllegalConnection")
    assert PAIRED in handled["wrong_neuron"]


def test_what_the_neuron_keeps_is_set_there(handled: Mapping[str, Any]) -> None:
    for name in ("tau_tr_post", "post_trace"):
        assert f"set {name}__for_stdp of {PAIRED}" in handled["moved"]
    assert handled["moved"].count("belongs to the neuron") == 3
    assert handled["set"] == [2.0, 10.0]
    assert abs(handled["decayed"] - 2.0 * np.exp(-1.0)) < 1e-12


def test_a_rejected_value_changes_nothing(handled: Mapping[str, Any]) -> None:
    assert "tau_tr_post > 0 ms" in handled["guard"]
    assert handled["after_guard"] == [20.0, -55.0]


def test_connections_are_small(
    handled: Mapping[str, Any], record_property: Callable[..., None]
) -> None:
    record_property("bytes", {"stdp": handled["size"], "stdp_synapse": handled["native"]})
    assert handled["size"] <= 96


def test_models_of_a_pair_are_not_generated_alone(handled: Mapping[str, Any]) -> None:
    plain = [m for m in handled["models"] if not m.endswith(("_hpc", "_lbl"))]
    assert plain == [f"stdp__with_{NEURON}"]


def test_the_status_holds_what_models_declare(paired: str, synapse_run: Callable[..., Any]) -> None:
    """No propagators, states of convolutions or copies: neither in neurons nor in connections."""
    names = {"neuron": PAIRED, "synapse": f"stdp__with_{NEURON}"}
    neuron, connection = synapse_run("pairs", modules=[paired], **names)["entries"]
    models = {m.name: m for m in everything().models}

    def declared(name: str) -> set[str]:
        model = models[name]
        return {d.symbol.name for d in (*model.parameters, *model.state)}

    moved = {f"{k}__for_{s}" for s, keys in MOVED.items() for k in keys}
    assert set(neuron) == declared(NEURON) | moved | {"recordables"}
    natives = CONNECTION_ENTRIES | {"receptor"}
    assert set(connection) - natives == declared("stdp") - MOVED["stdp"]


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (Pair("stdp", NEURON), "is not a neuron"),
        (Pair(NEURON, "missing"), "no model `missing`"),
        (Pair(NEURON, "static"), "nothing to pair"),
    ],
)
def test_pairs_that_cannot_be(pair: Pair, message: str) -> None:
    program = compile_files([NEURON, "stdp", "static"]).value
    assert program is not None
    lowered = BACKEND.lower(SolvedProgram(program.models, (pair,)), Options())
    assert [d.code.id for d in lowered.errors] == ["NEST112"]
    assert message in lowered.errors[0].message


def test_a_pair_is_made_once() -> None:
    program = compile_files(["aeif_psc_delta_clopath", "clopath"]).value
    assert program is not None
    pairs = tuple(
        Pair("aeif_psc_delta_clopath", "clopath", (Reading("V", seen),))
        for seen in ("V_m", "V_th", "V_m")
    )
    lowered = BACKEND.lower(SolvedProgram(program.models, pairs), Options())
    assert [d.code.id for d in lowered.errors] == ["NEST112"]
    assert "is there twice" in lowered.errors[0].message


TWO_MODULATORS = """
model twice_modulated:
    state:
        w real = 1
    input:
        pre_spikes <- spike
        post_spikes <- spike
        mod_a <- spike
        mod_b <- spike
    output:
        spike
    onReceive(mod_a):
        w += 0.1
    onReceive(mod_b):
        w -= 0.1
    onReceive(post_spikes):
        w *= 1.1
    onReceive(pre_spikes):
        emit_spike(w)
"""


@pytest.mark.parametrize("is_paired", [False, True])
def test_two_neuromodulators_are_refused_where_the_second_stands(is_paired: bool) -> None:
    made = program_of(TWO_MODULATORS, NEURON)
    pairs = (Pair(NEURON, "twice_modulated"),) if is_paired else ()
    lowered = BACKEND.lower(SolvedProgram(made.models, pairs), Options())
    (problem,) = lowered.errors
    assert problem.code.id == "NEST101"
    assert "`mod_b` is a second port for modulating neurons" in problem.message
    assert "one volume transmitter" in (problem.help or "")
    assert TWO_MODULATORS.splitlines()[problem.span.line - 1].strip() == "mod_b <- spike"


def test_what_pairs_are_called() -> None:
    program = compile_files([NEURON, "stdp", "static", "iaf_psc_exp", "stdp_triplet"]).value
    assert program is not None
    pairs = (Pair(NEURON, "stdp"), Pair("iaf_psc_exp", "stdp"), Pair(NEURON, "stdp_triplet"))
    neuron = f"{NEURON}__with_stdp_and_stdp_triplet"
    assert names_in_nest(SolvedProgram(program.models, pairs), Options()) == {
        "static": "static",
        NEURON: neuron,
        "iaf_psc_exp": "iaf_psc_exp__with_stdp",
        f"{NEURON}+stdp": f"stdp__with_{NEURON}",
        "iaf_psc_exp+stdp": "stdp__with_iaf_psc_exp",
        f"{NEURON}+stdp_triplet": f"stdp_triplet__with_{NEURON}",
        "stdp_triplet": f"stdp_triplet__with_{NEURON}",
    }


def test_pairs_of_the_program_count() -> None:
    program = compile_files([NEURON, "stdp"]).value
    assert program is not None
    made = generate(SolvedProgram(program.models, (Pair(NEURON, "stdp"),)), BACKEND, Options())
    assert made.value is not None
    assert f"{NEURON}__with_stdp.h" in made.value
    assert f"stdp__with_{NEURON}.h" in made.value
