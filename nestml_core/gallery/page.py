"""The page of all shipped models, and the pictures on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from nestml_core.datasheet import Entry, entries
from nestml_core.library import KINDS, LibraryModel, library
from nestml_core.pipeline import read, resolved_models
from nestml_core.problems import valued

INTRODUCTION = """\
# The shipped models

<!-- written by `python -m nestml_core.gallery docs/models`; do not edit -->

{count} models, each written from the primary literature and documented in its file. Where NESTML or
NEST has a model of the same name, parameters, units and defaults are the same; the names of NESTML
(`iaf_psc_alpha_neuron`, `stdp_synapse`) work too.

```sh
nestml models                          # list them; with words: search
nestml models show iaf_psc_alpha       # equations, parameters, references; --html, --plot, --json
nestml models copy iaf_psc_alpha mine  # a file to start from
nestml run iaf_psc_alpha --set I_e=500pA --plot v.png
```

The pictures of neurons show what follows a spike at each port, one after the other (with weights,
given in the title, that let it be seen), then what a step of current does, and how fast the neuron
fires for constant currents. Those of synapses show how one pair of spikes changes the weight, or
what a train of spikes hands on. `nestml models show NAME --plot FILE` draws the same.
"""


def page(folder: str = "models") -> str:
    """Return the page in Markdown; its pictures lie in ``folder`` beside it."""
    models = library()
    parts = [INTRODUCTION.format(count=len(models)), *_overview(models)]
    for kind in KINDS.values():
        chosen = [m for m in models if m.kind == kind]
        if chosen:
            parts.append(f"## {kind.capitalize()}s\n")
            parts += [part for m in chosen for part in _section(m, folder)]
    return "\n".join(parts).rstrip("\n") + "\n"


def _overview(models: Sequence[LibraryModel]) -> Iterator[str]:
    for kind in KINDS.values():
        rows = [
            f"| [`{m.name}`](#{m.name}) | {_cell(m.summary)} |" for m in models if m.kind == kind
        ]
        if rows:
            yield "\n".join([f"| {kind} | |", "|---|---|", *rows]) + "\n"


def _section(m: LibraryModel, folder: str) -> Iterator[str]:
    yield f"### {m.name}\n"
    yield f"{m.summary[:1].upper()}{m.summary[1:]}.\n"
    yield f"![{m.name}: {_cell(m.summary)}]({folder}/{m.name}.png)\n"
    source, _ = valued(read(m.path))
    (model,), _ = valued(resolved_models(source))
    rows = [_row(e) for e in entries(model.parameters)]
    if rows:
        number = f"{len(rows)} parameters" if len(rows) > 1 else "1 parameter"
        yield f"<details><summary>{number}</summary>\n"
        yield "\n".join(["| name | default | meaning |", "|---|---|---|", *rows]) + "\n"
        yield "</details>\n"
    if m.references:
        yield "\n".join(f"- {_prose(r)}" for r in m.references) + "\n"


def _row(e: Entry) -> str:
    return f"| `{e.name}` | {_cell(e.value)} | {_cell(e.meaning)} |"


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|")


def _prose(text: str) -> str:
    """Return text without markup: only what stands between backquotes is code."""
    parts = text.split("`")
    for k in range(0, len(parts), 2):
        for sign in "\\*_<>":
            parts[k] = parts[k].replace(sign, f"\\{sign}")
    return "`".join(parts)


def pictures(folder: Path) -> tuple[str, ...]:
    """Return the names of the models that have a picture in ``folder``."""
    return tuple(sorted(p.stem for p in folder.glob("[!.]*.png")))
