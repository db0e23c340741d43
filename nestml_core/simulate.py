"""Loading, running, building and comparing models: the Python interface of the compiler."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from nestml_core import builds, plugins
from nestml_core.backend import Artifact, Backend, Feature, features
from nestml_core.diagnostics import Code, Diagnostic, Result, Severity, in_order, render
from nestml_core.experiment import (
    Experiment,
    FloatArray,
    IntArray,
    Schedule,
    Trace,
    schedule,
)
from nestml_core.expr import Symbol
from nestml_core.pipeline import compile_files, generate, with_integrators, write_files
from nestml_core.reference import constants
from nestml_core.reference import simulate as interpret
from nestml_core.solve import SolveOptions
from nestml_core.solved import Pair, SolvedModel, SolvedProgram
from nestml_core.source import NOWHERE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NO_MODEL = Code("NML921", Severity.ERROR, "no such model")
NO_BACKEND = Code("NML922", Severity.ERROR, "no such backend")
BAD_OPTION = Code("NML923", Severity.ERROR, "an option the backend does not take")
CANNOT_RUN = Code("NML924", Severity.ERROR, "a backend cannot run models here")
NOT_COMPILED = Code("NML925", Severity.WARNING, "generated code was not compiled")

REFERENCE = "reference"
FAST = ("cpp",)
"""Backends that run models faster than the reference interpreter, the fastest first."""


class ModelError(Exception):
    """A model, an option or an experiment has errors.

    ``str()`` shows all of them with their places, as the command line does.

    Attributes
    ----------
    diagnostics : errors, warnings and hints, by place
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = in_order(diagnostics)
        super().__init__("\n".join(render(d) for d in self.diagnostics))


