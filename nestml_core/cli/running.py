"""The commands that run models: one experiment, on one backend or on several."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nestml_core.cli.arguments import USAGE
from nestml_core.cli.compiling import backend_options, solve_options
from nestml_core.cli.output import ERROR, OK, plotted, report

if TYPE_CHECKING:
    from nestml_core.experiment import Experiment


def run(args: argparse.Namespace) -> int:
    from nestml_core.loading import load
    from nestml_core.problems import ModelError
    from nestml_core.solved import ModelKind
    from nestml_core.stimuli import standard_stimulus

    try:
        model = load(args.model, solving=solve_options(args), dialect=args.dialect)
        report(model.diagnostics, args)
        experiment = experiment_of(args)
        if model.solved.kind is ModelKind.SYNAPSE and not (args.spikes or args.poisson):
            # nothing ever happens to a synapse without spikes
            experiment, said = standard_stimulus(model.solved, experiment)
            print(f"stimulus: {said}")
        run = model.run(experiment, args.backend, **backend_options(args))
    except ModelError as problem:
        report(problem.diagnostics, args)
        return ERROR
    report(run.diagnostics, args)
    duration = run.trace.steps * run.trace.dt
    print(f"{run.model} on {run.backend} ({run.reason}): {duration:g} ms, dt {run.trace.dt:g} ms")
    spikes = ", ".join(f"{t:.10g}" for t in run.spikes[:200])
    more = f", ... ({len(run.spikes) - 200} more)" if len(run.spikes) > 200 else ""
    print(f"{len(run.spikes)} spikes" + (f" at (ms): {spikes}{more}" if len(run.spikes) else ""))
    if args.csv:
        run.to_csv(args.csv)
        print(f"wrote {args.csv}")
    return plotted(run, args.plot) if args.plot else OK


def compare(args: argparse.Namespace) -> int:
    from nestml_core.comparing import compare
    from nestml_core.loading import load
    from nestml_core.problems import ModelError
    from nestml_core.stimuli import standard_stimulus

    names = [n.strip() for n in args.backends.split(",")] if args.backends else None
    try:
        model = load(args.model, solving=solve_options(args), dialect=args.dialect)
        report(model.diagnostics, args)
        experiment = experiment_of(args)
        if not (args.spikes or args.poisson or args.current or args.set):
            experiment, said = standard_stimulus(model.solved, experiment)
            print(f"stimulus: {said}")
        comparison = compare(model, experiment, names)
    except ModelError as problem:
        report(problem.diagnostics, args)
        return ERROR
    print(comparison.table())
    drawn = OK
    if comparison.runs:
        drawn = plotted(comparison, args.plot or f"{model.name}-compare.png")
    complete = comparison.agrees and len(comparison.runs) == len(comparison.rows)
    return drawn if complete else ERROR


def experiment_of(args: argparse.Namespace) -> Experiment:
    from nestml_core.experiment import Experiment
    from nestml_core.stimuli import poisson_train

    spikes: dict[str, list[tuple[Any, float]]] = {}
    for name, text in _pairs(args.spikes, "--spikes").items():
        spikes.setdefault(name, []).extend(_events(text))
    for k, (name, text) in enumerate(_pairs(args.poisson, "--poisson").items()):
        rate, _, weight = text.partition(":")
        train = poisson_train(
            rate, float(weight or 1), args.duration, args.dt, seed=args.seed + 1000 * (k + 1)
        )
        spikes.setdefault(name, []).extend(train)
    currents = {name: _signal(text) for name, text in _pairs(args.current, "--current").items()}
    return Experiment(
        duration=args.duration,
        dt=args.dt,
        parameters=_values(args.set, "--set"),
        initial=_values(args.initial, "--initial"),
        spikes=spikes,
        currents=currents,
        record=args.record.split(",") if args.record else None,
        seed=args.seed,
    )


def _pairs(items: Sequence[str], what: str) -> dict[str, str]:
    result: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name.strip() or not value.strip():
            sys.stderr.write(f"nestml: {what} {item!r}: write NAME=VALUE\n")
            raise SystemExit(USAGE)
        result[name.strip()] = value.strip()
    return result


def _values(items: Sequence[str], what: str) -> dict[str, Any]:
    booleans = {"true": True, "false": False}
    return {n: booleans.get(v.lower(), v) for n, v in _pairs(items, what).items()}


def _table(path: str) -> list[tuple[float, float]]:
    """Return the rows of a CSV file: two numbers each; a heading is passed over."""
    import csv

    rows: list[tuple[float, float]] = []
    try:
        with open(path, encoding="utf-8", newline="") as file:
            for n, row in enumerate(csv.reader(file)):
                if not row or (n == 0 and not _is_number(row[0])):
                    continue
                rows.append((float(row[0]), float(row[1]) if len(row) > 1 else 1.0))
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"nestml: {path}: {problem}\n")
        raise SystemExit(USAGE) from None
    return rows


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _events(text: str) -> list[tuple[Any, float]]:
    from pathlib import Path

    if text.endswith(".csv") or Path(text).is_file():
        return list(_table(text))
    events: list[tuple[Any, float]] = []
    for part in text.split(","):
        time, _, weight = part.partition(":")
        if weight and not _is_number(weight):
            sys.stderr.write(f"nestml: --spikes: {weight!r} is not a weight\n")
            raise SystemExit(USAGE)
        events.append((time.strip(), float(weight or 1)))
    return events


def _signal(text: str) -> Any:
    from pathlib import Path

    if text.endswith(".csv") or Path(text).is_file():
        rows = _table(text)
        return [t for t, _ in rows], [v for _, v in rows]
    return text
