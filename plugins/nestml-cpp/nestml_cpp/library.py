"""A compiled model in this process: its C functions, called with numbers and NumPy arrays."""

from __future__ import annotations

import ctypes
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

INTERFACE = 1
CHUNK_SECONDS = 0.1
"""About how long the process is away: interruptions are noticed in between."""
FIRST_CHUNK = 256

_P, _I, _L, _D, _U = (
    ctypes.c_void_p,
    ctypes.c_int,
    ctypes.c_int64,
    ctypes.c_double,
    ctypes.c_uint64,
)
SIGNATURES: Mapping[str, tuple[Any, tuple[Any, ...]]] = MappingProxyType(
    {
        "interface": (_I, ()),
        "open": (_P, (_L, _D, _U, _I)),
        "close": (None, (_P,)),
        "problem": (ctypes.c_char_p, (_P,)),
        "parameter": (_I, (_P, _L, _P, _L, _I)),
        "initial": (_I, (_P, _L, _P, _L, _I)),
        "spikes": (_I, (_P, _L, _P, _P, _P, _L)),
        "current": (_I, (_P, _L, _P, _L, _I)),
        "record": (_I, (_P, _L, _P, _L, _P, _L)),
        "reserve": (_I, (_P, _L)),
        "begin": (_I, (_P,)),
        "advance": (_I, (_P, _L)),
        "interrupt": (None, (_I,)),
        "read": (_I, (_P, _L, _P)),
        "sum": (_P, (_P, _L, _L)),
        "count": (_P, (_P, _L, _L)),
        "fact": (_L, (_P, _I)),
        "spike_steps": (_P, (_P,)),
        "spike_neurons": (_P, (_P,)),
        "keep": (None, (_P, _I)),
        "messages": (ctypes.c_char_p, (_P,)),
        "population": (_P, (_P, _L, _L)),
    }
)
"""Results and arguments of the functions of a library, without the name of the model."""


class Kind(IntEnum):
    """What ends a run: ``Problem::Kind`` of the runtime."""

    NONE = 0
    GUARD = 1
    NOT_FINITE = 2
    NO_ELEMENT = 3
    STOPPED = 4
    NO_MEMORY = 5
    MISUSE = 6
    INTERRUPTED = 7


