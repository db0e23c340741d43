"""Units that stand by themselves, as in NESTML 8, become quantities, as in 9.0.

A unit alone becomes one of it: ``V_m / mV`` is ``V_m / 1 mV``, ``3 * mV`` is ``3 mV``. Where the
number of 9.0 would take in more than that of 8 did, what follows gets a number of its own:
``x / 3 mV * ms`` is ``x / 3 mV * 1 ms``, and ``3 mV**2`` is ``(3 mV)**2``.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from nestml_core import units
from nestml_core.source import Source
from nestml_core.syntax import tree
from nestml_core.syntax.formatting import declared_names, nodes
from nestml_core.syntax.parse import parse
from nestml_core.syntax.upgrade.draft import Draft, Edit
from nestml_core.syntax.upgrade.notes import Step, step

RESISTING = ("/", "//", "%", "**")
"""Operators behind which a product is not the same as its factors one by one."""


def quantities(draft: Draft, is_old: bool | None) -> Step:
    """Return the draft with a number before every unit.

    ``is_old`` says whether ``3 mV**2`` is meant as in version 8; None: as the file looks.
    """
    file = parse(Source(draft.source.name, draft.text)).file
    found = [
        (e, names)
        for model in file.models
        for element, names in _scopes(model, frozenset(file.lost))
        for e in nodes(element)
        if isinstance(e, tree.Expression)
    ]
    if is_old is None and any(_is_new(draft.text, n) for n in nodes(file.models)):
        is_old = False
    if is_old is None:
        is_old = bool(_edits(draft.text, found, is_old=False))
    return step(draft, _edits(draft.text, found, is_old=is_old))


Found = tuple[tree.Expression, frozenset[str]]


def _edits(text: str, found: list[Found], *, is_old: bool) -> list[Edit]:
    within: set[int] = set()  # expressions in parentheses that are part of a unit
    edits: list[Edit] = []
    for e, names in found:
        if id(e) not in within:
            flat = _Flat(text, e, names, is_old)
            flat.run()
            within.update(map(id, flat.within))
            edits += flat.edits
    return edits


def _is_new(text: str, node: object) -> bool:
    """Return whether only 9.0 has such a thing: ``3 1/ms``, ``3 (mV*ms)``, ``//``."""
    match node:
        case tree.Quantity(number_span=number, span=span) if number.end < span.end:
            return text[number.end : span.end].lstrip()[0] in "(0123456789"
        case tree.Operator(text="//") | tree.Assignment(op="//="):
            return True
    return False


def _scopes(
    model: tree.Model, lost: frozenset[str]
) -> Iterator[tuple[tree.Element, frozenset[str]]]:
    """Return the elements of a model, each with the names that are no units there."""
    shared = (tree.VariableBlock, tree.Equations, tree.Input)
    everywhere = lost
    for element in model.elements:
        if isinstance(element, shared):
            everywhere |= declared_names(element)
    for element in model.elements:
        own = frozenset() if isinstance(element, shared) else declared_names(element)
        yield element, everywhere | own


class _Flat:
    """One flat expression: which of its operands are units, and what to do about them."""

    def __init__(self, text: str, e: tree.Expression, names: frozenset[str], is_old: bool) -> None:
        self.text = text
        self.operands = e.operands
        self.operators = tuple(o.text for o in e.operators)
        self.names = names
        self.is_old = is_old
        self.edits: list[Edit] = []
        self.within: list[tree.Expression] = []

    def run(self) -> None:
        """Go through the operands from left to right.

        ``reach`` is whether the number before takes in this operand in 9.0: not at all (None),
        with the same value (True), or with another (False).
        """
        i = 0
        reach: bool | None = None
        while i < len(self.operands):
            operand = self.operands[i]
            if isinstance(operand.atom, tree.Quantity) and operand.atom.unit is not None:
                reach = self.quantity(i, operand.atom)
            elif self.is_unit(i):
                i, reach = self.unit(i, reach)
            else:
                reach = self.group(i, operand, reach)
            i += 1

    def before(self, i: int) -> str:
        return self.operators[i - 1] if i > 0 else ""

    def behind(self, i: int) -> str:
        return self.operators[i] if i < len(self.operators) else ""

    def is_unit(self, i: int) -> bool:
        match self.operands[i].atom:
            case tree.Variable(name, None, 0):
                return name.text not in self.names and units.unit(name.text) is not None
        return False

    def quantity(self, i: int, q: tree.Quantity) -> bool | None:
        """Look at a number with a unit; return how far it reaches."""
        if self.is_old and isinstance(q.unit, tree.UnitPower) and q.unit.exponent != 1:
            if Fraction(q.text) == 1:
                return self.before(i) not in RESISTING
            start, end = q.span.start, q.unit.base.span.end
            self.edits += [Edit(start, start, "("), Edit(end, end, ")")]
            return None
        if self.behind(i) == "**":
            return None
        return not self.is_old or self.before(i) not in RESISTING

    def group(self, i: int, operand: tree.Operand, reach: bool | None) -> bool | None:
        """Look at an operand that is no unit by itself: one in parentheses may be."""
        inner = operand.atom.value if isinstance(operand.atom, tree.Group) else None
        if self.is_old or inner is None or reach is None or self.before(i) not in ("*", "/"):
            return None
        part = _Flat(self.text, inner, self.names, False)
        if not all(
            part.is_unit(k) or part.before(k) == "**" for k in range(len(inner.operands))
        ) or not set(part.operators) <= {"*", "/", "**"}:
            return None
        self.within.append(inner)
        return reach

    def unit(self, i: int, reach: bool | None) -> tuple[int, bool | None]:
        """Give the unit at operand ``i`` a number if it has none.

        Returns the last operand that belongs to it, and how far the number reaches behind it.
        """
        plain = self.behind(i) != "**" or self.is_exponent(i + 1)
        last = i + 1 if self.behind(i) == "**" and plain else i
        taken = reach is not None and self.before(i) in ("*", "/") and not self.operands[i].prefixes
        if taken and reach and plain:
            self.tighten(i)
            return last, True
        joint = self.joint(i) if plain and not taken else None
        if joint is not None:
            self.edits.append(joint)
            return last, True
        start = self.operands[i].atom.span.start
        self.edits.append(Edit(start, start, "1 "))
        return last, self.before(i) not in RESISTING if plain else None

    def tighten(self, i: int) -> None:
        """Remove the blanks around the operator before operand ``i``: it is part of a unit now."""
        start, end = self.operands[i - 1].span.end, self.operands[i].span.start
        between = self.text[start:end]
        if self.is_old and between != between.strip() == self.before(i) and "\n" not in between:
            self.edits.append(Edit(start, end, self.before(i)))

    def is_exponent(self, i: int) -> bool:
        match self.operands[i]:
            case tree.Operand(prefixes, tree.Quantity(text, None)):
                return (
                    "e" not in text.lower()
                    and all(p.text in "+-" for p in prefixes[:1])
                    and (len(prefixes) < 2)
                )
        return False

    def joint(self, i: int) -> Edit | None:
        """Return the edit that joins a unit to the number it is multiplied with, if that is so."""
        if self.before(i) != "*" or self.before(i - 1) in RESISTING or self.operands[i].prefixes:
            return None
        number = self.operands[i - 1].atom
        if not isinstance(number, tree.Quantity) or number.unit is not None:
            return None
        start, end = number.span.end, self.operands[i].span.start
        if self.text[start:end].strip() != "*" or "\n" in self.text[start:end]:
            return None
        return Edit(start, end, " ")