@dataclass(frozen=True, eq=False)
class Run:
    """What a simulation yielded, in the declared units of the model.

    ``run["V_m"]`` is the array of what was recorded of ``V_m``, of shape (steps,): its values at
    ``run.times``, the ends of the steps.

    Attributes
    ----------
    model : name of the model
    schedule : what was put in, on the grid of steps, in coherent units
    trace : what came out
    reason : why this backend was taken
    diagnostics : warnings, and messages of the model
    """

    model: str
    schedule: Schedule
    trace: Trace
    reason: str
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def inputs(self) -> Mapping[str, FloatArray]:
        """The signal of each continuous port, in its unit: the value that held in each step."""
        currents = self.schedule.currents
        return MappingProxyType({p.name: _declared_value(p, x) for p, x in currents.items()})

    @property
    def input_units(self) -> Mapping[str, str]:
        """The unit of each continuous port, by name."""
        return MappingProxyType({p.name: _unit_text(p) for p in self.schedule.currents})

    def __getitem__(self, name: str) -> FloatArray:
        return self.trace[name]

    @property
    def backend(self) -> str:
        """The backend that ran the model."""
        return self.trace.backend

    @property
    def recorded(self) -> tuple[str, ...]:
        """The names of what was recorded."""
        return tuple(self.trace.values)

    @property
    def units(self) -> Mapping[str, str]:
        """The unit of each recorded array, by name."""
        return self.trace.units

    @property
    def times(self) -> FloatArray:
        """The ends of the steps, in ms; shape (steps,)."""
        return self.trace.times

    @property
    def spikes(self) -> FloatArray:
        """The times of the spikes that the model emitted, in ms."""
        return self.trace.spikes

    @property
    def spike_steps(self) -> IntArray:
        """The steps, counted from 1, in which the model emitted spikes."""
        return self.trace.spike_steps

    def plot(self, path: str | Path | None = None) -> Figure:
        """Return a Matplotlib figure of input, recorded traces and spikes.

        Parameters
        ----------
        path : also write it there; the suffix gives the format
        """
        from nestml_core import plotting

        return plotting.saved(plotting.figure_of_run(self), path)

    def to_frame(self) -> Any:
        """Return a pandas ``DataFrame``: one row a step, indexed by time in ms.

        The units are in ``frame.attrs["units"]``, the spike times in ``frame.attrs["spikes"]``.

        Raises
        ------
        ImportError : pandas is not installed.
        """
        pandas = import_module("pandas")
        frame = pandas.DataFrame(dict(self.trace.values), index=pandas.Index(self.times, name="t"))
        frame.attrs["units"] = dict(self.units)
        frame.attrs["spikes"] = self.spikes.tolist()
        return frame

    def to_neo(self) -> Any:
        """Return a Neo ``Segment``: a signal for each recorded name, and a spike train.

        Units that Neo does not know are in the annotation ``unit`` of a dimensionless signal.

        Raises
        ------
        ImportError : neo is not installed.
        """
        neo, quantities = import_module("neo"), import_module("quantities")
        end = self.trace.steps * self.trace.dt
        segment = neo.Segment(name=self.model)
        for name, values in self.trace.values.items():
            signal = neo.AnalogSignal(
                values,
                units=_neo_unit(quantities, self.units[name]),
                t_start=self.trace.dt * quantities.ms,
                sampling_period=self.trace.dt * quantities.ms,
                name=name,
                unit=self.units[name],
            )
            segment.analogsignals.append(signal)
        train = neo.SpikeTrain(self.spikes, units="ms", t_stop=end * quantities.ms, name=self.model)
        segment.spiketrains.append(train)
        return segment

    def to_csv(self, path: str | Path) -> None:
        """Write time, recorded values and number of spikes, one row a step.

        The heading gives names and units. Numbers are written in full: they read back the same.
        """
        emitted = np.bincount(self.spike_steps, minlength=self.trace.steps + 1)[1:]
        columns = [self.times.tolist(), *(x.tolist() for x in self.trace.values.values())]
        heading = ["t (ms)", *(f"{name} ({unit})" for name, unit in self.units.items()), "spikes"]
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(heading)
            writer.writerows(zip(*columns, emitted.tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model that has been read, checked and solved.

    Attributes
    ----------
    solved : what to compute in each step; what backends turn into code
    diagnostics : warnings about the model
    """

    solved: SolvedModel
    diagnostics: tuple[Diagnostic, ...] = ()

    def __repr__(self) -> str:
        return f"<model {self.name}: {', '.join(self.recordables) or 'nothing to record'}>"

    @property
    def name(self) -> str:
        return self.solved.name

    @property
    def documentation(self) -> str:
        """What the comment above the model says."""
        return self.solved.documentation

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The default of each parameter, in its declared unit, by name."""
        values = _checked(constants(self.solved))[0]
        return MappingProxyType(
            {
                d.symbol.name: _declared_value(d.symbol, values[d.symbol])
                for d in self.solved.parameters
            }
        )

    @property
    def units(self) -> Mapping[str, str]:
        """The declared unit of each parameter, state variable, recordable and input, by name."""
        m = self.solved
        symbols = [d.symbol for d in (*m.parameters, *m.state)]
        symbols += [r.symbol for r in m.recordables]
        symbols += [p.symbol for p in m.continuous_ports]
        return MappingProxyType({s.name: _unit_text(s) for s in symbols})

    @property
    def state(self) -> tuple[str, ...]:
        """The names of the state variables, which ``initial`` may set."""
        return tuple(d.symbol.name for d in self.solved.state)

    @property
    def recordables(self) -> tuple[str, ...]:
        """The names of what can be recorded."""
        return tuple(r.symbol.name for r in self.solved.recordables)

    @property
    def spike_ports(self) -> tuple[str, ...]:
        """The names of the ports for spikes."""
        return tuple(p.symbol.name for p in self.solved.spike_ports)

    @property
    def continuous_ports(self) -> tuple[str, ...]:
        """The names of the ports for continuous signals."""
        return tuple(p.symbol.name for p in self.solved.continuous_ports)

    def simulate(
        self,
        duration: Any,
        dt: Any = 0.1,
        *,
        parameters: Mapping[str, Any] | None = None,
        initial: Mapping[str, Any] | None = None,
        spikes: Mapping[str, Iterable[tuple[Any, float]]] | None = None,
        currents: Mapping[str, Any] | None = None,
        record: Sequence[str] | None = None,
        backend: str | None = None,
        seed: int = 1,
        **options: Any,
    ) -> Run:
        """Run one instance of the model.

        Numbers are in the declared units of the model and times in ms, going in and coming out;
        Pint quantities of any fitting unit are accepted. The times of spikes are their arrival
        times at the model: one that arrives at t is due in the step that ends at t.

        Parameters
        ----------
        duration, dt : ms; ``duration`` is rounded to a whole number of steps
        parameters, initial : values of parameters and initial values of state variables
        spikes : for each spike port, pairs (time, weight)
        currents : for each continuous port a constant, or (times, values), piecewise constant:
            a value holds from its time on
        record : names of recordables; all of them if None
        backend : name of a backend that can run models, or ``"reference"``; if None, the fastest
            that can run this model here. ``Run.reason`` says which and why
        seed : of all random numbers
        options : further options of the backend

        Raises
        ------
        ModelError : a name, value, option or backend does not fit, or the run went wrong.
        """
        experiment = Experiment(
            duration=duration,
            dt=dt,
            parameters=parameters or {},
            initial=initial or {},
            spikes=spikes or {},
            currents=currents or {},
            record=record,
            seed=seed,
        )
        return self.run(experiment, backend, **options)

    def run(self, experiment: Experiment, backend: str | None = None, **options: Any) -> Run:
        """Run one instance of the model in ``experiment``; see ``simulate``.

        Raises
        ------
        ModelError : as ``simulate``.
        """
        laid, said = _checked(schedule(experiment, self.solved))
        trace, reason, more = _run(self.solved, laid, backend, options)
        in_units = _in_declared_units(trace, self.solved)
        return Run(self.name, laid, in_units, reason, (*said, *more))


def load(
    source: str | Path,
    model: str | None = None,
    *,
    solving: SolveOptions | None = None,
    dialect: str = "9.0",
) -> LoadedModel:
    """Read, check and solve a model.

    Parameters
    ----------
    source : a file, a folder, or the name of a model of the library
    model : which one, if there are several
    solving : how to integrate what has no exact solution
    dialect : "9.0", or "8" for models written for NESTML 8

    Raises
    ------
    ModelError : there is no such model, or it has errors.
    """
    program, said = _checked(compile_files([source], solving or SolveOptions(), dialect))
    named = {m.name: m for m in program.models}
    if model is None and len(named) == 1:
        model = next(iter(named))
    if model not in named:
        what = "holds several models" if model is None else f"holds no model `{model}`"
        message = f"`{source}` {what}: {', '.join(named)}"
        raise ModelError([NO_MODEL.at(NOWHERE, message, help='name one: load(source, "NAME")')])
    chosen = with_integrators(SolvedProgram((named[model],)), solving or SolveOptions())
    return LoadedModel(chosen.models[0], said)


@dataclass(frozen=True, eq=False)
class Built:
    """What ``build`` left on disk.

    Attributes
    ----------
    directory : the folder
    files : all generated files, in it
    artifact : what the compiler made of them; None if nothing was compiled
    diagnostics : warnings
    """

    directory: Path
    files: tuple[Path, ...]
    artifact: Artifact | None
    diagnostics: tuple[Diagnostic, ...] = ()


def build(
    sources: str | Path | Sequence[str | Path],
    backend: str,
    output: str | Path,
    *,
    suffix: str = "",
    pairs: Sequence[str] = (),
    compile: bool = True,
    solving: SolveOptions | None = None,
    dialect: str = "9.0",
    **options: Any,
) -> Built:
    """Generate code for a target, and compile it where the target compiles.

    Parameters
    ----------
    sources : files, folders or names of library models; one or several
    backend : name of an installed backend
    output : folder to write to; made if need be
    suffix : appended to the name of every generated model
    pairs : ``"NEURON+SYNAPSE"`` for each synapse that is generated together with its neuron
    compile : False to generate only
    solving : how to integrate what has no exact solution
    dialect : "9.0", or "8" for models written for NESTML 8
    options : further options of the backend

    Returns
    -------
    What was written. Where a tool for compiling is missing, a warning says which.

    Raises
    ------
    ModelError : a model has errors, or the backend refuses it.
    """
    paths = [sources] if isinstance(sources, (str, Path)) else list(sources)
    program, said = _checked(compile_files(paths, solving or SolveOptions(), dialect))
    program = with_integrators(program, solving or SolveOptions())
    program = _renamed(replace(program, pairs=_pairs(pairs, program)), suffix)
    target = backend_named(backend)
    chosen = _options(target, options)
    files, more = _checked(generate(program, target, chosen))
    directory = Path(output)
    written, _ = _checked(write_files(files, directory))
    found = [*said, *more]
    artifact = None
    if compile and Feature.COMPILE in target.supports.features:
        missing = _missing_tools(target)
        if missing:
            found.append(NOT_COMPILED.at(NOWHERE, f"`{backend}` did not compile: {missing}"))
        else:
            artifact, compiled = _checked(target.compile(program, directory, chosen))
            found += compiled
    return Built(directory, written, artifact, tuple(found))


@dataclass(frozen=True, eq=False, slots=True)
class Compared:
    """One backend of a comparison: its run and how far it is from the first one's.

    Attributes
    ----------
    backend : name
    run : None if it could not run
    problem : why not
    equal_spikes : whether it spiked in the same steps
    differences : the largest absolute difference of each recorded array, in its unit
    """

    backend: str
    run: Run | None
    problem: str
    equal_spikes: bool
    differences: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Comparison:
    """The same experiment on several backends, compared with the first that could run it."""

    model: str
    rows: tuple[Compared, ...]

    @staticmethod
    def row(name: str, run: Run | None, problem: str, first: Run | None) -> Compared:
        """Return how ``run`` compares with ``first``."""
        if run is None or first is None:
            return Compared(name, None, problem, False, MappingProxyType({}))
        differences = {n: _largest_difference(run[n], first[n]) for n in run.recorded}
        equal = np.array_equal(run.spike_steps, first.spike_steps)
        return Compared(name, run, "", equal, MappingProxyType(differences))

    @property
    def runs(self) -> Mapping[str, Run]:
        """The runs by backend, without those that could not run."""
        return MappingProxyType({r.backend: r.run for r in self.rows if r.run is not None})

    @property
    def agrees(self) -> bool:
        """Whether all that ran spiked in the same steps."""
        return all(r.equal_spikes for r in self.rows if r.run is not None)

    def table(self) -> str:
        """Return the comparison as text: a line for each backend."""
        recorded = list(dict.fromkeys(n for run in self.runs.values() for n in run.recorded))
        units = {n: u for run in self.runs.values() for n, u in run.units.items()}
        heading = ["backend", "spikes", "same steps"]
        heading += [f"max |Δ{n}|" + (f" ({units[n]})" if units[n] != "1" else "") for n in recorded]
        lines = [heading]
        for row in self.rows:
            if row.run is None:
                lines.append([row.backend, "-", "-", *["-"] * len(recorded)])
                continue
            same = "yes" if row.equal_spikes else "no"
            numbers = [_difference_text(row.differences.get(n)) for n in recorded]
            lines.append([row.backend, str(len(row.run.spikes)), same, *numbers])
        problems = [f"{r.backend}: {r.problem}" for r in self.rows if r.run is None]
        return "\n".join([*_aligned(lines), *problems])

    def plot(self, path: str | Path | None = None) -> Figure:
        """Return a Matplotlib figure: traces over each other, and how far they are apart.

        Parameters
        ----------
        path : also write it there; the suffix gives the format
        """
        from nestml_core import plotting

        return plotting.saved(plotting.figure_of_comparison(self), path)


def compare(
    model: LoadedModel | str | Path,
    experiment: Experiment,
    backends: Sequence[str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Comparison:
    """Run the same experiment on several backends.

    Parameters
    ----------
    model : a loaded model, or what ``load`` takes
    experiment : what to do
    backends : their names; the first one that can run is what the others are compared with. If
        None, the reference interpreter and all installed backends that can run models
    options : further options, by backend

    Returns
    -------
    A row for each backend; one that cannot run says why instead of ending the comparison.

    Raises
    ------
    ModelError : the model has errors, or the experiment does not fit it.
    """
    loaded = model if isinstance(model, LoadedModel) else load(model)
    _checked(schedule(experiment, loaded.solved))
    names = backends if backends is not None else (REFERENCE, *_that_simulate())
    attempts = [_attempt(loaded, experiment, n, (options or {}).get(n, {})) for n in names]
    first = next((run for _, run, _ in attempts if run is not None), None)
    return Comparison(loaded.name, tuple(Comparison.row(*attempt, first) for attempt in attempts))


# Models and options


def _checked(result: Result[Any]) -> tuple[Any, tuple[Diagnostic, ...]]:
    """Return the value and what else there is to say; raise if there is no value."""
    if result.value is None:
        raise ModelError(result.diagnostics)
    return result.value, result.diagnostics


def _pairs(pairs: Sequence[str], program: SolvedProgram) -> tuple[Pair, ...]:
    names = {m.name for m in program.models}
    found = []
    for text in pairs:
        neuron, plus, synapse = (part.strip() for part in text.partition("+"))
        missing = [n for n in (neuron, synapse) if n not in names]
        if not plus or missing:
            message = f"`{text}` is not a pair of models: {', '.join(missing) or 'no `+` in it'}"
            raise ModelError([NO_MODEL.at(NOWHERE, message, help="write NEURON+SYNAPSE")])
        found.append(Pair(neuron, synapse))
    return (*program.pairs, *found)


def _renamed(program: SolvedProgram, suffix: str) -> SolvedProgram:
    if not suffix:
        return program
    if not f"a{suffix}".isidentifier() or not suffix.isascii():
        message = f"`{suffix}` cannot be the end of a name"
        raise ModelError([BAD_OPTION.at(NOWHERE, message, help="use letters, digits and `_`")])
    models = tuple(replace(m, name=m.name + suffix) for m in program.models)
    pairs = tuple(Pair(p.neuron + suffix, p.synapse + suffix) for p in program.pairs)
    return replace(program, models=models, pairs=pairs)


def _options(backend: Backend[Any, Any], given: Mapping[str, Any]) -> Any:
    known = [f.name for f in dataclasses.fields(backend.options)]
    for name in given:
        if name not in known:
            close = get_close_matches(name, known, 1)
            listed = ", ".join(known) or "none"
            hint = f"did you mean `{close[0]}`?" if close else f"its options are: {listed}"
            message = f"`{backend.name}` has no option `{name}`"
            raise ModelError([BAD_OPTION.at(NOWHERE, message, help=hint)])
    try:
        return backend.options(**given)
    except (TypeError, ValueError) as problem:
        message = f"an option of `{backend.name}`: {problem}"
        raise ModelError([BAD_OPTION.at(NOWHERE, message)]) from None


# Backends


def backend_named(name: str) -> Backend[Any, Any]:
    """Return an installed backend.

    Raises
    ------
    ModelError : there is none of that name, or its plugin is broken.
    """
    found = plugins.find(name)
    if found.backends:
        return found.backends[0]
    broken = "; ".join(f"{b.distribution} is broken: {b.problem}" for b in found.broken)
    names = [b.name for b in plugins.discover().backends]
    close = get_close_matches(name, names, 1)
    hint = f"did you mean `{close[0]}`?" if close else f"installed: {', '.join(names) or 'none'}"
    message = f"there is no backend `{name}`" + (f" ({broken})" if broken else "")
    raise ModelError([NO_BACKEND.at(NOWHERE, message, help=hint)])


def _that_simulate() -> tuple[str, ...]:
    offered = plugins.discover().backends
    return tuple(b.name for b in offered if Feature.SIMULATE in b.supports.features)


def _missing_tools(backend: Backend[Any, Any]) -> str:
    """Return what the backend lacks on this machine, in words; nothing if it is complete."""
    return "; ".join(
        f"{t.name} is missing" + (f" ({t.install})" if t.install else "")
        for t in backend.toolchain().missing
    )


def _obstacle(backend: Backend[Any, Any]) -> str:
    """Return why the backend cannot run any model here; nothing if it can."""
    if Feature.SIMULATE not in backend.supports.features:
        return f"`{backend.name}` generates code but does not run it"
    missing = _missing_tools(backend)
    return f"`{backend.name}` cannot run here: {missing}" if missing else ""


@dataclass(frozen=True, slots=True)
class _Choice:
    """The backend that is to run a model, None for the reference interpreter, and why."""

    backend: Backend[Any, Any] | None
    reason: str


def _chosen(model: SolvedModel, name: str | None) -> _Choice:
    if name is None:
        return _fastest(model)
    if name == REFERENCE:
        return _Choice(None, "as asked for")
    backend = backend_named(name)
    obstacle = _obstacle(backend)
    if obstacle:
        raise ModelError([CANNOT_RUN.at(NOWHERE, obstacle, help=f"`{REFERENCE}` always can")])
    return _Choice(backend, "as asked for")


def _fastest(model: SolvedModel) -> _Choice:
    reasons = []
    for name in FAST:
        offered = plugins.find(name).backends
        why_not = _unfit(offered[0], model) if offered else f"`{name}` is not installed"
        if not why_not:
            return _Choice(offered[0], "the fastest that can run this model here")
        reasons.append(why_not)
    return _Choice(None, "; ".join(reasons))


def _unfit(backend: Backend[Any, Any], model: SolvedModel) -> str:
    """Return why the backend cannot run this model here; nothing if it can."""
    obstacle = _obstacle(backend)
    if obstacle:
        return obstacle
    lacking = features(model) - backend.supports.features
    if lacking:
        return f"`{backend.name}` lacks {', '.join(sorted(f.value for f in lacking))}"
    lowered = backend.lower(SolvedProgram((model,)), backend.options())
    return f"`{backend.name}` refuses this model" if lowered.value is None else ""


def _run(
    model: SolvedModel, laid: Schedule, name: str | None, options: Mapping[str, Any]
) -> tuple[Trace, str, tuple[Diagnostic, ...]]:
    """Return the trace, why this backend made it, and what else there is to say."""
    if options and name is None:
        message = f"`{next(iter(options))}` is an option of a backend, and none is named"
        raise ModelError([BAD_OPTION.at(NOWHERE, message, help="name one: backend=...")])
    choice = _chosen(model, name)
    if choice.backend is None:
        ran = interpret(model, laid, accurate=_accuracy(options))
    else:
        ran = _run_on(choice.backend, model, laid, _options(choice.backend, options))
    trace, said = _checked(ran)
    return trace, choice.reason, said


def _run_on(
    backend: Backend[Any, Any], model: SolvedModel, laid: Schedule, options: Any
) -> Result[Trace]:
    program = SolvedProgram((model,))

    def compile(files: Mapping[str, str | bytes]) -> Result[Artifact]:
        return builds.compiled(builds.Build(backend, program, options, files), write_files)

    artifact = generate(program, backend, options).then(compile)
    return artifact.then(lambda made: backend.simulate(made, model, laid))


def _accuracy(options: Mapping[str, Any]) -> bool:
    unknown = [name for name in options if name != "accurate"]
    if unknown:
        message = f"`{REFERENCE}` has no option `{unknown[0]}`"
        raise ModelError([BAD_OPTION.at(NOWHERE, message, help="its options are: accurate")])
    return bool(options.get("accurate", False))


def _attempt(
    model: LoadedModel, experiment: Experiment, backend: str, options: Mapping[str, Any]
) -> tuple[str, Run | None, str]:
    try:
        return backend, model.run(experiment, backend, **options), ""
    except ModelError as problem:
        errors = [d for d in problem.diagnostics if d.is_error]
        return backend, None, "; ".join(d.message for d in errors)


def _largest_difference(a: FloatArray, b: FloatArray) -> float:
    """Return the largest ``|a - b|``; values that are equal, even infinite ones, differ by 0."""
    apart = a != b
    return float(np.max(np.abs(a[apart] - b[apart]), initial=0.0))


# Units and text


def _unit_text(symbol: Symbol) -> str:
    return symbol.type.unit.text if symbol.type.unit is not None else "1"


def _neo_unit(quantities: Any, unit: str) -> Any:
    try:
        return quantities.Quantity(1.0, unit.replace("Ohm", "ohm")).units
    except LookupError:
        return quantities.dimensionless


def _declared_value(symbol: Symbol, value: Any) -> Any:
    """Return ``value``, which is in coherent units, in the declared unit."""
    if isinstance(value, tuple):
        value = np.array(value)
    unit = symbol.type.unit
    if unit is None or unit.factor == 1:
        return value
    return value * float(unit.factor.denominator) / float(unit.factor.numerator)


def _in_declared_units(trace: Trace, model: SolvedModel) -> Trace:
    symbols = {r.symbol.name: r.symbol for r in model.recordables}
    return Trace(
        dt=trace.dt,
        steps=trace.steps,
        values=MappingProxyType(
            {n: _declared_value(symbols[n], x) for n, x in trace.values.items()}
        ),
        units=MappingProxyType({n: _unit_text(symbols[n]) for n in trace.values}),
        spike_steps=trace.spike_steps,
        backend=trace.backend,
    )


def _difference_text(value: float | None) -> str:
    return "-" if value is None else "0" if value == 0 else f"{value:.2g}"


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table: the first column to the left, the others to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
