"""Equation analysis against ODE-toolbox: ``tox -e bench``.

Both analyse the same equations, those of the corpus and of the models that the reference toolchain
ships, in one process, in turn: its ``odetoolbox.analysis`` from formulas as text, as the reference
toolchain calls it (no stiffness test); our ``solve`` from the resolved model to all that a step
computes. Times are of the CPU, in a warm process.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import logging
import signal
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import files
from pathlib import Path
from statistics import median

from odetoolbox_input import shape
from pairing import Row, Times, cpu_seconds, table, total

import nestml_core
from nestml_core.model import Model
from nestml_core.pipeline import library_models, read, resolved_models
from nestml_core.solve import solve

CORPUS = Path(nestml_core.__file__).parent / "testing" / "corpus"

LONGEST = 60.0
"""CPU seconds after which ODE-toolbox is stopped; its time then counts as this."""


def models() -> list[Model]:
    """Return all models with equations, of the corpus and of the reference toolchain's package."""
    listed = files("nestml") or ()
    found = [Path(str(f.locate())) for f in listed if f.name.endswith(".nestml")]
    shipped = sorted((p for p in found if "models" in p.parts), key=lambda p: p.stem)
    result: list[Model] = []
    for path in (*sorted(CORPUS.glob("*.nestml")), *library_models(), *shipped):
        source = read(path).value
        if source is None:
            raise ValueError(f"{path} cannot be read")
        result += resolved_models(source).value or ()
    return result


def ours(model: Model) -> None:
    if solve(model).value is None:
        raise ValueError(f"{model.name} is not solved")


class TooLong(Exception):
    """ODE-toolbox takes longer than it is given."""


def out_of_time(*_: object) -> None:
    raise TooLong


def theirs(analysis: Callable[..., object], equations: dict[str, object]) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        analysis(
            copy.deepcopy(equations),
            disable_stiffness_check=True,
            preserve_expressions=True,
            log_level="CRITICAL",
        )


def measured(model: Model, call: Callable[[], None], rounds: int) -> Row | str:
    """Time both on one model, in turn; return why if ODE-toolbox cannot.

    ODE-toolbox takes seconds, so that a round of its own to warm up would only double the time;
    it has analysed another model before.
    """
    ours(model)
    mine: list[float] = []
    its: list[float] = []
    for _ in range(rounds):
        mine += [cpu_seconds(partial(ours, model)) for _ in range(3)]
        signal.setitimer(signal.ITIMER_PROF, LONGEST)
        try:
            its.append(cpu_seconds(call))
        except TooLong:
            its.append(LONGEST)
        except (Exception, SystemExit) as problem:
            return f"{type(problem).__name__}: {problem}"[:100]
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)
        mine += [cpu_seconds(partial(ours, model)) for _ in range(3)]
    return Row(model.name, Times(min(mine), median(mine)), Times(min(its), median(its)))


def main() -> int:
    """Print the table; return 1 if a target is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=1)
    options.add_argument("--only", default="", help="models whose name contains this")
    chosen = options.parse_args()

    from odetoolbox import analysis

    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGPROF, out_of_time)
    theirs(analysis, {"dynamics": [{"expression": "x' = -x / 10", "initial_value": "1"}]})
    rows: list[Row] = []
    for model in models():
        equations = shape(model)
        if equations is None or chosen.only not in model.name:
            continue
        found = measured(model, partial(theirs, analysis, equations), chosen.rounds)
        if isinstance(found, Row):
            rows.append(found)
            print(table([found]).splitlines()[2], flush=True)
        else:
            print(f"{model.name}: ODE-toolbox gives up: {found}", flush=True)
    print(table(rows))
    whole = total(rows)
    slowest = max(r.ours.least for r in rows)
    least = min(r.ratio for r in rows)
    print(f"total {whole.ratio:.0f}x, least {least:.0f}x, our slowest {slowest * 1e3:.1f} ms")
    return 0 if whole.ratio >= 100 and least >= 10 and slowest < 0.02 else 1


if __name__ == "__main__":
    sys.exit(main())
