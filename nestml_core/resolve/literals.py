"""Numbers and the units behind them: where a unit ends, and units that stand without a number.

In the 9.0 dialect a number takes in the whole unit behind it, ``3 mV/ms*pA``, and ``3 mV**2`` is
three square millivolt. In the 8.x dialect it takes one unit name, ``3 mV**2`` is nine square
millivolt, and compound units are made of units that stand without a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from nestml_core import units
from nestml_core.resolve import codes
from nestml_core.resolve.scope import Scope
from nestml_core.resolve.units import raised
from nestml_core.resolve.units import unit_of as written_unit
from nestml_core.source import Span
from nestml_core.syntax import tree
from nestml_core.types import ONE, Unit

OLD_DIALECT = "8"
"""The dialect of NESTML 8: units stand by themselves."""
NEW_DIALECT = "9.0"
DIALECTS = (NEW_DIALECT, OLD_DIALECT)


@dataclass(frozen=True, slots=True)
class Literal:
    """A number with its unit, as far as it reaches.

    Attributes
    ----------
    unit : None if it is none (which is reported)
    power : what number and unit together are raised to, in the 8.x dialect
    span : of the number and all of its unit
    end : the index of the operand behind it
    """

    unit: Unit | None
    power: Fraction | None
    span: Span
    end: int


def literal(e: tree.Expression, i: int, q: tree.Quantity, scope: Scope) -> Literal:
    """Return the quantity that begins at operand ``i``.

    It takes in the factors that follow as long as these are units: a name that is declared in
    the model, a prefixed operand or a sum ends it.
    """
    assert q.unit is not None
    old = scope.dialect == OLD_DIALECT
    match q.unit:
        case tree.UnitPower(tree.UnitName() as name, exponent) if not _in_parentheses(q):
            if exponent != 1 and Fraction(q.text) not in (0, 1):
                scope.powers.append(q)
            if old:
                return Literal(written_unit(name, scope, literal=True), exponent, q.span, i + 1)
    unit = written_unit(q.unit, scope, literal=True)
    if old:
        return Literal(unit, None, q.span, i + 1)
    # in `3 1/ms*mV` all of it is below the 1, in `3 (1/ms)*mV` it is not
    below = isinstance(q.unit, tree.UnitReciprocal) and not _in_parentheses(q)
    span, i = q.span, i + 1
    while i < len(e.operands) and e.operators[i - 1].text in ("*", "/"):
        factor = unit_operand(e.operands[i], scope)
        if factor is None:
            break
        op, last, i = e.operators[i - 1].text, e.operands[i].span, i + 1
        exponent_ = unit_exponent(e, i)
        if exponent_ is not None:
            last, i = e.operands[i].span, i + 1
            power = raised(factor, exponent_, last, scope)
            factor = factor if power is None else power
        span = span.to(last)
        if unit is not None:
            unit = unit / factor if (op == "/") != below else unit * factor
    return Literal(unit, None, span, i)


def _in_parentheses(q: tree.Quantity) -> bool:
    assert q.unit is not None
    return q.span.source.text[q.number_span.end : q.unit.span.start].strip() != ""


def unit_operand(operand: tree.Operand, scope: Scope) -> Unit | None:
    """Return the unit an operand denotes, or None if it is not simply a unit."""
    if operand.prefixes:
        return None
    match operand.atom:
        case tree.Variable():
            return free_unit(operand.atom, scope)
        case tree.Group(inner) if inner.then is None:
            return _unit_group(inner, scope)
        case _:
            return None


def free_unit(atom: tree.Atom, scope: Scope) -> Unit | None:
    """Return the unit that a bare name denotes; a variable of that name takes precedence."""
    match atom:
        case tree.Variable(name, None, 0) if not scope.is_variable(name.text):
            return units.unit(name.text)
        case _:
            return None


def _unit_group(e: tree.Expression, scope: Scope) -> Unit | None:
    """Return the unit that an expression in parentheses denotes: names, ``*`` and ``/``.

    As in types, a 1 may stand at its beginning, and all behind it is below it: ``(1/ms*mV)`` is
    ``1/(ms*mV)``.
    """
    match e.operands[0], e.operators[:1]:
        case tree.Operand((), tree.Quantity("1", None)), (tree.Operator("/"),):
            below = _unit_product(e, 1, scope)
            return None if below is None else ONE / below
    return _unit_product(e, 0, scope)


def _unit_product(e: tree.Expression, first: int, scope: Scope) -> Unit | None:
    result = ONE
    i = first
    while i < len(e.operands):
        factor = unit_operand(e.operands[i], scope)
        op = e.operators[i - 1].text if i > first else "*"
        if factor is None or op not in ("*", "/"):
            return None
        exponent = unit_exponent(e, i + 1)
        if exponent is not None:
            power = units.power(factor, exponent)
            if power is None:
                return None
            factor, i = power, i + 1
        result = result * factor if op == "*" else result / factor
        i += 1
    return result


def unit_exponent(e: tree.Expression, i: int) -> Fraction | None:
    """Return the exponent of a unit at operand ``i``, if ``**`` stands before it.

    It is a number, or a fraction of two whole numbers in parentheses. Any other exponent is one
    of the whole quantity: ``2 ms**x`` is ``(2 ms)**x``.
    """
    if i >= len(e.operands) or e.operators[i - 1].text != "**":
        return None
    operand = e.operands[i]
    signs = [p.text for p in operand.prefixes]
    if any(s not in "+-" for s in signs):
        return None
    sign = -1 if signs.count("-") % 2 else 1
    match operand.atom:
        case tree.Quantity(text, None) if "e" not in text.lower():
            return Fraction(text) * sign
        case tree.Group(tree.Expression((over, under), (tree.Operator("/"),), None)):
            match over.prefixes, over.atom, under.prefixes, under.atom:
                case (signs_, tree.Quantity(a, None), (), tree.Quantity(b, None)):
                    inner = -1 if len(signs_) % 2 else 1
                    minus = all(s.text == "-" for s in signs_)
                    if minus and a.isdecimal() and b.isdecimal() and int(b):
                        return Fraction(int(a), int(b)) * sign * inner
    return None


def report_free_units(e: tree.Expression, scope: Scope) -> None:
    """Warn of the units that stand without a number in ``e``: once for each product."""
    last = -1
    for i, operand in enumerate(e.operands):
        if i <= last or free_unit(operand.atom, scope) is None:
            continue
        first, last = _product(e, i)
        product = e.operands[first : last + 1]
        names = dict.fromkeys(o.atom.span.text for o in product if free_unit(o.atom, scope))
        listed = " and ".join(f"`{name}`" for name in names)
        stand = f"the unit {listed} stands" if len(names) == 1 else f"the units {listed} stand"
        new = " ".join(_with_numbers(e, first, last, scope).split())
        help = f"write `{new if len(new) <= 80 else '1 ' + next(iter(names))}`"
        scope.free_units = True
        message = f"{stand} without a number"
        scope.found.append(codes.FREE_UNIT.at(operand.atom.span, message, help=help))


def _product(e: tree.Expression, i: int) -> tuple[int, int]:
    """Return the first and last operand of the product that operand ``i`` is part of."""
    factors = ("*", "/", "//", "%", "**")
    first = last = i
    while first and e.operators[first - 1].text in factors:
        first -= 1
    while last < len(e.operators) and e.operators[last].text in factors:
        last += 1
    return first, last


def _with_numbers(e: tree.Expression, first: int, last: int, scope: Scope) -> str:
    """Return the text of a product with a number before each unit that had none."""
    source = e.span.source.text
    start = e.operands[first].span.start
    text = ""
    for i in range(first, last + 1):
        span = e.operands[i].atom.span
        if free_unit(e.operands[i].atom, scope) is None:
            text += source[start : span.end]
        elif i == first + 1 and e.operators[first].text == "*" and _is_bare(e.operands[first]):
            text += f" {span.text}"  # `10 * mV` is simply `10 mV`
        else:
            text += f"{source[start : span.start]}1 {span.text}"
        start = span.end
    return text


def _is_bare(operand: tree.Operand) -> bool:
    return isinstance(operand.atom, tree.Quantity) and operand.atom.unit is None


def report_powers(scope: Scope) -> None:
    """Say how ``3 mV**2`` was read where the two dialects mean different things by it."""
    old = scope.dialect == OLD_DIALECT
    if not (old or scope.free_units):
        return
    for q in scope.powers:
        assert isinstance(q.unit, tree.UnitPower)
        number, unit, exponent = q.text, q.unit.base.span.text, q.unit.exponent
        shown = str(exponent) if exponent.denominator == 1 else f"({exponent})"
        whole, part = f"({number} {unit})**{shown}", f"{number} * 1 {unit}**{shown}"
        here, other = (whole, part) if old else (part, whole)
        message = (
            f"`{' '.join(q.span.text.split())}` is read as `{here}`; in NESTML "
            f"{'9.0' if old else '8'}, it would be `{other}`"
        )
        help = f"write `{here}`, which means the same in both, or `{other}`"
        scope.found.append(codes.POWER_OF_QUANTITY.at(q.span, message, help=help))
