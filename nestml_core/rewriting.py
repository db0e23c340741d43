"""Model files rewritten: which ones, what changes in them, and writing them whole or not at all."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp

from nestml_core.diagnostics import Code, Diagnostic, Result, Severity, checked
from nestml_core.pipeline import (
    NAME_CLASH,
    NO_FILE,
    SUFFIX,
    check_sources,
    decoded,
    read,
)
from nestml_core.source import NOWHERE, Source
from nestml_core.syntax.formatting import formatted
from nestml_core.syntax.upgrade import upgraded

NOT_REWRITTEN = Code("NML951", Severity.ERROR, "a file that is not rewritten")

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Place:
    """A file to rewrite, and its path below the folder that was named (or its bare name)."""

    path: Path
    relative: Path


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What becomes of one file; ``after`` is None if it stays as it is because of errors.

    ``changed`` compares bytes: a mark of the byte order, or another line end, is a change too.
    """

    name: str
    before: str
    after: str | None
    changed: bool
    diagnostics: tuple[Diagnostic, ...]

    def difference(self) -> str:
        """Return the change as a unified diff."""
        lines = difflib.unified_diff(
            _lines(self.before),
            _lines(self.after or ""),
            self.name,
            f"{self.name} (rewritten)",
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _lines(text: str) -> list[str]:
    return [f"{line}\n" for line in text.split("\n")]


def places(names: Sequence[str]) -> Result[tuple[Place, ...]]:
    """Return the files that are named, and those of the folders that are named.

    Nothing outside of what was named is found: links are not followed, shipped models not looked
    up.

    Errors
    ------
    NML910 : there is no such file; NML951 : it is a link, or no regular file.
    """
    found: dict[Path, Place] = {}
    problems: list[Diagnostic] = []
    for name in names:
        path = Path(name)
        if path.is_dir() and not path.is_symlink():
            inside = [Place(p, p.relative_to(path)) for p in _walk(path)]
            if not inside:
                problems.append(NO_FILE.at(NOWHERE, f"no {SUFFIX} file in the folder {path}"))
        elif path.is_file() or path.is_symlink():
            inside = [Place(path, Path(path.name))]
        else:
            inside = []
            problems.append(NO_FILE.at(NOWHERE, f"there is no file {name}"))
        for place in inside:
            if place.path.is_symlink() or not place.path.is_file():
                problems.append(_refused(place.path))
            else:
                found.setdefault(place.path, place)
    return checked(tuple(found.values()), problems)


def _walk(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        yield from (Path(where, f) for f in sorted(files) if f.endswith(SUFFIX))


def _refused(path: Path) -> Diagnostic:
    what = "a symbolic link" if path.is_symlink() else "not a regular file"
    return NOT_REWRITTEN.at(NOWHERE, f"{path} is {what}", help="name the file itself")


Rewrite = Callable[[Source], Result[str]]


def rewriting_of(path: Path, rewrite: Rewrite) -> Rewriting:
    """Return what ``rewrite`` makes of a file."""
    source = read(path)
    if source.value is None:
        return Rewriting(str(path), "", None, False, source.diagnostics)
    return _rewriting(source.value, path.read_bytes(), rewrite)


def rewriting_of_input(data: bytes, rewrite: Rewrite) -> Rewriting:
    """Return what ``rewrite`` makes of a text that was given in place of a file."""
    source = decoded(data, "<stdin>")
    if source.value is None:
        return Rewriting("<stdin>", "", None, False, source.diagnostics)
    return _rewriting(source.value, data, rewrite)


def _rewriting(source: Source, data: bytes, rewrite: Rewrite) -> Rewriting:
    result = rewrite(source)
    changed = result.value is not None and result.value.encode("utf-8") != data
    return Rewriting(source.name, source.text, result.value, changed, result.diagnostics)


def targets(found: Sequence[Place], folder: Path | None) -> Result[tuple[Path, ...]]:
    """Return where the rewritten files go: to their places, or to ``folder``.

    Errors
    ------
    NML914 : two files would go to one place.
    """
    if folder is None:
        return Result(tuple(p.path for p in found))
    by_name: dict[str, Path] = {}
    problems: list[Diagnostic] = []
    for place in found:
        name = str(place.relative).lower()
        if name in by_name:
            message = f"{by_name[name]} and {place.path} would both become {place.relative}"
            problems.append(NAME_CLASH.at(NOWHERE, message, help="write them to two folders"))
        by_name.setdefault(name, place.path)
    return checked(tuple(folder / p.relative for p in found), problems)


def write(text: str, target: Path, like: Path) -> tuple[Diagnostic, ...]:
    """Write a file beside its place and move it there, with the permissions of ``like``.

    Errors
    ------
    NML951 : it cannot be written; what was there is left as it was.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = mkstemp(prefix=".nestml-", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(text.encode("utf-8"))
            shutil.copymode(like, name)
            os.replace(name, target)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)
            raise
    except OSError as problem:
        message = f"{target} cannot be written: {problem.strerror}"
        return (NOT_REWRITTEN.at(NOWHERE, message),)
    return ()


# What is done to files


def in_style(source: Source) -> Result[str]:
    """Return ``source`` formatted; a text that does not parse is only reported."""
    return formatted(source)


def up_to_date(source: Source, dialect: str = "auto") -> Result[str]:
    """Return ``source`` in the language of NESTML 9.0, and all that is still wrong with it.

    The result has a value even if errors are left, and these have their places in the new text.
    """
    result = upgraded(source, dialect)
    if result.value is None:
        return result
    new = Source(source.name, result.value)
    left = (d for d in check_sources([new]).diagnostics if not d.is_hint)
    return Result(result.value, (*result.diagnostics, *left))
