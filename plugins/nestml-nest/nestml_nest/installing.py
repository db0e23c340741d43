"""From models to NEST in one call."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from nestml_core.api import ModelError, build
from nestml_nest.lower import names_in_nest

ADVICE = "call nest.ResetKernel() before, or install(..., reset=True)"


def install(
    sources: str | Path | Sequence[str | Path],
    output: str | Path | None = None,
    *,
    reset: bool = False,
    **how: Any,
) -> Mapping[str, str]:
    """Build an extension module and load it into the NEST of this process.

    Parameters
    ----------
    sources : files, folders, names of library models or the text of a model; one or several
    output : folder for the module; None for one that is deleted when this process ends
    reset : forget all nodes and modules first, as `nest.ResetKernel()` does
    how : options of ``nestml_core.build`` and of this backend, such as ``module="mine"``

    Returns
    -------
    What each model is called in NEST, by its own name. A synapse of a pair is there as
    ``NEURON+SYNAPSE``, too, and only so if it has several neurons.

    Raises
    ------
    ModelError : a model has errors, or cannot be generated or compiled.
    RuntimeError : NEST has nodes already, or models of these names; it takes new ones only before.
    """
    if "nest" in sys.modules and not reset:
        _refuse_nodes()
    folder = Path(output) if output is not None else _temporary()
    built = build(sources, "nest", folder, **how)
    if built.artifact is None:
        raise ModelError(built.diagnostics)
    artifact = built.artifact
    named = names_in_nest(artifact.program, artifact.options)
    nest: Any = import_module("nest")
    if reset:
        nest.ResetKernel()
    _refuse_nodes()
    present = set(nest.node_models) | set(nest.synapse_models)
    taken = [name for name in named.values() if name in present]
    if taken:
        raise RuntimeError(f"NEST has `{taken[0]}` already: {ADVICE}")
    nest.Install(str(artifact.product))
    return named


def _refuse_nodes() -> None:
    nest: Any = import_module("nest")
    if nest.network_size:
        count = nest.network_size
        raise RuntimeError(f"NEST has {count} nodes, and takes models only before: {ADVICE}")


def _temporary() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="nestml-nest-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
