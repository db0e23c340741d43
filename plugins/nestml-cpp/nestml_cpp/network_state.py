"""What the state of a compiled network is made of, and whether it fits another one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nestml_core.api import (
    NetworkExperiment,
    NetworkState,
    Plasticity,
    Population,
    Projection,
    Running,
    Symbol,
)
from nestml_cpp.compiled_functions import FloatArray

NAME = "cpp"
CUT_BYTES = 8
"""A state begins with the number of threads for which its populations are cut into blocks."""
MAX_CUT = 1 << 16
AT_ONCE = 1 << 20
"""So many rows of an array are taken together into a digest."""


def packed(cut: int, saved: bytes, digest: str, steps: int) -> NetworkState:
    """Return a state from what the network runtime has saved.

    Parameters
    ----------
    digest : of the network
    steps : how many had been done
    """
    return NetworkState(NAME, digest, steps, cut.to_bytes(CUT_BYTES, "little") + saved)


def unpacked(state: NetworkState) -> tuple[int, bytes]:
    """Return for how many threads a state is cut into blocks, and what the runtime saved."""
    return int.from_bytes(state.data[:CUT_BYTES], "little"), state.data[CUT_BYTES:]


def cut_of(running: Running) -> int:
    """Return for how many threads to cut populations: as in the state to begin with."""
    return running.threads if running.start is None else unpacked(running.start)[0]


def fits(state: NetworkState, digest: str) -> bool:
    """Return whether a state is that of a network with this digest."""
    return state.digest == digest and 1 <= unpacked(state)[0] <= MAX_CUT


def digest_of(network: NetworkExperiment, libraries: Mapping[tuple[str, int], str]) -> str:
    """Return a digest of all that a state depends on: not of threads, of recordings, of duration.

    Parameters
    ----------
    libraries : the names of the libraries, which tell their content, by what they are for
    """
    digest = hashlib.sha256()
    for x in _facts(network):
        if not isinstance(x, np.ndarray):
            data = repr(x).encode()
            digest.update(f"{len(data)} ".encode() + data)
            continue
        digest.update(f"{x.dtype.str} {x.nbytes} ".encode())
        for k in range(0, len(x), AT_ONCE):
            digest.update(x[k : k + AT_ONCE].tobytes())
    for key in sorted(libraries):
        digest.update(f"{key} {libraries[key]}".encode())
    return digest.hexdigest()


def _facts(network: NetworkExperiment) -> Iterator[Any]:
    yield from (network.dt, network.seed)
    for node in network.nodes:
        yield node.size
        if isinstance(node, Population):
            yield from _values(node.parameters)
            yield from _values(node.initial)
    for p in network.projections:
        yield from _projection(p)
    for c in network.couplings:
        yield from (c.source, c.target, c.recordable.name, c.port.name)
        for array in (c.pre, c.post, c.weights, c.delays):
            yield from _compact(array)


def _projection(p: Projection) -> Iterator[Any]:
    yield from (p.source, p.target, p.port.name)
    for array in (p.pairs.starts, p.pairs.sources, p.pairs.targets, p.delays):
        if array is not None:
            yield from _compact(array)
    if p.weights is not None:
        yield from _compact(p.weights)
    if p.plasticity is not None:
        yield from _plasticity(p.plasticity)


def _plasticity(plasticity: Plasticity) -> Iterator[Any]:
    yield from _values(plasticity.parameters)
    yield from _values(plasticity.initial)
    yield from ((m.port.name, m.node, m.delay) for m in plasticity.modulations)
    yield from ((t.port.name, t.recordable.name) for t in plasticity.third_factors)
    yield from ((port.name, value) for port, value in plasticity.constants)


def _values(values: Mapping[Symbol, FloatArray]) -> Iterator[Any]:
    for symbol, array in values.items():
        yield symbol.name
        yield from _compact(array)


def _compact(array: npt.NDArray[Any]) -> Iterator[Any]:
    """Yield the shape, and one row for all where all are the same."""
    yield array.shape
    yield array[:1] if is_shared(array) else array


def is_shared(values: npt.NDArray[Any]) -> bool:
    """Return whether all members have the same value."""
    if len(values) < 2 or values.strides[0] == 0:
        return True
    parts = (values[k : k + AT_ONCE] for k in range(0, len(values), AT_ONCE))
    return all(bool((part == values[:1]).all()) for part in parts)
