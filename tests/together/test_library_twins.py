"""The neurons of the library in NEST: all of them run, and those it has built in do the same.

The reference interpreter computes each twin, and so does code generated for NEST, in one module for
all of the library, on one and on two threads. With ``NESTML_LONG_TWINS=1`` all stimuli run to their
end, on the reference too, and once more with steps of 0.01 ms; without, there is a choice of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from library_twins import TWINS, Stimulus, Twin, experiment, job
from nest_builtin import EACH_LINE, RESULT
from together_tools import need, need_nest

from nestml_core.backend import Artifact
from nestml_core.experiment import Experiment, Schedule, schedule
from nestml_core.pipeline import compile_files, generate, library_models, write_files
from nestml_core.reference import constants, simulate
from nestml_core.solve import SolveOptions
from nestml_core.solved import SolvedModel, SolvedProgram
from nestml_core.stimuli import with_input

IS_LONG = os.environ.get("NESTML_LONG_TWINS") == "1"
STEPS = (0.1, 0.01) if IS_LONG else (0.1,)
LONGEST = {0.1: 500.0 if IS_LONG else 200.0, 0.01: 100.0}
"""The duration, in ms, by the step."""

THREADS = (1, 2)

Values = Mapping[str, np.ndarray]

InNest = Callable[[list[dict[str, Any]]], list[Values]]


def cases(*, is_choice: bool) -> list[Any]:
    """Return all stimuli of all twins, or one of each."""

    def wanted(twin: Twin) -> list[str]:
        names = list(twin.stimuli)
        return ["Poisson" if "Poisson" in names else names[-1]] if is_choice else names

    return [
        pytest.param(twin, name, dt, id=f"{twin.model}, {name}, dt {dt:g}")
        for dt in STEPS
        for twin in TWINS
        for name in wanted(twin)
    ]


NEURONS = tuple(p.stem for p in library_models() if p.parent.name == "neurons")


@cache
def models() -> Mapping[str, SolvedModel]:
    """Return all neurons, those with a twin by the method that is compared."""
    wanted = {t.model: t.integrator for t in TWINS}
    found: dict[str, SolvedModel] = {}
    for method in dict.fromkeys(wanted.get(n) for n in NEURONS):
        names = [n for n in NEURONS if wanted.get(n) == method]
        program = compile_files(names, SolveOptions(method)).value
        assert program is not None
        found |= {m.name: m for m in program.models}
    return found


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Return an extension module with all neurons."""
    need_nest()
    need("nest")
    from nestml_nest.backend import NestBackend
    from nestml_nest.options import Options

    backend, options = NestBackend(), Options(optimization="1")
    program = SolvedProgram(tuple(models().values()))
    files = generate(program, backend, options)
    assert files.value is not None
    folder = tmp_path_factory.mktemp("twins")
    write_files(files.value, folder)
    made = backend.compile(program, folder, options)
    assert made.value is not None, made.diagnostics
    return made.value


def chosen(twin: Twin, name: str, dt: float) -> Stimulus:
    stimulus = twin.stimuli[name]
    return replace(stimulus, duration=min(stimulus.duration, LONGEST[dt]))


def defaults(model: SolvedModel) -> dict[str, Any]:
    """Return the defaults of all parameters, in declared units."""
    values = constants(model).value
    assert values is not None

    def outside(value: Any, factor: float) -> Any:
        if isinstance(value, tuple):
            return [outside(v, factor) for v in value]
        return value if isinstance(value, (bool, int, str)) else value / factor

    return {
        s.name: outside(values[s], float(s.type.unit.factor) if s.type.unit else 1.0)
        for s in (d.symbol for d in model.parameters)
    }


def ours(twin: Twin, stimulus: Stimulus, module: Path) -> dict[str, Any]:
    """Return the job for the model that is generated."""
    from nestml_nest.addresses import spike_addresses, status_keys
    from nestml_nest.lower import generated_name
    from nestml_nest.options import Options

    model = models()[twin.model]
    addresses = {p.name: a for p, a in spike_addresses(model).items()}
    keys = {s.name: key for s, key in status_keys(model).items()}
    trains = [
        {
            "events": events,
            "weight": -1.0 if addresses[port].sign < 0 else 1.0,
            "receptor": addresses[port].receptor,
        }
        for port, events in stimulus.spikes.items()
    ]
    result: dict[str, Any] = {
        "modules": [str(module)],
        "model": generated_name(model, Options()),
        "parameters": {keys[name]: value for name, value in stimulus.parameters.items()},
        "trains": trains,
        "record": [keys[name] for name in twin.record],
        "duration": stimulus.duration,
    }
    if stimulus.current is not None:
        result["current"] = stimulus.current
    return result


