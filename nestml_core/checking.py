"""Reading, checking and solving models; the part of the Python interface that needs no NumPy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nestml_core.diagnostics import Diagnostic, Result, render
from nestml_core.pipeline import check_sources, compile_files, with_integrators
from nestml_core.problems import NO_MODEL, valued
from nestml_core.solve import SolveOptions
from nestml_core.solved import SolvedProgram
from nestml_core.source import NOWHERE, Source

AS_TEXT = "<text>"
"""What a model is called in messages that was given as its text."""

Sources = str | Path | Iterable[str | Path]
"""Files, folders, names of library models, or the text of models; one or several."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What ``check`` has to say; ``print`` shows it as the command line does.

    Attributes
    ----------
    diagnostics : errors, warnings and hints, by place
    """

    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The errors alone; a model that has none can be run."""
        return tuple(d for d in self.diagnostics if d.is_error)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.diagnostics)

    def __len__(self) -> int:
        return len(self.diagnostics)

    def __getitem__(self, place: int) -> Diagnostic:
        return self.diagnostics[place]

    def __str__(self) -> str:
        return "\n".join(render(d) for d in self.diagnostics) or "no problems"

    __repr__ = __str__

    def _repr_mimebundle_(self, **_: Any) -> Mapping[str, Any]:
        from nestml_core.notebook import of_lines

        return of_lines(str(self))


def check(
    source: Sources, *, solving: SolveOptions | None = None, dialect: str = "9.0"
) -> Findings:
    """Return all that is wrong with models, or worth saying about them; nothing is raised.

    Parameters
    ----------
    source : a file, a folder, the name of a model of the library, or (if it has several lines)
        the text of a model; one or several of these
    solving : how to integrate what has no exact solution
    dialect : "9.0", or "8" for models written for NESTML 8
    """
    return Findings(compiled(source, solving or SolveOptions(), dialect).diagnostics)


def solve(
    source: Sources, *, solving: SolveOptions | None = None, dialect: str = "9.0"
) -> SolvedProgram:
    """Return models as backends get them: what to compute in each step, integrators chosen.

    Parameters
    ----------
    source, solving, dialect : as ``check``

    Raises
    ------
    ModelError : a model has errors.
    """
    options = solving or SolveOptions()
    program, _ = valued(compiled(source, options, dialect))
    return with_integrators(program, options)


def compiled(source: Sources, options: SolveOptions, dialect: str) -> Result[SolvedProgram]:
    """Return the solved program of ``source``, and all that is to say about it."""
    if isinstance(source, str) and "\n" in source:
        return check_sources([Source(AS_TEXT, source)], options, dialect)
    try:
        sources = [source] if isinstance(source, (str, Path)) else list(source)
    except TypeError:
        return _no_source(source)
    for one in sources:
        if not isinstance(one, (str, Path)) or not str(one).strip():
            return _no_source(one)
    return compile_files(sources, options, dialect)


def _no_source(given: object) -> Result[SolvedProgram]:
    message = f"{given!r} is no model"
    help = "give a file, a folder, the name of a library model, or the text of a model"
    return Result(None, (NO_MODEL.at(NOWHERE, message, help=help),))
