"""Generating code for a target, and compiling it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nestml_core.backend import Artifact, Feature
from nestml_core.checking import compiled
from nestml_core.diagnostics import Code, Diagnostic, Severity
from nestml_core.library import library_model
from nestml_core.pipeline import generate, with_integrators, write_files
from nestml_core.problems import BAD_OPTION, NO_MODEL, ModelError, valued
from nestml_core.progress import waiting
from nestml_core.solve import SolveOptions
from nestml_core.solved import Pair, Reading, SolvedProgram
from nestml_core.source import NOWHERE
from nestml_core.targets import backend_named, backend_options, missing_tools

NOT_COMPILED = Code("NML925", Severity.WARNING, "generated code was not compiled")

_NAME = re.compile(r"[^\W\d][\w$]*'*")


@dataclass(frozen=True, eq=False)
class Built:
    """What ``build`` left on disk.

    Attributes
    ----------
    directory : the folder
    files : all generated files, in it
    artifact : what the compiler made of them; None if nothing was compiled
    diagnostics : warnings
    usage : how to use what was compiled, if the backend says it
    """

    directory: Path
    files: tuple[Path, ...]
    artifact: Artifact | None
    diagnostics: tuple[Diagnostic, ...] = ()
    usage: str = ""


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
    progress: bool = True,
    **options: Any,
) -> Built:
    """Generate code for a target, and compile it where the target compiles.

    Parameters
    ----------
    sources : files, folders, names of library models or the text of a model; one or several
    backend : name of an installed backend
    output : folder to write to; made if need be
    suffix : appended to the name of every generated model
    pairs : ``"NEURON+SYNAPSE"``, or ``"NEURON+SYNAPSE+SYNAPSE"``, for each neuron that is generated
        together with synapses that end at it; ``"NEURON+SYNAPSE(V=V_m)"`` has the continuous port
        ``V`` of the synapse see ``V_m`` of the neuron
    compile : False to generate only
    solving : how to integrate what has no exact solution
    dialect : "9.0", or "8" for models written for NESTML 8
    progress : show how long compiling takes, on a terminal or in a notebook
    options : further options of the backend

    Returns
    -------
    What was written. Where a tool for compiling is missing, a warning says which.

    Raises
    ------
    ModelError : a model has errors, or the backend refuses it.
    """
    chosen_solving = solving or SolveOptions()
    program, said = valued(compiled(sources, chosen_solving, dialect))
    program = with_integrators(program, chosen_solving)
    program = _renamed(replace(program, pairs=pairs_of(pairs, program)), suffix)
    target = backend_named(backend)
    chosen = backend_options(target, options)
    files, more = valued(generate(program, target, chosen))
    directory = Path(output)
    written, _ = valued(write_files(files, directory))
    found = [*said, *more]
    artifact = None
    if compile and Feature.COMPILE in target.supports.features:
        missing = missing_tools(target)
        if missing:
            found.append(NOT_COMPILED.at(NOWHERE, f"`{backend}` did not compile: {missing}"))
        else:
            with waiting(f"compiling for {backend}", wanted=progress):
                artifact, warned = valued(target.compile(program, directory, chosen))
            found += warned
    usage = "" if artifact is None else target.usage(artifact)
    return Built(directory, written, artifact, tuple(found), usage)


def pairs_of(pairs: Sequence[str], program: SolvedProgram) -> tuple[Pair, ...]:
    """Return the pairs of ``program``, and those that texts name, as ``build`` takes them.

    Raises
    ------
    ModelError : a text is not a pair of its models.
    """
    names = {m.name for m in program.models}
    found = []
    for text in pairs:
        parts = [part.partition("(") for part in text.split("+")]
        neuron, *synapses = (_meant(name.strip(), names) for name, _, _ in parts)
        missing = [n for n in (neuron, *synapses) if n not in names]
        if not synapses or missing:
            listed = ", ".join(f"`{n}`" for n in missing if n)
            wrong = f"{listed} is not among the models" if synapses and listed else "no `+` in it"
            message = f"`{text}` is not a pair of models that were read: {wrong}"
            help = "write NEURON+SYNAPSE, and name the models or files of both"
            note = "; `nestml models` lists those that are shipped" if synapses else ""
            raise ModelError([NO_MODEL.at(NOWHERE, message, help=help + note)])
        read = [_readings(f"{opened}{inside}".strip(), text) for _, opened, inside in parts]
        found += [Pair(neuron, s, r) for s, r in zip(synapses, read[1:], strict=True)]
        if read[0]:
            raise _unread(text, "the neuron has no ports to see itself with")
    return (*program.pairs, *found)


def _readings(text: str, pair: str) -> tuple[Reading, ...]:
    """Return what ``(PORT=RECORDABLE, ...)`` says, or nothing of no text."""
    if not text:
        return ()
    inside = text.removeprefix("(").removesuffix(")")
    given = [[name.strip() for name in part.split("=")] for part in inside.split(",")]
    if not text.endswith(")") or not all(
        len(names) == 2 and all(map(_NAME.fullmatch, names)) for names in given
    ):
        raise _unread(pair, f"`{text}` does not say which port sees what")
    ports = [port for port, _ in given]
    twice = next((port for port in ports if ports.count(port) > 1), None)
    if twice is not None:
        raise _unread(pair, f"`{twice}` is to see two things")
    return tuple(Reading(port, value) for port, value in given)


def _unread(pair: str, why: str) -> ModelError:
    help = "write NEURON+SYNAPSE(PORT=RECORDABLE, ...), each a name"
    return ModelError([BAD_OPTION.at(NOWHERE, f"`{pair}` is not a pair: {why}", help=help)])


def _meant(name: str, names: Collection[str]) -> str:
    """Return the name of the model that ``name`` means: another name of a shipped one, perhaps."""
    shipped = None if name in names else library_model(name)
    return name if shipped is None else shipped.stem


def _renamed(program: SolvedProgram, suffix: str) -> SolvedProgram:
    if not suffix:
        return program
    if not f"a{suffix}".isidentifier() or not suffix.isascii():
        message = f"`{suffix}` cannot be the end of a name"
        raise ModelError([BAD_OPTION.at(NOWHERE, message, help="use letters, digits and `_`")])
    models = tuple(replace(m, name=m.name + suffix) for m in program.models)
    pairs = tuple(
        replace(p, neuron=p.neuron + suffix, synapse=p.synapse + suffix) for p in program.pairs
    )
    return replace(program, models=models, pairs=pairs)
