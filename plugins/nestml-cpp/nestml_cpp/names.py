"""What the things of a model are called in C++."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from nestml_core.api import (
    C_RESERVED,
    Base,
    Kind,
    Recordable,
    Ref,
    SolvedModel,
    Symbol,
    identifiers,
    safe,
)

MACRO = re.compile(
    r"""E[A-Z0-9]{2,}                               # error numbers
      | (U?INT\w*|PTRDIFF|SIZE|SIG_ATOMIC|WCHAR|WINT)_(MAX|MIN|WIDTH|C)
      | (S|U)?(CHAR|SHRT|INT|LONG|LLONG)_(MAX|MIN|BIT)
      | (FLT|DBL|LDBL)_\w+ | (RAND|TMP|FOPEN|FILENAME)_MAX | MB_CUR_MAX
      | M_[A-Z0-9]\w* | FP_\w+ | HUGE_VAL\w* | S?NAN\w* | MAXFLOAT | MATH_\w+ | math_errhandling
      | LC_\w+ | L_(ctermid|cuserid|tmpnam) | P_tmpdir | BUFSIZ | (SEEK|FD|RENAME|EXIT)_\w+
      | W[A-Z]{3,} | NFDBITS | (BIG|LITTLE|PDP)_ENDIAN | BYTE_ORDER | [bl]e\d+toh | hto[bl]e\d+
      | alloca | strn?dupa
      | offsetof | isnan | isinf | isfinite | isnormal | issubnormal | signbit | near | far
    """,
    re.VERBOSE,
)
"""Macros that the headers of the generated code define, on one system or another."""

MEMBERS = frozenset(
    """Parameters State Derived Input Delayed Lines p d s delayed lines in t dt rng parameters
    derived state step_size time seed configure reset step violated_guard not_finite before keep
    derive update emitted step_count time_origin calling nestml_runtime""".split()
)
"""What generated structs use themselves."""


def reserved(names: Iterable[str]) -> frozenset[str]:
    """Return which words C++ does not leave free, among all of them those of ``names``."""
    return C_RESERVED | {n for n in names if MACRO.fullmatch(n)}


def members(symbols: Iterable[Symbol], taken: Iterable[str]) -> Mapping[Symbol, Symbol]:
    """Return the symbols of one scope under C++ names."""
    known = tuple(symbols)
    words = reserved(s.identifier for s in known)
    named = identifiers(known, words, taken=frozenset(taken))
    return {s: replace(s, name=name) for s, name in named.items()}


def struct_name(model: SolvedModel) -> str:
    name = Symbol(model.name, Kind.LOCAL).identifier
    return safe(name, reserved([name]), MEMBERS)


def file_name(model: SolvedModel) -> str:
    """Return the name of the header without its ending."""
    return Symbol(model.name, Kind.LOCAL).identifier


def is_number(symbol: Symbol) -> bool:
    """Return whether a number can say the value of ``symbol``: whether it is no text."""
    return symbol.type.base is not Base.STRING


@dataclass(frozen=True, slots=True)
class Names:
    """The C++ names of a model: of what lives in its structs, and of its member functions.

    ``functions`` and ``recordables`` (those that are computed) go by their names in the model;
    ``taken`` is what no local variable may be called.
    """

    symbols: Mapping[Symbol, Symbol]
    functions: Mapping[str, str]
    recordables: Mapping[str, str]
    taken: frozenset[str]


def names(model: SolvedModel) -> Names:
    """Return the C++ names of everything in ``model`` but local variables."""
    symbols: dict[Symbol, Symbol] = {}
    symbols |= members((d.symbol for d in model.parameters), {"Parameters"})
    symbols |= members(model.internals, {"Derived"})
    symbols |= members(state_symbols(model), {"State"})
    symbols |= members((d.symbol for d in model.delays), {"Delayed"})
    ports = [p.symbol for p in model.spike_ports] + [p.symbol for p in model.continuous_ports]
    symbols |= members(ports, {"Input"})

    class_scope = set(MEMBERS) | {struct_name(model)}
    class_scope |= {f"integrate_{i + 1}" for i in range(len(model.flows))}
    class_scope |= {f"on_condition_{i + 1}" for i in range(len(model.on_condition))}
    class_scope |= {on_receive_name(symbols[h.port]) for h in model.on_receive}
    class_scope |= {next_name(symbols[s]) for s in state_symbols(model)}
    class_scope |= {
        next_name(e)
        for s in state_symbols(model)
        for e in symbols[s].elements
        if s.size is not None
    }
    functions = _free((f.name for f in model.functions), class_scope)
    class_scope |= set(functions.values())
    recordables = _free((r.symbol.identifier for r in computed(model)), class_scope)
    class_scope |= set(recordables.values())
    return Names(
        MappingProxyType(symbols),
        MappingProxyType(functions),
        MappingProxyType(recordables),
        frozenset(class_scope),
    )


def _free(words: Iterable[str], taken: set[str]) -> dict[str, str]:
    named = members((Symbol(w, Kind.LOCAL) for w in words), taken)
    return {old.name: new.name for old, new in named.items()}


def state_symbols(model: SolvedModel) -> tuple[Symbol, ...]:
    """Return the state variables and the states of convolutions."""
    convolved = (s for c in model.convolutions for s in c.states)
    return (*(d.symbol for d in model.state), *convolved)


def computed(model: SolvedModel) -> tuple[Recordable, ...]:
    """Return the recordables that are no state variables."""
    return tuple(
        r
        for r in model.recordables
        if not (isinstance(r.value, Ref) and r.value.symbol.kind is Kind.STATE)
    )


def on_receive_name(port: Symbol) -> str:
    return f"on_receive_{port.name}"


def next_name(symbol: Symbol) -> str:
    """Return what the value of ``symbol`` at the end of the step is called before it is stored.

    The struct that a name may begin with, as in ``s.w``, is left out.
    """
    if symbol.vector is not None:
        return f"next_{symbol.vector.name}_{symbol.place}"
    return f"next_{symbol.name.rpartition('.')[2]}"
