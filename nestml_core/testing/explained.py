"""Do explanations fit the codes they explain, and their examples what the compiler says?"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from nestml_core.diagnostics import Code, Diagnostic, render
from nestml_core.explaining import FOLDER, Explanation, Explanations, joined, read
from nestml_core.pipeline import check_sources
from nestml_core.solved import SolvedProgram
from nestml_core.source import Source

Further = Callable[[SolvedProgram], tuple[Diagnostic, ...]]
"""What follows the checks of the core, such as lowering: it returns what is said there."""


def codes_of(package: str) -> Mapping[str, Code]:
    """Return the codes that the modules of a package define, by identifier.

    Raises
    ------
    ValueError : two different ones have the same identifier.
    """
    root = importlib.import_module(package)
    folders = getattr(root, "__path__", ())  # a plugin may be a single module
    inside = [m.name for m in pkgutil.walk_packages(folders, package + ".")]
    found: dict[str, Code] = {}
    for module in (package, *(m for m in inside if not m.endswith("__main__"))):
        for value in vars(importlib.import_module(module)).values():
            if isinstance(value, Code) and found.setdefault(value.id, value) != value:
                raise ValueError(f"{value.id} means two things: {found[value.id]} and {value}")
    return found


def explanations_of(package: str) -> Explanations:
    """Return the explanations that stand in the folder of a package."""
    folders = getattr(importlib.import_module(package), "__path__", ())
    parts = [read(Path(folder) / FOLDER, package) for folder in folders]
    return joined(parts)


def mismatches(codes: Mapping[str, Code], all: Explanations) -> Iterator[str]:
    """Yield what does not fit: a code without a file, a file without a code, another title."""
    yield from all.broken
    explained = {e.code: e for e in all.found}
    for id in sorted(codes.keys() - explained.keys()):
        yield f"{id} ({codes[id].title}) has no file {FOLDER}/{id}.md"
    for id in sorted(explained.keys() - codes.keys()):
        yield f"{FOLDER}/{id}.md explains a code that does not exist"
    for id, code in codes.items():
        e = explained.get(id)
        if e is not None and e.title != code.title:
            yield f"{FOLDER}/{id}.md has the title {e.title!r}, the code {code.title!r}"
        if e is not None and e.severity is not code.severity:
            wanted = f"Severity: {code.severity.value}"
            yield f"{FOLDER}/{id}.md: write `{wanted}` below the title (none for errors)"


def wrong_examples(
    e: Explanation, further: Further, *, alone: bool = True, beside: Collection[str] = ()
) -> Iterator[str]:
    """Yield what speaks against the examples of ``e``, one text for each that does not fit.

    Parameters
    ----------
    e : an explanation
    further : what follows the checks of the core
    alone : whether a wrong example may yield no other error than the one it is about
    beside : codes of errors that every example of this explanation may yield
    """
    for example in e.wrong:
        if example.language == "nestml":
            found = said(example.text, further)
            others = [d for d in found if d.is_error and d.code.id not in (e.code, *beside)]
            if (alone and others) or not any(d.code.id == e.code for d in found):
                yield f"the wrong example should yield {e.code} alone:\n{_shown(found)}"
    for example in e.right:
        if example.language == "nestml":
            found = said(example.text, further)
            errors = [d for d in found if d.is_error and d.code.id not in beside]
            if errors or any(d.code.id == e.code for d in found):
                yield f"the right example yields an error:\n{_shown(found)}"


def said(text: str, further: Further) -> tuple[Diagnostic, ...]:
    """Return all that is said about a model."""
    checked = check_sources([Source("example.nestml", text)])
    if checked.value is None:
        return checked.diagnostics
    return (*checked.diagnostics, *further(checked.value))


def _shown(found: tuple[Diagnostic, ...]) -> str:
    return "\n".join(render(d) for d in found) or "nothing"
