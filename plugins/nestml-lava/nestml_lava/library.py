"""Which models of the library are processes of Lava itself, and why the others are not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nestml_core.api import ModelKind, SolvedModel, library_models, load
from nestml_lava.fixed.package import why_not
from nestml_lava.stock import Lif, detect
from nestml_lava.synapses.ir import Learning
from nestml_lava.synapses.lower import learning

HEADER = """\
# Library models on Lava

## Neurons

Every model below runs as a generated process in floating point unless `nestml build --backend lava`
says otherwise. This table says which of them are, with their default parameters and steps of
0.1 ms, exactly a neuron process that Lava has, or the first thing that is different. These can be
had as Lava's own processes, too (`lower=stock`), and as neurons of Loihi (`arith=loihi1`). The last
column says which can be had in fixed point (`arith=fixed24`, `fixed32`), or what is in the way.
Written by `python -m nestml_lava table`.

| model | stock process | its numbers, or why it is none | fixed point |
|---|---|---|---|
"""

SYNAPSES = """

## Synapses

Every synapse below runs as a generated connection process in floating point. This table says what
else becomes of it with `--learning rule`, with default parameters: Lava's own `LearningDense` with
a learning rule of Loihi, in floating point or, with `--arith loihi1`, in whole numbers; a relay at
the axon; but weights, on `Delayed` connections; or the code of the refusal.

| model | in floating point | rule, or why there is none | in whole numbers | |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class SynapseOutcome:
    """What ``learning=rule`` makes of a synapse, in floating point and in whole numbers.

    Kinds are ``LearningDense``, ``relay``, ``Delayed``, or the code of a refusal.
    """

    model: str
    kind: str
    words: str
    whole_kind: str
    whole_words: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """``kind`` is a class of Lava, or the code that says why it is none.

    ``fixed`` is ``yes``, or the code that says why there is no fixed point.
    """

    model: str
    kind: str
    words: str
    fixed: str


def outcome(model: SolvedModel) -> Outcome:
    """Return which process one model is."""
    verdict = detect(model)
    fixed = next((d.code.id for d in why_not(model) if d.is_error), "yes")
    if verdict.lif is not None:
        return Outcome(model.name, verdict.lif.process, _numbers(verdict.lif), fixed)
    first = verdict.why_not[0]
    return Outcome(model.name, first.code.id, first.message, fixed)


def _numbers(lif: Lif) -> str:
    inputs = "one step later" if lif.late else "at once"
    return (
        f"du {1 - lif.keep_u:.4g}, dv {1 - lif.keep_v:.4g}, vth {lif.vth:.4g} mV above "
        f"{lif.reset:g} mV, refractory for {lif.refractory} steps, inputs act {inputs}"
    )


def synapse_outcome(model: SolvedModel) -> SynapseOutcome:
    """Return what becomes of one synapse."""
    return SynapseOutcome(model.name, *_learning(model, whole=False), *_learning(model, whole=True))


def _learning(model: SolvedModel, *, whole: bool) -> tuple[str, str]:
    made = learning(model, {}, 0.1, whole=whole)
    match made.value:
        case None:
            error = next(d for d in made.diagnostics if d.is_error)
            return error.code.id, error.message
        case Learning() as rule:
            tag = f", `dt = {rule.dt}`" if rule.dt else ""
            return "LearningDense", f"`dw = {rule.dw}`{tag}"
        case relay if relay.is_relay:
            return "relay", f"one state for each axon, weights `{relay.weight}`"
        case plain:
            return "Delayed", f"weights `{plain.weight}`"


def synapse_outcomes() -> Iterator[SynapseOutcome]:
    """Yield what becomes of each synapse of the library, by name."""
    for path in sorted(library_models(), key=lambda p: p.stem):
        model = load(path).solved
        if model.kind is ModelKind.SYNAPSE:
            yield synapse_outcome(model)


def synapse_row(o: SynapseOutcome) -> str:
    cells = (f"`{o.model}`", o.kind, o.words, o.whole_kind, o.whole_words)
    return f"| {' | '.join(x.replace('|', '/') for x in cells)} |"


def outcomes() -> Iterator[Outcome]:
    """Yield what each neuron of the library is, by name."""
    for path in sorted(library_models(), key=lambda p: p.stem):
        model = load(path).solved
        if model.kind is ModelKind.NEURON:
            yield outcome(model)


def row(o: Outcome) -> str:
    return f"| `{o.model}` | {o.kind} | {o.words.replace('|', '/')} | {o.fixed} |"


def page() -> str:
    """Return the tables."""
    neurons = "\n".join(row(o) for o in outcomes())
    return HEADER + neurons + SYNAPSES + "\n".join(map(synapse_row, synapse_outcomes())) + "\n"
