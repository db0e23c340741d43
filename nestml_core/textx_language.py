"""NESTML as a language of textX, for `textx check` and other tools built on textX.

textX imports this module in each of its commands, so nothing but textX is imported here until
NESTML itself is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textx import language

if TYPE_CHECKING:
    from nestml_core.diagnostics import Diagnostic
    from nestml_core.source import Source
    from nestml_core.syntax.layout import Laid


@language("nestml", "*.nestml")  # type: ignore[untyped-decorator]
def nestml_language() -> Any:
    """models of spiking neurons and synapses (NESTML 9.0)"""
    from textx import metamodel_from_file

    grammar = Path(__file__).parent / "syntax" / "nestml.tx"
    metamodel = metamodel_from_file(str(grammar), ws=" \t\r", autokwd=True)
    blueprint = metamodel._parser_blueprint
    blueprint.__class__ = _laying_out(type(blueprint))  # clones, which do the work, are of it too
    return metamodel


def _laying_out(parser: Any) -> Any:
    """Return a kind of ``parser`` that lays texts out first, and gives positions in the source.

    What is wrong with a text, be it syntax, names, types or units, is what `nestml check` finds.
    """

    class LayoutParser(parser):  # type: ignore[misc]
        def parse(self, text: str, file_name: str | None = None) -> Any:
            from nestml_core.pipeline import check_sources
            from nestml_core.source import Source
            from nestml_core.syntax.layout import lay_out

            source = Source(file_name or "<text>", text.removeprefix("\ufeff"))
            errors = check_sources([source]).errors
            if errors:
                raise _failure(source, errors)
            laid = lay_out(source)[0]
            tree = super().parse(laid.text, file_name)
            for node in _nodes(tree):
                _relocate(node, laid)
            self.input = source.text
            self.line_ends: list[int] = []  # found anew when they are asked for
            return tree

    return LayoutParser


def _failure(source: Source, errors: tuple[Diagnostic, ...]) -> Exception:
    """Return what textX raises: it has the place of the first error, and tells of all."""
    from textx.exceptions import TextXSemanticError, TextXSyntaxError

    from nestml_core.diagnostics import render

    first, *others = errors
    kind = TextXSyntaxError if first.code.id.startswith("NML0") else TextXSemanticError
    message = render(first).partition(": ")[2]
    failure: Exception = kind(
        "\n".join((message, *map(render, others))),
        line=first.span.line,
        col=first.span.column,
        filename=source.name,
    )
    return failure


def _nodes(tree: Any) -> Iterator[Any]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, list):
            waiting += node


def _relocate(node: Any, laid: Laid) -> None:
    """Move a node of a parse tree to where it stands in the source; line ends become empty."""
    from nestml_core.syntax.layout import MARKERS

    span = laid.span(node.position, node.position)
    node.position = span.start
    if not isinstance(node, list) and node.value and node.value in MARKERS:
        node.value = ""
