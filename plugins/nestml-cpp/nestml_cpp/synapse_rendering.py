"""The files of a synapse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nestml_core.api import cpp_runtime, environment
from nestml_cpp.layout import broken
from nestml_cpp.synapse_ir import CppSynapse
from nestml_cpp.synapse_printer import SYNAPSES, SynapsePrinter

if TYPE_CHECKING:
    import jinja2

FILES = (
    ("_synapse.hpp", "synapse.hpp.jinja"),
    ("_synapse_library.cpp", "synapse_library.cpp.jinja"),
)


def synapse_templates(printer: SynapsePrinter) -> jinja2.Environment:
    """Return the templates, into which ``printer`` prints."""
    return environment(
        "nestml_cpp",
        body=printer.body,
        comment=printer.comment,
        constants=printer.constants,
        deeper=printer.deeper,
        derivation=printer.derivation,
        equations=printer.equations,
        guards=printer.guards,
        interval_derivation=printer.interval_derivation,
        jumps=printer.jumps,
        length=len,
        lent=printer.lent,
        loads=printer.loads,
        members=printer.members,
        name=printer.name,
        recorded=printer.recorded,
        results=printer.results,
        set_own=printer.set_own,
        set_shared=printer.set_shared,
        stores=printer.stores,
        strange=printer.strange,
        tests=printer.tests,
        truth=printer.truth,
    )


TEMPLATES = synapse_templates(SYNAPSES)


def synapse_files(synapse: CppSynapse) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each file."""
    for path, text in synapse_texts(synapse, TEMPLATES):
        yield path, broken(text)


def synapse_texts(synapse: CppSynapse, templates: jinja2.Environment) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each file, with lines as long as they come."""
    numerics = tuple(cpp_runtime(synapse.numerics).values())
    for ending, template in FILES:
        text = templates.get_template(template).render(synapse=synapse, numerics=numerics)
        yield f"{synapse.file}{ending}", text
