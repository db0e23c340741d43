"""Render processes in whole numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nestml_core.api import Boolean, Number, environment, real_literal
from nestml_lava import modules, report
from nestml_lava.fixed.package import IntegerPackage
from nestml_lava.layout import broken
from nestml_lava.modules import called
from nestml_lava.printing import code, docstring

SETUP = ("_parameters", "_guards", "_constants", "_initial", "_sizes", "_inlines")
"""Routines that processes in whole numbers do without."""

FILES = ("inprocess.py", "integers.py", "network.py", "population.py")
RUNTIME = ("IntegerModel", "IntegerPopulation", "Integers", "whole_variable")


@dataclass(frozen=True, slots=True)
class Shown:
    """A variable of whole numbers, as the module writes it."""

    name: str
    initial: int
    is_scaled: bool
    scale: str
    offset: str
    limit: int
    precision: int
    description: str


@dataclass(frozen=True, slots=True)
class ShownPort:
    name: str
    scale: str
    largest: int
    description: str


def render(package: IntegerPackage, version: str) -> Mapping[str, str]:
    """Return the files of the package."""
    copied = {file: modules.text(file) for file in FILES}
    return {
        "__init__.py": broken(rendered(package, version)),
        **copied,
        "report.json": report.text(report.of_integers(package)),
    }


def rendered(package: IntegerPackage, version: str) -> str:
    """Return the module of the process, with lines of any length."""
    templates = environment("nestml_lava", code=code, docstring=docstring)
    routines = [r for r in package.inner.routines if r.name not in SETUP]
    statements = {name for r in routines for name in called(r.body)} & {"emit", "events"}
    return templates.get_template("integer.py.jinja").render(
        process=package.inner,
        package=package,
        version=version,
        dt=real_literal(package.numbers.integers.dt),
        routines=routines,
        needed=[*RUNTIME, *sorted(statements)],
        variables=tuple(variables(package)),
        ports=tuple(ports(package)),
        baked=tuple(dict.fromkeys(package.baked)),
        tags=", ".join(f'"{t}"' for t in package.tags),
    )


def variables(package: IntegerPackage) -> Iterator[Shown]:
    of = package.numbers.integers
    formats = {f.whole.name: f for f in of.formats}
    first = {d.symbol.name: d.value for d in of.code.state}
    summaries = {d.symbol.name: d.documentation for d in of.code.state}
    for x in package.inner.states:
        f = formats.get(x.symbol.name)
        value = first[x.symbol.name]
        whole = int(value.value) if isinstance(value, Number | Boolean) else 0
        unit = f.symbol.type.unit if f is not None else None
        factor = float(unit.factor) if unit else 1.0
        is_scaled = f is not None and bool(f.bits)
        yield Shown(
            name=x.name,
            initial=whole,
            is_scaled=is_scaled,
            scale=real_literal(f.scale * factor) if f is not None else "1.0",
            offset=real_literal(f.offset / factor) if f is not None else "0.0",
            limit=f.limit if f is not None else 2**31 - 1,
            precision=f.bits + 1 if f is not None and f.bits else 32,
            description="; ".join(
                s for s in (unit.text if unit else "", summaries[x.symbol.name]) if s
            )
            or "a whole number",
        )
    for port in package.inner.continuous_ports:
        yield Shown(port.held, 0, False, "1.0", "0.0", 2**31 - 1, 32, "what the port received last")


def ports(package: IntegerPackage) -> Iterator[ShownPort]:
    formats = {p.whole.name: p for p in package.numbers.integers.ports}
    inner = package.inner
    for x in (*inner.spike_ports, *inner.continuous_ports):
        p = formats[x.symbol.name]
        unit = p.symbol.type.unit if x.held else None
        factor = float(unit.factor) if unit else 1.0
        most = abs(p.largest / p.scale) / factor
        what = "value that holds for the step that follows" if x.held else "sum of weights"
        scale = real_literal(p.scale * factor)
        description = f"{what}, as whole numbers of {scale} for 1, up to {most:.6g}"
        yield ShownPort(x.name, scale, p.largest, description)
