"""Synapses that end at any neuron: the same weights as NEST's own and as the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
from nestml_nest.backend import NestBackend
from nestml_nest.options import Options
from synapses import (
    DELAYS,
    DURATION,
    MODELS,
    ROWS,
    in_the_reference,
    job_of_ours,
    job_of_twin,
    program_of,
)

from nestml_core.api import SolvedProgram
from nestml_core.testing import models

Found = Mapping[tuple[str, float, str], tuple[Any, Any]]

LIBRARY = tuple(dict.fromkeys(r.ours for r in ROWS.values() if f"model {r.ours}:" not in MODELS))
TWINS = tuple(case for case, row in ROWS.items() if row.twin)
RANDOM = ("noisy", "quantal_stp")


@pytest.fixture(scope="module")
def plastic(module_of: Callable[..., str]) -> str:
    """Return a module with the synapses of the library and those of these tests."""
    return module_of(program_of(MODELS, *LIBRARY, *RANDOM), optimization="1")


@pytest.fixture(scope="module")
def found(plastic: str, synapse_run: Callable[..., Any]) -> Callable[[int], Found]:
    """Return what runs all synapses and their twins at once, with some number of threads."""

    @cache
    def run(threads: int) -> Found:
        keys, jobs = [], []
        for delay in DELAYS:
            for case, row in ROWS.items():
                keys.append((case, delay, "ours"))
                jobs.append(job_of_ours(row, delay))
                if row.twin:
                    keys.append((case, delay, "theirs"))
                    jobs.append(job_of_twin(row, delay))
        fields = {
            "modules": [plastic],
            "jobs": jobs,
            "duration": DURATION + 10.0,
            "threads": threads,
        }
        weights = synapse_run("weights", **fields)
        return {k: (np.array(t), np.array(w)) for k, (t, w) in zip(keys, weights, strict=True)}

    return run


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("case", TWINS)
def test_same_weights_as_the_built_in(
    found: Callable[[int], Found], case: str, delay: float
) -> None:
    (times, weights), (at, expected) = (found(1)[case, delay, who] for who in ("ours", "theirs"))
    assert len(at) > 40
    assert np.array_equal(times, at)
    assert np.abs(weights - expected).max() < ROWS[case].tolerance
    assert case == "static" or np.ptp(expected) > 1.0, "the weight must change"


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("case", ROWS)
def test_same_weights_as_the_reference(
    found: Callable[[int], Found], case: str, delay: float
) -> None:
    times, weights = found(1)[case, delay, "ours"]
    at, expected = in_the_reference(case, delay)
    here = times <= at[-1] + 1e-6
    assert np.allclose(times[here], at, atol=1e-6)
    assert np.abs(weights[here] - expected).max() < 1e-9


def test_threads_change_nothing(found: Callable[[int], Found]) -> None:
    one, two = found(1), found(2)
    for key, (times, weights) in one.items():
        assert np.array_equal(times, two[key][0]), key
        assert np.array_equal(weights, two[key][1]), key


@pytest.mark.parametrize(("link", "interval"), [(0.1, 700), (1.0, 1), (1.0, 7)])
def test_how_often_nest_and_a_transmitter_deliver_changes_nothing(
    plastic: str, synapse_run: Callable[..., Any], link: float, interval: int
) -> None:
    """Also if many presynaptic spikes pass between two deliveries, or come in another order."""
    delays = [d for d in DELAYS if d >= link]
    cases = ("dopamine", "dopamine, bounded") if link < 1.0 else ("dopamine", "stdp", "kernels")
    keys = [(case, delay) for case in cases for delay in delays]
    weights = synapse_run(
        "weights",
        modules=[plastic],
        jobs=[job_of_ours(ROWS[case], delay) for case, delay in keys],
        duration=DURATION + 10.0,
        deliver_interval=interval,
        link=link,
    )
    for (case, delay), (times, found) in zip(keys, weights, strict=True):
        at, expected = in_the_reference(case, delay, link)
        here = np.array(times) <= at[-1] + 1e-6
        assert np.abs(np.array(found)[here] - expected).max() < 1e-9, (case, delay)


@pytest.mark.parametrize("delay", DELAYS)
def test_dopamine_keeps_to_its_bounds(found: Callable[[int], Found], delay: float) -> None:
    """Both are reached, and neither is passed."""
    row = ROWS["dopamine, bounded"]
    _, weights = found(1)["dopamine, bounded", delay, "ours"]
    assert weights.min() == row.parameters["Wmin"]
    assert weights.max() == row.parameters["Wmax"]


def test_status_and_errors(plastic: str, synapse_run: Callable[..., Any]) -> None:
    """Values are set all or nothing, under their names, and only where they belong."""
    got = synapse_run("status", modules=[plastic])
    assert got["defaults"]["weight"] == got["defaults"]["w"] == 1.0
    assert {"tau_tr_pre", "pre_trace", "delay", "sizeof"} <= set(got["defaults"])
    assert not {k for k in got["defaults"] if k.startswith(("P_", "constant_", "_"))}
    assert "tau_tr_pre > 0 ms" in got["refused"]
    assert got["after_refusal"] == [20.0, 20.0]
    assert "set one of them" in got["both"]
    assert "Unaccessed" in got["unknown"]
    assert "w >= Wmin and w <= Wmax" in got["too_heavy"]
    assert got["weights"] == [7.0, 7.0, 3.0]
    assert got["follows"] == [7, 7]
    assert got["follows_no_more"] == [2, 9]
    assert got["units"] == [2.5, 2.5]


def test_random_synapses(plastic: str, synapse_run: Callable[..., Any]) -> None:
    got = synapse_run("random_weights", modules=[plastic])
    noisy, quantal = np.array(got["noisy"]), np.array(got["quantal_stp"])
    n = len(noisy)
    assert n > 3000
    assert abs(noisy.mean() - 2.0) < 5 * 0.5 / n**0.5
    assert abs(noisy.std() / 0.5 - 1.0) < 5 / (2 * n) ** 0.5
    assert set(quantal) <= {1.0, 2.0, 3.0, 4.0}
    assert got["noisy"] == got["again"]
    assert got["noisy"] != got["other_seed"]
    # the mean of the releases is that of the deterministic synapse
    expected = np.array(got["tsodyks2"]).mean() * 4
    assert abs(quantal.sum() / got["spikes"] - expected) < 0.1


def test_many_spikes_in_one(plastic: str, synapse_run: Callable[..., Any]) -> None:
    """A parrot that got three spikes in a step sends three: each is an event of its own."""
    got = synapse_run("several_at_once", modules=[plastic])
    assert np.allclose(got["pre_trace"], 3.0)


def test_synapses_of_the_corpus_are_generated() -> None:
    backend = NestBackend()
    for model in models().values():
        if model.kind.value == "synapse":
            lowered = backend.lower(SolvedProgram((model,)), Options())
            assert lowered.value is not None or all(
                d.code.id in ("NEST101", "NEST112") or d.code.id.startswith("NML96")
                for d in lowered.errors
            )


def test_homogeneous_parameters_are_shared() -> None:
    text = """
