"""Rules about expressions that one reader understands so and another otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from nestml_core.diagnostics import Diagnostic
from nestml_core.resolve import codes
from nestml_core.resolve.rules.survey import Survey
from nestml_core.resolve.typing import BITWISE, COMPARISONS
from nestml_core.source import Span
from nestml_core.syntax import tree


def read_in_one_way_only(survey: Survey) -> Iterator[Diagnostic]:
    """Parentheses stand where programs that read NESTML differ.

    ``a or b and c`` is ``a or (b and c)`` here, as in most languages, and ``(a or b) and c`` for
    the reference toolchain's parser; ``a ? b : c ? d : e`` is ``a ? b : (c ? d : e)`` here and
    ``(a ? b : c) ? d : e`` there; its bit operators have one level, its C++ has several.
    """
    for e in survey.written.expressions:
        if e.otherwise is not None and e.otherwise.then is not None:
            message = "this choice belongs to the part behind `:`; other programs read it otherwise"
            help = "put parentheses around it"
            yield codes.TWO_WAYS.at(e.otherwise.span, message, help=help)
        if len(e.operators) > 1:
            yield from _mixed_logic(e)
            yield from _mixed_bits(e)


def powers_have_their_operator(survey: Survey) -> Iterator[Diagnostic]:
    """``x^2`` is the exclusive or of the bits of x and 2: 10^3 is 9."""
    for e in survey.written.expressions:
        for op, right in zip(e.operators, e.operands[1:], strict=True):
            if op.text == "^" and isinstance(right.atom, tree.Quantity):
                message = "`^` is the exclusive or of bits, not a power"
                yield codes.NO_POWER.at(op.span, message, help="write `**` for a power")


def _mixed_logic(e: tree.Expression) -> Iterator[Diagnostic]:
    ors = [i for i, op in enumerate(e.operators) if op.text == "or"]
    if not ors:
        return
    after = next((i for i, op in enumerate(e.operators) if op.text == "and" and i > ors[0]), None)
    if after is None:
        return
    first = max(i for i in ors if i < after) + 1
    last = next((i for i in ors if i > after), len(e.operators))
    message = "`and` binds tighter than `or`; other programs read this from left to right"
    help = "put parentheses around it, or around what stands before it"
    yield codes.TWO_WAYS.at(_from_to(e, first, last), message, help=help)


def _mixed_bits(e: tree.Expression) -> Iterator[Diagnostic]:
    for one, other in pairwise(e.operators):
        bits = [op.text for op in (one, other) if op.text in BITWISE]
        beside = any(op.text in COMPARISONS or op.text == "<>" for op in (one, other))
        if len(set(bits)) == 2 or (bits and beside):
            what = f"`{one.text}` and `{other.text}` beside each other"
            message = f"{what}: programs differ in which of the two comes first"
            yield codes.TWO_WAYS.at(one.span.to(other.span), message, help="use parentheses")
            return


def _from_to(e: tree.Expression, first: int, last: int) -> Span:
    start = e.operands[first]
    begin = start.prefixes[0].span if start.prefixes else start.span
    return begin.to(e.operands[last].span)
