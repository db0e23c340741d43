"""Numerics that generated code takes along: C++17, header-only, no memory from the heap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from nestml_core.solved import Method

NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "expdd.hpp": (),
        "matrix_exponential.hpp": (),
        "trial_steps.hpp": (),
        "linear_equations.hpp": (),
        "dormand_prince.hpp": ("trial_steps.hpp",),
        "rosenbrock.hpp": ("trial_steps.hpp", "linear_equations.hpp"),
        "runge_kutta.hpp": (),
        "forward_euler.hpp": (),
        "exponential_euler.hpp": (),
    }
)
"""The headers, each behind those that must stand before it."""

CPP_INTEGRATORS: Mapping[Method, tuple[str, str]] = MappingProxyType(
    {
        Method.RK45: ("dormand_prince.hpp", "dormand_prince"),
        Method.ROSENBROCK: ("rosenbrock.hpp", "rosenbrock"),
        Method.RK4: ("runge_kutta.hpp", "runge_kutta"),
        Method.FORWARD_EULER: ("forward_euler.hpp", "forward_euler"),
        Method.EXPONENTIAL_EULER: ("exponential_euler.hpp", "exponential_euler"),
        Method.RUSH_LARSEN: ("exponential_euler.hpp", "rush_larsen"),
    }
)
"""The header and the function of each method."""


def cpp_runtime(headers: Iterable[str] = tuple(NEEDS)) -> Mapping[str, str]:
    """Return the C++ headers by name, and those that they need, in an order to include them in.

    Everything is in the namespace ``nestml_runtime``, whose inline namespace changes with the
    meaning of what is in it: several generated files may be part of one program. The headers do not
    include each other, so that they may also be pasted into one file.
    """
    from importlib.resources import files

    wanted = set(headers)
    chosen = {name for h in wanted for name in (*NEEDS[h], h)}
    folder = files("nestml_core") / "runtime" / "cpp"
    return MappingProxyType(
        {h: (folder / h).read_text(encoding="utf-8") for h in NEEDS if h in chosen}
    )
