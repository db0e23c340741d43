"""Experiments in NEST: what can be asked, and what NEST cannot do."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nestml_nest.backend import NestBackend
from nestml_nest.options import Options
from nestml_nest.simulation import tics_per_ms

from nestml_core.api import Artifact, Result, SolvedModel, SolvedProgram
from nestml_core.experiment import Experiment, schedule
from nestml_core.pipeline import check_sources, generate, write_files
from nestml_core.source import Source
from nestml_core.testing import models

CLOCK = """
model watch:
    state:
        now ms = 0 ms
        x real = 0
        y pA = 0 pA
    parameters:
        k real = 1 [[ k > 0 ]]
    input:
        spikes <- spike
        I pA <- continuous
    update:
        now = t
        y = I
        if now > 0.95 ms and now < 1.05 ms:
            warning("k is {k}, now is {now}")
    onReceive(spikes):
        x += spikes * 1 s

model explosion:
    state:
        x real = 1
    equations:
        x' = x * x * x / 1 ms
    update:
        integrate_odes()
"""


@pytest.fixture(scope="module")
def artifact(toolchain: None, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    checked = check_sources([Source("clock.nestml", CLOCK)])
    assert checked.value is not None
    program = SolvedProgram((*checked.value.models, models()["iaf_psc_exp"]))
    directory: Path = tmp_path_factory.mktemp("simulation")
    files = generate(program, NestBackend(), Options())
    assert files.value is not None
    write_files(files.value, directory)
    made = NestBackend().compile(program, directory, Options())
    assert made.value is not None
    return made.value


def model(artifact: Artifact, name: str) -> SolvedModel:
    return next(m for m in artifact.program.models if m.name == name)


def run(artifact: Artifact, name: str, **experiment: Any) -> Result[Any]:
    m = model(artifact, name)
    laid = schedule(Experiment(**experiment), m)
    assert laid.value is not None, laid.diagnostics
    return NestBackend().simulate(artifact, m, laid.value)


def test_inputs_are_felt_from_the_first_step(artifact: Artifact) -> None:
    """A spike in step 1 and a current that holds from 0 on, computed by hand."""
    found = run(
        artifact,
        "iaf_psc_exp",
        duration=1.0,
        spikes={"exc_spikes": [(0.1, 100.0)], "inh_spikes": [(0.2, 40.0)]},
        currents={"I_stim": 250.0},
    ).value
    assert found is not None
    decay, syn = math.exp(-0.1 / 10), math.exp(-0.1 / 2)
    first = -70 + 10 / 250 * (1 - decay) * 250.0
    assert found["V_m"][0] == pytest.approx(first, rel=1e-14)
    assert found["I_syn_exc"][:3] == pytest.approx([100, 100 * syn, 100 * syn**2], rel=1e-14)
    assert found["I_syn_inh"][:3] == pytest.approx([0, 40, 40 * syn], rel=1e-14)
    assert found.steps == 10


def test_no_step_at_all(artifact: Artifact) -> None:
    found = run(artifact, "iaf_psc_exp", duration=0.0).value
    assert found is not None
    assert found["V_m"].shape == (0,)


@pytest.mark.parametrize("dt", [0.1, 0.05, 1 / 64, 0.3, 1 / 3, 2.0])
def test_steps_of_any_length(artifact: Artifact, dt: float) -> None:
    found = run(
        artifact,
        "iaf_psc_exp",
        duration=20 * dt,
        dt=dt,
        initial={"V_m": -60.0},
        spikes={"exc_spikes": [(dt, 1.0), (20 * dt, 2.0)]},
        record=["V_m", "I_syn_exc"],
    ).value
    assert found is not None
    last = math.exp(-19 * dt / 2) + 2.0
    assert found["I_syn_exc"][-1] == pytest.approx(last, rel=1e-12)
    assert found["V_m"][0] == pytest.approx(-70 + 10 * math.exp(-dt / 10), rel=1e-12)


@pytest.mark.parametrize(
    ("dt", "tics"), [(0.1, 1000), (0.25, 1000), (0.0001, 10000), (1 / 3, 1002), (1 / 64, 1024)]
)
def test_tics(dt: float, tics: int) -> None:
    assert tics_per_ms(dt) == tics
    assert dt * tics == pytest.approx(round(dt * tics), abs=1e-9)


def test_a_step_without_tics(artifact: Artifact) -> None:
    refused = run(artifact, "iaf_psc_exp", duration=1e-8, dt=1e-10)
    assert [d.code.id for d in refused.diagnostics] == ["NEST213"]


def test_guards_speak(artifact: Artifact) -> None:
    refused = run(artifact, "watch", duration=1.0, parameters={"k": -1})
    assert [d.code.id for d in refused.diagnostics] == ["NEST211"]
    assert "k of watch must satisfy k > 0" in refused.diagnostics[0].message


def test_a_solution_that_runs_away(artifact: Artifact) -> None:
    refused = run(artifact, "explosion", duration=5.0)
    assert [d.code.id for d in refused.diagnostics] == ["NEST211"]
    assert "explosion" in refused.diagnostics[0].message


def test_the_time_begins_at_zero(artifact: Artifact) -> None:
    found = run(
        artifact,
        "watch",
        duration=2.0,
        spikes={"spikes": [(0.2, 3.0)]},
        currents={"I": ([0.2, 1.0], [5.0, 7.0])},
    )
    assert found.value is not None
    assert found.value["now"] == pytest.approx(np.arange(1, 21) * 0.1, rel=1e-14)
    assert found.value["x"].tolist() == [0.0] + [3.0] * 19
    assert found.value["y"].tolist() == [0.0] * 2 + [5.0] * 8 + [7.0] * 10


def test_what_comes_too_early_for_a_clock(artifact: Artifact) -> None:
    early = run(artifact, "watch", duration=1.0, spikes={"spikes": [(0.1, 3.0)]})
    assert [d.code.id for d in early.diagnostics] == ["NEST215"]
    early = run(artifact, "watch", duration=1.0, currents={"I": 1.0})
    assert [d.code.id for d in early.diagnostics] == ["NEST215"]


def test_an_event_that_nest_cannot_route(artifact: Artifact) -> None:
    lost = run(artifact, "iaf_psc_exp", duration=1.0, spikes={"inh_spikes": [(0.5, 0.0)]})
    assert [d.code.id for d in lost.diagnostics] == ["NEST214"]
    assert run(artifact, "iaf_psc_exp", duration=1.0, spikes={"exc_spikes": [(0.5, 0.0)]}).value


def test_messages_come_back(artifact: Artifact) -> None:
    said = run(artifact, "watch", duration=2.0, parameters={"k": 2.5}).diagnostics
    assert [(d.code.id, d.message) for d in said] == [("NEST217", "k is 2.5, now is 1 ms")]


def test_a_crash_is_reported(artifact: Artifact, tmp_path: Path) -> None:
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"not a library")
    m = model(artifact, "iaf_psc_exp")
    laid = schedule(Experiment(duration=1.0), m)
    assert laid.value is not None
    bad = Artifact(artifact.program, artifact.options, tmp_path, broken)
    refused = NestBackend().simulate(bad, m, laid.value)
    assert refused.value is None
    assert {d.code.id for d in refused.diagnostics} <= {"NEST211", "NEST212"}
