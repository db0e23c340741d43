"""Finding a C++ compiler and compiling with it."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from nestml_core.api import (
    NOWHERE,
    Artifact,
    Code,
    Diagnostic,
    Result,
    Severity,
    SolvedModel,
    SolvedProgram,
    Tool,
    ToolchainReport,
)
from nestml_cpp.names import file_name
from nestml_cpp.options import Options, mistakes

NO_COMPILER = Code("CPP101", Severity.ERROR, "there is no C++ compiler")
UNUSABLE_COMPILER = Code("CPP102", Severity.ERROR, "the C++ compiler does not work")

NAMES = ("c++", "g++", "clang++")
ZIG = "ziglang"
EXECUTABLE = ".exe" if sys.platform == "win32" else ""

TRIAL = "#include <cmath>\nint main() { return static_cast<int>(std::floor(0.5)); }\n"
"""A program that every compiler for C++20 can compile."""


class CompilationFailed(Exception):
    """The compiler rejects generated code: a mistake in this package. Holds what it says."""


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
        return Compiler((sys.executable, "-m", ZIG, "c++"), f"from the package {ZIG}")
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
    everywhere = 'pip install "nestml-cpp[zig]"'
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


def flags(options: Options) -> tuple[str, ...]:
    """Return the flags for ``options``. Products and sums are never fused: results are the same on
    every machine."""
    machine = ("-march=native",) if options.native else ()
    return (
        "-std=c++20",
        f"-O{options.optimization}",
        "-ffp-contract=off",
        *machine,
        *shlex.split(options.flags),
    )


def executable(directory: Path, model: SolvedModel) -> Path:
    """Return where the program that runs ``model`` is."""
    return directory / f"{file_name(model)}_main{EXECUTABLE}"


def compile_program(program: SolvedProgram, directory: Path, options: Options) -> Result[Artifact]:
    """Compile the programs of all models in ``directory``, unless they are up to date.

    Returns
    -------
    The artifact; its product is the program, or the directory if there are several.

    Errors
    ------
    CPP006 : an option whose value does not work.
    CPP101 : there is no compiler.
    CPP102 : the compiler cannot even compile a program of two lines.

    Raises
    ------
    CompilationFailed : the compiler rejects generated code.
    """
    wrong = tuple(mistakes(options))
    if wrong:
        return Result(None, wrong)
    compiler = find_compiler(options.compiler)
    if compiler is None:
        return Result(None, (_missing(options),))
    command = (*compiler.command, *flags(options))
    version = compiler.version()
    for model in program.models:
        problem = _compile(model, directory, command, version)
        if problem is not None:
            return Result(None, (problem,))
    products = [executable(directory, m) for m in program.models]
    product = products[0] if len(products) == 1 else directory
    return Result(Artifact(program, options, directory, product))


def _missing(options: Options) -> Diagnostic:
    named = options.compiler or os.environ.get("CXX", "").strip()
    if named:
        message = f"there is no compiler `{named}`"
        return NO_COMPILER.at(NOWHERE, message, help="name one that is installed, or none at all")
    return NO_COMPILER.at(
        NOWHERE, "no C++ compiler was found", help=f"install one: {install_hint()}"
    )


def _compile(
    model: SolvedModel, directory: Path, command: Sequence[str], version: str
) -> Diagnostic | None:
    """Compile one program; return what is wrong with the compiler, if anything."""
    base = file_name(model)
    source, target = directory / f"{base}_main.cpp", executable(directory, model)
    record = directory / f"{base}_main.build"
    key = _digest([directory / f"{base}.hpp", source], [*command, version])
    if target.exists() and record.exists() and record.read_text(encoding="utf-8") == key:
        return None
    handle, temporary = tempfile.mkstemp(dir=directory, prefix=f".{base}_main-", suffix=EXECUTABLE)
    os.close(handle)
    try:
        said = _run([*command, str(source), "-o", temporary])
        if said is not None:
            return _blamed(command, said)
        os.chmod(temporary, 0o755)
        os.replace(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    record.write_text(key, encoding="utf-8")
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
        raise CompilationFailed(f"the compiler rejects generated code\n{said}")
    first = next((line for line in trial.splitlines() if "error" in line), trial.strip())
    message = f"`{shlex.join(command)}` compiles nothing: {first}"
    help = f"check the options `compiler` and `flags`, or install another one: {install_hint()}"
    return UNUSABLE_COMPILER.at(NOWHERE, message, help=help)
