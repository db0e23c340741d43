"""Neurons that advance together: as they do one after the other, whatever happens to some of them;
and the static synapse that adds to what arrives at them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import build, program_of
from nestml_nest.backend import NestBackend
from nestml_nest.options import Options

from nestml_core.api import SolvedProgram
from nestml_core.pipeline import compile_files, generate
from nestml_core.testing import models

Run = Callable[..., Any]

SCRIPT = Path(__file__).parent / "arena_runs.py"
DRIVEN = {"iaf_psc_exp": (500.0, 200.0), "hh_psc_alpha": (900.0, 60.0)}
"""Current and weight that make them fire now and then."""

RANDOM = """
model noisy:
    state:
        V_m mV = 0 mV
    input:
        spikes <- spike
    update:
        V_m = random_normal(0, 1) * 1 mV
    onReceive(spikes):
        V_m += spikes * 1 s * 1 mV
"""


@pytest.fixture(scope="module")
def run(toolchain: None, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return what runs a function of ``arena_runs.py`` in a process of its own."""

    def made(name: str, **fields: Any) -> Any:
        folder = tmp_path_factory.mktemp(name)
        given, taken = folder / "in.json", folder / "out.json"
        given.write_text(json.dumps(fields), encoding="utf-8")
        command = [sys.executable, str(SCRIPT), name, str(given), str(taken)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return json.loads(taken.read_text(encoding="utf-8"))

    return made


def program() -> SolvedProgram:
    shipped = compile_files(list(DRIVEN)).value
    assert shipped is not None
    return SolvedProgram((*shipped.models, models()["two_ports"]))


@pytest.fixture(scope="module")
def together(toolchain: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    options = Options(static_synapse=True, module="together")
    return build(program(), tmp_path_factory.mktemp("together"), options)


@pytest.fixture(scope="module")
def apart(toolchain: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    options = Options(lanes=False, module="apart")
    return build(program(), tmp_path_factory.mktemp("apart"), options)


def values(found: Any) -> list[float]:
    """Return all potentials of a run."""
    return [x for k, v in found.items() if k != "spikes" for x in (v if type(v) is list else [v])]


@pytest.mark.parametrize("model", DRIVEN)
def test_neurons_do_together_what_they_do_apart(
    run: Run, together: str, apart: str, model: str
) -> None:
    current, weight = DRIVEN[model]
    given = {"model": f"{model}_nestml", "current": current, "weight": weight}
    expected = run("life", modules=[apart], **given)
    found = run("life", modules=[together], **given)
    assert len(expected["spikes"][0]) > 20
    assert found["spikes"] == expected["spikes"]
    tolerance = 1e-9 if model == "iaf_psc_exp" else 1e-5
    assert values(found) == pytest.approx(values(expected), abs=tolerance)
    assert found["frozen"] == found["still frozen"]
    assert found["set"] == -63.0


@pytest.mark.parametrize("model", DRIVEN)
def test_a_neuron_does_not_depend_on_others_or_on_threads(
    run: Run, together: str, model: str
) -> None:
    current, weight = DRIVEN[model]
    given = {"model": f"{model}_nestml", "current": current, "weight": weight}
    one = run("life", modules=[together], **given)
    alone = run("life", modules=[together], count=1, **given)
    assert alone["measured"] == one["measured"]
    for threads in (2, 4):
        assert run("life", modules=[together], threads=threads, **given) == one


def test_slices_may_be_one_step_long(run: Run, together: str, apart: str) -> None:
    given = {"model": "iaf_psc_exp_nestml", "current": 500.0, "weight": 200.0, "delay": 0.1}
    expected = run("life", modules=[apart], **given)
    found = run("life", modules=[together], **given)
    assert found["spikes"] == expected["spikes"]
    assert values(found) == pytest.approx(values(expected), abs=1e-9)


def test_a_reset_forgets_all(run: Run, together: str, apart: str) -> None:
    found = run("again", modules=[together], model="iaf_psc_exp_nestml")["found"]
    expected = run("again", modules=[apart], model="iaf_psc_exp_nestml")["found"]
    assert found[0] == found[2] != found[1]
    for (potentials, spikes), (others, other_spikes) in zip(found, expected, strict=True):
        assert spikes == other_spikes > 0
        assert potentials == pytest.approx(others, abs=1e-9)


@pytest.mark.parametrize(("threads", "recorded"), [(1, True), (2, False), (4, True)])
def test_the_static_synapse_does_what_that_of_nest_does(
    run: Run, together: str, threads: int, recorded: bool
) -> None:
    given = {"modules": [together], "model": "iaf_psc_exp_nestml"}
    given |= {"threads": threads, "recorded": recorded}
    expected = run("network", synapse="static_synapse", **given)
    found = run("network", synapse="static_synapse__with_iaf_psc_exp_nestml", **given)
    assert len(expected["spikes"][0]) > 100
    assert bool(expected["recorded"]) == recorded
    assert found["entries"].pop("sizeof") == 16
    assert expected["entries"].pop("sizeof") == 32
    assert found == expected


def test_the_static_synapse_finds_receptors_and_refuses_what_is_none(
    run: Run, together: str
) -> None:
    given = {"modules": [together], "model": "two_ports"}
    expected = run("receptors", synapse="static_synapse", **given)
    found = run("receptors", synapse="static_synapse__with_two_ports", **given)
    assert {k: found[k] for k in "xyzn"} == {k: expected[k] for k in "xyzn"}
    assert found["numbers"] == expected["numbers"] == [1, 1, 2, 2]
    assert "UnknownReceptorType" in found["receptor"]
    for target in ("another neuron", "device"):
        assert "IllegalConnection" in found[target]
        assert "ends at neurons two_ports only" in found[target]
    assert found["after"] == 4


def test_a_neuron_that_advances_alone_has_no_static_synapse() -> None:
    options = Options(static_synapse=True)
    made = generate(program_of(RANDOM), NestBackend(), options)
    assert [d.code.id for d in made.diagnostics] == ["NEST113"]
    assert made.value is not None
    assert not any("static" in name for name in made.value)
