"""What the results of all experiments share."""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nestml_core.experiment import FloatArray
from nestml_core.files import whole_file
from nestml_core.optional import optional

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Measurement(ABC):
    """The result of an experiment; numbers are in the units that ``units`` gives by name.

    Attributes
    ----------
    model : name of the model
    backend : what ran it
    units : of every array and number, by name
    """

    model: str
    backend: str
    units: Mapping[str, str]

    @abstractmethod
    def columns(self) -> Mapping[str, FloatArray]:
        """Return the result as a table: arrays of one length, by name."""

    @abstractmethod
    def figure(self) -> Figure:
        """Return the Matplotlib figure that ``plot`` shows."""

    @abstractmethod
    def summary(self) -> str:
        """Return the result in a few words."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.model} on {self.backend}: {self.summary()}>"

    def _repr_mimebundle_(self, **_: Any) -> Mapping[str, Any]:
        from nestml_core.notebook import of_picture

        return of_picture(repr(self), self.plot)

    def plot(self, path: str | Path | None = None) -> Figure:
        """Return a Matplotlib figure of the result.

        Parameters
        ----------
        path : also write it there; the suffix gives the format

        Raises
        ------
        ImportError : Matplotlib is not installed.
        """
        optional("matplotlib")
        from nestml_core import plotting

        return plotting.saved(self.figure(), path)

    def to_frame(self) -> Any:
        """Return a pandas ``DataFrame``; the units are in ``frame.attrs["units"]``.

        Raises
        ------
        ImportError : pandas is not installed.
        """
        columns = self.columns()
        frame = optional("pandas").DataFrame(dict(columns))
        frame.attrs["units"] = {name: self.units[name] for name in columns}
        return frame

    def to_csv(self, path: str | Path) -> None:
        """Write the table; its heading gives names and units, its numbers read back the same."""
        columns = self.columns()
        rows = zip(*(x.tolist() for x in columns.values()), strict=True)
        with whole_file(path) as stage, open(stage, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([f"{name} ({self.units[name]})" for name in columns])
            writer.writerows(rows)
