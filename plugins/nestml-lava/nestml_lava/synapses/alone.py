"""Run one synapse by itself: the events of a schedule, without delays and without neurons."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from nestml_core.api import Schedule, Trace
from nestml_lava import execution
from nestml_lava.interpreter import Interpreter
from nestml_lava.synapses.ir import Connection


def run(
    connection: Connection,
    schedule: Schedule,
    interpreter: Interpreter,
    *,
    directory: Path,
    timeout: float,
) -> tuple[execution.Outcome, Trace | None]:
    """Run the generated process without Lava's runtime: there is nothing to be connected to."""
    silent = replace(connection.values, sends=False)
    with tempfile.TemporaryDirectory(prefix="nestml-lava-") as folder:
        job = Path(folder)
        recorded = execution.recorded_variables(silent, schedule)
        execution.write_job(job, silent, schedule, recorded, directory=directory, runtime="inproc")
        written = json.loads((job / "job.json").read_text(encoding="utf-8"))
        (job / "job.json").write_text(json.dumps({**written, "synapse": True}), encoding="utf-8")
        command = [interpreter.path, "-I", "-B", str(execution.HARNESS), folder]
        outcome = execution.execute(command, job, timeout)
        if outcome.status != 0:
            return outcome, None
        trace = execution.read_trace(job, silent, schedule, recorded)
        steps, weights = np.load(job / "emitted.npy").T
        return outcome, replace(trace, spike_steps=steps.astype(np.int64), spike_weights=weights)
