"""The compiled network runtime in this process: its C functions, called with numbers and arrays."""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from nestml_core.api import Result, cache_folder, private_folder
from nestml_cpp import network_rendering
from nestml_cpp.library import FloatArray, IntArray, Kind, LibraryMisused
from nestml_cpp.options import Options
from nestml_cpp.toolchain import (
    LIBRARY,
    Variant,
    find_compiler,
    flags,
    machine,
    made,
    missing,
    shared,
)

INTERFACE = 1
KEY_DIGITS = 16
THREADS = "-pthread"

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
        "number_bytes": (_I, ()),
        "open": (_P, (_D, _L, _L)),
        "close": (None, (_P,)),
        "block_length": (_L, (_P, _L)),
        "population": (_I, (_P, _L)),
        "block": (_I, (_P, _L, _P, _P, _P, _P, _P)),
        "trains": (_I, (_P, _L, _P, _P, _L)),
        "poisson": (_I, (_P, _L, _P, _U)),
        "connect": (_I, (_P, _L, _L, _L, _L, _L, _P)),
        "connect_plastic": (_I, (_P, _L, _L, _L, _L, _L, _P)),
        "synapses": (_I, (_P, _L, _P, _P, _P, _P, _P, _P)),
        "modulate": (_I, (_P, _L, _L)),
        "factor": (_I, (_P, _L, _L, _D)),
        "couple": (_I, (_P, _L, _L, _L, _L, _L, _P)),
        "record": (_I, (_P, _L, _L, _P, _L)),
        "record_synapses": (_I, (_P, _L, _L, _P, _L)),
        "keep_spikes": (None, (_P, _L, _I)),
        "begin": (_I, (_P,)),
        "advance": (_I, (_P, _L)),
        "text": (ctypes.c_char_p, (_P,)),
        "where": (_I, (_P,)),
        "number": (_L, (_P,)),
        "fact": (_L, (_P, _I)),
        "measure": (None, (_P, _I)),
        "seconds": (_D, (_P, _I)),
        "take_spikes": (_P, (_P, _L)),
        "spikes": (_L, (_P,)),
        "spike_steps": (_P, (_P,)),
        "spike_members": (_P, (_P,)),
        "free_spikes": (None, (_P,)),
        "save": (_L, (_P,)),
        "saved": (_P, (_P,)),
        "load": (_I, (_P, ctypes.c_char_p, _L)),
    }
)
"""Results and arguments of the functions of the library, without ``nestml_network_``."""

KINDS: Mapping[str, int] = MappingProxyType({"f8": 0, "i8": 1, "i4": 2, "u4": 3, "u2": 4})
"""``Column::Kind`` of the runtime, by the kinds of numbers of NumPy."""


class Column(ctypes.Structure):
    """A column of numbers: one for each connection, or one for all."""

    _fields_ = (("data", _P), ("stride", _L), ("kind", _I))


def column(values: npt.NDArray[Any]) -> tuple[Column, npt.NDArray[Any]]:
    """Return a view of an array, and the array that must live as long as it."""
    kind = values.dtype.str[1:]
    if kind not in KINDS or not values.dtype.isnative:
        values = np.asarray(values, np.float64 if values.dtype.kind == "f" else np.int64)
        kind = values.dtype.str[1:]
    stride = values.strides[0] if len(values) > 1 else 0
    return Column(values.ctypes.data, stride, KINDS[kind]), values


class Functions:
    """The functions of the network runtime.

    Raises
    ------
    OSError : the file is no library that can be loaded here.
    LibraryMisused : its interface is not the one this package knows.
    """

    def __init__(self, path: Path) -> None:
        loaded = ctypes.CDLL(str(path))
        functions = {}
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(loaded, f"nestml_network_{name}")
            function.restype, function.argtypes = result, arguments
            functions[name] = function
        if functions["interface"]() != INTERFACE:
            raise LibraryMisused(f"{path} has another interface")
        self._functions = functions
        self.path = path

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_functions"][name]
        except KeyError:
            raise AttributeError(name) from None


class _Owner:
    """Spikes of the runtime, which are freed when nobody knows them any more."""

    def __init__(self, functions: Functions, taken: int) -> None:
        self._free = weakref.finalize(self, functions.free_spikes, taken)


class _Numbers:
    """Whole numbers of an owner: what NumPy makes an array of keeps it alive."""

    def __init__(self, owner: _Owner, address: int, count: int) -> None:
        self._owner = owner
        if count == 0:
            address = 0
        self.__array_interface__ = {
            "version": 3,
            "typestr": np.dtype(np.int64).str,
            "shape": (count,),
            "data": (address, False),
        }


