"""Two programs timed side by side: CPU time, round by round in turn, in one process."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Times:
    """CPU seconds of one call: the least and the median of all rounds."""

    least: float
    median: float


@dataclass(frozen=True, slots=True)
class Row:
    """One task, done by two programs."""

    name: str
    ours: Times
    theirs: Times

    @property
    def ratio(self) -> float:
        """Return how many times faster ours is, by the least time of each."""
        return self.theirs.least / self.ours.least

    @property
    def median_ratio(self) -> float:
        return self.theirs.median / self.ours.median


def cpu_seconds(task: Callable[[], object]) -> float:
    """Return the CPU time of one call, with the garbage of what ran before collected first."""
    gc.collect()
    begin = time.process_time()
    task()
    return time.process_time() - begin


def paired(
    rows: Mapping[str, tuple[Callable[[], object], Callable[[], object]]], rounds: int
) -> tuple[Row, ...]:
    """Time (ours, theirs) of every row.

    In each round every row is timed once with either program, which of them first changing from
    round to round, so that what else the machine does meets both alike. Both are called once
    beforehand, untimed: imports and tables made at first use do not count.
    """
    for ours, theirs in rows.values():
        ours()
        theirs()
    seconds: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in rows}
    for k in range(rounds):
        for name, tasks in rows.items():
            for which in (0, 1) if k % 2 == 0 else (1, 0):
                seconds[name][which].append(cpu_seconds(tasks[which]))
    return tuple(
        Row(name, Times(min(a), median(a)), Times(min(b), median(b)))
        for name, (a, b) in seconds.items()
    )


def total(rows: Sequence[Row]) -> Row:
    """Return the sum over all rows."""

    def summed(times: Sequence[Times]) -> Times:
        return Times(sum(t.least for t in times), sum(t.median for t in times))

    return Row("total", summed([r.ours for r in rows]), summed([r.theirs for r in rows]))


def table(rows: Sequence[Row]) -> str:
    """Return the rows and their total as text, times in milliseconds of CPU."""
    lines = [
        f"{'':<40} {'ours, ms':>18} {'theirs, ms':>20} {'ratio':>16}",
        f"{'':<40} {'least':>9}{'median':>9} {'least':>10}{'median':>10} {'least':>8}{'median':>8}",
    ]
    for r in (*rows, total(rows)):
        ours = f"{1e3 * r.ours.least:9.2f}{1e3 * r.ours.median:9.2f}"
        theirs = f"{1e3 * r.theirs.least:10.2f}{1e3 * r.theirs.median:10.2f}"
        lines.append(f"{r.name:<40} {ours} {theirs} {r.ratio:8.1f}{r.median_ratio:8.1f}")
    return "\n".join(lines)
