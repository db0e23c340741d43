"""Elements of vectors, and vectors as a whole, in expressions."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from nestml_core.diagnostics import Note
from nestml_core.expr import Element, Expr, Kind, Number, Ref, Symbol, ref
from nestml_core.resolve import codes
from nestml_core.resolve.typing import constant
from nestml_core.resolve.vectors import PORTS, described_size, is_known, only_variable, part
from nestml_core.source import Span
from nestml_core.syntax import tree
from nestml_core.types import UNKNOWN, Base

if TYPE_CHECKING:
    from nestml_core.resolve.expressions import Expressions


def element(owner: Expressions, v: tree.Variable) -> Expr:
    """Return ``v``, a name with an index: an element by its symbol, or a computed one."""
    assert v.index is not None
    index = _index(owner, v.index)
    unknown = Number(Fraction(0), UNKNOWN, v.span)
    symbol = owner.scope.look_up(v.text)
    if symbol is None:
        owner.scope.unknown(v.text, v.span)
        return unknown
    if symbol.size is None:
        article = "an" if symbol.kind.value[0] in "ai" else "a"
        what = f"`{v.text}` is {article} {symbol.kind.value}"
        note = (Note(symbol.span, "declared here"),)
        message = f"{what} and no vector: it has no elements"
        owner.report(codes.NO_VECTOR, v.span, message, notes=note)
        return unknown
    if not is_known(symbol):
        return unknown
    place = constant(index)
    if place is None or index.type == UNKNOWN:
        return _computed(owner, v, symbol, index)
    if place < 0 or (symbol.length is not None and place >= symbol.length):
        message = f"`{v.text}` has {described_size(symbol)}, there is no `{v.text}[{place}]`"
        help = "elements are counted from 0"
        if symbol.length is not None:
            help += f"; the last is `{v.text}[{symbol.length - 1}]`"
        owner.report(codes.OUTSIDE, index.span, message, help)
        return unknown
    if symbol.length is not None:
        return ref(part(symbol, int(place)), v.span)
    return Element(symbol, index, symbol.type, v.span)


def _computed(owner: Expressions, v: tree.Variable, symbol: Symbol, index: Expr) -> Expr:
    from nestml_core.resolve.expressions import Place

    if symbol.kind in PORTS:
        message = f"the port of `{v.text}` is chosen while the model runs"
        help = "ports are chosen by numbers: write `if` and `else`, with one port in each branch"
        owner.report(codes.VECTOR_OF_PORTS, index.span, message, help)
        return Number(Fraction(0), UNKNOWN, v.span)
    moves = symbol.kind is Kind.STATE and v.name.text in owner.sizes.integrated
    if moves and owner.place is Place.EQUATION:
        message = f"the equations choose an element of `{v.text}` while they run"
        help = "choose it by a number, or copy the element in `update` to a variable of its own"
        owner.report(codes.MOVING_ELEMENT, v.span, message, help)
        return Number(Fraction(0), UNKNOWN, v.span)
    return Element(symbol, index, symbol.type, v.span)


def _index(owner: Expressions, e: tree.Expression) -> Expr:
    each, owner.each = owner.each, None
    index = owner.value(e)
    owner.each = each
    if index.type.base not in (Base.INTEGER, Base.UNKNOWN):
        from nestml_core.resolve.wording import described

        message = f"an index is a whole number, this is {described(index.type)}"
        help = "store it in an integer variable first" if index.type.is_plain_number else ""
        owner.report(codes.BAD_INDEX, index.span, message, help)
        return Number(Fraction(0), UNKNOWN, index.span)
    return index


def vector(owner: Expressions, symbol: Symbol, span: Span) -> Expr:
    """Return a vector that is named without an index, where it can stand for each element."""
    if not is_known(symbol):
        return Number(Fraction(0), UNKNOWN, span)
    if owner.each is not None:
        if same_size(owner, owner.each, symbol, span):
            return ref(symbol, span)
    elif symbol.kind in PORTS:
        one_port(owner, symbol, span)
    else:
        message = f"`{symbol.name}` is a vector of {described_size(symbol)}, not one number"
        help = f"take an element, as in `{symbol.name}[0]`; a loop goes through all of them"
        owner.report(codes.VECTOR_FOR_NUMBER, span, message, help)
    return Number(Fraction(0), UNKNOWN, span)


def one_port(owner: Expressions, symbol: Symbol, span: Span) -> None:
    message = f"`{symbol.name}` is a vector of {symbol.length} ports, here one is needed"
    owner.report(codes.VECTOR_OF_PORTS, span, message, f"choose one, as in `{symbol.name}[0]`")


def same_size(owner: Expressions, target: Symbol, symbol: Symbol, span: Span) -> bool:
    """Return whether two vectors are of the same size, now and whatever parameters are set."""
    if not (is_known(target) and is_known(symbol)):
        return False
    if target.size == symbol.size:
        return True
    message = (
        f"`{target.name}` has {described_size(target)}, "
        f"`{symbol.name}` has {described_size(symbol)}"
    )
    notes = (Note(target.span, "one vector"), Note(symbol.span, "the other"))
    owner.report(codes.SIZES_DIFFER, span, message, notes=notes)
    return False


def value_for(owner: Expressions, target: Symbol, e: tree.Expression, name: str) -> Expr:
    """Return ``e`` as a value for ``target``: for a vector, one of the same size, or one number."""
    v = only_variable(e)
    source = None if v is None or v.index is not None else owner.scope.look_up(v.text)
    if v is None or source is None or target.size is None or source.size is None:
        return owner.fitted(owner.value(e), target.type, name)
    unknown = Number(Fraction(0), UNKNOWN, e.span)
    owner.check_order(v.text, v.span)
    if source.kind in PORTS:
        one_port(owner, source, v.span)
        return unknown
    if not same_size(owner, target, source, v.span):
        return unknown
    value = owner.fitted(ref(source, v.span), target.type, name)
    if isinstance(value, Ref) and _stored_alike(source, target):
        return value
    if value.type != UNKNOWN:
        message = f"the elements of `{target.name}` and `{source.name}` are of different types"
        help = "copy them one by one, in a loop"
        owner.report(codes.NOT_ASSIGNABLE, v.span, message, help)
    return unknown


def _stored_alike(a: Symbol, b: Symbol) -> bool:
    reals = (Base.REAL, Base.QUANTITY)
    return a.type.base is b.type.base or (a.type.base in reals and b.type.base in reals)
