"""What this backend has to say: its diagnostics."""

from __future__ import annotations

from nestml_core.api import Code, Severity


def _error(id: str, title: str) -> Code:
    return Code(id, Severity.ERROR, title)


EXPONENTIAL_LEAK = _error("TN101", "a leak that depends on the potential")
NONLINEAR = _error("TN102", "a nonlinear equation")
SECOND_VARIABLE = _error("TN103", "a second state variable")
COUNTER = _error("TN104", "state beside the potential that no equation moves")
CONTINUOUS_INPUT = _error("TN105", "a continuous input")
RANDOM = _error("TN106", "a random model")
SYNAPSE = _error("TN107", "a synapse model")
CONVOLUTION = _error("TN108", "a synaptic kernel")
NO_SPIKES = _error("TN109", "a model that emits no spikes")
NO_PLACE = _error("TN110", "a vector or a delayed variable")

STATEMENT = _error("TN111", "a statement the chip cannot carry out")
ORDER = _error("TN112", "an order of operations the chip does not have")
CONDITION = _error("TN113", "a condition the chip cannot test")
RESET = _error("TN114", "a reset the chip does not have")
FLOOR = _error("TN115", "a lower bound the chip does not have")
INPUT = _error("TN116", "an input that is not a sum of weights")
RECORDABLE = _error("TN117", "a recordable that is not a linear function of the potential")

NOT_EXACT = _error("TN201", "a value that is no whole number of counts")
OUT_OF_RANGE = _error("TN202", "a value outside the chip's range")
INITIAL = _error("TN203", "an initial potential at which the chip cannot start")
BAD_OPTION = _error("TN204", "an option with an impossible value")
NOT_RATIONAL = _error("TN205", "a constant that is not a rational number")
BUDGET = _error("TN207", "more chip neurons or axons than there are")
UNBOUNDED = Code("TN206", Severity.WARNING, "a potential without a bound")

TOLERANCE = _error("TN208", "an approximation beyond the tolerance")
NO_FORM = _error("TN210", "a form of output that cannot hold the program")
APPROXIMATED = Code("TN209", Severity.WARNING, "a model that is approximated")

WRONG_STEP = _error("TN301", "a step that is not the tick")
WEIGHT = _error("TN302", "synaptic input that the axons cannot deliver")
LEFT_RANGE = _error("TN303", "a potential that left the exact range")
CUT = Code("TN305", Severity.WARNING, "inhibition that is cut at rest")
BAD_FILES = _error("TN304", "files that are missing or not what was generated")

COUPLING = _error("TN401", "a continuous connection between neurons")
PLASTICITY = _error("TN402", "a plastic synapse in a network")
WEIGHTS = _error("TN403", "weights of connections that the chip does not have")
FAN = _error("TN404", "more connections than there is room for")
