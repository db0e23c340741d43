"""Neurons that keep for their synapses what follows from their own spikes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from nestml_nest.backend import NestBackend
from nestml_nest.options import Options
from synapses import DELAYS, MODELS, ROWS, in_the_reference, job_of_ours, program_of

from nestml_core.api import Pair, SolvedProgram, render
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


@pytest.fixture(scope="module")
def homogeneous(module_of: Callable[..., str]) -> str:
    program = compile_files([NEURON, "stdp"]).value
    assert program is not None
    models = tuple(replace(m, name=f"{m.name}_hom") for m in program.models)
    pairs = (Pair(f"{NEURON}_hom", "stdp_hom"),)
    given = {"module": "homogeneous", "homogeneous": ("all",), "optimization": "1"}
    return module_of(SolvedProgram(models, pairs), **given)


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
        given = {"modules": [paired], "jobs": jobs, "duration": 2010.0, "threads": threads}
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


def test_errors_and_values(
    paired: str, synapse_run: Callable[..., Any], record_property: Callable[..., None]
) -> None:
    names = {"neuron": PAIRED, "synapse": f"stdp__with_{NEURON}"}
    got = synapse_run("pairs", modules=[paired], **names)
    assert got["wrong_neuron"].startswith("IllegalConnection")
    assert PAIRED in got["wrong_neuron"]
    for name in ("tau_tr_post", "post_trace"):
        assert f"set {name}__for_stdp of {PAIRED}" in got["moved"]
    assert got["moved"].count("belongs to the neuron") == 3
    assert "tau_tr_post > 0 ms" in got["guard"]
    assert got["after_guard"] == [20.0, -55.0]
    assert got["set"] == [2.0, 10.0]
    assert abs(got["decayed"] - 2.0 * np.exp(-1.0)) < 1e-12
    record_property("bytes", {"stdp": got["size"], "stdp_synapse": got["native"]})
    assert got["size"] <= 96
    plain = [m for m in got["models"] if not m.endswith(("_hpc", "_lbl"))]
    assert plain == [f"stdp__with_{NEURON}"], "models of a pair are not generated alone"


def test_homogeneous_parameters_make_connections_small(
    homogeneous: str, synapse_run: Callable[..., Any], record_property: Callable[..., None]
) -> None:
    names = {"neuron": f"{NEURON}_hom__with_stdp_hom", "synapse": f"stdp_hom__with_{NEURON}_hom"}
    jobs = []
    for delay in DELAYS:
        made = job_of_ours(ROWS["stdp"], delay, names["neuron"])
        value = made["parameters"].pop("tau_tr_post")
        made["properties"] = {"tau_tr_post__for_stdp_hom": value}
        jobs.append({**made, "synapse": names["synapse"]})
    weights = synapse_run("weights", modules=[homogeneous], jobs=jobs, duration=2010.0)
    for delay, (times, found) in zip(DELAYS, weights, strict=True):
        at, expected = in_the_reference("stdp", delay)
        here = np.array(times) <= at[-1] + 1e-6
        assert np.abs(np.array(found)[here] - expected).max() < 1e-9
    sizes = synapse_run("sizes", modules=[homogeneous], models=[names["synapse"]])
    record_property("bytes", {"stdp, homogeneous": sizes})
    assert max(sizes) <= 48


def test_a_synapse_may_come_late(paired: str, synapse_run: Callable[..., Any]) -> None:
    """One that is connected later sees the state of its neuron, and no spike from before."""
    got = synapse_run("late", modules=[paired], neuron=PAIRED, synapse=f"stdp__with_{NEURON}")[
        "weights"
    ]
    assert got[0] == got[1]
    assert len(got[0]) == 2
    assert got[0][0] < 20.0, "post before pre depresses"


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


def test_pairs_of_the_program_count() -> None:
    program = compile_files([NEURON, "stdp"]).value
    assert program is not None
    made = generate(SolvedProgram(program.models, (Pair(NEURON, "stdp"),)), BACKEND, Options())
    assert made.value is not None
    assert f"{NEURON}__with_stdp.h" in made.value
    assert f"stdp__with_{NEURON}.h" in made.value
