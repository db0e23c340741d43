"""The random numbers of a core: Marsaglia's xorshift32.

The shifts (13, 17, 5) are those of Marsaglia (2003), J. Stat. Softw. 8(14); that the chip's
simulator uses them, current word first, then advance, was found by matching its published output.
"""

from __future__ import annotations

from functools import cache

WORD = 0xFFFFFFFF


def advance(state: int) -> int:
    """Return the state after ``state``; both are also the random words. Zero would stay zero."""
    state ^= state << 13 & WORD
    state ^= state >> 17
    return state ^ (state << 5 & WORD)


@cache
def jump_table(steps: int) -> tuple[int, ...]:
    """Return how to advance by ``steps`` at once: 4 tables of 256 words, one for each byte.

    Advancing is linear over bits: the state after ``steps`` is the exclusive or of the table
    entries of the four bytes, the lowest first.
    """
    images = [1 << bit for bit in range(32)]
    power = [advance(1 << bit) for bit in range(32)]
    while steps:
        if steps & 1:
            images = [_applied(power, x) for x in images]
        power = [_applied(power, x) for x in power]
        steps >>= 1
    return tuple(_applied(images, value << 8 * byte) for byte in range(4) for value in range(256))


def _applied(images: list[int], word: int) -> int:
    """Return the image of ``word`` under the linear map that takes bit i to ``images[i]``."""
    result = 0
    for bit in range(32):
        if word >> bit & 1:
            result ^= images[bit]
    return result
