"""The backend: what it can do, and how its parts fit together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nestml_core.api import (
    Artifact,
    Backend,
    Feature,
    Result,
    SolvedModel,
    SolvedProgram,
    Supports,
    environment,
)
from nestml_truenorth import __version__, files, iomap
from nestml_truenorth.affine import decimal
from nestml_truenorth.approximate import lower_program
from nestml_truenorth.chip import cpe
from nestml_truenorth.ir import ChipProgram
from nestml_truenorth.options import Options, choices

if TYPE_CHECKING:
    from nestml_core.api import Schedule, Trace


def figure(value: float) -> str:
    """Return a measured number for people."""
    return f"{value:.3g}"


class TrueNorthBackend(Backend[ChipProgram, Options]):
    """Programs for the TrueNorth chip: without any error, or with one that was measured."""

    name = "truenorth"
    version = __version__
    summary = (
        "TrueNorth: integrate-and-fire neurons, without any error or with one that was measured"
    )
    options = Options
    supports = Supports(
        features=frozenset(
            {
                Feature.LINEAR,
                Feature.SPIKE_INPUT,
                Feature.RECORDABLE_INLINE,
                Feature.COMPILE,
                Feature.SIMULATE,
            }
        ),
        selective=True,
        tolerance=1e-12,
    )
    templates = environment("nestml_truenorth", decimal=decimal, figure=figure)

    def lower(self, program: SolvedProgram, options: Options) -> Result[ChipProgram]:
        return choices(options).then(lambda chosen: lower_program(program, chosen))

    def render(self, ir: ChipProgram) -> Mapping[str, str | bytes]:
        report = self.templates.get_template("report.md.jinja")
        rendered: dict[str, str | bytes] = {}
        for neuron in ir.neurons:
            rendered[neuron.name + files.PROGRAM] = cpe.write(neuron.network)
            rendered[neuron.name + files.CONFIGURATION] = files.configuration(neuron)
            rendered[neuron.name + files.IO_MAP] = iomap.write(neuron.io)
            rendered[neuron.name + files.REPORT] = report.render(neuron=neuron)
            rendered.update({neuron.name + end: content for end, content in neuron.forms})
        return rendered

    def compile(
        self, program: SolvedProgram, directory: Path, options: Options
    ) -> Result[Artifact]:
        """Read the files back from disk and check them; there is nothing to translate.

        The product is the program of the one model, or the folder if there are several.
        """
        found = [files.load(directory, model.name) for model in program.models]
        broken = tuple(d for result in found for d in result.diagnostics)
        if broken:
            return Result(None, broken)
        product = directory
        if len(program.models) == 1:
            product = directory / f"{files.stem(program.models[0].name)}{files.PROGRAM}"
        return Result(Artifact(program, options, directory, product))

    def simulate(self, artifact: Artifact, model: SolvedModel, schedule: Schedule) -> Result[Trace]:
        from nestml_truenorth.simulation import simulate

        return simulate(artifact, model, schedule, self.render)
