"""Which synapses are generated alone and which with a neuron, and which NEST cannot have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nestml_core.api import (
    NOWHERE,
    Call,
    Diagnostic,
    Emit,
    ModelKind,
    Pair,
    Result,
    SolvedModel,
    SolvedProgram,
    Stmt,
    checked,
    expressions_in,
    vectors,
    walk,
    walk_statements,
)
from nestml_nest import calls, codes
from nestml_nest.options import Options
from nestml_nest.synapse import connection_keys

if TYPE_CHECKING:
    from nestml_core.api import Roles


@dataclass(frozen=True, slots=True)
class Joined:
    """A neuron with all the synapses it is generated with."""

    neuron: SolvedModel
    synapses: tuple[SolvedModel, ...]


@dataclass(frozen=True, slots=True)
class Division:
    """What is generated alone, in the order of the program, and what together."""

    alone: tuple[SolvedModel, ...]
    joined: tuple[Joined, ...]


def divided(program: SolvedProgram) -> Result[Division]:
    """Return what is generated alone and what together; models of pairs are not generated alone.

    Errors
    ------
    NEST112 : a pair of models that are not there, or are no neuron and synapse.
    """
    found: list[Diagnostic] = []
    models = {m.name: m for m in program.models}
    together: dict[str, list[str]] = {}
    for pair in dict.fromkeys(program.pairs):
        problem = _mismatch(pair, models)
        if problem is None:
            together.setdefault(pair.neuron, []).append(pair.synapse)
        else:
            found.append(problem)
    joined = tuple(
        Joined(models[neuron], tuple(models[s] for s in synapses))
        for neuron, synapses in together.items()
    )
    paired = {m.name for j in joined for m in (j.neuron, *j.synapses)}
    alone = tuple(m for m in program.models if m.name not in paired)
    return checked(Division(alone, joined), found)


def _mismatch(pair: Pair, models: dict[str, SolvedModel]) -> Diagnostic | None:
    wanted = ((pair.neuron, ModelKind.NEURON), (pair.synapse, ModelKind.SYNAPSE))
    for name, kind in wanted:
        if name not in models:
            message = f"there is no model `{name}` to make a pair of"
            help = f"build it too: there are {', '.join(models)}"
            return codes.PAIR.at(NOWHERE, message, help=help)
        if models[name].kind is not kind:
            message = f"`{name}` is not a {kind.value}"
            return codes.PAIR.at(models[name].span, message, help="write NEURON+SYNAPSE")
    return None


def problems(
    model: SolvedModel, roles: Roles, options: Options, is_paired: bool
) -> Iterator[Diagnostic]:
    """Yield why ``model``, a synapse, cannot be generated, and what one should know."""
    for v in vectors(model):
        help = "use one variable for each element"
        yield codes.SYNAPSE.at(v.span, f"`{v.name}` is a vector, in a synapse", help=help)
    for d in model.delays:
        message = f"`{d.variable.name}` as it was: a synapse has no steps in which to note it"
        yield codes.SYNAPSE.at(d.span, message, help="let the neuron compute it")
    if len(roles.modulators) > 1:
        message = f"`{roles.modulators[1].name}` is a second port for modulating neurons"
        help = "a synapse of NEST listens to one volume transmitter"
        yield codes.SYNAPSE.at(roles.modulators[1].span, message, help=help)
    for port in roles.third_factors:
        message = f"`{port.name}` is a continuous port of a synapse"
        help = "NEST synapses of this version see spikes only; the reference backend has them"
        yield codes.SYNAPSE.at(port.span, message, help=help)
    if is_paired and roles.postsynaptic is None:
        message = f"`{model.name}` has no port for postsynaptic spikes: there is nothing to pair"
        yield codes.PAIR.at(model.span, message, help="generate it alone: it works with any neuron")
    yield from _misplaced_emission(model, roles)
    yield from _other_outputs(model)
    yield from calls.misplaced(model, calls.function_needs(model.functions))
    for symbol, key in connection_keys(model).items():
        if key not in (symbol.identifier, "weight"):
            message = f"every synapse of NEST has a status entry `{symbol.name}` of its own"
            help = f"this one is called `{key}` in NEST"
            yield codes.ENTRY_RENAMED.at(symbol.span, message, help=help)


def _misplaced_emission(model: SolvedModel, roles: Roles) -> Iterator[Diagnostic]:
    needs = calls.function_needs(model.functions)
    places: list[tuple[str, tuple[Stmt, ...]]] = [("`update`", model.update)]
    places += [("`onCondition`", c.body) for c in model.on_condition]
    places += [
        (f"`onReceive({h.port.name})`", h.body)
        for h in model.on_receive
        if h.port != roles.presynaptic
    ]
    for place, body in places:
        spans = [s.span for s in walk_statements(body) if isinstance(s, Emit)]
        spans += [
            e.span
            for x in expressions_in(body)
            for e in walk(x)
            if isinstance(e, Call) and "emitted" in needs.get(e.function, ())
        ]
        for span in spans:
            message = f"{place} emits a spike; a synapse of NEST can when a presynaptic one arrives"
            help = f"emit in `onReceive({roles.presynaptic.name})`"
            yield codes.SYNAPSE.at(span, message, help=help)


def _other_outputs(model: SolvedModel) -> Iterator[Diagnostic]:
    for d in (*model.parameters, *model.state):
        if d.symbol.type.base.name == "STRING":
            help = "use numbers"
            yield codes.SYNAPSE.at(
                d.symbol.span, f"`{d.symbol.name}` is a text, in a synapse", help=help
            )
