"""Straight-line code for several neurons as C++ on lanes."""

from __future__ import annotations

from types import MappingProxyType

from nestml_core.expr import RANDOM, Binary, Call, Conditional, Expr, Number, Symbol
from nestml_core.lanes.ir import (
    LaneField,
    LaneFinite,
    LaneRecord,
    Lanes,
    LaneSolve,
    LaneStatement,
    Let,
)
from nestml_core.printing.base import Piece
from nestml_core.printing.strict_c import StrictCPrinter
from nestml_core.solved import DT, TIME
from nestml_core.types import Base, Type

RUNTIME = "nestml_runtime::"
ROUNDING = frozenset({"ceil", "floor", "round", "truncate"})
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


class LanePrinter(StrictCPrinter):
    """Print expressions on lanes; every name in them is that of a local constant or a member."""

    functions = FUNCTIONS
    place = ""
    """What leads the number of a port, where code asks for what arrives at it."""

    def name(self, symbol: Symbol) -> str:
        return {TIME: "t", DT: "dt"}.get(symbol, symbol.name)

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
            quotient = super(StrictCPrinter, self).binary(e, left, right).text
            return Piece(quotient.replace("std::trunc", f"{RUNTIME}trunc", 1))
        if e.op == "%":
            return Piece(f"{RUNTIME}fmod({left.text}, {right.text})")
        if e.op == "/" and e.right.type.base is Base.INTEGER and e.left.type.base is Base.INTEGER:
            right = Piece(
                self.real(e.right) if isinstance(e.right, Number) else self.widened(right.text)
            )
        return super().binary(e, left, right)

    def power(self, e: Binary, base: Piece, exponent: Piece) -> Piece:
        n = e.right.value if isinstance(e.right, Number) else None
        if n is not None and n.denominator == 1 and abs(n) <= LARGEST_POWER:
            times = f"{RUNTIME}power<{abs(n.numerator)}>({base.text})"
            return Piece(times) if n >= 0 else Piece(f"1.0 / {times}", self.levels["/"])
        return Piece(f"{RUNTIME}pow({base.text}, {exponent.text})")

    def call(self, e: Call, arguments: tuple[str, ...]) -> Piece:
        if e.function in RANDOM:
            reals = (
                self.as_real(x, t) for x, t in zip(e.arguments[1:], arguments[1:], strict=True)
            )
            return Piece(
                f"{RUNTIME}{e.function}({', '.join(('in.random, k', arguments[0], *reals))})"
            )
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

    def step(self, lanes: Lanes) -> str:
        """Return the lines of a step: what arrives, the code, what is stored."""
        lines = []
        for i, port in enumerate(lanes.spike_ports):
            lines.append(f"[[maybe_unused]] const Real {port.name} = in.sum({self.place}{i});")
            if port.arrived:
                lines.append(f"const Mask {port.arrived} = in.arrived({self.place}{i});")
        for i, port in enumerate(lanes.continuous_ports):
            lines.append(f"[[maybe_unused]] const Real {port.name} = in.current({self.place}{i});")
        lead = "".join(f"    {line}\n" for line in lines)
        stores = [
            f"{a.target.name} = {self.value_for(a.target.type, a.value)};" for a in lanes.stores
        ]
        stores.append(f"return {self.emission(lanes.emitted)};")
        tail = "".join(f"    {line}\n" for line in stores)
        return lead + self.code(lanes.body, 2) + tail

    def emission(self, emitted: Expr) -> str:
        """Return the number of spikes of a step; a truth value stands for one or none."""
        text = self.expr(emitted)
        return self.as_whole(text) if emitted.type.base is Base.BOOLEAN else text

    def as_whole(self, text: str) -> str:
        return f"{RUNTIME}Whole({RUNTIME}Mask({text}))"

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

    def record(self, r: LaneRecord) -> str:
        """Return the lines of a block that returns the value of a recordable."""
        lead = "".join(
            f"        [[maybe_unused]] const Real {name} = in.current({self.place}{i});\n"
            for i, name in r.currents
        )
        value = self.expr(r.value)
        if r.value.type.base is Base.BOOLEAN:
            value = self.as_whole(value)
        return lead + self.code(r.body, 4) + f"        return {value};\n"

    def members(self, fields: tuple[LaneField, ...]) -> str:
        return "".join(f"    {self.type(f.symbol.type)} {f.name};\n" for f in fields)

    def pack(self, fields: tuple[LaneField, ...], to: str) -> str:
        """Return what copies values of a neuron into a lane, as lines."""
        return "".join(f"    {to}.{f.name}.put(lane, {f.member});\n" for f in fields)

    def unpack(self, fields: tuple[LaneField, ...], source: str) -> str:
        """Return what copies values of a lane into a neuron, as lines."""
        return "".join(f"    {f.member} = {source}.{f.name}[lane];\n" for f in fields)

    def numbers(self, fields: tuple[LaneFinite, ...]) -> str:
        """Return what asks whether variables are numbers, as lines."""
        return "".join(f"    good = good && {self.is_number(f)};\n" for f in fields)

    def is_number(self, f: LaneFinite) -> str:
        return f"{f.name} == {f.name}"
