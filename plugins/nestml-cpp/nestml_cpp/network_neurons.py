"""What neurons of a compiled network are given: parameters, initial values and currents."""

from __future__ import annotations

import numpy as np

from nestml_core.api import Population
from nestml_cpp.compiled_functions import FloatArray
from nestml_cpp.library import Handle
from nestml_cpp.network_state import is_shared
from nestml_cpp.simulation import initial, parameters


def set_up(block: Handle, node: Population, members: slice) -> None:
    """Give neurons their parameters, initial values and currents."""
    for give, known, given in (
        (block.parameter, parameters(node.model), node.parameters),
        (block.initial, initial(node.model), node.initial),
    ):
        for number, symbol in enumerate(known):
            if symbol not in given:
                continue
            values = given[symbol]
            elements = values.shape[1] if values.ndim == 2 else 1
            each = not is_shared(values)
            give(number, np.ravel(values[members] if each else values[0]), elements, each=each)
    for number, port in enumerate(node.model.continuous_ports):
        if port.symbol in node.currents:
            signal = node.currents[port.symbol]
            block.current(number, _signal(signal, members))


def _signal(signal: FloatArray, members: slice) -> FloatArray:
    """Return a signal of shape (size, steps) as the library takes it: (steps,), or (steps, size).

    The last value holds on, so that a constant needs one step.
    """
    same = is_shared(signal)
    if same:
        signal = signal[:1]
    if signal.shape[1] > 0 and is_shared(signal.T):
        signal = signal[:, :1]
    each: FloatArray = signal[members].T
    return signal[0] if same else each
