"""Expressions compiled to Python closures over one flat list of values."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any, TypeAlias

from nestml_core.expr import (
    Binary,
    Boolean,
    Call,
    Conditional,
    Constant,
    Convolve,
    Element,
    Expr,
    Kind,
    Number,
    Ref,
    Symbol,
    Text,
    Unary,
    bottom_up,
    children,
    walk,
)
from nestml_core.reference import operations
from nestml_core.reference.failure import (
    ARITHMETIC,
    INTEGER_RANGE,
    NO_ELEMENT,
    NOT_FINITE,
    Failure,
    undefined,
)
from nestml_core.source import Span
from nestml_core.types import Base

Values: TypeAlias = list[Any]
"""The state of a model instance: the value of every symbol, by slot, and its ``Progress``.

Compiled functions are given this and nothing else, so that any number of instances share them.
"""

PROGRESS = 0
"""The slot of what is no symbol's value: where the run is, and its random numbers."""

Evaluate: TypeAlias = Callable[[Values], Any]

Step: TypeAlias = Callable[[Values], None]
"""Changes some of the values."""

DEEPEST = 40
"""How deep closures may be nested; deeper expressions run on a stack machine of their own."""

OF_A_BODY = (Kind.LOCAL, Kind.ARGUMENT)

CONSTANTS = {"inf": math.inf, "e": math.e, "pi": math.pi}


class Slots:
    """Where each symbol lives in the list of values. Locals are told apart by their scope.

    The elements of a vector live one behind the other, from its own slot on.

    Parameters
    ----------
    sizes : the values of parameters that are sizes of vectors
    """

    def __init__(self, sizes: Mapping[Symbol, int] = MappingProxyType({})) -> None:
        self.sizes = sizes
        self._at: dict[tuple[str, Symbol], int] = {}
        self._taken = PROGRESS + 1

    def at(self, symbol: Symbol, scope: str = "") -> int:
        """Return the slot of ``symbol``, a new one at its first mention."""
        if symbol.vector is not None:
            return self.at(symbol.vector, scope) + symbol.place
        key = (scope if symbol.kind in OF_A_BODY else "", symbol)
        slot = self._at.get(key)
        if slot is None:
            slot = self._at[key] = self._taken
            self._taken += 1 if symbol.size is None else self.size(symbol)
        return slot

    def size(self, vector: Symbol) -> int:
        """Return the number of elements of a vector."""
        match vector.size:
            case Number(value):
                return int(value)
            case Ref(parameter):
                return self.sizes[parameter]
            case _:
                raise AssertionError(f"`{vector.name}` has no size")

    def all_of(self, symbol: Symbol, scope: str = "") -> slice:
        """Return the slots of a vector."""
        slot = self.at(symbol, scope)
        return slice(slot, slot + self.size(symbol))

    def of(self, scope: str) -> list[int]:
        """Return the slots of the locals and arguments of ``scope``."""
        return [
            slot + k
            for (owner, s), slot in self._at.items()
            if owner == scope
            for k in range(1 if s.size is None else self.size(s))
        ]

    def __len__(self) -> int:
        return self._taken


@dataclass(slots=True)
class _Part:
    """A compiled operand: ``first``, then each of ``links`` applied to what came before.

    So a sum of any length, which is a tree as deep as it is long, becomes one loop.
    """

    first: Evaluate
    links: list[tuple[Callable[..., Any], Evaluate]] = field(default_factory=list)
    depth: int = 1

    def linked(self, function: Callable[..., Any], right: _Part) -> _Part:
        self.links.append((function, right.closed()))
        self.depth = max(self.depth, right.closed_depth)
        return self

    @property
    def closed_depth(self) -> int:
        return self.depth + bool(self.links)

    def closed(self) -> Evaluate:
        match self.links:
            case []:
                return self.first
            case [(function, right)]:
                return _binary(function, self.first, right)
            case _:
                return _chain(self.first, tuple(self.links))


