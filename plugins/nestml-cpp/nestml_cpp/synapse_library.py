"""Connections with a compiled synapse in this process: its C functions, called with arrays."""

from __future__ import annotations

import ctypes
import weakref
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from nestml_cpp.compiled_functions import (
    DOUBLE,
    INT,
    INT64,
    POINTER,
    UINT64,
    FloatArray,
    Functions,
    IntArray,
    Kind,
    Opened,
    Problem,
    Signatures,
)

INTERFACE = 1
CHUNK = 4096
"""Steps between looks for interruptions."""

SIGNATURES: Signatures = MappingProxyType(
    {
        "interface": (INT, ()),
        "open": (POINTER, (DOUBLE, UINT64)),
        "close": (None, (POINTER,)),
        "problem": (ctypes.c_char_p, (POINTER,)),
        "plastic": (POINTER, (POINTER,)),
        "connect": (INT, (POINTER, POINTER, POINTER, POINTER, INT64, INT, INT64, INT64)),
        "parameter": (INT, (POINTER, INT64, POINTER, INT)),
        "initial": (INT, (POINTER, INT64, POINTER, INT)),
        "modulation": (INT, (POINTER, INT64, INT64)),
        "keep": (None, (POINTER, INT)),
        "start": (INT, (POINTER, POINTER)),
        "take": (INT, (POINTER, POINTER)),
        "read": (INT, (POINTER, INT64, POINTER, POINTER)),
        "interrupt": (None, (INT,)),
        "emitted": (INT64, (POINTER,)),
        "emitted_steps": (POINTER, (POINTER,)),
        "emitted_connections": (POINTER, (POINTER,)),
        "emitted_weights": (POINTER, (POINTER,)),
        "messages": (ctypes.c_char_p, (POINTER,)),
        "drive": (POINTER, (POINTER,)),
        "drive_close": (None, (POINTER,)),
        "drive_train": (None, (POINTER, INT, POINTER, POINTER, INT64)),
        "drive_factor": (INT, (POINTER, INT64, POINTER, INT64, INT64)),
        "drive_record": (None, (POINTER, INT64, POINTER)),
        "drive_begin": (INT, (POINTER,)),
        "drive_advance": (INT, (POINTER, INT64)),
        "drive_read": (INT, (POINTER, INT64, POINTER)),
    }
)
"""Results and arguments of the functions of a library, without the name of the model."""


class SynapseLibrary(Functions):
    """The functions of one synapse model.

    Parameters
    ----------
    model : the name of its file
    """

    def __init__(self, path: Path, model: str) -> None:
        super().__init__(path, f"{model}_synapse", SIGNATURES, INTERFACE)


class SynapseHandle(Opened):
    """Connections of a library, which a network makes and runs.

    Attributes
    ----------
    plastic : where the ``nestml_runtime::Plastic`` is
    """

    def __init__(self, library: SynapseLibrary, dt: float, seed: int) -> None:
        super().__init__(library, library.open(dt, seed % (1 << 64)), "connections")

    @property
    def plastic(self) -> int:
        return int(self.library.plastic(self.pointer))

    def parameter(self, index: int, values: Any) -> None:
        """Give a parameter a value, or one for each connection."""
        array = np.asarray(values, dtype=np.float64)
        self.call("parameter", index, self.keep(array), int(array.ndim == 1))

    def initial(self, index: int, values: Any) -> None:
        array = np.asarray(values, dtype=np.float64)
        self.call("initial", index, self.keep(array), int(array.ndim == 1))

    def modulation(self, port: int, delay: int) -> None:
        """Let one more node reach a modulatory port, by its number in the order of events."""
        self.call("modulation", port, delay)

    def keep_emitted(self, wanted: bool = True) -> None:
        self.library.keep(self.pointer, int(wanted))

    def emitted(self) -> tuple[IntArray, IntArray, FloatArray]:
        """Return the steps, connections and weights of what was emitted."""
        count = int(self.library.emitted(self.pointer))
        return (
            self.column("emitted_steps", count),
            self.column("emitted_connections", count),
            self.column("emitted_weights", count, DOUBLE),
        )


class Driven:
    """Connections that are driven by lists of spikes.

    Parameters
    ----------
    sources, targets : shape (n,): which members connection k connects
    delays : in steps, shape (n,), or one for all
    sizes : how many sources and targets there are
    """

    def __init__(
        self,
        handle: SynapseHandle,
        sources: IntArray,
        targets: IntArray,
        delays: IntArray | int,
        sizes: tuple[int, int],
    ) -> None:
        self.handle = handle
        self.size = len(sources)
        self._library = handle.library
        ago = np.atleast_1d(np.asarray(delays, dtype=np.int64))
        is_uniform = int((ago == ago[:1]).all())
        arrays = [handle.keep(x, np.int64) for x in (sources, targets, ago)]
        library = self._library
        handle.call("connect", *arrays, self.size, is_uniform, *sizes)
        self._pointer = library.drive(handle.pointer)
        if not self._pointer:
            raise MemoryError("no memory to drive connections")
        self._close = weakref.finalize(self, library.drive_close, self._pointer)

    def close(self) -> None:
        self._close()
        self.handle.close()

    def sources_fire(self, steps: IntArray, members: IntArray | None = None) -> None:
        self._train(0, steps, members)

    def targets_fire(self, steps: IntArray, members: IntArray | None = None) -> None:
        self._train(1, steps, members)

    def modulators_fire(self, steps: IntArray) -> None:
        """Give the spikes of the next node that modulates."""
        self._train(2, steps, None)

    def factor(self, port: int, values: FloatArray | float) -> None:
        """Give a continuous input: a number, or of shape (steps + 1,), or (steps + 1, targets)."""
        array = np.asarray(values, dtype=np.float64)
        step = 0 if array.ndim == 0 else int(array[0].size)
        place = self.handle.keep(array)
        target = int(array.ndim == 2)
        self.handle.check(self._library.drive_factor(self._pointer, port, place, step, target))

    def record(self, recordable: int, steps: int) -> FloatArray:
        """Return the array of shape (steps, n) that a recordable will be written to."""
        out = np.empty((steps, self.size))
        self._library.drive_record(self._pointer, recordable, self.handle.keep(out))
        return out

    def begin(self) -> Problem | None:
        return self.handle.problem(self._library.drive_begin(self._pointer))

    def advance(self, steps: int) -> Problem | None:
        while steps > 0:
            now = min(steps, CHUNK)
            kind = self._library.drive_advance(self._pointer, now)
            if kind != Kind.NONE:
                return self.handle.problem(kind)
            steps -= now
        return None

    def read(self, recordable: int) -> FloatArray:
        """Return a recordable of all connections as it is now."""
        out = np.empty(self.size)
        kind = self._library.drive_read(self._pointer, recordable, out.ctypes.data)
        self.handle.check(kind)
        return out

    def _train(self, which: int, steps: IntArray, members: IntArray | None) -> None:
        who = None if members is None else self.handle.keep(members, np.int64)
        place = self.handle.keep(steps, np.int64)
        self._library.drive_train(self._pointer, which, place, who, len(steps))