model shared:
    parameters:
        w real = 2
        factor real = 3 [[ factor > 0 ]] @homogeneous
    input:
        pre_spikes <- spike
    output:
        spike
    onReceive(pre_spikes):
        emit_spike(factor * w)
"""
    backend = NestBackend()
    lowered = backend.lower(program_of(text), Options())
    assert lowered.value is not None
    (synapse,) = lowered.value.synapses
    assert [e.key for e in synapse.shared] == ["factor"]
    assert [e.key for e in synapse.own] == ["w"]
    both = backend.lower(program_of(text), Options(homogeneous=("w",))).value
    assert both is not None
    assert both.synapses[0].shared_weight is not None


DELAYED = """
model delayed:
    parameters:
        w real = 3
        d ms = 2 ms [[ d > 0.5 ms ]] @homogeneous
        tau ms = 5 ms
    internals:
        share real = exp(-d / tau)
    input:
        pre_spikes <- spike
    output:
        spike
    onReceive(pre_spikes):
        emit_spike(w * share)
"""


def test_a_parameter_may_be_the_delay(
    module_of: Callable[..., str], synapse_run: Callable[..., Any]
) -> None:
    """The model reads NEST's delay, wherever that was set."""
    made = module_of(program_of(DELAYED), delay="d", homogeneous=("all",), optimization="1")
    got = synapse_run("delayed", modules=[made], synapse="delayed")
    assert got["default"] == [2.0, 2.0]
    assert got["connected"] == [[2.0, 2.0], [1.5, 1.5]]
    assert got["own_name"].count("d of delayed is its delay: set delay") == 2
    assert "d > 0.5 ms" in got["guard"]
    assert got["set"] == [4.0, 4.0]
    assert got["default_set"] == [2.5, 2.5]
    assert np.allclose(got["weights"], [3 * np.exp(-0.8), 3 * np.exp(-0.4)], rtol=1e-15)


@pytest.mark.parametrize(("name", "said"), [("w", "is no time"), ("delay", "no synapse has")])
def test_what_cannot_be_the_delay(name: str, said: str) -> None:
    lowered = NestBackend().lower(program_of(DELAYED), Options(delay=name))
    (problem,) = lowered.errors
    assert problem.code.id == "NEST106"
    assert said in problem.message
