"""Why a model is no stock neuron process of Lava."""

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
