"""Names for generated code: valid identifiers that collide with nothing in the target language."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from nestml_core.expr import Symbol

C_RESERVED = frozenset(
    """alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t
    char32_t class compl concept const consteval constexpr constinit const_cast continue
    co_await co_return co_yield decltype default delete do double dynamic_cast else enum
    explicit export extern false float for friend goto if inline int long mutable namespace new
    noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast requires return short signed sizeof static static_assert static_cast struct
    switch template this thread_local throw true try typedef typeid typename union unsigned
    using virtual void volatile wchar_t while xor xor_eq final override import module std main
    errno assert NULL EOF INFINITY NAN stdin stdout stderr linux unix""".split()
)
"""Keywords of C++20, and macros and names that common headers define."""

PYTHON_RESERVED = frozenset(
    """False None True and as assert async await break class continue def del elif else except
    finally for from global if import in is lambda nonlocal not or pass raise return try while
    with yield match case type self cls np numpy print exec eval object""".split()
)
"""Keywords of Python, and names that generated classes use themselves."""


def identifiers(
    symbols: Iterable[Symbol], reserved: Collection[str], *, taken: Collection[str] = ()
) -> Mapping[Symbol, str]:
    """Return an identifier for each symbol: its own name, or that with ``_`` behind it.

    The map is injective for symbols of different names, hence reversible, and depends only on the
    order of ``symbols``. Names that C and C++ reserve (``__x``, ``_X``) are renamed too.

    Parameters
    ----------
    symbols : the names of one scope, the most public ones first
    reserved : words of the target language
    taken : names the generated code uses itself
    """
    unique = tuple(dict.fromkeys(symbols))
    wanted = {s.identifier for s in unique}
    used: dict[str, str] = {}
    names: dict[Symbol, str] = {}
    for symbol in unique:
        own = symbol.identifier
        if symbol.name in used:
            names[symbol] = used[symbol.name]
            continue
        name = safe(own, reserved, taken)
        while name in used.values() or (name != own and name in wanted):
            name += "_"
        used[symbol.name] = name
        names[symbol] = name
    return MappingProxyType(names)


def safe(name: str, reserved: Collection[str], taken: Collection[str] = ()) -> str:
    """Return ``name``, with ``x`` before and ``_`` behind where the target needs it."""
    if name.startswith("__") or (name[:1] == "_" and name[1:2].isupper()):
        name = "x" + name
    while name in reserved or name in taken:
        name += "_"
    return name
