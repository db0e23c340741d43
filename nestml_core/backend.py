"""What a backend is: it lowers a solved program to its own terms and renders these as files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar

from nestml_core.diagnostics import Result
from nestml_core.expr import Expr, Ref, Symbol
from nestml_core.solved import MatrixExponential, ModelKind, SolvedModel, SolvedProgram
from nestml_core.source import Span
from nestml_core.stmt import Declare, For, Say, While, expressions_in, walk_statements

if TYPE_CHECKING:
    from nestml_core.experiment import Schedule, Trace
    from nestml_core.network import NetworkExperiment, NetworkTrace, Running

API_VERSION = 1

IR = TypeVar("IR")
Options = TypeVar("Options")


class Feature(Enum):
    """What a model may need of a backend. Each model states its needs through ``features``."""

    LINEAR = "linear equations, integrated exactly"
    COUPLED_LINEAR = "linear equations coupled in a cycle (numeric matrix exponential)"
    NONLINEAR = "nonlinear equations, integrated numerically"
    SPIKE_INPUT = "spike ports"
    CONTINUOUS_INPUT = "continuous ports"
    CONVOLUTION = "kernels and convolutions"
    RECORDABLE_INLINE = "recordable inline expressions"
    FUNCTIONS = "functions defined in the model"
    LOOPS = "for and while loops"
    VECTORS = "vectors"
    DELAYS = "delayed variables"
    RANDOM = "random functions"
    MESSAGES = "print, info and warning"
    SYNAPSE = "synapse models"
    COMPILE = "compiles what it generates"
    SIMULATE = "runs what it generates"


@dataclass(frozen=True, slots=True)
class Supports:
    """What a backend claims, and the conformance kit holds it to.

    Attributes
    ----------
    features : what it can generate (and compile, and simulate). A model that needs anything else
        must be refused.
    selective : it may also refuse models whose features it has, for reasons of its own
        (a chip that has only some linear dynamics, say).
    networks : it also runs networks of the models that it can generate, by ``simulate_network``.
    tolerance : the largest ``|recorded - reference| / max(1, |reference|)`` its simulations may
        show on the conformance corpus, in coherent units. Spikes must agree step for step.
    """

    features: frozenset[Feature]
    selective: bool = False
    tolerance: float = 1e-9
    networks: bool = False


def features(model: SolvedModel) -> frozenset[Feature]:
    """Return what ``model`` needs of a backend."""
    statements = [s for body in bodies_of(model) for s in walk_statements(body)]
    needs = {
        Feature.LINEAR: any(f.linear for f in model.flows),
        Feature.NONLINEAR: any(f.nonlinear for f in model.flows),
        Feature.COUPLED_LINEAR: any(isinstance(d, MatrixExponential) for d in model.derived),
        Feature.SPIKE_INPUT: bool(model.spike_ports),
        Feature.CONTINUOUS_INPUT: bool(model.continuous_ports),
        Feature.CONVOLUTION: bool(model.convolutions),
        Feature.RECORDABLE_INLINE: any(not isinstance(r.value, Ref) for r in model.recordables),
        Feature.FUNCTIONS: bool(model.functions),
        Feature.RANDOM: model.is_random,
        Feature.SYNAPSE: model.kind is ModelKind.SYNAPSE,
        Feature.LOOPS: any(isinstance(s, (For, While)) for s in statements),
        Feature.MESSAGES: any(isinstance(s, Say) for s in statements),
        Feature.VECTORS: bool(vectors(model)),
        Feature.DELAYS: bool(model.delays),
    }
    return frozenset(feature for feature, needed in needs.items() if needed)


def vectors(model: SolvedModel) -> tuple[Symbol, ...]:
    """Return the vectors of ``model``, local ones too, in order of declaration."""
    declared = [d.symbol for d in (*model.parameters, *model.state)] + list(model.internals)
    for body in bodies_of(model):
        declared += [s.symbol for s in walk_statements(body) if isinstance(s, Declare)]
    return tuple(s for s in declared if s.size is not None)


@dataclass(frozen=True, slots=True)
class Construct:
    """Where a model uses a feature, in words, and what the modeller can do without it."""

    feature: Feature
    span: Span
    words: str
    help: str


def constructs(model: SolvedModel, features: Collection[Feature]) -> tuple[Construct, ...]:
    """Return the vectors and delayed variables of ``model``, where these are among ``features``.

    For backends that have none: what to refuse.
    """
    found = [
        Construct(
            Feature.VECTORS,
            v.span,
            f"`{v.name}` is a vector",
            "use one variable for each element, or a backend that has vectors, such as cpp",
        )
        for v in dict.fromkeys(vectors(model))
    ]
    found += [
        Construct(
            Feature.DELAYS,
            d.span,
            f"`{' '.join(d.span.text.split()) or d.symbol.name}` is a delayed variable",
            "model the delay by a chain of linear equations, or use a backend that has delays, "
            "such as cpp",
        )
        for d in model.delays
    ]
    return tuple(c for c in found if c.feature in features)


def bodies_of(model: SolvedModel) -> tuple[tuple[Any, ...], ...]:
    """Return all statement lists of ``model``."""
    return (
        model.update,
        *(h.body for h in model.on_receive),
        *(c.body for c in model.on_condition),
        *(f.body for f in model.functions),
    )


def step_expressions(model: SolvedModel) -> tuple[Expr, ...]:
    """Return every expression that a step of ``model`` may evaluate."""
    found: list[Expr] = []
    for body in bodies_of(model):
        found += expressions_in(body)
    found += [c.condition for c in model.on_condition]
    for flow in model.flows:
        if flow.linear:
            found += [u.value for u in flow.linear.updates]
        if flow.nonlinear:
            found += flow.nonlinear.evaluated
        found += [j.amount for j in flow.jumps]
    for c in model.convolutions:
        found += [u.value for u in c.updates] + [j.amount for j in c.jumps]
    found += [r.value for r in model.recordables]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Tool:
    """Something a backend needs on this machine: found (where, which version) or how to get it."""

    name: str
    found: bool
    detail: str
    install: str = ""


@dataclass(frozen=True, slots=True)
class ToolchainReport:
    tools: tuple[Tool, ...] = ()

    @property
    def missing(self) -> tuple[Tool, ...]:
        return tuple(t for t in self.tools if not t.found)


@dataclass(frozen=True, slots=True)
class Artifact:
    """What ``compile`` left on disk, and what it was made from."""

    program: SolvedProgram
    options: Any
    directory: Path
    product: Path
    """The file to load or to run."""


Written: TypeAlias = Callable[[SolvedProgram, Options], Result[Artifact]]
"""Returns what was made of a program with some options: written, and not compiled."""


class Backend(ABC, Generic[IR, Options]):
    """A target. ``lower`` and ``render`` are pure; ``compile`` and ``simulate`` touch the disk.

    Class attributes
    ----------------
    name : ``nestml build --backend NAME``
    api : the plugin API it was written for
    version, summary : for ``nestml backends``
    options : a frozen dataclass, all fields with a default and ``metadata={"help": ...}``; its
        fields are the command-line options (``--field-name``) and the keywords of
        ``nestml_core.build``
    supports : what it can do
    """

    name: ClassVar[str]
    api: ClassVar[int] = API_VERSION
    version: ClassVar[str]
    summary: ClassVar[str]
    options: ClassVar[type[Any]]
    supports: ClassVar[Supports]

    @abstractmethod
    def lower(self, program: SolvedProgram, options: Options) -> Result[IR]:
        """Return the program in the target's own terms, or located refusals."""

    @abstractmethod
    def render(self, ir: IR) -> Mapping[str, str | bytes]:
        """Return the files to write: content by relative path, ``/`` between folders."""

    def toolchain(self) -> ToolchainReport:
        """Return what this backend needs on this machine beyond its package."""
        return ToolchainReport()

    def compile(
        self, program: SolvedProgram, directory: Path, options: Options
    ) -> Result[Artifact]:
        """Turn the rendered files in ``directory`` into something that runs."""
        raise NotImplementedError(f"{self.name} declares no Feature.COMPILE")

    def usage(self, artifact: Artifact) -> str:
        """Return what to type or write to use a product, where that is worth a line."""
        return ""

    def simulate(self, artifact: Artifact, model: SolvedModel, schedule: Schedule) -> Result[Trace]:
        """Run one neuron of ``model``; everything in and out is in coherent units."""
        raise NotImplementedError(f"{self.name} declares no Feature.SIMULATE")

    def simulate_network(
        self,
        network: NetworkExperiment,
        running: Running,
        options: Options,
        written: Written[Options],
    ) -> Result[NetworkTrace]:
        """Run a network; everything in and out is in coherent units.

        Spikes, and what was recorded, are kept as far as a run came: a result may have both a
        trace and errors, and the trace then tells how many steps were done.

        Parameters
        ----------
        written : generates models and writes their files, into a folder that is kept as long as
            the files would stay the same: what is compiled there need not be compiled again
        """
        raise NotImplementedError(f"{self.name} does not declare Supports.networks")
