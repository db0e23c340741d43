"""Finding a C++ compiler and compiling with it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from nestml_core.api import (
    NOWHERE,
    Artifact,
    Code,
    Diagnostic,
    ModelKind,
    Result,
    Severity,
    SolvedModel,
    SolvedProgram,
    Tool,
    ToolchainReport,
)
from nestml_cpp.names import file_name
from nestml_cpp.options import Options, mistakes
from nestml_cpp.precompiled import precompiled
from nestml_cpp.tracing import rejections

NO_COMPILER = Code("CPP101", Severity.ERROR, "there is no C++ compiler")
UNUSABLE_COMPILER = Code("CPP102", Severity.ERROR, "the C++ compiler does not work")
UNWRITTEN = Code("CPP104", Severity.ERROR, "compiled code cannot be written")

NAMES = ("c++", "g++", "clang++")
ZIG = "ziglang"
ZIG_FLAGS = ("-fno-sanitize=undefined",)
"""What it checks at run time unless it is told not to costs time, and ends the process."""
EXECUTABLE = ".exe" if sys.platform == "win32" else ""
LIBRARY = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
KEY_DIGITS = 12

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What compilers say, in the words of the system, if there is no room on a disk."""

UNWRITABLE = (*FULL, errno.EROFS, errno.EACCES, errno.EPERM)

TRIAL = "#include <cmath>\nint main() { return static_cast<int>(std::floor(0.5)); }\n"
"""A program that every compiler for C++20 can compile."""


class CompilationFailed(Exception):
    """The compiler rejects generated code. Holds what it says."""


@dataclass(frozen=True, slots=True)
class Compiler:
    """A command that compiles C++, and where it was found."""

    command: tuple[str, ...]
    origin: str

    def version(self) -> str:
        """Return the first line of what it says about itself; empty if it does not run."""
        try:
            said = subprocess.run(
                [*self.command, "--version"], capture_output=True, text=True, check=True, timeout=60
            )
        except (OSError, subprocess.SubprocessError):
            return ""
        return said.stdout.partition("\n")[0].strip()


def find_compiler(wanted: str = "") -> Compiler | None:
    """Return the compiler called ``wanted``, or the first one there is.

    Sought in this order: $CXX, c++, g++, clang++ on the path, the Python package ziglang.
    """
    if wanted:
        return _named(wanted, "as asked for")
    from_environment = os.environ.get("CXX", "")
    if from_environment.strip():
        return _named(from_environment, "from $CXX")
    for name in NAMES:
        found = _named(name, "on the path")
        if found is not None:
            return found
    if find_spec(ZIG) is not None:
        command = (sys.executable, "-m", ZIG, "c++", *ZIG_FLAGS)
        return Compiler(command, f"from the package {ZIG}")
    return None


def _named(command: str, origin: str) -> Compiler | None:
    try:
        words = shlex.split(command, posix=os.name == "posix")
    except ValueError:
        return None
    path = shutil.which(words[0]) if words else None
    return None if path is None else Compiler((path, *words[1:]), origin)


def install_hint() -> str:
    """Return the command that installs a compiler on this system."""
    everywhere = 'pip install "nestml-cpp[compiler]"'
    if sys.platform == "darwin":
        return f"xcode-select --install, or {everywhere}"
    for program, command in (
        ("apt-get", "sudo apt-get install g++"),
        ("dnf", "sudo dnf install gcc-c++"),
        ("pacman", "sudo pacman -S gcc"),
        ("zypper", "sudo zypper install gcc-c++"),
    ):
        if shutil.which(program):
            return f"{command}, or {everywhere}"
    return everywhere


def report() -> ToolchainReport:
    """Return which compiler there is."""
    compiler = find_compiler()
    version = compiler.version() if compiler is not None else ""
    if compiler is None or not version:
        named = os.environ.get("CXX", "").strip()
        detail = f"$CXX is `{named}`, which does not run" if named else "not found"
        return ToolchainReport((Tool("C++20 compiler", False, detail, install_hint()),))
    detail = f"{shlex.join(compiler.command)} {compiler.origin}: {version}"
    return ToolchainReport((Tool("C++20 compiler", True, detail),))


class Variant(Enum):
    """What a library of a model is for. The value is part of its name."""

    SINGLE = ""
    POPULATION = "_population"
    CONNECTIONS = "_synapse"


