"""Expressions: which operator binds what, what is a unit, what type comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from fractions import Fraction
from types import MappingProxyType

from nestml_core import units
from nestml_core.diagnostics import Code, Note
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
    number,
    ref,
    substitute,
    symbols_in,
)
from nestml_core.model import Delay
from nestml_core.resolve import codes
from nestml_core.resolve.builtins import CONSTANTS, FUNCTIONS, REAL_FUNCTIONS, SAME_TYPE, STATEMENTS
from nestml_core.resolve.delays import delayed
from nestml_core.resolve.elements import element, vector
from nestml_core.resolve.literals import free_unit, literal, report_free_units
from nestml_core.resolve.scope import Scope, with_article
from nestml_core.resolve.typing import (
    BITWISE,
    COMPARISONS,
    LOGICAL,
    ROUNDING,
    common,
    constant,
    fit,
    is_plain,
    product,
    quotient,
    unit_of,
)
from nestml_core.resolve.units import type_of
from nestml_core.resolve.vectors import Sizes, only_variable
from nestml_core.resolve.wording import (
    declared,
    described,
    divided,
    elsewhere,
    missing_factor,
    operands,
    repair,
    shown,
    sources,
    spoken_of,
)
from nestml_core.solved import DT, RESOLUTION, TIME
from nestml_core.source import Span
from nestml_core.syntax import tree
from nestml_core.syntax.words import OLD_SUMS
from nestml_core.types import (
    BOOLEAN,
    INTEGER,
    REAL,
    STRING,
    UNKNOWN,
    VOID,
    Base,
    Type,
    Unit,
    quantity,
)

LEVELS = MappingProxyType(
    {
        "or": 1,
        "and": 2,
        **dict.fromkeys(COMPARISONS, 4),
        **dict.fromkeys(BITWISE, 5),
        **dict.fromkeys("+-", 6),
        **dict.fromkeys(("*", "/", "//", "%"), 7),
        "**": 9,
    }
)
"""Precedence; larger binds tighter. ``and`` binds tighter than ``or``."""
NOT, SIGN = 3, 8

MAX_EXPONENT = 400
MAX_DIGITS = 400
STEP_SLACK = Fraction(1, 10**6)
"""How far above a whole number of steps a duration may be and still count as that number."""


class Place(Enum):
    """Where an expression stands."""

    DECLARATION = "a declaration"
    EQUATION = "an equation"
    KERNEL = "a kernel"
    UPDATE = "the update block"
    HANDLER = "an event handler"
    FUNCTION = "a function"


NO_STEP = (Place.EQUATION, Place.KERNEL, Place.FUNCTION)
"""Where there is no step size."""


class Expressions:
    """Resolves the expressions of one model, reporting to its scope."""

    def __init__(self, scope: Scope, sizes: Sizes) -> None:
        self.scope = scope
        self.sizes = sizes
        self.place = Place.DECLARATION
        self.each: Symbol | None = None
        """The vector for whose elements, each in turn, an expression stands; else None."""
        self.delays: dict[tuple[Symbol, Expr], Delay] = {}

    def report(
        self, code: Code, span: Span, message: str, help: str = "", notes: tuple[Note, ...] = ()
    ) -> None:
        self.scope.found.append(code.at(span, message, help=help, notes=notes))

    # Structure: units behind numbers, precedence

    def expr(self, e: tree.Expression) -> Expr:
        """Return ``e`` bound and typed."""
        value = _Climb(self, *self.folded(e)).run()
        if e.then is None or e.otherwise is None:
            return value
        return self.choice(value, self.expr(e.then), self.expr(e.otherwise), e.span)

    def folded(
        self, e: tree.Expression
    ) -> tuple[list[tuple[tuple[tree.Operator, ...], Expr]], list[tree.Operator]]:
        """Return the operands of ``e``, bound, with units drawn to the numbers they belong to."""
        operands: list[tuple[tuple[tree.Operator, ...], Expr]] = []
        operators: list[tree.Operator] = []
        free_units = False
        i = 0
        while i < len(e.operands):
            o = e.operands[i]
            if isinstance(o.atom, tree.Quantity) and o.atom.unit is not None:
                value, i = self.quantity(e, i, o.atom)
            elif (unit := free_unit(o.atom, self.scope)) is not None:
                free_units = True
                value, i = Number(unit.factor, quantity(unit), o.atom.span), i + 1
            else:
                value, i = self.atom(o.atom), i + 1
            operands.append((o.prefixes, value))
            if i - 1 < len(e.operators):
                operators.append(e.operators[i - 1])
        if free_units:
            report_free_units(e, self.scope)
        return operands, operators

    def quantity(self, e: tree.Expression, i: int, q: tree.Quantity) -> tuple[Expr, int]:
        """Return the quantity at operand ``i`` and the index of the operand behind it."""
        found = literal(e, i, q, self.scope)
        if found.unit is None:
            return Number(Fraction(0), UNKNOWN, found.span), found.end
        size = self.number(q)
        value: Expr = self.in_range(
            Number(size.value * found.unit.factor, quantity(found.unit), found.span)
        )
        if found.power is not None:
            value = self.binary(tree.Operator("**", q.span), value, number(found.power, q.span))
        return value, found.end

    # Atoms

    def atom(self, atom: tree.Atom) -> Expr:
        match atom:
            case tree.Quantity():
                return self.in_range(self.number(atom))
            case tree.Text(value, span):
                return Text(value, STRING, span)
            case tree.Truth(value, span):
                return Boolean(value, BOOLEAN, span)
            case tree.Infinity(span):
                return Constant("inf", REAL, span)
            case tree.Group(value):
                return self.expr(value)
            case tree.Variable():
                return self.variable(atom)
            case tree.Call():
                return self.call(atom)

    def number(self, q: tree.Quantity) -> Number:
        """Return the plain number of a literal, exactly."""
        text = q.text.lower()
        mantissa, _, exponent = text.partition("e")
        if len(mantissa) > MAX_DIGITS or (exponent and abs(int(exponent[:9])) > MAX_EXPONENT):
            self.report(codes.BAD_NUMBER, q.number_span, "this number has no place in a double")
            return Number(Fraction(0), UNKNOWN, q.span)
        whole = "." not in text and not exponent
        return Number(Fraction(text), INTEGER if whole else REAL, q.span)

    def in_range(self, value: Number) -> Number:
        size = abs(value.value)
        limit: float = 2**63 if value.type.base is Base.INTEGER else 1.7e308
        if size >= limit or (size and size < Fraction(1, 10**307)):
            what = "an integer" if value.type.base is Base.INTEGER else "a double"
            self.report(codes.BAD_NUMBER, value.span, f"this number is out of the range of {what}")
        return value

    def variable(self, v: tree.Variable) -> Expr:
        name, span = v.text, v.span
        if v.index is not None:
            return element(self, v)
        symbol = self.scope.look_up(name)
        if symbol is not None:
            self.check_order(name, span)
            if symbol.size is not None:
                return vector(self, symbol, span)
            return self.checked_use(ref(symbol, span))
        if name == "t":
            return Ref(TIME, TIME.type, span)
        if name in CONSTANTS:
            return Constant(name, REAL, span)
        return Ref(self.scope.unknown(name, span), UNKNOWN, span)

    def check_order(self, name: str, span: Span) -> None:
        below = self.scope.early.get(name)
        if below is not None:
            note = Note(below, "declared here")
            message = f"`{name}` is used before it is declared"
            self.report(codes.USED_TOO_EARLY, span, message, "move the declaration up", (note,))

    def checked_use(self, e: Ref) -> Expr:
        if e.symbol.kind is Kind.KERNEL and self.place is not Place.KERNEL:
            message = f"the kernel `{e.symbol.name}` can be used only in `convolve`"
            help = f"write `convolve({e.symbol.name}, port)`"
            self.report(codes.BAD_CONVOLUTION, e.span, message, help)
            return Ref(e.symbol, UNKNOWN, e.span)
        return e

    # Operators

    def unary(self, op: tree.Operator, operand: Expr) -> Expr:
        span = op.span.to(operand.span)
        type = operand.type
        fits: dict[str, Callable[[Type], bool]] = {
            "+": lambda t: t.is_numeric,
            "-": lambda t: t.is_numeric,
            "~": lambda t: t.base is Base.INTEGER,
            "not": lambda t: t.base is Base.BOOLEAN,
        }
        if type.base is not Base.UNKNOWN and not fits[op.text](type):
            needs = {"~": "an integer", "not": "a boolean"}.get(op.text, "a number")
            self.report(
                codes.BAD_OPERAND, span, f"`{op.text}` needs {needs}, this is {described(type)}"
            )
            return Unary(op.text, operand, UNKNOWN, span)
        if op.text == "+":
            return operand
        if isinstance(operand, Number) and op.text == "-":
            return Number(-operand.value, type, span)
        return Unary(op.text, operand, type, span)

    def binary(self, op: tree.Operator, left: Expr, right: Expr) -> Expr:
        span = left.span.to(right.span)
        text = "!=" if op.text == "<>" else op.text
        if Base.UNKNOWN in (left.type.base, right.type.base):
            truth = text in COMPARISONS or text in LOGICAL
            return Binary(text, left, right, BOOLEAN if truth else UNKNOWN, span)
        if text in LOGICAL:
            type = self.logical(text, left, right)
        elif text in COMPARISONS:
            type = self.comparison(text, left, right)
        elif text in BITWISE or text == "%":
            type = self.whole(text, left, right)
        elif text == "**":
            type = self.power(left, right)
        elif STRING in (left.type, right.type):
            return self.concatenation(op, left, right)
        elif text in "+-":
            type = self.sum(op, left, right)
        else:
            type = self.ratio_or_product(text, left, right)
        return Binary(text, left, right, type, span)

    def bad_operands(self, op: str, left: Expr, right: Expr, needs: str) -> Type:
        message = (
            f"`{op}` needs {needs}, these are {described(left.type)} and {described(right.type)}"
        )
        help = "a power is written `**`" if op == "^" else ""
        self.report(codes.BAD_OPERAND, left.span.to(right.span), message, help)
        return UNKNOWN

    def logical(self, op: str, left: Expr, right: Expr) -> Type:
        for side in (left, right):
            if side.type.base is not Base.BOOLEAN:
                message = f"`{op}` needs booleans, this is {described(side.type)}"
                self.report(codes.BAD_OPERAND, side.span, message, "write a comparison")
        return BOOLEAN

    def comparison(self, op: str, left: Expr, right: Expr) -> Type:
        a, b = left.type, right.type
        if a.is_numeric and b.is_numeric:
            if common(a, b) is None:
                self.units_differ(f"`{op}` compares", left, right)
            elif a.dimension != b.dimension:
                self.plain_number("compared", left, right)
        elif a.base is not b.base or a.base is Base.VOID:
            message = f"`{op}` cannot compare {described(a)} and {described(b)}"
            span = left.span.to(right.span)
            self.report(codes.BAD_OPERAND, span, message, chain(op, left, right))
        return BOOLEAN

    def units_differ(self, what: str, left: Expr, right: Expr) -> None:
        message = f"{what} {described(left.type)} and {described(right.type)}"
        help = ""
        for one, other in ((left, right), (right, left)):
            if other.type.unit is not None and (is_plain(one.type) or isinstance(one, Number)):
                help = repair(one, other.type, self.scope)
        if not help:
            off = left.type.dimension * right.type.dimension ** Fraction(-1)
            help = f"they differ by a factor in {units.coherent_text(off)}"
        self.report(
            codes.UNITS_DIFFER, left.span.to(right.span), message, help, operands(left, right)
        )

    def whole(self, op: str, left: Expr, right: Expr) -> Type:
        a, b = left.type.base, right.type.base
        if op == "%" and constant(right) == 0:
            self.report(codes.ZERO_DIVISION, right.span, "this divides by zero")
        if a is b is Base.INTEGER:
            return INTEGER
        if a is b is Base.BOOLEAN and op in "&|^":
            return BOOLEAN
        return self.bad_operands(op, left, right, "integers")

    def power(self, left: Expr, right: Expr) -> Type:
        a, b = left.type, right.type
        if not a.is_numeric or not b.is_numeric:
            return self.bad_operands("**", left, right, "numbers")
        if not is_plain(b):
            message = f"an exponent cannot have a unit, this is {described(b)}"
            self.report(codes.BAD_EXPONENT, right.span, message)
            return UNKNOWN
        exponent = self.fixed(right)
        if a.base is b.base is Base.INTEGER:
            # a negative exponent gives a fraction, which only storing it in an integer cuts off
            return INTEGER if exponent is not None and exponent >= 0 else REAL
        if is_plain(a):
            return REAL
        if exponent is None:
            message = f"the base is {described(a)}, so the exponent must be a fixed number"
            help = f"divide the base by its unit, as in `(... / 1 {a})`"
            if any(s.kind is Kind.PARAMETER for s in symbols_in(right)):
                help = f"a parameter can change: declare it in `internals`, or {help}"
            self.report(codes.BAD_EXPONENT, right.span, message, help, sources(left, right))
            return UNKNOWN
        unit = unit_of(a)
        raised = units.power(unit, exponent)
        if raised is None:  # its size is no fraction, but the value is in coherent units anyway
            dimension = unit.dimension**exponent
            raised = Unit(units.coherent_text(dimension), dimension, Fraction(1))
        return quantity(raised)

    def fixed(self, e: Expr) -> Fraction | None:
        """Return the value of ``e`` if nothing can change it: numbers, and internals made of them.

        Parameters do not count, as they can be set, and a type must not depend on that.
        """
        values: dict[Symbol, Expr] = {}
        for s in symbols_in(e):
            definition = self.scope.internals.get(s.name)
            if s.kind is not Kind.INTERNAL or definition is None or definition.value is None:
                return None
            others = {n: d for n, d in self.scope.internals.items() if n != s.name}
            silent = replace(self.scope, found=[], powers=[], locals=None, internals=others)
            inner = Expressions(silent, self.sizes)
            value = inner.fixed(inner.expr(definition.value))
            if value is None:
                return None
            values[s] = Number(Fraction(int(value)) if s.type == INTEGER else value)
        return constant(substitute(e, values))

    def concatenation(self, op: tree.Operator, left: Expr, right: Expr) -> Expr:
        span = left.span.to(right.span)
        if op.text != "+" or VOID in (left.type, right.type):
            return Binary(op.text, left, right, self.bad_operands(op.text, left, right, "numbers"))
        return Binary("+", left, right, STRING, span)

    def sum(self, op: tree.Operator, left: Expr, right: Expr) -> Type:
        a, b = left.type, right.type
        if not a.is_numeric or not b.is_numeric:
            return self.bad_operands(op.text, left, right, "numbers")
        type = common(a, b)
        if type is None:
            what = "`+` adds" if op.text == "+" else "`-` combines"
            self.units_differ(what, left, right)
            return UNKNOWN
        if a.dimension != b.dimension:
            self.plain_number("added" if op.text == "+" else "subtracted", left, right)
        return type

    def plain_number(self, done: str, left: Expr, right: Expr) -> None:
        """Warn of a quantity and a plain number in one operation."""
        plain, other = (left, right) if is_plain(left.type) else (right, left)
        text = units.coherent_text(other.type.dimension)
        message = f"{described(left.type)} and {described(right.type)} are {done}"
        help = f"the number counts as {text}; give it a unit, as in `{shown(plain.span)} {text}`"
        if not isinstance(plain, Number):
            help = f"the number counts as {text}; multiply it by a unit, as in `* 1 {text}`"
        notes = sources(left, right)
        self.report(codes.PLAIN_NUMBER, left.span.to(right.span), message, help, notes)

    def ratio_or_product(self, op: str, left: Expr, right: Expr) -> Type:
        a, b = left.type, right.type
        if not a.is_numeric or not b.is_numeric:
            return self.bad_operands(op, left, right, "numbers")
        if op == "*":
            return product(a, b)
        if constant(right) == 0:
            self.report(codes.ZERO_DIVISION, right.span, "this divides by zero")
        if op == "//" and a.base is b.base is Base.INTEGER:
            return INTEGER
        result = quotient(a, b)
        if op == "//":
            help = "divide by a quantity of the same dimension for a plain whole number"
            self.rounded("`//`", result, left.span.to(right.span), help)
        return result

    def rounded(self, what: str, type: Type, span: Span, help: str) -> None:
        """Warn of rounding something that has a unit: to a whole number of which one?"""
        if is_plain(type):
            return
        text = units.coherent_text(type.dimension)
        message = f"{what} of {described(type)} gives a whole number of {text}"
        self.report(codes.ROUNDED_QUANTITY, span, message, help)

    def choice(self, condition: Expr, then: Expr, otherwise: Expr, span: Span) -> Expr:
        self.condition(condition, "the condition before `?`")
        a, b = then.type, otherwise.type
        type = common(a, b)
        if type is None and a.is_numeric and b.is_numeric:
            self.units_differ("`?:` chooses between", then, otherwise)
        elif type is None or type.base is Base.VOID:
            message = f"`?:` cannot choose between {described(a)} and {described(b)}"
            self.report(codes.BAD_OPERAND, then.span.to(otherwise.span), message)
            type = None
        elif a.is_numeric and b.is_numeric and a.dimension != b.dimension:
            self.plain_number("alternatives", then, otherwise)
        type = type or UNKNOWN
        return Conditional(condition, then, otherwise, type, span)

    def condition(self, e: Expr, what: str) -> Expr:
        if e.type.base not in (Base.BOOLEAN, Base.UNKNOWN):
            message = f"{what} is {described(e.type)}, not boolean"
            help = f"compare it, as in `{shown(e.span)} != 0`" if is_plain(e.type) else "compare it"
            self.report(codes.NOT_BOOLEAN, e.span, message, help)
        return e

    def fitted(self, value: Expr, target: Type, what: str, declared: Note | None = None) -> Expr:
        """Return ``value`` as one of type ``target``; report it if it does not fit.

        ``what`` is to have that type; ``declared`` is where this was said.
        """
        fitting = fit(value, target)
        if fitting is not None:
            self.conversion(value, target, what)
            return fitting
        message = f"{what} is {described(target)}, the value is {described(value.type)}"
        help = repair(value, target, self.scope)
        source = units.coherent_text(value.type.dimension)
        derived = not isinstance(value, Number) and what.startswith("`")
        if derived and target.unit is not None and units.noun(value.type.dimension):
            help += f", or declare {what} in {source}"
        there = elsewhere(declared, value.span)
        notes = (*there, *(n for n in sources(value) if n not in there))
        self.report(codes.NOT_ASSIGNABLE, value.span, message, help, notes)
        return Number(Fraction(0), UNKNOWN, value.span)

    def rate(self, value: Expr, symbol: Symbol, target: Type, what: str) -> Expr:
        """Return ``value`` as the derivative of ``symbol``, in ``target``, or report it."""
        if Base.UNKNOWN in (value.type.base, target.base):
            return value
        if value.type.is_numeric and value.type.dimension == target.dimension:
            return value
        unit = target.unit.text if target.unit is not None else "a plain number"
        message = f"`{what}` is in {unit}, the right side is {described(value.type)}"
        if target.unit is None:
            message = f"`{what}` is {unit}, the right side is {described(value.type)}"
        help = ""
        if value.type.is_numeric:
            missing = target.dimension * value.type.dimension ** Fraction(-1)
            help = missing_factor(missing, self.scope, spoken_of(value))
        own = declared(symbol)
        notes = (*((own,) if own else ()), *(n for n in sources(value) if n != own))
        self.report(codes.NOT_ASSIGNABLE, value.span, message, help, notes)
        return Number(Fraction(0), UNKNOWN, value.span)

    def compound(self, op: tree.Operator, left: Ref, value: Expr) -> Expr:
        """Return what ``left op= value`` stores; a sum needs a value that could be stored too."""
        what, target = f"`{left.symbol.name}`", left.type
        if op.text in ("+", "-"):
            if fit(value, target) is None:
                return self.fitted(value, target, what, declared(left.symbol))
            if target == REAL:
                value = replace(self.fitted(value, target, what), type=REAL)
        return self.binary(op, left, value)

    def conversion(self, value: Expr, target: Type, what: str) -> None:
        """Say what is lost when ``value`` becomes one of type ``target``."""
        source = value.type
        match source.base, target.base:
            case (Base.REAL | Base.QUANTITY, Base.INTEGER):
                known = constant(value)
                whole = known is not None and known.denominator == 1
                if not whole and not (isinstance(value, Call) and value.function in ROUNDING):
                    message = f"{what} is an integer: the value is truncated towards zero"
                    help = "write `round`, `floor` or `ceil` to say how"
                    self.report(codes.TRUNCATED, value.span, message, help)
            case (Base.BOOLEAN, Base.REAL) | (Base.REAL, Base.BOOLEAN):
                message = f"{what} is {described(target)}, the value is {described(source)}"
                help = "true counts as 1, false as 0"
                if target.base is Base.BOOLEAN:
                    help = f"it is true unless zero; write `{shown(value.span)} != 0`"
                self.report(codes.TRUTH_VALUE, value.span, message, help)
            case (Base.QUANTITY, Base.REAL) if not is_plain(source):
                text = units.coherent_text(source.dimension)
                message = f"{what} is a plain number: of {described(source)}, "
                help = divided(source.dimension)
                message += f"only the number in {text} counts"
                self.report(codes.UNIT_TAKEN_OFF, value.span, message, help)

    # Calls

    def call(self, c: tree.Call) -> Expr:
        name = c.name.text
        symbol = self.scope.look_up(name)
        if name not in self.scope.functions and name not in FUNCTIONS:
            if symbol is not None and symbol.kind is Kind.STATE:
                return delayed(self, c, symbol)
            if name in OLD_SUMS:  # reported already; of its unit nothing is known
                self.convolve(c)
                return Number(Fraction(0), UNKNOWN, c.span)
            arguments = tuple(self.expr(a) for a in c.arguments)
            self.scope.unknown_function(name, c.name.span)
            return Call(name, arguments, UNKNOWN, c.span)
        if name == "convolve":
            return self.convolve(c)
        arguments = tuple(self.expr(a) for a in c.arguments)
        if name in self.scope.functions:
            return self.user_call(c, arguments)
        if name in STATEMENTS:
            message = f"`{name}` has no value and stands as a statement of its own"
            self.report(codes.NO_VALUE, c.span, message)
            return Call(name, arguments, UNKNOWN, c.span)
        if name in REAL_FUNCTIONS or name == "random_poisson":
            return self.real_call(c, arguments)
        if name in SAME_TYPE:
            return self.same_type_call(c, arguments)
        return self.special_call(c, arguments)

    def count(self, c: tree.Call, wanted: int) -> bool:
        if len(c.arguments) == wanted:
            return True
        plural = "" if wanted == 1 else "s"
        message = f"`{c.name.text}` takes {wanted or 'no'} argument{plural}, here are "
        self.report(codes.ARGUMENT_COUNT, c.span, message + str(len(c.arguments)))
        return False

    def real_call(self, c: tree.Call, arguments: tuple[Expr, ...]) -> Expr:
        name = c.name.text
        type = INTEGER if name == "random_poisson" else REAL
        if not self.count(c, 1):
            return Call(name, arguments, UNKNOWN, c.span)
        argument = arguments[0]
        if not argument.type.is_numeric and argument.type.base is not Base.UNKNOWN:
            message = f"`{name}` needs a number, this is {described(argument.type)}"
            self.report(codes.BAD_ARGUMENT, argument.span, message)
        elif not is_plain(argument.type) and argument.type.base is not Base.UNKNOWN:
            text = units.coherent_text(argument.type.dimension)
            message = (
                f"`{name}` takes a plain number: of {described(argument.type)}, only the number"
            )
            help = divided(argument.type.dimension)
            message += f" in {text} counts"
            self.report(codes.UNIT_DROPPED, argument.span, message, help, sources(argument))
        return Call(name, arguments, type, c.span)

    def same_type_call(self, c: tree.Call, arguments: tuple[Expr, ...]) -> Expr:
        name, span = c.name.text, c.span
        if not self.count(c, SAME_TYPE[name]):
            return Call(name, arguments, UNKNOWN, span)
        for a in arguments:
            if not a.type.is_numeric and a.type.base is not Base.UNKNOWN:
                message = f"`{name}` needs numbers, this is {described(a.type)}"
                self.report(codes.BAD_ARGUMENT, a.span, message)
                return Call(name, arguments, UNKNOWN, span)
        type = arguments[0].type
        for a in arguments[1:]:
            both = common(type, a.type)
            if both is None or type.dimension != a.type.dimension:
                if Base.UNKNOWN not in (type.base, a.type.base):
                    self.units_differ(f"`{name}` combines", arguments[0], a)
                return Call(name, arguments, UNKNOWN, span)
            type = both
        if name in ROUNDING:
            help = f"say of which unit, as in `{name}(x / 1 {type}) * 1 {type}`"
            self.rounded(f"`{name}`", type, span, help)
        if name == "clip":
            low = Call("max", (arguments[1], arguments[0]), type, span)
            return Call("min", (low, arguments[2]), type, span)
        if name.startswith("random") and type.base is Base.INTEGER:
            type = REAL
        return Call(name, arguments, type, span)

    def special_call(self, c: tree.Call, arguments: tuple[Expr, ...]) -> Expr:
        name, span = c.name.text, c.span
        wanted = {"pow": 2, "delta": 1, "steps": 1}.get(name, 0)
        if not self.count(c, wanted):
            return Call(name, arguments, UNKNOWN, span)
        match name:
            case "pow":
                return Binary("**", arguments[0], arguments[1], self.pow_type(arguments), span)
            case "delta":
                message = "`delta` can only be the whole definition of a kernel: `delta(t)`"
                help = "spikes themselves are `convolve(K, port)` with `kernel K = delta(t)`"
                if self.place is Place.KERNEL:
                    help = (
                        "multiply and add where the kernel is used, as in "
                        "`2 * convolve(K, port) + convolve(G, port)`; a spike that takes effect "
                        "later needs a delay of the connection"
                    )
                self.report(codes.BAD_KERNEL, span, message, help)
                return Call(name, arguments, UNKNOWN, span)
            case "timestep" if self.place is not Place.UPDATE:
                message = f"`timestep()` can be used only in `update`, not in {self.place.value}"
                self.report(codes.NOT_HERE, span, message, "use `resolution()` for the step size")
            case "resolution" | "steps" if self.place in NO_STEP:
                message = f"`{name}()` cannot be used in {self.place.value}"
                help = "compute it in `internals` and use that"
                self.report(codes.NOT_HERE, span, message, help)
        if name == "timestep":
            return Ref(DT, DT.type, span)
        if name == "resolution":
            return Ref(RESOLUTION, RESOLUTION.type, span)
        duration = self.fitted(arguments[0], DT.type, "the argument of `steps`")
        count = Binary("/", duration, Ref(RESOLUTION, DT.type, span), REAL, span)
        slack = Binary("-", count, number(STEP_SLACK, span), REAL, span)
        return Call("ceil", (slack,), INTEGER, span)

    def pow_type(self, arguments: tuple[Expr, ...]) -> Type:
        base, exponent = arguments
        if Base.UNKNOWN in (base.type.base, exponent.type.base):
            return UNKNOWN
        return self.power(base, exponent)

    def user_call(self, c: tree.Call, arguments: tuple[Expr, ...]) -> Expr:
        function = self.scope.functions[c.name.text]
        written = function.result
        result = VOID if written is None else type_of(written, self.quiet(), result=True)
        if self.count(c, len(function.parameters)):
            arguments = tuple(
                self.fitted(
                    a,
                    type_of(p.type, self.quiet()),
                    f"the argument `{p.name.text}`",
                    Note(p.span, f"`{p.name.text}` is declared in {p.type.span.text}"),
                )
                for a, p in zip(arguments, function.parameters, strict=True)
            )
        return Call(c.name.text, arguments, result, c.span)

    def quiet(self) -> Scope:
        """Return a scope for looking at types whose errors are reported elsewhere."""
        return Scope(self.scope.model, self.scope.lost)

    def value(self, e: tree.Expression) -> Expr:
        """Return ``e`` resolved, reporting it if it is a call without a value."""
        result = self.expr(e)
        if result.type.base is Base.VOID:
            self.report(codes.NO_VALUE, result.span, f"`{shown(result.span)}` has no value")
            return Number(Fraction(0), UNKNOWN, result.span)
        return result

    def convolve(self, c: tree.Call) -> Expr:
        unknown = Number(Fraction(0), UNKNOWN, c.span)
        if self.place is not Place.EQUATION:
            message = f"`convolve` can be used only in `equations`, not in {self.place.value}"
            help = "define an `inline` there and use that"
            self.report(codes.BAD_CONVOLUTION, c.span, message, help)
            return unknown
        if not self.count(c, 2):
            return unknown
        kernel, port = plain_name(c.arguments[0]), only_variable(c.arguments[1])
        if kernel is None or port is None:
            message = "`convolve` takes the name of a kernel and the name of a spike port"
            help = (
                "write factors before it and sums as sums, as in "
                "`2 * convolve(K, a) + 2 * convolve(K, b)`"
            )
            self.report(codes.BAD_CONVOLUTION, c.span, message, help)
            return unknown
        kernel_symbol = self.scope.kernels.get(kernel.text)
        port_symbol = self.scope.look_up(port.text) if port.index is None else None
        if kernel_symbol is None:
            if self.scope.look_up(kernel.text) is None:
                self.scope.unknown(kernel.text, kernel.span)
            else:
                message = f"`{kernel.text}` is not a kernel"
                help = "the kernel comes first, then the port"
                if port.text not in self.scope.kernels:
                    help = "define one in `equations`, as in `kernel K = exp(-t / tau)`"
                self.report(codes.BAD_CONVOLUTION, kernel.span, message, help)
            return unknown
        if port.index is not None:
            chosen = element(self, port)
            if chosen.type == UNKNOWN or not isinstance(chosen, (Ref, Element)):
                return unknown
            port_symbol = chosen.symbol if isinstance(chosen, Ref) else chosen.vector
        if port_symbol is None:
            self.scope.unknown(port.text, port.span, (Kind.SPIKE_PORT,))
            return unknown
        if port_symbol.kind is not Kind.SPIKE_PORT:
            message = f"`{port.text}` is {with_article(port_symbol.kind)}, not a spike port"
            help = "what is no train of spikes is filtered by an equation: `x' = (u - x) / tau`"
            self.report(codes.BAD_CONVOLUTION, port.span, message, help)
            return unknown
        if port_symbol.size is not None and vector(self, port_symbol, port.span).type == UNKNOWN:
            return unknown
        return Convolve(kernel_symbol, port_symbol, REAL, c.span)


def plain_name(e: tree.Expression) -> tree.Name | None:
    """Return the name if ``e`` is nothing but a name."""
    if e.then is not None or len(e.operands) != 1 or e.operands[0].prefixes:
        return None
    atom = e.operands[0].atom
    if isinstance(atom, tree.Variable) and atom.order == 0 and atom.index is None:
        return atom.name
    return None


def chain(op: str, left: Expr, right: Expr) -> str:
    """Return how to write ``a < b < c``; empty if this is no chain of comparisons."""
    match left:
        case Binary(first, a, b) if first in COMPARISONS and right.type.is_numeric:
            a_, b_, c_ = (shown(e.span) for e in (a, b, right))
            return f"write `{a_} {first} {b_} and {b_} {op} {c_}`"
        case _:
            return ""


class _Climb:
    """Precedence climbing over one flat sequence of operands and operators."""

    def __init__(
        self,
        owner: Expressions,
        operands: list[tuple[tuple[tree.Operator, ...], Expr]],
        operators: list[tree.Operator],
    ) -> None:
        self.owner = owner
        self.operands = operands
        self.operators = operators
        self.i = 0

    def run(self) -> Expr:
        return self.climb(1, list(self.operands[0][0]))

    def climb(self, lowest: int, prefixes: list[tree.Operator]) -> Expr:
        """Return the longest expression from here whose operators bind at ``lowest`` or tighter."""
        if prefixes:
            first = prefixes.pop(0)
            level = NOT if first.text == "not" else SIGN
            left = self.owner.unary(first, self.climb(level, prefixes))
        else:
            left = self.operands[self.i][1]
        while self.i < len(self.operators):
            op = self.operators[self.i]
            level = LEVELS["!=" if op.text == "<>" else op.text]
            if level < lowest:
                break
            self.i += 1
            following = list(self.operands[self.i][0])
            right = self.climb(level if op.text == "**" else level + 1, following)
            left = self.owner.binary(op, left, right)
        return left
