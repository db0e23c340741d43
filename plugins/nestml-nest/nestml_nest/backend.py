"""The backend: neurons and synapses for NEST 3.10."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import jinja2

from nestml_core.api import (
    Artifact,
    Backend,
    Feature,
    LanePrinter,
    Result,
    SolvedModel,
    SolvedProgram,
    Supports,
    ToolchainReport,
    c_string,
    cpp_runtime,
    environment,
)
from nestml_nest import __version__, ir
from nestml_nest.cpp import NestPrinter
from nestml_nest.lower import lower
from nestml_nest.options import Options
from nestml_nest.synapse_cpp import SynapsePrinter, inward

if TYPE_CHECKING:
    from nestml_core.api import Schedule, Trace


class NestBackend(Backend[ir.Module, Options]):
    """Generates one extension module: a C++ source and a header for each model."""

    name: ClassVar[str] = "nest"
    version: ClassVar[str] = __version__
    summary: ClassVar[str] = "neurons and synapses for the NEST simulator 3.10, in C++"
    options: ClassVar[type[Options]] = Options
    supports: ClassVar[Supports] = Supports(
        frozenset(Feature),
        tolerance=1e-9,
    )

    @property
    def templates(self) -> jinja2.Environment:
        printer, lane_printer = NestPrinter(), LanePrinter()
        return environment(
            __package__,
            expr=printer.expr,
            operand=printer.operand,
            declaration=printer.declaration,
            signature=printer.signature,
            code=printer.code,
            update=printer.update,
            unset=printer.unset,
            length=len,
            lane_members=lane_printer.members,
            lane_numbers=lane_printer.numbers,
            lane_step=lane_printer.step,
            pack=lane_printer.pack,
            unpack=lane_printer.unpack,
            literal=c_string,
            synapse_code=SynapsePrinter().code,
            synapse_expr=SynapsePrinter().expr,
            inward=inward,
        )

    def lower(self, program: SolvedProgram, options: Options) -> Result[ir.Module]:
        return lower(program, options)

    def render(self, ir: ir.Module) -> Mapping[str, str | bytes]:
        env = self.templates
        assert env.loader is not None
        files: dict[str, str | bytes] = {
            f"{ir.name}.cpp": env.get_template("module.cpp.jinja").render(module=ir)
        }
        neuron = env.get_template("neuron.h.jinja")
        for n in ir.neurons:
            files[f"{n.name}.h"] = neuron.render(module=ir, neuron=n)
            if n.static is not None:
                text = env.get_template("static.h.jinja").render(module=ir, neuron=n)
                files[f"{n.static.name}.h"] = text
            for kept in n.kept:
                text = env.get_template("kept.h.jinja").render(module=ir, kept=kept)
                files[f"{kept.name}.h"] = text
        for synapse in ir.synapses:
            text = env.get_template("synapse.h.jinja").render(module=ir, synapse=synapse)
            files[f"{synapse.name}.h"] = text
        for header in ir.support:
            files[f"nestml/{header}"] = env.loader.get_source(env, f"nestml/{header}")[0]
        for header, text in cpp_runtime(ir.runtime).items():
            files[f"nestml/{header}"] = text
        return files

    def toolchain(self) -> ToolchainReport:
        from nestml_nest.toolchain import report

        return report()

    def compile(
        self, program: SolvedProgram, directory: Path, options: Options
    ) -> Result[Artifact]:
        from nestml_nest.compilation import compiled

        module = lower(program, options).value
        sparing = module is not None and module.is_sparing
        product = compiled(directory, options, sparing=sparing)
        if product.value is None:
            return Result(None, product.diagnostics)
        artifact = Artifact(program, options, directory, product.value)
        return Result(artifact, product.diagnostics)

    def usage(self, artifact: Artifact) -> str:
        return f"nest.Install({str(artifact.product)!r})" if artifact.options.install else ""

    def simulate(self, artifact: Artifact, model: SolvedModel, schedule: Schedule) -> Result[Trace]:
        from nestml_nest.simulation import simulate

        return simulate(artifact, model, schedule)
