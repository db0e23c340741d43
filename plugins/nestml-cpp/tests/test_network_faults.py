"""Runs of networks that end early: it is told why, and what there is by then is kept."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from generated_programs import generate
from nestml_cpp import toolchain
from nestml_cpp.options import Options

from nestml_core import ModelError, Network, load
from nestml_core.api import SolvedProgram

pytestmark = [
    pytest.mark.usefixtures("compiler"),
    pytest.mark.skipif(sys.platform != "linux", reason="limits and signals as Linux has them"),
]

UNSTABLE = """model unstable:
    state:
        x real = 1
    parameters:
        rate 1/ms = 0 / 1 ms
    equations:
        x' = rate * x
    input:
        s <- spike
    output:
        spike
    update:
        integrate_odes()
    onCondition(x > 1e300):
        emit_spike()
"""

GUARDED = """model guarded:
    parameters:
        tau ms = 10 ms [[ tau > 0 ms ]]
    state:
        x real = 1
    equations:
        x' = -x / tau
    input:
        s <- spike
    output:
        spike
    update:
        integrate_odes()
    onCondition(x > 2):
        emit_spike()
"""

BUSY = """model busy:
    state:
        x real = 0
    input:
        s <- spike
    output:
        spike
    update:
        x += 1
    onCondition(x > 0):
        emit_spike()
"""

LIMITED = """
import resource
import sys
from pathlib import Path

import numpy as np

from nestml_core import ModelError, Network

folder = Path(sys.argv[1])


def limit(megabytes):
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    used = pages * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20, hard))


net = Network(dt=0.1)
watched = net.create(folder / "busy.nestml")
many = net.create(folder / "busy.nestml", 3000)
net.record(watched, "x")
net.run(1, backend="cpp")
"""

TOO_MUCH_TO_RECORD = (
    LIMITED
    + """
net.record(many, "x")
limit(300)
try:
    net.run(2e5, backend="cpp")
except ModelError as problem:
    print(problem)
print(net.result)
"""
)

TOO_MANY_SPIKES = (
    LIMITED
    + """
limit(400)
try:
    net.run(2e4, backend="cpp", threads=int(sys.argv[2]))
except ModelError as problem:
    print(problem)
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
resource.setrlimit(resource.RLIMIT_AS, (hard, hard))  # what follows makes arrays of its own
done = net.result.trace.steps
assert 1000 < done < 200_000, done
assert net.result[watched]["x"].tolist() == [list(range(1, done + 1))]
times, who = net.result.spikes(many)
assert len(times) == len(who) == 3000 * done, (len(times), done)
assert who[-1] == 2999
print("kept")
"""
)

INTERRUPTED = """
import signal
import sys
from pathlib import Path

import numpy as np

from nestml_core import Network

# ignored where pytest runs in the background
signal.signal(signal.SIGINT, signal.default_int_handler)
net = Network(dt=0.1)
cells = net.create(Path(sys.argv[1]) / "busy.nestml", 2)
net.record(cells, "x")
net.run(1, backend="cpp")
print("ready", flush=True)
try:
    net.run(1e7, backend="cpp", checkpoint="state")
except KeyboardInterrupt as problem:
    print(problem)