class NetworkHandle:
    """A network of a library. Arrays that it is given are kept alive as long as it is open.

    Parameters
    ----------
    dt : ms
    cut : for how many threads populations are cut into blocks
    """

    def __init__(self, functions: Functions, dt: float, threads: int, cut: int) -> None:
        self._functions = functions
        self._kept: list[Any] = []
        self._pointer = functions.open(dt, threads, cut)
        if not self._pointer:
            raise MemoryError(f"no memory for a network, or no {threads} threads")
        self._close = weakref.finalize(self, functions.close, self._pointer)

    def close(self) -> None:
        self._close()

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function that only fails for want of memory, or through a mistake of ours.

        Raises
        ------
        MemoryError, LibraryMisused
        """
        kind = getattr(self._functions, name)(self._pointer, *arguments)
        if kind == Kind.NO_MEMORY:
            raise MemoryError(self.text)
        if kind != Kind.NONE:
            raise LibraryMisused(self.text)

    def connect(self, name: str, numbers: tuple[int, ...], columns: tuple[Any, ...]) -> None:
        """Call a function that takes ``numbers`` and columns of connections."""
        made = [column(c) for c in columns]
        array = (Column * len(made))(*(c for c, _ in made))
        self.call(name, *numbers, len(columns[0]), ctypes.cast(array, _P))

    def keep(self, values: Any, dtype: Any = np.float64) -> int:
        """Keep an array; return where its values are."""
        array = np.ascontiguousarray(values, dtype=dtype)
        self._kept.append(array)
        return int(array.ctypes.data)

    def block_length(self, size: int) -> int:
        return int(self._functions.block_length(self._pointer, size))

    # Running

    def begin(self) -> int:
        return int(self._functions.begin(self._pointer))

    def advance(self, steps: int) -> int:
        return int(self._functions.advance(self._pointer, steps))

    @property
    def kind(self) -> int:
        """What ended the run: a ``Kind``."""
        return int(self._functions.fact(self._pointer, 3))

    @property
    def text(self) -> str:
        text: bytes = self._functions.text(self._pointer)
        return text.decode("utf-8", errors="replace")

    @property
    def place(self) -> tuple[int, int]:
        """Whether the problem is about a node (1) or a projection (2), and which."""
        return int(self._functions.where(self._pointer)), int(self._functions.number(self._pointer))

    @property
    def steps_done(self) -> int:
        return int(self._functions.fact(self._pointer, 0))

    @property
    def static_bytes(self) -> int:
        """How many bytes connections take whose weights never change."""
        return int(self._functions.fact(self._pointer, 2))

    def measure(self) -> None:
        """Measure the CPU time that each phase takes."""
        self._functions.measure(self._pointer, 1)

    @property
    def seconds(self) -> tuple[float, float]:
        """CPU time of the first thread, in s: to update neurons, and to deliver spikes."""
        pointer = self._pointer
        update, delivery = (self._functions.seconds(pointer, which) for which in (0, 1))
        return float(update), float(delivery)

    def spikes(self, node: int) -> tuple[IntArray, IntArray]:
        """Return the steps and the members of the spikes of a node, and take them out of the
        network: nothing is copied.

        Raises
        ------
        MemoryError
        """
        functions = self._functions
        taken = functions.take_spikes(self._pointer, node)
        if not taken:
            raise MemoryError("no memory for spikes")
        count = int(functions.spikes(taken))
        owner = _Owner(functions, taken)
        steps, members = (
            np.asarray(_Numbers(owner, int(function(taken) or 0), count))
            for function in (functions.spike_steps, functions.spike_members)
        )
        return steps, members

    def save(self) -> bytes:
        size = int(self._functions.save(self._pointer))
        if size < 0:
            raise MemoryError("no memory for the state of the network")
        return ctypes.string_at(self._functions.saved(self._pointer), size)

    def load(self, state: bytes) -> int:
        return int(self._functions.load(self._pointer, state, len(state)))

    def record(self, name: str, part: int, recordable: int, out: FloatArray) -> None:
        """Have a recordable written to ``out``, of shape (steps, members)."""
        self._kept.append(out)
        self.call(name, part, recordable, out.ctypes.data, len(out))


def runtime(options: Options) -> Result[Functions]:
    """Return the network runtime, compiled if need be and kept in the user's cache.

    Errors
    ------
    CPP101, CPP102 : there is no compiler, or it does not work.

    Raises
    ------
    CompilationFailed : the compiler rejects it.
    OSError : it cannot be written, or loaded.
    """
    compiler = find_compiler(options.compiler)
    if compiler is None:
        return Result(None, (missing(options),))
    command = (*compiler.command, *flags(options, Variant.POPULATION), THREADS)
    files = {
        network_rendering.HEADER: network_rendering.header(),
        network_rendering.LIBRARY: network_rendering.library(),
    }
    digest = hashlib.sha256()
    for word in (*files.values(), *command, compiler.version(), machine()):
        digest.update(f"{len(word)} {word}".encode())
    key = digest.hexdigest()[:KEY_DIGITS]
    folder = _folder() / f"network-{key}"
    target = folder / f"nestml_network-{key}{LIBRARY}"
    if not target.exists():
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".source-", dir=folder) as sources:
            for name, text in files.items():
                (Path(sources) / name).write_text(text, encoding="utf-8")
            problem = made(Path(sources) / network_rendering.LIBRARY, target, shared(command))
        if problem is not None:
            return Result(None, (problem,))
    os.utime(folder)  # builds that nobody has used for long are deleted
    return Result(Functions(target))


def _folder() -> Path:
    """Return where compiled code is kept; for this process only if this user can keep none."""
    try:
        return private_folder(cache_folder() / "cpp")
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="nestml-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder
