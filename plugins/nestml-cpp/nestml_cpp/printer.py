"""Expressions and statements as C++20, with what the generated structs call things."""

from __future__ import annotations

from types import MappingProxyType

from nestml_core.api import (
    DT,
    TIME,
    Assign,
    Base,
    Binary,
    Call,
    Channel,
    Declare,
    Emit,
    Expr,
    Integrate,
    Kind,
    Piece,
    Say,
    Stmt,
    StrictCPrinter,
    Symbol,
    c_string,
)
from nestml_cpp.bodies import ELEMENT
from nestml_cpp.ir import (
    Delay,
    Derivation,
    Element,
    Equations,
    Field,
    Guard,
    Jump,
    MatrixBlock,
    OnCondition,
    Watched,
)
from nestml_cpp.layout import aligned
from nestml_cpp.vectors import filled, is_array, is_whole, type_of

RUNTIME = "nestml_runtime::"
LOOPS = ("for (", "while (")
DOUBLE = "double"

MEMBER = MappingProxyType(
    {
        Kind.PARAMETER: "p.{}",
        Kind.INTERNAL: "d.{}",
        Kind.STATE: "s.{}",
        Kind.SPIKE_PORT: "in.{}.sum",
        Kind.CONTINUOUS_PORT: "in.{}",
        Kind.DELAYED: "delayed.{}",
    }
)
"""Where a symbol lives: in the structs of parameters, derived constants, state and input."""

CALLS = MappingProxyType(
    {
        "random_normal": "rng.normal",
        "random_uniform": "rng.uniform",
        "random_poisson": "rng.poisson",
        "expdd": f"{RUNTIME}expdd",
    }
)

SAYING = MappingProxyType({Channel.INFO: "info: ", Channel.WARNING: "warning: "})
QUOTIENTS = MappingProxyType({"//": "quotient", "%": "remainder"})
ROUNDING = frozenset({"ceil", "floor", "round", "truncate"})


def _is_real(e: Expr) -> bool:
    return e.type.base in (Base.REAL, Base.QUANTITY)


