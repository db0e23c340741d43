"""The command line: arguments, terminal, exit codes. Everything else is imported when needed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nestml_core.cli.arguments import parser
from nestml_core.cli.output import ERROR, report

if TYPE_CHECKING:
    from nestml_core.backend import Backend

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0, 1 for errors in models, 2 for usage."""
    import gc

    gc.freeze()
    gc.disable()  # one short run: collecting cycles costs more than it frees
    words = _in_one_word(sys.argv[1:] if argv is None else argv)
    backend, found = _wanted_backend(words)
    if not found:
        return ERROR
    args = parser(backend).parse_args(words)
    try:
        return int(args.command(args))
    except BrokenPipeError:
        sys.stderr.close()
        return ERROR
    except OSError as problem:
        if problem.filename is None:
            raise
        sys.stderr.write(f"nestml: {problem.filename}: {problem.strerror}\n")
        return ERROR
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        return INTERRUPTED


def _in_one_word(words: Sequence[str]) -> list[str]:
    """Return the command line with ``models show`` and ``models copy`` as one word each."""
    if tuple(words[:2]) in (("models", "show"), ("models", "copy")):
        return [" ".join(words[:2]), *words[2:]]
    return list(words)


def _wanted_backend(words: list[str]) -> tuple[Backend[Any, Any] | None, bool]:
    """Return the backend whose options belong to this command line, if it names one.

    The second value is False, after a message, if it names one that is not there.
    """
    if not words or words[0] not in ("build", "run"):
        return None, True
    scan = argparse.ArgumentParser(add_help=False)
    scan.add_argument("-b", "--backend")
    name = scan.parse_known_args(words[1:])[0].backend
    if name in (None, "reference"):
        return None, True
    from nestml_core.problems import ModelError
    from nestml_core.targets import backend_named

    try:
        return backend_named(name), True
    except ModelError as problem:
        report(problem.diagnostics)
        return None, False
