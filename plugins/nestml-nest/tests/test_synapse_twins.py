"""Generated synapses against NEST's own, with parameters shared or not, alone and in pairs.

A short train and some of the synapses by default; NESTML_SYNAPSE_SECONDS=100 (``tox -e
synapse-twins``) takes all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from nestml_nest.backend import NestBackend
from nestml_nest.options import Options
from synapses import DELAYS, DURATION, ROWS, Row, job_of_ours, job_of_twin

from nestml_core.api import Pair, SolvedProgram, roles
from nestml_core.pipeline import compile_files

IS_LONG = DURATION > 2000.0
NEURON = "iaf_psc_delta"
SHARED = {"homogeneous": ("all",)}
TWINS = {case: row for case, row in ROWS.items() if row.twin}
FORMS: dict[str, tuple[Mapping[str, Any], bool]] = {
    "alone": ({}, False),
    "alone, shared": (SHARED, False),
    "paired": ({}, True),
    "paired, shared": (SHARED, True),
}
SOME = {
    "alone, shared": ("stdp", "stdp, additive", "tsodyks2"),
    "paired, shared": ("stdp", "stdp, additive"),
}
"""What is not done elsewhere, of that as much as shows that it works."""

Found = Mapping[tuple[str, float, str], tuple[Any, Any]]


@cache
def models(form: str) -> SolvedProgram:
    _, is_paired = FORMS[form]
    program = compile_files([NEURON, *dict.fromkeys(r.ours for r in chosen(form).values())]).value
    assert program is not None
    ending = f"_{list(FORMS).index(form)}"
    renamed = tuple(replace(m, name=m.name + ending) for m in program.models)
    synapses = [m.name for m in renamed if m.kind.value == "synapse"]
    pairs = tuple(Pair(NEURON + ending, s) for s in synapses) if is_paired else ()
    return SolvedProgram(tuple(m for m in renamed if is_paired or m.name in synapses), pairs)


def chosen(form: str) -> dict[str, Row]:
    cases = TWINS if IS_LONG else {c: TWINS[c] for c in SOME.get(form, ())}
    return {c: r for c, r in cases.items() if not FORMS[form][1] or has_post(r.ours)}


@cache
def has_post(name: str) -> bool:
    program = compile_files([name]).value
    assert program is not None
    found = roles(program.models[0]).value
    return found is not None and found.postsynaptic is not None


@cache
def moved(form: str) -> dict[str, dict[str, str]]:
    """Return what is set in the neuron, and under which names."""
    lowered = NestBackend().lower(models(form), Options(**FORMS[form][0])).value
    assert lowered is not None
    kept = [k for n in lowered.neurons for k in n.kept]
    return {
        k.synapse: {p.key.removesuffix(f"__for_{k.synapse}"): p.key for p in k.parameters}
        for k in kept
    }


def job(form: str, row: Row, delay: float) -> dict[str, Any]:
    program = models(form)
    synapse = f"{row.ours}_{list(FORMS).index(form)}"
    if not program.pairs:
        return {**job_of_ours(row, delay), "synapse": synapse}
    neuron = program.pairs[0].neuron
    full = f"{neuron}__with_{'_and_'.join(p.synapse for p in program.pairs)}"
    made = job_of_ours(row, delay, full)
    given, there = made["parameters"], moved(form)[synapse]
    made["properties"] = {there[k]: given.pop(k) for k in tuple(given) if k in there}
    return {**made, "synapse": f"{synapse}__with_{neuron}"}


WANTED = tuple((form, case) for form in FORMS for case in chosen(form))
if not IS_LONG:
    FORMS = {form: FORMS[form] for form in SOME}


@pytest.fixture(scope="module")
def modules(module_of: Callable[..., str]) -> list[str]:
    level = {"optimization": "1"}
    return [
        module_of(models(form), module=f"form_{k}", **options, **level)
        for k, (form, (options, _)) in enumerate(FORMS.items())
    ]


@pytest.fixture(scope="module")
def found(modules: list[str], synapse_run: Callable[..., Any]) -> Found:
    """Return times and weights of all forms and of the twins, from one process."""
    keys, jobs = [], []
    for delay in DELAYS:
        for form, case in WANTED:
            keys.append((case, delay, form))
            jobs.append(job(form, TWINS[case], delay))
        for case in dict.fromkeys(c for _, c in WANTED):
            keys.append((case, delay, "theirs"))
            jobs.append(job_of_twin(TWINS[case], delay))
    weights = synapse_run("weights", modules=modules, jobs=jobs, duration=DURATION + 20.0)
    return {k: (np.array(t), np.array(w)) for k, (t, w) in zip(keys, weights, strict=True)}


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize(("form", "case"), WANTED)
def test_same_weights(
    found: Found, form: str, case: str, delay: float, record_property: Callable[..., None]
) -> None:
    (times, weights), (at, expected) = (found[case, delay, who] for who in (form, "theirs"))
    assert len(at) > 20 * DURATION / 1000.0
    assert np.array_equal(times, at)
    error = np.abs(weights - expected).max()
    record_property("error", error)
    assert error < TWINS[case].tolerance
    assert case == "static" or np.ptp(expected) > 1.0, "the weight must change"


def test_shared_parameters_make_connections_small(
    modules: list[str], synapse_run: Callable[..., Any], record_property: Callable[..., None]
) -> None:
    """At most 48 bytes, where each connection has a trace of its own and its weight."""
    names = [f"{job('paired, shared', TWINS['stdp'], DELAYS[0])['synapse']}"]
    sizes = synapse_run("sizes", modules=modules, models=names)
    record_property("bytes", sizes)
    assert max(sizes) <= 48
