"""Straight-line code for several neurons as C++ on lanes."""

from __future__ import annotations

from types import MappingProxyType

from nestml_core.api import (
    Base,
    Binary,
    Call,
    Conditional,
    Expr,
    Number,
    Piece,
    Type,
)
from nestml_cpp.ir import (
    LaneField,
    LaneFinite,
    LaneRecord,
    Lanes,
    LaneSolve,
    LaneStatement,
    Let,
    Settable,
)
from nestml_cpp.printer import ROUNDING, RUNTIME, CppPrinter

REALS = (Base.REAL, Base.QUANTITY)
SELECT = MappingProxyType({Base.INTEGER: "select_whole", Base.BOOLEAN: "select_mask"})
LANES = MappingProxyType({Base.INTEGER: "Whole", Base.BOOLEAN: "Mask"})
LARGEST_POWER = 16

FUNCTIONS = MappingProxyType(
    {
        "ln": f"{RUNTIME}log",
        "truncate": f"{RUNTIME}trunc",
        **{
            name: RUNTIME + name
            for name in (
                "abs ceil cos cosh erf erfc exp expm1 floor fma log10 max min round sin sinh tan "
                "tanh whole"
            ).split()
        },
    }
)


class LanePrinter(CppPrinter):
    """Print expressions on lanes; every name in them is that of a local constant or a member."""

    functions = FUNCTIONS

    def type(self, type: Type) -> str:
        return LANES.get(type.base, "Real")

    def widened(self, text: str) -> str:
        return f"Real({text})"

    def piece(self, e: Expr, operands: tuple[Piece, ...]) -> Piece:
        if isinstance(e, Conditional):
            select = SELECT.get(e.type.base, "select_real")
            texts = ", ".join(
                self.real(x) if isinstance(x, Number) and e.type.base in REALS else p.text
                for x, p in zip((e.condition, e.then, e.otherwise), operands, strict=True)
            )
            return Piece(f"{RUNTIME}{select}({texts})")
        return super().piece(e, operands)

    def binary(self, e: Binary, left: Piece, right: Piece) -> Piece:
        if e.op == "//":
            quotient = super(CppPrinter, self).binary(e, left, right).text
            return Piece(quotient.replace("std::trunc", f"{RUNTIME}trunc", 1))
        if e.op == "%":
            return Piece(f"{RUNTIME}fmod({left.text}, {right.text})")
        return super().binary(e, left, right)

    def power(self, e: Binary, base: Piece, exponent: Piece) -> Piece:
        n = e.right.value if isinstance(e.right, Number) else None
        if n is not None and n.denominator == 1 and abs(n) <= LARGEST_POWER:
            times = f"{RUNTIME}power<{abs(n.numerator)}>({base.text})"
            return Piece(times) if n >= 0 else Piece(f"1.0 / {times}", self.levels["/"])
        return Piece(f"{RUNTIME}pow({base.text}, {exponent.text})")

    def call(self, e: Call, arguments: tuple[str, ...]) -> Piece:
        name = self.functions[e.function]
        if e.type.base is Base.INTEGER and e.function in ROUNDING:
            return Piece(f"{RUNTIME}whole({name}({arguments[0]}))")
        if e.function in ("min", "max", "fma") and e.type.base in REALS:
            arguments = tuple(
                self.as_real(x, text) for x, text in zip(e.arguments, arguments, strict=True)
            )
        return Piece(f"{name}({', '.join(arguments)})")

    def as_real(self, e: Expr, text: str) -> str:
        if isinstance(e, Number):
            return self.real(e)
        return f"{RUNTIME}Real({text})" if e.type.base is Base.INTEGER else text

    # Statements

    def code(self, items: tuple[LaneStatement, ...], depth: int) -> str:
        """Return statements as lines."""
        lines: list[str] = []
        for item in items:
            match item:
                case Let(symbol, value):
                    text = self.value_for(symbol.type, value)
                    lines.append(f"const {self.type(symbol.type)} {symbol.name} = {text};")
                case LaneSolve():
                    lines += self.solve(item)
        return "".join(f"{'  ' * depth}{line}\n" for line in lines)

    def solve(self, s: LaneSolve) -> list[str]:
        size = len(s.initial)
        values = ", ".join(map(self.real, s.initial))
        lines = [f"// {', '.join(s.names)}"]
        lines.append(f"{RUNTIME}Reals<{size}> {s.array} = {{{values}}};")
        for f in s.equations:
            arguments = "".join(f", auto& {r}" for r in f.results)
            head = f"const auto {f.name} = [&]([[maybe_unused]] const auto& at{arguments}) {{"
            lines.append(head)
            lines += [f"  for (auto& row : {name}) row.fill(0.0);" for name in f.cleared]
            lines += self.code(f.body, 1).splitlines()
            lines += [f"  {v.target} = {self.real(v.value)};" for v in f.values]
            lines.append("};")
        active = "true" if s.active is None else self.expr(s.active)
        given = (*(f.name for f in s.equations), s.array, "dt", *s.tolerances, active)
        lines.append(f"{RUNTIME}{s.function}({', '.join(given)});")
        return lines

    def step(self, lanes: Lanes) -> str:
        """Return the lines of a step: what arrives, the code, what is stored."""
        lines = []
        for i, port in enumerate(lanes.spike_ports):
            lines.append(f"[[maybe_unused]] const Real {port.name} = in.sum(k, {i});")
            if port.arrived:
                lines.append(f"const Mask {port.arrived} = in.arrived(k, {i});")
        for i, port in enumerate(lanes.continuous_ports):
            lines.append(f"[[maybe_unused]] const Real {port.name} = in.current(k, {i});")
        lead = "".join(f"    {line}\n" for line in lines)
        stores = [
            f"{a.target.name} = {self.value_for(a.target.type, a.value)};" for a in lanes.stores
        ]
        tail = "".join(f"    {line}\n" for line in (*stores, f"return {self.expr(lanes.emitted)};"))
        return lead + self.code(lanes.body, 2) + tail

    def record(self, r: LaneRecord) -> str:
        """Return the lines of a block that returns the value of a recordable."""
        lead = "".join(
            f"        [[maybe_unused]] const Real {name} = in.current(k, {i});\n"
            for i, name in r.currents
        )
        value = self.expr(r.value)
        if r.value.type.base is Base.BOOLEAN:
            value = f"{RUNTIME}Whole({RUNTIME}Mask({value}))"
        return lead + self.code(r.body, 4) + f"        return {value};\n"

    def members(self, fields: tuple[LaneField, ...]) -> str:
        return "".join(f"    {self.type(f.symbol.type)} {f.name};\n" for f in fields)


