"""Sizes of vectors, and expressions for whole vectors taken apart into their elements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from fractions import Fraction

from nestml_core.diagnostics import Diagnostic, Note
from nestml_core.expr import Convolve, Expr, Kind, Number, Ref, Symbol, ref, rewrite, symbols_in
from nestml_core.model import Declaration
from nestml_core.resolve import codes
from nestml_core.source import Span
from nestml_core.syntax import tree
from nestml_core.types import INTEGER, UNKNOWN

MAX_SIZE = 10**6
"""The largest vector."""

MAX_PARTS = 1000
"""The largest vector whose elements are ports or have equations of their own."""

PORTS = (Kind.SPIKE_PORT, Kind.CONTINUOUS_PORT)


class Sizes:
    """The sizes of the vectors of one model.

    A size is a whole number, or the name of an integer parameter or internal whose value is one.
    Where the compiler must know it, for ports and for vectors with equations, the value of a
    parameter is taken for good.
    """

    def __init__(self, model: tree.Model, found: list[Diagnostic]) -> None:
        self.found = found
        self.named: dict[str, tuple[str, tree.Declaration, tree.Variable]] = {}
        self.integrated: set[str] = set()
        self.fixed: dict[str, int] = {}
        """Parameters that are sizes taken for good, with their values."""
        self.free: set[str] = set()
        """Parameters that are other sizes."""
        self.used: set[str] = set()
        """The names that are sizes."""
        ports: list[tree.Variable] = []
        for e in model.elements:
            match e:
                case tree.VariableBlock(kind, declarations):
                    for d in declarations:
                        self.named |= {v.text: (kind, d, v) for v in d.variables}
                case tree.Equations(items):
                    self.integrated |= {
                        i.variable.name.text for i in items if isinstance(i, tree.Equation)
                    }
                case tree.Input():
                    ports += [p.variable for p in e.ports]
        moving = [v for v in self._state() if v.name.text in self.integrated]
        for v in (*ports, *moving):
            name = None if v.index is None else _name(v.index)
            if name is None or name.text not in self.named:
                continue
            kind, d, _ = self.named[name.text]
            value = None if d.value is None else _whole(d.value)
            if kind == "parameters" and value is not None:
                self.fixed[name.text] = value

    def _state(self) -> Iterator[tree.Variable]:
        return (v for kind, _, v in self.named.values() if kind == "state")

    def of(self, v: tree.Variable, limit: int = MAX_SIZE) -> Expr | None:
        """Return the size of the vector that ``v`` declares, None if it declares none.

        A size of unknown type, with a report, if it makes no sense.
        """
        if v.index is None:
            return None
        size, value = self._size(v.index)
        if value is not None and value > limit:
            message = f"`{v.text}` has {value} elements; more than {limit} are too many here"
            return self._bad(v.index.span, message)
        return size

    def _size(self, e: tree.Expression) -> tuple[Expr, int | None]:
        name, value = _name(e), _whole(e)
        if value is not None:
            return self._positive(value, e.span, e.span), value
        if name is None:
            message = f"`{_text(e.span)}` cannot be the size of a vector"
            help = "write a whole number, or the name of an integer parameter or internal"
            return self._bad(e.span, message, help), None
        return self._named(name)

    def _named(self, name: tree.Name) -> tuple[Expr, int | None]:
        text, span = name.text, name.span
        if text not in self.named:
            close = get_close_matches(text, self.named, 1, 0.6)
            help = f"did you mean `{close[0]}`?" if close else ""
            message = f"the size `{text}` is no parameter and no internal"
            return self._bad(span, message, help), None
        self.used.add(text)
        kind, d, v = self.named[text]
        note = (Note(v.span, "declared here"),)
        if kind == "state":
            message = f"the size `{text}` is a state variable, which may change"
            return self._bad(span, message, "declare it in `parameters`", note), None
        if d.type.primitive != "integer" or v.index is not None:
            message = f"the size `{text}` is not an integer"
            return self._bad(span, message, f"declare it as `{text} integer = ...`", note), None
        value = None if d.value is None else _whole(d.value)
        if value is None:
            message = f"the size `{text}` has no value that is known here"
            help = f"give it a whole number, as in `{text} integer = 3`"
            return self._bad(span, message, help, note), None
        size = self._positive(value, span, v.span if d.value is None else d.value.span)
        if kind == "internals" or text in self.fixed or size.type == UNKNOWN:
            return size, value
        self.free.add(text)
        return Ref(Symbol(text, Kind.PARAMETER, INTEGER, v.span), INTEGER, span), value

    def _positive(self, value: int, span: Span, where: Span) -> Expr:
        if value >= 1:
            return Number(Fraction(value), INTEGER, span)
        notes = () if where == span else (Note(where, f"its value is {value}"),)
        return self._bad(
            span, f"a vector cannot have {value} elements", "it has at least one", notes
        )

    def _bad(
        self, span: Span, message: str, help: str = "", notes: tuple[Note, ...] = ()
    ) -> Number:
        self.found.append(codes.BAD_SIZE.at(span, message, help=help, notes=notes))
        return Number(Fraction(0), UNKNOWN, span)


def is_known(symbol: Symbol) -> bool:
    """Return whether ``symbol`` is a vector whose size makes sense."""
    return symbol.size is not None and symbol.size.type != UNKNOWN


def described_size(symbol: Symbol) -> str:
    """Return the size of a vector in words."""
    match symbol.size:
        case Ref(parameter):
            return f"`{parameter.name}` elements"
        case _:
            return "1 element" if symbol.length == 1 else f"{symbol.length} elements"


def part(vector: Symbol, place: int) -> Symbol:
    """Return the symbol of one element of a vector of known size; a port stands for itself."""
    element = vector.element(place)
    return replace(element, vector=None, place=0) if vector.kind in PORTS else element


def taken_apart(value: Expr, place: int) -> Expr:
    """Return ``value``, in which vectors stand for each of their elements, for one of them."""

    def change(e: Expr) -> Expr:
        match e:
            case Ref(symbol) if symbol.size is not None:
                return ref(part(symbol, place), e.span)
            case Convolve(_, port) if port.size is not None:
                return replace(e, port=part(port, place))
            case _:
                return e

    return rewrite(value, change)


def one_outside(symbols: Iterable[Symbol]) -> Iterator[Diagnostic]:
    """Yield which names are those of elements of vectors, seen from outside."""
    known = tuple(symbols)
    vectors = {s.identifier: s for s in known if s.length}
    for s in known:
        stem, _, place = s.identifier.rpartition("_")
        vector = vectors.get(stem)
        if vector is None or not (place == "0" or (place.isdecimal() and place[0] != "0")):
            continue
        if len(place) < 10 and int(place) < (vector.length or 0):
            message = f"`{s.name}` is also what `{vector.name}[{place}]` is called outside"
            note = (Note(vector.span, "the vector"),)
            yield codes.ONE_OUTSIDE.at(s.span, message, help="rename one of them", notes=note)


def _name(e: tree.Expression) -> tree.Name | None:
    v = only_variable(e)
    return v.name if v is not None and v.order == 0 and v.index is None else None


def only_variable(e: tree.Expression) -> tree.Variable | None:
    """Return the variable if ``e`` is nothing but one."""
    if e.then is not None or len(e.operands) != 1 or e.operands[0].prefixes:
        return None
    atom = e.operands[0].atom
    return atom if isinstance(atom, tree.Variable) else None


def _whole(e: tree.Expression) -> int | None:
    """Return the value of a whole number with signs."""
    if e.then is not None or len(e.operands) != 1:
        return None
    operand = e.operands[0]
    signs = [p.text for p in operand.prefixes]
    if any(s not in "+-" for s in signs):
        return None
    match operand.atom:
        case tree.Quantity(text, None) if text.isdecimal() and len(text) < 18:
            size = int(text)
            return size if signs.count("-") % 2 == 0 else -size
        case _:
            return None


def _text(span: Span) -> str:
    return " ".join(span.text.split())


def parts(symbol: Symbol) -> tuple[Symbol, ...]:
    """Return the elements of a vector of known size, of all else the symbol itself."""
    if symbol.size is None:
        return (symbol,)
    return tuple(part(symbol, k) for k in range(symbol.length or 0))


def needed(d: Declaration) -> tuple[Symbol, ...]:
    """Return the declared symbols that the value of ``d`` needs, its size among them."""
    size = () if d.symbol.size is None else symbols_in(d.symbol.size)
    return (*size, *(s.owner for s in symbols_in(d.value)))