class CppPrinter(StrictCPrinter):
    """Print what stands in the member functions of a generated struct."""

    functions = MappingProxyType(dict(StrictCPrinter.functions) | dict(CALLS))

    def name(self, symbol: Symbol) -> str:
        if symbol == TIME:
            return "t"
        if symbol == DT:
            return "dt"
        if symbol.vector is not None:
            return f"{self.name(symbol.vector)}[{symbol.place}]"
        return MEMBER.get(symbol.kind, "{}").format(symbol.name)

    def declared_type(self, symbol: Symbol) -> str:
        """Return the C++ type of a variable, which may be a vector."""
        element = self.type(symbol.type)
        return element if symbol.size is None else type_of(symbol, element)

    def assign(self, target: Symbol, value: Expr) -> str:
        if target.size is not None and not is_whole(value):
            return self.fill(target, self.value_for(target.type, value))
        return f"{self.name(target)} = {self.value_for(target.type, value)};"

    def fill(self, vector: Symbol, value: str) -> str:
        """Return what gives all elements one value."""
        if is_array(vector):
            return f"{self.name(vector)}.fill({value});"
        assert vector.size is not None
        size = f"static_cast<std::size_t>({self.expr(vector.size)})"
        return f"{self.name(vector)}.assign({size}, {value});"

    def statement(self, stmt: Stmt) -> list[str]:
        if isinstance(stmt, Assign) and stmt.index is not None:
            place = f"{self.name(stmt.target)}, {self.expr(stmt.index)}, "
            value = self.value_for(stmt.target.type, stmt.value)
            return [f"{ELEMENT}({place}{c_string(stmt.target.name)}) = {value};"]
        if isinstance(stmt, Declare) and stmt.symbol.size is not None:
            kind = self.type(stmt.symbol.type)
            value = self.expr(filled(stmt.symbol, stmt.value, kind))
            return [f"{type_of(stmt.symbol, kind)} {self.name(stmt.symbol)} = {value};"]
        if isinstance(stmt, Declare):
            return [f"{self.type(stmt.symbol.type)} {self.assign(stmt.symbol, stmt.value)}"]
        return super().statement(stmt)

    def binary(self, e: Binary, left: Piece, right: Piece) -> Piece:
        if e.op == "+" and e.type.base is Base.STRING:
            return Piece(
                f"{RUNTIME}text({left.text}) + {RUNTIME}text({right.text})", self.levels["+"]
            )
        if e.op == "/" and e.left.type.base is e.right.type.base is Base.INTEGER:
            level = self.levels["/"]
            return Piece(f"{self.widened(left.text)} / {self.widened(right.text)}", level)
        if e.op in QUOTIENTS and e.left.type.base is e.right.type.base is Base.INTEGER:
            return Piece(f"{RUNTIME}{QUOTIENTS[e.op]}({left.text}, {right.text})")
        return super().binary(e, left, right)

    def power(self, e: Binary, base: Piece, exponent: Piece) -> Piece:
        if e.type.base is Base.INTEGER:
            return Piece(f"{RUNTIME}power({base.text}, {exponent.text})")
        return super().power(e, base, exponent)

    def call(self, e: Call, arguments: tuple[str, ...]) -> Piece:
        if _is_real(e) and e.function in ("min", "max"):
            arguments = tuple(
                self.real(a) if a.type.base is Base.INTEGER else text
                for a, text in zip(e.arguments, arguments, strict=True)
            )
        if e.type.base is Base.INTEGER and e.function in ROUNDING:
            return Piece(f"{RUNTIME}integer({self.functions[e.function]}({arguments[0]}))")
        return super().call(e, arguments)

    # Statements

    def block(self, head: str, body: tuple[Stmt, ...]) -> list[str]:
        lines = super().block(head, body)
        return (
            lines if not head.startswith(LOOPS) else [lines[0], f"  {RUNTIME}pass();", *lines[1:]]
        )

    def integrate(self, stmt: Integrate) -> list[str]:
        raise AssertionError("integrate_odes is a call of a member function after lowering")

    def emit(self, stmt: Emit) -> list[str]:
        return ["++emitted;"]

    def say(self, stmt: Say) -> list[str]:
        lead = SAYING.get(stmt.channel, "")
        parts = [c_string(lead)] if lead else []
        parts += [self.expr(p) for p in stmt.parts]
        if stmt.channel is not Channel.PRINT:
            parts.append(c_string("\n"))
        return [f"{RUNTIME}say({part});" for part in parts]

    def derivation(self, item: Derivation) -> str:
        """Return the statements that compute derived constants, as lines of a member function."""
        if not isinstance(item, MatrixBlock):
            return self.body((item,))
        rows = [f"      {{{{{', '.join(map(self.expr, row))}}}}}," for row in item.rows]
        lines = ["{", f"  const {RUNTIME}Matrix<{len(rows)}> rates = {{{{", *rows, "  }};"]
        lines += [f"  const auto m = {RUNTIME}matrix_exponential(rates, dt);"]
        lines += [f"  {self.name(s)} = m[{i}][{j}];" for s, i, j in item.entries]
        return "".join(f"    {line}\n" for line in (*lines, "}"))

    def body(self, body: tuple[Stmt, ...]) -> str:
        """Return statements as the lines of a member function."""
        return self.statements(body, 2)

    def comment(self, text: str) -> str:
        return f"    // {text}\n"

    def fields(self, fields: tuple[Field, ...]) -> str:
        """Return the members of a struct inside a struct."""
        lines = aligned([(self.field(f), f.comment) for f in fields])
        return "".join(f"    {line}\n" for line in lines)

    def field(self, f: Field) -> str:
        if f.value is None:
            return f"{f.type} {f.name}{' = {}' if f.is_array else ''};"
        value = self.real(f.value) if f.type == DOUBLE else self.expr(f.value)
        return f"{f.type} {f.name} = {value};"

    def constants(self, assignments: tuple[Assign, ...]) -> str:
        """Return definitions of local constants as lines of a member function."""
        lines = (f"    const double {self.assign(a.target, a.value)}\n" for a in assignments)
        return "".join(lines)

    def jumps(self, jumps: tuple[Jump, ...]) -> str:
        lines = (f"    {self.name(j.target)} += {self.expr(j.amount)};\n" for j in jumps)
        return "".join(lines)

    def equations(self, f: Equations) -> str:
        """Return what evaluates a nonlinear system as the lines of its function."""
        lines = [f"const double {e.local} = at[{e.place}];" for e in f.read]
        lines += [f"const double {self.assign(a.target, a.value)}" for a in f.shared]
        lines += [f"for (auto& row : {name}) row.fill(0.0);" for name in f.cleared]
        lines += [f"{v.target} = {self.real(v.value)};" for v in f.values]
        return "".join(f"      {line}\n" for line in lines)

    def lent(self, elements: tuple[Element, ...]) -> str:
        """Return how the state follows the trial steps of a solver."""
        return "".join(f"      {self.name(e.target)} = at[{e.place}];\n" for e in elements)

    def results(self, elements: tuple[Element, ...]) -> str:
        """Return how the results of a solver are stored."""
        return "".join(
            f"    {self.name(e.target)} = moving[{e.place}];\n" for e in elements if e.is_result
        )

    def constructor(self, fields: tuple[Field, ...]) -> str:
        """Return the constructor of ``Parameters`` that gives these members their first values."""
        first = (f"{f.name}({self.expr(f.value)})" for f in fields if f.value is not None)
        return f"    explicit Parameters(double dt = 0.1) : {', '.join(first)} {{}}\n"

    def guards(self, guards: tuple[Guard, ...]) -> str:
        """Return the tests of guards as lines of a member function."""
        tests = (f"if (!({self.expr(g.condition)})) return {g.message};" for g in guards)
        return "".join(f"    {test}\n" for test in tests)

    def watched(self, watched: tuple[Watched, ...]) -> str:
        """Return the tests of state variables as lines of a member function."""
        lines = []
        for w in watched:
            if w.is_vector:
                lines.append(f"    for (const double x : s.{w.member}) {{\n")
                lines.append(f"      if (std::isnan(x)) return {w.name};\n    }}\n")
                continue
            test = f"std::isnan(s.{w.member})"
            if w.is_finite:
                test = f"!std::isfinite(s.{w.member}) && s.{w.member} != before.{w.member}"
            lines.append(f"    if ({test}) return {w.name};\n")
        return "".join(lines)

    def lines_of_delays(self, delays: tuple[Delay, ...]) -> str:
        """Return how the lines of delayed variables begin, as lines of a member function."""
        lines = (f"    lines.{d.line}.begin({self.real(d.duration)}, dt);\n" for d in delays)
        return "".join(lines)

    def delayed(self, delays: tuple[Delay, ...]) -> str:
        """Return how delayed variables get their values, as lines of a member function."""
        lines = (
            f"    {self.name(d.target)} = lines.{d.line}.next({self.name(d.variable)});\n"
            for d in delays
        )
        return "".join(lines)

    def conditions(self, blocks: tuple[OnCondition, ...]) -> str:
        """Return the calls of the ``onCondition`` blocks as lines of a member function."""
        tests = (f"if ({self.expr(c.condition)}) {c.call};" for c in blocks)
        return "".join(f"    {test}\n" for test in tests)
