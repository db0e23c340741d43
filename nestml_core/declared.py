"""Numbers in the units that a model declares: what users see; inside they are coherent."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np

from nestml_core.experiment import Trace
from nestml_core.expr import Symbol
from nestml_core.solved import SolvedModel


def unit_text(symbol: Symbol) -> str:
    """Return the declared unit as text, ``1`` for plain numbers."""
    return symbol.type.unit.text if symbol.type.unit is not None else "1"


def declared_value(symbol: Symbol, value: Any) -> Any:
    """Return ``value``, which is in coherent units, in the declared unit."""
    if isinstance(value, tuple):
        value = np.array(value)
    unit = symbol.type.unit
    if unit is None or unit.factor == 1:
        return value
    return value * float(unit.factor.denominator) / float(unit.factor.numerator)


def in_declared_units(trace: Trace, model: SolvedModel) -> Trace:
    """Return ``trace``, which is in coherent units, in the units that ``model`` declares."""
    symbols = {r.symbol.name: r.symbol for r in model.recordables}
    values = {n: declared_value(symbols[n], x) for n, x in trace.values.items()}
    return Trace(
        dt=trace.dt,
        steps=trace.steps,
        values=MappingProxyType(values),
        units=MappingProxyType({n: unit_text(symbols[n]) for n in trace.values}),
        spike_steps=trace.spike_steps,
        backend=trace.backend,
        spike_weights=trace.spike_weights,
    )