DEFAULTS = MappingProxyType(
    {
        Variant.SINGLE: ("-O1", "-DNESTML_ONE_BY_ONE"),
        Variant.POPULATION: ("-O2", "-DNESTML_SIDE_BY_SIDE"),
        Variant.CONNECTIONS: ("-O2",),
    }
)
"""How a library is compiled: compilers are slow where code is for many neurons at once."""


def flags(options: Options, variant: Variant = Variant.POPULATION) -> tuple[str, ...]:
    """Return the flags for ``options``.

    Products and sums are never fused behind our back, so that one neuron yields the same numbers
    everywhere; whole numbers wrap around; nobody looks at ``errno`` or at floating-point traps.
    """
    level, *more = DEFAULTS[variant]
    if options.optimization:
        level = f"-O{options.optimization}"
    machine = ("-march=native",) if options.native else ()
    real = ("-DNESTML_REAL=float",) if options.real == "float" else ()
    return (
        "-std=c++20",
        level,
        *more,
        "-ffp-contract=off",
        "-fwrapv",
        "-fno-math-errno",
        "-fno-trapping-math",
        *machine,
        *real,
        *shlex.split(options.flags),
    )


QUICK = ("-std=c++17",)
"""Flags that only save time: compilers read the standard library of C++17 twice as fast as that of
C++20, and know there what generated code has of C++20."""

LINKABLE = ("-fvisibility=hidden",) if sys.platform == "win32" else ("-fvisibility=hidden", "-fPIC")
"""What code for a library is compiled with."""


def shared(command: Sequence[str]) -> tuple[str, ...]:
    """Return the flags that make a library."""
    return (*command, "-shared", *LINKABLE)


def is_usual(compiler: Compiler, options: Options) -> bool:
    """Return whether it pays to keep headers in the compiler's own form: not for a single trial."""
    return ZIG not in compiler.command and not options.flags and not options.optimization


def executable(directory: Path, model: SolvedModel) -> Path:
    """Return where the program that runs ``model`` is."""
    return directory / f"{file_name(model)}_main{EXECUTABLE}"


def library_of(directory: Path, model: SolvedModel, variant: Variant = Variant.SINGLE) -> Path:
    """Return where the library of ``model`` is. Its name tells its content: systems load a library
    of one name only once in a process.

    Raises
    ------
    OSError : it has not been made here.
    """
    base = f"{file_name(model)}{variant_for(model, variant).value}"
    return _library(directory, base, _record(directory, base).read_text(encoding="utf-8"))


def variant_for(model: SolvedModel, wanted: Variant) -> Variant:
    """Return what a library of ``model`` is for: synapses have but one."""
    return Variant.CONNECTIONS if model.kind is ModelKind.SYNAPSE else wanted


def _record(directory: Path, base: str) -> Path:
    return directory / f"{base}.build"


def _library(directory: Path, base: str, key: str) -> Path:
    return directory / f"{base}-{key[:KEY_DIGITS]}{LIBRARY}"


