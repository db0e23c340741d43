"""The passes, in order: source, tree, model, solved model, target's terms, files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from nestml_core.diagnostics import Code, Diagnostic, Note, Result, Severity, checked, in_order
from nestml_core.library import SUFFIX, library_model, library_models, suggestion
from nestml_core.resolve import codes, resolve
from nestml_core.resolve.literals import DIALECTS, NEW_DIALECT
from nestml_core.solve import DEFAULTS, SolveOptions, solve
from nestml_core.solved import SolvedModel, SolvedProgram
from nestml_core.source import NOWHERE, Source, Span
from nestml_core.syntax.parse import Parsed, parse

if TYPE_CHECKING:
    from nestml_core.backend import Backend
    from nestml_core.model import Model

NO_FILE = Code("NML910", Severity.ERROR, "a model that cannot be read")
NOT_TEXT = Code("NML911", Severity.ERROR, "a file that is not text")
TOO_COMPLEX = Code("NML912", Severity.ERROR, "an expression too complex to compile")
UNSAFE_PATH = Code("NML913", Severity.ERROR, "a generated file outside its folder")
NAME_CLASH = Code("NML914", Severity.ERROR, "two generated files of one name")

OWN_FILE = Code("NML983", Severity.WARNING, "a shipped model beside a file of its name")


def find_files(models: Sequence[str | os.PathLike[str]]) -> Result[tuple[Path, ...]]:
    """Return the files that ``models`` name: files, folders, or names of shipped models.

    A file or folder of that very name comes first; a shipped model may also be named as NESTML or
    NEST names it, as ``iaf_psc_alpha_neuron`` or ``stdp_synapse``.

    Errors
    ------
    NML910 : nothing is there under that name.
    NML983 (warning) : a shipped model is taken, and a file NAME.nestml is here too.
    """
    return checked(*_found(models))


def _found(
    models: Sequence[str | os.PathLike[str]],
) -> tuple[tuple[Path, ...], tuple[Diagnostic, ...]]:
    """Return the files that are there, and what is not."""
    found: dict[Path, None] = {}
    problems: list[Diagnostic] = []
    for model in models:
        path = Path(model)
        shipped = library_model(str(model))
        if path.is_dir():
            inside = sorted(path.rglob(f"*{SUFFIX}"))
            found |= dict.fromkeys(inside)
            if not inside:
                problems.append(NO_FILE.at(NOWHERE, f"no {SUFFIX} file in the folder {path}"))
        elif path.is_file():
            found[path] = None
        elif shipped is not None:
            found[shipped] = None
            if path.with_name(path.name + SUFFIX).is_file():
                problems.append(_not_the_file(str(model)))
        else:
            problems.append(_not_found(str(model)))
    return tuple(found), tuple(problems)


def _not_found(model: str) -> Diagnostic:
    """Return that nothing is there, and what was meant: a file near by, or a shipped model."""
    from difflib import get_close_matches

    path = Path(model)
    is_path = path.name != model or path.suffix == SUFFIX
    near = path.parent.glob(f"*{SUFFIX}") if path.parent.is_dir() else ()
    files = {(p.stem if path.suffix != SUFFIX else p.name): p for p in sorted(near)}
    close = get_close_matches(path.name, files, 1)
    shipped = "" if path.name != model else suggestion(path.stem)
    meant = [str(files[c]) for c in close] or [n for n in (shipped,) if n]
    help = f"did you mean `{meant[0]}`?" if meant else "`nestml models` lists the shipped models"
    message = (
        f"there is no file {model}"
        if is_path
        else f"`{model}` is neither a file nor a shipped model"
    )
    return NO_FILE.at(NOWHERE, message, help=help)


def _not_the_file(name: str) -> Diagnostic:
    message = f"`{name}` is the shipped model, not the file {name}{SUFFIX} that is here"
    return OWN_FILE.at(NOWHERE, message, help=f"write `{name}{SUFFIX}` for the file")


def read(path: Path) -> Result[Source]:
    """Return the text of a file.

    Errors
    ------
    NML910 : it cannot be read; NML911 : it is not UTF-8.
    """
    try:
        return decoded(path.read_bytes(), str(path))
    except OSError as problem:
        message = f"{path} cannot be read: {problem.strerror}"
        return Result(None, (NO_FILE.at(NOWHERE, message),))


def decoded(data: bytes, name: str) -> Result[Source]:
    """Return the text that ``data`` encodes, under ``name``.

    Errors
    ------
    NML911 : it is not UTF-8.
    """
    try:
        return Result(Source(name, data.decode("utf-8-sig")))
    except UnicodeDecodeError as problem:
        where = Span(Source(name, ""), 0, 0)
        message = f"byte {problem.start} is not UTF-8"
        return Result(None, (NOT_TEXT.at(where, message, help="save the file as UTF-8"),))


def resolved_models(source: Source, dialect: str = NEW_DIALECT) -> Result[tuple[Model, ...]]:
    """Return the models of one file, resolved, and all that is wrong with it."""
    return _resolved(source, parse(source), dialect)


def _resolved(source: Source, parsed: Parsed, dialect: str) -> Result[tuple[Model, ...]]:
    found = list(parsed.diagnostics)
    if not parsed.file.models and not found:
        span = Span(source, 0, 0)
        help = "a model begins with `model NAME:`"
        found.append(codes.EMPTY_MODEL.at(span, "this file holds no model", help=help))
    models: list[Model] = []
    complete = not any(d.is_error for d in found)
    for m in parsed.file.models:
        try:
            result = resolve(m, parsed.file.lost, dialect, complete=complete)
        except RecursionError:
            result = Result(None, (too_complex(m.span),))
        found += result.diagnostics
        if result.value is not None:
            models.append(result.value)
    return checked(tuple(models), found)


def too_complex(span: Span) -> Diagnostic:
    """Return that what stands at ``span`` is nested deeper than this program can follow."""
    message = "an expression of this model is too long a chain of nested operations"
    return TOO_COMPLEX.at(span, message, help="split it with `inline`")


def check_sources(
    sources: Iterable[Source], options: SolveOptions = DEFAULTS, dialect: str = NEW_DIALECT
) -> Result[SolvedProgram]:
    """Return the solved models of all sources; all problems of all sources are found.

    Parameters
    ----------
    sources : the texts
    options : how to integrate what has no exact solution
    dialect : "9.0", or "8", in which ``3 mV**2`` is nine square millivolt

    Errors
    ------
    NML112 : two models of one name; and whatever the passes find.
    """
    if dialect not in DIALECTS:
        raise ValueError(f"no dialect {dialect!r}: there are {', '.join(DIALECTS)}")
    found: list[Diagnostic] = []
    models: list[SolvedModel] = []
    names: dict[str, Span] = {}
    for source in sources:
        parsed = parse(source)
        result = _resolved(source, parsed, dialect)
        found += result.diagnostics
        for model in result.value or ():
            solved = _solved(model, options)
            found += solved.diagnostics
            if solved.value is not None:
                models.append(solved.value)
        for name in (m.name for m in parsed.file.models):
            if name.text in names:
                note = Note(names[name.text], "the first one")
                message = f"a second model `{name.text}`"
                found.append(codes.DUPLICATE_MODEL.at(name.span, message, notes=(note,)))
            names.setdefault(name.text, name.span)
    return checked(SolvedProgram(tuple(models)), in_order(found))


def _solved(model: Model, options: SolveOptions) -> Result[SolvedModel]:
    try:
        return solve(model, options)
    except RecursionError:
        return Result(None, (too_complex(model.span),))


def compile_files(
    models: Sequence[str | os.PathLike[str]],
    options: SolveOptions = DEFAULTS,
    dialect: str = NEW_DIALECT,
) -> Result[SolvedProgram]:
    """Return the solved program of files, folders and shipped models.

    What is there is checked even if other files are missing.
    """
    files, missing = _found(models)
    found = list(missing)
    sources: list[Source] = []
    for path in files:
        source = read(path)
        found += source.diagnostics
        if source.value is not None:
            sources.append(source.value)
    program = check_sources(sources, options, dialect)
    everything = (*found, *program.diagnostics)
    if program.value is None:
        return Result(None, everything)
    return checked(program.value, everything)


def with_integrators(program: SolvedProgram, options: SolveOptions = DEFAULTS) -> SolvedProgram:
    """Return ``program`` with integrators chosen by analysis, unless one was asked for.

    Either way, a trial run says which error is to be expected.
    """
    if not any(f.nonlinear for m in program.models for f in m.flows):
        return program
    from nestml_core.selection import measure, select

    analysed = select if options.integrator is None else measure
    return replace(program, models=tuple(map(analysed, program.models)))


def generate(
    program: SolvedProgram, backend: Backend[Any, Any], options: Any
) -> Result[Mapping[str, str | bytes]]:
    """Return the files a backend makes of ``program``."""
    lowered = backend.lower(program, options)
    if lowered.value is None:
        return Result(None, lowered.diagnostics)
    return checked(backend.render(lowered.value), lowered.diagnostics)


# Files


def write_files(files: Mapping[str, str | bytes], directory: Path) -> Result[tuple[Path, ...]]:
    """Write all files or none; a file that would not change is not touched.

    Parameters
    ----------
    files : content by relative path, ``/`` between folders
    directory : made if it is not there

    Errors
    ------
    NML913, NML914 : a path that leads outside ``directory``, or two that some systems confuse.
    """
    problems = _path_problems(files)
    if problems:
        return Result(None, problems)
    directory.mkdir(parents=True, exist_ok=True)
    contents = {p: c.encode("utf-8") if isinstance(c, str) else bytes(c) for p, c in files.items()}
    changed = {p: c for p, c in contents.items() if not _is(directory / p, c)}
    if changed:
        _replace(changed, directory)
    return Result(tuple(directory / p for p in contents))


def _path_problems(files: Mapping[str, str | bytes]) -> tuple[Diagnostic, ...]:
    problems: list[Diagnostic] = []
    seen: dict[str, str] = {}
    for path in files:
        parts = PurePosixPath(path).parts
        unsafe = not parts or path.startswith("/") or ".." in parts
        if unsafe or any(c in path for c in '\\:*?"<>|\0\n') or path != "/".join(parts):
            problems.append(UNSAFE_PATH.at(NOWHERE, f"a backend offers the file {path!r}"))
        if path.lower() in seen:
            message = f"the files {seen[path.lower()]!r} and {path!r} differ in case only"
            problems.append(NAME_CLASH.at(NOWHERE, message, help="rename one of the models"))
        seen.setdefault(path.lower(), path)
    return tuple(problems)


def _is(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _replace(contents: Mapping[str, bytes], directory: Path) -> None:
    """Write everything beside its place first, so that failing leaves the old files as they are."""
    import shutil

    stage = Path(mkdtemp(prefix=".nestml-", dir=directory))
    try:
        for path, content in contents.items():
            target = stage / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        for path in contents:
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
        _take_places(contents, stage, directory)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _take_places(paths: Iterable[str], stage: Path, directory: Path) -> None:
    """Move all files to their places; an interrupt waits until they are there together."""
    interrupt: KeyboardInterrupt | None = None
    for path in paths:
        while (stage / path).exists():
            try:
                os.replace(stage / path, directory / path)
            except KeyboardInterrupt as later:
                interrupt = later
    if interrupt is not None:
        raise interrupt


__all__ = [
    "SUFFIX",
    "check_sources",
    "compile_files",
    "find_files",
    "generate",
    "library_model",
    "library_models",
    "read",
    "resolved_models",
    "too_complex",
    "with_integrators",
    "write_files",
]
