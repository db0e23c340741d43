"""Which backend runs a network, and running it there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nestml_core import builds, plugins
from nestml_core.backend import Artifact, Backend, Written
from nestml_core.diagnostics import Result
from nestml_core.network import BAD_STATE, NO_NETWORKS, NetworkExperiment, NetworkTrace, Running
from nestml_core.pipeline import generate, write_files
from nestml_core.problems import BAD_OPTION, refuse
from nestml_core.reference.network import simulate_network
from nestml_core.solved import SolvedProgram
from nestml_core.targets import REFERENCE, backend_named, backend_options


def execute(
    network: NetworkExperiment, running: Running, backend: str, options: Mapping[str, Any]
) -> Result[NetworkTrace]:
    """Run a network on a backend, or on the reference interpreter.

    Raises
    ------
    ModelError : there is no such backend, it cannot run networks, or not in this way.
    """
    if running.start is not None and running.start.backend != backend:
        message = f"the state was written by `{running.start.backend}`"
        refuse(BAD_STATE, message, f'go on there: backend="{running.start.backend}"')
    if backend == REFERENCE:
        return _interpreted(network, running, options)
    made = backend_named(backend)
    if not made.supports.networks:
        others = [b.name for b in plugins.discover().backends if b.supports.networks]
        names = ", ".join(f"`{name}`" for name in (REFERENCE, *others))
        message = f"`{backend}` does not run networks"
        refuse(NO_NETWORKS, message, f"take one of {names}")
    chosen = backend_options(made, options)
    return made.simulate_network(network, running, chosen, written_by(made))


def _interpreted(
    network: NetworkExperiment, running: Running, options: Mapping[str, Any]
) -> Result[NetworkTrace]:
    unknown = [name for name in options if name != "accurate"]
    if unknown:
        message = f"`{REFERENCE}` has no option `{unknown[0]}`"
        refuse(BAD_OPTION, message, 'its only option is `accurate`; others take backend="cpp"')
    if running.keeps_state:
        message = f"`{REFERENCE}` keeps no state to go on from"
        refuse(NO_NETWORKS, message, 'run the network by backend="cpp"')
    accurate = bool(options.get("accurate", False))
    return simulate_network(network, accurate=accurate, progress=running.progress)


def written_by(backend: Backend[Any, Any]) -> Written[Any]:
    """Return what generates programs for a backend and writes them to the user's cache."""

    def written(program: SolvedProgram, options: Any) -> Result[Artifact]:
        def write(files: Mapping[str, str | bytes]) -> Result[Artifact]:
            build = builds.Build(backend, program, options, files, compiled=False)
            return builds.compiled(build, write_files)

        return generate(program, backend, options).then(write)

    return written
