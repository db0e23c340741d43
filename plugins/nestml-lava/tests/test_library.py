"""Neurons of the library, in Lava's terms, against the reference interpreter.

A representative part; all of them, and those of the reference toolchain, with NESTML_LAVA_LIBRARY=1
(``tox -e lava-library``).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nestml_core.api import Experiment, Schedule, SolvedModel, Trace
from nestml_core.experiment import schedule
from nestml_core.pipeline import compile_files, library_models
from nestml_core.reference import simulate
from nestml_core.stimuli import with_input

ALL = os.environ.get("NESTML_LAVA_LIBRARY") == "1"
PEER = os.environ.get("NESTML_PEER_PACKAGE", "")

REPRESENTATIVE = (
    "aeif_cond_exp",
    "astrocyte_lr_1994",
    "gif_psc_exp",
    "hh_psc_alpha",
    "iaf_cond_alpha_multisynapse",
    "iaf_psc_alpha",
    "iaf_psc_exp_multisynapse",
    "izhikevich",
    "pp_psc_delta",
    "terub_stn",
    "wilson_cowan",
)
"""Linear, stiff and nonlinear equations, vectors, ports in vectors, continuous output, chance."""

LIBRARY = [p for p in library_models() if p.parent.name != "synapses"]
FILES = [p for p in LIBRARY if ALL or p.stem in REPRESENTATIVE]
FILES += sorted(Path(PEER).glob("**/models/neurons/*.nestml")) if ALL and PEER else []
BATCH = 15
"""How many neurons one process runs: importing Lava takes longer than most of them."""

DURATION = 100.0
STRENGTH = 20.0
WEAKER = {"terub_gpe": 2.0, "terub_gpe_neuron": 2.0}
"""What is driven harder leaves the range of its equations, and these run away."""

EXACT = 1e-9
NUMERIC = 1e-7
"""Relative to 1 or to the value; until a last bit shows in the time of a spike."""


def laid(model: SolvedModel, name: str) -> Schedule:
    plain = Experiment(duration=DURATION, dt=0.1)
    wanted, _ = with_input(model, plain, WEAKER.get(name, STRENGTH))
    result = schedule(wanted, model)
    assert result.value is not None, result.diagnostics
    return result.value


def test_the_library_is_there() -> None:
    assert len(LIBRARY) >= 57
    assert len(FILES) == len(REPRESENTATIVE) or ALL
    assert not (ALL and PEER) or len(FILES) == len(LIBRARY) + 30


@pytest.mark.parametrize("begin", range(0, len(FILES), BATCH))
def test_every_neuron_runs_as_in_the_reference(
    begin: int, in_process: Callable[..., list[Trace]]
) -> None:
    """In-process, with spikes and currents at all ports."""
    batch = FILES[begin : begin + BATCH]
    models = [(path, solved(path)) for path in batch]
    traces = in_process([(model, laid(model, path.stem)) for path, model in models])
    wrong = [
        f"{path.stem}: {difference(model, laid(model, path.stem), trace)}"
        for (path, model), trace in zip(models, traces, strict=True)
        if difference(model, laid(model, path.stem), trace)
    ]
    assert wrong == []


def solved(path: Path) -> SolvedModel:
    program = compile_files([path]).value
    assert program is not None
    return program.models[0]


def difference(model: SolvedModel, plan: Schedule, found: Trace) -> str:
    """Return where ``found`` is not what the reference says, in words."""
    for name, values in found.values.items():
        if not np.isfinite(values).all():
            return f"{name} is not finite"
    if model.is_random:
        return ""
    expected = simulate(model, plan).value
    assert expected is not None
    numeric = any(flow.nonlinear is not None for flow in model.flows)
    if not np.array_equal(found.spike_steps, expected.spike_steps):
        return f"{len(found.spike_steps)} spikes, not {len(expected.spike_steps)}, or elsewhere"
    for name, values in expected.values.items():
        error = np.abs(found[name] - values) / np.maximum(1.0, np.abs(values))
        if error.max() > (NUMERIC if numeric else EXACT):
            return f"{name} differs by {error.max():.2g} in step {error.argmax() + 1}"
    return ""
