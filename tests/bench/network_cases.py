"""Networks that simulators are compared on: neurons, connections as lists, initial values.

All of them have excitatory neurons first, then inhibitory ones, and one delay. Weights are in the
unit of what a spike changes: mV, nS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
MODELS = Path(__file__).parent / "models"
DT = 0.1


@dataclass(frozen=True)
class Projection:
    """Connections of one weight, by presynaptic neuron."""

    pre: Array
    post: Array
    weight: float
    is_plastic: bool = False


@dataclass(frozen=True)
class Case:
    """A network of one kind of neuron.

    Attributes
    ----------
    model : the file of the neuron
    excitatory, neurons : how many are excitatory, and how many there are in all
    initial : values of the state of each neuron
    duration : ms
    delay : ms
    is_euler : exponential Euler takes the place of an exact or adaptive integration
    """

    name: str
    model: str
    excitatory: int
    neurons: int
    initial: Mapping[str, Array]
    projections: tuple[Projection, ...]
    duration: float
    delay: float = 0.1
    is_euler: bool = False

    @property
    def synapses(self) -> int:
        return sum(len(p.pre) for p in self.projections)

    def save(self, path: Path) -> None:
        """Write everything for a simulator in another process."""
        lists = {f"pre{i}": p.pre for i, p in enumerate(self.projections)}
        lists |= {f"post{i}": p.post for i, p in enumerate(self.projections)}
        np.savez(
            path,
            **lists,
            **{f"initial_{name}": values for name, values in self.initial.items()},
            weights=np.array([p.weight for p in self.projections]),
            is_plastic=np.array([p.is_plastic for p in self.projections]),
            sizes=np.array([self.excitatory, self.neurons]),
            times=np.array([self.duration, self.delay, DT]),
        )


def by_chance(
    rng: np.random.Generator, sources: range, targets: int, probability: float
) -> tuple[Array, Array]:
    """Return pairs, each of which is there with the same probability."""
    degrees = rng.binomial(targets, probability, len(sources))
    post = [np.sort(rng.choice(targets, d, replace=False)) for d in degrees]
    return np.repeat(np.array(sources), degrees), np.concatenate(post)


def by_degree(
    rng: np.random.Generator, sources: range, targets: range, degree: int
) -> tuple[Array, Array]:
    """Return pairs with so many sources, perhaps the same ones, for each target."""
    pre = rng.integers(sources.start, sources.stop, len(targets) * degree)
    post = np.repeat(np.array(targets), degree)
    order = np.argsort(pre, kind="stable")
    return pre[order], post[order]


def vogels_abbott(
    rng: np.random.Generator, scale: float, weights: tuple[float, float]
) -> tuple[int, int, tuple[Projection, ...]]:
    """Return the sizes and connections of Brette et al. (2007), J. Comput. Neurosci. 23:349-398."""
    n = round(4000 * scale)
    excitatory = n * 4 // 5
    parts = (range(excitatory), range(excitatory, n))
    pairs = [by_chance(rng, part, n, 0.02 / scale) for part in parts]
    projections = tuple(Projection(*p, w) for p, w in zip(pairs, weights, strict=True))
    return excitatory, n, projections


def cuba(rng: np.random.Generator, scale: float) -> Case:
    sizes = vogels_abbott(rng, scale, (1.62, 9.0))
    start = {"V_m": rng.uniform(-60, -50, sizes[1])}
    return Case("CUBA", "bench_cuba", sizes[0], sizes[1], start, sizes[2], 4000)


def coba(rng: np.random.Generator, scale: float) -> Case:
    excitatory, n, projections = vogels_abbott(rng, scale, (6.0, 67.0))
    start = {
        "V_m": rng.uniform(-60, -50, n),
        "g_exc": np.maximum(0, 40 + 15 * rng.standard_normal(n)),
        "g_inh": np.maximum(0, 200 + 120 * rng.standard_normal(n)),
    }
    return Case("COBA", "bench_coba", excitatory, n, start, projections, 2000, is_euler=True)


def cobahh(rng: np.random.Generator, scale: float) -> Case:
    excitatory, n, projections = vogels_abbott(rng, scale, (6.0, 67.0))
    start = {
        "V_m": rng.uniform(-65, -60, n),
        "g_exc": np.maximum(0, 40 + 15 * rng.standard_normal(n)),
        "g_inh": np.maximum(0, 200 + 120 * rng.standard_normal(n)),
    }
    return Case("COBAHH", "bench_cobahh", excitatory, n, start, projections, 500, is_euler=True)


def balanced(
    rng: np.random.Generator, n: int, degree: int, weight: float, *, plastic: bool
) -> tuple[int, tuple[Projection, ...]]:
    """Return connections with degrees as in Brunel (2000), J. Comput. Neurosci. 8:183-208."""
    excitatory = n * 4 // 5
    every, first, rest = range(n), range(excitatory), range(excitatory, n)
    inhibition = Projection(*by_degree(rng, rest, every, degree // 5), -5 * weight)
    if not plastic:
        pairs = by_degree(rng, first, every, degree * 4 // 5)
        return excitatory, (Projection(*pairs, weight), inhibition)
    within = by_degree(rng, first, first, degree * 4 // 5)
    across = by_degree(rng, first, rest, degree * 4 // 5)
    return excitatory, (
        Projection(*within, weight, is_plastic=True),
        Projection(*across, weight),
        inhibition,
    )


def brunel(rng: np.random.Generator, scale: float) -> Case:
    n = round(10000 * scale)
    degree = min(1000, n // 10)
    excitatory, projections = balanced(rng, n, degree, 0.1 * 1000 / degree, plastic=False)
    start = {"V_m": rng.uniform(0, 20, n)}
    return Case("Brunel", "bench_brunel", excitatory, n, start, projections, 600, 1.5)


def plastic(rng: np.random.Generator, scale: float) -> Case:
    n = round(5000 * scale)
    degree = min(500, n // 10)
    excitatory, projections = balanced(rng, n, degree, 0.2 * 500 / degree, plastic=True)
    start = {"V_m": rng.uniform(0, 20, n)}
    return Case("STDP", "bench_brunel", excitatory, n, start, projections, 500, 1.5)


STDP = {"lambda": 0.01, "alpha": 1.05, "Wmax": 0.4}
"""The rule of the plastic connections: multiplicative, time constants of 20 ms."""

CASES: Mapping[str, Callable[[np.random.Generator, float], Case]] = {
    "cuba": cuba,
    "coba": coba,
    "cobahh": cobahh,
    "brunel": brunel,
    "stdp": plastic,
}


def random_balanced(rng: np.random.Generator, n: int, degree: int, duration: float) -> Case:
    """Return a network as of Brunel of any size; its connections are in the order of their targets.

    It takes 8 bytes for each.
    """
    excitatory = n * 4 // 5
    weight = 0.1 * 1000 / degree
    every = np.arange(n, dtype=np.int32)

    def drawn(first: int, end: int, count: int, weight: float) -> Projection:
        pre = rng.integers(first, end, n * count, dtype=np.int32)
        return Projection(pre, np.repeat(every, count), weight)

    excitation = drawn(0, excitatory, degree * 4 // 5, weight)
    inhibition = drawn(excitatory, n, degree // 5, -5 * weight)
    start = {"V_m": rng.uniform(0, 20, n)}
    parts = (excitation, inhibition)
    return Case("Brunel", "bench_brunel", excitatory, n, start, parts, duration, 1.5)
