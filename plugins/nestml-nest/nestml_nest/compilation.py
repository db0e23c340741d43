"""Compiling an extension module."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from nestml_core.api import NOWHERE, Diagnostic, Result
from nestml_nest import codes
from nestml_nest.options import Options
from nestml_nest.precompiled import Precompiled, precompiled, shortened
from nestml_nest.toolchain import SHIMS, Compiler, Nest, find_compiler, find_nest, flags, report

SHOWN_LINES = 12

_GROWTH = ("--param", "inline-unit-growth=5", "--param", "large-unit-insns=1000")
SPARING = (*_GROWTH, "-I", str(SHIMS / "boost"))
"""Inline less where it hardly counts: a tenth of the time that it takes without kept headers.

And read none of Boost: NEST's headers use it only to sort connections.
"""

OUT_OF_MEMORY = ("killed", "out of memory", "cannot allocate memory")
"""What GCC says when the system gives it no more, or has ended a part of it."""


def compiled(directory: Path, options: Options, *, sparing: bool = False) -> Result[Path]:
    """Compile the module in ``directory`` and return its shared library, beside the source.

    ``sparing`` says that all that counts is inlined by attributes (``ir.Module.is_sparing``).

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
        return _made(directory, options, nest, compiler, sparing)
    except OSError as problem:
        message = f"the module cannot be written to {directory}: {problem.strerror}"
        help = "choose another folder, as in `-o out`"
        return Result(None, (codes.NOT_WRITTEN.at(NOWHERE, message, help=help),))


def _made(
    directory: Path, options: Options, nest: Nest, compiler: Compiler, sparing: bool
) -> Result[Path]:
    product = directory / f"{options.module}.so"
    with tempfile.TemporaryDirectory(prefix=".build-", dir=directory) as folder:
        unit, library = Path(folder) / "module.o", Path(folder) / "module.so"
        source = directory / f"{options.module}.cpp"
        given = flags(nest, options)
        kept = precompiled(nest, compiler, given) if options.precompile else Precompiled()
        kept = kept if kept.flags else shortened(nest, Path(folder))
        frugal = SPARING if sparing else ()
        problem = _run(
            compiler.command, *frugal, *given, *kept.flags, "-c", str(source), "-o", str(unit)
        ) or _run(compiler.command, "-shared", "-s", str(unit), *kept.objects, "-o", str(library))
        if problem:
            return Result(None, (problem,))
        os.replace(library, product)
    return Result(product.resolve())


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
