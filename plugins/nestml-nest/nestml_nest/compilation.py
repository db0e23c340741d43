"""Compiling an extension module."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path

from nestml_core.api import NOWHERE, Diagnostic, Result
from nestml_nest import codes
from nestml_nest.options import Options
from nestml_nest.precompiled import Precompiled, precompiled, shortened
from nestml_nest.toolchain import SHIMS, Compiler, Nest, find_compiler, find_nest, flags, report

SHOWN_LINES = 12

SPARING = ("--param", "inline-unit-growth=5", "-I", str(SHIMS / "boost"))
"""Inline less where it hardly counts: a tenth of the time that it takes to compile a neuron.

And read none of Boost: NEST's headers use it only to sort connections.
"""

CONNECTION = "nest::register_connection_model<"
SOLVED_BEFORE = "static constexpr bool solves = false;"
"""What stands in the source of a module with synapses, and in that of a neuron whose steps side by
side need no solver."""

OUT_OF_MEMORY = ("killed", "out of memory", "cannot allocate memory")
"""What GCC says when the system gives it no more, or has ended a part of it."""


def compiled(directory: Path, options: Options) -> Result[Path]:
    """Compile the module in ``directory`` and return its shared library, beside the source.

    The library takes its place whole, under a new inode: a process that has loaded the one before
    keeps it, and loads this one after ``nest.ResetKernel()``.

    Errors
    ------
    NEST201 : NEST or the compiler is missing.
    NEST202 : the compiler rejects the code.
    NEST203 : the folder cannot be written, or the disk is full.
    """
    nest, compiler = find_nest(), find_compiler(options.compiler)
    if not isinstance(nest, Nest) or not isinstance(compiler, Compiler):
        return Result(None, _missing(options))
    try:
        return _made(directory, options, nest, compiler)
    except OSError as problem:
        message = f"the module cannot be written to {directory}: {problem.strerror}"
        help = "choose another folder, as in `-o out`"
        return Result(None, (codes.NOT_WRITTEN.at(NOWHERE, message, help=help),))


def _made(directory: Path, options: Options, nest: Nest, compiler: Compiler) -> Result[Path]:
    product = directory / f"{options.module}.so"
    with tempfile.TemporaryDirectory(prefix=".build-", dir=directory) as folder:
        unit, library = Path(folder) / "module.o", Path(folder) / "module.so"
        source = directory / f"{options.module}.cpp"
        given = flags(nest, options)
        kept = precompiled(nest, compiler, given) if options.precompile else Precompiled()
        kept = kept if kept.flags else shortened(nest, Path(folder))
        sparing = SPARING if _may_be_sparing(source) else ()
        problem = _run(
            compiler.command, *sparing, *given, *kept.flags, "-c", str(source), "-o", str(unit)
        ) or _run(compiler.command, "-shared", "-s", str(unit), *kept.objects, "-o", str(library))
        if problem:
            return Result(None, (problem,))
        os.replace(library, product)
    return Result(product.resolve())


def _may_be_sparing(source: Path) -> bool:
    """Return whether all that runs in a step or for a spike is inlined by attributes of its own.

    So it is for neurons that advance side by side with propagators. Solvers and NEST's loops over
    synapses are not written that way: hh_psc_alpha would lose a fifteenth of its speed.
    """
    unit = source.read_text(encoding="utf-8")
    models = re.findall(r'^#include "(\w+\.h)"$', unit, re.MULTILINE)
    return CONNECTION not in unit and all(
        SOLVED_BEFORE in (source.parent / name).read_text(encoding="utf-8") for name in models
    )


def _missing(options: Options) -> tuple[Diagnostic, ...]:
    return tuple(
        codes.TOOL_MISSING.at(NOWHERE, f"{t.name}: {t.detail}", help=t.install)
        for t in report(options.compiler).missing
    )


def _run(*command: str) -> Diagnostic | None:
    """Run a compiler, in plain English; return what went wrong."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", env=environment, check=False
        )
    except OSError as problem:
        return codes.COMPILER_FAILED.at(NOWHERE, f"{command[0]} cannot be run: {problem}")
    if done.returncode == 0:
        return None
    lines = done.stderr.splitlines()
    errors = [line for line in lines if "error" in line] or lines
    text = "\n".join(errors[:SHOWN_LINES])
    if "No space left on device" in text:
        help = "make room there, or set TMPDIR to a folder with room for the compiler's own files"
        return codes.NOT_WRITTEN.at(NOWHERE, f"there is no room for the module:\n{text}", help=help)
    help = "this is a fault of the backend, not of the model: please report it"
    if done.returncode < 0 or any(said in text.lower() for said in OUT_OF_MEMORY):
        help = "memory ran out, or somebody ended it: build fewer models in one module"
    return codes.COMPILER_FAILED.at(NOWHERE, f"{command[0]} failed:\n{text}", help=help)
