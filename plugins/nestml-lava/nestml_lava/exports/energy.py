"""Neurons of Loihi as scripts that simulate them with SANA-FE, for energy and latency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nestml_core.api import Diagnostic, Result, SolvedModel, environment, real_literal
from nestml_lava.exports import codes
from nestml_lava.fixed.loihi import ALIGN, MAX_WEIGHT, UNITY, Compartment
from nestml_lava.fixed.package import IntegerPackage
from nestml_lava.layout import broken
from nestml_lava.printing import docstring


@dataclass(frozen=True, slots=True)
class Script:
    """A compartment, and what its numbers mean.

    Attributes
    ----------
    scales : for each port how many counts a weight of 1 is
    reset : the potential that v counts from, mV
    lag : how many steps after an input neuron of SANA-FE fires the model receives its spike
    """

    path: str
    model: str
    compartment: Compartment
    scales: tuple[tuple[str, float], ...]
    reset: float
    lag: int
    dt: float


def lowered(model: SolvedModel, package: IntegerPackage) -> Result[Script]:
    """Return the script for a package with ``arith=loihi1``.

    Errors
    ------
    LAVA304 (warning) : what SANA-FE computes otherwise than the chip.
    """
    n = package.numbers
    assert n.compartment is not None
    assert n.lif is not None
    script = Script(
        path=f"{package.name}/sana_fe.py",
        model=model.name,
        compartment=n.compartment,
        scales=tuple((p.symbol.name, p.scale) for p in n.integers.ports),
        reset=n.lif.reset,
        lag=0 if n.lif.late else 1,
        dt=n.integers.dt,
    )
    return Result(script, tuple(_otherwise(model, n.compartment, n.integers.dt)))


def _otherwise(model: SolvedModel, c: Compartment, dt: float) -> Iterator[Diagnostic]:
    if c.refractory:
        message = (
            f"`{model.name}` has a refractory period of {c.refractory * dt:g} ms, in which SANA-FE "
            "loses spikes that arrive"
        )
        help = "set the refractory period to 0 where spikes must be the same"
        yield codes.OTHERWISE.at(model.span, message, help=help)
    if c.u or c.v:
        message = f"`{model.name}` does not begin at its reset, where SANA-FE begins"
        yield codes.OTHERWISE.at(model.span, message, help="begin at the reset, without currents")


def render(script: Script, version: str) -> str:
    """Return the script, which needs Python 3.10 or later and ``sanafe``."""
    templates = environment("nestml_lava", docstring=docstring)
    return broken(
        templates.get_template("sana_fe.py.jinja").render(
            model=script.model,
            version=version,
            dt=real_literal(script.dt),
            per_mV=real_literal(script.compartment.scale / ALIGN),
            reset=real_literal(script.reset),
            lag=script.lag,
            largest=MAX_WEIGHT,
            exponent=script.compartment.weight_exp,
            examples=[f"{name}={_weight(scale)}@1000" for name, scale in script.scales],
            scales=[(name, real_literal(scale)) for name, scale in script.scales],
            attributes=_attributes(script.compartment),
        )
    )


def _weight(scale: float) -> str:
    """Return a round weight, some half of the largest one."""
    return f"{float(f'{0.6 * MAX_WEIGHT / abs(scale):.1g}'):g}" if scale else "0"


def _attributes(c: Compartment) -> tuple[tuple[str, str], ...]:
    """Return those of SANA-FE's soma as literals; its threshold counts in units of the chip's."""
    reals = {
        "threshold": float(c.vth),
        "bias": (c.bias_mant << c.bias_exp) / ALIGN,
        "leak_decay": 1 - c.dv / UNITY,
        "input_decay": 1 - (c.du + 1) / UNITY,
    }
    refractory = (("refractory_delay", str(c.refractory + 1)),) if c.refractory else ()
    return (*((name, real_literal(x)) for name, x in reals.items()), *refractory)