class Fact(IntEnum):
    STEPS_DONE = 0
    IS_WIDE = 1
    LANES = 2
    REAL_BYTES = 3
    STRIDE = 4
    SLOTS = 5
    SPIKES = 6
    MESSAGE_BYTES = 7


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong; ``text`` is what the library says about it."""

    kind: Kind
    text: str


class LibraryMisused(Exception):
    """The library rejects what this package gave it: a mistake in this package."""


class Library:
    """The functions of one model.

    Raises
    ------
    OSError : the file is no library that can be loaded here.
    LibraryMisused : its interface is not the one this package knows.
    """

    def __init__(self, path: Path, model: str) -> None:
        loaded = ctypes.CDLL(str(path))
        functions = {}
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(loaded, f"{model}_{name}")
            function.restype, function.argtypes = result, arguments
            functions[name] = function
        if functions["interface"]() != INTERFACE:
            raise LibraryMisused(f"{path} has another interface")
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_functions"][name]
        except KeyError:
            raise AttributeError(name) from None

    def address(self, name: str) -> int:
        """Return where a function is."""
        return int(ctypes.cast(self._functions[name], ctypes.c_void_p).value or 0)


class Handle:
    """Neurons of a library. Arrays that it is given are kept alive as long as it is open.

    Parameters
    ----------
    size : number of neurons
    dt : ms
    one_by_one : let neurons advance one after the other even where several could at once
    """

    def __init__(
        self, library: Library, size: int, dt: float, seed: int, *, one_by_one: bool = False
    ) -> None:
        self._library = library
        self._kept: list[Any] = []
        self._pointer = library.open(size, dt, seed % (1 << 64), int(one_by_one))
        if not self._pointer:
            raise MemoryError(f"no memory for {size} neurons")
        self._close = weakref.finalize(self, library.close, self._pointer)
        self.size = size
        self.library = library

    def close(self) -> None:
        self._close()

    @property
    def pointer(self) -> int:
        """The handle that the functions of the library take."""
        return int(self._pointer)

    def population(self, first: int, whole: int) -> int:
        """Return where the ``nestml_runtime::Population`` is: its neurons are the ones from
        ``first`` on, of ``whole``."""
        return int(self._library.population(self._pointer, first, whole))

    def fact(self, which: Fact) -> int:
        return int(self._library.fact(self._pointer, int(which)))

    # What goes in

    def parameter(self, index: int, values: FloatArray, elements: int, *, each: bool) -> None:
        """Give a parameter ``elements`` values, or so many for each neuron: shape (n, elements)."""
        self._check(self._library.parameter, index, self._keep(values), elements, int(each))

    def initial(self, index: int, values: FloatArray, elements: int, *, each: bool) -> None:
        self._check(self._library.initial, index, self._keep(values), elements, int(each))

    def spikes(
        self, port: int, steps: IntArray, neurons: IntArray | None, weights: FloatArray
    ) -> None:
        """Have spikes arrive, in the order of their ``steps``; for the first neuron if None."""
        who = None if neurons is None else self._keep(neurons, np.int64)
        arguments = (self._keep(steps, np.int64), who, self._keep(weights), len(steps))
        self._check(self._library.spikes, port, *arguments)

    def current(self, port: int, values: FloatArray) -> None:
        """Have a continuous input: of shape (steps,), or (steps, n)."""
        arguments = (self._keep(values), len(values), int(values.ndim == 2))
        self._check(self._library.current, port, *arguments)

    def record(self, recordable: int, out: FloatArray, neurons: IntArray | None = None) -> None:
        """Have a recordable written to ``out``, shape (steps, number of neurons)."""
        if not (out.flags.c_contiguous and out.dtype == np.float64):
            raise LibraryMisused("an array to record to must be contiguous, and of doubles")
        self._kept.append(out)
        who = None if neurons is None else self._keep(neurons, np.int64)
        count = self.size if neurons is None else len(neurons)
        self._check(self._library.record, recordable, who, count, out.ctypes.data, len(out))

    def reserve(self, slots: int) -> None:
        self._check(self._library.reserve, slots)

    def keep_spikes(self, wanted: bool) -> None:
        self._library.keep(self._pointer, int(wanted))

    def row(self, port: int, step: int, *, counts: bool = False) -> npt.NDArray[Any] | None:
        """Return, as a view, what arrives at a port at the end of a step: a number for each neuron.

        None if the model does not look at the number of spikes, where that is asked for.
        """
        function = self._library.count if counts else self._library.sum
        pointer = function(self._pointer, port, step)
        if not pointer:
            return None
        real = ctypes.c_double if self.fact(Fact.REAL_BYTES) == 8 else ctypes.c_float
        array = np.ctypeslib.as_array(ctypes.cast(pointer, ctypes.POINTER(real)), (self.size,))
        return array

    # Running

    def begin(self) -> Problem | None:
        """Set everything to its begin; return what is wrong, if anything."""
        return self._problem(self._library.begin(self._pointer))

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
                return self._problem(kind)
            steps -= now
            if time.perf_counter() - begin < CHUNK_SECONDS / 2:
                chunk *= 2
        return None

    def _advance(self, steps: int) -> int:
        return int(self._library.advance(self._pointer, steps))

    def _watched(self, steps: int) -> int:
        """Advance in another thread, so that this one notices when it is interrupted."""
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(self._advance(steps)), daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(CHUNK_SECONDS)
        except BaseException:
            self._library.interrupt(1)
            thread.join()
            raise
        finally:
            self._library.interrupt(0)
        return found[0]

    # What comes out

    def read(self, recordable: int) -> FloatArray:
        """Return a recordable of all neurons, shape (n,)."""
        out = np.empty(self.size)
        self._check(self._library.read, recordable, out.ctypes.data)
        return out

    def spike_steps(self) -> IntArray:
        return self._column(self._library.spike_steps)

    def spike_neurons(self) -> IntArray:
        return self._column(self._library.spike_neurons)

    def messages(self) -> str:
        text: bytes = self._library.messages(self._pointer)
        return text.decode("utf-8", errors="replace")

    def _column(self, function: Any) -> IntArray:
        count = self.fact(Fact.SPIKES)
        if count == 0:
            return np.empty(0, dtype=np.int64)
        pointer = ctypes.cast(function(self._pointer), ctypes.POINTER(ctypes.c_int64))
        return np.ctypeslib.as_array(pointer, (count,)).copy()

    def _keep(self, values: npt.NDArray[Any], dtype: Any = np.float64) -> int:
        array = np.ascontiguousarray(values, dtype=dtype)
        self._kept.append(array)
        return int(array.ctypes.data)

    def _problem(self, kind: int) -> Problem | None:
        if kind == Kind.NONE:
            return None
        text = self._library.problem(self._pointer).decode("utf-8", errors="replace")
        return Problem(Kind(kind), text)

    def _check(self, function: Any, *arguments: Any) -> None:
        kind = function(self._pointer, *arguments)
        if kind == Kind.NO_MEMORY:
            raise MemoryError(self._library.problem(self._pointer).decode())
        if kind != Kind.NONE:
            raise LibraryMisused(self._library.problem(self._pointer).decode())
