"""The codes of what can be wrong with names (1xx), types (2xx), equations (3xx), events (4xx)."""

from __future__ import annotations

from nestml_core.diagnostics import Code, Severity

_E, _W = Severity.ERROR, Severity.WARNING

UNKNOWN_NAME = Code("NML101", _E, "an unknown name")
DUPLICATE_NAME = Code("NML102", _E, "a name declared twice")
PREDEFINED_NAME = Code("NML103", _E, "a predefined name declared anew")
UNKNOWN_FUNCTION = Code("NML104", _E, "an unknown function")
USED_TOO_EARLY = Code("NML105", _E, "a name used before its declaration")
CIRCULAR = Code("NML106", _E, "a definition that needs itself")
FREE_UNIT = Code("NML107", _W, "a unit that stands by itself")
READ_ONLY = Code("NML110", _E, "an assignment to something read-only")
DUPLICATE_MODEL = Code("NML112", _E, "two models of one name")
WRONG_STAGE = Code("NML113", _E, "a value that is needed before it exists")
UNKNOWN_UNIT = Code("NML114", _E, "an unknown unit")
DEFINED_LATER = Code("NML116", _W, "a definition by something that gets its value later")

BAD_OPERAND = Code("NML201", _E, "an operand of the wrong type")
UNITS_DIFFER = Code("NML202", _E, "units of different dimensions")
NOT_ASSIGNABLE = Code("NML203", _E, "a value that does not fit its destination")
PLAIN_NUMBER = Code("NML204", _W, "a quantity and a plain number added or compared")
NOT_BOOLEAN = Code("NML205", _E, "a condition that is not boolean")
ARGUMENT_COUNT = Code("NML206", _E, "a wrong number of arguments")
BAD_ARGUMENT = Code("NML207", _E, "an argument of the wrong type")
BAD_EXPONENT = Code("NML208", _E, "an exponent that a unit cannot have")
NO_VALUE = Code("NML209", _E, "a call that has no value")
BAD_UNIT = Code("NML210", _E, "a unit that makes no sense")
BAD_RETURN = Code("NML211", _E, "a function that does not return what it should")
BAD_NUMBER = Code("NML212", _E, "a number out of range")
UNIT_DROPPED = Code("NML213", _W, "the unit of an argument is dropped")
ZERO_DIVISION = Code("NML214", _E, "a division by zero")

NO_STATE = Code("NML301", _E, "an equation for something that is no state variable")
DUPLICATE_EQUATION = Code("NML302", _E, "two equations for one variable")
BAD_KERNEL = Code("NML304", _E, "a kernel that is not well defined")
BAD_CONVOLUTION = Code("NML305", _E, "a convolution that is not well defined")
BAD_INTEGRATION = Code("NML306", _E, "integrate_odes with something it cannot integrate")
NEVER_INTEGRATED = Code("NML307", _E, "equations that nothing integrates")
NO_INITIAL_VALUE = Code("NML308", _E, "a state variable without an initial value")
NOT_HERE = Code("NML309", _E, "something that may not stand here")
NOT_SUPPORTED = Code("NML390", _E, "a construct this version cannot compile yet")

DUPLICATE_BLOCK = Code("NML401", _E, "a block that stands twice")
BAD_PORT = Code("NML402", _E, "an event handler for something that is no spike port")
DUPLICATE_HANDLER = Code("NML403", _E, "two event handlers for one port")
BAD_PRIORITY = Code("NML404", _E, "priorities that give no order")
NO_OUTPUT = Code("NML405", _E, "a spike emitted by a model without spike output")
BAD_LOOP = Code("NML406", _E, "a loop variable that is no local variable")
EMPTY_MODEL = Code("NML407", _E, "a file without a model")
