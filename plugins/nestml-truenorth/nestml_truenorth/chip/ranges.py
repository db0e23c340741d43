"""The short notation for arrays of integers in program files.

An item is a number, ``"vxN"`` (v, N times), ``"a:b"`` (a, a+1, ..., b) or ``"a:step:b"``, both
ends included.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

ITEM = re.compile(r"(-?\d+)(?:x(\d+)|:(-?\d+)(?::(-?\d+))?)?")
SHORTEST = 3
"""The shortest run that is worth a range."""

LONGEST = 2**16


def expand(items: Iterable[object]) -> tuple[int, ...]:
    """Return the numbers that ``items`` stand for.

    Raises
    ------
    ValueError : an item is neither a number nor a range.
    """
    numbers: list[int] = []
    for item in items:
        numbers += _expanded(item)
        if len(numbers) > LONGEST:
            raise ValueError(f"an array of more than {LONGEST} numbers")
    return tuple(numbers)


def compress(numbers: Sequence[int]) -> tuple[int | str, ...]:
    """Return the short notation of ``numbers``: what ``expand`` turns back into them."""
    items: list[int | str] = []
    at = 0
    while at < len(numbers):
        length = _run_length(numbers, at)
        if length < SHORTEST:
            items.append(numbers[at])
            at += 1
            continue
        first, last = numbers[at], numbers[at + length - 1]
        step = numbers[at + 1] - first
        if step == 0:
            items.append(f"{first}x{length}")
        elif step == 1:
            items.append(f"{first}:{last}")
        else:
            items.append(f"{first}:{step}:{last}")
        at += length
    return tuple(items)


def _run_length(numbers: Sequence[int], at: int) -> int:
    """Return how many numbers from ``at`` on have one distance to the next."""
    if at + 1 == len(numbers):
        return 1
    step = numbers[at + 1] - numbers[at]
    end = at + 1
    while end + 1 < len(numbers) and numbers[end + 1] - numbers[end] == step:
        end += 1
    return end - at + 1


def _expanded(item: object) -> Sequence[int]:
    if type(item) is int:
        return (item,)
    match = ITEM.fullmatch(item) if isinstance(item, str) else None
    if match is None:
        raise ValueError(f"{item!r} is not a number or a range")
    first, times, second, third = match.groups()
    if times is not None:
        if int(times) > LONGEST:
            raise ValueError(f"{item!r} is too long")
        return (int(first),) * int(times)
    if second is None:
        return (int(first),)
    step, last = (1, int(second)) if third is None else (int(second), int(third))
    if step == 0 or (last - int(first)) * step < 0 or (last - int(first)) // step > LONGEST:
        raise ValueError(f"{item!r} is not a range")
    return range(int(first), last + (1 if step > 0 else -1), step)
