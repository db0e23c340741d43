"""Runs in Lava: what goes wrong is said, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nestml_lava import execution, interpreter
from nestml_lava.backend import LavaBackend

from nestml_core.api import Experiment, render

EXPLODING = """
model exploding:
    state:
        x real = 1
        V_m mV = 0 mV
    equations:
        V_m' = -V_m / tau
    parameters:
        tau ms = 10 ms
        largest real = 1e308
    input:
        spikes <- spike
        I mV <- continuous
    update:
        integrate_odes()
    onReceive(spikes):
        V_m += spikes * largest * 1 mV * 1 s
        V_m += spikes * largest * 1 mV * 1 s
"""


def said(result: Any) -> str:
    return "\n".join(render(d) for d in result.diagnostics)


@pytest.mark.usefixtures("lava")
@pytest.mark.parametrize("runtime", ["lava", "inproc"])
def test_a_state_that_is_not_finite_ends_the_run(written: Callable[..., Any], runtime: str) -> None:
    package = written(EXPLODING, runtime=runtime)
    begin = time.monotonic()
    result = package.attempt(Experiment(5.0, spikes={"spikes": [(1.2, 1.0)]}))
    assert result.value is None
    shown = said(result)
    assert "model.nestml:2:7: error[LAVA013]: `exploding` failed in Lava" in shown
    assert "exploding: V_m of neuron 0 is inf in step 12" in shown
    assert "FloatingPointError" in shown
    assert time.monotonic() - begin < 60
    assert groups_left() == []


NAN_IN_POPULATION = """
from exploding import InProcess, exploding
neurons = InProcess(exploding(shape=(2, 3)))
weights = np.zeros((2, 3))
weights[1, 2] = 1.0
neurons.step()
try:
    neurons.step(spikes=weights)
except FloatingPointError as problem:
    print(json.dumps(str(problem)))
"""


def test_the_error_names_variable_neuron_and_step(
    written: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    written(EXPLODING)
    assert answer(NAN_IN_POPULATION) == "exploding: V_m of neuron (1, 2) is inf in step 2"


ENDLESS = """
model endless:
    state:
        n integer = 0
    update:
        n = 0
        while n >= 0:
            n += 1
"""


def test_a_loop_without_end_is_ended(written: Callable[..., Any], lava: Any) -> None:
    result = written(ENDLESS, runtime="inproc").attempt(Experiment(1.0))
    assert "the loops of step 1 made more than 1000000 passes" in said(result)


@pytest.mark.usefixtures("lava")
def test_a_run_that_takes_too_long_is_ended(library: Callable[..., Any]) -> None:
    package = library("izhikevich", timeout=1.5)
    begin = time.monotonic()
    result = package.attempt(Experiment(100000.0, spikes={"spikes": [(1.0, 1.0)]}))
    assert time.monotonic() - begin < 20
    assert "error[LAVA014]: `izhikevich` was still running after 1.5 s" in said(result)
    assert groups_left() == []


def groups_left() -> list[str]:
    """Return the command lines of processes of the harness that are still there."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if str(execution.HARNESS) in command:
                found.append(command)
    return found


def test_a_process_group_is_ended_with_all_that_is_in_it(tmp_path: Path) -> None:
    """Children that ignore SIGTERM, and children of a program that has ended, go too."""
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    program = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {stubborn!r}])\n"
        "print(child.pid, flush=True)\n"
    )
    outcome = execution.execute([sys.executable, "-c", program], tmp_path, 10.0)
    assert outcome.status == 0
    child = int(outcome.output)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and is_running(child):
        time.sleep(0.05)
    assert not is_running(child)


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


HOSTILE = "import sys\nopen({mark!r}, 'w').close()\nsys.exit('hostile')\n"


def test_files_beside_the_package_are_not_executed(
    library: Callable[..., Any], answer: Callable[..., Any], tmp_path: Path
) -> None:
    """Lava executes what lies beside a process; beside the package there may be anything."""
    package = library("iaf_psc_exp")
    mark = tmp_path / "executed"
    for place in (package.directory, tmp_path):
        (place / "hostile.py").write_text(HOSTILE.format(mark=str(mark)), encoding="utf-8")
    steps = answer(
        "from iaf_psc_exp import iaf_psc_exp\n"
        "neuron = iaf_psc_exp()\n"
        "neuron.run(RunSteps(3), CONFIG)\n"
        "V_m = neuron.V_m.get().tolist()\n"
        "neuron.stop()\n"
        "print(json.dumps(V_m))\n"
    )
    assert steps == [-70.0]
    assert not mark.exists()


