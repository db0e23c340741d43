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
    ToolchainReport,
    cpp_runtime,
    environment,
)
from nestml_cpp import __version__, toolchain
from nestml_cpp.ir import CppProgram, Settable
from nestml_cpp.lanes import (
    PopulationPrinter,
    finite,
    numbers,
    pack,
    set_initial,
    set_parameter,
    unpack,
)
from nestml_cpp.layout import broken
from nestml_cpp.lower import lower
from nestml_cpp.options import Options
from nestml_cpp.printer import CppPrinter

if TYPE_CHECKING:
    from nestml_core.api import Schedule, Trace

PRINTER = CppPrinter()
LANES = PopulationPrinter()
FILES = (
    (".hpp", "model.hpp.jinja"),
    ("_population.hpp", "population.hpp.jinja"),
    ("_library.cpp", "library.cpp.jinja"),
    ("_main.cpp", "main.cpp.jinja"),
)


def _set_parameter(x: Settable, index: int) -> str:
    default = "" if x.otherwise is None else PRINTER.expr(x.otherwise)
    return set_parameter(x, index, default)


class CppBackend(Backend[CppProgram, Options]):
    """Plain C++20: headers for one neuron and for many, a library for Python, and a program."""

    name = "cpp"
    version = __version__
    summary = (
        "standalone C++20: headers for one neuron and for populations, which run in this process"
    )
    options = Options
    supports = Supports(
        features=frozenset(Feature) - {Feature.SYNAPSE},
        selective=True,  # CPP002 to CPP004: values and effects where C++ has no place for them
        tolerance=1e-9,
    )
    templates = environment(
        "nestml_cpp",
        body=PRINTER.body,
        comment=PRINTER.comment,
        conditions=PRINTER.conditions,
        constants=PRINTER.constants,
        constructor=PRINTER.constructor,
        delayed=PRINTER.delayed,
        derivation=PRINTER.derivation,
        equations=PRINTER.equations,
        expr=PRINTER.expr,
        fields=PRINTER.fields,
        guards=PRINTER.guards,
        jumps=PRINTER.jumps,
        lane_finite=finite,
        lane_members=LANES.members,
        lane_numbers=numbers,
        lane_record=LANES.record,
        lane_step=LANES.step,
        lent=PRINTER.lent,
        lines_of_delays=PRINTER.lines_of_delays,
        length=len,
        name=PRINTER.name,
        pack=pack,
        results=PRINTER.results,
        set_initial=set_initial,
        set_parameter=_set_parameter,
        unpack=unpack,
        watched=PRINTER.watched,
    )

    def lower(self, program: SolvedProgram, options: Options) -> Result[CppProgram]:
        return lower(program, options)

    def render(self, ir: CppProgram) -> Mapping[str, str | bytes]:
        files: dict[str, str | bytes] = {}
        for model in ir.models:
            for ending, template in FILES:
                numerics = tuple(cpp_runtime(model.numerics).values())
                text = self.templates.get_template(template).render(
                    model=model,
                    numerics=numerics,
                    has_runtime=bool(model.runtime or numerics),
                    lane_headers=tuple(cpp_runtime(model.lane_headers).values()),
                )
                files[f"{model.file}{ending}"] = broken(text)
        project = self.templates.get_template("CMakeLists.txt.jinja")
        files["CMakeLists.txt"] = project.render(models=ir.models)
        return files

    def toolchain(self) -> ToolchainReport:
        return toolchain.report()

    def compile(
        self, program: SolvedProgram, directory: Path, options: Options
    ) -> Result[Artifact]:
        return toolchain.compile_program(program, directory, options)

    def simulate(self, artifact: Artifact, model: SolvedModel, schedule: Schedule) -> Result[Trace]:
        from nestml_cpp.simulation import simulate

        return simulate(artifact, model, schedule)
