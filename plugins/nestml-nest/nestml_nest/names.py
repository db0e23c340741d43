"""Names of C++ members, variables and functions, and of status entries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from nestml_core.api import C_RESERVED, Kind, Symbol, identifiers

_MACRO = re.compile(r"[A-Z0-9_]{4,}|EIO|EOF|LOG|M_E|NAN|SYS_\w+|M_[A-Z0-9_]+(f\d*x?|l)|LIM_\w+_ms")
"""What system headers may define as a macro; those with small letters are few."""

_MACROS = frozenset(
    """
    L_ctermid L_cuserid L_tmpnam P_tmpdir alloca assert assert_perror be16toh be32toh be64toh
    htobe16 htobe32 htobe64 htole16 htole32 htole64 issubnormal le16toh le32toh le64toh major
    makedev math_errhandling minor offsetof sched_priority strdupa strndupa timeradd timerclear
    timercmp timerisset timersub pthread_cleanup_pop pthread_cleanup_pop_restore_np
    pthread_cleanup_push pthread_cleanup_push_defer_np
    """.split()
)

CONTEXT = ("P", "V", "S", "in", "random", "emitted")
"""The variables of generated code that bodies may refer to."""

_SCOPES = frozenset(("nest", "nestml", "nestml_runtime", "std", "Dictionary", "Module"))
"""What generated code refers to outside the class of a neuron."""

_STRUCTS = frozenset(("Parameters_", "Variables_", "State_", "Inputs_", "Buffers_", "Functions_"))
_VARIABLES = _SCOPES | _STRUCTS | frozenset(CONTEXT)
_RESERVED = C_RESERVED | _MACROS


def reserved(names: Iterable[str]) -> frozenset[str]:
    """Return the words that none of ``names`` may be in C++: keywords, and what may be macros."""
    return _RESERVED | {n for n in names if _MACRO.fullmatch(n)}


def members(symbols: Iterable[Symbol], taken: Iterable[str] = ()) -> Mapping[Symbol, Symbol]:
    """Return each symbol with the name of a C++ member or variable of its own."""
    found = tuple(symbols)
    names = identifiers(found, reserved(s.identifier for s in found), taken=_STRUCTS.union(taken))
    return MappingProxyType({s: replace(s, name=names[s]) for s in found})


def variables(symbols: Iterable[Symbol], taken: Iterable[str] = ()) -> Mapping[Symbol, Symbol]:
    """Return each local variable or argument with the name of a C++ variable."""
    return members(symbols, _VARIABLES.union(taken))


def classes(titles: Iterable[str]) -> Mapping[str, str]:
    """Return the name of a C++ class for each model, by its name in NEST."""
    named = members((Symbol(t, Kind.LOCAL) for t in titles), _SCOPES)
    return MappingProxyType({s.name: n.name for s, n in named.items()})


def is_identifier(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) is not None


def is_namespace(name: str) -> bool:
    """Return whether a namespace of generated code can have this name."""
    return is_identifier(name) and name not in _SCOPES | _RESERVED


def comment(text: str) -> tuple[str, ...]:
    """Return ``text`` as lines that are safe behind ``//``: none continues on the next line."""
    lines = (_printable(line) for line in text.splitlines())
    return tuple(line + "." if line.endswith("\\") else line for line in lines)


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else " " for c in line).rstrip()
