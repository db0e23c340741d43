"""The runtime of generated modules: Python files that are copied beside them, and what they offer.

Lava executes each file in the folder of a process for itself when it looks for models. So these
files import nothing of each other, and the process stands in ``__init__.py``, which is spared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files
from types import MappingProxyType

from nestml_core.api import Base, Binary, Call, Expr, Unary, walk
from nestml_lava.ir import (
    Bind,
    Do,
    Exponential,
    Give,
    Import,
    Repeat,
    Routine,
    Select,
    Unless,
    Unpack,
    Vector,
    When,
)
from nestml_lava.printing import BITWISE, PRINTER

OFFERED = MappingProxyType(
    {
        "integrators": (
            "exponential_euler",
            "forward_euler",
            "rk4",
            "rk45",
            "rosenbrock",
            "rush_larsen",
        ),
        "linear": ("expdd", "matrix_exponential"),
        "statements": (
            "bitwise",
            "count_pass",
            "delay_steps",
            "delayed",
            "element",
            "emit",
            "events",
            "random_normal",
            "random_poisson",
            "random_uniform",
            "round_half_away",
            "say",
            "vector",
            "with_element",
            "with_elements",
        ),
    }
)
"""The functions that generated code may call, by module."""

IN_PROCESS = ("InProcess", "InProcessNetwork")
NETWORK = ("SpikeSource", "connect", "run")
POPULATION = ("Interface", "Population", "PopulationModel", "Recorder")


def imports(routines: Iterable[Routine], *, variables: bool) -> tuple[Import, ...]:
    """Return what a neuron takes from its runtime: what ``routines`` call, and what all need.

    ``variables`` tells whether it has any.
    """
    needed = {x for r in routines for x in called(r.body)}
    found = (
        Import(module, tuple(name for name in names if name in needed))
        for module, names in OFFERED.items()
    )
    always = (
        Import("inprocess", IN_PROCESS),
        Import("network", NETWORK),
        Import("population", (*POPULATION, "variable") if variables else POPULATION),
    )
    return tuple(sorted((*(i for i in found if i.names), *always), key=lambda i: i.module))


def for_synapses(
    imports: Iterable[Import], network: tuple[str, ...], wiring: str
) -> tuple[Import, ...]:
    """Return what a synapse takes from its runtime, given what a neuron would."""
    more = {
        "connection": ("Events", "Synapses", "SynapsesModel"),
        "network": (*network, "SpikeSource", "ends", "run", "whole_steps"),
        "wiring": (wiring,),
    }
    kept = tuple(i for i in imports if i.module not in more)
    added = tuple(Import(module, names) for module, names in more.items())
    return tuple(sorted((*kept, *added), key=lambda i: i.module))


def text(file: str) -> str:
    """Return a file of the runtime."""
    return (files("nestml_lava") / "runtime" / file).read_text(encoding="utf-8")


def called(body: Iterable[Vector]) -> Iterator[str]:
    """Yield the functions that statements call."""
    for stmt in body:
        match stmt:
            case When(_, inner) | Unless(_, inner) | Repeat(_, inner):
                yield from called(inner)
            case Exponential():
                yield "matrix_exponential"
        for top in _expressions(stmt):
            for e in walk(top):
                yield from _needed(e)


def _expressions(stmt: Vector) -> tuple[Expr, ...]:
    match stmt:
        case Bind(_, value) | Select(_, _, value) | Unpack(_, value) | Do(value):
            return (value,)
        case Exponential(_, rows):
            return tuple(e for row in rows for e in row)
        case Give(values):
            return values
        case _:
            return ()


def _needed(e: Expr) -> Iterator[str]:
    match e:
        case Call(function):
            yield PRINTER.functions.get(function, function)
        case Binary(op) if op in BITWISE:
            yield "bitwise"
        case Unary("~", _, type) if type.base is Base.INTEGER:
            yield "bitwise"
