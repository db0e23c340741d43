"""The command line: arguments, terminal, exit codes. Everything else is imported when needed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from nestml_core.backend import Backend
    from nestml_core.diagnostics import Diagnostic
    from nestml_core.experiment import Experiment
    from nestml_core.rewriting import Rewrite
    from nestml_core.simulate import Comparison, Run
    from nestml_core.solve import SolveOptions

OK, ERROR, USAGE = 0, 1, 2

MODEL_HELP = "a file, a folder, or the name of a shipped model"
BACKEND_OPTION = "backend option: "
"""What the places of a backend's options begin with, so that they meet no other argument."""


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


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0, 1 for errors in models, 2 for usage."""
    import gc

    gc.freeze()
    gc.disable()  # one short run: collecting cycles costs more than it frees
    words = list(sys.argv[1:] if argv is None else argv)
    backend, found = _wanted_backend(words)
    if not found:
        return ERROR
    args = _parser(backend).parse_args(words)
    try:
        return int(args.command(args))
    except BrokenPipeError:
        sys.stderr.close()
        return ERROR
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        return 130


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
    from nestml_core.simulate import ModelError, backend_named

    try:
        return backend_named(name), True
    except ModelError as problem:
        _report(problem.diagnostics)
        return None, False


def _parser(backend: Backend[Any, Any] | None = None) -> Parser:
    """Return the parser of the command line, with the options of ``backend`` where they belong."""
    from nestml_core import __version__

    parser = Parser(
        prog="nestml",
        description="Check, analyse, run and compile models of spiking neurons and synapses.",
    )
    parser.add_argument("--version", action="version", version=f"nestml-core {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    _check_arguments(commands)
    _inspect_arguments(commands)
    _build_arguments(commands, backend)
    _run_arguments(commands, backend)
    _compare_arguments(commands)
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
    return parser


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
    p.set_defaults(command=_check)


def _inspect_arguments(commands: Any) -> None:
    p = commands.add_parser("inspect", help="show what a model computes in each step, and why")
    p.add_argument("models", nargs="+", metavar="MODEL", help=MODEL_HELP)
    p.add_argument("--json", action="store_true", help="the solved model as JSON")
    p.add_argument("--latex", action="store_true", help="the solved model as a LaTeX document")
    p.add_argument("--dump", choices=("tree", "model", "solved"), help="a stage in full")
    _dialect_argument(p)
    _solver_arguments(p)
    p.set_defaults(command=_inspect)


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
    p.add_argument("--pair", action="append", default=[], metavar="NEURON+SYNAPSE")
    p.add_argument("--no-compile", action="store_true", help="only generate")
    _dialect_argument(p)
    _solver_arguments(p)
    _backend_arguments(p, backend)
    p.set_defaults(command=_build)


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
    group.add_argument("--plot", metavar="FILE", help="write a figure: .png, .pdf, .svg")


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
    p.set_defaults(command=_run)


def _compare_arguments(commands: Any) -> None:
    p = commands.add_parser("compare", help="the same experiment on several backends")
    p.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    p.add_argument("--backends", metavar="NAMES", help="separated by commas; default: all")
    _experiment_arguments(p)
    _dialect_argument(p)
    _solver_arguments(p)
    p.set_defaults(command=_compare)


def _backends_arguments(commands: Any) -> None:
    p = commands.add_parser("backends", help="installed backends, and what each can do here")
    p.add_argument("--json", action="store_true")
    p.set_defaults(command=_backends)


def _explain_arguments(commands: Any) -> None:
    p = commands.add_parser("explain", help="what a diagnostic means, with examples")
    p.add_argument("codes", nargs="*", metavar="CODE", help="such as NML101; default: list all")
    p.add_argument("--json", action="store_true", help="print explanations as JSON")
    p.set_defaults(command=_explain)


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
    p.set_defaults(command=_fmt)


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
    p.set_defaults(command=_upgrade, hints=True)


# Commands


def _solve_options(args: argparse.Namespace) -> SolveOptions:
    from nestml_core.solve import SolveOptions
    from nestml_core.solved import Method

    method = None if args.integrator == "auto" else Method(args.integrator)
    return SolveOptions(method, args.tolerance)


MAX_SHOWN = 100
"""How many diagnostics are shown; more than that nobody reads."""


def _report(diagnostics: Sequence[Diagnostic], args: argparse.Namespace | None = None) -> None:
    """Print what is wrong, each problem once, to standard error; hints only for `check`."""
    from nestml_core.diagnostics import foremost, render, summary

    color = _colored(args)
    diagnostics = _wanted(diagnostics, args)
    shown = foremost(diagnostics, MAX_SHOWN)
    for d in shown:
        print(render(d, color=color), file=sys.stderr)
    left = set(diagnostics).difference(shown)
    if left:
        print(f"... and {summary(tuple(left))} more", file=sys.stderr)


def _wanted(
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


def _check(args: argparse.Namespace) -> int:
    from nestml_core.diagnostics import as_json, summary
    from nestml_core.pipeline import compile_files

    result = compile_files(args.models, _solve_options(args), args.dialect)
    found = _wanted(result.diagnostics, args)
    if args.json:
        import json

        print(json.dumps([as_json(d) for d in found], indent=2))
    else:
        _report(found, args)
    if result.value is None or (args.strict and _warned(result.diagnostics)):
        if not args.json:
            print(summary(found), file=sys.stderr)
        return ERROR
    if args.verify:
        from nestml_core.verify import violations

        wrong = [f"{m.name}: {v}" for m in result.value.models for v in violations(m)]
        if wrong:
            raise AssertionError("the compiler broke its own rules: " + "; ".join(wrong))
    if not args.json:
        names = ", ".join(m.name for m in result.value.models)
        said = summary(found)
        print(f"{names}: no errors" + (f" ({said})" if said else ""))
    return OK


def _warned(diagnostics: Sequence[Diagnostic]) -> bool:
    from nestml_core.diagnostics import Severity

    return any(d.code.severity is Severity.WARNING for d in diagnostics)


def _inspect(args: argparse.Namespace) -> int:
    from nestml_core.diagnostics import summary
    from nestml_core.pipeline import compile_files, too_complex, with_integrators

    if args.dump in ("tree", "model"):
        return _dump(args)
    result = compile_files(args.models, _solve_options(args), args.dialect)
    _report(result.diagnostics, args)
    if result.value is None:
        print(summary(_wanted(result.diagnostics, args)), file=sys.stderr)
        return ERROR
    program = with_integrators(result.value, _solve_options(args))
    if args.json:
        import json

        from nestml_core.interchange import to_json

        try:
            print(json.dumps(to_json(program)))
        except RecursionError:
            deep = [too_complex(m.span) for m in program.models]
            _report(deep, args)
            return ERROR
    elif args.latex:
        from nestml_core.typesetting import latex

        print(latex(*program.models), end="")
    elif args.dump:
        from nestml_core.dump import dump

        print(dump(program))
    else:
        from nestml_core.describe import describe

        print("\n\n".join(describe(m) for m in program.models))
    return OK


def _dump(args: argparse.Namespace) -> int:
    from nestml_core.dump import dump
    from nestml_core.pipeline import find_files, read, resolved_models
    from nestml_core.syntax.parse import parse

    files = find_files(args.models)
    _report(files.diagnostics, args)
    for path in files.value or ():
        source = read(path)
        _report(source.diagnostics, args)
        if source.value is None:
            return ERROR
        if args.dump == "tree":
            parsed = parse(source.value)
            _report(parsed.diagnostics, args)
            print(dump(parsed.file))
        else:
            resolved = resolved_models(source.value, args.dialect)
            _report(resolved.diagnostics, args)
            print(dump(resolved.value or ()))
    return OK if files.value is not None else ERROR


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


def _backend_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the backend that were given."""
    return {
        name.removeprefix(BACKEND_OPTION): value
        for name, value in vars(args).items()
        if name.startswith(BACKEND_OPTION) and value is not None
    }


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


