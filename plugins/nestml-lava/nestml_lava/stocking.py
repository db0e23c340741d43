"""Models as Lava's own processes: packages with translated parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nestml_core.api import Result, SolvedModel, Symbol, environment, real_literal
from nestml_lava import modules, refusals, report
from nestml_lava.fixed.package import given_values
from nestml_lava.ir import Process
from nestml_lava.layout import broken
from nestml_lava.lower import process
from nestml_lava.options import Options
from nestml_lava.printing import code, docstring
from nestml_lava.stock import Lif, detect

if TYPE_CHECKING:
    from nestml_core.api import Schedule

FILES = ("network.py", "stock.py")


@dataclass(frozen=True, slots=True)
class StockPackage:
    """A model that Lava has. ``inner`` has the names of ports and variables."""

    name: str
    lif: Lif
    dt: float
    inner: Process
    baked: tuple[str, ...]

    @property
    def process(self) -> Process:
        return self.inner


@dataclass(frozen=True, slots=True)
class ShownPort:
    name: str
    gain: str


def lowered(
    model: SolvedModel, options: Options, laid: Schedule | None = None
) -> Result[StockPackage]:
    """Return ``model`` as Lava's LIF or LIFRefractory.

    Parameters
    ----------
    laid : the experiment that gives parameters and steps; None for those of the options

    Errors
    ------
    LAVA101 to LAVA112 : why it is none.
    """
    given: Result[Mapping[Symbol, Any]] = (
        given_values(model, options.values) if laid is None else Result(laid.parameters)
    )
    if given.value is None:
        return Result(None, given.diagnostics)
    initial = {} if laid is None else laid.initial
    dt = options.step if laid is None else laid.dt
    currents = {} if laid is None else {s: x for s, x in laid.currents.items() if len(x)}
    for port, signal in currents.items():
        if (signal != signal[0]).any():
            message = f"`{port.name}` changes in time; Lava's LIF has no input but spikes"
            help = "give a constant current, or use lower=custom"
            return Result(None, (refusals.CONTINUOUS.at(port.span, message, help=help),))
    constant = {port: float(signal[0]) for port, signal in currents.items()}
    verdict = detect(model, given.value, initial, dt, constant)
    if verdict.lif is None:
        return Result(None, verdict.why_not)
    for port, gain in verdict.lif.ports:
        if not verdict.lif.late and not math.isclose(gain, 1.0, rel_tol=1e-12):
            message = (
                f"a spike at `{port.name}` acts at once and counts {gain:g} times its weight: "
                "what scales weights inside Lava's processes takes a step"
            )
            return Result(None, (refusals.KERNEL.at(port.span, message),))
    inner = process(model, dt)
    if inner.value is None:
        return Result(None, inner.diagnostics)
    baked = tuple(d.symbol.identifier for d in model.parameters)
    return Result(StockPackage(inner.value.name, verdict.lif, dt, inner.value, baked))


def render(package: StockPackage, version: str) -> Mapping[str, str]:
    """Return the files of the package."""
    found = {
        "model": package.inner.symbol_name,
        "arithmetic": "float",
        "step in ms": package.dt,
        "stock process": {"is": package.lif.process, "parameters": report.parameters(package.lif)},
        "hardware": report.NOT_HERE,
    }
    copied = {file: modules.text(file) for file in FILES}
    return {
        "__init__.py": broken(rendered(package, version)),
        **copied,
        "report.json": report.text(found),
    }


def rendered(package: StockPackage, version: str) -> str:
    """Return the module, with lines of any length."""
    lif, inner = package.lif, package.inner
    names = {p.symbol: p.name for p in inner.spike_ports}
    potential = next(x.name for x in inner.states if x.symbol == lif.variable)
    templates = environment("nestml_lava", code=code, docstring=docstring)
    return templates.get_template("stock.py.jinja").render(
        name=package.name,
        lif_model=inner.symbol_name,
        class_name=inner.model_class.removeprefix("Py"),
        title=inner.title,
        version=version,
        dt=real_literal(package.dt),
        potential=potential,
        stock=numbers(lif),
        ports=[ShownPort(names[s], real_literal(gain)) for s, gain in lif.ports],
        partners=inner.partners,
        baked=package.baked,
    )


def numbers(lif: Lif) -> Mapping[str, Any]:
    """Return the parameters of Lava's process as literals."""
    return {
        "process": lif.process,
        "du": real_literal(1 - lif.keep_u),
        "dv": real_literal(1 - lif.keep_v),
        "bias": real_literal(lif.bias),
        "vth": real_literal(lif.vth),
        "refractory": lif.refractory,
        "reset": real_literal(lif.reset),
        "v": real_literal(lif.v),
        "u": real_literal(lif.u),
        "late": lif.late,
    }
