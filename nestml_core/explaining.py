"""What each code of a diagnostic means: one Markdown file a code, read without importing more.

``python -m nestml_core.explaining FOLDER... > docs/errors.md`` writes the reference page; the
folders are those of plugins.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

from nestml_core.diagnostics import Code, Diagnostic, Result, Severity
from nestml_core.plugins import installed
from nestml_core.source import NOWHERE

UNKNOWN_CODE = Code("NML940", Severity.ERROR, "an unknown code of a diagnostic")

FOLDER = "explanations"
CORE = Path(__file__).parent / FOLDER
CORE_ORIGIN = "nestml-core"

THEMES = (
    ("NML0", "Syntax"),
    ("NML1", "Names"),
    ("NML2", "Types and units"),
    ("NML3", "Equations"),
    ("NML4", "Ports, events and blocks"),
    ("NML9", "Options, files and runs"),
)

_TITLE = re.compile(r"# ([A-Z]+\d+): (.+)")
_SEVERITY = re.compile(r"Severity: (error|warning|hint)")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """A model (``nestml``) or a command with what it says (``console``)."""

    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means, with what causes it and what mends it.

    ``origin`` is the distribution whose diagnostics have the code; ``text`` is Markdown.
    """

    code: str
    severity: Severity
    title: str
    text: str
    wrong: tuple[Example, ...]
    right: tuple[Example, ...]
    origin: str = CORE_ORIGIN


@dataclass(frozen=True, slots=True)
class Explanations:
    """All explanations in order of codes, and the files that are none, each with the reason."""

    found: tuple[Explanation, ...]
    broken: tuple[str, ...] = ()

    def of(self, code: str) -> Result[Explanation]:
        """Return the explanation of ``code``, however it is capitalised.

        Errors
        ------
        NML940 : there is no such code.
        """
        codes = [e.code for e in self.found]
        for e in self.found:
            if e.code == code.upper():
                return Result(e)
        close = get_close_matches(code.upper(), codes, 3, 0.6)
        listed = ", ".join(f"`{c}`" for c in close)
        help = f"did you mean {listed}?" if close else "`nestml explain` lists all codes"
        return Result(None, (_unknown(f"there is no code `{code}`", help),))


def _unknown(message: str, help: str) -> Diagnostic:
    return UNKNOWN_CODE.at(NOWHERE, message, help=help)


def parsed(text: str, name: str, origin: str = CORE_ORIGIN) -> Explanation:
    """Return the explanation that a file holds.

    The file begins with ``# CODE: title``; a line ``Severity: warning`` (or ``hint``) follows
    where the code is no error; then come the text and the sections ``## Wrong`` and ``## Right``.

    Parameters
    ----------
    text : the content of the file
    name : the name of the file without its ending, which must be the code

    Raises
    ------
    ValueError : it has not that form.
    """
    first, _, rest = text.partition("\n")
    title = _TITLE.fullmatch(first)
    if title is None or title[1] != name:
        raise ValueError(f"the first line is not `# {name}: <title>`")
    rest = rest.strip()
    severity = _SEVERITY.match(rest)
    if severity is not None:
        rest = rest[severity.end() :].strip()
    body, *sections = re.split(r"^## ", rest, flags=re.MULTILINE)
    named = dict(s.split("\n", 1) for s in sections if "\n" in s)
    if list(named) != ["Wrong", "Right"]:
        raise ValueError("the sections are not `## Wrong` and `## Right`")
    wrong, right = (_examples(named[s]) for s in ("Wrong", "Right"))
    if not body.strip() or not wrong or not right:
        raise ValueError("an explanation needs a text, a wrong and a right example")
    level = Severity(severity[1]) if severity is not None else Severity.ERROR
    return Explanation(name, level, title[2], body.strip(), wrong, right, origin)


def _examples(text: str) -> tuple[Example, ...]:
    return tuple(Example(language, body) for language, body in _FENCE.findall(text))


def read(folder: Path, origin: str = CORE_ORIGIN) -> Explanations:
    """Return the explanations in the files of one folder."""
    found: list[Explanation] = []
    broken: list[str] = []
    for path in sorted(folder.glob("*.md")):
        try:
            found.append(parsed(path.read_text(encoding="utf-8"), path.stem, origin))
        except (ValueError, OSError) as problem:
            broken.append(f"{path}: {problem}")
    return Explanations(tuple(found), tuple(broken))


