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
from nestml_cpp.compiled_functions import (
    DOUBLE,
    INT,
    INT64,
    POINTER,
    UINT64,
    FloatArray,
    Functions,
    IntArray,
    Opened,
    Signatures,
)
from nestml_cpp.options import Options
from nestml_cpp.toolchain import (
    LIBRARY,
    QUICK,
    Compiler,
    Variant,
    find_compiler,
    flags,
    is_usual,
    machine,
    made,
    missing,
    shared,
)

INTERFACE = 2
KEY_DIGITS = 16
THREADS = "-pthread"
LOOPS = (
    *("-O1", "-finline-small-functions", "-fstrict-aliasing", "-fschedule-insns2"),
    *("-fpeephole2", "-ftree-pre"),
    *("-fno-tree-pta", "-fno-ipa-modref", "-fno-ipa-pure-const", "-fno-ipa-reference"),
    *("-fno-ipa-profile", "-fno-tree-dominator-opts", "-fno-tree-dse", "-fno-tree-sink"),
    *("-fno-tree-bit-ccp", "-fno-if-conversion", "-fno-if-conversion2", "-fno-shrink-wrap"),
)
"""Flags of g++: the parts of -O2 that loops over connections gain from, without the rest of it, and
without the parts of -O1 that they gain nothing from. Both take time."""

SIGNATURES: Signatures = MappingProxyType(
    {
        "interface": (INT, ()),
        "number_bytes": (INT, ()),
        "open": (POINTER, (DOUBLE, INT64, INT64)),
        "close": (None, (POINTER,)),
        "block_length": (INT64, (POINTER, INT64)),
        "population": (INT, (POINTER, INT64)),
        "block": (INT, (POINTER, INT64, POINTER, POINTER, POINTER, POINTER, POINTER)),
        "trains": (INT, (POINTER, INT64, POINTER, POINTER, INT64)),
        "poisson": (INT, (POINTER, INT64, POINTER, UINT64)),
        "connect": (INT, (POINTER, INT64, INT64, INT64, INT64, INT64, POINTER)),
        "connect_sorted": (INT, (POINTER, INT64, INT64, INT64, INT64, INT64, POINTER, POINTER)),
        "connect_plastic": (INT, (POINTER, INT64, INT64, INT64, INT64, INT64, POINTER)),
        "synapses": (INT, (POINTER, INT64, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER)),
        "modulate": (INT, (POINTER, INT64, INT64)),
        "factor": (INT, (POINTER, INT64, INT64, DOUBLE)),
        "couple": (INT, (POINTER, INT64, INT64, INT64, INT64, INT64, POINTER)),
        "record": (INT, (POINTER, INT64, INT64, POINTER, INT64)),
        "record_synapses": (INT, (POINTER, INT64, INT64, POINTER, INT64)),
        "keep_spikes": (None, (POINTER, INT64, INT)),
        "begin": (INT, (POINTER,)),
        "advance": (INT, (POINTER, INT64)),
        "text": (ctypes.c_char_p, (POINTER,)),
        "where": (INT, (POINTER,)),
        "number": (INT64, (POINTER,)),
        "fact": (INT64, (POINTER, INT)),
        "measure": (None, (POINTER, INT)),
        "seconds": (DOUBLE, (POINTER, INT)),
        "take_spikes": (POINTER, (POINTER, INT64)),
        "spikes": (INT64, (POINTER,)),
        "spike_steps": (POINTER, (POINTER,)),
        "spike_members": (POINTER, (POINTER,)),
        "free_spikes": (None, (POINTER,)),
        "save": (INT64, (POINTER,)),
        "saved": (POINTER, (POINTER,)),
        "load": (INT, (POINTER, ctypes.c_char_p, INT64)),
    }
)
"""Results and arguments of the functions of the library, without ``nestml_network_``."""

KINDS: Mapping[str, int] = MappingProxyType(
    {"f8": 0, "i8": 1, "i4": 2, "u4": 3, "u2": 4, "f4": 5, "u1": 6}
)
"""``Column::Kind`` of the runtime, by the kinds of numbers of NumPy."""


class Column(ctypes.Structure):
    """A column of numbers: one for each connection, or one for all."""

    _fields_ = (("data", POINTER), ("stride", INT64), ("kind", INT))


