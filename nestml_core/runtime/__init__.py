"""Numerics that generated code takes along: C++17, header-only, no memory from the heap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nestml_core.expr import Expr
from nestml_core.solve.algebra import is_zero
from nestml_core.solved import Method, NonlinearSystem

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
        "lanes.hpp": (),
        "lane_steps.hpp": ("lanes.hpp",),
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


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A function that an integrator of the runtime calls with a place ``x``.

    ``results`` are the arguments it fills in, the first of them always ``slope``; those in
    ``cleared`` are zero before, and it gives values to the rest. ``values`` are pairs of an entry
    of a result, such as ``slope[0]``, and the expression it gets.
    """

    name: str
    results: tuple[str, ...]
    cleared: tuple[str, ...]
    values: tuple[tuple[str, Expr], ...]


def evaluations(system: NonlinearSystem) -> tuple[Evaluation, ...]:
    """Return the functions that the integrator of ``system`` calls, in the order of its arguments.

    Entries are counted through variables and companions.
    """
    slopes = tuple((f"slope[{i}]", d.value) for i, d in enumerate(system.derivatives))
    method = system.integrator.method
    if method.is_exponential:
        rates = tuple((f"rate[{i}]", a) for i, a in enumerate(system.rates))
        return (Evaluation("f", ("slope", "rate"), (), slopes + rates),)
    plain = Evaluation("f", ("slope",), (), slopes)
    if not method.needs_jacobian:
        return (plain,)
    entries = tuple(
        (f"jacobian[{i}][{j}]", e)
        for i, row in enumerate(system.jacobian)
        for j, e in enumerate(row)
        if not is_zero(e)
    )
    results = ("slope", "jacobian")
    return (plain, Evaluation("linearised", results, ("jacobian",), slopes + entries))