def _build(args: argparse.Namespace) -> int:
    from nestml_core.diagnostics import summary
    from nestml_core.simulate import ModelError, build

    try:
        built = build(
            args.models,
            args.backend,
            args.output,
            suffix=args.suffix,
            pairs=args.pair,
            compile=not args.no_compile,
            solving=_solve_options(args),
            dialect=args.dialect,
            **_backend_options(args),
        )
    except ModelError as problem:
        _report(problem.diagnostics, args)
        print(
            f"{summary(_wanted(problem.diagnostics, args))}; nothing was written", file=sys.stderr
        )
        return ERROR
    _report(built.diagnostics, args)
    for path in built.files:
        print(path)
    if built.artifact is not None and built.artifact.product not in built.files:
        print(built.artifact.product)
    return OK


def _run(args: argparse.Namespace) -> int:
    from nestml_core.simulate import ModelError, load

    try:
        model = load(args.model, solving=_solve_options(args), dialect=args.dialect)
        _report(model.diagnostics, args)
        run = model.run(_experiment(args), args.backend, **_backend_options(args))
    except ModelError as problem:
        _report(problem.diagnostics, args)
        return ERROR
    _report(run.diagnostics, args)
    duration = run.trace.steps * run.trace.dt
    print(f"{run.model} on {run.backend} ({run.reason}): {duration:g} ms, dt {run.trace.dt:g} ms")
    spikes = ", ".join(f"{t:.10g}" for t in run.spikes[:200])
    more = f", ... ({len(run.spikes) - 200} more)" if len(run.spikes) > 200 else ""
    print(f"{len(run.spikes)} spikes" + (f" at (ms): {spikes}{more}" if len(run.spikes) else ""))
    if args.csv:
        run.to_csv(args.csv)
        print(f"wrote {args.csv}")
    return _plot(run, args.plot) if args.plot else OK


