"""The same experiment on several backends, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from nestml_core.experiment import BAD_VALUE, Experiment, FloatArray, schedule
from nestml_core.loading import LoadedModel, loaded
from nestml_core.optional import optional
from nestml_core.problems import ModelError, refuse, valued
from nestml_core.progress import tracked
from nestml_core.results import Run
from nestml_core.running import backends_that_simulate
from nestml_core.targets import REFERENCE, with_options

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, slots=True)
class Compared:
    """One backend of a comparison: its run and how far it is from the first one's.

    Attributes
    ----------
    backend : name, with options if it was given any
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

    def __repr__(self) -> str:
        return self.table()

    def _repr_mimebundle_(self, **_: Any) -> Mapping[str, Any]:
        from nestml_core.notebook import of_table

        heading, *rows = self._cells()
        return of_table(self.table(), heading, [*rows, *self._problems()])

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
        problems = [f"{name}: {problem}" for name, problem in self._problems()]
        return "\n".join([*_aligned(self._cells()), *problems])

    def _problems(self) -> list[tuple[str, str]]:
        return [(r.backend, r.problem) for r in self.rows if r.run is None]

    def _cells(self) -> list[list[str]]:
        """Return the table cell by cell, its heading first."""
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
        return lines

    def plot(self, path: str | Path | None = None) -> Figure:
        """Return a Matplotlib figure: traces over each other, and how far they are apart.

        Parameters
        ----------
        path : also write it there; the suffix gives the format

        Raises
        ------
        ImportError : Matplotlib is not installed.
        """
        optional("matplotlib")
        from nestml_core import plotting

        return plotting.saved(plotting.figure_of_comparison(self), path)


def compare(
    model: LoadedModel | str | Path,
    experiment: Experiment,
    backends: Sequence[str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    progress: bool = True,
) -> Comparison:
    """Run the same experiment on several backends.

    Parameters
    ----------
    model : a loaded model, or what ``load`` takes
    experiment : what to do
    backends : their names, perhaps with options, as "lava:arith=loihi1"; the first one that can
        run is what the others are compared with. If None, the reference interpreter and all
        installed backends that can run models
    options : further options, by backend
    progress : show a bar on a terminal, or in a notebook, if it takes longer than a second

    Returns
    -------
    A row for each backend; one that cannot run says why instead of ending the comparison.

    Raises
    ------
    ModelError : the model has errors, or the experiment does not fit it.
    """
    chosen = loaded(model)
    if not isinstance(experiment, Experiment):
        message = f"{experiment!r} is no experiment"
        refuse(BAD_VALUE, message, "write nestml_core.Experiment(duration, ...)")
    valued(schedule(experiment, chosen.solved))
    names = backends if backends is not None else (REFERENCE, *backends_that_simulate())
    if isinstance(names, str):
        names = (names,)
    attempts = [
        _attempt(chosen, experiment, n, (options or {}).get(n, {}))
        for n in tracked(names, "comparing", wanted=progress)
    ]
    first = next((run for _, run, _ in attempts if run is not None), None)
    return Comparison(chosen.name, tuple(compared(*attempt, first) for attempt in attempts))


def _attempt(
    model: LoadedModel, experiment: Experiment, backend: str, options: Mapping[str, Any]
) -> tuple[str, Run | None, str]:
    try:
        name, further = with_options(backend)
        given = {**options, **further}
        return backend, model.run(experiment, name, progress=False, **given), ""
    except ModelError as problem:
        errors = [d for d in problem.diagnostics if d.is_error]
        return backend, None, "; ".join(d.message for d in errors)


def compared(name: str, run: Run | None, problem: str, first: Run | None) -> Compared:
    """Return how ``run`` compares with ``first``."""
    if run is None or first is None:
        return Compared(name, None, problem, False, MappingProxyType({}))
    differences = {n: _largest_difference(run[n], first[n]) for n in run.recorded}
    equal = np.array_equal(run.spike_steps, first.spike_steps)
    return Compared(name, run, "", equal, MappingProxyType(differences))


def _largest_difference(a: FloatArray, b: FloatArray) -> float:
    """Return the largest ``|a - b|``; values that are equal, even infinite ones, differ by 0."""
    apart = a != b
    return float(np.max(np.abs(a[apart] - b[apart]), initial=0.0))


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
