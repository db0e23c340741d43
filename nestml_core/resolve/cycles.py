"""Definitions that need each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence


def cycles(needs: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Return cycles of ``needs``, each from its first member on, no two with a common member.

    Every name that takes part in a cycle leads to one of them. One walk along all needs, without
    recursion.
    """
    found: list[tuple[str, ...]] = []
    done: set[str] = set()
    taken: set[str] = set()
    path: dict[str, Iterator[str]] = {}  # the names on the way, in order, each with what is left
    for start in needs:
        following: str | None = start
        while True:
            if following in path:
                names = list(path)
                cycle = names[names.index(following) :]
                if taken.isdisjoint(cycle):
                    taken.update(cycle)
                    found.append(_from_first(cycle, needs))
            elif following is not None and following in needs and following not in done:
                done.add(following)
                path[following] = iter(needs[following])
            elif following is None:
                path.popitem()
            if not path:
                break
            following = next(path[next(reversed(path))], None)
    return tuple(found)


def _from_first(cycle: Sequence[str], needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return ``cycle`` so that it begins with the member that stands first in ``needs``."""
    first = next(name for name in needs if name in cycle)
    k = cycle.index(first)
    return (*cycle[k:], *cycle[:k])
