"""The commands about the shipped models: list, search, show, copy."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from nestml_core.cli.compiling import solve_options
from nestml_core.cli.output import ERROR, OK, report, terminal_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nestml_core.datasheet import DataSheet
    from nestml_core.library import LibraryModel


def models(args: argparse.Namespace) -> int:
    """List the shipped models, or those that fit some words."""
    from nestml_core.library import as_json, library, listing, nothing_fits, search

    shipped = library()
    words = " ".join(args.words).split()
    found = search(words, shipped) if words else shipped
    if words and not found:
        report([nothing_fits(words, shipped)], args)
    if args.json:
        import json

        print(json.dumps([as_json(m) for m in found], indent=2))
    elif found:
        print(listing(found, terminal_width(), grouped=not words))
        print(_what_next(found), file=sys.stderr)
    return OK if found else ERROR


def _what_next(found: Sequence[LibraryModel]) -> str:
    if len(found) == 1:
        return f"\n`nestml models show {found[0].name}` tells more"
    return (
        f"\n{len(found)} models; `nestml models WORD...` searches, `nestml models show NAME` tells "
        "more"
    )


def show(args: argparse.Namespace) -> int:
    """Print all about a model, or write it as a page or a picture."""
    from nestml_core.pipeline import find_files, read

    files = find_files([args.model])
    report(files.diagnostics, args)
    if files.value is None:
        return ERROR
    if args.source:
        texts = [read(path) for path in files.value]
        report([d for t in texts for d in t.diagnostics], args)
        print("\n".join(t.value.text.rstrip("\n") for t in texts if t.value is not None))
        return OK if all(t.value is not None for t in texts) else ERROR
    sheets = _sheets(args)
    if sheets is None:
        return ERROR
    if args.json:
        import json

        from nestml_core.datasheet import as_json

        print(json.dumps([as_json(s) for s in sheets], indent=2))
    elif args.html or args.plot:
        return _written(args, sheets)
    else:
        from nestml_core.datasheet import as_text

        print("\n".join(as_text(s, terminal_width()) for s in sheets), end="")
    return OK


def _sheets(args: argparse.Namespace) -> tuple[DataSheet, ...] | None:
    """Return the data sheets of the models, after all that there is to say about them."""
    from nestml_core.showing import data_sheets

    result = data_sheets([args.model], solve_options(args), args.dialect)
    report(result.diagnostics, args)
    return result.value


def _written(args: argparse.Namespace, sheets: Sequence[DataSheet]) -> int:
    """Write a page, a picture or both; a page without picture where none can be drawn."""
    from pathlib import Path

    from nestml_core.datasheet import as_html
    from nestml_core.files import whole_file
    from nestml_core.problems import ModelError

    if len(sheets) != 1:
        names = ", ".join(s.name for s in sheets)
        print(f"nestml: {args.model} holds several models: {names}", file=sys.stderr)
        return ERROR
    picture: bytes | None = None
    try:
        from nestml_core.gallery import picture_of

        picture = picture_of(args.model, args.plot, solve_options(args), args.dialect)
    except ModelError as problem:
        report(problem.diagnostics, args)
    except ModuleNotFoundError as problem:
        print(f"nestml: no picture: {problem}", file=sys.stderr)
    if args.plot and picture is None:
        return ERROR
    if args.plot:
        print(f"wrote {args.plot}")
    if args.html:
        with whole_file(Path(args.html)) as path:
            path.write_text(as_html(sheets[0], picture), encoding="utf-8")
        print(f"wrote {args.html}")
    return OK


def copy(args: argparse.Namespace) -> int:
    """Write a shipped model to a file of the user's."""
    from nestml_core.showing import copied

    result = copied(args.model, args.target, replace=args.force)
    report(result.diagnostics, args)
    if result.value is None:
        return ERROR
    path = result.value
    print(f"wrote {path}")
    print(f"\nedit it, then: nestml run {path} --plot {path.stem}.png", file=sys.stderr)
    return OK
