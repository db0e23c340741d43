"""The commands that read models and say or write what the compiler makes of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nestml_core.cli.arguments import BACKEND_OPTION
from nestml_core.cli.output import ERROR, OK, asked_for, report

if TYPE_CHECKING:
    from nestml_core.diagnostics import Diagnostic
    from nestml_core.solve import SolveOptions


def solve_options(args: argparse.Namespace) -> SolveOptions:
    from nestml_core.solve import SolveOptions
    from nestml_core.solved import Method

    method = None if args.integrator == "auto" else Method(args.integrator)
    return SolveOptions(method, args.tolerance)


def check(args: argparse.Namespace) -> int:
    from nestml_core.diagnostics import as_json, summary
    from nestml_core.pipeline import compile_files

    result = compile_files(args.models, solve_options(args), args.dialect)
    found = asked_for(result.diagnostics, args)
    if args.json:
        import json

        print(json.dumps([as_json(d) for d in found], indent=2))
    else:
        report(found, args)
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


def inspect(args: argparse.Namespace) -> int:
    from nestml_core.diagnostics import summary
    from nestml_core.pipeline import compile_files, too_complex, with_integrators

    if args.dump in ("tree", "model"):
        return _dump(args)
    result = compile_files(args.models, solve_options(args), args.dialect)
    report(result.diagnostics, args)
    if result.value is None:
        print(summary(asked_for(result.diagnostics, args)), file=sys.stderr)
        return ERROR
    program = with_integrators(result.value, solve_options(args))
    if args.json:
        import json

        from nestml_core.interchange import to_json

        try:
            print(json.dumps(to_json(program)))
        except RecursionError:
            deep = [too_complex(m.span) for m in program.models]
            report(deep, args)
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
    report(files.diagnostics, args)
    for path in files.value or ():
        source = read(path)
        report(source.diagnostics, args)
        if source.value is None:
            return ERROR
        if args.dump == "tree":
            parsed = parse(source.value)
            report(parsed.diagnostics, args)
            print(dump(parsed.file))
        else:
            resolved = resolved_models(source.value, args.dialect)
            report(resolved.diagnostics, args)
            print(dump(resolved.value or ()))
    return OK if files.value is not None else ERROR


def backend_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the backend that were given."""
    return {
        name.removeprefix(BACKEND_OPTION): value
        for name, value in vars(args).items()
        if name.startswith(BACKEND_OPTION) and value is not None
    }


def build(args: argparse.Namespace) -> int:
    from nestml_core.building import build
    from nestml_core.diagnostics import summary
    from nestml_core.problems import ModelError

    try:
        built = build(
            args.models,
            args.backend,
            args.output,
            suffix=args.suffix,
            pairs=args.pair,
            compile=not args.no_compile,
            solving=solve_options(args),
            dialect=args.dialect,
            **backend_options(args),
        )
    except ModelError as problem:
        report(problem.diagnostics, args)
        print(
            f"{summary(asked_for(problem.diagnostics, args))}; nothing was written", file=sys.stderr
        )
        return ERROR
    report(built.diagnostics, args)
    for path in built.files:
        print(path)
    if built.artifact is not None and built.artifact.product not in built.files:
        print(built.artifact.product)
    if built.usage:
        print(built.usage)
    return OK
