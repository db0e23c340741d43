"""What a backend must do to be one, as a pytest class to derive from."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import jinja2
import numpy as np
import pytest
from jinja2 import nodes

from nestml_core.backend import API_VERSION, Artifact, Backend, Feature, Supports, features
from nestml_core.diagnostics import Diagnostic, Result, render
from nestml_core.experiment import Experiment, FloatArray, Schedule, Trace, schedule
from nestml_core.pipeline import generate, write_files
from nestml_core.reference import simulate
from nestml_core.solved import ModelKind, SolvedModel, SolvedProgram
from nestml_core.source import NOWHERE
from nestml_core.testing import corpus
from nestml_core.testing.explained import codes_of, explanations_of, mismatches, wrong_examples
from nestml_core.testing.fingerprint import digest, digests
from nestml_core.testing.networks import disagreements

REQUIRE = "NESTML_REQUIRE_TOOLCHAINS"
"""Environment variable: if it is 1, a missing toolchain fails instead of skipping."""

BANNED = (
    nodes.Call,
    nodes.Assign,
    nodes.AssignBlock,
    nodes.BinExpr,
    nodes.Compare,
    nodes.Getitem,
    nodes.Concat,
    nodes.CondExpr,
    nodes.Test,
    nodes.Macro,
    nodes.CallBlock,
    nodes.Import,
    nodes.FromImport,
)
"""What a template may not contain: it lays files out and decides nothing."""

ABILITIES = frozenset({Feature.COMPILE, Feature.SIMULATE})

Files = Mapping[str, str | bytes]


@dataclass(frozen=True, eq=False, slots=True)
class Reply:
    """What a backend did with a model: its files, or its refusal."""

    model: SolvedModel
    result: Result[Files]

    @property
    def accepted(self) -> bool:
        return self.result.value is not None

    @property
    def refusal(self) -> str:
        return "\n".join(render(d) for d in self.result.diagnostics)


BUILDS = pytest.StashKey[dict[type[Any], "Builds"]]()
"""Where a test session keeps what it has built, by test class."""


class BackendConformance:
    """Derive from this, set ``backend``, and pytest holds the backend to what it claims.

    Attributes
    ----------
    backend : an instance of the backend
    option_sets : further values of options to go through, by option name
    time_steps : the steps, in ms, with which models are executed
    """

    backend: ClassVar[Backend[Any, Any]]
    option_sets: ClassVar[Sequence[Mapping[str, Any]]] = ()
    time_steps: ClassVar[Sequence[float]] = (0.1, 1.0)

    def options_for(self, options: Any, experiment: Experiment) -> Any:
        """Return the options with which to build for ``experiment``; for those fixed in the build.

        A target whose code knows the step, say, returns ``replace(options, dt=experiment.dt)``.
        """
        return options

    # What a backend says about itself

    def test_describes_itself(self) -> None:
        b = self.backend
        assert isinstance(b, Backend)
        assert b.api == API_VERSION
        assert re.fullmatch(r"[a-z][a-z0-9-]*", b.name), "a name for a command line"
        assert re.match(r"\d+\.\d+", b.version)
        assert b.summary.strip()
        assert "\n" not in b.summary
        assert isinstance(b.supports, Supports)
        assert 0 < b.supports.tolerance < 1
        simulates = Feature.SIMULATE in b.supports.features
        assert not simulates or type(b).simulate is not Backend.simulate
        compiles = Feature.COMPILE in b.supports.features
        assert not compiles or type(b).compile is not Backend.compile
        assert b.supports.networks == (type(b).simulate_network is not Backend.simulate_network)

    def test_options_are_documented_and_have_defaults(self) -> None:
        kind = self.backend.options
        assert dataclasses.is_dataclass(kind)
        assert kind.__dataclass_params__.frozen, "options are a value"  # type: ignore[attr-defined]
        for f in dataclasses.fields(kind):
            has_default = f.default is not dataclasses.MISSING
            has_factory = f.default_factory is not dataclasses.MISSING
            assert has_default or has_factory, f"{f.name} has no default"
            help = f.metadata.get("help", "")
            assert isinstance(help, str), f"{f.name}: help is not text"
            assert len(help) > 5, f"{f.name} has no help"
        assert kind() == kind(), "options are compared by value"
        for given in self.option_sets:
            assert kind(**given) != kind(), f"{given} are the defaults"

    def test_toolchain_says_what_is_missing(self) -> None:
        for tool in self.backend.toolchain().tools:
            assert tool.name
            assert tool.found or tool.install, (
                f"{tool.name} is missing, and nothing says how to get it"
            )

    def test_codes_are_explained(self) -> None:
        """Each code of the backend has a file in ``explanations``, with its own title."""
        package = self._package()
        own = {id: c for id, c in codes_of(package).items() if not id.startswith("NML")}
        assert list(mismatches(own, explanations_of(package))) == []

    def test_examples_of_explanations_are_true(self) -> None:
        """A wrong example that is a model is refused with the code, a right one generates."""

        def generated(program: SolvedProgram) -> tuple[Diagnostic, ...]:
            return generate(program, self.backend, self.backend.options()).diagnostics

        for e in explanations_of(self._package()).found:
            assert list(wrong_examples(e, generated)) == [], e.code

    def _package(self) -> str:
        return type(self.backend).__module__.partition(".")[0]

    # What it generates

    @pytest.mark.parametrize("name", corpus.names())
    def test_generates_or_refuses(self, name: str) -> None:
        """Every model is generated, or refused as ``supports`` says, at a place in the model."""
        for options in self._every_options():
            reply = self._reply(name, options)
            if not reply.accepted:
                self._check_refusal(reply)
            else:
                lacking = features(reply.model) - self.backend.supports.features
                assert not lacking, f"{name} needs {_named(lacking)}, which is not claimed"

    def _check_refusal(self, reply: Reply) -> None:
        supports = self.backend.supports
        errors = reply.result.errors
        assert errors, f"{reply.model.name}: no files, and no error"
        lacking = features(reply.model) - supports.features
        assert lacking or supports.selective, f"refused without a reason:\n{reply.refusal}"
        for error in errors:
            _check_diagnostic(error)

    @pytest.mark.parametrize("name", corpus.names())
    def test_paths_are_safe(self, name: str) -> None:
        reply = self._reply(name, self.backend.options())
        for path in reply.result.value or ():
            assert _is_safe(path), f"{path!r} is not a plain relative path"
        lowered = [path.casefold() for path in reply.result.value or ()]
        assert len(set(lowered)) == len(lowered), "paths that differ in case only"

    def test_one_build_of_all_models(self) -> None:
        """All models it accepts go into one program: their files do not collide."""
        options = self.backend.options()
        files = generate(_accepted(self.backend, options), self.backend, options)
        assert files.value, [render(d) for d in files.diagnostics]
        lowered = [path.casefold() for path in files.value]
        assert len(set(lowered)) == len(lowered)

    def test_same_model_same_bytes(self) -> None:
        """In this process, and in others with other hash seeds, folders and time zones."""
        here = digests(self.backend)
        assert here, "no model of the corpus is accepted"
        assert digests(self.backend) == here
        for seed in ("0", "4242"):
            assert _digests_elsewhere(type(self.backend), seed) == here, f"PYTHONHASHSEED={seed}"

    def test_nothing_of_this_machine_is_in_the_files(self) -> None:
        options = self.backend.options()
        private = {str(Path.home()), str(Path.cwd()), sys.prefix, platform.node()}
        for name in corpus.names():
            for path, content in (self._reply(name, options).result.value or {}).items():
                text = content if isinstance(content, str) else content.decode("latin-1")
                for fact in private:
                    assert len(fact) < 5 or fact not in text, f"{path} of {name} names {fact}"

    def test_templates_only_lay_out(self) -> None:
        """Templates may loop, branch on a field and apply filters; they may not call or compute."""
        for name, text in _templates(type(self.backend)):
            try:
                tree = jinja2.Environment(autoescape=False).parse(text)
            except jinja2.TemplateSyntaxError:
                assert not name.endswith((".jinja", ".jinja2", ".j2")), f"{name} is no template"
                continue  # a file that is copied as it is
            for bad in tree.find_all(BANNED):
                pytest.fail(f"{name}:{bad.lineno}: {type(bad).__name__} in a template")

    def test_options_change_something(self) -> None:
        """Every further set of options changes the files, or what is refused."""
        plain = self._outcomes(self.backend.options())
        for given in self.option_sets:
            changed = self._outcomes(self.backend.options(**given))
            assert changed != plain, f"{dict(given)} have no effect"

    # What the generated code does

    @pytest.fixture
    def builds(
        self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
    ) -> Builds:
        """Return what compiles models for this class, each once in a session."""
        known = request.session.stash.setdefault(BUILDS, {})
        kind = type(self)
        if kind not in known:
            known[kind] = Builds(self.backend, tmp_path_factory.mktemp)
        return known[kind]

    def test_compiles(self, builds: Builds) -> None:
        self._need(Feature.COMPILE)
        for options in self._every_options():
            made = builds.of(options)
            assert made.value is not None, "\n".join(render(d) for d in made.diagnostics)
            assert made.value.product.exists()

    @pytest.mark.parametrize("name", corpus.names())
    def test_agrees_with_the_reference(self, name: str, builds: Builds) -> None:
        """Spikes in the same steps, and values within the tolerance, in all experiments."""
        self._need(Feature.SIMULATE)
        model = corpus.models()[name]
        if model.kind is not ModelKind.NEURON:
            pytest.skip("only neurons are executed alone")
        problems: list[str] = []
        for options in self._every_options():
            if self._reply(name, options).accepted:
                problems += self._disagreements(model, options, builds)
        assert not problems, "\n".join(problems)

    def _disagreements(self, model: SolvedModel, options: Any, builds: Builds) -> list[str]:
        problems: list[str] = []
        executed = 0
        cases = [(dt, case) for dt in self.time_steps for case in corpus.cases(model, dt)]
        for dt, case in cases:
            laid, expected = _expected(model, case.experiment)
            ran = self._run(model, laid, self.options_for(options, case.experiment), builds)
            if ran.value is None and self._may_refuse(ran):
                continue
            executed += 1
            title = f"{model.name}, {case.title}, dt = {dt:g} ms"
            problems += [f"{title}: {fault}" for fault in self._faults(model, expected, ran)]
        if cases and not executed:
            problems.append(f"{model.name} was accepted, but every experiment was refused")
        return problems

    def _may_refuse(self, ran: Result[Trace]) -> bool:
        """Return whether a selective backend says, in codes of its own, that it cannot do this."""
        own = all(not e.code.id.startswith("NML") for e in ran.errors)
        return self.backend.supports.selective and bool(ran.errors) and own

    def _faults(self, model: SolvedModel, expected: Trace, ran: Result[Trace]) -> list[str]:
        if ran.value is None:
            return ["failed: " + "; ".join(render(d) for d in ran.diagnostics)]
        found = _malformed(ran.value, expected, self.backend.name)
        if found or model.is_random:
            return found
        return _differences(ran.value, expected, self.backend.supports.tolerance)

    def _run(
        self, model: SolvedModel, laid: Schedule, options: Any, builds: Builds
    ) -> Result[Trace]:
        artifact = builds.of(options, model)
        return artifact.then(lambda made: self.backend.simulate(made, model, laid))

    def test_networks_agree_with_the_reference(self) -> None:
        """Those of a backend that runs some: on one thread and on two, at once and in parts."""
        if self.backend.supports.networks:
            self._need(Feature.SIMULATE)
            found = disagreements(self.backend)
            assert not found, "\n".join(found)

    def test_same_seed_same_numbers(self, builds: Builds) -> None:
        first, again, other = (self._noise(seed, builds, 100) for seed in (7, 7, 8))
        for name, values in first.values.items():
            assert np.array_equal(values, again[name]), name
            assert not np.array_equal(values, other[name]), name

    def test_random_numbers_are_distributed_as_they_should(self, builds: Builds) -> None:
        """Mean and standard deviation of 20000 draws lie within five standard errors."""
        trace = self._noise(3, builds, 20000)
        _check_moments(trace["normal"], mean=3.0, std=2.0, kurtosis=3.0)
        _check_moments(trace["uniform"], mean=1.0, std=4 / 12**0.5, kurtosis=1.8)
        _check_moments(trace["count"], mean=5.0, std=5.0**0.5, kurtosis=3.2)
        _check_moments(np.diff(trace["walk"]), mean=0.0, std=1.0, kurtosis=3.0)
        assert trace["uniform"].min() >= -1
        assert trace["uniform"].max() < 3
        assert np.array_equal(trace["count"], np.floor(trace["count"]))

    def _noise(self, seed: int, builds: Builds, steps: int) -> Trace:
        """Return draws from each distribution: mean 3, std 2; from -1 to 3; mean 5; a walk."""
        self._need(Feature.SIMULATE)
        self._need(Feature.RANDOM)
        model = corpus.models()["noise"]
        dt = self.time_steps[0]
        experiment = Experiment(duration=steps * dt, dt=dt, seed=seed)
        laid, _ = _expected(model, experiment)
        options = self.options_for(self.backend.options(), experiment)
        ran = self._run(model, laid, options, builds)
        assert ran.value is not None, [render(d) for d in ran.diagnostics]
        return ran.value

    def test_no_claim_goes_untested(self) -> None:
        """Each feature in ``supports`` is exercised by a model of the corpus that is accepted.

        Accepted models are all compiled and executed above, where that is claimed.
        """
        shown: set[Feature] = set()
        for model in _accepted(self.backend, self.backend.options()).models:
            shown |= features(model)
        untested = self.backend.supports.features - shown - ABILITIES
        assert not untested, f"claimed, but no model of the corpus shows it: {_named(untested)}"

    # What the tests share

    def _every_options(self) -> Iterator[Any]:
        yield self.backend.options()
        for given in self.option_sets:
            yield self.backend.options(**given)

    def _reply(self, name: str, options: Any) -> Reply:
        return _reply(self.backend, corpus.models()[name], options)

    def _outcomes(self, options: Any) -> list[str]:
        replies = [self._reply(name, options) for name in corpus.names()]
        return [digest(r.result.value) if r.result.value else r.refusal for r in replies]

    def _need(self, feature: Feature) -> None:
        """Skip what the backend does not claim, or cannot do here; fail if it must be able to."""
        if feature not in self.backend.supports.features:
            pytest.skip(f"{self.backend.name} does not claim: {feature.value}")
        missing = self.backend.toolchain().missing
        if missing:
            text = ", ".join(f"{t.name} ({t.install})" for t in missing)
            message = f"{self.backend.name} needs {text}"
            if os.environ.get(REQUIRE) == "1":
                pytest.fail(f"{message}, and {REQUIRE}=1 demands it")
            pytest.skip(message)


def _reply(backend: Backend[Any, Any], model: SolvedModel, options: Any) -> Reply:
    return Reply(model, generate(SolvedProgram((model,)), backend, options))


def _accepted(backend: Backend[Any, Any], options: Any) -> SolvedProgram:
    """Return all models of the corpus that the backend does not refuse, as one program."""
    replies = [_reply(backend, model, options) for model in corpus.models().values()]
    return SolvedProgram(tuple(r.model for r in replies if r.accepted))


class Builds:
    """Compiles the corpus for one test class, once for each value of the options.

    All models go into one build. If that fails, each is built by itself, so that one bad model
    does not hide what the others do.
    """

    def __init__(self, backend: Backend[Any, Any], folder: Callable[[str], Path]) -> None:
        self.backend = backend
        self.folder = folder
        self.made: dict[tuple[str, str], Result[Artifact]] = {}

    def of(self, options: Any, model: SolvedModel | None = None) -> Result[Artifact]:
        """Return the build of all models; or that of ``model`` alone, if the whole one failed.

        If ``model`` is refused with these options, the refusal is what comes back.
        """
        whole = self._built("", options)
        if model is None or (whole.value is not None and model in whole.value.program.models):
            return whole
        return self._built(model.name, options)

    def _built(self, name: str, options: Any) -> Result[Artifact]:
        key = (name, repr(options))
        if key not in self.made:
            alone = SolvedProgram((corpus.models()[name],)) if name else None
            self.made[key] = self._build(alone or _accepted(self.backend, options), options)
        return self.made[key]

    def _build(self, program: SolvedProgram, options: Any) -> Result[Artifact]:
        directory = self.folder(self.backend.name)
        files = generate(program, self.backend, options)
        written = files.then(lambda f: write_files(f, directory))
        if written.value is None:
            return Result(None, written.diagnostics)
        if Feature.COMPILE not in self.backend.supports.features:
            return Result(Artifact(program, options, directory, directory))
        return self.backend.compile(program, directory, options)


# Checks of single things


def _named(found: Collection[Feature]) -> str:
    return ", ".join(sorted(f.value for f in found))


def _check_diagnostic(d: Diagnostic) -> None:
    """Fail unless ``d`` is a refusal as it should be: own code, place, reason, way out."""
    shown = render(d)
    assert re.fullmatch(r"[A-Z]+\d+", d.code.id), f"a code is letters and digits:\n{shown}"
    assert not d.code.id.startswith("NML"), f"a code of the core's, not the backend's own:\n{shown}"
    assert d.span.source is not NOWHERE.source, f"no place in the model:\n{shown}"
    assert d.span.end > d.span.start, f"an empty place:\n{shown}"
    assert d.message, f"no message:\n{shown}"
    assert d.help, f"no way out:\n{shown}"


def _is_safe(path: str) -> bool:
    """Return whether ``path`` is relative, stays inside, and is valid on every system."""
    parts = path.split("/")
    plain = all(re.fullmatch(r"[A-Za-z0-9_.+-]+", part) for part in parts)
    return plain and not any(part in (".", "..") or part.endswith(".") for part in parts)


def _templates(backend: type[Backend[Any, Any]]) -> Iterator[tuple[str, str]]:
    """Yield name and text of each file in the ``templates`` folder of the backend's package."""
    package = backend.__module__.partition(".")[0]
    waiting: list[tuple[str, Traversable]] = [("", resources.files(package) / "templates")]
    while waiting:
        name, item = waiting.pop()
        if item.is_dir():
            inside = sorted(item.iterdir(), key=lambda x: x.name)
            waiting += [(f"{name}/{x.name}".lstrip("/"), x) for x in inside]
        elif item.is_file():
            yield name, item.read_text(encoding="utf-8")


