"""The models that are shipped: what there is, by name, by other names and by words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from textwrap import wrap
from types import MappingProxyType

from nestml_core.diagnostics import Code, Diagnostic, Severity
from nestml_core.source import NOWHERE

LIBRARY = Path(__file__).parent / "models"
SUFFIX = ".nestml"

KINDS = MappingProxyType({"neurons": "neuron", "synapses": "synapse", "astrocytes": "astrocyte"})
"""What the models in a folder of the library are; in the order in which they are listed."""

ENDINGS = ("_neuron", "_synapse", "_astrocyte")
"""What other collections put behind the names of models."""

ALIASES = MappingProxyType(
    {
        "neuromodulated_stdp": "stdp_dopamine",
        "ht": "hill_tononi",
        "ht_neuron": "hill_tononi",
        "stdp_nn_restr": "stdp_nn_restr_symm",
        "vogels_sprekeler": "stdp_vogels",
    }
)
"""Names of NESTML's or NEST's own models that are not ours with an ending."""

SYNONYMS = MappingProxyType(
    {
        "lif": ("leaky", "integrate-and-fire"),
        "if": ("integrate-and-fire",),
        "hh": ("hodgkin",),
        "adex": ("aeif",),
        "eif": ("exponential", "integrate-and-fire"),
        "stp": ("short-term",),
        "ltp": ("plasticity",),
        "ltd": ("plasticity",),
        "glia": ("astrocyte",),
        "coba": ("cond",),
        "cuba": ("psc",),
        "sfa": ("adapt",),
    }
)
"""What people call things, and the words under which they stand here."""

NOTHING_FITS = Code("NML980", Severity.ERROR, "no shipped model fits the search")


@dataclass(frozen=True, slots=True)
class LibraryModel:
    """A shipped model, as its file describes it.

    Attributes
    ----------
    name : what it is loaded by
    kind : "neuron", "synapse" or "astrocyte"
    summary : what it is, in one line
    description : the paragraphs of the head comment between summary and references
    references : the literature, one entry each
    path : the file
    """

    name: str
    kind: str
    summary: str
    description: str
    references: tuple[str, ...]
    path: Path

    @property
    def text(self) -> str:
        """The file."""
        return self.path.read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Head:
    """The comment above a model in its parts: summary, description and references."""

    summary: str
    description: str
    references: tuple[str, ...]


def head(name: str, comment: str) -> Head:
    """Return the parts of the comment above the model ``name``.

    The first paragraph is the summary, with or without ``name - `` in front; what follows a line
    ``References:`` are references, each of one or more lines and closed by a full stop.
    """
    text, _, literature = f"{comment}\n".partition("\nReferences:\n")
    first, _, rest = text.strip("\n").partition("\n\n")
    summary = " ".join(first.split()).removeprefix(f"{name} - ").removeprefix(name).strip()
    return Head(summary, rest.strip("\n"), tuple(_entries(literature)))


def _entries(text: str) -> Iterable[str]:
    """Yield entries of one or more lines, each closed by a full stop, as a line each."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return
    margin = min(len(line) - len(line.lstrip()) for line in lines)
    entry: list[str] = []
    for line in lines:
        if len(line) - len(line.lstrip()) == margin and entry and entry[-1].endswith("."):
            yield " ".join(entry)
            entry = []
        entry.append(line.strip())
    yield " ".join(entry)


def library_models() -> tuple[Path, ...]:
    """Return the files of the shipped models, by name."""
    return tuple(sorted(LIBRARY.rglob(f"*{SUFFIX}"), key=lambda p: p.stem))


def library() -> tuple[LibraryModel, ...]:
    """Return the shipped models: by kind, then by name."""
    kinds = list(KINDS.values())
    models = [described(path) for path in library_models()]
    return tuple(sorted(models, key=lambda m: (kinds.index(m.kind), m.name)))


def described(path: Path) -> LibraryModel:
    """Return what the file of a shipped model says of it."""
    comment: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.removeprefix("#").removeprefix(" ").rstrip())
    found = head(path.stem, "\n".join(comment))
    kind = KINDS[path.relative_to(LIBRARY).parts[0]]
    return LibraryModel(path.stem, kind, found.summary, found.description, found.references, path)


def library_model(name: str) -> Path | None:
    """Return the file of a shipped model, or None.

    ``name`` may be the one that NESTML or NEST gives a model: ``iaf_psc_alpha_neuron``,
    ``stdp_synapse``, ``neuromodulated_stdp_synapse``.
    """
    files = {p.stem: p for p in library_models()}
    return next((files[n] for n in _readings(name) if n in files), None)


def _readings(name: str) -> Iterable[str]:
    """Yield what ``name`` may be called here, the likeliest first."""
    for plain in (name, *(name.removesuffix(e) for e in ENDINGS if name.endswith(e))):
        yield plain
        if plain in ALIASES:
            yield ALIASES[plain]


def suggestion(name: str) -> str:
    """Return the shipped model that ``name`` may be a slip for, or ""."""
    names = [p.stem for p in library_models()]
    spelt = {n: n for n in names}
    spelt |= {alias: n for alias, n in ALIASES.items() if n in spelt}
    for reading in reversed([*_readings(name.lower().replace("-", "_"))]):
        close = [reading] if reading in spelt else get_close_matches(reading, spelt, 1)
        if close:
            return spelt[close[0]]
    return ""


