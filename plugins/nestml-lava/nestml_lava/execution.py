"""Run a generated process in a Python that has Lava, and read what it recorded."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nestml_core.api import Events, Schedule, Symbol, Trace, coherent_text
from nestml_lava.fixed.package import IntegerPackage
from nestml_lava.fixed.trial import Beyond, in_whole_numbers
from nestml_lava.interpreter import Interpreter
from nestml_lava.ir import Process, Variable
from nestml_lava.stocking import StockPackage

HARNESS = Path(__file__).with_name("harness.py")
GRACE_SECONDS = 2.0
FLOATING = "floating_pt"
CANCELLED = 5e-324
"""The message that stands for events whose weights add up to zero."""

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: its exit status (None if it was ended for taking too long) and output."""

    status: int | None
    output: str
    errors: str


def run(
    process: Process,
    schedule: Schedule,
    interpreter: Interpreter,
    *,
    directory: Path,
    runtime: str,
    timeout: float,
    tag: str = FLOATING,
    recorded: Mapping[Symbol, Variable] | None = None,
) -> tuple[Outcome, Trace | None]:
    """Run one neuron, and return its trace unless the run failed.

    ``recorded`` says which variables of the process are recorded as which of the model, if not
    those that the schedule names.
    """
    with tempfile.TemporaryDirectory(prefix="nestml-lava-") as folder:
        job = Path(folder)
        if recorded is None:
            recorded = recorded_variables(process, schedule)
        write_job(job, process, schedule, recorded, directory=directory, runtime=runtime, tag=tag)
        outcome = execute([interpreter.path, "-I", "-B", str(HARNESS), folder], job, timeout)
        if outcome.status != 0:
            return outcome, None
        return outcome, read_trace(job, process, schedule, recorded)


def run_in_whole_numbers(
    package: IntegerPackage,
    schedule: Schedule,
    interpreter: Interpreter,
    *,
    files: Mapping[str, str],
    runtime: str,
    timeout: float,
) -> tuple[Outcome, Trace | None] | Beyond:
    """Run a neuron in the whole numbers that were made for this experiment."""
    of = package.numbers.integers
    plan = in_whole_numbers(schedule, of)
    if isinstance(plan, Beyond):
        return plan
    names = {x.symbol: x.name for x in package.inner.states}
    recorded = {
        f.symbol: _variable(f.symbol, names[f.whole])
        for f in of.formats
        if f.symbol in schedule.record
    }
    with tempfile.TemporaryDirectory(prefix="nestml-lava-") as folder:
        _write(Path(folder) / package.name, files)
        return run(
            package.inner,
            plan,
            interpreter,
            directory=Path(folder),
            runtime=runtime,
            timeout=timeout,
            tag=package.tags[0],
            recorded=recorded,
        )


def run_stock(
    package: StockPackage,
    schedule: Schedule,
    interpreter: Interpreter,
    *,
    files: Mapping[str, str],
    timeout: float,
) -> tuple[Outcome, Trace | None]:
    """Run a neuron that is one of Lava's own, in Lava's runtime: its monitor records."""
    recorded = {s: _variable(s, "v") for s in (package.lif.variable,) if s in schedule.record}
    plan = replace(schedule, parameters={}, initial={}, currents={})
    with tempfile.TemporaryDirectory(prefix="nestml-lava-") as folder:
        job = Path(folder)
        _write(job / package.name, files)
        write_job(job, package.inner, plan, recorded, directory=job, runtime="stock")
        outcome = execute([interpreter.path, "-I", "-B", str(HARNESS), folder], job, timeout)
        if outcome.status != 0:
            return outcome, None
        return outcome, read_trace(job, package.inner, plan, recorded)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _variable(symbol: Symbol, name: str) -> Variable:
    """Return a variable that is recorded in the declared unit of ``symbol``."""
    unit = symbol.type.unit
    return Variable(
        name=name,
        symbol=symbol,
        unit=unit.text if unit else "",
        factor=float(unit.factor) if unit else 1.0,
        is_boolean=False,
        is_integer=False,
        strict=False,
        summary="",
    )