done = net.result.trace.steps
assert net.result[cells]["x"].tolist() == [list(range(1, done + 1))] * 2
assert len(net.result.spikes(cells)[0]) == 2 * done > 0
state = net.result.state
assert state.steps == done
more = net.run(1, backend="cpp", start="state")
assert more[cells]["x"].tolist() == [list(range(done + 1, done + 11))] * 2
print("went on")
"""


def script(folder: Path, text: str) -> Path:
    (folder / "busy.nestml").write_text(BUSY)
    path = folder / "script.py"
    path.write_text(text)
    return path


def ran(folder: Path, text: str, *arguments: str) -> str:
    """Run a script in a process of its own; return what it prints."""
    command = [sys.executable, script(folder, text), folder, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# Memory


def test_recordings_that_do_not_fit_into_memory_are_told_before_anything_runs(
    tmp_path: Path,
) -> None:
    said = ran(tmp_path, TOO_MUCH_TO_RECORD)
    assert "error[CPP203]: there is not enough memory for the network" in said
    assert "help: record less" in said
    assert said.rstrip().endswith("None"), "no result of an earlier run"


@pytest.mark.parametrize("threads", ["1", "2"])
def test_running_out_of_memory_keeps_what_was_recorded(threads: str, tmp_path: Path) -> None:
    said = ran(tmp_path, TOO_MANY_SPIKES, threads)
    assert "error[CPP203]: the network was stopped for want of memory" in said
    assert said.rstrip().endswith("kept")


# Disks


def test_a_disk_that_is_full_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No file may be longer than a few bytes, for us as for the compiler."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "busy.nestml").write_text(BUSY)
    net = Network(dt=0.1)
    net.create(tmp_path / "busy.nestml", 2)
    net.run(0.1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(ModelError, match=r"CPP104.*cannot be written: File too large"):
            net.run(1, backend="cpp")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert net.result is None
    assert not [p for p in (tmp_path / "cache").rglob("*.so") if p.stat().st_size]


def test_a_compiler_without_room_is_no_mistake_of_the_model(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.write_text(
        "#!/bin/sh\necho 'fatal error: writing x.s: No space left on device' >&2\nexit 1\n"
    )
    full.chmod(0o755)
    model = load("iaf_psc_delta").solved
    generate(model, tmp_path)
    options = Options(compiler=str(full))
    made = toolchain.compile_program(SolvedProgram((model,)), tmp_path, options)
    (said,) = made.diagnostics
    assert said.code.id == "CPP104"
    assert "No space left on device" in said.message
    assert str(tmp_path) in said.message


# Interruptions


def test_ctrl_c_keeps_what_there_is_and_the_state(tmp_path: Path) -> None:
    command = [sys.executable, script(tmp_path, INTERRUPTED), tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.5)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "interrupted at t = " in said
    assert said.rstrip().endswith("went on")


# Numbers that are none, and values that do not fit


def test_a_number_that_is_none_ends_the_run(tmp_path: Path) -> None:
    path = tmp_path / "unstable.nestml"
    path.write_text(UNSTABLE)
    net = Network(dt=0.1)
    rates = np.zeros(600)
    rates[500] = 100.0
    cells = net.create(path, 600, parameters={"rate": rates})
    net.record(cells, "x")
    for threads in (1, 2):
        with pytest.raises(ModelError, match=r"`x` is not a finite number .* in neuron 500"):
            net.run(20, backend="cpp", threads=threads)
        assert net.result is not None
        kept = net.result[cells]["x"]
        assert 0 < kept.shape[1] < 100
        assert (kept[:500] == 1.0).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_number_that_is_none_is_found_at_the_end_where_nothing_is_recorded(
    threads: int, tmp_path: Path
) -> None:
    path = tmp_path / "unstable.nestml"
    path.write_text(UNSTABLE)
    net = Network(dt=0.1)
    net.create(path, 600, parameters={"rate": 100.0})
    net.run(7.0, backend="cpp", threads=threads)  # exp(700) is a number
    for steps in (71, 72, 75):  # exp(710) is none
        with pytest.raises(ModelError, match=rf"`x` is not a finite number after step {steps} "):
            net.run(steps / 10, backend="cpp", threads=threads)


def test_a_guard_that_does_not_hold_names_the_neuron(tmp_path: Path) -> None:
    path = tmp_path / "guarded.nestml"
    path.write_text(GUARDED)
    taus = np.full(700, 5.0)
    taus[612] = -1.0
    net = Network(dt=0.1)
    net.create(path, 700, parameters={"tau": taus})
    for threads in (1, 2):
        with pytest.raises(ModelError, match=r"CPP201.*`tau`.*in neuron 612"):
            net.run(5, backend="cpp", threads=threads)
