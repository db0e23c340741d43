"""The backend: what it can do, and how its parts fit together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nestml_core.api import (
    Artifact,
    Backend,
    Feature,
    ModelKind,
    Result,
    SolvedModel,
    SolvedProgram,
    Supports,
    ToolchainReport,
)
from nestml_cpp import __version__, network_rendering, toolchain
from nestml_cpp.files import templates, texts
from nestml_cpp.ir import CppProgram
from nestml_cpp.lanes import PopulationPrinter
from nestml_cpp.layout import broken
from nestml_cpp.lower import lower
from nestml_cpp.options import Options
from nestml_cpp.printer import CppPrinter
from nestml_cpp.synapse_rendering import synapse_files

if TYPE_CHECKING:
    from nestml_core.api import (
        NetworkExperiment,
        NetworkTrace,
        Running,
        Schedule,
        Trace,
        Written,
    )


class CppBackend(Backend[CppProgram, Options]):
    """Plain C++20: headers for one neuron and for many, a library for Python, and a program."""

    name = "cpp"
    version = __version__
    summary = (
        "standalone C++20: headers for neurons, populations and synapses, which run in this process"
    )
    options = Options
    supports = Supports(
        features=frozenset(Feature),
        selective=True,  # CPP001 to CPP004: values and effects where C++ has no place for them
        tolerance=1e-9,
        networks=True,
    )
    templates = templates(CppPrinter(), PopulationPrinter())

    def lower(self, program: SolvedProgram, options: Options) -> Result[CppProgram]:
        return lower(program, options)

    def render(self, ir: CppProgram) -> Mapping[str, str | bytes]:
        files: dict[str, str | bytes] = {
            path: broken(text) for path, text in texts(ir, self.templates)
        }
        for synapse in ir.synapses:
            files |= dict(synapse_files(synapse))
        project = self.templates.get_template("CMakeLists.txt.jinja")
        files[network_rendering.HEADER] = network_rendering.header()
        files["CMakeLists.txt"] = project.render(models=ir.models, synapses=ir.synapses)
        return files

    def toolchain(self) -> ToolchainReport:
        return toolchain.report()

    def compile(
        self, program: SolvedProgram, directory: Path, options: Options
    ) -> Result[Artifact]:
        return toolchain.compile_program(program, directory, options)

    def simulate(self, artifact: Artifact, model: SolvedModel, schedule: Schedule) -> Result[Trace]:
        if model.kind is ModelKind.SYNAPSE:
            from nestml_cpp.synapses import simulate_synapse

            return simulate_synapse(artifact, model, schedule)
        from nestml_cpp.simulation import simulate

        return simulate(artifact, model, schedule)

    def simulate_network(
        self,
        network: NetworkExperiment,
        running: Running,
        options: Options,
        written: Written[Options],
    ) -> Result[NetworkTrace]:
        from nestml_cpp.network import simulate_network

        return simulate_network(network, running, options, written)
