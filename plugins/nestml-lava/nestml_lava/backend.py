"""The backend ``lava``."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nestml_core.api import (
    NOWHERE,
    Artifact,
    Backend,
    Code,
    Diagnostic,
    Feature,
    ModelKind,
    Result,
    Severity,
    SolvedModel,
    SolvedProgram,
    Supports,
    Tool,
    ToolchainReport,
    checked,
)
from nestml_lava import floating, interpreter, report, stocking
from nestml_lava.exports import energy, graph
from nestml_lava.fixed import package as fixed
from nestml_lava.fixed import rendering, trial
from nestml_lava.ir import Export, Package, Process, Program
from nestml_lava.lower import process
from nestml_lava.options import FLOAT, NONE, RULE, SANAFE, STOCK, Options, check
from nestml_lava.stock import detect
from nestml_lava.synapses import lower as synapses
from nestml_lava.synapses import render as synapse_files
from nestml_lava.synapses.ir import Connection, Learning

if TYPE_CHECKING:
    from nestml_core.api import Schedule, Trace
    from nestml_lava.execution import Outcome

VERSION = "0.1.0"

NO_LAVA = Code("LAVA011", Severity.ERROR, "no Python with Lava")
BAD_CODE = Code("LAVA012", Severity.ERROR, "generated code that Python does not accept")
FAILED = Code("LAVA013", Severity.ERROR, "a run in Lava failed")
TOO_LONG = Code("LAVA014", Severity.ERROR, "a run in Lava took too long")
MESSAGE = Code("LAVA015", Severity.HINT, "a message of the model")
MODEL_WARNING = Code("LAVA016", Severity.WARNING, "a warning of the model")

CHECK_SECONDS = 60
CHECK = """
import sys, warnings
warnings.simplefilter("error")
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        compile(file.read(), path, "exec")
"""
MAX_MESSAGES = 100


class LavaBackend(Backend[Program, Options]):
    """Lava processes in floating point, for Lava on a CPU."""

    name = "lava"
    version = VERSION
    summary = "Lava processes, in floating point or whole numbers, a package for each model"
    options: ClassVar[type[Any]] = Options
    supports = Supports(
        features=frozenset(Feature),
        selective=True,  # strings
        tolerance=1e-7,  # spiking by nonlinear equations magnifies the last bit of NumPy's `**`
    )

    def lower(self, program: SolvedProgram, options: Options) -> Result[Program]:
        """Return a package for each model.

        Errors
        ------
        LAVA001, LAVA002 : what Lava processes cannot be (see ``nestml_lava.lower``).
        LAVA010 : an option has a value it cannot have.
        LAVA101 to LAVA112, LAVA302, LAVA303 : what keeps a model from an export.
        """
        found: list[Diagnostic] = list(check(options))
        found += fixed.unknown_values(options.values, program.models)
        packages: list[Package] = []
        reports: list[tuple[str, str]] = []
        exports: list[Export] = []
        for model in program.models:
            lowered = _package(model, options)
            found += lowered.diagnostics
            if lowered.value is not None:
                packages.append(lowered.value)
            if isinstance(lowered.value, Process):
                told = report.text(report.of_float(model, options.step))
                reports.append((lowered.value.name, told))
            if lowered.value is not None and options.export != NONE and not _is_wrong(found):
                exported = _exported(model, lowered.value, options)
                found += exported.diagnostics
                exports += [exported.value] if exported.value is not None else []
        return checked(Program(tuple(packages), VERSION, tuple(reports), tuple(exports)), found)

    def render(self, ir: Program) -> Mapping[str, str | bytes]:
        """Return a folder for each package: Lava imports every Python file beside a process."""
        files: dict[str, str | bytes] = {}
        for package in ir.packages:
            for path, text in _rendered(package, ir.version).items():
                files[f"{package.name}/{path}"] = text
        files |= {f"{name}/report.json": text for name, text in ir.reports}
        files |= {export.path: _written(export, ir.version) for export in ir.exports}
        return files

    def toolchain(self) -> ToolchainReport:
        search = interpreter.find()
        found = search.interpreter
        detail = (
            "; ".join(search.tried)
            if found is None
            else f"{found.path}: Python {found.python}, lava-nc {found.lava}, {_hardware(found)}"
        )
        return ToolchainReport(
            (Tool("Python with lava-nc", found is not None, detail, interpreter.INSTALL),)
        )

    def compile(
        self, program: SolvedProgram, directory: Path, options: Options
    ) -> Result[Artifact]:
        """Have Python check the generated files: the one with Lava, else this one as Python 3.10.

        Errors
        ------
        LAVA012 : Python does not accept a file.
        """
        lowered = self.lower(program, options)
        if lowered.value is None:
            return Result(None, lowered.diagnostics)
        packages = [directory / p.name for p in lowered.value.packages]
        files = [directory / path for path in self.render(lowered.value) if path.endswith(".py")]
        search = interpreter.find(options.python)
        problem = (
            _parsed_here(files)
            if search.interpreter is None
            else _compiled_by(search.interpreter, files)
        )
        if problem:
            return Result(None, (*lowered.diagnostics, BAD_CODE.at(NOWHERE, problem)))
        product = packages[0] if len(packages) == 1 else directory
        return Result(Artifact(program, options, directory, product), lowered.diagnostics)

    def simulate(self, artifact: Artifact, model: SolvedModel, schedule: Schedule) -> Result[Trace]:
        """Run one neuron, or one synapse, in a Python that has Lava.

        Errors
        ------
        LAVA011 : there is no such Python.
        LAVA013 : the run failed; the message carries the traceback's end.
        LAVA014 : it took longer than the option ``timeout``.
        LAVA101 to LAVA115 : the arithmetic cannot hold the model, or what it gets.
        """
        from nestml_lava import execution

        options: Options = artifact.options
        search = interpreter.find(options.python)
        if search.interpreter is None:
            tried = "; ".join(search.tried)
            message = f"no Python with Lava: {tried}"
            return Result(None, (NO_LAVA.at(NOWHERE, message, help=interpreter.INSTALL),))
        if options.lower == STOCK and model.kind is ModelKind.NEURON:
            stock = stocking.lowered(model, options, schedule)
            if stock.value is None:
                return Result(None, stock.diagnostics)
            ended = execution.run_stock(
                stock.value,
                schedule,
                search.interpreter,
                files=stocking.render(stock.value, VERSION),
                timeout=options.timeout,
            )
            has = [stock.value.lif.variable]
            left = fixed.unrecorded(model, schedule.record, has)
            return _outcome(*ended, model, options, (*stock.diagnostics, *left))
        if options.arith != FLOAT and model.kind is ModelKind.NEURON:
            whole = fixed.lowered(model, options, schedule)
            if whole.value is None:
                return Result(None, whole.diagnostics)
            ran = execution.run_in_whole_numbers(
                whole.value,
                schedule,
                search.interpreter,
                files=rendering.render(whole.value, VERSION),
                runtime=options.runtime,
                timeout=options.timeout,
            )
            if isinstance(ran, trial.Beyond):
                return Result(None, (*whole.diagnostics, fixed.beyond(ran)))
            has = [f.symbol for f in whole.value.numbers.integers.formats]
            left = fixed.unrecorded(model, schedule.record, has)
            return _outcome(*ran, model, options, (*whole.diagnostics, *left))
        lowered = _package(model, options)
        if lowered.value is None:
            return Result(None, lowered.diagnostics)
        if isinstance(lowered.value, Learning):
            return Result(None, (synapses.without_neurons(model),))
        if isinstance(lowered.value, Connection):
            from nestml_lava.synapses import alone

            ended = alone.run(
                lowered.value,
                schedule,
                search.interpreter,
                directory=artifact.directory,
                timeout=options.timeout,
            )
            return _outcome(*ended, model, options)
        neuron = lowered.value.process
        assert neuron is not None, "only neurons are run alone"
        ran = execution.run(
            neuron,
            schedule,
            search.interpreter,
            directory=artifact.directory,
            runtime=options.runtime,
            timeout=options.timeout,
        )
        return _outcome(*ran, model, options)


def _outcome(
    outcome: Outcome,
    trace: Trace | None,
    model: SolvedModel,
    options: Options,
    found: tuple[Diagnostic, ...] = (),
) -> Result[Trace]:
    said = (*found, *_messages(outcome.output, model))
    if outcome.status is None:
        return Result(None, (*said, _too_long(model, options)))
    if trace is None:
        message = f"`{model.name}` failed in Lava:\n{_cause(outcome.errors)}"
        return Result(None, (*said, FAILED.at(model.span, message)))
    return Result(trace, said)


def _hardware(found: interpreter.Interpreter) -> str:
    return (
        f"lava-loihi {found.loihi}"
        if found.loihi
        else "no lava-loihi, so that nothing runs on Loihi itself"
    )


def _package(model: SolvedModel, options: Options) -> Result[Package]:
    if model.kind is ModelKind.SYNAPSE:
        return _synapse(model, options)
    if options.arith != FLOAT and model.kind is ModelKind.NEURON:
        whole = fixed.lowered(model, options)
        return Result(whole.value, whole.diagnostics)
    if options.lower == STOCK:
        stock = stocking.lowered(model, options)
        return Result(stock.value, stock.diagnostics)
    neuron = process(model, options.step)
    return Result(neuron.value, neuron.diagnostics)


def _synapse(model: SolvedModel, options: Options) -> Result[Package]:
    if options.learning == RULE:
        given = fixed.given_values(model, options.values)
        if given.value is None:
            return Result(None, given.diagnostics)
        whole = options.arith != FLOAT
        rule = synapses.learning(model, given.value, options.step, whole=whole)
        return Result(rule.value, rule.diagnostics)
    if options.arith != FLOAT:
        return Result(None, (synapses.in_floating_point(model),))
    synapse = synapses.connection(model, options.step)
    return Result(synapse.value, synapse.diagnostics)


def _is_wrong(found: list[Diagnostic]) -> bool:
    return any(d.code.severity is Severity.ERROR for d in found)


def _exported(model: SolvedModel, package: Package, options: Options) -> Result[Export]:
    """Return a neuron in the terms of another tool; what is no LIF neuron is refused."""
    if options.export == SANAFE and isinstance(package, fixed.IntegerPackage):
        script = energy.lowered(model, package)
        return Result(script.value, script.diagnostics)
    given = fixed.given_values(model, options.values)
    if given.value is None:
        return Result(None, given.diagnostics)
    verdict = detect(model, given.value, dt=options.step)
    if verdict.lif is None:
        return Result(None, verdict.why_not)
    drawn = graph.lowered(model, verdict.lif, package.name, options.step)
    return Result(drawn.value, drawn.diagnostics)


def _written(export: Export, version: str) -> str | bytes:
    match export:
        case graph.Graph():
            return graph.render(export)
        case energy.Script():
            return energy.render(export, version)
        case _:
            raise AssertionError(f"nobody writes {type(export).__name__}")


def _rendered(package: Package, version: str) -> Mapping[str, str]:
    match package:
        case Process():
            return floating.render(package, version)
        case fixed.IntegerPackage():
            return rendering.render(package, version)
        case stocking.StockPackage():
            return stocking.render(package, version)
        case Connection():
            return synapse_files.render(package, version)
        case Learning():
            return synapse_files.render_rule(package, version)
        case _:
            raise AssertionError(f"nobody renders {type(package).__name__}")


def _parsed_here(files: list[Path]) -> str:
    for path in files:
        try:
            ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 10))
        except SyntaxError as problem:
            return f"{path}:{problem.lineno}: {problem.msg}"
    return ""


def _compiled_by(python: interpreter.Interpreter, files: list[Path]) -> str:
    try:
        done = subprocess.run(
            [python.path, "-I", "-c", CHECK, *map(str, files)],
            capture_output=True,
            text=True,
            timeout=CHECK_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return f"{python.path} does not check the generated files: {problem}"
    return "" if done.returncode == 0 else _end_of(done.stderr)


def _end_of(text: str, lines: int = 12) -> str:
    return "\n".join(text.strip().splitlines()[-lines:]) or "no message"


def _cause(errors: str) -> str:
    """Return the end of the first traceback: Lava's own complaints follow it."""
    lines = errors.strip().splitlines()
    begin = next((i for i, x in enumerate(lines) if x.startswith("Traceback")), None)
    if begin is None:
        return _end_of(errors)
    end = next((i for i in range(begin + 1, len(lines)) if not lines[i].startswith(" ")), begin)
    return _end_of("\n".join(lines[begin : end + 1]), 7)


def _messages(output: str, model: SolvedModel) -> Iterator[Diagnostic]:
    """Yield what the model itself printed."""
    channels = ("print", "println", "info", "warning")
    said = [x for x in output.splitlines() if x.partition(": ")[0] in channels]
    for line in said[:MAX_MESSAGES]:
        channel, _, text = line.partition(": ")
        kind = MODEL_WARNING if channel == "warning" else MESSAGE
        yield kind.at(model.span, text)
    if len(said) > MAX_MESSAGES:
        yield MESSAGE.at(model.span, f"and {len(said) - MAX_MESSAGES} more messages")


def _too_long(model: SolvedModel, options: Options) -> Diagnostic:
    return TOO_LONG.at(
        model.span,
        f"`{model.name}` was still running after {options.timeout:g} s",
        help="a longer timeout, or the option runtime=inproc, which is faster",
    )
