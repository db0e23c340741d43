"""What is needed to compile for the installed NEST, and where it is."""

from __future__ import annotations

import mmap
import platform
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from nestml_core.api import Tool, ToolchainReport
from nestml_nest.options import Options

SHIMS = Path(__file__).parent / "shims"
"""Headers of ours for what NEST's headers ask of Boost and libltdl."""

SUPPORTED = (3, 10)
OLDEST_GCC = 10

_CXX11_SYMBOL = re.compile(rb"_ZNK?4nest\w*__cxx11")


@dataclass(frozen=True, slots=True)
class Nest:
    """An installed NEST.

    Attributes
    ----------
    include : the folder with NEST's headers
    cxx11_abi : its kernel was compiled with the strings and lists of C++11
    """

    version: str
    package: Path
    include: Path
    cxx11_abi: bool


@dataclass(frozen=True, slots=True)
class Compiler:
    command: str
    version: str


def find_nest() -> Nest | str:
    """Return the NEST that Python would import, which is not imported, or why it cannot be used.

    NEST's own ``nest-config`` knows the machine that NEST was built on, so it is not asked.
    """
    spec = find_spec("nest")
    folders = [Path(p) for p in (spec.submodule_search_locations or ())] if spec else []
    if not folders:
        return "not installed"
    package = folders[0]
    include = _include_folder(package)
    if include is None:
        return f"found in {package}, but without its headers"
    kernels = tuple(_kernels(package, include))
    if not kernels:
        return f"found in {package}, but without its kernel"
    found = _version(include)
    if tuple(int(n) for n in re.findall(r"\d+", found)[:2]) != SUPPORTED:
        wanted = ".".join(map(str, SUPPORTED))
        return f"{found} found in {package}, {wanted} is needed"
    return Nest(found, package, include, any(map(_has_cxx11_symbols, kernels)))


def _include_folder(package: Path) -> Path | None:
    """Return the folder of NEST's headers: in the package, or in the prefix it lies in."""
    roots = (package, Path(sys.prefix), *package.parents)
    return next((r / "include/nest" for r in roots if (r / "include/nest/node.h").is_file()), None)


def _kernels(package: Path, include: Path) -> list[Path]:
    prefix = include.parent.parent
    found = [*package.glob("nestkernel_api*.so")]
    found += [p for lib in ("lib", "lib64") for p in (prefix / lib / "nest").glob("lib*nest*.so")]
    return sorted(found)


def _version(include: Path) -> str:
    try:
        return version("nest-simulator")
    except PackageNotFoundError:  # built from source
        text = (include / "config.h").read_text(encoding="utf-8", errors="replace")
        found = re.search(r'#define NEST_VERSION "([^"]+)"', text)
        return found[1] if found else "an unknown version"


def _has_cxx11_symbols(library: Path) -> bool:
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _CXX11_SYMBOL.search(data) is not None


def find_boost() -> Path | None:
    """Return the folder with Boost's headers of the package ``boost-headers``, if it is there."""
    spec = find_spec("boost_headers")
    folders = [Path(p) for p in (spec.submodule_search_locations or ())] if spec else []
    return next((f / "include" for f in folders if (f / "include/boost").is_dir()), None)


def find_compiler(command: str) -> Compiler | str:
    """Return the GCC that ``command`` stands for, or why it cannot be used.

    Another compiler would bring another OpenMP runtime, in which thread numbers mean nothing.
    """
    path = shutil.which(command)
    if path is None:
        return f"`{command}` not found"
    try:
        banner = _output(path, "--version")
        found = _output(path, "-dumpfullversion", "-dumpversion")
    except (OSError, subprocess.SubprocessError) as problem:
        return f"`{path}` does not run: {problem}"
    if "clang" in banner.lower() or not re.match(r"\d+", found):
        return f"`{path}` is not GCC"
    if int(re.match(r"\d+", found)[0]) < OLDEST_GCC:  # type: ignore[index]
        return f"`{path}` is GCC {found}; {OLDEST_GCC} or later is needed for C++20"
    return Compiler(path, found)


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.strip()


def report(command: str = "g++") -> ToolchainReport:
    """Return what is here and what is missing."""
    nest, compiler, boost = find_nest(), find_compiler(command), find_boost()
    if isinstance(nest, Nest):
        nest_tool = Tool("NEST", True, f"{nest.version} in {nest.package}")
    else:
        nest_tool = Tool("NEST", False, nest, 'pip install "nest-simulator==3.10.*"')
    if isinstance(compiler, Compiler):
        gcc = Tool("GCC", True, f"{compiler.version}, {compiler.command}")
    else:
        gcc = Tool("GCC", False, compiler, _install_compiler())
    # without Boost nothing is missing: what NEST's headers need of it is built in
    where = str(boost) if boost is not None else "not installed, replaced by built-in headers"
    headers = Tool("Boost headers", True, where, "pip install boost-headers")
    return ToolchainReport((nest_tool, gcc, headers))


def _install_compiler() -> str:
    if platform.system() != "Linux":
        return "install GCC 10 or later"
    for manager, package in (("apt-get", "g++"), ("dnf", "gcc-c++"), ("zypper", "gcc-c++")):
        if shutil.which(manager):
            return f"{manager} install {package}"
    return "conda install -c conda-forge gxx"


def _processor(options: Options) -> tuple[str, ...]:
    """Return which processors the module is for: this one, those that have its vectors, or all."""
    if options.native:
        return ("-march=native",)
    return ("-mavx2",) if _has_wide_vectors() and not options.portable else ()


def _has_wide_vectors() -> bool:
    facts = Path("/proc/cpuinfo")
    if platform.machine() != "x86_64" or not facts.is_file():
        return False
    return re.search(r"^flags\s*:.*\bavx2\b", facts.read_text(encoding="utf-8"), re.M) is not None


def flags(nest: Nest, options: Options) -> tuple[str, ...]:
    """Return the arguments that compile a module for ``nest``.

    -std=c++20 and the ABI are what NEST's headers and library were made with. -fopenmp matters in
    compiling only: NEST's templates contain parallel regions; the module takes the runtime that
    the process has already. Symbols are hidden, so that modules cannot disturb each other. Products
    and sums are not fused, so that results do not depend on the processor.
    """
    boost = find_boost()
    systems = (nest.include, SHIMS / "ltdl", boost if boost is not None else SHIMS / "boost")
    return (
        "-std=c++20",
        "-ffp-contract=off",
        f"-O{options.optimization}",
        *_processor(options),
        "-DNDEBUG",
        "-fPIC",
        "-fopenmp",
        "-fvisibility=hidden",
        "-fno-gnu-unique",
        f"-D_GLIBCXX_USE_CXX11_ABI={int(nest.cxx11_abi)}",
        *(part for folder in systems for part in ("-isystem", str(folder))),
        *shlex.split(options.flags),
    )
