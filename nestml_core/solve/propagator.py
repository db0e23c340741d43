"""Exact steps of linear systems: propagators as path sums of divided differences.

For ``x' = A x + b`` with constant A and b, ``x(h) = P x(0) + D b`` with ``P = exp(A h)`` and
``D = integral of exp(A s) ds from 0 to h``. Where the variables depend on each other without a
cycle,

    P_ij = sum over paths i <- ... <- j of (product of couplings) * exp[a_i, ..., a_j],

where ``exp[...]`` is the divided difference of ``x -> exp(x h)`` over the rates (diagonal entries)
met on the path; D_ij is the same with one more rate, 0. Equal rates are no special case. Variables
in a cycle, and all that are connected with them, take a numeric matrix exponential instead.

References
----------
Rotter & Diesmann (1999), Biol. Cybern. 81:381-402 (exact integration).
Opitz (1964), Z. Angew. Math. Mech. 44:T52-T54 (divided differences as a matrix function).
Van Loan (1978), IEEE Trans. Autom. Control 23:395-404 (the integral from a block exponential).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nestml_core.expr import Expr, Symbol, ref
from nestml_core.solve.algebra import ONE, ZERO, expdd, is_zero, times, total
from nestml_core.solved import DT, MatrixExponential

Matrix = tuple[tuple[Expr, ...], ...]
Entry = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Exponential:
    """P and D of one linear system, entry by entry; entries that are zero are absent.

    ``numeric`` lists the groups of variables (indices) whose entries are not given as
    expressions but come from a matrix exponential.
    """

    propagator: tuple[tuple[Entry, Expr], ...]
    integral: tuple[tuple[Entry, Expr], ...]
    numeric: tuple[tuple[int, ...], ...]


def exponential(matrix: Matrix) -> Exponential:
    """Return ``exp(matrix * dt)`` and its integral.

    Parameters
    ----------
    matrix : (n, n), entry ij in (unit of x_i)/(unit of x_j)/ms
    """
    n = len(matrix)
    below = tuple(
        tuple(j for j in range(n) if j != i and not is_zero(matrix[i][j])) for i in range(n)
    )
    propagator: list[tuple[Entry, Expr]] = []
    integral: list[tuple[Entry, Expr]] = []
    numeric: list[tuple[int, ...]] = []
    for group in _connected(below):
        if _has_cycle(group, below):
            numeric.append(group)
            continue
        for i in group:
            sums: dict[int, list[tuple[Expr, Expr]]] = {}
            for path, coupling in _paths(i, matrix, below):
                rates = tuple(matrix[k][k] for k in path)
                terms = sums.setdefault(path[-1], [])
                h = ref(DT)
                terms.append(
                    (
                        times(coupling, expdd(h, rates)),
                        times(coupling, expdd(h, (*rates, ZERO))),
                    )
                )
            for j in sorted(sums):
                propagator.append(((i, j), total(p for p, _ in sums[j])))
                integral.append(((i, j), total(d for _, d in sums[j])))
    return Exponential(tuple(propagator), tuple(integral), tuple(numeric))


def _paths(
    start: int, matrix: Matrix, below: tuple[tuple[int, ...], ...]
) -> Iterator[tuple[tuple[int, ...], Expr]]:
    """Yield every path from ``start`` to what it depends on, with the product of its couplings."""
    waiting: list[tuple[tuple[int, ...], Expr]] = [((start,), ONE)]
    while waiting:
        path, coupling = waiting.pop()
        yield path, coupling
        i = path[-1]
        for j in reversed(below[i]):
            waiting.append(((*path, j), times(coupling, matrix[i][j])))


def _connected(below: tuple[tuple[int, ...], ...]) -> list[tuple[int, ...]]:
    """Return the groups of indices that are connected in either direction, in order."""
    n = len(below)
    near: list[set[int]] = [set(below[i]) for i in range(n)]
    for i in range(n):
        for j in below[i]:
            near[j].add(i)
    groups: list[tuple[int, ...]] = []
    seen: set[int] = set()
    for i in range(n):
        if i in seen:
            continue
        group, waiting = {i}, [i]
        while waiting:
            new = near[waiting.pop()] - group
            group |= new
            waiting.extend(new)
        seen |= group
        groups.append(tuple(sorted(group)))
    return groups


def _has_cycle(group: tuple[int, ...], below: tuple[tuple[int, ...], ...]) -> bool:
    left = set(group)
    while left:
        leaves = {i for i in left if not left.intersection(below[i])}
        if not leaves:
            return True
        left -= leaves
    return False


def reachable(matrix: Matrix, group: tuple[int, ...]) -> list[Entry]:
    """Return the entries ij of the exponential that are not zero: i depends on j."""
    found: list[Entry] = []
    for i in group:
        seen, waiting = {i}, [i]
        while waiting:
            k = waiting.pop()
            new = [j for j in group if j not in seen and not is_zero(matrix[k][j])]
            seen.update(new)
            waiting += new
        found += [(i, j) for j in group if j in seen]
    return found


def block_exponential(
    matrix: Matrix,
    group: tuple[int, ...],
    propagator: dict[Entry, Symbol],
    integral: dict[Entry, Symbol],
) -> MatrixExponential:
    """Return the exponential of ``[[A, 1], [0, 0]] * dt``, which holds P and D of ``group``.

    ``propagator`` and ``integral`` give the symbols of the entries that are wanted.
    """
    n = len(group)
    rows: list[tuple[Expr, ...]] = []
    names: list[tuple[Symbol | None, ...]] = []
    for a, i in enumerate(group):
        unit = tuple(ONE if b == a else ZERO for b in range(n))
        rows.append(tuple(matrix[i][j] for j in group) + unit)
        names.append(
            tuple(propagator.get((i, j)) for j in group)
            + tuple(integral.get((i, j)) for j in group)
        )
    rows += [(ZERO,) * (2 * n)] * n
    names += [(None,) * (2 * n)] * n
    return MatrixExponential(tuple(names), tuple(rows))
