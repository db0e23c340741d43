"""Putting synapses together, alone or with the neuron they end at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nestml_core.api import Diagnostic, Result, SolvedModel, checked
from nestml_nest import ir, pairs
from nestml_nest import synapse_ir as sir
from nestml_nest.neuron import Lowering
from nestml_nest.options import Options
from nestml_nest.synapse import KeptLowering, Names, SynapseLowering


@dataclass(frozen=True, slots=True)
class PairedNames:
    """What a neuron and its synapses are called in NEST."""

    neuron: str
    synapses: tuple[str, ...]


def paired_names(joined: pairs.Joined) -> PairedNames:
    """Return ``N__with_S1_and_S2`` and, for each synapse, ``S__with_N``."""
    neuron = joined.neuron.name
    synapses = [s.name for s in joined.synapses]
    return PairedNames(
        f"{neuron}__with_{'_and_'.join(synapses)}",
        tuple(f"{s}__with_{neuron}" for s in synapses),
    )


def static_title(neuron: str) -> str:
    """Return what the static synapse that is generated with a neuron is called in NEST."""
    return f"static_synapse__with_{neuron}"


def class_titles(
    alone: Sequence[str], pairs: Sequence[PairedNames], are_synapses: Sequence[bool]
) -> tuple[str, ...]:
    """Return what C++ names are needed for: models, and parts of synapses."""
    neurons = [t for t, is_synapse in zip(alone, are_synapses, strict=True) if not is_synapse]
    synapses = [t for t, is_synapse in zip(alone, are_synapses, strict=True) if is_synapse]
    paired = [s for p in pairs for s in p.synapses]
    return (
        *alone,
        *(p.neuron for p in pairs),
        *paired,
        *(f"{s}_events" for s in (*synapses, *paired)),
        *(f"{s}_kept" for s in paired),
        *(static_title(t) for t in (*neurons, *(p.neuron for p in pairs))),
    )


def alone(
    model: SolvedModel, title: str, classes: Mapping[str, str], options: Options
) -> Result[sir.Synapse]:
    """Return a synapse that ends at any neuron; one that has postsynaptic spikes keeps all state.

    Errors
    ------
    NEST101 and others that ``lower`` names.
    """
    from nestml_core.api import roles

    found = roles(model)
    if found.value is None:
        return Result(None, found.diagnostics)
    said = tuple(pairs.problems(model, found.value, options, is_paired=False))
    if any(d.is_error for d in said):
        return Result(None, said)
    lowering = SynapseLowering(model, called(title, classes), options, found.value, is_paired=False)
    return Result(lowering.synapse(None), said)


def called(title: str, classes: Mapping[str, str]) -> Names:
    return Names(classes[title], classes[f"{title}_events"], title)


def together(
    joined: pairs.Joined, named: PairedNames, classes: Mapping[str, str], options: Options
) -> Result[tuple[ir.Neuron, tuple[sir.Synapse, ...]]]:
    """Return a neuron and the synapses that end at it, which leave to it what they share.

    Errors
    ------
    NEST101, NEST112 and others that ``lower`` names.
    """
    from nestml_core.api import roles

    said: list[Diagnostic] = []
    synapses: list[sir.Synapse] = []
    kept: list[sir.Kept] = []
    neuron_name = classes[named.neuron]
    if any(s.continuous_ports for s in joined.synapses):
        options = replace(options, lanes=False)  # they look at one neuron after each step
    lowered = Lowering(joined.neuron, neuron_name, named.neuron, options)
    parts = zip(joined.synapses, joined.pairs, named.synapses, strict=True)
    for model, pair, title in parts:
        found = roles(model)
        if found.value is None:
            said += found.diagnostics
            continue
        said += pairs.problems(model, found.value, options, is_paired=True)
        seen = pairs.third_factors(pair, model, joined.neuron)
        said += seen.diagnostics
        if seen.value is None or any(d.is_error for d in said):
            continue
        read = {port: lowered.expr(r.value) for port, r in seen.value.items()}
        own = called(title, classes)
        keeping = KeptLowering(
            model, replace(own, title=named.neuron), options, found.value, is_paired=True
        ).kept(classes[f"{title}_kept"], f"for_{model.name}", model.name, read)
        kept.append(keeping)
        lowering = SynapseLowering(model, own, options, found.value, is_paired=True)
        partner = sir.Partner(
            name=neuron_name,
            title=named.neuron,
            kept=keeping,
            elsewhere=tuple(lowering.elsewhere(named.neuron, model.name)),
        )
        synapses.append(lowering.synapse(partner))
    if any(d.is_error for d in said):
        return Result(None, tuple(said))
    watched = tuple(k for k in kept if k.seen)
    neuron = replace(lowered.neuron(), kept=tuple(kept), watched=watched)
    return checked((neuron, tuple(synapses)), said)