# Searching


def search(words: Sequence[str], models: Sequence[LibraryModel]) -> tuple[LibraryModel, ...]:
    """Return the models in which all of ``words`` are found, the best first.

    A word counts most in a name, then in the summary, then in the references and the description,
    least in the text of the model. Upper and lower case are one, and so are forms of a word, such
    as ``adaptive`` and ``adaptation``.
    """
    wanted = _searched(words)
    scored = [(sum(scores), m) for m in models if all(scores := _scores(m, wanted))]
    exact = [name for name, *_ in wanted]
    scored.sort(key=lambda pair: (pair[1].name not in exact, -pair[0]))
    return tuple(m for _, m in scored)


def _searched(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Return for each word the ways to fit it: itself, or all words it stands for."""
    plain = [w.lower() for text in words for w in text.split()]
    ours = {w: file.stem for w in plain if (file := library_model(w)) is not None}
    return [(ours.get(w, w), *SYNONYMS.get(w, ())) for w in plain]


def _scores(model: LibraryModel, wanted: Sequence[tuple[str, ...]]) -> list[float]:
    """Return how well each word fits; its synonyms, if any, must all fit."""
    places = (
        (10.0, _words(model.name)),
        (5.0, _words(model.summary)),
        (2.0, _words(" ".join(model.references))),
        (2.0, _words(model.description)),
        (1.0, _words(f"{model.kind} {model.text}")),
    )

    def score(word: str) -> float:
        return max(weight * _likeness(word, found) for weight, found in places)

    return [max(score(own), min(map(score, others), default=0.0)) for own, *others in wanted]


def _words(text: str) -> frozenset[str]:
    """Return the words of ``text``, and those that stand joined by ``_`` or ``-``."""
    lowered = text.lower()
    return frozenset((*re.findall(r"[\w-]+", lowered), *re.findall(r"[^\W_]+", lowered)))


def _likeness(word: str, words: frozenset[str]) -> float:
    """Return 1 if ``word`` is among ``words``, less if a form or a longer word is, else 0."""
    if word in words:
        return 1.0
    stem = _stem(word)
    akin = [w for w in words if w.startswith(stem)] if len(stem) > 2 else []
    if any(_stem(w) == stem for w in akin):
        return 0.8
    return 0.5 if akin else 0.0


def _stem(word: str) -> str:
    """Return a word without its English ending, if enough remains."""
    for ending in ("ations", "ation", "ating", "ative", "ives", "ive", "ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) > 3:
            return word.removesuffix(ending)
    return word


def nothing_fits(words: Sequence[str], models: Sequence[LibraryModel]) -> Diagnostic:
    """Return that no model has all of ``words``, and what comes close.

    Errors
    ------
    NML980.
    """
    asked = " ".join(words)
    plain = [w for w in asked.lower().split() if w]
    known = {w for m in models for w in _words(f"{m.name} {m.summary}") if len(w) > 2}
    lost = [w for w in plain if not search([w], models)]
    for word in lost:
        close = get_close_matches(word, sorted(known), 1, 0.7)
        if close:
            help = f"did you mean `{' '.join(close[0] if w == word else w for w in plain)}`?"
            return NOTHING_FITS.at(NOWHERE, _unfit(lost), help=help)
    if not lost:
        single = "; ".join(f"`{w}` alone fits {len(search([w], models))}" for w in plain)
        message = f"no shipped model has all the words of `{asked}`"
        return NOTHING_FITS.at(NOWHERE, message, help=single)
    return NOTHING_FITS.at(NOWHERE, _unfit(lost), help="`nestml models` lists all of them")


def _unfit(words: Sequence[str]) -> str:
    return f"no shipped model has {' or '.join(f'`{w}`' for w in words)} in it"


# Listing


def listing(models: Sequence[LibraryModel], width: int = 80, *, grouped: bool = True) -> str:
    """Return names with summaries: under the kinds of models, or in the order given."""
    if not grouped:
        return "\n".join(_rows(models, width))
    parts = []
    for kind in KINDS.values():
        rows = _rows([m for m in models if m.kind == kind], width)
        if rows:
            parts.append("\n".join([f"{kind}s", *(f"  {row}" for row in rows)]))
    return "\n\n".join(parts)


def _rows(models: Sequence[LibraryModel], width: int) -> list[str]:
    column = max((len(m.name) for m in models if len(m.name) <= 22), default=0)
    rows: list[str] = []
    for m in models:
        lines = wrap(m.summary, width - column - 4, break_on_hyphens=False) or [""]
        if len(m.name) > column:
            rows.append(m.name)
        for k, line in enumerate(lines):
            name = m.name if k == 0 and len(m.name) <= column else ""
            rows.append(f"{name.ljust(column)}  {line}".rstrip())
    return rows


def as_json(model: LibraryModel) -> dict[str, object]:
    """Return a shipped model as data that any program can read."""
    return {
        "name": model.name,
        "kind": model.kind,
        "summary": model.summary,
        "references": list(model.references),
        "path": str(model.path),
    }
