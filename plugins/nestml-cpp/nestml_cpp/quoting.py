"""What a model is and its equations as comments, in the words of NESTML."""

from __future__ import annotations

from collections.abc import Iterable

from nestml_core.api import Flow, NestmlPrinter, SolvedModel, derivatives
from nestml_cpp.comments import commented

PRINTER = NestmlPrinter()


def equations(flows: Iterable[Flow]) -> tuple[str, ...]:
    """Return what flows integrate, each equation once: ``V_m' = ...``, in coherent units."""
    found = {
        commented(f"{symbol.name}' = {PRINTER.expr(value)}"): None
        for flow in flows
        for symbol, value in derivatives(flow)
    }
    return tuple(found)


def brief(model: SolvedModel) -> str:
    """Return the first line of the documentation, or what else there is to say."""
    first = commented(model.documentation.strip().partition("\n")[0])
    return first or commented(f"The NESTML model {model.name}.")