def _binary(function: Callable[..., Any], left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda v: function(left(v), right(v))


def _chain(first: Evaluate, links: tuple[tuple[Callable[..., Any], Evaluate], ...]) -> Evaluate:
    def run(v: Values) -> Any:
        x = first(v)
        for function, operand in links:
            x = function(x, operand(v))
        return x

    return run


def _applied(function: Callable[..., Any], operands: list[Evaluate]) -> Evaluate:
    match operands:
        case [one]:
            return lambda v: function(one(v))
        case [one, two]:
            return _binary(function, one, two)
        case _:
            return lambda v: function(*[f(v) for f in operands])


def _called(function: Callable[..., Any], operands: list[Evaluate]) -> Evaluate:
    """Return a call of a function that also gets all values, as those of a model do."""
    match operands:
        case [one]:
            return lambda v: function(v, one(v))
        case _:
            return lambda v: function(v, *[f(v) for f in operands])


def _conditional(condition: Evaluate, then: Evaluate, otherwise: Evaluate) -> Evaluate:
    return lambda v: then(v) if condition(v) else otherwise(v)


def _and(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda v: left(v) and right(v)


def _or(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda v: left(v) or right(v)


class Compiler:
    """Turns the expressions of one scope into closures.

    Parameters
    ----------
    slots : where the symbols live
    functions : what a call of a random function or of a function of the model does, by name: a
        function of all values and of the arguments
    scope : whose locals and arguments are meant; the name of a function, or anything else
    """

    def __init__(
        self,
        slots: Slots,
        functions: Callable[[str], Callable[..., Any]],
        scope: str = "",
    ) -> None:
        self.slots = slots
        self.functions = functions
        self.scope = scope

    def slot(self, symbol: Symbol) -> int:
        return self.slots.at(symbol, self.scope)

    def expr(self, expr: Expr) -> Evaluate:
        """Return a function of the list of values that yields the value of ``expr``.

        Neither this nor that function recurses deeply, whatever the shape of ``expr``.
        """
        whole = bottom_up(expr, self.part)
        return whole.closed() if whole.depth <= DEEPEST else _machine(self, expr)

    def value(self, expr: Expr, what: str) -> Evaluate:
        """Return what evaluates ``expr``, or fails and says why."""
        evaluate = self.expr(expr)

        def run(v: Values) -> object:
            try:
                return evaluate(v)
            except ARITHMETIC as problem:
                raise undefined(what, expr, problem) from None

        return run

    def part(self, e: Expr, parts: tuple[_Part, ...]) -> _Part:
        if isinstance(e, Binary) and e.op not in ("and", "or"):
            return parts[0].linked(self.function(e), parts[1])
        depth = 1 + max((p.closed_depth for p in parts), default=0)
        closed = [p.closed() for p in parts]
        match e:
            case Binary(op):
                made = _and(*closed) if op == "and" else _or(*closed)
            case Conditional():
                made = _conditional(*closed)
            case Call() if operations.intrinsic(e) is None:
                made = _called(self.functions(e.function), closed)
            case Unary() | Call():
                made = _applied(self.function(e), closed)
            case Element():
                made = self.element(e, closed[0])
            case _:
                made = self.leaf(e)
        return _Part(made, depth=depth)

    def element(self, e: Element, index: Evaluate) -> Evaluate:
        place = self.place(e.vector, e.span)
        return lambda v: v[place(index(v))]

    def place(self, vector: Symbol, span: Span) -> Callable[[int], int]:
        """Return a function that gives the slot of an element, or fails if there is none."""
        first, size = self.slot(vector), self.slots.size(vector)

        def run(index: int) -> int:
            if 0 <= index < size:
                return first + index
            plural = "" if size == 1 else "s"
            name = vector.name
            message = f"`{name}` has {size} element{plural}, there is no `{name}[{index}]`"
            raise Failure(NO_ELEMENT, message, span, "elements are counted from 0")

        return run

    def store_element(self, vector: Symbol, index: Expr, expr: Expr, span: Span) -> Step:
        """Return a function that gives an element of ``vector`` the value of ``expr``."""
        evaluate, place = self.expr(index), self.place(vector, span)
        passing = self.store(Symbol(vector.name, Kind.LOCAL, vector.type, vector.span), expr)
        slot = self.slot(Symbol(vector.name, Kind.LOCAL, vector.type, vector.span))

        def run(v: Values) -> None:
            passing(v)
            try:
                at = evaluate(v)
            except ARITHMETIC as problem:
                raise undefined(f"the index of `{vector.name}`", index, problem) from None
            v[place(at)] = v[slot]

        return run

    def store_vector(self, vector: Symbol, expr: Expr) -> Step:
        """Return a function that gives a vector another one, or all its elements one number."""
        target, size = self.slots.all_of(vector, self.scope), self.slots.size(vector)
        if isinstance(expr, Ref) and expr.symbol.size is not None:
            source = self.slots.all_of(expr.symbol, self.scope)

            def copy(v: Values) -> None:
                v[target] = v[source]

            return copy
        scalar = Symbol(vector.name, Kind.LOCAL, vector.type, vector.span)
        passing, slot = self.store(scalar, expr), self.slot(scalar)

        def run(v: Values) -> None:
            passing(v)
            v[target] = [v[slot]] * size

        return run

    def store(self, symbol: Symbol, expr: Expr) -> Step:
        """Return a function that gives ``symbol`` the value of ``expr``, or fails and says why."""
        if symbol.size is not None:
            return self.store_vector(symbol, expr)
        slot, evaluate = self.slot(symbol), self.expr(expr)
        convert = operations.conversion(symbol.type)
        fits = self.check(symbol, expr)

        def run(v: Values) -> None:
            try:
                x = convert(evaluate(v))
            except ARITHMETIC as problem:
                raise undefined(f"`{symbol.name}`", expr, problem) from None
            fits(v, x)
            v[slot] = x

        def run_real(v: Values) -> None:
            try:
                x = float(evaluate(v))
            except ARITHMETIC as problem:
                raise undefined(f"`{symbol.name}`", expr, problem) from None
            if x - x != 0.0:  # neither NaN nor infinite
                fits(v, x)
            v[slot] = x

        return run_real if convert is float else run

    def check(self, symbol: Symbol, expr: Expr) -> Callable[[Values, Any], None]:
        """Return a function that fails if ``symbol`` cannot hold a value of ``expr``.

        Infinity is a value like any other where something infinite was put in.
        """
        infinite = [self.expr(e) for e in walk(expr) if isinstance(e, (Ref, Constant, Element))]
        divisors = [
            (e, self.expr(e.right))
            for e in walk(expr)
            if isinstance(e, Binary) and e.op in ("/", "//")
        ]

        def cause(v: Values) -> str:
            zero = next((e for e, divisor in divisors if divisor(v) == 0), None)
            if zero is None:
                return ""
            text = " ".join(zero.span.text.split())
            return f": division by zero in `{text}`" if text else ": division by zero"

        def fits(v: Values, x: Any) -> None:
            if isinstance(x, int) and not operations.fits(x):
                message = f"`{symbol.name}` would become {x}, which does not fit into 64 bits"
                raise Failure(INTEGER_RANGE, message, expr.span)
            if isinstance(x, float) and (
                math.isnan(x)
                or (math.isinf(x) and not any(f(v) in (math.inf, -math.inf) for f in infinite))
            ):
                message = f"`{symbol.name}` would become {shown(x)}{cause(v)}"
                raise Failure(NOT_FINITE, message, expr.span)

        return fits

    def function(self, e: Unary | Binary | Call) -> Callable[..., Any]:
        match e:
            case Unary():
                return operations.unary(e)
            case Binary():
                return operations.binary(e)
            case Call():
                function = operations.intrinsic(e)
                assert function is not None, "other calls need the values"
                return function

    def leaf(self, e: Expr) -> Evaluate:
        match e:
            case Ref(symbol):
                return operator.itemgetter(self.slot(symbol))
            case Number():
                value: Any = number_value(e)
            case Constant(name):
                value = CONSTANTS[name]
            case Boolean() | Text():
                value = e.value
            case Convolve():
                raise AssertionError("convolutions are gone after solve")
            case Call():
                return _called(self.functions(e.function), [])
            case _:
                raise AssertionError(f"{type(e).__name__} is not a leaf")
        return lambda v: value


def number_value(e: Number) -> float | int:
    """Return the value of a literal: a whole number, or the nearest double."""
    if e.type.base is Base.INTEGER:
        return int(e.value)
    return nearest(e.value)


def shown(x: float) -> str:
    """Return a number that is not finite in words."""
    if math.isnan(x):
        return "not a number"
    return "infinite" if x > 0 else "minus infinite"


def nearest(value: Fraction) -> float:
    """Return the double nearest to ``value``."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


# Deep expressions: postfix code for a stack machine, with jumps where operands may be left out.


@dataclass(slots=True, eq=False)
class _Label:
    place: int = 0


@dataclass(slots=True)
class _Push:
    leaf: Evaluate


@dataclass(slots=True)
class _Apply:
    function: Callable[..., Any]
    operands: int


@dataclass(slots=True)
class _Invoke:
    """Like ``_Apply``, of a function that also gets all values."""

    function: Callable[..., Any]
    operands: int


@dataclass(slots=True)
class _Pick:
    """Takes a place off the stack, and puts the element there."""

    place: Callable[[int], int]


@dataclass(slots=True)
class _Jump:
    """``when`` is None for an unconditional jump.

    A conditional one takes the condition off the stack, unless ``keep`` and the jump is taken.
    """

    to: _Label
    when: bool | None = None
    keep: bool = False


_Operation: TypeAlias = _Apply | _Invoke | _Pick | _Jump


def _code(compiler: Compiler, expr: Expr) -> list[_Push | _Operation]:
    code: list[_Push | _Operation] = []
    waiting: list[Expr | _Operation | _Label] = [expr]
    while waiting:
        match waiting.pop():
            case _Label() as label:
                label.place = len(code)
            case _Apply() | _Invoke() | _Pick() | _Jump() as instruction:
                code.append(instruction)
            case Element(vector, index) as e:
                waiting += [_Pick(compiler.place(vector, e.span)), index]
            case Conditional(condition, then, otherwise):
                other, end = _Label(), _Label()
                waiting += [end, otherwise, other, _Jump(end), then, _Jump(other, False), condition]
            case Binary("and" | "or" as op, left, right):
                end = _Label()
                waiting += [end, right, _Jump(end, op == "or", keep=True), left]
            case Call() as e if children(e) and operations.intrinsic(e) is None:
                operands = children(e)
                function = compiler.functions(e.function)
                waiting += [_Invoke(function, len(operands)), *reversed(operands)]
            case Unary() | Binary() | Call() as e if children(e):
                operands = children(e)
                waiting += [_Apply(compiler.function(e), len(operands)), *reversed(operands)]
            case e:
                code.append(_Push(compiler.leaf(e)))
    return code


def _machine(compiler: Compiler, expr: Expr) -> Evaluate:
    code = _code(compiler, expr)

    def run(v: Values) -> Any:
        stack: list[Any] = []
        place = 0
        while place < len(code):
            instruction = code[place]
            place += 1
            match instruction:
                case _Push(leaf):
                    stack.append(leaf(v))
                case _Apply(function, operands):
                    arguments = stack[-operands:]
                    del stack[-operands:]
                    stack.append(function(*arguments))
                case _Invoke(function, operands):
                    arguments = stack[-operands:]
                    del stack[-operands:]
                    stack.append(function(v, *arguments))
                case _Pick(at):
                    stack.append(v[at(stack.pop())])
                case _Jump(to, None):
                    place = to.place
                case _Jump(to, when, keep):
                    taken = bool(stack[-1]) is when
                    if not (taken and keep):
                        stack.pop()
                    if taken:
                        place = to.place
        return stack[0]

    return run
