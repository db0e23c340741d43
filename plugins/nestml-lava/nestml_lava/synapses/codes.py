"""Why a synapse is no learning rule of Loihi."""

from __future__ import annotations

from nestml_core.api import Code, Severity


def _error(id: str, title: str) -> Code:
    return Code(id, Severity.ERROR, title)


def _warning(id: str, title: str) -> Code:
    return Code(id, Severity.WARNING, title)


EXPONENT = _error("LAVA201", "a dependence on the weight that no learning rule has")
LOWER_BOUND = _error("LAVA202", "a lower bound of the weight other than zero")
UPPER_BOUND = _warning("LAVA203", "an upper bound of the weight that Lava does not keep")
NEAREST = _error("LAVA204", "a trace of the last spike only")
BOTH_SIDES = _error("LAVA205", "a trace that spikes of both sides change")
FLAG = _error("LAVA206", "a learning rule with conditions")
DROPPED = _warning("LAVA207", "a term of a learning rule that is too small")
THIRD_FACTOR = _error("LAVA208", "a weight that changes between spikes")
PER_CONNECTION = _error("LAVA209", "times that each connection keeps")
CHANCE = _error("LAVA210", "a weight drawn for each spike")
PER_SPIKE = _error("LAVA211", "a weight that depends on earlier spikes")
GRADED = _error("LAVA212", "spikes with a payload, which Loihi 1 does not have")
NO_SUM = _error("LAVA213", "a handler that is no sum of products")
TRACES = _error("LAVA214", "more traces than a learning rule has")
COEFFICIENTS = _error("LAVA215", "coefficients that traces of a learning rule cannot hold")
WHOLE_NUMBERS = _error("LAVA216", "a synapse in floating point among whole numbers")
ALONE = _error("LAVA218", "a learning rule without neurons")
BEFORE = _warning("LAVA217", "a weight that is passed on before the spike changes it")
