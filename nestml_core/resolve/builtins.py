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

ELSEWHERE = MappingProxyType(
    {
        "sqrt": "`x**0.5`",
        "cbrt": "`x**(1/3)`",
        "square": "`x**2`",
        "log": "`ln(x)`, or `log10(x)`",
        "log2": "`ln(x) / ln(2)`",
        "log1p": "`ln(1 + x)`",
        "fabs": "`abs(x)`",
        "mod": "`a % b`",
        "fmod": "`a - b * floor(a / b)`",
        "sign": "`x > 0 ? 1 : (x < 0 ? -1 : 0)`",
        "sgn": "`x > 0 ? 1 : (x < 0 ? -1 : 0)`",
        "heaviside": "`x > 0 ? 1 : 0`",
        "theta": "`x > 0 ? 1 : 0`",
        "sigmoid": "`1 / (1 + exp(-x))`",
        "logistic": "`1 / (1 + exp(-x))`",
        "relu": "`max(x, 0)`",
        "rand": "`random_uniform(0, 1)`",
        "random": "`random_uniform(0, 1)`",
        "randn": "`random_normal(0, 1)`",
        "normal": "`random_normal(mean, std)`",
        "uniform": "`random_uniform(offset, scale)`",
        "poisson": "`random_poisson(mean)`",
        "curr_sum": "`convolve(kernel, port)`, times the unit",
        "cond_sum": "`convolve(kernel, port)`, times the unit",
        "deliver_spike": "`emit_spike(weight)`",
        "send_spike": "`emit_spike()`",
    }
)
"""What to write in place of functions of other languages and of older versions."""
