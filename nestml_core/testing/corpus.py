"""The models every backend is held against, and what is done to them."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from nestml_core.experiment import Experiment
from nestml_core.pipeline import compile_files, library_models
from nestml_core.problems import ModelError
from nestml_core.reference import constants
from nestml_core.solve import SolveOptions
from nestml_core.solved import TIME, Method, ModelKind, SolvedModel, sign_pairs

Spikes: TypeAlias = dict[str, list[tuple[float, float]]]

FOLDER = Path(__file__).parent / "corpus"

MODEL_LINE = re.compile(r"^model[ \t]+(\w+)[ \t]*:", re.MULTILINE)


GATES = "gates"
"""The model of the corpus that is there once for each integrator."""

INTEGRATED: Mapping[str, Method] = MappingProxyType(
    {f"{GATES}_{m.value}": m for m in Method if m is not Method.RK45}
)
"""The names under which that model is there with other integrators than its own."""


FROM_LIBRARY = frozenset({"iaf_psc_delta", "iaf_psc_exp", "izhikevich", "pif_psc_delta"})
"""The models of the library that are in the corpus: one of each kind of dynamics."""


def files() -> tuple[Path, ...]:
    """Return the files of the corpus: its own, then those of the library, each by name."""
    shipped = (p for p in library_models() if p.stem in FROM_LIBRARY)
    return (*sorted(FOLDER.glob("*.nestml")), *shipped)


def names() -> tuple[str, ...]:
    """Return the names of all models of the corpus, without compiling them."""
    texts = (path.read_text(encoding="utf-8") for path in files())
    return (*(name for text in texts for name in MODEL_LINE.findall(text)), *INTEGRATED)


@lru_cache(maxsize=1)
def models() -> Mapping[str, SolvedModel]:
    """Return the models of the corpus, by name.

    Raises
    ------
    ModelError : one of them has errors.
    """
    program = compile_files(files())
    if program.value is None:
        raise ModelError(program.diagnostics)
    found = {m.name: m for m in program.value.models}
    for name, method in INTEGRATED.items():
        again = compile_files([FOLDER / f"{GATES}.nestml"], SolveOptions(method))
        if again.value is None:
            raise ModelError(again.diagnostics)
        found[name] = replace(again.value.models[0], name=name)
    return MappingProxyType(found)


@dataclass(frozen=True, slots=True)
class Stimulus:
    """What suits a model: sizes of its inputs, and values that are not its defaults.

    Attributes
    ----------
    weight : of single spikes; a whole number, as some targets know no others
    current : of continuous inputs, in their declared unit
    rate : of each Poisson train, per ms
    parameters, initial : by name, in declared units
    signed : whether spikes of both signs come to ports that are not of a pair
    duration : of each experiment, in ms
    largest_dt : the longest step, in ms, with which the model makes sense
    """

    weight: int = 20
    current: float = 400.0
    rate: float = 0.2
    parameters: Mapping[str, Any] = field(default_factory=dict)
    initial: Mapping[str, Any] = field(default_factory=dict)
    signed: bool = False
    duration: float = 60.0
    largest_dt: float = 1.0


STIMULI: Mapping[str, Stimulus] = MappingProxyType(
    {
        "leak": Stimulus(parameters={"tau_m": 7.0, "I_e": 30.0}, initial={"V_m": -60.0}),
        "cascade": Stimulus(
            weight=100, parameters={"tau": 10.0}, initial={"a": 50.0, "b": 20.0, "V_m": -1.0}
        ),
        "oscillator": Stimulus(
            current=80.0, parameters={"omega": 0.7, "damping": 0.3}, initial={"y": -1.0}
        ),
        "second_order": Stimulus(weight=3, parameters={"tau": 1.7}, initial={"g": 2.0}),
        "fitzhugh_nagumo": Stimulus(
            current=50.0, parameters={"a": 0.6, "tau_w": 9.0}, initial={"v": 0.5, "w": 0.1}
        ),
        "gates": Stimulus(
            weight=2,
            current=40.0,
            parameters={"C_m": 15.0, "phi": 2.0, "tau_syn": 3.0},
            initial={"V_m": -40.0, "n": 0.2, "g": 1.0},
            largest_dt=0.25,
        ),
        "conductance": Stimulus(
            weight=6, parameters={"tau_exc": 3.5, "refr_T": 3.0}, initial={"g_exc": 10.0}
        ),
        "jumps": Stimulus(
            weight=3, parameters={"tau": 9.0, "threshold": 8.0}, initial={"y": -2.0}, signed=True
        ),
        "two_ports": Stimulus(weight=4, initial={"x": 1.0, "n": 7}, signed=True),
        "priorities": Stimulus(weight=2, rate=0.1, initial={"x": 4.0}),
        "recordable_inline": Stimulus(
            weight=2, parameters={"E_syn": -20.0, "tau_syn": 1.5}, initial={"g": 3.0}
        ),
        "kernel_exp": Stimulus(weight=150, parameters={"tau_syn": 10.0}, initial={"V_m": 5.0}),
        "kernel_alpha": Stimulus(
            weight=50, parameters={"tau_a": 3.0, "tau_rise": 2.0}, initial={"V_m": -60.0}
        ),
        "kernel_ode": Stimulus(weight=2, parameters={"tau": 3.0, "tau_2": 3.0}),
        "kernel_nonlinear": Stimulus(
            weight=5, parameters={"tau_syn": 5.0, "E_syn": -10.0}, initial={"V_m": -60.0}
        ),
        "kernel_delta": Stimulus(weight=3, parameters={"tau": 4.0}, signed=True),
        "kernel_oscillating": Stimulus(
            weight=9, parameters={"tau": 8.0, "tau_x": 8.0, "period": 5.0}, initial={"x": -4.0}
        ),
        "passing_time": Stimulus(parameters={"tau": 7.0, "period": 9.0}, initial={"x": -1.0}),
        "split_integration": Stimulus(
            weight=1, parameters={"tau": 4.0}, initial={"b": 0.5, "n": 2}
        ),
        "functions": Stimulus(parameters={"slope": 0.8}, initial={"V_m": -2.0, "n": 20}),
        "loops": Stimulus(parameters={"upper": 5}, duration=20.0),
        "noise": Stimulus(duration=500.0),
        "messages": Stimulus(duration=5.0),
        "integer_arithmetic": Stimulus(
            parameters={"divisor": -3}, initial={"n": -20}, duration=10.0
        ),
        "boolean_logic": Stimulus(parameters={"limit": 2}, initial={"n": -6}, duration=10.0),
        "conditional_expressions": Stimulus(
            parameters={"low": -0.5, "tau": 3.0}, initial={"x": -2.5}, duration=15.0
        ),
        "math_functions": Stimulus(initial={"x": 0.3456}, duration=10.0),
        "units": Stimulus(
            weight=5, current=0.4, parameters={"tau_m": 0.02, "tau_w": 5000.0}, initial={"w": 0.1}
        ),
        "defaults": Stimulus(parameters={"E_0": -60.0, "T_ref": 4.0}, initial={"x": 0.25}),
        "clock": Stimulus(parameters={"period": 3}, initial={"n": 2}, duration=10.0),
        "counter": Stimulus(
            weight=9,
            parameters={"leak": 1.0, "V_th": 31.0, "V_reset": -2.0},
            initial={"V_m": 12.0},
            signed=True,
        ),
        "accumulator": Stimulus(
            weight=7, parameters={"theta": 15.0, "drift": 2.0}, initial={"V_m": -45.0}
        ),
        "deep_expression": Stimulus(initial={"c": -3.5}, duration=5.0),
        "vectors": Stimulus(
            current=9.0,
            parameters={"taps": 6, "weights": [0.5, 0.25, 0.0, -0.25, 0.75, 0.125]},
            initial={"counts": [5, 0, 2], "drift": 1.5, "seen": [1, 0]},
            duration=40.0,
        ),
        "vector_equations": Stimulus(
            weight=30,
            current=60.0,
            parameters={"tau": [4.0, 8.0, 20.0], "rate": [0.1, 0.05]},
            initial={"V": [-70.0, -60.0, -65.0], "w": [0.3, -0.2], "g": 0.25},
        ),
        "vector_ports": Stimulus(weight=300, current=150.0, parameters={"tau_m": 5.0}),
        "delayed": Stimulus(
            weight=3,
            parameters={"d": 0.0, "d_long": 11.0},
            initial={"u": 2.0, "x": -1.0, "n": 0.5},
        ),
        "reserved_words": Stimulus(
            weight=2, parameters={"int": 8.0, "P_": 0.25, "exp": 1.5}, initial={"class": -1.0}
        ),
        "iaf_psc_delta": Stimulus(
            weight=2, parameters={"tau_m": 15.0, "refr_T": 3.0}, initial={"V_m": -60.0}
        ),
        "iaf_psc_exp": Stimulus(
            weight=150, parameters={"tau_m": 15.0, "tau_syn_exc": 15.0}, initial={"V_m": -60.0}
        ),
        "izhikevich": Stimulus(
            weight=4, current=8.0, parameters={"a": 0.1, "d": 2.0}, largest_dt=0.25
        ),
        "pif_psc_delta": Stimulus(
            weight=9, parameters={"leak": 2.0, "V_reset": 4.0}, initial={"V_m": 20.0}
        ),
    }
)
"""For the models that need more than the usual. Others get ``usual``."""


@dataclass(frozen=True, eq=False, slots=True)
class Case:
    """An experiment on a model of the corpus, and what it is about."""

    title: str
    experiment: Experiment


def stimulus(model: SolvedModel) -> Stimulus:
    """Return what suits ``model``."""
    name = GATES if model.name in INTEGRATED else model.name
    return STIMULI.get(name) or usual(model)


def usual(model: SolvedModel) -> Stimulus:
    """Return a stimulus for a model that is not listed; its other parameters are its times."""
    values = constants(model).value or {}
    times = {
        d.symbol.name: 1.25 * values[d.symbol]
        for d in model.parameters
        if d.symbol.type == TIME.type
        and d.symbol.size is None
        and math.isfinite(values.get(d.symbol, math.inf))
    }
    return Stimulus(weight=30, parameters=times)


def cases(model: SolvedModel, dt: float) -> tuple[Case, ...]:
    """Return the experiments that ``model`` is put through with steps of ``dt`` (ms).

    All weights, and all times if ``dt`` is a whole number, are whole numbers; the weights of spikes
    that come to synapses are 1. There are no experiments if the model makes no sense with so long a
    step.
    """
    s = stimulus(model)
    if dt > s.largest_dt:
        return ()
    ports = [p.symbol.name for p in model.spike_ports]
    inputs = [p.symbol.name for p in model.continuous_ports]
    constant = dict.fromkeys(inputs, s.current)
    paired = {p.symbol.name for pair in sign_pairs(model.spike_ports) for p in pair}
    trains = {p: _train(s, p, dt, signed=s.signed and p not in paired) for p in ports}
    bursts = _bursts(s, ports, dt)
    if model.kind is ModelKind.SYNAPSE:
        trains, bursts = _counting(trains), _counting(bursts)
    base: dict[str, Any] = {"duration": s.duration, "dt": dt, "seed": 11}
    if model.name in INTEGRATED:
        everything: dict[str, Any] = {"spikes": trains, "currents": constant}
        everything |= {"initial": s.initial, "parameters": s.parameters}
        return (Case("everything at once", Experiment(**base, **everything)),)
    found = [Case("no input", Experiment(**base))]
    if inputs:
        found.append(Case("constant current", Experiment(**base, currents=constant)))
        changing = {name: _signal(s, dt) for name in inputs}
        found.append(Case("changing current", Experiment(**base, currents=changing)))
    if ports:
        found.append(Case("Poisson trains", Experiment(**base, spikes=trains)))
        found.append(Case("coincident spikes", Experiment(**base, spikes=bursts)))
    both: dict[str, Any] = base | {"spikes": trains, "currents": constant}
    if s.initial:
        found.append(Case("initial values", Experiment(**both, initial=s.initial)))
    if s.parameters:
        found.append(Case("other parameters", Experiment(**both, parameters=s.parameters)))
    return tuple(found)


def _train(s: Stimulus, port: str, dt: float, *, signed: bool) -> list[tuple[float, float]]:
    """Return a Poisson train on the grid, the same in every run, its first spike in step one."""
    generator = random.Random(f"{port} {s.weight} {s.rate}")
    events = [(dt, float(s.weight))]
    t = 0.0
    while True:
        t += max(dt, dt * round(generator.expovariate(s.rate) / dt))
        if t > s.duration:
            return events
        weight = s.weight * generator.choice([1, 1, 2])
        sign = generator.choice([1, 1, -1]) if signed else 1
        events.append((dt * round(t / dt), float(weight * sign)))


def _bursts(s: Stimulus, ports: list[str], dt: float) -> dict[str, list[tuple[float, float]]]:
    """Return several spikes in one step, for all ports at once, also in the first and last step."""
    last = dt * round(s.duration / dt)
    middle = [dt * round(s.duration * x / dt) for x in (0.2, 0.21, 0.5)]
    return {
        port: [(t, float(s.weight * k * i)) for t in (dt, *middle, last) for k in (1, 2, 1)]
        for i, port in enumerate(ports, 1)
    }


def _counting(trains: Spikes) -> Spikes:
    """Return the same spikes, each of which counts as one."""
    return {port: [(t, 1.0) for t, _ in train] for port, train in trains.items()}


def _signal(s: Stimulus, dt: float) -> tuple[list[float], list[float]]:
    """Return a signal that changes at grid points, begins late and ends early."""
    times = [dt * round(s.duration * x / dt) for x in (0.1, 0.3, 0.6, 0.8)]
    return times, [s.current, -0.5 * s.current, 1.5 * s.current, 0.0]