def machine() -> str:
    """Return what tells processors apart for which code is compiled: what they can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    facts = [x for x in lines if x.startswith(("model name", "flags", "Features", "CPU part"))]
    return "\n".join(dict.fromkeys(facts))


def compile_program(
    program: SolvedProgram,
    directory: Path,
    options: Options,
    variant: Variant = Variant.SINGLE,
) -> Result[Artifact]:
    """Compile the libraries of all models in ``directory``, unless they are up to date.

    Returns
    -------
    The artifact; its product is the library, or the directory if there are several.

    Errors
    ------
    CPP006 : an option whose value does not work.
    CPP101 : there is no compiler.
    CPP102 : the compiler cannot even compile a program of two lines.
    CPP103 : the compiler rejects generated code.
    CPP104 : there is no room for what it makes, or it may not be written.
    """
    wrong = tuple(mistakes(options))
    if wrong:
        return Result(None, wrong)
    compiler = find_compiler(options.compiler)
    if compiler is None:
        return Result(None, (missing(options),))
    facts = (compiler.version(), machine())
    for model in program.models:
        command = (*compiler.command, *flags(options, variant_for(model, variant)))
        keeps = is_usual(compiler, options)
        try:
            problem = _compile(model, variant, directory, command, facts, keeps=keeps)
        except CompilationFailed as failed:
            return Result(None, rejections(str(failed), program, options))
        except OSError as failed:
            return Result(None, (unwritten(failed),))
        if problem is not None:
            return Result(None, (problem,))
    products = [library_of(directory, m, variant) for m in program.models]
    product = products[0] if len(products) == 1 else directory
    return Result(Artifact(program, options, directory, product))


def missing(options: Options) -> Diagnostic:
    named = options.compiler or os.environ.get("CXX", "").strip()
    if named:
        message = f"there is no compiler `{named}`"
        return NO_COMPILER.at(NOWHERE, message, help="name one that is installed, or none at all")
    return NO_COMPILER.at(
        NOWHERE, "no C++ compiler was found", help=f"install one: {install_hint()}"
    )


def unwritten(problem: OSError) -> Diagnostic:
    """Return the diagnostic of a file that cannot be written.

    Raises
    ------
    OSError : that is not what it is about.
    """
    if problem.errno not in UNWRITABLE:
        raise problem
    what = f"`{problem.filename}`" if problem.filename else "what the model becomes"
    message = f"{what} cannot be written: {problem.strerror}"
    help = "make room there; $XDG_CACHE_HOME names a folder for what is compiled only to be run"
    return UNWRITTEN.at(NOWHERE, message, help=help)


def _compile(
    model: SolvedModel,
    variant: Variant,
    directory: Path,
    command: Sequence[str],
    facts: Sequence[str],
    *,
    keeps: bool,
) -> Diagnostic | None:
    """Compile one library; return what is wrong with the compiler, if anything."""
    file = file_name(model)
    if model.kind is ModelKind.SYNAPSE:
        base = f"{file}{Variant.CONNECTIONS.value}"
        source = directory / f"{base}_library.cpp"
        files = [directory / f"{base}.hpp", source]
    else:
        base = f"{file}{variant.value}"
        source = directory / f"{file}_library.cpp"
        parts = (".hpp", "_population.hpp", "_library.h")
        files = [*(directory / f"{file}{part}" for part in parts), source]
    key = _digest(files, [*command, *facts])
    target, record = _library(directory, base, key), _record(directory, base)
    if target.exists() and record.exists() and record.read_text(encoding="utf-8") == key:
        return None
    ahead = (*QUICK, *precompiled((*command, *LINKABLE, *QUICK), facts)) if keeps else ()
    problem = made(source, target, shared(command), ahead)
    if problem is not None:
        return problem
    old = record.read_text(encoding="utf-8") if record.exists() else key
    record.write_text(key, encoding="utf-8")
    if old != key:
        with contextlib.suppress(OSError):  # in use on some systems
            _library(directory, base, old).unlink(missing_ok=True)
    return None


def made(
    source: Path, target: Path, command: Sequence[str], ahead: Sequence[str] = ()
) -> Diagnostic | None:
    """Compile ``source`` to ``target``, whole or not at all; return what is wrong, if anything.

    ``ahead`` are flags that only save time: without them it is tried again.

    Raises
    ------
    CompilationFailed : the compiler rejects generated code.
    OSError : there is no room for it, or it may not be written.
    """
    handle, temporary = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix
    )
    os.close(handle)
    try:
        last = (str(source), "-o", temporary)
        said = _run([*command, *ahead, *last])
        if said is not None and ahead:
            said = _run([*command, *last])
        full = next((number for number in FULL if said and os.strerror(number) in said), None)
        if full is not None:
            raise OSError(full, os.strerror(full), str(target))
        if said is not None:
            return _blamed(command, said)
        os.chmod(temporary, 0o755)
        os.replace(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return None


def _digest(files: Iterable[Path], words: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in (*(f.read_bytes() for f in files), *(w.encode() for w in words)):
        digest.update(f"{len(part)} ".encode() + part)
    return digest.hexdigest() + "\n"


def _run(command: Sequence[str]) -> str | None:
    """Run a compiler; return what it says if it fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as problem:
        return str(problem)
    return None if done.returncode == 0 else done.stdout + done.stderr or "it says nothing"


def _blamed(command: Sequence[str], said: str) -> Diagnostic:
    """Return the diagnostic of a compiler that fails at anything; raise if it is our code."""
    with tempfile.TemporaryDirectory(prefix="nestml-cpp-") as folder:
        source = Path(folder) / "trial.cpp"
        source.write_text(TRIAL, encoding="utf-8")
        trial = _run([*command, str(source), "-o", str(Path(folder) / f"trial{EXECUTABLE}")])
    if trial is None:
        raise CompilationFailed(said)
    first = next((line for line in trial.splitlines() if "error" in line), trial.strip())
    message = f"`{shlex.join(command)}` compiles nothing: {first}"
    help = f"check the options `compiler` and `flags`, or install another one: {install_hint()}"
    return UNUSABLE_COMPILER.at(NOWHERE, message, help=help)
