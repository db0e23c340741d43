"""Instances that share the functions of one compiled model do not see each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nestml_core.experiment import Experiment, schedule
from nestml_core.expr import Binary, Call, Expr, Kind, Ref, Symbol, number
from nestml_core.pipeline import check_sources
from nestml_core.reference.compiled import Compiled
from nestml_core.reference.expressions import DEEPEST, PROGRESS, Compiler, Slots, Values
from nestml_core.reference.instance import Instance
from nestml_core.solved import SolvedModel
from nestml_core.source import Source
from nestml_core.types import REAL

STEPS = 40

EVERYTHING = """
model everything:
    state:
        x real = 0
        n integer = 0
    equations:
        x' = (half(x) - x ** 3) / 10 ms
    parameters:
        shift real = 0
    output:
        spike
    update:
        integrate_odes()
        x += random_normal(0, 1) + shift
        k integer = 0
        while k < 3:
            n = n + random_poisson(2)
            k += 1
        if x > 0.5:
            println("x = {x}")
            emit_spike(drift(x))
    function half(a real) real:
        return a / 2
    function drift(a real) real:
        b real = half(a)
        return b + random_uniform(0, 0.1)
"""


def solved(text: str) -> SolvedModel:
    program = check_sources([Source("test.nestml", text)])
    assert program.value is not None, program.diagnostics
    (model,) = program.value.models
    return model


def instance(model: SolvedModel, seed: int, compiled: Compiled | None = None) -> Instance:
    experiment = Experiment(duration=STEPS * 0.1, dt=0.1, seed=seed, parameters={"shift": seed / 9})
    laid = schedule(experiment, model).value
    assert laid is not None
    return Instance(model, laid, compiled=compiled)


def outcome(x: Instance) -> tuple[object, ...]:
    """Return all that a run leaves behind."""
    values = [x.values[x.slots.at(d.symbol)] for d in x.model.state]
    p = x.progress
    return values, p.spike_steps, p.spike_weights, [d.message for d in p.messages], p.passes


def test_instances_in_turn_do_what_each_does_alone() -> None:
    model = solved(EVERYTHING)
    alone = [instance(model, seed) for seed in (1, 2, 3)]
    for x in alone:
        for k in range(1, STEPS + 1):
            x.step(k, {})
    shared = Compiled(model)
    together = [instance(model, seed, shared) for seed in (1, 2, 3)]
    for k in range(1, STEPS + 1):
        for x in together:
            x.step(k, {})
    assert [outcome(x) for x in together] == [outcome(x) for x in alone]
    assert all(x.progress.spike_steps and x.progress.messages for x in together)
    assert outcome(together[0]) != outcome(together[1])


def test_whoever_was_last_a_function_means_the_values_it_is_given() -> None:
    model = solved(EVERYTHING)
    shared = Compiled(model)
    first, last = instance(model, 1, shared), instance(model, 2, shared)
    for k in range(1, STEPS + 1):
        last.step(k, {})
    before = outcome(last), str(last.progress.random.bit_generator.state)
    shared.update(first.values)
    assert (outcome(last), str(last.progress.random.bit_generator.state)) == before
    assert first.progress.passes == 3
    (x, _) = (d.symbol for d in model.state)
    assert first.values[first.slots.at(x)] != 0


@pytest.mark.parametrize("depth", [1, 2 * DEEPEST])
def test_calls_get_the_values_however_deep_they_stand(depth: int) -> None:
    seen: list[Values] = []

    def called(name: str) -> Callable[..., float]:
        def call(v: Values, *arguments: float) -> float:
            seen.append(v)
            return sum(arguments) + len(name)

        return call

    x = Symbol("x", Kind.STATE, REAL)
    inner = Call("scaled", (Ref(x), number(2)))
    deep: Expr = Binary("+", inner, Binary("*", Call("one", ()), Call("two", (number(5),))))
    for _ in range(depth):
        deep = Call("abs", (deep,))
    slots = Slots()
    evaluate = Compiler(slots, called).expr(deep)
    v: Values = [0.0] * len(slots)
    v[slots.at(x)] = -100.0
    assert evaluate(v) == abs(-100 + 2 + len("scaled") + 3 * (5 + 3))
    assert len(seen) == 3
    assert all(s is v for s in seen)


def test_no_symbol_lives_where_the_progress_is() -> None:
    model = solved(EVERYTHING)
    x = instance(model, 1)
    symbols: list[Symbol] = [d.symbol for d in (*model.state, *model.parameters)]
    assert x.values[PROGRESS] is x.progress
    assert all(x.slots.at(s) != PROGRESS for s in symbols)