@pytest.fixture(scope="session")
def in_nest() -> Iterator[InNest]:
    """Return what runs jobs in NEST, all of them in one process as long as it lives."""
    need_nest()
    script = Path(__file__).with_name("nest_builtin.py")
    running: list[subprocess.Popen[str]] = []

    def run(jobs: list[dict[str, Any]]) -> list[Values]:
        if not running or running[-1].poll() is not None:
            command = [sys.executable, str(script), EACH_LINE]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            running.append(subprocess.Popen(command, **pipes))
        process = running[-1]
        process.stdin.write(json.dumps(jobs) + "\n")
        process.stdin.flush()
        answer = next((x for x in process.stdout if x.startswith(RESULT)), None)
        assert answer is not None, f"NEST has ended with status {process.wait()}"
        found = json.loads(answer.removeprefix(RESULT))
        return [{name: np.array(values) for name, values in one.items()} for one in found]

    yield run
    for process in running:
        process.stdin.close()
        process.stdout.close()
        process.wait()


@cache
def built_in(model: str, name: str, dt: float, run: InNest) -> Values:
    """Return what NEST's own model does with a stimulus."""
    (twin,) = (t for t in TWINS if t.model == model)
    (found,) = run([job(twin, chosen(twin, name, dt), defaults(models()[model])) | {"dt": dt}])
    return found


def differences(
    twin: Twin, tolerance: Mapping[str, float], want: Values, values: Values, laid: Schedule
) -> Iterator[str]:
    """Yield what is not as in NEST; ``values`` are by our names, and ``spikes`` are steps."""
    dt, steps = laid.dt, laid.steps
    expected = np.ceil(want["spikes"] / dt - 1e-6).astype(int)
    expected = expected[expected <= steps]  # NEST runs longer
    spikes = values["spikes"]
    spikes = spikes[spikes <= steps]
    if spikes.tolist() != expected.tolist():
        yield f"spikes in the steps {spikes.tolist()}, in NEST in {expected.tolist()}"
    for name, theirs in twin.record.items():
        sign = -1.0 if name in twin.opposite else 1.0
        error = np.abs(values[name][:steps] - sign * want[theirs][:steps])
        if not error.max() <= tolerance[name]:
            place = int(np.argmax(error))
            yield f"{name} is {error[place]:.3g} off at {(place + 1) * dt:g} ms ({twin.reason})"


def laid_out(twin: Twin, name: str, dt: float) -> Schedule:
    wanted = replace(experiment(twin, chosen(twin, name, dt)), dt=dt)
    laid = schedule(wanted, models()[twin.model]).value
    assert laid is not None
    return laid


@pytest.mark.parametrize(("twin", "name", "dt"), cases(is_choice=not IS_LONG))
def test_the_reference_does_as_nest_does(twin: Twin, name: str, dt: float, in_nest: InNest) -> None:
    laid = laid_out(twin, name, dt)
    found = simulate(models()[twin.model], laid, accurate=twin.integrator is None).value
    assert found is not None
    want = built_in(twin.model, name, dt, in_nest)
    if laid.steps * dt == twin.stimuli[name].duration:
        assert len(want["spikes"]) > 2, "the stimulus must make the neuron fire"
    values = {**found.values, "spikes": found.spike_steps}
    problems = [*differences(twin, twin.tolerance, want, values, laid)]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize(("twin", "name", "dt"), cases(is_choice=False))
def test_what_is_generated_does_as_nest_does(
    twin: Twin, name: str, dt: float, *, threads: int, artifact: Artifact, in_nest: InNest
) -> None:
    from nestml_nest.addresses import status_keys

    task = ours(twin, chosen(twin, name, dt), artifact.product)
    (found,) = in_nest([{**task, "dt": dt, "threads": threads}])
    keys = {s.name: key for s, key in status_keys(models()[twin.model]).items()}
    values = {record: found[keys[record]] for record in twin.record}
    values["spikes"] = np.rint(found["spikes"] / dt).astype(int)
    want = built_in(twin.model, name, dt, in_nest)
    tolerance = twin.own or twin.tolerance
    problems = [*differences(twin, tolerance, want, values, laid_out(twin, name, dt))]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", NEURONS)
def test_every_neuron_runs_with_input(name: str, artifact: Artifact) -> None:
    """For 200 ms, with input on all ports."""
    from nestml_nest.backend import NestBackend

    model = models()[name]
    wanted, _ = with_input(model, Experiment(duration=200.0, dt=0.1), 20.0)
    laid = schedule(wanted, model).value
    assert laid is not None
    found = NestBackend().simulate(artifact, model, laid)
    assert found.value is not None, found.diagnostics
    assert [n for n, values in found.value.values.items() if not np.isfinite(values).all()] == []
