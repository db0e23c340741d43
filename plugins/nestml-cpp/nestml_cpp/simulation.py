"""Running an experiment with a compiled program."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from nestml_core.api import (
    NOWHERE,
    Artifact,
    Code,
    Declaration,
    Diagnostic,
    Result,
    Schedule,
    Severity,
    SolvedModel,
    Trace,
    coherent_text,
    vectors,
)
from nestml_cpp.toolchain import executable

GUARD_VIOLATED = Code("CPP201", Severity.ERROR, "a value violates the guard of its declaration")
NOT_FINITE = Code("CPP202", Severity.ERROR, "a variable is not a finite number")
STOPPED = Code("CPP203", Severity.ERROR, "the compiled program did not come to its end")
MESSAGE = Code("CPP204", Severity.HINT, "a message of the model")
NO_ELEMENT = Code("CPP206", Severity.ERROR, "an index outside of its vector")
MODEL_WARNING = Code("CPP205", Severity.WARNING, "a warning of the model")

MAX_MESSAGES = 100
MAX_MESSAGE_BYTES = 1 << 20
WARNING = "warning: "
INFO = "info: "
SEEDS = 1 << 64

CAUSES = {
    "SIGFPE": "an integer was divided by zero, or a quotient does not fit into 64 bits",
    "SIGSEGV": "functions of the model may call each other without end",
    "SIGKILL": "the system stopped it, perhaps for lack of memory",
}


class ProgramFailed(Exception):
    """The compiled program rejects what this package gave it: a mistake in this package."""


def simulate(artifact: Artifact, model: SolvedModel, schedule: Schedule) -> Result[Trace]:
    """Run one neuron.

    Returns
    -------
    The trace in coherent units. Messages of the model come as diagnostics.

    Errors
    ------
    CPP201 : a guard does not hold.
    CPP202 : a state variable is not finite.
    CPP203 : the program could not be started, or was stopped.
    CPP206 : an element of a vector is used that it does not have.

    Raises
    ------
    ProgramFailed : the program rejects the experiment.
    """
    program = executable(artifact.directory, model)
    with tempfile.TemporaryDirectory(prefix="nestml-cpp-") as name:
        folder = Path(name)
        experiment, result = folder / "experiment", folder / "result"
        with experiment.open("w", encoding="utf-8", newline="\n") as file:
            write_experiment(schedule, file)
        with (folder / "messages").open("w+b") as messages:
            try:
                done = subprocess.run(
                    [program, experiment, result],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=messages,
                    text=True,
                    errors="replace",
                    check=False,
                )
            except OSError as problem:
                message = f"`{program.name}` cannot be started: {problem.strerror}"
                return Result(None, (STOPPED.at(model.span, message),))
            messages.seek(0)
            said = tuple(spoken(model, messages))
        if done.returncode != 0:
            return Result(None, (*said, failure(model, schedule, done)))
        return Result(trace(result, schedule), said)


def write_experiment(schedule: Schedule, file: IO[str]) -> None:
    """Write ``schedule`` as the generated programs read it; numbers keep every digit."""
    file.write(f"dt {schedule.dt!r}\nsteps {schedule.steps}\nseed {schedule.seed % SEEDS}\n")
    for key, given in (("parameter", schedule.parameters), ("initial", schedule.initial)):
        for symbol, value in given.items():
            for x in np.ravel(value).tolist():  # the elements of a vector, one after the other
                file.write(f"{key} {symbol.identifier} {float(x)!r}\n")
    for symbol in schedule.record:
        file.write(f"record {symbol.identifier}\n")
    for port, events in schedule.spikes.items():
        lead = f"spike {port.identifier}"
        for step, weight in zip(events.steps.tolist(), events.weights.tolist(), strict=True):
            file.write(f"{lead} {step} {weight!r}\n")
    for port, signal_ in schedule.currents.items():
        lead = f"current {port.identifier}"
        changes = np.flatnonzero(np.diff(signal_, prepend=0.0))
        levels = signal_[changes].tolist()
        for index, level in zip(changes.tolist(), levels, strict=True):
            file.write(f"{lead} {index + 1} {level!r}\n")


def trace(path: Path, schedule: Schedule) -> Trace:
    """Return what the program wrote: rows of recorded values, then the steps of spikes."""
    data: npt.NDArray[np.float64] = np.fromfile(path, dtype=np.float64)
    width, steps = len(schedule.record), schedule.steps
    rows = data[: steps * width].reshape(steps, width)
    spike_steps = data[steps * width :].view(np.int64).copy()
    return Trace(
        dt=schedule.dt,
        steps=steps,
        values={s.name: np.ascontiguousarray(rows[:, i]) for i, s in enumerate(schedule.record)},
        units={s.name: coherent_text(s.type.dimension) for s in schedule.record},
        spike_steps=spike_steps,
        backend="cpp",
    )


def failure(
    model: SolvedModel, schedule: Schedule, done: subprocess.CompletedProcess[str]
) -> Diagnostic:
    """Return why the program ended early."""
    kind, _, rest = done.stdout.strip().partition(": ")
    if done.returncode < 0:
        return stopped(model, -done.returncode)
    match kind:
        case "guard":
            return guard_violated(model, schedule, rest)
        case "not finite":
            return not_finite(model, schedule, rest)
        case "no element":
            return no_element(model, rest)
        case "result":
            return STOPPED.at(model.span, "its result could not be written: is the disk full?")
        case _:
            raise ProgramFailed(f"exit code {done.returncode}: {done.stdout}")


def stopped(model: SolvedModel, number: int) -> Diagnostic:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    message = f"the program of `{model.name}` was stopped by {name}"
    return STOPPED.at(model.span, message, help=CAUSES.get(name, ""))


def guard_violated(model: SolvedModel, schedule: Schedule, rest: str) -> Diagnostic:
    name, _, text = rest.partition(": ")
    if name == "dt":
        message = f"the step of {schedule.dt:g} ms must be positive and finite"
        return GUARD_VIOLATED.at(NOWHERE, message)
    d = _declared(model, name)
    span = d.symbol.span if d.guard is None else d.guard.span
    given = {**schedule.parameters, **schedule.initial}.get(d.symbol)
    value = (
        ""
        if given is None or d.symbol.size is not None
        else f", which is {given:g} in coherent units"
    )
    message = f"the guard `{text}` of `{d.symbol.name}`{value}, does not hold"
    return GUARD_VIOLATED.at(span, message)


def not_finite(model: SolvedModel, schedule: Schedule, rest: str) -> Diagnostic:
    name, _, step = rest.rpartition(" ")
    convolved = (s for c in model.convolutions for s in c.states)
    symbols = (*(d.symbol for d in model.state), *convolved)
    elements = (e for s in symbols for e in (s, *s.elements))
    symbol = next(s for s in elements if s.identifier == name)
    message = (
        f"`{symbol.name}` is not a finite number after step {step}, "
        f"at t = {int(step) * schedule.dt:g} ms"
    )
    help = "does the solution grow without bounds? check parameters, or try a smaller dt"
    return NOT_FINITE.at(symbol.span, message, help=help)


def no_element(model: SolvedModel, rest: str) -> Diagnostic:
    name, index, size = rest.split(" ")
    known = (v for v in vectors(model) if name in (v.name, v.identifier, f"{v.identifier}_"))
    vector = next(known, None)
    plural = "" if size == "1" else "s"
    message = f"`{name}` has {size} element{plural}, there is no `{name}[{index}]`"
    span = model.span if vector is None else vector.span
    return NO_ELEMENT.at(span, message, help="elements are counted from 0")


def _declared(model: SolvedModel, name: str) -> Declaration:
    declared = (*model.parameters, *model.state)
    return next(d for d in declared if d.symbol.identifier == name)


def spoken(model: SolvedModel, messages: IO[bytes]) -> Iterator[Diagnostic]:
    """Yield what the model said, line by line."""
    text = messages.read(MAX_MESSAGE_BYTES).decode("utf-8", errors="replace")
    lines = text.splitlines()
    for line in lines[:MAX_MESSAGES]:
        if line.startswith(WARNING):
            yield MODEL_WARNING.at(model.span, line.removeprefix(WARNING))
        else:
            yield MESSAGE.at(model.span, line.removeprefix(INFO))
    more = len(lines) - MAX_MESSAGES
    if more > 0 or messages.read(1):
        yield MESSAGE.at(model.span, "and more messages, which are left out")
