"""The conformance kit of the core."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from nestml_truenorth.backend import TrueNorthBackend
from nestml_truenorth.options import Options

from nestml_core.api import Experiment
from nestml_core.testing import BackendConformance


class TestTrueNorth(BackendConformance):
    backend = TrueNorthBackend()
    time_steps: ClassVar[Sequence[float]] = (0.25, 1.0)
    """Steps that floating point holds exactly: the reference rounds, the chip does not."""

    option_sets: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"tick": 0.5},
        {"scale": "20"},
        {"weights": "1,-1,9,-9"},
        {"rng_seed": 77},
        {"ticks": 50},
    )

    def options_for(self, options: Options, experiment: Experiment) -> Options:
        return replace(options, tick=float(experiment.dt))
