"""From a model to a module of NEST, against the reference toolchain: CPU time, in turn.

``python tests/bench/bench_build.py [--peer PYTHON] [--rounds 5] [--all] [ROW...]``. Both read the
same files, the models that the reference toolchain ships; each build is a process of its own,
started anew. PYTHON is an interpreter with the reference toolchain and NEST. Its own way to a
compiled module ends before the compiler is called where NEST comes from PyPI, so what it generates
is compiled here, with our flags. Times of compilers are of all processes that they start.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from nestml_nest.compilation import compiled
from nestml_nest.options import Options
from nestml_nest.toolchain import Nest, find_nest, flags

from nestml_core.library import library_models

OURS = "import sys; from nestml_core.cli import main; sys.exit(main())"
THEIRS = "import sys; from pynestml.frontend.pynestml_frontend import main; sys.exit(main())"
SHIPPED = (
    "from importlib.metadata import files\n"
    "for f in files('nestml'):\n"
    "    if f.name.endswith('.nestml') and 'models' in f.parts and 'neurons' in f.parts:\n"
    "        print(f.locate().resolve())\n"
)
MODEL = "iaf_psc_exp_neuron"

Task = Callable[[], float]


def cpu_seconds(command: Sequence[str | Path], **how: object) -> tuple[float, int]:
    """Return the CPU time of a process and its children, and the status it ended with."""
    process = subprocess.Popen(  # type: ignore[call-overload]
        [str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime, process.returncode


def ours_generated(models: Sequence[Path | str], folder: Path) -> float:
    shutil.rmtree(folder, ignore_errors=True)
    words = ["build", "-b", "nest", "--no-compile", "-o", folder]
    seconds, status = cpu_seconds([sys.executable, "-c", OURS, *words, *models])
    if status != 0 or not (folder / "nestmlmodule.cpp").is_file():
        raise RuntimeError("some of our models are refused")
    return seconds


def theirs_generated(python: str, models: Sequence[Path], folder: Path) -> float:
    """The status does not tell: the attempt to compile for a NEST from PyPI ends with an error."""
    shutil.rmtree(folder, ignore_errors=True)
    words = ["--target_platform", "NEST", "--target_path", folder, "--module_name", "peermodule"]
    command = [python, "-c", THEIRS, "--input_path", *models, *words, "--logging_level", "ERROR"]
    seconds, _ = cpu_seconds(command, cwd=folder.parent)
    missing = [m.stem for m in models if not (folder / f"{m.stem}.cpp").is_file()]
    if missing:
        raise RuntimeError(f"the peer makes no code for {missing}")
    return seconds


def ours_compiled(folder: Path, cache: Path) -> float:
    before = _children()
    os.environ["XDG_CACHE_HOME"] = str(cache)
    made = compiled(folder, Options(), sparing=True)  # as ``MODEL`` allows
    if made.value is None:
        raise RuntimeError(made.diagnostics[0].message)
    return _children() - before


def asked_before(folder: Path, cache: Path) -> Path:
    """Return a new cache in which one module has been compiled."""
    ours_compiled(folder, cache)
    return cache


def theirs_compiled(folder: Path, nest: Nest) -> float:
    given = [*flags(nest, Options()), "-fvisibility=default"]
    total = 0.0
    units = [MODEL, "peermodule"]
    for unit in units:
        command = ["g++", *given, "-c", folder / f"{unit}.cpp", "-o", folder / f"{unit}.o"]
        seconds, status = cpu_seconds(command)
        if status != 0:
            raise RuntimeError(f"{unit}.cpp does not compile")
        total += seconds
    linked = [folder / f"{u}.o" for u in units]
    return total + cpu_seconds(["g++", "-shared", *linked, "-o", folder / "peermodule.so"])[0]


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def rows(
    tasks: Mapping[str, tuple[Task, Task]], rounds: int
) -> dict[str, tuple[list[float], list[float]]]:
    """Time both of every row in every round, which of them first changing from round to round."""
    seconds: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in tasks}
    for k in range(rounds):
        for name, pair in tasks.items():
            for which in (0, 1) if k % 2 == 0 else (1, 0):
                seconds[name][which].append(pair[which]())
    return seconds


def show(seconds: Mapping[str, tuple[list[float], list[float]]]) -> None:
    for name, (ours, theirs) in seconds.items():
        ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
        spread = f"{min(ratios):6.2f} to {max(ratios):.2f}"
        print(
            f"{name:<44}{median(ours):8.2f}{median(theirs):9.2f}{median(ratios):9.2f}  {spread}",
            flush=True,
        )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--peer", default=sys.executable, metavar="PYTHON")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--all", action="store_true", help="all neurons in one run; minutes")
    arguments.add_argument("rows", nargs="*", help="parts of the names of rows; all if none")
    options = arguments.parse_args()
    listed = subprocess.run(
        [options.peer, "-c", SHIPPED], capture_output=True, text=True, check=True
    )
    models = sorted(map(Path, listed.stdout.split()))
    (one,) = (m for m in models if m.stem == MODEL)
    nest = find_nest()
    if not isinstance(nest, Nest):
        raise SystemExit(f"NEST: {nest}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, theirs, cache = folder / "ours", folder / "theirs", folder / "cache"
        ours_generated([one], ours)
        theirs_generated(options.peer, [one], theirs)
        for _ in range(2):
            ours_compiled(ours, cache)

        def new() -> Path:
            return Path(tempfile.mkdtemp(dir=folder))

        print(f"{'CPU seconds, medians':<44}{'ours':>8}{'theirs':>9}{'ratio':>9}  rounds")
        generation: dict[str, tuple[Task, Task]] = {
            "code for iaf_psc_exp, from a cold start": (
                lambda: ours_generated([one], folder / "a"),
                lambda: theirs_generated(options.peer, [one], folder / "b"),
            ),
        }
        compilation: dict[str, tuple[Task, Task]] = {
            "compile, third and later builds": (
                lambda: ours_compiled(ours, cache),
                lambda: theirs_compiled(theirs, nest),
            ),
            "compile, first build of an installation": (
                lambda: ours_compiled(ours, new()),
                lambda: theirs_compiled(theirs, nest),
            ),
            "compile, second build, which keeps headers": (
                lambda: ours_compiled(ours, asked_before(ours, new())),
                lambda: theirs_compiled(theirs, nest),
            ),
        }
        for tasks in (generation, compilation):
            wanted = {k: v for k, v in tasks.items() if any(r in k for r in options.rows or [""])}
            show(rows(wanted, options.rounds))
        if options.all:
            every: tuple[Task, Task] = (
                lambda: ours_generated(models, folder / "a"),
                lambda: theirs_generated(options.peer, models, folder / "b"),
            )
            show(rows({f"code for all {len(models)} neurons": every}, 1))
            neurons = [p for p in library_models() if p.parent.name == "neurons"]
            seconds = ours_generated(neurons, folder / "c")
            print(f"{f'code for the {len(neurons)} neurons of our library':<44}{seconds:8.2f}")


if __name__ == "__main__":
    main()
