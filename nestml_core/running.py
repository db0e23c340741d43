"""Which backend runs a model, and running it there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, NoReturn

from nestml_core import builds, plugins
from nestml_core.backend import Artifact, Backend, Feature, features
from nestml_core.declared import in_declared_units
from nestml_core.diagnostics import Code, Diagnostic, Result, Severity, nearest
from nestml_core.experiment import Experiment, Schedule, Trace
from nestml_core.pipeline import generate, write_files
from nestml_core.problems import BAD_OPTION, refuse, valued
from nestml_core.progress import waiting
from nestml_core.reference import constants
from nestml_core.reference import simulate as interpret
from nestml_core.results import Run
from nestml_core.solved import SolvedModel, SolvedProgram
from nestml_core.targets import REFERENCE, backend_named, backend_options, missing_tools

CANNOT_RUN = Code("NML924", Severity.ERROR, "a backend cannot run models here")

FAST = ("cpp",)
"""Backends that run models faster than the reference interpreter, the fastest first."""

Execute = Callable[[Schedule, bool], Result[Trace]]
"""Returns the trace of a schedule in coherent units; the flag asks for progress bars."""


@dataclass(frozen=True, eq=False, slots=True)
class Runner:
    """A model made ready on one backend: it runs any number of experiments without new code.

    Attributes
    ----------
    model : what runs
    backend : name of what runs it
    reason : why this backend was taken
    execute : runs a schedule
    diagnostics : warnings of the backend about the model
    """

    model: SolvedModel
    backend: str
    reason: str
    execute: Execute
    diagnostics: tuple[Diagnostic, ...] = ()

    def run(
        self, laid: Schedule, said: tuple[Diagnostic, ...] = (), *, progress: bool = True
    ) -> Run:
        """Run the model in an experiment that has been laid on the grid.

        Parameters
        ----------
        said : warnings about the experiment, which come with the run
        progress : show a bar if it takes long

        Raises
        ------
        ModelError : the run went wrong.
        """
        trace, more = valued(self.execute(laid, progress))
        diagnostics = (*said, *self.diagnostics, *more)
        in_units = in_declared_units(trace, self.model)
        return Run(self.model.name, laid, in_units, self.reason, diagnostics)


def runner(
    model: SolvedModel,
    backend: str | None = None,
    options: Mapping[str, Any] = MappingProxyType({}),
    *,
    progress: bool = True,
) -> Runner:
    """Return ``model`` made ready to run: generated and compiled where the backend does that.

    Parameters
    ----------
    backend : name of a backend, or ``"reference"``; None for the fastest that can run here
    options : further options of the backend
    progress : show how long compiling takes

    Raises
    ------
    ModelError : there is no such backend, it cannot run here, or it refuses the model.
    """
    if options and backend is None:
        _refuse_option(next(iter(options)))
    choice = _chosen(model, backend)
    if choice.backend is None:
        execute = _interpreter(model, _accuracy(options))
        return Runner(model, REFERENCE, choice.reason, execute)
    made = backend_options(choice.backend, options)
    artifact, said = valued(_compiled(choice.backend, model, made, progress))
    execute = _compiled_run(choice.backend, model, artifact)
    return Runner(model, choice.backend.name, choice.reason, execute, said)


def _refuse_option(name: str) -> NoReturn:
    """Refuse what is no argument of ours, nor can be an option of a backend that is not named."""
    close = get_close_matches(name, [f.name for f in dataclasses.fields(Experiment)], 1)
    message = f"`{name}` would be an option of a backend, and none is named"
    way = f"did you mean `{close[0]}`? If not, name the backend" if close else "name one"
    refuse(BAD_OPTION, message, f"{way}: backend=...")


def _interpreter(model: SolvedModel, accurate: bool) -> Execute:
    def execute(laid: Schedule, progress: bool) -> Result[Trace]:
        return interpret(model, laid, accurate=accurate, progress=progress)

    return execute


def _compiled_run(backend: Backend[Any, Any], model: SolvedModel, artifact: Artifact) -> Execute:
    def execute(laid: Schedule, progress: bool) -> Result[Trace]:
        settled = constants(model, laid.parameters, laid.dt) if laid.parameters else Result(())
        if settled.value is None:
            return Result(None, settled.diagnostics)
        with waiting(f"running on {backend.name}", wanted=progress):
            return backend.simulate(artifact, model, laid)

    return execute


def _compiled(
    backend: Backend[Any, Any], model: SolvedModel, options: Any, progress: bool
) -> Result[Artifact]:
    program = SolvedProgram((model,))

    def compile(files: Mapping[str, str | bytes]) -> Result[Artifact]:
        return builds.compiled(builds.Build(backend, program, options, files), write_files)

    with waiting(f"compiling for {backend.name}", wanted=progress):
        return generate(program, backend, options).then(compile)


def _accuracy(options: Mapping[str, Any]) -> bool:
    unknown = [name for name in options if name != "accurate"]
    if unknown:
        message = f"`{REFERENCE}` has no option `{unknown[0]}`"
        refuse(BAD_OPTION, message, nearest(unknown[0], ["accurate"], "its options are"))
    return bool(options.get("accurate", False))


def backends_that_simulate() -> tuple[str, ...]:
    """Return the names of the installed backends that can run models."""
    offered = plugins.discover().backends
    return tuple(b.name for b in offered if Feature.SIMULATE in b.supports.features)


def _obstacle(backend: Backend[Any, Any]) -> str:
    """Return why the backend cannot run any model here; nothing if it can."""
    if Feature.SIMULATE not in backend.supports.features:
        return f"`{backend.name}` generates code but does not run it"
    missing = missing_tools(backend)
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
        refuse(CANNOT_RUN, obstacle, f"`{REFERENCE}` always can")
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