def column(values: npt.NDArray[Any]) -> tuple[Column, npt.NDArray[Any]]:
    """Return a view of an array, and the array that must live as long as it."""
    kind = values.dtype.str[1:]
    if kind not in KINDS or not values.dtype.isnative:
        values = np.asarray(values, np.float64 if values.dtype.kind == "f" else np.int64)
        kind = values.dtype.str[1:]
    stride = values.strides[0] if len(values) > 1 else 0
    return Column(values.ctypes.data, stride, KINDS[kind]), values


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


class NetworkHandle(Opened):
    """A network of a library.

    Parameters
    ----------
    dt : ms
    cut : for how many threads populations are cut into blocks
    """

    says = "text"

    def __init__(self, functions: Functions, dt: float, threads: int, cut: int) -> None:
        pointer = functions.open(dt, threads, cut)
        super().__init__(functions, pointer, f"a network, or no {threads} threads")

    def connect(self, name: str, numbers: tuple[int, ...], columns: tuple[Any, ...]) -> None:
        """Call a function that takes ``numbers`` and columns of connections."""
        made = [column(c) for c in columns]
        array = (Column * len(made))(*(c for c, _ in made))
        self.call(name, *numbers, len(columns[0]), ctypes.cast(array, POINTER))

    def connect_sorted(
        self, numbers: tuple[int, ...], starts: IntArray, columns: tuple[Any, ...]
    ) -> None:
        """Connect by columns that begin with neurons, sorted by source and then by neuron; the
        connections of source i are those from ``starts[i]`` to ``starts[i + 1]``. They are left
        where they are.
        """
        made = [column(c) for c in columns]
        array = (Column * len(made))(*(c for c, _ in made))
        self._kept += [values for _, values in made]
        place = self.keep(starts, np.int64)
        self.call("connect_sorted", *numbers, len(columns[0]), place, ctypes.cast(array, POINTER))

    def block_length(self, size: int) -> int:
        return int(self.library.block_length(self.pointer, size))

    # Running

    def begin(self) -> int:
        return int(self.library.begin(self.pointer))

    def advance(self, steps: int) -> int:
        return int(self.library.advance(self.pointer, steps))

    @property
    def kind(self) -> int:
        """What ended the run: a ``Kind``."""
        return int(self.library.fact(self.pointer, 3))

    @property
    def place(self) -> tuple[int, int]:
        """Whether the problem is about a node (1) or a projection (2), and which."""
        return int(self.library.where(self.pointer)), int(self.library.number(self.pointer))

    @property
    def steps_done(self) -> int:
        return int(self.library.fact(self.pointer, 0))

    @property
    def static_bytes(self) -> int:
        """How many bytes connections take whose weights never change."""
        return int(self.library.fact(self.pointer, 2))

    def measure(self) -> None:
        """Measure the CPU time that each phase takes."""
        self.library.measure(self.pointer, 1)

    @property
    def seconds(self) -> tuple[float, float]:
        """CPU time of the first thread, in s: to update neurons, and to deliver spikes."""
        pointer = self.pointer
        update, delivery = (self.library.seconds(pointer, which) for which in (0, 1))
        return float(update), float(delivery)

    def spikes(self, node: int) -> tuple[IntArray, IntArray]:
        """Return the steps and the members of the spikes of a node, and take them out of the
        network: nothing is copied.

        Raises
        ------
        MemoryError
        """
        functions = self.library
        taken = functions.take_spikes(self.pointer, node)
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
        size = int(self.library.save(self.pointer))
        if size < 0:
            raise MemoryError("no memory for the state of the network")
        return ctypes.string_at(self.library.saved(self.pointer), size)

    def load(self, state: bytes) -> int:
        return int(self.library.load(self.pointer, state, len(state)))

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
            source = Path(sources) / network_rendering.LIBRARY
            problem = made(source, target, shared(command), _ahead(compiler, options))
        if problem is not None:
            return Result(None, (problem,))
    os.utime(folder)  # builds that nobody has used for long are deleted
    return Result(Functions(target, "nestml_network", SIGNATURES, INTERFACE))


def _ahead(compiler: Compiler, options: Options) -> tuple[str, ...]:
    """Return flags that only save time."""
    if not is_usual(compiler, options):
        return ()
    return QUICK if "clang" in compiler.version() else (*QUICK, *LOOPS)


def _folder() -> Path:
    """Return where compiled code is kept; for this process only if this user can keep none."""
    try:
        return private_folder(cache_folder() / "cpp")
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="nestml-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder
