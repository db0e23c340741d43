"""Expressions and statements of synapses as C++20."""

from __future__ import annotations

from nestml_core.api import Base, Binary, Emit, Number, Piece
from nestml_cpp.ir import Derivation, Field, OnCondition
from nestml_cpp.layout import aligned
from nestml_cpp.ownership import OWN, SHARED, SOURCE, STATE, TARGET
from nestml_cpp.printer import RUNTIME, CppPrinter
from nestml_cpp.synapse_ir import Column, Recorder, Setting

INDENT = "  "


class SynapsePrinter(CppPrinter):
    """Print what stands in the class of a synapse, deeper by a level than in that of a neuron."""

    def emit(self, stmt: Emit) -> list[str]:
        assert stmt.weight is not None, "lowering gives every spike a weight"
        return [f"emit({self.real(stmt.weight)});"]

    def power(self, e: Binary, base: Piece, exponent: Piece) -> Piece:
        if e.type.base is Base.INTEGER or isinstance(e.right, Number):
            return super().power(e, base, exponent)
        return Piece(f"{RUNTIME}raised({base.text}, {exponent.text})")

    def deeper(self, text: str) -> str:
        """Return lines of a member function as those of one in a struct inside a struct."""
        return "".join(f"{INDENT}{line}\n" if line else "\n" for line in text.splitlines())

    def members(self, fields: tuple[Field, ...]) -> str:
        lines = aligned([(self.field(f), f.comment) for f in fields])
        return "".join(f"    {line}\n" for line in lines)

    def interval_derivation(self, item: Derivation) -> str:
        """As ``derivation``, for the length of an interval, which is a member of the result."""
        return self.derivation(item).replace("(rates, dt)", "(rates, i->dt)")

    def truth(self, value: bool) -> str:
        return "true" if value else "false"

    def loads(self, columns: tuple[Column, ...], owner: str) -> str:
        """Return what copies the values of a connection from their columns."""
        return "".join(
            f"      {c.member} = {c.name}[place]{' != 0' if c.is_boolean else ''};\n"
            for c in columns
            if c.member.startswith(f"{owner}.")
        )

    def stores(self, columns: tuple[Column, ...], owner: str) -> str:
        return "".join(
            f"      {c.name}[place] = {c.member};\n"
            for c in columns
            if c.member.startswith(f"{owner}.")
        )

    def set_shared(self, settings: tuple[Setting, ...]) -> str:
        """Return what gives the shared parameters their values."""
        lines = []
        for x in settings:
            if x.owner != SHARED:
                continue
            default = self.name(x.target) if x.otherwise is None else self.real_or(x)
            lines.append(self.setting(x, default, 0))
        return "".join(f"    {line}\n" for line in lines)

    def set_own(self, settings: tuple[Setting, ...], owner: str) -> str:
        """Return what gives the parameters or the state in a struct their values."""
        lines = []
        for x in settings:
            if x.owner == owner == OWN:
                lines.append(self.setting(x, self.real_or(x), 1))
            elif x.owner == owner:
                lines.append(self.setting(x, self.name(x.target), int(owner == STATE)))
        return "".join(f"      {line}\n" for line in lines)

    def real_or(self, x: Setting) -> str:
        assert x.otherwise is not None
        return self.value_for(x.target.type, x.otherwise)

    def setting(self, x: Setting, default: str, each: int) -> str:
        place = "n" if each else "0"
        kind = self.type(x.target.type)
        value = f"given[{x.index}].of({place}, static_cast<double>({default}))"
        if kind == "bool":
            value = f"{value} != 0.0"
        elif kind != "double":
            value = f"static_cast<{kind}>({value})"
        else:
            value = f"given[{x.index}].of({place}, {default})"
        return f"{self.name(x.target)} = {value};"

    def strange(self, settings: tuple[Setting, ...]) -> str:
        """Return the tests of what cannot be set as it was generated."""
        lines = []
        for x in settings:
            if x.owner in (SHARED, SOURCE):
                lines.append(f'if (given[{x.index}].each) return "{x.name}";')
            elif x.owner == TARGET:
                test = (
                    f"given[{x.index}].each || (given[{x.index}].values != nullptr && longest > 0)"
                )
                lines.append(f'if ({test}) return "{x.name}";')
        return "".join(f"    {line}\n" for line in lines)

    def recorded(self, r: Recorder) -> str:
        return f"          return static_cast<double>({self.expr(r.value)});\n"

    def tests(self, conditions: tuple[OnCondition, ...]) -> str:
        lines = (f"if ({self.expr(c.condition)}) {c.call};" for c in conditions)
        return "".join(f"      {line}\n" for line in lines)


SYNAPSES = SynapsePrinter()
