"""Running an experiment on one neuron, in a NEST of its own."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nestml_core.api import (
    NOWHERE,
    Artifact,
    Base,
    Diagnostic,
    Kind,
    Output,
    Result,
    SolvedModel,
    Symbol,
    coherent_text,
    step_expressions,
    symbols_in,
)
from nestml_nest import codes, gaps
from nestml_nest.addresses import Address, spike_addresses, status_keys
from nestml_nest.lower import generated_name
from nestml_nest.worker import worker

if TYPE_CHECKING:
    from nestml_core.api import Schedule, Trace

NAME = "nest"

LEAD = 3
"""How many steps NEST runs before the experiment begins."""

TICS_PER_MS = 1000
"""NEST's unit of time is a tic; there are at least so many in a ms."""

MAX_TICS_PER_MS = 10**9
MAX_SEED = 2**32 - 1
SHOWN_LINES = 8
MAX_MESSAGES = 100


def simulate(artifact: Artifact, model: SolvedModel, schedule: Schedule) -> Result[Trace]:
    """Run one neuron of ``model``; everything in and out is in coherent units.

    A model that reads the time ``t`` cannot start late, as all others do (see ``runner``): for it
    the first spikes can arrive in step 2, and currents can be felt in step 3.

    Errors
    ------
    NEST211 : NEST refuses a value, as a guard wants it, or cannot go on.
    NEST212 : the run ended without a result.
    NEST213 : the step cannot be expressed in NEST's tics.
    NEST214 : an event without weight for an inhibitory port, which NEST tells by the sign.
    NEST215 : the model reads the time, and an input comes too early for NEST's devices.
    NEST216 (hint), NEST217 (warning) : what the model prints.
    """
    tics = tics_per_ms(schedule.dt)
    if tics is None:
        message = f"NEST has no tics in which a step of {schedule.dt!r} ms is a whole number"
        help = "choose a step that is a simple fraction of 1 ms"
        return Result(None, (codes.RESOLUTION.at(NOWHERE, message, help=help),))
    addresses = spike_addresses(model)
    lead = 0 if _reads_time(model) else LEAD
    gap = gaps.port(model, artifact.options)
    problems = [*_lost_weights(schedule, addresses), *_unreachable(schedule, gap)]
    problems += () if lead else _early(model, schedule)
    if problems:
        return Result(None, tuple(problems))
    keys = status_keys(model)
    request, arrays = _inputs(schedule, addresses, gap)
    request |= {
        "module": str(artifact.product),
        "model": generated_name(model, artifact.options),
        "resolution": schedule.dt,
        "tics_per_ms": tics,
        "seed": schedule.seed % MAX_SEED + 1,
        "steps": schedule.steps,
        "lead": lead,
        "emits": model.output is Output.SPIKE,
        "parameters": _status(schedule.parameters, keys),
        "initial": _status(schedule.initial, keys),
        "state": [keys[d.symbol] for d in model.state],
        "record": [keys[s] for s in schedule.record],
    }
    return _run(request, arrays).then(lambda found: Result(_trace(schedule, found)))


