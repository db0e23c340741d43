"""Exact steps of linear systems: propagators as path sums of divided differences.

For ``x' = A x + b`` with constant A and b, ``x(h) = P x(0) + D b`` with ``P = exp(A h)`` and
``D = integral of exp(A s) ds from 0 to h``. P is the inverse Laplace transform of
``R(z) = 1 / (z - A)``. Where the variables depend on each other without a cycle,

    R_ij = sum over paths i <- ... <- j of (product of couplings) / ((z - a_i) ... (z - a_j)),

with the rates (diagonal entries) met on the path, and the transform of ``1 / ((z - a) ... )`` is
the divided difference ``exp[a, ...]`` of ``x -> exp(x h)`` over these rates. Equal rates are no
special case. D_ij is the same with one more rate, 0.

Two states that depend on each other (a block B, such as g and g' of an alpha function) are one
stop on such a path if their rates r and s can be written down: ``r + s = trace B``,
``r s = det B``, and ``1 / (z - B) = 1 / (z - s) + (B - s) / ((z - r) (z - s))``.

What remains takes a numeric matrix exponential: larger cycles, cycles whose rates have no formula
or are complex, and what a path through such a cycle connects; nothing else does.

References
----------
Rotter & Diesmann (1999), Biol. Cybern. 81:381-402 (exact integration).
Opitz (1964), Z. Angew. Math. Mech. 44:T52-T54 (divided differences as a matrix function).
Van Loan (1978), IEEE Trans. Autom. Control 23:395-404 (the integral from a block exponential).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from nestml_core.expr import Expr, Symbol, ref
from nestml_core.solve import laurent
from nestml_core.solve.algebra import ONE, ZERO, expdd, is_zero, plus, times, total
from nestml_core.solved import DT, MatrixExponential

Matrix = tuple[tuple[Expr, ...], ...]
Entry = tuple[int, int]
Rates = tuple[Expr, ...]
Sum = dict[frozenset[tuple[Expr, int]], tuple[Rates, Expr]]
"""``sum of coupling / product of (z - rate)``; the key tells the rates apart from their order."""

MAX_RATES = 8
"""The longest divided difference that is accurate to a few units in the last place."""

MAX_TERMS = 32
"""The most terms of one entry; beyond that a numeric matrix exponential is shorter."""


@dataclass(frozen=True, slots=True)
class Numeric:
    """A matrix exponential of the variables ``group``, which yields ``entries``."""

    group: tuple[int, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Exponential:
    """P and D of one linear system, entry by entry; entries that are zero are absent.

    Every other entry is either an expression or in one of ``numeric``.
    """

    propagator: tuple[tuple[Entry, Expr], ...]
    integral: tuple[tuple[Entry, Expr], ...]
    numeric: tuple[Numeric, ...]


def exponential(matrix: Matrix, rows: int) -> Exponential:
    """Return the first ``rows`` rows of ``exp(matrix * dt)`` and of its integral.

    Parameters
    ----------
    matrix : (n, n), entry ij in (unit of x_i)/(unit of x_j)/ms
    """
    graph = _Graph(matrix)
    h = ref(DT)
    propagator: list[tuple[Entry, Expr]] = []
    integral: list[tuple[Entry, Expr]] = []
    numeric: set[Entry] = set()
    for i in range(rows):
        for j, terms in graph.row(i):
            if terms is None:
                numeric.add((i, j))
                continue
            found = [(times(c, expdd(h, r)), times(c, expdd(h, (*r, ZERO)))) for r, c in terms]
            propagator.append(((i, j), total(p for p, _ in found)))
            integral.append(((i, j), total(d for _, d in found)))
    return Exponential(tuple(propagator), tuple(integral), tuple(graph.grouped(numeric)))


class _Graph:
    """Which variable depends on which, in blocks of variables that depend on each other."""

    def __init__(self, matrix: Matrix) -> None:
        self.matrix = matrix
        n = len(matrix)
        self.below = [
            [j for j, e in enumerate(row) if j != i and e is not ZERO and not is_zero(e)]
            for i, row in enumerate(matrix)
        ]
        self.reach = [self._reach(i) for i in range(n)]
        self.block = [
            tuple(j for j in sorted(self.reach[i]) if i in self.reach[j]) for i in range(n)
        ]
        self.inside: dict[tuple[int, ...], Mapping[Entry, Sum] | None] = {
            b: _resolvent(matrix, b) for b in dict.fromkeys(self.block)
        }

    def _reach(self, start: int) -> set[int]:
        seen, waiting = {start}, [start]
        while waiting:
            for j in self.below[waiting.pop()]:
                if j not in seen:
                    seen.add(j)
                    waiting.append(j)
        return seen

    def row(self, i: int) -> Iterator[tuple[int, list[tuple[Rates, Expr]] | None]]:
        """Yield the columns of row i that are not zero, with their sums; None: no closed form."""
        sums: dict[int, Sum | None] = {}
        for block in self._downwards(i):
            inside = self.inside[block]
            entering = {k: self._entering(sums, k) for k in block} if i not in block else {}
            if i in block:
                entering = {k: ({frozenset(): ((), ONE)} if k == i else {}) for k in block}
            for j in block:
                if inside is None or any(e is None for e in entering.values()):
                    sums[j] = None
                    continue
                found: Sum = {}
                for k, e in entering.items():
                    _add(found, _product(e or {}, inside.get((k, j), {})))
                sums[j] = found if _is_short(found) else None
        for j in sorted(sums):
            terms = sums[j]
            if terms is None:
                yield j, None
            elif terms:
                yield j, list(terms.values())

    def _entering(self, sums: Mapping[int, Sum | None], k: int) -> Sum | None:
        """Return what the row has come to before it enters the block of ``k`` there."""
        found: Sum = {}
        for m, before in sums.items():
            if m in self.block[k] or is_zero(self.matrix[m][k]):
                continue
            if before is None:
                return None
            _add(found, {key: (r, times(c, self.matrix[m][k])) for key, (r, c) in before.items()})
        return found

    def _downwards(self, i: int) -> list[tuple[int, ...]]:
        """Return the blocks that ``i`` depends on, each after those that depend on it."""
        blocks = dict.fromkeys(self.block[j] for j in sorted(self.reach[i]))
        return sorted(blocks, key=lambda b: -len(self.reach[b[0]]))

    def grouped(self, entries: set[Entry]) -> Iterator[Numeric]:
        """Yield the smallest sets of variables whose exponentials hold ``entries``."""
        between = {
            (i, j): frozenset(k for k in self.reach[i] if j in self.reach[k])
            for i, j in sorted(entries)
        }
        groups: list[set[int]] = []
        for needed in between.values():
            apart = [g for g in groups if not g & needed]
            groups = [*apart, set(needed).union(*(g for g in groups if g & needed))]
        for group in sorted(map(sorted, groups)):
            inside = set(group)
            yield Numeric(
                tuple(group), tuple(e for e, needed in between.items() if needed <= inside)
            )


def _key(rates: Rates) -> frozenset[tuple[Expr, int]]:
    return frozenset((r, rates.count(r)) for r in rates)


def _add(to: Sum, more: Sum) -> None:
    for key, (rates, c) in more.items():
        to[key] = (to[key][0], plus(to[key][1], c)) if key in to else (rates, c)


def _product(a: Sum, b: Sum) -> Sum:
    found: Sum = {}
    for r, c in a.values():
        for s, d in b.values():
            both = (*r, *s)
            _add(found, {_key(both): (both, times(c, d))})
    return found


def _is_short(found: Sum) -> bool:
    longest = max((len(r) for r, _ in found.values()), default=0)
    return len(found) <= MAX_TERMS and longest < MAX_RATES


def _resolvent(matrix: Matrix, block: tuple[int, ...]) -> Mapping[Entry, Sum] | None:
    """Return ``1 / (z - B)`` of a block entry by entry, or None if there is no formula for it."""
    if len(block) == 1:
        (i,) = block
        rates = (matrix[i][i],)
        return {(i, i): {_key(rates): (rates, ONE)}}
    if len(block) > 2:
        return None
    i, j = block
    found = _two_rates(matrix[i][i], matrix[i][j], matrix[j][i], matrix[j][j])
    if found is None:
        return None
    one, other = found
    entries: dict[Entry, Sum] = {}
    for k in block:
        for m in block:
            c = _difference(matrix[k][k], other) if k == m else matrix[k][m]
            terms: Sum = {_key((other,)): ((other,), ONE)} if k == m else {}
            if not is_zero(c):
                terms[_key((one, other))] = ((one, other), c)
            entries[k, m] = terms
    return entries


def _difference(a: Expr, b: Expr) -> Expr:
    atoms = laurent.Atoms()
    return atoms.expr(laurent.plus(atoms.read(a), atoms.read(b), Fraction(-1)))


def _two_rates(a: Expr, b: Expr, c: Expr, d: Expr) -> tuple[Expr, Expr] | None:
    """Return the eigenvalues of ``[[a, b], [c, d]]`` if they are real, whatever the parameters.

    They are where ``(a - d)^2 + 4 b c`` is the square of a sum of products.
    """
    atoms = laurent.Atoms()
    p, q, r, s = map(atoms.read, (a, b, c, d))
    gap = laurent.plus(p, s, Fraction(-1))
    square = laurent.plus(laurent.product(gap, gap), laurent.product(q, r), Fraction(4))
    root = laurent.square_root(square)
    if root is None:
        return None
    half = laurent.constant(Fraction(1, 2))
    trace = laurent.plus(p, s)
    plus_, minus_ = (
        laurent.product(half, laurent.plus(trace, root, Fraction(sign))) for sign in (1, -1)
    )
    return atoms.expr(plus_), atoms.expr(minus_)


def block_exponential(
    matrix: Matrix,
    group: tuple[int, ...],
    propagator: Mapping[Entry, Symbol],
    integral: Mapping[Entry, Symbol],
) -> MatrixExponential:
    """Return the exponential of ``[[A, 1], [0, 0]] * dt``, which holds P and D of ``group``.

    ``propagator`` and ``integral`` give the symbols of the entries that are wanted; the second
    column of blocks has the columns of D only in which there are any.
    """
    driven = sorted({j for _, j in integral})
    size = len(group) + len(driven)
    rows: list[tuple[Expr, ...]] = []
    names: list[tuple[Symbol | None, ...]] = []
    for i in group:
        unit = tuple(ONE if i == j else ZERO for j in driven)
        rows.append(tuple(matrix[i][j] for j in group) + unit)
        names.append(
            tuple(propagator.get((i, j)) for j in group)
            + tuple(integral.get((i, j)) for j in driven)
        )
    rows += [(ZERO,) * size] * len(driven)
    names += [(None,) * size] * len(driven)
    return MatrixExponential(tuple(names), tuple(rows))