def pack(fields: tuple[LaneField, ...], to: str) -> str:
    """Return what copies values of a neuron into a lane, as lines."""
    return "".join(f"    {to}.{f.name}.put(lane, {f.member});\n" for f in fields)


def unpack(fields: tuple[LaneField, ...], source: str) -> str:
    """Return what copies values of a lane into a neuron, as lines."""
    return "".join(f"    {f.member} = {source}.{f.name}[lane];\n" for f in fields)


def finite(fields: tuple[LaneFinite, ...]) -> str:
    """Return what asks whether variables are finite, or numbers at least, as lines."""
    return "".join(
        f"    good = good && {f'{RUNTIME}is_finite({f.name})' if f.is_advanced else _equal(f)};\n"
        for f in fields
    )


def numbers(fields: tuple[LaneFinite, ...]) -> str:
    """Return what asks whether variables are numbers, as lines."""
    return "".join(f"    good = good && {_equal(f)};\n" for f in fields)


def _equal(f: LaneFinite) -> str:
    return f"{f.name} == {f.name}"


def set_parameter(x: Settable, index: int, default: str) -> str:
    """Return what stores the value of a parameter, as lines."""
    lines = [f"p.{x.member} = {default};"] if default else []
    return _set(x, index, "p", "parameters", lines)


def set_initial(x: Settable, index: int) -> str:
    """Return what stores an initial value, as lines."""
    return _set(x, index, "s", "initial", [])


def _set(x: Settable, index: int, struct: str, kind: str, lines: list[str]) -> str:
    target = f"{struct}.{x.member}"
    lines = [*lines, "if (given != nullptr) {"]
    if x.is_vector:
        size = f"std::min({target}.size(), of.{kind}[{index}].size)"
        lines.append(f"  for (std::size_t j = 0; j < {size}; ++j) {{")
        lines.append(
            f"    {target}[j] = static_cast<std::decay_t<decltype({target}[0])>>(given[j]);"
        )
        lines.append("  }")
    else:
        lines.append(f"  {target} = static_cast<decltype({target})>(*given);")
    return "".join(f"    {line}\n" for line in (*lines, "}"))
