"""Straight-line code for several neurons as C++: where populations keep what it reads."""

from __future__ import annotations

from nestml_core.api import Expr, LaneFinite, LanePrinter
from nestml_cpp.ir import Settable
from nestml_cpp.printer import RUNTIME


class PopulationPrinter(LanePrinter):
    """Print what stands in the member functions of a model of a population."""

    place = "k, "

    def emission(self, emitted: Expr) -> str:
        return self.expr(emitted)

    def finite(self, fields: tuple[LaneFinite, ...]) -> str:
        """Return what asks whether variables are finite, or numbers at least, as lines."""
        tests = (
            f"{RUNTIME}is_finite({f.name})" if f.is_advanced else self.is_number(f) for f in fields
        )
        return "".join(f"    good = good && {test};\n" for test in tests)

    def strange(self, fields: tuple[LaneFinite, ...]) -> str:
        """Return what makes ``sum`` no number if a variable is not as ``finite`` asks, as lines."""
        return "".join(
            f"    sum = {RUNTIME}fma({f.name}, 0.0, sum);\n"
            if f.is_advanced
            else f"    sum = sum + {RUNTIME}select_real({self.is_number(f)}, 0.0, {f.name});\n"
            for f in fields
        )


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
