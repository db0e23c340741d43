"""Data sheets of models that are read from files, and copies of shipped models to start from."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from nestml_core.datasheet import DataSheet, data_sheet
from nestml_core.diagnostics import Code, Diagnostic, Result, Severity, checked
from nestml_core.library import KINDS, LIBRARY, SUFFIX, library_model, suggestion
from nestml_core.pipeline import (
    NO_FILE,
    check_sources,
    find_files,
    read,
    resolved_models,
    with_integrators,
    write_files,
)
from nestml_core.resolve.literals import NEW_DIALECT
from nestml_core.solve import DEFAULTS, SolveOptions
from nestml_core.source import NOWHERE
from nestml_core.syntax.words import RESERVED

FILE_THERE = Code("NML981", Severity.ERROR, "a file that a copy would replace")
BAD_NAME = Code("NML982", Severity.ERROR, "a name that a model cannot have")


def data_sheets(
    models: Sequence[str | os.PathLike[str]],
    options: SolveOptions = DEFAULTS,
    dialect: str = NEW_DIALECT,
) -> Result[tuple[DataSheet, ...]]:
    """Return a data sheet for each model in ``models``: files, folders, names of shipped models.

    Errors
    ------
    Those of finding, reading and compiling the models.
    """
    files = find_files(models)
    found = list(files.diagnostics)
    sheets: list[DataSheet] = []
    for path in files.value or ():
        source = read(path)
        found += source.diagnostics
        if source.value is None:
            continue
        program = check_sources([source.value], options, dialect)
        found += program.diagnostics
        written = resolved_models(source.value, dialect).value
        if program.value is None or written is None:
            continue
        solved = {m.name: m for m in with_integrators(program.value, options).models}
        kind = KINDS[path.parent.name] if path.is_relative_to(LIBRARY) else ""
        sheets += [data_sheet(m, solved[m.name], kind) for m in written]
    return checked(tuple(sheets), found)


def copied(name: str, target: str | None = None, *, replace: bool = False) -> Result[Path]:
    """Write a shipped model to a file of its own, under its name or another one.

    Parameters
    ----------
    name : of a shipped model
    target : the new name, with or without ``.nestml``, perhaps in a folder; or a folder that is
        there already. If None, the copy has the name of the model and lies in the current folder
    replace : whether a file that is there may be replaced

    Returns
    -------
    Where the copy is.

    Errors
    ------
    NML910 : no shipped model has that name.
    NML981 : there is a file already.
    NML982 : the new name cannot be that of a model.
    """
    path = library_model(name)
    if path is None:
        close = suggestion(name)
        help = f"did you mean `{close}`?" if close else "`nestml models` lists the shipped models"
        return Result(
            None, (NO_FILE.at(NOWHERE, f"no shipped model is called `{name}`", help=help),)
        )
    place = Path(path.stem if target is None else target)
    if place.is_dir():
        place /= path.stem
    new = place.name.removesuffix(SUFFIX)
    goal = place.with_name(new + SUFFIX)
    wrong = _unfit(new, goal, replace=replace)
    if wrong:
        return Result(None, wrong)
    text = renamed(path.read_text(encoding="utf-8"), path.stem, new)
    return write_files({goal.name: text}, goal.parent).then(lambda _: Result(goal))


def _unfit(name: str, goal: Path, *, replace: bool) -> tuple[Diagnostic, ...]:
    """Return what is wrong with a copy of that name in that place."""
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or name in RESERVED:
        message = f"a model cannot be called `{name}`"
        help = "use letters, digits and `_`, and no word of the language"
        return (BAD_NAME.at(NOWHERE, message, help=help),)
    if goal.is_dir():
        help = "give the copy another name, or a place in that folder"
        return (FILE_THERE.at(NOWHERE, f"there is a folder {goal}", help=help),)
    if goal.exists() and not replace:
        help = "give the copy another name, or add `--force` to replace the file"
        return (FILE_THERE.at(NOWHERE, f"there is a file {goal} already", help=help),)
    return ()


def renamed(text: str, old: str, new: str) -> str:
    """Return the text of a model with another name: in its first line of code, and in its title."""
    text = re.sub(rf"^model {old}(?=\s*:)", f"model {new}", text, count=1, flags=re.MULTILINE)
    return re.sub(rf"^# {old} - ", f"# {new} - ", text, count=1, flags=re.MULTILINE)
