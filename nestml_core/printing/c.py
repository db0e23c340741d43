"""C++: expressions and statements."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from nestml_core.expr import Binary, Call, Constant, Expr, Number, Ref, Symbol
from nestml_core.printing.base import ATOM, ExprPrinter, Piece, real_literal
from nestml_core.stmt import (
    Assign,
    Declare,
    Emit,
    Evaluate,
    For,
    If,
    Integrate,
    IntegrateOdes,
    Return,
    Say,
    Stmt,
    While,
)
from nestml_core.types import Base, Type

_LEVELS = {
    "?:": 1,
    "or": 2,
    "and": 3,
    "|": 4,
    "^": 5,
    "&": 6,
    "==": 7,
    "!=": 7,
    "<": 8,
    "<=": 8,
    ">": 8,
    ">=": 8,
    "<<": 9,
    ">>": 9,
    "+": 10,
    "-": 10,
    "*": 11,
    "/": 11,
    "//": 11,
    "%": 11,
    "unary -": 12,
    "unary ~": 12,
    "unary not": 12,
}
POSTFIX = 13
SMALL_POWERS = {2: "{0} * {0}", 3: "{0} * {0} * {0}", 4: "{0} * {0} * ({0} * {0})"}
"""What is multiplied out: far faster than ``std::pow``."""


def c_string(value: str) -> str:
    """Return a C string literal; everything but plain ASCII text is escaped in octal."""
    out = []
    for byte in value.encode("utf-8"):
        c = chr(byte)
        if c in '"\\?':
            out.append("\\" + c)
        elif 32 <= byte < 127:
            out.append(c)
        else:
            out.append(f"\\{byte:03o}")
    return '"' + "".join(out) + '"'


class CPrinter(ExprPrinter):
    """Print C++20 that needs ``<cmath>``, ``<limits>`` and ``<algorithm>``.

    ``expdd`` is the name of a function ``double(double h, const double (&rates)[n])`` that the
    backend provides.
    """

    levels = MappingProxyType(_LEVELS)
    spelling = MappingProxyType({"and": "&&", "or": "||", "not": "!", "//": "/"})
    functions: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "ln": "std::log",
            "abs": "std::abs",
            "truncate": "std::trunc",
            "min": "std::min<double>",
            "max": "std::max<double>",
            "expdd": "expdd",
            **{
                f: f"std::{f}"
                for f in (
                    [
                        "exp",
                        "log10",
                        "expm1",
                        "sin",
                        "cos",
                        "tan",
                        "sinh",
                        "cosh",
                        "tanh",
                        "erf",
                        "erfc",
                        "ceil",
                        "floor",
                        "round",
                    ]
                )
            },
        }
    )

    def number(self, e: Number) -> Piece:
        if e.type.base is Base.INTEGER:
            text = str(e.value.numerator) + "L"
        else:
            text = real_literal(float(e.value))
        return Piece(text, _LEVELS["unary -"] if text.startswith("-") else ATOM)

    def constant(self, e: Constant) -> Piece:
        texts = {
            "inf": "std::numeric_limits<double>::infinity()",
            "e": "2.718281828459045",
            "pi": "3.141592653589793",
        }
        return Piece(texts[e.name])

    def text(self, value: str) -> str:
        return c_string(value)

    def type(self, type: Type) -> str:
        """Return the C++ type of values of ``type``."""
        names = {
            Base.INTEGER: "long",
            Base.BOOLEAN: "bool",
            Base.STRING: "std::string",
            Base.VOID: "void",
        }
        return names.get(type.base, "double")

    def binary(self, e: Binary, left: Piece, right: Piece) -> Piece:
        whole = e.left.type.base is Base.INTEGER and e.right.type.base is Base.INTEGER
        if e.op == "**":
            return self.power(e, left, right)
        if e.op == "/" and whole:
            left = Piece(self.widened(left.text))
        elif e.op == "//" and not whole:
            quotient = super().binary(e, left, right)
            return Piece(f"std::trunc({quotient.text})")
        elif e.op == "%" and not whole:
            return Piece(f"std::fmod({left.text}, {right.text})")
        return super().binary(e, left, right)

    def widened(self, text: str) -> str:
        """Return a whole number as a real one, which compilers want to be said."""
        return f"static_cast<double>({text})"

    def power(self, e: Binary, base: Piece, exponent: Piece) -> Piece:
        if (
            isinstance(e.left, Ref)
            and isinstance(e.right, Number)
            and e.right.value in SMALL_POWERS
        ):
            product = SMALL_POWERS[int(e.right.value)]
            return Piece(product.format(base.text), _LEVELS["*"])
        call = f"std::pow({base.text}, {exponent.text})"
        if e.type.base is Base.INTEGER:
            call = f"static_cast<long>({call})"
        return Piece(call)

    def call(self, e: Call, arguments: tuple[str, ...]) -> Piece:
        if e.function == "expdd":
            h, *rates = (
                f"static_cast<double>({text})" if a.type.base is Base.INTEGER else text
                for a, text in zip(e.arguments, arguments, strict=True)
            )
            return Piece(f"{self.functions['expdd']}({h}, {{{', '.join(rates)}}})")
        if e.type.base is Base.INTEGER and e.function in ("min", "max"):
            return Piece(f"std::{e.function}<long>({', '.join(arguments)})")
        piece = super().call(e, arguments)
        if e.type.base is Base.INTEGER and e.function in ("ceil", "floor", "round", "truncate"):
            return Piece(f"static_cast<long>({piece.text})")
        return piece

    # Statements. A backend defines what integrating, emitting and saying mean to it.

    def statements(self, body: tuple[Stmt, ...], depth: int = 0) -> str:
        """Return ``body`` as indented lines, each ending in a newline."""
        return "".join(f"{'  ' * depth}{line}\n" for line in self.lines(body))

    def lines(self, body: tuple[Stmt, ...]) -> list[str]:
        return [line for stmt in body for line in self.statement(stmt)]

    def block(self, head: str, body: tuple[Stmt, ...]) -> list[str]:
        return [f"{head} {{", *("  " + line for line in self.lines(body)), "}"]

    def statement(self, stmt: Stmt) -> list[str]:
        match stmt:
            case Assign(target, value):
                return [self.assign(target, value)]
            case Declare(symbol, value):
                return [f"{self.type(symbol.type)} {self.name(symbol)} = {self.expr(value)};"]
            case If(branches, otherwise):
                lines: list[str] = []
                for i, b in enumerate(branches):
                    word = "} else if" if i else "if"
                    lines = lines[:-1] if i else lines
                    lines += self.block(f"{word} ({self.expr(b.condition)})", b.body)
                if otherwise:
                    lines = [*lines[:-1], *self.block("} else", otherwise)]
                return lines
            case For():
                return self.loop(stmt)
            case While(condition, body):
                return self.block(f"while ({self.expr(condition)})", body)
            case Return(value):
                return ["return;" if value is None else f"return {self.expr(value)};"]
            case Integrate():
                return self.integrate(stmt)
            case Emit():
                return self.emit(stmt)
            case Say():
                return self.say(stmt)
            case Evaluate(call):
                return [f"{self.expr(call)};"]
            case IntegrateOdes():
                raise AssertionError("integrate_odes is gone after solve")

    def assign(self, target: Symbol, value: Expr) -> str:
        return f"{self.name(target)} = {self.expr(value)};"

    def loop(self, stmt: For) -> list[str]:
        v = self.name(stmt.variable)
        step = self.expr(stmt.step)
        down = step.lstrip("(").startswith("-")
        test = ">" if down else "<"
        head = (
            f"for ({v} = {self.expr(stmt.start)}; {v} {test} {self.expr(stmt.stop)}; {v} += {step})"
        )
        return self.block(head, stmt.body)

    def integrate(self, stmt: Integrate) -> list[str]:
        raise NotImplementedError

    def emit(self, stmt: Emit) -> list[str]:
        raise NotImplementedError

    def say(self, stmt: Say) -> list[str]:
        raise NotImplementedError
