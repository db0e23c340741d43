"""What this backend has to say about a model, a machine or a run."""

from __future__ import annotations

from nestml_core.api import Code, Severity

_E, _W, _H = Severity.ERROR, Severity.WARNING, Severity.HINT

SYNAPSE = Code("NEST101", _E, "a synapse that NEST cannot have")
NAME_TAKEN = Code("NEST102", _E, "a generated model that would have the name of another one")
ENTRY_RENAMED = Code("NEST103", _W, "a name that is a status entry of every neuron in NEST")
CALL = Code("NEST104", _E, "a call where NEST cannot do what it needs")
SPIKE_WEIGHT = Code("NEST105", _W, "a spike with a weight")
BAD_OPTION = Code("NEST106", _E, "an option with a value that does not work")
RANDOM_DEFAULT = Code("NEST107", _E, "a random default")
OUTPUT = Code("NEST108", _W, "an output that NEST neurons do not have")
RENAMED = Code("NEST109", _H, "a model that has another name in NEST")
PAIR = Code("NEST112", _E, "a pair that cannot be made")
NO_STATIC = Code("NEST113", _W, "a neuron without a static synapse of its own")
NO_GAPS = Code("NEST111", _E, "a model that cannot have gap junctions")

TOOL_MISSING = Code("NEST201", _E, "a tool that is needed and not there")
COMPILER_FAILED = Code("NEST202", _E, "the compiler rejected generated code")
NOT_WRITTEN = Code("NEST203", _E, "a folder that cannot be written")
REFUSED = Code("NEST211", _E, "NEST refused an experiment")
CRASHED = Code("NEST212", _E, "a run of NEST that ended without a result")
RESOLUTION = Code("NEST213", _E, "a step that NEST cannot represent")
WEIGHT_LOST = Code("NEST214", _E, "an event that cannot reach its port")
TOO_EARLY = Code("NEST215", _E, "an input that comes before NEST's devices can deliver it")
MESSAGE = Code("NEST216", _H, "a message of the model")
WARNING = Code("NEST217", _W, "a warning of the model")
