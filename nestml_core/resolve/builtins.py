"""Predefined names and functions."""

from __future__ import annotations

from types import MappingProxyType

REAL_FUNCTIONS = frozenset(
    ("exp", "ln", "log10", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf", "erfc")
)
"""(real) -> real."""

SAME_TYPE = MappingProxyType(
    {
        "min": 2,
        "max": 2,
        "clip": 3,
        "abs": 1,
        "ceil": 1,
        "floor": 1,
        "round": 1,
        "random_normal": 2,
        "random_uniform": 2,
    }
)
"""(T, ..., T) -> T, with the number of arguments."""

FUNCTIONS = frozenset(
    (
        *REAL_FUNCTIONS,
        *SAME_TYPE,
        *("pow", "delta", "random_poisson", "timestep", "resolution", "steps", "convolve"),
        *("integrate_odes", "emit_spike", "print", "println", "info", "warning"),
    )
)

STATEMENTS = frozenset(("integrate_odes", "emit_spike", "print", "println", "info", "warning"))
"""Functions without a value."""

CONSTANTS = frozenset(("e", "pi"))
PREDEFINED = frozenset((*CONSTANTS, "t"))

FORBIDDEN_FUNCTIONS = frozenset(
    """calibrate handle connect_sender check_connection get_status set_status init_state_
    init_buffers_""".split()
)