def _digests_elsewhere(backend: type[Backend[Any, Any]], seed: str) -> dict[str, str]:
    """Return the digests that another process computes, in another folder and environment."""
    command = [sys.executable, "-m", "nestml_core.testing.fingerprint"]
    environment = os.environ | {
        "PYTHONHASHSEED": seed,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "TZ": "Pacific/Chatham",
        "LC_ALL": "C",
        "PYTHONUTF8": "1",
    }
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [*command, backend.__module__, backend.__qualname__],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _expected(model: SolvedModel, experiment: Experiment) -> tuple[Schedule, Trace]:
    laid = schedule(experiment, model)
    assert laid.value is not None, [render(d) for d in laid.diagnostics]
    ran = simulate(model, laid.value)
    assert ran.value is not None, [render(d) for d in ran.diagnostics]
    return laid.value, ran.value


def _malformed(trace: Trace, expected: Trace, backend: str) -> list[str]:
    """Return what is wrong with a trace whatever its numbers are."""
    found: list[str] = []
    if trace.backend != backend:
        found.append(f"the trace is by `{trace.backend}`, not `{backend}`")
    if (trace.dt, trace.steps) != (expected.dt, expected.steps):
        found.append(f"{trace.steps} steps of {trace.dt:g} ms, not {expected.steps}")
    if set(trace.values) != set(expected.values):
        found.append(f"recorded {sorted(trace.values)}, not {sorted(expected.values)}")
    for name, values in trace.values.items():
        if values.shape != (expected.steps,):
            found.append(f"{name} has shape {values.shape}, not ({expected.steps},)")
        elif not np.isfinite(values).all():
            found.append(f"{name} is not finite in step {int(np.argmin(np.isfinite(values))) + 1}")
    steps = np.asarray(trace.spike_steps)
    if len(steps) and (
        steps.min() < 1 or steps.max() > expected.steps or (np.diff(steps) < 0).any()
    ):
        found.append(f"spike steps are not ascending in 1 to {expected.steps}")
    return found


