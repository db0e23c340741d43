"""Which neurons of the library are stock processes of Lava, and why the others are not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nestml_core.api import ModelKind, SolvedModel, library_models, load
from nestml_lava.stock import Lif, detect

HEADER = """\
# Library neurons on Lava

Every model below runs as a generated process in floating point unless `nestml build --backend lava`
says otherwise. This table says which of them are, with their default parameters and steps of
0.1 ms, exactly a neuron process that Lava has, or the first thing that is different.
Written by `python -m nestml_lava table`.

| model | stock process | its numbers, or why it is none |
|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``kind`` is a class of Lava, or the code that says why it is none."""

    model: str
    kind: str
    words: str


def outcome(model: SolvedModel) -> Outcome:
    """Return which process one model is."""
    verdict = detect(model)
    if verdict.lif is not None:
        return Outcome(model.name, verdict.lif.process, _numbers(verdict.lif))
    first = verdict.why_not[0]
    return Outcome(model.name, first.code.id, first.message)


def _numbers(lif: Lif) -> str:
    inputs = "one step later" if lif.late else "at once"
    return (
        f"du {1 - lif.keep_u:.4g}, dv {1 - lif.keep_v:.4g}, vth {lif.vth:.4g} mV above "
        f"{lif.reset:g} mV, refractory for {lif.refractory} steps, inputs act {inputs}"
    )


def outcomes() -> Iterator[Outcome]:
    """Yield what each neuron of the library is, by name."""
    for path in sorted(library_models(), key=lambda p: p.stem):
        model = load(path).solved
        if model.kind is ModelKind.NEURON:
            yield outcome(model)


def row(o: Outcome) -> str:
    return f"| `{o.model}` | {o.kind} | {o.words.replace('|', '/')} |"


def page() -> str:
    """Return the table."""
    return HEADER + "\n".join(row(o) for o in outcomes()) + "\n"
