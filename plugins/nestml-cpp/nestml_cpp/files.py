"""The files of a program: the templates, with what prints into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nestml_core.api import cpp_runtime, environment
from nestml_cpp.ir import CppModel, CppProgram, Settable
from nestml_cpp.lanes import PopulationPrinter, set_initial, set_parameter
from nestml_cpp.printer import CppPrinter

if TYPE_CHECKING:
    import jinja2

FILES = (
    (".hpp", "model.hpp.jinja"),
    ("_population.hpp", "population.hpp.jinja"),
    ("_library.h", "library.h.jinja"),
    ("_library.cpp", "library.cpp.jinja"),
    ("_main.cpp", "main.cpp.jinja"),
)


def templates(one: CppPrinter, many: PopulationPrinter) -> jinja2.Environment:
    """Return the templates; ``one`` prints the code of single neurons, ``many`` that of lanes."""

    def set_one(x: Settable, index: int) -> str:
        default = "" if x.otherwise is None else one.expr(x.otherwise)
        return set_parameter(x, index, default)

    return environment(
        "nestml_cpp",
        body=one.body,
        comment=one.comment,
        conditions=one.conditions,
        constants=one.constants,
        constructor=one.constructor,
        delayed=one.delayed,
        derivation=one.derivation,
        equations=one.equations,
        expr=one.expr,
        fields=one.fields,
        guards=one.guards,
        jumps=one.jumps,
        lane_finite=many.finite,
        lane_members=many.members,
        lane_numbers=many.numbers,
        lane_record=many.record,
        lane_step=many.step,
        lane_strange=many.strange,
        lane_type=many.type,
        lent=one.lent,
        lines_of_delays=one.lines_of_delays,
        length=len,
        name=one.name,
        pack=many.pack,
        results=one.results,
        set_initial=set_initial,
        set_parameter=set_one,
        unpack=many.unpack,
        watched=one.watched,
    )


def texts(program: CppProgram, templates: jinja2.Environment) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each file of C++, with lines as long as they come."""
    for model in program.models:
        for ending, template in FILES:
            yield f"{model.file}{ending}", _text(model, templates.get_template(template))


def _text(model: CppModel, template: jinja2.Template) -> str:
    numerics = tuple(cpp_runtime(model.numerics).values())
    return template.render(
        model=model,
        numerics=numerics,
        has_runtime=bool(model.runtime or numerics),
        lane_headers=tuple(cpp_runtime(model.lane_headers).values()),
    )
