"""Many neurons of one model in this process: what a network is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from nestml_core.api import Artifact, Diagnostic, Result, SolvedModel, Symbol
from nestml_cpp.compiled_functions import FloatArray, IntArray, Problem
from nestml_cpp.library import Fact, Handle, Library
from nestml_cpp.names import file_name
from nestml_cpp.requirements import has_loops
from nestml_cpp.simulation import failure, initial, parameters, recordables, spoken
from nestml_cpp.toolchain import Variant, compile_program, library_of

Values = Mapping[Symbol, Any]
NOTHING: Values = MappingProxyType({})


def _variant(*, one_by_one: bool) -> Variant:
    return Variant.SINGLE if one_by_one else Variant.POPULATION


class Population:
    """``size`` neurons of a model; everything in and out is in coherent units.

    Each step is as the contract says. Values of parameters and initial values are one number for
    all neurons, or an array of shape (size,); those of a vector of length m are of shape (m,) or
    (size, m). What is the same for all neurons is kept once; as soon as one parameter is not, the
    constants that follow from them are kept for each neuron.

    Neurons advance several at once where the model allows it (no loops, messages,
    delays): then the last digits differ from those of a single neuron, as exponentials are
    computed in another way and products are fused with sums. What a neuron does depends on no
    other one, and not on their number. Its trial steps are its own.

    Attributes
    ----------
    model : what the neurons are
    size : how many there are
    dt : ms
    """

    def __init__(
        self,
        artifact: Artifact,
        model: SolvedModel,
        size: int,
        dt: float = 0.1,
        *,
        seed: int = 1,
        one_by_one: bool = False,
    ) -> None:
        path = library_of(artifact.directory, model, _variant(one_by_one=one_by_one))
        library = Library(path, file_name(model))
        self._handle = Handle(library, size, dt, seed, one_by_one=one_by_one)
        self.model = model
        self.size = size
        self.dt = dt
        self._numbers = {r.symbol.name: i for i, r in enumerate(recordables(model))}
        self._records: dict[str, FloatArray] = {}

    def close(self) -> None:
        """Give memory back; the neurons are gone."""
        self._handle.close()

    @property
    def is_wide(self) -> bool:
        """Whether neurons advance several at once."""
        return self._handle.fact(Fact.IS_WIDE) == 1

    @property
    def steps_done(self) -> int:
        return self._handle.fact(Fact.STEPS_DONE)

    # Before the first step

    def set(self, values: Values = NOTHING, start: Values = NOTHING) -> None:
        """Replace defaults of parameters, and of the initial state."""
        for give, known, given in (
            (self._handle.parameter, parameters(self.model), values),
            (self._handle.initial, initial(self.model), start),
        ):
            for symbol, value in given.items():
                array = np.asarray(value, dtype=np.float64)
                elements = 1
                if symbol.size is not None:
                    elements = array.shape[-1] if array.ndim else 1
                each = array.size > elements
                give(known.index(symbol), array, elements, each=each)

    def begin(self) -> tuple[Diagnostic, ...]:
        """Set everything to its begin; return the guard that does not hold, if any."""
        return self._told(self._handle.begin())

    def reserve(self, slots: int) -> None:
        """Have room for spikes that arrive up to ``slots`` steps ahead."""
        self._handle.reserve(slots)

    def keep_spikes(self, wanted: bool) -> None:
        self._handle.keep_spikes(wanted)

    # What arrives

    def spikes(self, port: Symbol, steps: IntArray, neurons: IntArray, weights: FloatArray) -> None:
        """Have spikes arrive at the ends of steps, which must ascend."""
        ports = [p.symbol for p in self.model.spike_ports]
        self._handle.spikes(ports.index(port), steps, neurons, weights)

    def current(self, port: Symbol, values: FloatArray) -> None:
        """Have a continuous input of shape (steps,) or (steps, size); the last value holds on."""
        ports = [p.symbol for p in self.model.continuous_ports]
        self._handle.current(ports.index(port), np.asarray(values, dtype=np.float64))

    def arriving(self, port: Symbol, step: int, *, counts: bool = False) -> npt.NDArray[Any] | None:
        """Return, as a view, the weights (or numbers) of spikes that arrive at the end of a step.

        To be added to. None if the model does not look at the number of spikes.
        """
        ports = [p.symbol for p in self.model.spike_ports]
        return self._handle.row(ports.index(port), step, counts=counts)

    # Steps

    def record(self, name: str, steps: int, neurons: Iterable[int] | None = None) -> FloatArray:
        """Have a recordable written to the array returned, shape (steps, number of neurons)."""
        who = None if neurons is None else np.fromiter(neurons, dtype=np.int64)
        out = np.full((steps, self.size if who is None else len(who)), np.nan)
        self._handle.record(self._numbers[name], out, who)
        return out

    def run(self, steps: int) -> tuple[Diagnostic, ...]:
        """Advance; return messages, and why it ended early, if it did."""
        problem = self._handle.advance(steps, guarded=has_loops(self.model))
        return self._told(problem)

    def __getitem__(self, name: str) -> FloatArray:
        """A recordable of all neurons, shape (size,)."""
        return self._handle.read(self._numbers[name])

    @property
    def spike_steps(self) -> IntArray:
        """The steps at whose ends spikes were emitted, ascending."""
        return self._handle.spike_steps()

    @property
    def spike_neurons(self) -> IntArray:
        """The neurons that emitted them."""
        return self._handle.spike_neurons()

    def _told(self, problem: Problem | None) -> tuple[Diagnostic, ...]:
        said = tuple(spoken(self.model, self._handle.messages()))
        if problem is None:
            return said
        return (*said, failure(self.model, self.dt, NOTHING, problem))


def population(
    artifact: Artifact,
    model: SolvedModel,
    size: int,
    dt: float = 0.1,
    *,
    seed: int = 1,
    one_by_one: bool = False,
) -> Result[Population]:
    """Return a population of ``model``, compiled in the folder of ``artifact`` if need be.

    Errors
    ------
    CPP101, CPP102 : there is no compiler, or it does not work.

    Raises
    ------
    MemoryError : there is not enough memory for so many neurons.
    """
    made = compile_program(
        artifact.program, artifact.directory, artifact.options, _variant(one_by_one=one_by_one)
    )
    if made.value is None:
        return Result(None, made.diagnostics)
    neurons = Population(artifact, model, size, dt, seed=seed, one_by_one=one_by_one)
    return Result(neurons, made.diagnostics)
