"""Compiling what a network is made of: the runtime, and the libraries of all its models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nestml_core.api import (
    Artifact,
    NetworkExperiment,
    Population,
    Result,
    SolvedModel,
    SolvedProgram,
    Written,
)
from nestml_cpp import synapses
from nestml_cpp.compiled_functions import Functions
from nestml_cpp.network_library import runtime
from nestml_cpp.options import Options
from nestml_cpp.toolchain import Variant, compile_program, library_of


@dataclass(frozen=True, slots=True)
class Compiled:
    """The runtime, and the libraries of all models, by node and by projection."""

    functions: Functions
    populations: Mapping[int, Artifact]
    synapses: Mapping[int, Artifact]

    def names(self, network: NetworkExperiment) -> Mapping[tuple[str, int], str]:
        """Return the names of all libraries, which tell their content."""
        found = {("runtime", 0): self.functions.path.name}
        for k, node in enumerate(network.nodes):
            if isinstance(node, Population):
                folder = self.populations[k].directory
                found["node", k] = library_of(folder, node.model, Variant.POPULATION).name
        for k, p in enumerate(network.projections):
            if p.plasticity is not None:
                folder, model = self.synapses[k].directory, p.plasticity.model
                found["projection", k] = library_of(folder, model, Variant.CONNECTIONS).name
        return found


def compiled(
    network: NetworkExperiment, options: Options, written: Written[Options]
) -> Result[Compiled]:
    """Compile what the network is made of, unless that has been done before.

    Errors
    ------
    CPP101 to CPP104 : there is no compiler, it does not work, or there is no room for its files.

    Raises
    ------
    OSError : something cannot be written, or loaded.
    """
    known: dict[tuple[int, Options], Result[Artifact]] = {}

    def artifact(model: SolvedModel, options: Options, variant: Variant) -> Result[Artifact]:
        key = (id(model), options)
        if key not in known:
            known[key] = written(SolvedProgram((model,)), options).then(
                lambda a: compile_program(a.program, a.directory, options, variant)
            )
        return known[key]

    populations, plastic = {}, {}
    for k, node in enumerate(network.nodes):
        if isinstance(node, Population):
            populations[k] = artifact(node.model, options, Variant.POPULATION)
    for k, p in enumerate(network.projections):
        if p.plasticity is not None:
            own = synapses.options_for(p.plasticity, options)
            plastic[k] = artifact(p.plasticity.model, own, Variant.CONNECTIONS)
    said = tuple(d for r in known.values() for d in r.diagnostics)
    if any(r.value is None for r in known.values()):
        return Result(None, said)
    functions = runtime(options)
    if functions.value is None:
        return Result(None, (*said, *functions.diagnostics))
    return Result(Compiled(functions.value, _values(populations), _values(plastic)), said)


def _values(results: Mapping[int, Result[Artifact]]) -> Mapping[int, Artifact]:
    return {k: r.value for k, r in results.items() if r.value is not None}
