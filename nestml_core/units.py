"""Physical units: what each name means, exactly, in coherent units (um, mV, ms, pA, K, mmol, cd).

The units NESTML guarantees stand in a table of our own, which a test compares with Pint. Pint
costs a third of a second to import and is loaded only for the rest.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from nestml_core.types import BASE, COHERENT, ONE, Dimension, Unit

F = Fraction
_SI = ("kg", "m", "s", "A", "K", "mol", "cd")
_INDEX = {name: i for i, name in enumerate(BASE)}


def _dimension(**exponents: int) -> Dimension:
    return Dimension(tuple(F(exponents.get(name, 0)) for name in BASE))


_SI_COHERENT: Mapping[str, tuple[F, Dimension]] = MappingProxyType(
    {
        # kg = V A s^3 / m^2
        "kg": (F(10) ** 12, _dimension(potential=1, current=1, time=3, length=-2)),
        "m": (F(10) ** 6, _dimension(length=1)),
        "s": (F(10) ** 3, _dimension(time=1)),
        "A": (F(10) ** 12, _dimension(current=1)),
        "K": (F(1), _dimension(temperature=1)),
        "mol": (F(10) ** 3, _dimension(amount=1)),
        "cd": (F(1), _dimension(luminosity=1)),
    }
)
"""The coherent size and the dimension of each SI base unit."""


def _from_si(factor: F, exponents: Mapping[str, F | int]) -> tuple[F, Dimension]:
    """Return coherent size and dimension of ``factor`` times a product of SI base units."""
    size, dimension = factor, Dimension()
    for name, given in exponents.items():
        base_size, base_dimension = _SI_COHERENT[name]
        exponent = F(given)
        if exponent.denominator != 1:
            raise ValueError(f"{name} to the power {exponent} has no exact size")
        size *= base_size ** int(exponent)
        dimension = dimension * base_dimension**exponent
    return size, dimension


def _si(factor: F | int | str = 1, **exponents: int) -> tuple[F, Mapping[str, int]]:
    return F(factor), exponents


_PREFIXABLE = {
    "m": _si(m=1),
    "g": _si("1/1000", kg=1),
    "s": _si(s=1),
    "A": _si(A=1),
    "K": _si(K=1),
    "mol": _si(mol=1),
    "cd": _si(cd=1),
    "rad": _si(),
    "sr": _si(),
    "Hz": _si(s=-1),
    "N": _si(kg=1, m=1, s=-2),
    "Pa": _si(kg=1, m=-1, s=-2),
    "J": _si(kg=1, m=2, s=-2),
    "W": _si(kg=1, m=2, s=-3),
    "C": _si(A=1, s=1),
    "V": _si(kg=1, m=2, s=-3, A=-1),
    "F": _si(kg=-1, m=-2, s=4, A=2),
    "Ohm": _si(kg=1, m=2, s=-3, A=-2),
    "ohm": _si(kg=1, m=2, s=-3, A=-2),
    "S": _si(kg=-1, m=-2, s=3, A=2),
    "Wb": _si(kg=1, m=2, s=-2, A=-1),
    "T": _si(kg=1, s=-2, A=-1),
    "H": _si(kg=1, m=2, s=-2, A=-2),
    "lm": _si(cd=1),
    "lx": _si(cd=1, m=-2),
    "Bq": _si(s=-1),
    "Gy": _si(m=2, s=-2),
    "Sv": _si(m=2, s=-2),
    "kat": _si(mol=1, s=-1),
    "l": _si("1/1000", m=3),
    "L": _si("1/1000", m=3),
}
_FIXED = {
    "h": _si(3600, s=1),
    "hour": _si(3600, s=1),
    "d": _si(86400, s=1),
    "day": _si(86400, s=1),
    "minute": _si(60, s=1),
    "minutes": _si(60, s=1),
    "micron": _si("1/1000000", m=1),
    "percent": _si("1/100"),
    "G": _si("1/10000", kg=1, s=-2, A=-1),  # Pint has these two in the Gaussian system only
    "Mx": _si("1/100000000", kg=1, m=2, s=-2, A=-1),
}
_PREFIXES = {
    "y": -24,
    "z": -21,
    "a": -18,
    "f": -15,
    "p": -12,
    "n": -9,
    "u": -6,
    "m": -3,
    "c": -2,
    "d": -1,
    "da": 1,
    "h": 2,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
    "P": 15,
    "E": 18,
    "Z": 21,
    "Y": 24,
}

PINT_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "yr": "year",
        "Angstrom": "angstrom",
        "dyn": "dyne",
        "erg": "erg",
        "P": "poise",
        "Ci": "curie",
        "R": "roentgen",
        "AU": "astronomical_unit",
        "ct": "count",
    }
)
"""Further units and what Pint calls them."""

OFFSET = frozenset({"deg_C", "Celsius", "degC", "celsius"})
"""Scales with an offset: a factor cannot convert them, so they are refused."""


def _table() -> dict[str, tuple[F, Mapping[str, int]]]:
    table = dict(_FIXED) | dict(_PREFIXABLE)
    for prefix, power in _PREFIXES.items():
        for base, (factor, exponents) in _PREFIXABLE.items():
            table.setdefault(prefix + base, (factor * F(10) ** power, exponents))
    table.pop("min", None)
    return table


@lru_cache(maxsize=1)
def table() -> Mapping[str, tuple[F, Mapping[str, int]]]:
    """Return the guaranteed units: SI factor and exponents of SI base units, by name."""
    return MappingProxyType(_table())


@lru_cache(maxsize=1024)
def unit(name: str) -> Unit | None:
    """Return the unit called ``name``, or None if there is none. Offset units count as none."""
    known = table().get(name)
    if known is not None:
        size, dimension = _from_si(*known)
        return Unit(name, dimension, size)
    if name in PINT_NAMES:
        return _from_pint(name)
    return None


def known(name: str) -> Unit:
    """Return a unit that the compiler itself names, which must be in the table."""
    size, dimension = _from_si(*table()[name])
    return Unit(name, dimension, size)


def _from_pint(name: str) -> Unit:
    import pint

    registry: Any = pint.UnitRegistry(non_int_type=Fraction)
    factor, units = registry.get_base_units(PINT_NAMES[name])
    names = {
        "kilogram": "kg",
        "meter": "m",
        "second": "s",
        "ampere": "A",
        "kelvin": "K",
        "mole": "mol",
        "candela": "cd",
    }
    exponents: dict[str, F | int] = {}
    scale = F(factor)
    for base, exponent in units._units.items():
        if base in ("radian", "count"):
            continue
        if base == "gram":
            scale /= F(1000) ** int(exponent)
            exponents["kg"] = F(exponent)
        else:
            exponents[names[base]] = F(exponent)
    size, dimension = _from_si(scale, exponents)
    return Unit(name, dimension, size)


def power(unit: Unit, exponent: Fraction) -> Unit | None:
    """Return ``unit ** exponent``, or None if its size is not rational (``mV**(1/2)`` is fine)."""
    factor = _rational_power(unit.factor, exponent)
    if factor is None:
        return None
    shown = str(exponent) if exponent.denominator == 1 else f"({exponent})"
    base = f"({unit.text})" if "*" in unit.text or "/" in unit.text else unit.text
    text = unit.text if exponent == 1 else f"{base}**{shown}"
    return Unit(text, unit.dimension**exponent, factor)


def _rational_power(value: Fraction, exponent: Fraction) -> Fraction | None:
    if abs(exponent) > 64:
        return None
    raised = value**exponent.numerator
    if exponent.denominator == 1:
        return Fraction(raised)
    roots = [_root(n, exponent.denominator) for n in (raised.numerator, raised.denominator)]
    if roots[0] is None or roots[1] is None:
        return None
    return Fraction(roots[0], roots[1])


def _root(n: int, k: int) -> int | None:
    """Return the exact k-th root of ``n``, or None."""
    low, high = 0, 1 << (n.bit_length() // k + 1)
    while low < high:
        middle = (low + high) // 2
        if middle**k < n:
            low = middle + 1
        else:
            high = middle
    return low if low**k == n else None


_SHORT = ("ms", "mV", "pA", "nS", "pF", "GOhm", "um", "mmol", "K", "cd")
"""The coherent units that have names of their own, the most usual first."""

_NOUNS: Mapping[str, str] = MappingProxyType(
    {
        "ms": "a time",
        "mV": "a potential",
        "pA": "a current",
        "nS": "a conductance",
        "pF": "a capacitance",
        "GOhm": "a resistance",
        "um": "a length",
        "mmol": "an amount",
        "K": "a temperature",
        "cd": "a luminous intensity",
    }
)


def coherent_text(dimension: Dimension) -> str:
    """Return the coherent unit of a dimension as text, as short as it can be said."""
    exponents = dimension.exponents
    if all(e.denominator == 1 for e in exponents):
        short = _short_texts().get(tuple(int(e) for e in exponents))
        if short is not None:
            return short
    over = [(n, e) for n, e in zip(COHERENT, exponents, strict=True) if e > 0]
    under = [(n, -e) for n, e in zip(COHERENT, exponents, strict=True) if e < 0]

    def join(parts: list[tuple[str, Fraction]]) -> str:
        def one(name: str, e: Fraction) -> str:
            if e == 1:
                return name
            return f"{name}**{e}" if e.denominator == 1 else f"{name}**({e})"

        return "*".join(one(n, e) for n, e in parts)

    if not under:
        return join(over) or "1"
    bottom = join(under)
    return f"{join(over) or '1'}/{f'({bottom})' if len(under) > 1 else bottom}"


@lru_cache(maxsize=1)
def _short_texts() -> Mapping[tuple[int, ...], str]:
    """Return what the dimensions with a short name are called, by their exponents."""
    named = {n: tuple(int(e) for e in known(n).dimension.exponents) for n in _SHORT}
    found: dict[tuple[int, ...], str] = {(0,) * len(BASE): "1"}

    def add(text: str, *factors: tuple[str, int]) -> None:
        sums = (sum(named[n][i] * k for n, k in factors) for i in range(len(BASE)))
        found.setdefault(tuple(sums), text)

    for a in _SHORT:
        add(a, (a, 1))
    for a in _SHORT:
        add(f"1/{a}", (a, -1))
    pairs = [(a, b) for a in _SHORT for b in _SHORT if a != b]
    for a in _SHORT:
        add(f"{a}**2", (a, 2))
        add(f"1/{a}**2", (a, -2))
    for a, b in pairs:
        add(f"{a}*{b}", (a, 1), (b, 1))
    for a, b in pairs:
        add(f"{a}/{b}", (a, 1), (b, -1))
    for a, b in pairs:
        add(f"{a}/{b}**2", (a, 1), (b, -2))
        add(f"{a}/{b}**3", (a, 1), (b, -3))
    return MappingProxyType(found)


def noun(dimension: Dimension) -> str:
    """Return ``a time``, ``a current``, ...; ``""`` for a dimension without a name of its own."""
    return _NOUNS.get(coherent_text(dimension), "")


def simpler(unit: Unit) -> str:
    """Return a shorter text for ``unit``, as ``mV`` for ``pA*ms/pF``; ``""`` if there is none."""
    own = len(_NAME.findall(unit.text))
    text = coherent_text(unit.dimension)
    if own <= max(1, len(_NAME.findall(text))):
        return ""
    if unit.factor == 1:
        return text if text != "1" else ""
    return _prefixed().get((unit.dimension, unit.factor), "")


_NAME = re.compile(r"[A-Za-z]+")


@lru_cache(maxsize=1)
def _prefixed() -> Mapping[tuple[Dimension, Fraction], str]:
    """Return the electrical units with the usual prefixes, by dimension and size."""
    names = [p + n for n in ("V", "s", "A", "S", "F", "Ohm") for p in ("", *"munpkMG")]
    return MappingProxyType({(u.dimension, u.factor): u.text for u in map(known, names)})


def magnitude(value: Any, target: Unit | None) -> float:
    """Return ``value`` as a number in coherent units.

    Parameters
    ----------
    value : a number in the unit ``target``, or a quantity of the same dimension: a Pint quantity,
        or text such as ``"0.4 nA"``
    target : the declared unit, None for plain numbers

    Raises
    ------
    ValueError : the quantity has another dimension.
    TypeError : ``value`` is not a number.
    """
    if hasattr(value, "to_root_units") and hasattr(value, "dimensionality"):
        return _quantity_magnitude(value, target)
    if isinstance(value, str):
        return _text_magnitude(value, target)
    number = plain_number(value)
    return number if target is None else scaled(number, target)


def plain_number(value: Any) -> float:
    """Return a number without a unit.

    Raises
    ------
    TypeError : it is none.
    """
    if not isinstance(value, (str, bytes)):
        with suppress(TypeError, ValueError):
            return float(value)
    raise TypeError(f"{reprlib.repr(value)} is not a number")


_NUMBER = re.compile(r"\s*([-+]?(?:inf|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?))\s*(.*)")
_FACTOR = re.compile(r"\s*(?:(1)(?=\s*/)|([A-Za-z]+)(?:\s*(?:\*\*|\^)\s*(-?\d{1,2}))?)\s*")


def parse_unit(text: str) -> Unit | None:
    """Return the unit that ``text`` denotes, names with ``*``, ``/`` and ``**``; None if none."""
    result, rest, op = ONE, text, "*"
    while True:
        factor = _FACTOR.match(rest)
        if factor is None:
            return None
        if factor[2]:
            found = unit(factor[2])
            found = power(found, F(int(factor[3]))) if found is not None and factor[3] else found
            if found is None:
                return None
            result = result * found if op == "*" else result / found
        rest = rest[factor.end() :]
        if not rest:
            return result
        op, rest = rest[0], rest[1:]
        if op not in "*/":
            return None


def _text_magnitude(text: str, target: Unit | None) -> float:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise TypeError(f"{text!r} is not a number")
    number, unit_text = float(match[1]), match[2].strip()
    if not unit_text:
        return magnitude(number, target)
    given = parse_unit(unit_text)
    if given is None:
        raise ValueError(f"`{unit_text}` is no unit")
    wanted = target if target is not None else ONE
    if given.dimension != wanted.dimension:
        if wanted.dimension == ONE.dimension:
            raise ValueError(f"{text} is not a plain number")
        raise ValueError(f"{text} is not in {wanted.text} or a multiple of it")
    return scaled(number, given)


def scaled(number: float, unit: Unit) -> float:
    """Return ``number`` of ``unit`` in coherent units, rounded once."""
    if unit.factor == 1 or not math.isfinite(number):
        return number
    return float(Fraction(number) * unit.factor)


def _quantity_magnitude(value: Any, target: Unit | None) -> float:
    root = value.to_root_units()
    names = {
        "[mass]": "kg",
        "[length]": "m",
        "[time]": "s",
        "[current]": "A",
        "[temperature]": "K",
        "[substance]": "mol",
        "[luminosity]": "cd",
    }
    dimensionality = dict(root.dimensionality)
    exponents = {names[k]: F(v).limit_denominator(64) for k, v in dimensionality.items()}
    scale = F(1)
    if "[mass]" in dimensionality and "gram" in {str(u) for u in root._units}:
        scale = F(1, 1000) ** int(exponents["kg"])  # a registry whose root unit is the gram
    size, dimension = _from_si(scale, exponents)
    wanted = target.dimension if target is not None else Dimension()
    if dimension != wanted:
        expected = target.text if target is not None else "a plain number"
        raise ValueError(f"{value} is not in {expected} or a multiple of it")
    return float(Fraction(float(root.magnitude)) * size)
