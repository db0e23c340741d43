"""A model on the bench: ready to run many times, with what experiments ask about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nestml_core import arguments
from nestml_core.declared import declared_value
from nestml_core.diagnostics import Code, Severity
from nestml_core.experiment import BAD_VALUE, Experiment, FloatArray, schedule
from nestml_core.expr import Symbol
from nestml_core.loading import LoadedModel, loaded
from nestml_core.problems import by_name, refuse, valued
from nestml_core.results import Run
from nestml_core.running import Runner, runner
from nestml_core.solved import TIME, ModelKind, SolvedModel
from nestml_core.units import known

DOES_NOT_FIT = Code("NML970", Severity.ERROR, "an experiment that does not fit the model")
FIRES = Code("NML972", Severity.ERROR, "a neuron that fires where its potential is measured")

Model = LoadedModel | str | Path
"""A loaded model, or what ``nestml_core.load`` takes."""


@dataclass(frozen=True, eq=False, slots=True)
class Bench:
    """A model made ready on a backend; code is generated and compiled once.

    Attributes
    ----------
    model : the model
    runner : runs it
    dt : the step, ms
    parameters : values that replace defaults in every run
    """

    model: LoadedModel
    runner: Runner
    dt: float
    parameters: Mapping[str, Any]

    def run(self, duration: float, **what: Any) -> Run:
        """Run the model for a time in ms; ``what`` are further fields of ``Experiment``."""
        given = {**self.parameters, **what.pop("parameters", {})}
        experiment = Experiment(duration, self.dt, parameters=given, **what)
        laid, said = valued(schedule(experiment, self.model.solved))
        return self.runner.run(laid, said, progress=False)

    @property
    def backend(self) -> str:
        """The backend that runs the model."""
        return self.runner.backend


def bench(
    model: Model,
    dt: Any,
    parameters: Mapping[str, Any] | None,
    backend: str | None,
    options: Mapping[str, Any],
    *,
    progress: bool = True,
) -> Bench:
    """Return a model ready to run.

    Raises
    ------
    ModelError : it has errors, or the backend cannot run it.
    """
    chosen = loaded(model)
    given = by_name(parameters, "parameters", BAD_VALUE)
    step = time(dt, "dt")
    if step <= 0:
        refuse(BAD_VALUE, f"dt ({step:g} ms) must be above 0")
    ready = runner(chosen.solved, backend, options, progress=progress)
    return Bench(chosen, ready, step, dict(given))


def recorded(record: str | Sequence[str]) -> list[str]:
    """Return the names of what is to be recorded; a single name counts as one."""
    return [record] if isinstance(record, str) else list(record)


def span(before: Any, duration: Any, after: Any = None) -> tuple[float, float, float]:
    """Return how long before a step or a spike, from it on, and after that a model runs, ms.

    Raises
    ------
    ModelError : the duration is not above 0, or another one is below.
    """
    first, length = time(before, "before"), time(duration, "duration")
    rest = 0.0 if after is None else time(after, "after")
    if length <= 0 or first < 0 or rest < 0:
        others = f"before ({first:g} ms)" + ("" if after is None else f" and after ({rest:g} ms)")
        refuse(BAD_VALUE, f"duration ({length:g} ms) must be above 0, {others} not below")
    return first, length, rest


def time(value: Any, what: str) -> float:
    """Return a time in ms."""
    return float(numbers([value], TIME, what)[0])


def numbers(values: Any, symbol: Symbol, what: str, least: int = 1) -> FloatArray:
    """Return numbers or quantities in the declared unit of ``symbol``; shape (n,).

    Raises
    ------
    ModelError : one of them is no number, or has another dimension, or there are less than
        ``least``.
    """
    items = values if _is_sequence(values) else [values]
    coherent = arguments.numbers(items, symbol.type.unit, what, BAD_VALUE)
    if not np.isfinite(coherent).all():
        refuse(BAD_VALUE, f"{what}: not a finite number")
    if len(coherent) < least:
        refuse(BAD_VALUE, f"{what}: there is none", "give one at least")
    return np.asarray(declared_value(symbol, coherent), dtype=float)


def whole_number(value: Any, what: str, least: int) -> None:
    """Refuse what is no whole number, or a smaller one."""
    if not isinstance(value, (int, np.integer)) or value < least:
        refuse(BAD_VALUE, f"{what}: {value!r} is not a whole number of {least} or more")


def frequency(value: Any, what: str) -> float:
    """Return a frequency in Hz."""
    return arguments.number(value, known("Hz"), what, BAD_VALUE) * 1000.0


def _is_sequence(values: Any) -> bool:
    return (
        not isinstance(values, str)
        and getattr(values, "ndim", 1) > 0
        and hasattr(values, "__iter__")
    )


# Parts of models


def named(name: str, symbols: Sequence[Symbol], model: SolvedModel, what: str) -> Symbol:
    """Return the symbol of a name.

    Raises
    ------
    ModelError : there is none; the message suggests one.
    """
    return arguments.named(name, symbols, model, what, DOES_NOT_FIT)


def of_dimension(symbols: Iterable[Symbol], unit: str) -> tuple[Symbol, ...]:
    """Return the symbols whose unit has the dimension of ``unit``."""
    wanted = known(unit).dimension
    return tuple(s for s in symbols if s.type.unit is not None and s.type.unit.dimension == wanted)


def current_input(model: SolvedModel, name: str | None, *, steps: bool = False) -> Symbol:
    """Return the port through which current flows in, or the parameter that sets a constant one.

    Parameters
    ----------
    name : which; None for the only port for a current, or that called ``I_stim``, or, where there
        is no port, the parameter ``I_e``
    steps : the current changes with time, so that it must be a port
    """
    ports = [p.symbol for p in model.continuous_ports]
    parameters = [d.symbol for d in model.parameters]
    if name is not None:
        choices = ports if steps else [*ports, *parameters]
        return named(name, choices, model, "continuous port" if steps else "current input")
    currents = of_dimension(ports, "pA") or tuple(ports)
    usual = tuple(s for s in currents if s.name == "I_stim")
    if len(currents) == 1 or usual:
        return (usual or currents)[0]
    constant = [p for p in parameters if p.name == "I_e"]
    if not currents and constant and not steps:
        return constant[0]
    listed = ", ".join(s.name for s in currents)
    message = f"`{model.name}` has {'several ports' if currents else 'no port'} for a current"
    help = f"name one of {listed}: port=..." if currents else "add a continuous port to the model"
    refuse(DOES_NOT_FIT, message, help)


def potential(model: SolvedModel, name: str | None, argument: str = "record") -> Symbol:
    """Return the recordable that is the membrane potential: ``V_m``, or the only potential.

    Parameters
    ----------
    argument : what messages say that names another
    """
    recordables = [r.symbol for r in model.recordables]
    if name is not None:
        return named(name, recordables, model, "recordable")
    found = [s for s in recordables if s.name == "V_m"] or list(of_dimension(recordables, "mV"))
    if not found:
        help = f"name what is meant: {argument}=..."
        refuse(DOES_NOT_FIT, f"`{model.name}` records no potential", help)
    return found[0]


def observed(model: SolvedModel) -> list[str]:
    """Return the names of what is recorded by default: the potential, or everything."""
    names = [r.symbol for r in model.recordables]
    if of_dimension(names, "mV"):
        return [potential(model, None).name]
    return [s.name for s in names]


def synapse(model: SolvedModel) -> None:
    """Refuse what is no synapse."""
    if model.kind is not ModelKind.SYNAPSE:
        refuse(DOES_NOT_FIT, f"`{model.name}` is a {model.kind.value}, not a synapse")


def neuron(model: SolvedModel) -> None:
    """Refuse what is no neuron."""
    if model.kind is not ModelKind.NEURON:
        refuse(DOES_NOT_FIT, f"`{model.name}` is a {model.kind.value}, not a neuron")


def input_of(symbol: Symbol, level: Any, model: SolvedModel) -> dict[str, Any]:
    """Return the fields of an experiment that make ``level`` flow into ``symbol``."""
    if symbol in [p.symbol for p in model.continuous_ports]:
        return {"currents": {symbol.name: level}}
    return {"parameters": {symbol.name: level}}
