"""The arguments of all commands. A command itself is imported when it is called for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from nestml_core.backend import Backend

USAGE = 2
"""The exit code of a command line that is not understood."""

MODEL_HELP = "a file, a folder, or the name of a shipped model"
BACKEND_OPTION = "backend option: "
"""What the places of a backend's options begin with, so that they meet no other argument."""

FIGURES = ("png", "pdf", "svg", "eps", "jpg", "jpeg", "tif", "tiff", "webp")
"""The formats of figures."""

INTEGRATORS = (
    "auto",
    "rk45",
    "rosenbrock",
    "rk4",
    "forward_euler",
    "exponential_euler",
    "rush_larsen",
)


class Parser(argparse.ArgumentParser):
    """An argument parser that suggests near misses."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def parser(backend: Backend[Any, Any] | None = None) -> Parser:
    """Return the parser of the command line, with the options of ``backend`` where they belong."""
    from nestml_core import __version__

    p = Parser(
        prog="nestml",
        description="Check, analyse, run and compile models of spiking neurons and synapses.",
    )
    p.add_argument("--version", action="version", version=f"nestml-core {__version__}")
    commands = p.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    _check_arguments(commands)
    _inspect_arguments(commands)
    _build_arguments(commands, backend)
    _run_arguments(commands, backend)
    _compare_arguments(commands)
    _models_arguments(commands)
    _backends_arguments(commands)
    _explain_arguments(commands)
    _fmt_arguments(commands)
    _upgrade_arguments(commands)
    for command in commands.choices.values():
        command.add_argument(
            "--color",
            choices=("auto", "always", "never"),
            default="auto",
            help="of diagnostics (default: %(default)s; NO_COLOR is heeded)",
        )
    return p


def _command(module: str, name: str) -> Callable[[argparse.Namespace], int]:
    """Return the command ``name`` of ``module`` of this package, imported when it is called."""

    def command(args: argparse.Namespace) -> int:
        found = getattr(import_module(f"nestml_core.cli.{module}"), name)
        return int(found(args))

    return command


def _solver_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("integration of what has no exact solution")
    group.add_argument(
        "--integrator",
        choices=INTEGRATORS,
        default="auto",
        help="adaptive: rk45 (Dormand-Prince 5(4)), rosenbrock (RODAS 4(3), for stiff equations); "
        "one step: rk4, forward_euler, exponential_euler, rush_larsen (order 2); auto: rk45, or "
        "rosenbrock where the equations turn out to be stiff (default: %(default)s)",
    )
    group.add_argument(
        "--tolerance",
        type=float,
        default=1e-9,
        help="relative and absolute error of an adaptive step (default: %(default)s)",
    )


def _dialect_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dialect",
        choices=("9.0", "8"),
        default="9.0",
        help="the NESTML that the models are written in (default: %(default)s)",
    )


def _check_arguments(commands: Any) -> None:
    p = commands.add_parser("check", help="find all problems of syntax, names, types and units")
    p.add_argument("models", nargs="+", metavar="MODEL", help=MODEL_HELP)
    p.add_argument("--json", action="store_true", help="print diagnostics as JSON")
    p.add_argument(
        "--no-hints", dest="hints", action="store_false", help="print errors and warnings only"
    )
    p.add_argument("--strict", action="store_true", help="count warnings as errors")
    p.add_argument("--verify", action="store_true", help="also check the compiler's own results")
    _dialect_argument(p)
    _solver_arguments(p)
    p.set_defaults(command=_command("compiling", "check"))


def _inspect_arguments(commands: Any) -> None:
    p = commands.add_parser("inspect", help="show what a model computes in each step, and why")
    p.add_argument("models", nargs="+", metavar="MODEL", help=MODEL_HELP)
    p.add_argument("--json", action="store_true", help="the solved model as JSON")
    p.add_argument("--latex", action="store_true", help="the solved model as a LaTeX document")
    p.add_argument("--dump", choices=("tree", "model", "solved"), help="a stage in full")
    _dialect_argument(p)
    _solver_arguments(p)
    p.set_defaults(command=_command("compiling", "inspect"))


def _build_arguments(commands: Any, backend: Backend[Any, Any] | None) -> None:
    p = commands.add_parser(
        "build",
        help="generate code for a target, and compile it",
        epilog="With --backend NAME this help also shows the options of that backend.",
    )
    p.add_argument("models", nargs="+", metavar="MODEL", help=MODEL_HELP)
    p.add_argument(
        "-b", "--backend", required=True, metavar="NAME", help="the target; see `nestml backends`"
    )
    p.add_argument("-o", "--output", default="out", metavar="DIR", help="default: %(default)s")
    p.add_argument("--suffix", default="", help="appended to the name of every generated model")
    p.add_argument(
        "--pair",
        action="append",
        default=[],
        metavar="NEURON+SYNAPSE",
        help="generate both together; may be repeated. NEURON+SYNAPSE(PORT=RECORDABLE) says what "
        "a continuous port of the synapse sees of the neuron",
    )
    p.add_argument("--no-compile", action="store_true", help="only generate")
    _dialect_argument(p)
    _solver_arguments(p)
    _backend_arguments(p, backend)
    p.set_defaults(command=_command("compiling", "build"))


def _experiment_arguments(p: argparse.ArgumentParser) -> None:
    group = p.add_argument_group("experiment")
    group.add_argument("--duration", default="1000ms", help="default: %(default)s")
    group.add_argument("--dt", default="0.1ms", help="length of a step (default: %(default)s)")
    group.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter, as I_e=0.4nA"
    )
    group.add_argument("--initial", action="append", default=[], metavar="NAME=VALUE")
    group.add_argument(
        "--spikes",
        action="append",
        default=[],
        metavar="PORT=SPIKES",
        help="a CSV file with times in ms and weights, or times such as 10,20.5 or 10:200,20:150",
    )
    group.add_argument(
        "--poisson",
        action="append",
        default=[],
        metavar="PORT=RATE:WEIGHT",
        help="a random train, as exc_spikes=1200Hz:200",
    )
    group.add_argument(
        "--current",
        action="append",
        default=[],
        metavar="PORT=VALUE",
        help="a value such as 0.4nA, or a CSV file with times in ms and values",
    )
    group.add_argument("--record", metavar="NAMES", help="separated by commas; default: all")
    group.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    group.add_argument(
        "--plot", metavar="FILE", type=_figure, help="write a figure: .png, .pdf, .svg"
    )


def _figure(path: str) -> str:
    """Return the name of a figure; refuse a format before there is anything to draw."""
    suffix = os.path.splitext(path)[1][1:] or "png"
    if suffix.lower() not in FIGURES:
        listed = ", ".join(f".{f}" for f in FIGURES)
        raise argparse.ArgumentTypeError(f"{path}: a figure is written as {listed}")
    return path


def _run_arguments(commands: Any, backend: Backend[Any, Any] | None) -> None:
    p = commands.add_parser(
        "run",
        help="build, run, look",
        epilog="With --backend NAME this help also shows the options of that backend.",
    )
    p.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    p.add_argument("-b", "--backend", metavar="NAME", help="default: the fastest that can run here")
    p.add_argument("--csv", metavar="FILE", help="write what was recorded")
    _experiment_arguments(p)
    _dialect_argument(p)
    _solver_arguments(p)
    _backend_arguments(p, backend)
    p.set_defaults(command=_command("running", "run"))


def _compare_arguments(commands: Any) -> None:
    p = commands.add_parser("compare", help="the same experiment on several backends")
    p.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    p.add_argument(
        "--backends",
        metavar="NAMES",
        help="separated by commas, with options behind colons: reference,lava:arith=loihi1; "
        "default: all",
    )
    _experiment_arguments(p)
    _dialect_argument(p)
    _solver_arguments(p)
    p.set_defaults(command=_command("running", "compare"))


def _models_arguments(commands: Any) -> None:
    p = commands.add_parser(
        "models",
        help="the shipped models: list them, or search them for words",
        epilog="`nestml models show NAME` tells all about a model, `nestml models copy NAME` gives "
        "a file to change.",
    )
    p.add_argument(
        "words", nargs="*", metavar="WORD", help="in names, summaries, references and text"
    )
    p.add_argument("--json", action="store_true", help="print the models as JSON")
    p.set_defaults(command=_command("models", "models"))

    p = commands.add_parser(
        "models show",
        help="all about a model: equations, parameters, references, picture",
    )
    p.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    p.add_argument("--source", action="store_true", help="print the file")
    p.add_argument("--json", action="store_true", help="print the data sheet as JSON")
    p.add_argument("--html", metavar="FILE", help="write a page that needs no other file")
    p.add_argument(
        "--plot", metavar="FILE", type=_figure, help="write a picture of its response: .png, .svg"
    )
    _dialect_argument(p)
    _solver_arguments(p)
    p.set_defaults(command=_command("models", "show"))

    p = commands.add_parser("models copy", help="copy a shipped model, to start from it")
    p.add_argument("model", metavar="NAME", help="the name of a shipped model")
    p.add_argument(
        "target",
        nargs="?",
        metavar="NEWNAME",
        help="what the copy is called, perhaps in a folder: my_neuron, models/my_neuron.nestml "
        "(default: as the model, in this folder)",
    )
    p.add_argument("-f", "--force", action="store_true", help="replace a file that is there")
    p.set_defaults(command=_command("models", "copy"))


def _backends_arguments(commands: Any) -> None:
    p = commands.add_parser("backends", help="installed backends, and what each can do here")
    p.add_argument("--json", action="store_true")
    p.set_defaults(command=_command("telling", "backends"))


def _explain_arguments(commands: Any) -> None:
    p = commands.add_parser("explain", help="what a diagnostic means, with examples")
    p.add_argument("codes", nargs="*", metavar="CODE", help="such as NML101; default: list all")
    p.add_argument("--json", action="store_true", help="print explanations as JSON")
    p.set_defaults(command=_command("telling", "explain"))


def _rewriting_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "models", nargs="+", metavar="FILE", help="a file or a folder; - reads and writes text"
    )
    p.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file would change"
    )
    p.add_argument("--diff", action="store_true", help="write nothing; print what would change")


def _fmt_arguments(commands: Any) -> None:
    p = commands.add_parser("fmt", help="bring model files into one style")
    _rewriting_arguments(p)
    p.set_defaults(command=_command("rewriting", "fmt"))


def _upgrade_arguments(commands: Any) -> None:
    p = commands.add_parser("upgrade", help="rewrite files of NESTML 8 and older for NESTML 9.0")
    _rewriting_arguments(p)
    p.add_argument("-o", "--output", metavar="DIR", help="write there; default: in place")
    p.add_argument(
        "--dialect",
        choices=("auto", "8", "9.0"),
        default="auto",
        help="what the files are written in: decides what 3 mV**2 means (default: %(default)s)",
    )
    p.set_defaults(command=_command("rewriting", "upgrade"), hints=True)


def _backend_arguments(p: argparse.ArgumentParser, backend: Backend[Any, Any] | None) -> None:
    """Add the options of a backend: the fields of its options dataclass."""
    if backend is None:
        return
    import dataclasses
    import typing

    group = p.add_argument_group(f"options of the backend {backend.name}")
    hints = typing.get_type_hints(backend.options)
    for f in dataclasses.fields(backend.options):
        flag = "--" + f.name.replace("_", "-")
        dest = BACKEND_OPTION + f.name
        help = str(f.metadata.get("help", "")).replace("%", "%%")
        if f.default not in ("", None, (), dataclasses.MISSING):
            help += f" (default: {f.default})"
        if hints[f.name] is bool:
            action = argparse.BooleanOptionalAction
            group.add_argument(flag, dest=dest, action=action, default=None, help=help)
            continue
        choices = f.metadata.get("choices")
        group.add_argument(
            flag,
            dest=dest,
            default=None,
            type=_converter(hints[f.name]),
            choices=choices,
            metavar=None if choices else f.name.upper(),
            help=help,
        )


def _converter(hint: Any) -> Any:
    """Return the function that turns the text of an option into a value of type ``hint``."""
    import types
    import typing

    if hint in (int, float, str):
        return hint
    origin = typing.get_origin(hint)
    if origin is tuple:
        item = _converter(typing.get_args(hint)[0])
        return lambda text: tuple(item(t.strip()) for t in text.split(",") if t.strip())
    if origin in (typing.Union, types.UnionType):
        kinds = [h for h in typing.get_args(hint) if h is not type(None)]
        return _converter(kinds[0])
    return str