def _plot(what: Run | Comparison, path: str) -> int:
    """Write a figure; say what is missing where it cannot be drawn."""
    try:
        what.plot(path)
    except ModuleNotFoundError as problem:
        print(f"nestml: no figure: {problem.name} is not installed", file=sys.stderr)
        print("help: pip install matplotlib", file=sys.stderr)
        return ERROR
    print(f"wrote {path}")
    return OK


def _compare(args: argparse.Namespace) -> int:
    from nestml_core.simulate import ModelError, compare, load
    from nestml_core.stimuli import standard_stimulus

    names = [n.strip() for n in args.backends.split(",")] if args.backends else None
    try:
        model = load(args.model, solving=_solve_options(args), dialect=args.dialect)
        _report(model.diagnostics, args)
        experiment = _experiment(args)
        if not (args.spikes or args.poisson or args.current or args.set):
            experiment, said = standard_stimulus(model.solved, experiment)
            print(f"stimulus: {said}")
        comparison = compare(model, experiment, names)
    except ModelError as problem:
        _report(problem.diagnostics, args)
        return ERROR
    print(comparison.table())
    drawn = OK
    if comparison.runs:
        drawn = _plot(comparison, args.plot or f"{model.name}-compare.png")
    complete = comparison.agrees and len(comparison.runs) == len(comparison.rows)
    return drawn if complete else ERROR


def _backends(args: argparse.Namespace) -> int:
    from nestml_core.backend import Feature
    from nestml_core.plugins import discover

    found = discover()
    if args.json:
        return _backends_json(found)
    if not found.backends and not found.broken:
        print("no backend is installed; try `pip install nestml-cpp`")
    for b in found.backends:
        print(f"{b.name} {b.version}: {b.summary}")
        can = [f.value for f in Feature if f in b.supports.features]
        print(f"  can: {'; '.join(can)}")
        for tool in b.toolchain().tools:
            state = (
                f"found, {tool.detail}" if tool.found else f"missing, {tool.detail}".rstrip(", ")
            )
            print(f"  {tool.name}: {state}")
            if not tool.found and tool.install:
                print(f"    install it: {tool.install}")
    for broken in found.broken:
        print(f"{broken.entry_point} ({broken.distribution}) is broken: {broken.problem}")
    return OK


def _backends_json(found: Any) -> int:
    import dataclasses
    import json

    backends = [
        {
            "name": b.name,
            "version": b.version,
            "summary": b.summary,
            "features": sorted(f.name for f in b.supports.features),
            "tools": [dataclasses.asdict(t) for t in b.toolchain().tools],
        }
        for b in found.backends
    ]
    broken = [dataclasses.asdict(b) for b in found.broken]
    print(json.dumps({"backends": backends, "broken": broken}, indent=2))
    return OK


