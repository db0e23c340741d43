"""The random numbers of a core: Marsaglia's xorshift32.

The shifts (13, 17, 5) are those of Marsaglia (2003), J. Stat. Softw. 8(14); that the chip's
simulator uses them, current word first, then advance, was found by matching its published output.
"""

from __future__ import annotations

WORD = 0xFFFFFFFF


def advance(state: int) -> int:
    """Return the state after ``state``; both are also the random words. Zero would stay zero."""
    state ^= state << 13 & WORD
    state ^= state >> 17
    return state ^ (state << 5 & WORD)
