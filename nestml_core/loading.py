"""Loading models and running them: the heart of the Python interface."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nestml_core.checking import compiled
from nestml_core.declared import declared_value, unit_text
from nestml_core.diagnostics import Diagnostic
from nestml_core.experiment import Experiment, schedule
from nestml_core.pipeline import with_integrators
from nestml_core.problems import NO_MODEL, ModelError, valued
from nestml_core.reference import constants
from nestml_core.results import Run
from nestml_core.running import runner
from nestml_core.solve import DEFAULTS, SolveOptions
from nestml_core.solved import SolvedModel, SolvedProgram
from nestml_core.source import NOWHERE


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model that has been read, checked and solved.

    Attributes
    ----------
    solved : what to compute in each step; what backends turn into code
    diagnostics : warnings about the model
    solving : how what has no exact solution is integrated
    dialect : the NESTML it was written in
    """

    solved: SolvedModel
    diagnostics: tuple[Diagnostic, ...] = ()
    solving: SolveOptions = DEFAULTS
    dialect: str = "9.0"

    def __repr__(self) -> str:
        return f"<model {self.name}: {', '.join(self.recordables) or 'nothing to record'}>"

    def _repr_mimebundle_(self, **_: Any) -> Mapping[str, Any]:
        from nestml_core.notebook import of_model

        return of_model(self.solved, repr(self))

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
        values, _ = valued(constants(self.solved))
        return MappingProxyType(
            {
                d.symbol.name: declared_value(d.symbol, values[d.symbol])
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
        return MappingProxyType({s.name: unit_text(s) for s in symbols})

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
        spikes: Mapping[str, Iterable[Any]] | None = None,
        currents: Mapping[str, Any] | None = None,
        record: Sequence[str] | None = None,
        backend: str | None = None,
        seed: int = 1,
        progress: bool = True,
        **options: Any,
    ) -> Run:
        """Run one instance of the model.

        Numbers are in the declared units of the model and times in ms, going in and coming out;
        Pint quantities and text with a unit (``"0.5 nA"``) are accepted. The times of spikes are
        their arrival times at the model: one that arrives at t is due in the step that ends at t.

        Parameters
        ----------
        duration, dt : ms; ``duration`` is rounded to a whole number of steps
        parameters, initial : values of parameters and initial values of state variables
        spikes : for each spike port times, or pairs (time, weight) where the weight is not 1
        currents : for each continuous port a constant, or (times, values), piecewise constant:
            a value holds from its time on
        record : names of recordables; all of them if None
        backend : name of a backend that can run models, or ``"reference"``; if None, the fastest
            that can run this model here. ``Run.reason`` says which and why
        seed : of all random numbers
        progress : show a bar on a terminal, or in a notebook, if it takes longer than a second
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
        return self.run(experiment, backend, progress=progress, **options)

    def run(
        self,
        experiment: Experiment,
        backend: str | None = None,
        *,
        progress: bool = True,
        **options: Any,
    ) -> Run:
        """Run one instance of the model in ``experiment``; see ``simulate``.

        Raises
        ------
        ModelError : as ``simulate``.
        """
        laid, said = valued(schedule(experiment, self.solved))
        ready = runner(self.solved, backend, options, progress=progress)
        return ready.run(laid, said, progress=progress)


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
    source : a file, a folder, the name of a model of the library, or (if it has several lines)
        the text of a model
    model : which one, if there are several
    solving : how to integrate what has no exact solution
    dialect : "9.0", or "8" for models written for NESTML 8

    Raises
    ------
    ModelError : there is no such model, or it has errors.
    """
    options = solving or SolveOptions()
    program, said = valued(compiled(source, options, dialect))
    named = {m.name: m for m in program.models}
    if model is None and len(named) == 1:
        model = next(iter(named))
    if model not in named:
        what = "holds several models" if model is None else f"holds no model `{model}`"
        shown = "the text" if "\n" in str(source) else f"`{source}`"
        message = f"{shown} {what}: {', '.join(named)}"
        raise ModelError([NO_MODEL.at(NOWHERE, message, help='name one: load(source, "NAME")')])
    chosen = with_integrators(SolvedProgram((named[model],)), options)
    return LoadedModel(chosen.models[0], said, options, dialect)


def loaded(model: LoadedModel | str | Path) -> LoadedModel:
    """Return a loaded model as it is, and load anything else."""
    return model if isinstance(model, LoadedModel) else load(model)


def simulate(model: LoadedModel | str | Path, duration: Any, dt: Any = 0.1, **how: Any) -> Run:
    """Load a model and run it: ``load(model).simulate(duration, dt, ...)`` in one call.

    Parameters
    ----------
    model : a loaded model, or what ``load`` takes
    duration, dt, how : as ``LoadedModel.simulate``

    Raises
    ------
    ModelError : the model has errors, or the experiment does not fit it.
    """
    return loaded(model).simulate(duration, dt, **how)
