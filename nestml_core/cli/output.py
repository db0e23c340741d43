"""What the commands write to the terminal: diagnostics, figures, exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nestml_core.comparing import Comparison
    from nestml_core.diagnostics import Diagnostic
    from nestml_core.results import Run

OK, ERROR = 0, 1

MAX_SHOWN = 100
"""How many diagnostics are shown; more than that nobody reads."""


def report(diagnostics: Sequence[Diagnostic], args: argparse.Namespace | None = None) -> None:
    """Print what is wrong, each problem once, to standard error; hints only for `check`."""
    from nestml_core.diagnostics import foremost, render, summary

    color = _colored(args)
    diagnostics = asked_for(diagnostics, args)
    shown = foremost(diagnostics, MAX_SHOWN)
    for d in shown:
        print(render(d, color=color), file=sys.stderr)
    left = set(diagnostics).difference(shown)
    if left:
        print(f"... and {summary(tuple(left))} more", file=sys.stderr)


def asked_for(
    diagnostics: Sequence[Diagnostic], args: argparse.Namespace | None
) -> tuple[Diagnostic, ...]:
    """Return the diagnostics without hints, where these are not asked for."""
    hints = getattr(args, "hints", False)
    return tuple(d for d in diagnostics if hints or not d.is_hint)


def _colored(args: argparse.Namespace | None) -> bool:
    """Return whether diagnostics are printed in colour: as ``--color`` says, or as it fits."""
    import os

    wanted = getattr(args, "color", "auto")
    if wanted != "auto":
        return bool(wanted == "always")
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stderr.isatty() and not plain


def plotted(what: Run | Comparison, path: str) -> int:
    """Write a figure; say what is missing where it cannot be drawn."""
    try:
        what.plot(path)
    except ModuleNotFoundError as problem:
        print(f"nestml: no figure: {problem}", file=sys.stderr)
        return ERROR
    print(f"wrote {path}")
    return OK


def terminal_width() -> int:
    """Return how wide text may be: the terminal's width within reason, 80 where there is none."""
    from shutil import get_terminal_size

    return min(max(get_terminal_size().columns, 60), 100)