def tics_per_ms(dt: float) -> int | None:
    """Return how many tics a millisecond must have for ``dt`` to be a whole number of them."""
    exact = Fraction(dt).limit_denominator(MAX_TICS_PER_MS)
    if exact <= 0 or abs(float(exact) - dt) > 1e-15 * dt:
        return None
    tics = exact.denominator * -(-TICS_PER_MS // exact.denominator)
    return tics if tics <= MAX_TICS_PER_MS else None


def _reads_time(model: SolvedModel) -> bool:
    return any(s.kind is Kind.TIME for e in step_expressions(model) for s in symbols_in(e))


def _lost_weights(schedule: Schedule, addresses: Mapping[Symbol, Address]) -> Iterator[Diagnostic]:
    for port, events in schedule.spikes.items():
        if addresses[port].sign < 0 and (events.weights == 0).any():
            message = f"an event of weight 0 for `{port.name}` would reach its excitatory partner"
            help = "NEST tells the ports of a pair by the sign of the weight"
            yield codes.WEIGHT_LOST.at(NOWHERE, message, help=help)


def _unreachable(schedule: Schedule, gap: Symbol | None) -> Iterator[Diagnostic]:
    if gap is not None and schedule.currents[gap].any():
        message = f"`{gap.name}` takes the currents of gap junctions only, and here are none"
        help = "build without `--gap-port` to feed it like any other port"
        yield codes.WEIGHT_LOST.at(NOWHERE, message, help=help)


def _early(model: SolvedModel, schedule: Schedule) -> Iterator[Diagnostic]:
    help = f"`{model.name}` reads the time, so that the run cannot begin any later in NEST"
    for port, events in schedule.spikes.items():
        if (events.steps < 2).any():
            message = f"the first spike NEST can send arrives in step 2; `{port.name}` has one in 1"
            yield codes.TOO_EARLY.at(NOWHERE, message, help=help)
    for port, values in schedule.currents.items():
        if values[:2].any():
            message = f"a current from NEST is first felt in step 3; `{port.name}` has one before"
            yield codes.TOO_EARLY.at(NOWHERE, message, help=help)


def _inputs(
    schedule: Schedule, addresses: Mapping[Symbol, Address], gap: Symbol | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the runner needs to know of the inputs, and the arrays this refers to."""
    arrays: dict[str, Any] = {}
    spikes: list[dict[str, Any]] = []
    currents: list[dict[str, Any]] = []
    for i, (port, events) in enumerate(schedule.spikes.items()):
        arrays[f"steps_{i}"], arrays[f"weights_{i}"] = events.steps, events.weights
        at = addresses[port]
        sign = -1.0 if at.sign < 0 else 1.0
        where = {"steps": f"steps_{i}", "weights": f"weights_{i}"}
        spikes.append({"receptor": at.receptor, "sign": sign, **where})
    reachable = (values for port, values in schedule.currents.items() if port != gap)
    for i, values in enumerate(reachable):
        arrays[f"values_{i}"] = values
        currents.append({"receptor": i, "values": f"values_{i}"})
    return {"spikes": spikes, "currents": currents}, arrays


def _status(values: Mapping[Symbol, Any], keys: Mapping[Symbol, str]) -> dict[str, Any]:
    """Return values in coherent units as NEST wants them: in declared units, of the right type."""

    def external(symbol: Symbol, value: Any) -> float | int | bool | list[Any]:
        if np.ndim(value):
            return [external(symbol, v) for v in value]
        match symbol.type.base:
            case Base.INTEGER:
                return int(value)
            case Base.BOOLEAN:
                return bool(value)
            case _:
                return float(value) / _factor(symbol)

    return {keys[s]: external(s, v) for s, v in values.items()}


def _factor(symbol: Symbol) -> float:
    """Return the size of the declared unit in coherent units."""
    return 1.0 if symbol.type.unit is None else float(symbol.type.unit.factor)


def _run(request: dict[str, Any], arrays: dict[str, Any]) -> Result[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="nestml-nest-") as name:
        folder = Path(name)
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        np.savez(folder / "request.npz", **arrays)
        status = worker().run(folder)
        printed = folder / "output.txt"
        said = printed.read_text(encoding="utf-8", errors="replace") if printed.is_file() else ""
        refusal = folder / "response.json"
        if refusal.is_file():
            message = json.loads(refusal.read_text(encoding="utf-8"))
            return Result(None, (codes.REFUSED.at(NOWHERE, f"NEST says: {message}"),))
        if status != 0:
            return Result(None, (_crash(status, said),))
        with np.load(folder / "response.npz") as file:
            found = {key: file[key] for key in file.files}
        return Result(found, tuple(_messages(said, request["model"])))


def _messages(output: str, model: str) -> Iterator[Diagnostic]:
    """Yield what the model said, the first ``MAX_MESSAGES`` of it."""
    said = re.finditer(
        rf"^\[(INFO|WARNING)\] \[[^\]\n]*\] {re.escape(model)}: (.*(?:\n(?!\[).*)*)",
        output,
        re.MULTILINE,
    )
    for level, text in islice((m.groups() for m in said), MAX_MESSAGES):
        code = codes.WARNING if level == "WARNING" else codes.MESSAGE
        yield code.at(NOWHERE, text)


def _crash(status: int, said: str) -> Diagnostic:
    lines = [line for line in said.splitlines() if line.strip()]
    text = "\n".join(lines[-SHOWN_LINES:])
    return codes.CRASHED.at(NOWHERE, f"NEST ended with status {status}:\n{text}")


def _trace(schedule: Schedule, found: Mapping[str, Any]) -> Trace:
    from nestml_core.api import Trace

    return Trace(
        dt=schedule.dt,
        steps=schedule.steps,
        values={s.name: found[f"record_{i}"] * _factor(s) for i, s in enumerate(schedule.record)},
        units={s.name: coherent_text(s.type.dimension) for s in schedule.record},
        spike_steps=np.asarray(found["spikes"], np.int64),
        backend=NAME,
    )
