"""Connections with a compiled synapse in this process: its C functions, called with arrays."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from nestml_cpp.library import FloatArray, IntArray, Kind, LibraryMisused, Problem

INTERFACE = 1
CHUNK = 4096
"""Steps between looks for interruptions."""

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
        "open": (_P, (_D, _U)),
        "close": (None, (_P,)),
        "problem": (ctypes.c_char_p, (_P,)),
        "plastic": (_P, (_P,)),
        "connect": (_I, (_P, _P, _P, _P, _L, _I, _L, _L)),
        "parameter": (_I, (_P, _L, _P, _I)),
        "initial": (_I, (_P, _L, _P, _I)),
        "modulation": (_I, (_P, _L, _L)),
        "keep": (None, (_P, _I)),
        "start": (_I, (_P, _P)),
        "take": (_I, (_P, _P)),
        "read": (_I, (_P, _L, _P, _P)),
        "interrupt": (None, (_I,)),
        "emitted": (_L, (_P,)),
        "emitted_steps": (_P, (_P,)),
        "emitted_connections": (_P, (_P,)),
        "emitted_weights": (_P, (_P,)),
        "messages": (ctypes.c_char_p, (_P,)),
        "drive": (_P, (_P,)),
        "drive_close": (None, (_P,)),
        "drive_train": (None, (_P, _I, _P, _P, _L)),
        "drive_factor": (_I, (_P, _L, _P, _L, _L)),
        "drive_record": (None, (_P, _L, _P)),
        "drive_begin": (_I, (_P,)),
        "drive_advance": (_I, (_P, _L)),
        "drive_read": (_I, (_P, _L, _P)),
    }
)
"""Results and arguments of the functions of a library, without the name of the model."""


class SynapseLibrary:
    """The functions of one synapse model.

    Parameters
    ----------
    model : the name of its file

    Raises
    ------
    OSError : the file is no library that can be loaded here.
    LibraryMisused : its interface is not the one this package knows.
    """

    def __init__(self, path: Path, model: str) -> None:
        loaded = ctypes.CDLL(str(path))
        functions = {}
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(loaded, f"{model}_synapse_{name}")
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


class SynapseHandle:
    """Connections of a library, which a network makes and runs.

    Arrays that it is given are kept alive as long as it is open.

    Attributes
    ----------
    pointer : the handle that the functions of the library take
    plastic : where the ``nestml_runtime::Plastic`` is
    """

    def __init__(self, library: SynapseLibrary, dt: float, seed: int) -> None:
        self.library = library
        self._kept: list[Any] = []
        pointer = library.open(dt, seed % (1 << 64))
        if not pointer:
            raise MemoryError("no memory for connections")
        self.pointer: int = pointer
        self._close = weakref.finalize(self, library.close, pointer)

    def close(self) -> None:
        self._close()

    @property
    def plastic(self) -> int:
        return int(self.library.plastic(self.pointer))

    def parameter(self, index: int, values: Any) -> None:
        """Give a parameter a value, or one for each connection."""
        array = np.asarray(values, dtype=np.float64)
        self.check(
            self.library.parameter(self.pointer, index, self.keep(array), int(array.ndim == 1))
        )

    def initial(self, index: int, values: Any) -> None:
        array = np.asarray(values, dtype=np.float64)
        self.check(
            self.library.initial(self.pointer, index, self.keep(array), int(array.ndim == 1))
        )

    def modulation(self, port: int, delay: int) -> None:
        """Let one more node reach a modulatory port, by its number in the order of events."""
        self.check(self.library.modulation(self.pointer, port, delay))

    def keep_emitted(self, wanted: bool = True) -> None:
        self.library.keep(self.pointer, int(wanted))

    def emitted(self) -> tuple[IntArray, IntArray, FloatArray]:
        """Return the steps, connections and weights of what was emitted."""
        count = int(self.library.emitted(self.pointer))
        return (
            self._column("emitted_steps", count, ctypes.c_int64),
            self._column("emitted_connections", count, ctypes.c_int64),
            self._column("emitted_weights", count, ctypes.c_double),
        )

    def messages(self) -> str:
        text: bytes = self.library.messages(self.pointer)
        return text.decode("utf-8", errors="replace")

    def problem(self, kind: int) -> Problem | None:
        """Return what a result of the library means; None if all is well."""
        if kind == Kind.NONE:
            return None
        text = self.library.problem(self.pointer).decode("utf-8", errors="replace")
        return Problem(Kind(kind), text)

    def check(self, kind: int) -> None:
        problem = self.problem(kind)
        if problem is not None and problem.kind is Kind.NO_MEMORY:
            raise MemoryError(problem.text)
        if problem is not None:
            raise LibraryMisused(problem.text)

    def keep(self, values: Any, dtype: Any = np.float64) -> int:
        """Keep an array; return where its values are."""
        array = np.ascontiguousarray(values, dtype=dtype)
        self._kept.append(array)
        return int(array.ctypes.data)

    def _column(self, name: str, count: int, kind: Any) -> npt.NDArray[Any]:
        if count == 0:
            return np.empty(0, dtype=np.dtype(kind))
        pointer = ctypes.cast(getattr(self.library, name)(self.pointer), ctypes.POINTER(kind))
        return np.ctypeslib.as_array(pointer, (count,)).copy()


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
        handle.check(library.connect(handle.pointer, *arrays, self.size, is_uniform, *sizes))
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