def _differences(trace: Trace, expected: Trace, tolerance: float) -> list[str]:
    found: list[str] = []
    if not np.array_equal(trace.spike_steps, expected.spike_steps):
        found.append(_spike_difference(trace.spike_steps.tolist(), expected.spike_steps.tolist()))
    for name, values in trace.values.items():
        exact = expected[name]
        error = np.abs(values - exact) / np.maximum(1.0, np.abs(exact))
        if len(error) and error.max() > tolerance:
            k = int(np.argmax(error > tolerance))
            found.append(
                f"{name} is {values[k]!r} in step {k + 1}, not {exact[k]!r}; "
                f"largest error {error.max():.2g}, allowed {tolerance:.2g}"
            )
    return found


def _spike_difference(got: list[int], expected: list[int]) -> str:
    first = next((i for i, (a, b) in enumerate(zip(got, expected, strict=False)) if a != b), None)
    at = min(len(got), len(expected)) if first is None else first
    a, b = (str(x[at]) if at < len(x) else "none" for x in (got, expected))
    return f"spike {at + 1} is in step {a}, not {b} ({len(got)} spikes, not {len(expected)})"


def _check_moments(values: FloatArray, *, mean: float, std: float, kurtosis: float) -> None:
    """Fail unless mean and standard deviation lie within five of their standard errors."""
    n = len(values)
    assert abs(values.mean() - mean) < 5 * std / n**0.5
    assert abs(values.std() - std) < 5 * std * ((kurtosis - 1) / (4 * n)) ** 0.5
