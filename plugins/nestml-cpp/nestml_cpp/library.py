"""A compiled model in this process: its C functions, called with numbers and NumPy arrays."""

from __future__ import annotations

import ctypes
import threading
import time
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

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
    LibraryMisused,
    Opened,
    Problem,
    Signatures,
)

INTERFACE = 1
CHUNK_SECONDS = 0.1
"""About how long the process is away: interruptions are noticed in between."""
FIRST_CHUNK = 256

SIGNATURES: Signatures = MappingProxyType(
    {
        "interface": (INT, ()),
        "open": (POINTER, (INT64, DOUBLE, UINT64, INT)),
        "close": (None, (POINTER,)),
        "problem": (ctypes.c_char_p, (POINTER,)),
        "parameter": (INT, (POINTER, INT64, POINTER, INT64, INT)),
        "initial": (INT, (POINTER, INT64, POINTER, INT64, INT)),
        "spikes": (INT, (POINTER, INT64, POINTER, POINTER, POINTER, INT64)),
        "current": (INT, (POINTER, INT64, POINTER, INT64, INT)),
        "record": (INT, (POINTER, INT64, POINTER, INT64, POINTER, INT64)),
        "reserve": (INT, (POINTER, INT64)),
        "begin": (INT, (POINTER,)),
        "advance": (INT, (POINTER, INT64)),
        "interrupt": (None, (INT,)),
        "read": (INT, (POINTER, INT64, POINTER)),
        "sum": (POINTER, (POINTER, INT64, INT64)),
        "count": (POINTER, (POINTER, INT64, INT64)),
        "fact": (INT64, (POINTER, INT)),
        "spike_steps": (POINTER, (POINTER,)),
        "spike_neurons": (POINTER, (POINTER,)),
        "keep": (None, (POINTER, INT)),
        "messages": (ctypes.c_char_p, (POINTER,)),
        "population": (POINTER, (POINTER, INT64, INT64)),
    }
)
"""Results and arguments of the functions of a library, without the name of the model."""


class Fact(IntEnum):
    STEPS_DONE = 0
    IS_WIDE = 1
    LANES = 2
    REAL_BYTES = 3
    STRIDE = 4
    SLOTS = 5
    SPIKES = 6
    MESSAGE_BYTES = 7


class Library(Functions):
    """The functions of one model."""

    def __init__(self, path: Path, model: str) -> None:
        super().__init__(path, model, SIGNATURES, INTERFACE)


class Handle(Opened):
    """Neurons of a library.

    Parameters
    ----------
    size : number of neurons
    dt : ms
    one_by_one : let neurons advance one after the other even where several could at once
    """

    def __init__(
        self, library: Library, size: int, dt: float, seed: int, *, one_by_one: bool = False
    ) -> None:
        pointer = library.open(size, dt, seed % (1 << 64), int(one_by_one))
        super().__init__(library, pointer, f"{size} neurons")
        self.size = size

    def population(self, first: int, whole: int) -> int:
        """Return where the ``nestml_runtime::Population`` is: its neurons are the ones from
        ``first`` on, of ``whole``."""
        return int(self.library.population(self.pointer, first, whole))

    def fact(self, which: Fact) -> int:
        return int(self.library.fact(self.pointer, int(which)))

    # What goes in

    def parameter(self, index: int, values: FloatArray, elements: int, *, each: bool) -> None:
        """Give a parameter ``elements`` values, or so many for each neuron: shape (n, elements)."""
        self.call("parameter", index, self.keep(values), elements, int(each))

    def initial(self, index: int, values: FloatArray, elements: int, *, each: bool) -> None:
        self.call("initial", index, self.keep(values), elements, int(each))

    def spikes(
        self, port: int, steps: IntArray, neurons: IntArray | None, weights: FloatArray
    ) -> None:
        """Have spikes arrive, in the order of their ``steps``; for the first neuron if None."""
        who = None if neurons is None else self.keep(neurons, np.int64)
        arguments = (self.keep(steps, np.int64), who, self.keep(weights), len(steps))
        self.call("spikes", port, *arguments)

    def current(self, port: int, values: FloatArray) -> None:
        """Have a continuous input: of shape (steps,), or (steps, n)."""
        arguments = (self.keep(values), len(values), int(values.ndim == 2))
        self.call("current", port, *arguments)

    def record(self, recordable: int, out: FloatArray, neurons: IntArray | None = None) -> None:
        """Have a recordable written to ``out``, shape (steps, number of neurons)."""
        if not (out.flags.c_contiguous and out.dtype == np.float64):
            raise LibraryMisused("an array to record to must be contiguous, and of doubles")
        self._kept.append(out)
        who = None if neurons is None else self.keep(neurons, np.int64)
        count = self.size if neurons is None else len(neurons)
        self.call("record", recordable, who, count, out.ctypes.data, len(out))

    def reserve(self, slots: int) -> None:
        self.call("reserve", slots)

    def keep_spikes(self, wanted: bool) -> None:
        self.library.keep(self.pointer, int(wanted))

    def row(self, port: int, step: int, *, counts: bool = False) -> npt.NDArray[Any] | None:
        """Return, as a view, what arrives at a port at the end of a step: a number for each neuron.

        None if the model does not look at the number of spikes, where that is asked for.
        """
        function = self.library.count if counts else self.library.sum
        pointer = function(self.pointer, port, step)
        if not pointer:
            return None
        real = ctypes.c_double if self.fact(Fact.REAL_BYTES) == 8 else ctypes.c_float
        array = np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(real)), (self.size,))
        return array

    # Running

    def begin(self) -> Problem | None:
        """Set everything to its begin; return what is wrong, if anything."""
        return self.problem(self.library.begin(self.pointer))

    def advance(self, steps: int, *, guarded: bool = False) -> Problem | None:
        """Advance; return what is wrong, if anything. Interruptions end it between steps.

        Parameters
        ----------
        guarded : a step may not end by itself, so it is interrupted in the middle if need be
        """
        call = self._watched if guarded else self._advance
        chunk = FIRST_CHUNK
        while steps > 0:
            now = min(chunk, steps)
            begin = time.perf_counter()
            kind = call(now)
            if kind != Kind.NONE:
                return self.problem(kind)
            steps -= now
            if time.perf_counter() - begin < CHUNK_SECONDS / 2:
                chunk *= 2
        return None

    def _advance(self, steps: int) -> int:
        return int(self.library.advance(self.pointer, steps))

    def _watched(self, steps: int) -> int:
        """Advance in another thread, so that this one notices when it is interrupted."""
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(self._advance(steps)), daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(CHUNK_SECONDS)
        except BaseException:
            self.library.interrupt(1)
            thread.join()
            raise
        finally:
            self.library.interrupt(0)
        return found[0]

    # What comes out

    def read(self, recordable: int) -> FloatArray:
        """Return a recordable of all neurons, shape (n,)."""
        out = np.empty(self.size)
        self.call("read", recordable, out.ctypes.data)
        return out

    def spike_steps(self) -> IntArray:
        return self.column("spike_steps", self.fact(Fact.SPIKES))

    def spike_neurons(self) -> IntArray:
        return self.column("spike_neurons", self.fact(Fact.SPIKES))
