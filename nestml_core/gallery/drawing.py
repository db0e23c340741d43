"""The picture of one model."""

from __future__ import annotations

from pathlib import Path

from nestml_core.gallery.portraits import portrait
from nestml_core.loading import load
from nestml_core.optional import optional
from nestml_core.solve import SolveOptions


def picture_of(
    model: str | Path,
    path: str | Path | None = None,
    solving: SolveOptions | None = None,
    dialect: str = "9.0",
) -> bytes:
    """Return a picture of how a model responds, as a PNG file.

    Parameters
    ----------
    model : a file, or the name of a shipped model
    path : also write it there; the suffix gives the format
    solving, dialect : as ``nestml_core.load``

    Raises
    ------
    ModelError : there is no such model, it has errors, or it cannot be run.
    ModuleNotFoundError : Matplotlib is not installed.
    """
    optional("matplotlib")
    from nestml_core.plotting.panels import saved
    from nestml_core.plotting.portraits import figure_of_portrait, picture

    shown = portrait(load(model, solving=solving, dialect=dialect))
    if path is not None:
        saved(figure_of_portrait(shown), path)
    return picture(shown)