def explanations() -> Explanations:
    """Return the explanations of the compiler's codes, and those of all installed plugins.

    A plugin keeps them in the folder ``explanations`` of its package; it is not imported.
    """
    packages = dict.fromkeys(re.split("[.:]", point.value)[0] for point in installed())
    folders = [(CORE, CORE_ORIGIN)]
    for package in packages:
        spec = find_spec(package)
        for place in (spec and spec.submodule_search_locations) or ():
            folders.append((Path(place) / FOLDER, package.replace("_", "-")))
    return joined(read(folder, origin) for folder, origin in folders)


def joined(parts: Iterable[Explanations]) -> Explanations:
    """Return the explanations of all parts together."""
    listed = tuple(parts)
    found = tuple(e for p in listed for e in p.found)
    return Explanations(found, tuple(b for p in listed for b in p.broken))


# Texts


def as_text(e: Explanation) -> str:
    """Return an explanation for a terminal: no fences, examples indented."""
    parts = [f"{e.severity.value}[{e.code}]: {e.title}", _plain(e.text)]
    for heading, examples in (("Wrong", e.wrong), ("Right", e.right)):
        parts.append(f"{heading}:")
        parts += [_indented(x.text) for x in examples]
    return "\n\n".join(parts)


def _plain(markdown: str) -> str:
    """Return Markdown with its code blocks indented instead of fenced."""
    return _FENCE.sub(lambda m: _indented(m[2]), markdown)


def _indented(text: str) -> str:
    return "\n".join("    " + line if line else "" for line in text.rstrip("\n").split("\n"))


def listing(all: Sequence[Explanation]) -> str:
    """Return one line for each code: code, severity, title."""
    width = max((len(e.code) for e in all), default=0)
    return "\n".join(f"{e.code:{width}}  {e.severity.value:7}  {e.title}" for e in all)


def as_json(e: Explanation) -> dict[str, object]:
    """Return an explanation as plain data."""
    return {
        "code": e.code,
        "severity": e.severity.value,
        "title": e.title,
        "origin": e.origin,
        "text": e.text,
        "wrong": [{"language": x.language, "text": x.text} for x in e.wrong],
        "right": [{"language": x.language, "text": x.text} for x in e.right],
    }


def theme(e: Explanation) -> str:
    """Return the heading under which the reference page has a code."""
    if e.origin != CORE_ORIGIN:
        return f"Backend plugin {e.origin}"
    return next((name for prefix, name in THEMES if e.code.startswith(prefix)), "Other")


def page(all: Sequence[Explanation]) -> str:
    """Return the reference page: all codes by theme, as Markdown."""
    lines = [
        "# Diagnostics",
        "",
        "All that the compiler and the backends of this repository can say, by code. A code is",
        "stable: it keeps its meaning, and a meaning keeps its code. `nestml explain CODE` shows",
        "the same in a terminal. This page is generated from the files in",
        "`nestml_core/explanations` and `plugins/*/*/explanations`.",
        "",
    ]
    groups = [(name, list(group)) for name, group in groupby(all, theme)]
    for name, group in groups:
        lines += [f"- {name}"]
        lines += [f"  - [`{e.code}`](#{_anchor(e)}) {e.title}{_mark(e)}" for e in group]
    for name, group in groups:
        lines += ["", f"## {name}"]
        for e in group:
            lines += ["", *_entry(e)]
    return "\n".join(lines) + "\n"


def _mark(e: Explanation) -> str:
    return "" if e.severity is Severity.ERROR else f" ({e.severity.value})"


def _anchor(e: Explanation) -> str:
    """Return the anchor that Markdown renderers give to the heading of a code."""
    heading = f"{e.code}: {e.title}".lower()
    return re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")


def _entry(e: Explanation) -> Iterable[str]:
    yield f"### {e.code}: {e.title}"
    yield f"\nSeverity: {e.severity.value}.\n"
    yield e.text
    for heading, examples in (("Wrong:", e.wrong), ("Right:", e.right)):
        yield f"\n{heading}"
        for x in examples:
            yield f"\n```{x.language}\n{x.text}```"


def main(folders: Sequence[str]) -> int:
    """Write the reference page to standard output; ``folders`` are those of plugins."""
    paths = [Path(f) for f in folders]
    parts = [read(CORE), *(read(p, p.resolve().parent.name.replace("_", "-")) for p in paths)]
    every = joined(parts)
    if every.broken:
        sys.stderr.write("\n".join(every.broken) + "\n")
        return 1
    sys.stdout.write(page(every.found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
