"""The commands that rewrite model files."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from nestml_core.cli.output import ERROR, OK, report

if TYPE_CHECKING:
    from nestml_core.diagnostics import Diagnostic
    from nestml_core.rewriting import Rewrite


def fmt(args: argparse.Namespace) -> int:
    from nestml_core.rewriting import in_style

    return _rewrite(args, in_style, "formatted")


def upgrade(args: argparse.Namespace) -> int:
    from functools import partial

    from nestml_core.rewriting import up_to_date

    return _rewrite(args, partial(up_to_date, dialect=args.dialect), "upgraded", args.output)


def _rewrite(
    args: argparse.Namespace, rewrite: Rewrite, done: str, output: str | None = None
) -> int:
    """Rewrite the files that are named; a file that cannot be rewritten stays as it is."""
    from pathlib import Path

    from nestml_core.diagnostics import summary
    from nestml_core.rewriting import STDIN, places, rewriting_of, targets, write

    if args.models == [STDIN]:
        return _rewrite_input(args, rewrite)
    found = places(args.models)
    goals = targets(found.value or (), Path(output) if output is not None else None)
    report((*found.diagnostics, *goals.diagnostics), args)
    if found.value is None or goals.value is None:
        return ERROR
    said: list[Diagnostic] = []
    changes = 0
    for place, goal in zip(found.value, goals.value, strict=True):
        result = rewriting_of(place.path, rewrite)
        report(result.diagnostics, args)
        said += result.diagnostics
        changes += result.changed
        if args.diff and result.changed:
            sys.stdout.write(result.difference())
        if result.after is None or not (result.changed or output is not None):
            continue
        if args.check or args.diff:
            print(f"would be {done}: {place.path}", file=sys.stderr)
            continue
        problems = write(result.after, goal, place.path)
        report(problems, args)
        said += problems
        if not problems:
            print(f"{done}: {goal}", file=sys.stderr)
    verb = f"would be {done}" if args.check or args.diff else done
    counts = f"{changes} of {len(found.value)} files {verb}"
    print(", ".join(filter(None, (counts, summary(tuple(said))))), file=sys.stderr)
    return ERROR if any(d.is_error for d in said) or (args.check and changes) else OK


def _rewrite_input(args: argparse.Namespace, rewrite: Rewrite) -> int:
    """Rewrite standard input to standard output."""
    from nestml_core.rewriting import rewriting_of_input

    result = rewriting_of_input(sys.stdin.buffer.read(), rewrite)
    report(result.diagnostics, args)
    if result.after is None:
        return ERROR
    if args.diff:
        sys.stdout.write(result.difference())
    elif not args.check:
        sys.stdout.flush()
        sys.stdout.buffer.write(result.after.encode("utf-8"))
    failed = any(d.is_error for d in result.diagnostics)
    return ERROR if failed or (args.check and result.changed) else OK
