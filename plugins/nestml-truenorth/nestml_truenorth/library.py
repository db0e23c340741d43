"""What becomes of the models of the library: a build, or a refusal with a way out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nestml_core.api import SolvedModel, library_models, load
from nestml_truenorth.approximate import lowered
from nestml_truenorth.lower import Settings
from nestml_truenorth.options import AUTO, Options, choices

HEADER = """\
# Library models on TrueNorth

What `nestml build MODEL --backend truenorth --strategy auto` does with each model of the library.
Written by `python -m nestml_truenorth table`.

| model | outcome | what it takes, or why not |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``kind`` is a strategy, or the code of the refusal; ``words`` say what it takes, or why."""

    model: str
    kind: str
    words: str


def outcome(model: SolvedModel) -> Outcome:
    """Return what becomes of one model."""
    chosen = choices(Options(strategy=AUTO))
    assert chosen.value is not None
    found = lowered(model, chosen.value, Settings({}, {}))
    if found.value is None:
        first = found.errors[0]
        return Outcome(model.name, first.code.id, f"{first.message}; {first.help}")
    made = found.value
    words = f"{made.neuron_count} chip neuron{'s' * (made.neuron_count > 1)}"
    for metric in made.metrics:
        if metric.limit is not None:
            words += f"; {metric.what} {100 * metric.value:.1f} %"
    return Outcome(model.name, made.strategy, words)


def outcomes() -> Iterator[Outcome]:
    """Yield what becomes of each model of the library, by kind and name."""
    for path in sorted(library_models(), key=lambda p: p.stem):
        yield outcome(load(path).solved)


def page() -> str:
    """Return the table."""
    rows = [f"| `{o.model}` | {o.kind} | {o.words.replace('|', '/')} |" for o in outcomes()]
    return HEADER + "\n".join(rows) + "\n"
