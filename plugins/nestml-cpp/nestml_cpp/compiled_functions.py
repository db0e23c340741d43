"""Compiled code in this process: C functions, and what they have open."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

POINTER, INT, INT64, DOUBLE, UINT64 = (
    ctypes.c_void_p,
    ctypes.c_int,
    ctypes.c_int64,
    ctypes.c_double,
    ctypes.c_uint64,
)
Signatures = Mapping[str, tuple[Any, tuple[Any, ...]]]
"""The result and the arguments of each function, by its name without what all begin with."""


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


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong; ``text`` is what the library says about it."""

    kind: Kind
    text: str


class LibraryMisused(Exception):
    """The library rejects what this package gave it: a mistake in this package."""


class Functions:
    """The functions of a library whose names begin with ``prefix``, as attributes.

    Raises
    ------
    OSError : the file is no library that can be loaded here.
    LibraryMisused : its interface is not the one this package knows.
    """

    def __init__(self, path: Path, prefix: str, signatures: Signatures, interface: int) -> None:
        loaded = ctypes.CDLL(str(path))
        functions = {}
        for name, (result, arguments) in signatures.items():
            function = getattr(loaded, f"{prefix}_{name}")
            function.restype, function.argtypes = result, arguments
            functions[name] = function
        if functions["interface"]() != interface:
            raise LibraryMisused(f"{path} has another interface")
        self._functions = functions
        self.path = path

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_functions"][name]
        except KeyError:
            raise AttributeError(name) from None

    def address(self, name: str) -> int:
        """Return where a function is."""
        return int(ctypes.cast(self._functions[name], ctypes.c_void_p).value or 0)


class Opened:
    """What functions work on. Arrays that it is given are kept alive as long as it is open.

    Attributes
    ----------
    pointer : the handle that the functions take

    Raises
    ------
    MemoryError : ``pointer`` is none; ``wanted`` says what there was no memory for.
    """

    says = "problem"
    """The function that tells what went wrong."""

    def __init__(self, functions: Functions, pointer: int | None, wanted: str) -> None:
        if not pointer:
            raise MemoryError(f"no memory for {wanted}")
        self.library = functions
        self.pointer = pointer
        self._kept: list[Any] = []
        self._close = weakref.finalize(self, functions.close, pointer)

    def close(self) -> None:
        self._close()

    def keep(self, values: Any, dtype: Any = np.float64) -> int:
        """Keep an array; return where its values are."""
        array = np.ascontiguousarray(values, dtype=dtype)
        self._kept.append(array)
        return int(array.ctypes.data)

    @property
    def text(self) -> str:
        """What the library says about what went wrong."""
        return self._text(self.says)

    def messages(self) -> str:
        return self._text("messages")

    def _text(self, name: str) -> str:
        text: bytes = getattr(self.library, name)(self.pointer)
        return text.decode("utf-8", errors="replace")

    def problem(self, kind: int) -> Problem | None:
        """Return what a result of the library means; None if all is well."""
        return None if kind == Kind.NONE else Problem(Kind(kind), self.text)

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function whose result ``check`` is to look at."""
        self.check(getattr(self.library, name)(self.pointer, *arguments))

    def check(self, kind: int) -> None:
        """Raise what a function means that only fails for want of memory, or by our mistake.

        Raises
        ------
        MemoryError, LibraryMisused
        """
        problem = self.problem(kind)
        if problem is not None and problem.kind is Kind.NO_MEMORY:
            raise MemoryError(problem.text)
        if problem is not None:
            raise LibraryMisused(problem.text)

    def column(self, name: str, count: int, kind: Any = ctypes.c_int64) -> npt.NDArray[Any]:
        """Return a copy of ``count`` numbers that a function knows."""
        if count == 0:
            return np.empty(0, dtype=np.dtype(kind))
        place = getattr(self.library, name)(self.pointer)
        return np.ctypeslib.as_array(ctypes.cast(place, ctypes.POINTER(kind)), (count,)).copy()