def _explain(args: argparse.Namespace) -> int:
    from nestml_core.explaining import as_json, as_text, explanations, listing

    every = explanations()
    for problem in every.broken:
        print(f"nestml: not an explanation: {problem}", file=sys.stderr)
    results = [every.of(code) for code in dict.fromkeys(args.codes)]
    found = [r.value for r in results if r.value is not None]
    _report([d for r in results for d in r.diagnostics], args)
    if args.json:
        import json

        print(json.dumps([as_json(e) for e in (found if args.codes else every.found)], indent=2))
    elif args.codes:
        print("\n\n".join(as_text(e) for e in found), end="\n" if found else "")
    else:
        print(listing(every.found))
    return OK if len(found) == len(results) else ERROR


# Experiments


def _fmt(args: argparse.Namespace) -> int:
    from nestml_core.rewriting import in_style

    return _rewrite(args, in_style, "formatted")


def _upgrade(args: argparse.Namespace) -> int:
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
    _report((*found.diagnostics, *goals.diagnostics), args)
    if found.value is None or goals.value is None:
        return ERROR
    said: list[Diagnostic] = []
    changes = 0
    for place, goal in zip(found.value, goals.value, strict=True):
        result = rewriting_of(place.path, rewrite)
        _report(result.diagnostics, args)
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
        _report(problems, args)
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
    _report(result.diagnostics, args)
    if result.after is None:
        return ERROR
    if args.diff:
        sys.stdout.write(result.difference())
    elif not args.check:
        sys.stdout.flush()
        sys.stdout.buffer.write(result.after.encode("utf-8"))
    failed = any(d.is_error for d in result.diagnostics)
    return ERROR if failed or (args.check and result.changed) else OK


def _pairs(items: Sequence[str], what: str) -> dict[str, str]:
    result: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name.strip() or not value.strip():
            sys.stderr.write(f"nestml: {what} {item!r}: write NAME=VALUE\n")
            raise SystemExit(USAGE)
        result[name.strip()] = value.strip()
    return result


def _experiment(args: argparse.Namespace) -> Experiment:
    from nestml_core.experiment import Experiment
    from nestml_core.stimuli import poisson_train

    spikes: dict[str, list[tuple[Any, float]]] = {}
    for name, text in _pairs(args.spikes, "--spikes").items():
        spikes.setdefault(name, []).extend(_events(text))
    for k, (name, text) in enumerate(_pairs(args.poisson, "--poisson").items()):
        rate, _, weight = text.partition(":")
        train = poisson_train(
            rate, float(weight or 1), args.duration, args.dt, seed=args.seed + 1000 * (k + 1)
        )
        spikes.setdefault(name, []).extend(train)
    currents = {name: _signal(text) for name, text in _pairs(args.current, "--current").items()}
    return Experiment(
        duration=args.duration,
        dt=args.dt,
        parameters=_values(args.set, "--set"),
        initial=_values(args.initial, "--initial"),
        spikes=spikes,
        currents=currents,
        record=args.record.split(",") if args.record else None,
        seed=args.seed,
    )


def _values(items: Sequence[str], what: str) -> dict[str, Any]:
    booleans = {"true": True, "false": False}
    return {n: booleans.get(v.lower(), v) for n, v in _pairs(items, what).items()}


def _table(path: str) -> list[tuple[float, float]]:
    """Return the rows of a CSV file: two numbers each; a heading is passed over."""
    import csv

    rows: list[tuple[float, float]] = []
    try:
        with open(path, encoding="utf-8", newline="") as file:
            for n, row in enumerate(csv.reader(file)):
                if not row or (n == 0 and not _is_number(row[0])):
                    continue
                rows.append((float(row[0]), float(row[1]) if len(row) > 1 else 1.0))
    except (OSError, ValueError) as problem:
        sys.stderr.write(f"nestml: {path}: {problem}\n")
        raise SystemExit(USAGE) from None
    return rows


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _events(text: str) -> list[tuple[Any, float]]:
    from pathlib import Path

    if text.endswith(".csv") or Path(text).is_file():
        return list(_table(text))
    events: list[tuple[Any, float]] = []
    for part in text.split(","):
        time, _, weight = part.partition(":")
        if weight and not _is_number(weight):
            sys.stderr.write(f"nestml: --spikes: {weight!r} is not a weight\n")
            raise SystemExit(USAGE)
        events.append((time.strip(), float(weight or 1)))
    return events


def _signal(text: str) -> Any:
    from pathlib import Path

    if text.endswith(".csv") or Path(text).is_file():
        rows = _table(text)
        return [t for t, _ in rows], [v for _, v in rows]
    return text


if __name__ == "__main__":
    raise SystemExit(main())
