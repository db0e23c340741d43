"""Which synapses are generated alone and which with a neuron, and which NEST cannot have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from nestml_core.api import (
    NOWHERE,
    Call,
    Diagnostic,
    Emit,
    ModelKind,
    Pair,
    Recordable,
    Result,
    SolvedModel,
    SolvedProgram,
    Stmt,
    Symbol,
    checked,
    expressions_in,
    nearest,
    vectors,
    walk,
    walk_statements,
)
from nestml_nest import calls, codes
from nestml_nest.options import Options
from nestml_nest.synapse import connection_keys, delay_symbol

if TYPE_CHECKING:
    from nestml_core.api import Roles


@dataclass(frozen=True, slots=True)
class Joined:
    """A neuron with all the synapses it is generated with."""

    neuron: SolvedModel
    synapses: tuple[SolvedModel, ...]
    pairs: tuple[Pair, ...]
    """For each synapse."""


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
    together: dict[str, list[Pair]] = {}
    for pair in dict.fromkeys(program.pairs):
        problem = _mismatch(pair, models)
        if any(p.synapse == pair.synapse for p in together.get(pair.neuron, ())):
            message = f"`{pair.neuron}+{pair.synapse}` is there twice, and sees different things"
            problem = codes.PAIR.at(NOWHERE, message, help="name each pair once")
        if problem is None:
            together.setdefault(pair.neuron, []).append(pair)
        else:
            found.append(problem)
    joined = tuple(
        Joined(models[neuron], tuple(models[p.synapse] for p in found_pairs), tuple(found_pairs))
        for neuron, found_pairs in together.items()
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


def third_factors(
    pair: Pair, synapse: SolvedModel, neuron: SolvedModel
) -> Result[Mapping[Symbol, Recordable]]:
    """Return what each continuous port of a synapse sees of the neuron.

    Errors
    ------
    NEST112 : there is no such port or recordable, or they have different dimensions.
    """
    found: list[Diagnostic] = []
    ports = {p.symbol.name: p.symbol for p in synapse.continuous_ports}
    recordables = {r.symbol.name: r for r in neuron.recordables if r.symbol.vector is None}
    asked = {name: name for name in ports} | {r.port: r.recordable for r in pair.third_factors}
    seen: dict[Symbol, Recordable] = {}
    for port, name in asked.items():
        if port not in ports:
            message = f"`{synapse.name}` has no continuous port `{port}`"
            help = f"it has {', '.join(f'`{p}`' for p in ports) or 'none'}"
            found.append(codes.PAIR.at(synapse.span, message, help=help))
        elif name not in recordables:
            message = f"`{port}` is to see `{name}`, which `{neuron.name}` does not record"
            close = nearest(name, list(recordables))
            help = f"say what it sees: {pair.neuron}+{pair.synapse}({port}=RECORDABLE); {close}"
            found.append(codes.PAIR.at(ports[port].span, message, help=help.rstrip("; ")))
        elif recordables[name].symbol.type.dimension != ports[port].type.dimension:
            message = f"`{port}` and `{name}` of `{neuron.name}` differ in their dimensions"
            help = "give both units of the same kind"
            found.append(codes.PAIR.at(ports[port].span, message, help=help))
        else:
            seen[ports[port]] = recordables[name]
    return checked(MappingProxyType(seen), found)


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
    if is_paired and roles.modulators and roles.third_factors:
        message = f"`{roles.third_factors[0].name}` is a continuous port, beside one for modulators"
        help = (
            "a volume transmitter delivers its spikes before the neuron has made the step: let the "
            "synapse see one of both, such as the modulation as a variable of the neuron"
        )
        yield codes.SYNAPSE.at(roles.third_factors[0].span, message, help=help)
    for port in () if is_paired else roles.third_factors:
        message = f"`{port.name}` is a continuous port of a synapse that is generated alone"
        help = (
            "generate it with the neuron that it looks at: "
            f"--pair 'NEURON+{model.name}({port.name}=RECORDABLE)'"
        )
        yield codes.SYNAPSE.at(port.span, message, help=help)
    if is_paired and roles.postsynaptic is None and not roles.third_factors:
        message = (
            f"`{model.name}` sees nothing of the neuron that it ends at: there is nothing to pair"
        )
        yield codes.PAIR.at(model.span, message, help="generate it alone: it works with any neuron")
    yield from _misplaced_emission(model, roles)
    yield from _other_outputs(model)
    yield from calls.misplaced(model, calls.function_needs(model.functions))
    for symbol, key in connection_keys(model).items():
        if key not in (symbol.identifier, "weight") and symbol != delay_symbol(model, options):
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
