"""From a solved program to an extension module: what NEST cannot do is refused here."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from nestml_core.api import (
    TIME,
    Diagnostic,
    Emit,
    ModelKind,
    Output,
    Result,
    SolvedModel,
    SolvedProgram,
    Span,
    bodies_of,
    checked,
    walk_statements,
)
from nestml_nest import assembly, calls, codes, gaps, ir, names, pairs
from nestml_nest import synapse_ir as sir
from nestml_nest.addresses import status_keys
from nestml_nest.native import MODELS
from nestml_nest.neuron import Lowering
from nestml_nest.options import LEVELS, Options
from nestml_nest.synapse import ALL, delay_symbol


def lower(program: SolvedProgram, options: Options) -> Result[ir.Module]:
    """Return ``program`` as one extension module.

    Errors
    ------
    NEST101 : a synapse that needs what connections of NEST do not have.
    NEST102 : a generated model has the name of a model of NEST, or of another generated one.
    NEST103 (warning) : a name is a status entry of every NEST neuron and gets ``_`` behind it.
    NEST104 : a function that draws, emits or assigns is called where NEST evaluates expressions.
    NEST105 (warning) : ``emit_spike(w)``; spikes have no weight in NEST.
    NEST106 : an option has a value that does not work.
    NEST107 : a random default or initial value.
    NEST108 : an output other than spikes.
    NEST109 (hint) : a model gets another name, as NEST has one of that name.
    NEST111 : a model that cannot have gap junctions.
    NEST112 : a pair that cannot be made.
    NEST113 (warning) : a neuron that cannot have a static synapse of its own.
    NML960 to NML965 : it is not clear what the ports of a synapse are for.
    """
    found = [*_bad_options(program, options)]
    division = pairs.divided(program)
    found += division.diagnostics
    usable = not any(d.is_error for d in found)
    if division.value is None:
        return Result(None, tuple(found))
    alone = division.value.alone
    titles = [generated_name(m, options) for m in alone]
    named = [assembly.paired_names(j) for j in division.value.joined]
    taken = list(titles)
    classes = names.classes(
        assembly.class_titles(titles, named, [m.kind is ModelKind.SYNAPSE for m in alone])
    )
    neurons: list[ir.Neuron] = []
    synapses: list[sir.Synapse] = []
    for i, (model, title) in enumerate(zip(alone, titles, strict=True)):
        said = [*_naming(model, title, titles[:i])]
        if model.kind is ModelKind.SYNAPSE:
            made = assembly.alone(model, title, classes, options)
            said += made.diagnostics
            synapses += () if made.value is None else (made.value,)
        else:
            said += [*_remarks(model), *gaps.problems(model, options)]
        found += said
        if model.kind is ModelKind.NEURON and usable and not any(d.is_error for d in said):
            neurons.append(Lowering(model, classes[title], title, options).neuron())
    for joined, names_of in zip(division.value.joined, named, strict=True):
        found += [*_remarks(joined.neuron), *gaps.problems(joined.neuron, options)]
        found += _collisions(joined, names_of, taken)
        taken += [names_of.neuron, *names_of.synapses]
        if any(d.is_error for d in found):
            continue
        together = assembly.together(joined, names_of, classes, options)
        found += together.diagnostics
        if together.value is not None:
            neurons.append(together.value[0])
            synapses += together.value[1]
    if options.static_synapse:
        spans = [m.span for m in alone if m.kind is ModelKind.NEURON]
        spans += [j.neuron.span for j in division.value.joined]
        neurons = [_with_static(n, classes) for n in neurons]
        if len(spans) == len(neurons):
            found += _without_static(neurons, spans)
    module = _module(options.module, neurons, synapses)
    return checked(module, found)


def _with_static(neuron: ir.Neuron, classes: Mapping[str, str]) -> ir.Neuron:
    if neuron.lanes is None or not neuron.spike_channels:
        return neuron
    title = assembly.static_title(neuron.title)
    return replace(neuron, static=ir.StaticSynapse(classes[title], title))


def _without_static(neurons: list[ir.Neuron], spans: list[Span]) -> Iterator[Diagnostic]:
    for neuron, span in zip(neurons, spans, strict=True):
        if neuron.static is None:
            message = f"there is no static synapse for `{neuron.title}` alone"
            yield codes.NO_STATIC.at(span, message, help="connect it by NEST's `static_synapse`")


def _module(name: str, neurons: list[ir.Neuron], synapses: list[sir.Synapse]) -> ir.Module:
    kept = [k for n in neurons for k in n.kept]
    ours = ["nest.h", "parts.h", *(h for n in neurons for h in n.headers)]
    ours += ["arrivals.h", "power.h"] if synapses else []
    ours += ["modulation.h"] if any(s.has_mod for s in synapses) else []
    ours += [h for s in synapses for h in s.headers]
    ours += ["spike_archive.h"] if kept else []
    ours += [h for k in kept for h in k.headers]
    ours += ["arena_synapse.h"] if any(n.static for n in neurons) else []
    support = dict.fromkeys(ours)
    cores = [h for n in neurons for h in n.runtime] + [h for s in synapses for h in s.runtime]
    runtime = dict.fromkeys(cores + [h for k in kept for h in k.runtime])
    return ir.Module(name, tuple(neurons), tuple(support), tuple(runtime), tuple(synapses))


def generated_name(model: SolvedModel, options: Options) -> str:
    """Return what ``model`` is called in NEST, if it is not part of a pair."""
    return model.name + options.ending if model.name in MODELS else model.name


def names_in_nest(program: SolvedProgram, options: Options) -> Mapping[str, str]:
    """Return what each model is called in NEST, by its own name.

    A synapse of a pair is there as ``NEURON+SYNAPSE``, too, and only so if it has several neurons.
    """
    division = pairs.divided(program).value
    assert division is not None  # as it was generated
    found = {m.name: generated_name(m, options) for m in division.alone}
    together: dict[str, list[str]] = {}
    for joined in division.joined:
        named = assembly.paired_names(joined)
        found[joined.neuron.name] = named.neuron
        for synapse, title in zip(joined.synapses, named.synapses, strict=True):
            together.setdefault(synapse.name, []).append(title)
            found[f"{joined.neuron.name}+{synapse.name}"] = title
    found |= {name: titles[0] for name, titles in together.items() if len(titles) == 1}
    return MappingProxyType(found)


def _collisions(
    joined: pairs.Joined, named: assembly.PairedNames, others: list[str]
) -> Iterator[Diagnostic]:
    models = (joined.neuron, *joined.synapses)
    for model, title in zip(models, (named.neuron, *named.synapses), strict=True):
        if title in MODELS or title in others:
            message = f"two models are called `{title}` in NEST"
            yield codes.NAME_TAKEN.at(model.span, message, help="rename one of the models")


def _bad_options(program: SolvedProgram, options: Options) -> Iterator[Diagnostic]:
    span = program.models[0].span
    if not names.is_namespace(options.module):
        message = f"a module cannot be called `{options.module}`"
        help = "a word of letters, digits and `_`, such as `my_neurons`"
        yield codes.BAD_OPTION.at(span, message, help=help)
    if not names.is_identifier("x" + options.ending):
        message = f"the name of a model cannot end in `{options.ending}`"
        yield codes.BAD_OPTION.at(span, message, help="use letters, digits and `_`")
    yield from _bad_delay(program, options)
    parameters = {d.symbol.name for m in program.models for d in m.parameters}
    for name in options.homogeneous:
        if name not in parameters and name != ALL:
            message = f"no model has a parameter `{name}` that synapses could share"
            help = f"write `{ALL}` for all of them"
            yield codes.BAD_OPTION.at(span, message, help=help)
    ports = {p.symbol.name for m in program.models for p in m.continuous_ports}
    if options.gap_port and options.gap_port not in ports:
        message = f"no model has a continuous port `{options.gap_port}` for gap junctions"
        help = (
            f"there are: {', '.join(sorted(ports))}"
            if ports
            else "declare `I_gap pA <- continuous`"
        )
        yield codes.BAD_OPTION.at(span, message, help=help)
    if options.optimization not in LEVELS:
        message = f"there is no optimization level `{options.optimization}`"
        yield codes.BAD_OPTION.at(span, message, help=f"choose one of {', '.join(LEVELS)}")
    try:
        shlex.split(options.flags)
    except ValueError as problem:
        message = f"`{options.flags}` cannot be split into flags: {problem}"
        yield codes.BAD_OPTION.at(span, message, help="quote as in a shell")


def _bad_delay(program: SolvedProgram, options: Options) -> Iterator[Diagnostic]:
    """Yield why what is to be the delay of connections is no parameter for it."""
    if not options.delay:
        return
    synapses = [m for m in program.models if m.kind is ModelKind.SYNAPSE]
    named = [s for s in (delay_symbol(m, options) for m in synapses) if s is not None]
    if not named:
        message = f"no synapse has a parameter `{options.delay}` that could be its delay"
        help = "name a parameter: a delay does not change while spikes are on their way"
        yield codes.BAD_OPTION.at(program.models[0].span, message, help=help)
    for symbol in named:
        if symbol.type != TIME.type:
            message = f"`{symbol.name}` is no time, and cannot be a delay"
            yield codes.BAD_OPTION.at(symbol.span, message, help="declare it in ms")


def _naming(model: SolvedModel, title: str, others: list[str]) -> Iterator[Diagnostic]:
    if title in MODELS:
        message = f"`{title}` is a model that NEST has already"
        help = "rename the model, or choose an ending for its name, such as `--ending _nestml`"
        yield codes.NAME_TAKEN.at(model.span, message, help=help)
    elif title in others:
        help = "rename one of the models"
        yield codes.NAME_TAKEN.at(model.span, f"two models are called `{title}` in NEST", help=help)
    elif title != model.name:
        message = f"NEST has a `{model.name}` already; this one is called `{title}` in NEST"
        help = "rename the model to choose another name"
        yield codes.RENAMED.at(model.span, message, help=help)


def _remarks(model: SolvedModel) -> Iterator[Diagnostic]:
    if model.output is Output.CONTINUOUS:
        message = f"`{model.name}` has a continuous output, which neurons in NEST send nowhere"
        help = "record it with a multimeter, and feed it to others as a current of a generator"
        yield codes.OUTPUT.at(model.span, message, help=help)
    yield from calls.misplaced(model, calls.function_needs(model.functions))
    for symbol, key in status_keys(model).items():
        if symbol.vector is None and key != symbol.identifier:
            message = f"every neuron of NEST has a status entry `{symbol.name}` of its own"
            help = f"this one is called `{key}` in NEST"
            yield codes.ENTRY_RENAMED.at(symbol.span, message, help=help)
    for body in bodies_of(model):
        for stmt in walk_statements(body):
            if isinstance(stmt, Emit) and stmt.weight is not None:
                message = "spikes of a NEST neuron have no weight: this one is not sent"
                help = "write `emit_spike()`; the weight belongs to the connection"
                yield codes.SPIKE_WEIGHT.at(stmt.span, message, help=help)