def recorded_variables(process: Process, schedule: Schedule) -> Mapping[Symbol, Variable]:
    chosen = frozenset(schedule.record)
    return {symbol: x for symbol, x in process.recordables if symbol in chosen}


def write_job(
    folder: Path,
    process: Process,
    schedule: Schedule,
    recorded: Mapping[Symbol, Variable],
    *,
    directory: Path,
    runtime: str,
    tag: str = FLOATING,
) -> None:
    values = {
        x.name: _declared(given[x.symbol], x)
        for given, variables in (
            (schedule.parameters, process.parameters),
            (schedule.initial, process.states),
        )
        for x in variables
        if x.symbol in given
    }
    inputs: dict[str, FloatArray] = {}
    for port in process.spike_ports:
        inputs[port.name] = arrivals(schedule.spikes[port.symbol], schedule.steps)
    for port in (p for p in process.continuous_ports if p.symbol in schedule.currents):
        signal_ = schedule.currents[port.symbol] / port.factor
        if len(signal_):  # a message received in step k holds in step k + 1
            values[port.held] = float(signal_[0])
            inputs[port.name] = np.append(signal_[1:], signal_[-1])
        else:
            inputs[port.name] = signal_
    job = {
        "package": process.name,
        "directory": str(directory.resolve()),
        "dt": schedule.dt,
        "steps": schedule.steps,
        "seed": schedule.seed,
        "values": values,
        "record": [*dict.fromkeys(x.name for x in recorded.values()), *_spike(process)],
        "runtime": runtime,
        "tag": tag,
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    np.savez(folder / "inputs.npz", allow_pickle=False, **inputs)


def _spike(process: Process) -> tuple[str, ...]:
    return ("spike",) if process.sends else ()


def _declared(value: float | FloatArray, x: Variable) -> Any:
    """Return a value, or the elements of a vector, in the declared unit, as JSON has them."""
    if isinstance(value, np.ndarray):
        return [_declared(float(element), x) for element in value]
    return bool(value) if x.is_boolean else value / x.factor


def arrivals(events: Events, steps: int) -> FloatArray:
    """Return the message of each step, shape (steps,): the sum of the weights that arrive."""
    index = events.steps - 1
    messages = np.bincount(index, events.weights, minlength=steps).astype(float)
    came = np.bincount(index, minlength=steps) > 0
    messages[came & (messages == 0.0)] = CANCELLED
    return messages


def execute(command: list[str], folder: Path, timeout: float) -> Outcome:
    """Run a program in a process group of its own, of which nothing is left afterwards."""
    output, errors = folder / "stdout", folder / "stderr"
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        status: int | None
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            end_group(process)
    return Outcome(status, _read(output), _read(errors))


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End the process group of ``process``.

    SIGTERM first: Python's resource tracker ignores it and releases Lava's shared memory once all
    others are gone.
    """
    for ending in (signal.SIGTERM, signal.SIGKILL):
        if not _signal(process.pid, ending):
            break
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline:
            process.poll()
            if not _signal(process.pid, 0):
                break
            time.sleep(0.01)
    process.wait()


def _signal(group: int, number: int) -> bool:
    """Signal a process group; False if there is none any more."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
        return True
    return False


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def read_trace(
    folder: Path, process: Process, schedule: Schedule, recorded: Mapping[Symbol, Variable]
) -> Trace:
    values = {
        symbol.name: _recorded(folder / f"{x.name}.npy", symbol) * x.factor
        for symbol, x in recorded.items()
    }
    counts = np.zeros(schedule.steps, np.int64)
    if process.sends:
        counts = np.load(folder / "spike.npy")[:, 0].astype(np.int64)
    return Trace(
        dt=schedule.dt,
        steps=schedule.steps,
        values=values,
        units={symbol.name: coherent_text(symbol.type.dimension) for symbol in recorded},
        spike_steps=np.repeat(np.arange(1, schedule.steps + 1), counts),
        backend="lava",
    )


def _recorded(file: Path, symbol: Symbol) -> FloatArray:
    """Return what the one neuron recorded; of a vector, one element."""
    rows = np.load(file)
    values: FloatArray = rows[:, 0] if symbol.vector is None else rows[:, symbol.place, 0]
    return values
