"""Why a model is no stock neuron process of Lava, or has no form in whole numbers."""

from __future__ import annotations

from nestml_core.api import Code, Severity


def _error(id: str, title: str) -> Code:
    return Code(id, Severity.ERROR, title)


TIME_CONSTANTS = _error("LAVA101", "more than one synaptic time constant")
NONLINEAR = _error("LAVA103", "an equation that Lava's LIF does not have")
THRESHOLD = _error("LAVA104", "a threshold that Lava's LIF does not have")
REFRACTORY = _error("LAVA106", "a refractory period that Lava's LIF does not have")
STATEMENT = _error("LAVA107", "a step that Lava's LIF does not take")
NO_SPIKES = _error("LAVA110", "a model without spikes of one kind")
KERNEL = _error("LAVA111", "a synaptic kernel that Lava's LIF does not have")
RANDOM = _error("LAVA112", "random numbers in a LIF neuron")

CONTINUOUS = _error("LAVA102", "a continuous input at a neuron of Loihi")
FUNCTION = _error("LAVA105", "a function that has no form in whole numbers")
RANGE = _error("LAVA109", "a number beyond the range of whole numbers")
DIVISION = _error("LAVA113", "a division that has no form in whole numbers")
WHOLE = _error("LAVA114", "something that has no form in whole numbers")
CHIP = _error("LAVA115", "numbers that do not fit into Loihi")
DECAY = Code("LAVA108", Severity.WARNING, "a decay that 12 bits hold badly")
UNRECORDED = Code("LAVA116", Severity.HINT, "what whole numbers do not record")