def test_a_package_may_be_part_of_another(
    library: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    package = library("iaf_psc_exp")
    nested = package.directory / "network" / "neurons"
    nested.mkdir(parents=True)
    (package.directory / "network" / "__init__.py").write_text("")
    (nested / "__init__.py").write_text("")
    (package.directory / "iaf_psc_exp").rename(nested / "iaf_psc_exp")
    assert answer(
        "from network.neurons.iaf_psc_exp import iaf_psc_exp\n"
        "neuron = iaf_psc_exp()\n"
        "neuron.run(RunSteps(3), CONFIG)\n"
        "V_m = neuron.V_m.get().tolist()\n"
        "neuron.stop()\n"
        "print(json.dumps(V_m))\n"
    ) == [-70.0]


CANCELLED = """
model counting:
    state:
        n integer = 0
        w real = 0
    input:
        spikes <- spike
    update:
        w = spikes * 1 s
    onReceive(spikes):
        n += 1
"""


@pytest.mark.usefixtures("lava")
@pytest.mark.parametrize("runtime", ["lava", "inproc"])
def test_events_whose_weights_cancel_are_events(written: Callable[..., Any], runtime: str) -> None:
    trace = written(CANCELLED, runtime=runtime).simulate(
        Experiment(0.5, spikes={"spikes": [(0.2, 3.0), (0.2, -3.0), (0.4, 0.0), (0.5, 2.0)]})
    )
    assert trace["n"].tolist() == [0, 1, 1, 2, 3]
    assert trace["w"].tolist() == [0, 0, 0, 0, 2]


TALKING = """
model talking:
    state:
        V_m mV = -65 mV
        n integer = 0
        on boolean = true
    update:
        n += 1
        if n == 2:
            print("V_m is {V_m}, n is {n}, on is {on}")
        elif n == 3:
            warning("enough")
"""


@pytest.mark.usefixtures("lava")
@pytest.mark.parametrize("runtime", ["lava", "inproc"])
def test_messages_of_the_model_are_handed_on(written: Callable[..., Any], runtime: str) -> None:
    result = written(TALKING, runtime=runtime).attempt(Experiment(0.4))
    assert result.value is not None
    assert [(d.code.id, d.message) for d in result.diagnostics] == [
        ("LAVA015", "talking[0] t = 0.2 ms: V_m is -65 mV, n is 2, on is true"),
        ("LAVA016", "talking[0] t = 0.3 ms: enough"),
    ]


@pytest.mark.usefixtures("lava")
def test_no_steps_at_all(library: Callable[..., Any]) -> None:
    trace = library("iaf_psc_exp").simulate(Experiment(0.0))
    assert trace["V_m"].shape == (0,)
    assert len(trace.spike_steps) == 0


# Finding a Python with Lava


def test_the_option_is_the_only_candidate(tmp_path: Path) -> None:
    search = interpreter.find(str(tmp_path / "nothing"))
    assert search.interpreter is None
    assert len(search.tried) == 1
    assert "option python" in search.tried[0]
    assert "cannot be run" in search.tried[0]


def test_the_environment_comes_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(interpreter.VARIABLE, sys.executable)
    search = interpreter.find()
    assert search.interpreter is None
    assert search.tried == (
        f"{interpreter.VARIABLE} {sys.executable}: Python {sys.version.split()[0]} without lava-nc",
    )
    tool = LavaBackend().toolchain().tools[0]
    assert not tool.found
    assert "pip install lava-nc" in tool.install


def test_programs_that_are_no_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    liar = tmp_path / "python3.10"
    liar.write_text("#!/bin/sh\necho hello\n", encoding="utf-8")
    liar.chmod(0o755)
    assert interpreter.probe(str(liar)) == "does not answer as a Python does"
    monkeypatch.delenv(interpreter.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    tried = interpreter.find().tried
    assert tried[-1] == f"PATH {liar}: does not answer as a Python does"


def test_simulating_without_lava_says_how_to_get_it(
    library: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(interpreter.VARIABLE, sys.executable)
    package = library("iaf_psc_exp")
    shown = said(package.attempt(Experiment(1.0)))
    assert "error[LAVA011]: no Python with Lava" in shown
    assert "pip install lava-nc" in shown


def test_broken_files_do_not_compile(library: Callable[..., Any]) -> None:
    package = library("iaf_psc_exp")
    path = package.directory / "iaf_psc_exp" / "__init__.py"
    path.write_text(path.read_text("utf-8") + "\nmatch = = 1\n", encoding="utf-8")
    result = LavaBackend().compile(
        package.artifact.program, package.directory, package.artifact.options
    )
    assert result.value is None
    assert "error[LAVA012]" in said(result)


def test_messages_are_sums_of_weights() -> None:
    from nestml_core.api import Events

    events = Events(np.array([1, 2, 2, 4, 4]), np.array([1.5, 2.0, 3.0, 1.0, -1.0]))
    messages = execution.arrivals(events, 5)
    assert messages.tolist() == [1.5, 5.0, 0.0, execution.CANCELLED, 0.0]


def test_the_harness_ends_with_its_error_even_if_lava_would_hang(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(json.dumps({}), encoding="utf-8")
    command = [sys.executable, "-I", str(execution.HARNESS), str(tmp_path)]
    outcome = execution.execute(command, tmp_path, 30.0)
    assert outcome.status == 1
    assert "inputs.npz" in outcome.errors


def test_signals_do_not_reach_this_process(tmp_path: Path) -> None:
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        execution.execute([sys.executable, "-c", "pass"], tmp_path, 10.0)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == []
    assert os.getpgid(0) == os.getpgrp()
