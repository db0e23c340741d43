"""Choose the integrator of each nonlinear system: is it stiff along a reference trajectory?

An explicit method takes steps that stay within its region of stability, however smooth the
solution is; where that and not the accuracy limits it, an implicit one takes far fewer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nestml_core.experiment import Experiment, schedule
from nestml_core.expr import Symbol
from nestml_core.reference.failure import ARITHMETIC, Failure
from nestml_core.reference.flows import Equations, advanced
from nestml_core.reference.instance import Instance
from nestml_core.reference.integrators import (
    Matrix,
    Tolerance,
    TrialStepTooSmall,
    Vector,
    Watch,
    dormand_prince,
    rosenbrock,
)
from nestml_core.solve.flows import HOW
from nestml_core.solved import Flow, Integrator, Method, NonlinearSystem, SolvedModel

DT = 0.1
"""The step, in ms, for which integrators are chosen."""

STRIDE = 0.5
"""The step, in ms, of the trajectory."""

DRIVE = (0.0, 10.0, 100.0, 1000.0)
"""What continuous ports get, in declared units, one after the other until the model fires; spikes
of a tenth of that weight arrive every ms."""

LEVEL_STEPS = 8
"""How many steps of the trajectory each of these lasts."""

LOOSE = Tolerance(1e-3, 1e-4)
"""Of the trajectory."""

MOST_TRIALS = 250
"""How many trial steps the trajectory may take."""

PROBES = 6
"""At how many places the methods are tried over one step."""

MOST_STEPS = 60
"""How many trial steps a method may take over one step where it is tried."""

STABILITY = 3.3
"""Dormand-Prince is stable for rates up to this divided by the length of the step."""

FEW = 2.0
"""Stability that asks for no more steps than this in one step of the model is no burden."""

MANY = 3.0
"""How many times as many steps as the solution needs at a modest accuracy stability asks for in a
stiff system."""

IMPLICIT_WORK = 1.5
"""What a trial step of the implicit method costs, in trial steps of the explicit one."""


def measure(model: SolvedModel) -> SolvedModel:
    """Return ``model`` with the error that the methods it prescribes make in a step."""
    if not any(f.nonlinear for f in model.flows):
        return model
    seen = _Trajectory(model, chooses=False)
    seen.run()
    return replace(
        model,
        flows=tuple(_with_error(f, o) for f, o in zip(model.flows, seen.observed, strict=True)),
    )


def select(model: SolvedModel) -> SolvedModel:
    """Return ``model`` with a method for each nonlinear system, the reason, and the error.

    The model runs for up to 16 ms, with default parameters and a drive that grows until it fires.
    The eigenvalues of the Jacobian along the way say how many steps stability demands; where these
    are many, both methods are tried from a few places. Deterministic, and bounded in time.
    """
    systems = [f.nonlinear for f in model.flows]
    if not any(systems):
        return model
    seen = _Trajectory(model)
    problem = seen.run()
    for observed in seen.observed:
        observed.summarise()
    flows = tuple(
        _with_choice(f, seen.observed[k], problem) if f.nonlinear is not None else f
        for k, f in enumerate(model.flows)
    )
    return replace(model, flows=flows)


@dataclass(slots=True)
class _Observed:
    """What the trajectory showed of one system."""

    time: float = 0.0
    """ms"""
    jacobians: list[Matrix] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    """Of the steps that begin where these Jacobians were taken, ms."""
    mean_burden: float = 0.0
    """How many steps stability demands for a step of the model, on the average over that time."""
    fastest: float = 0.0
    """The largest rate of decay, per ms."""
    slowest: float = 0.0
    """The smallest one at the same place."""
    explicit: float = 0.0
    implicit: float = 0.0
    """Trial steps of the methods at the places where they were tried."""
    demanded: float = 0.0
    """Steps that stability demands there."""
    tried: int = 0
    error: float = 0.0
    """The largest difference of the method from a more accurate one, relative to 1 + |x|, over a
    step of the model."""

    def summarise(self) -> None:
        """Read rates off the Jacobians."""
        if not self.jacobians:
            return
        burden = 0.0
        for rates, h in zip(_decay(self.jacobians), self.lengths, strict=True):
            burden += h * rates[-1] * DT / STABILITY if rates else 0.0
            if rates and rates[-1] > self.fastest:
                self.fastest, self.slowest = rates[-1], rates[0]
        self.mean_burden = burden / self.time

    @property
    def mean_steps(self) -> float:
        """How many steps the trajectory took for a step of the model."""
        return len(self.lengths) * DT / self.time if self.time else 0.0

    @property
    def is_stiff(self) -> bool:
        """Whether stability, not the solution, decides about the steps of an explicit method."""
        return self.mean_burden > max(FEW, MANY * self.mean_steps)

    @property
    def prefers_implicit(self) -> bool:
        return self.is_stiff and self.explicit > IMPLICIT_WORK * self.implicit


class _Stop(Exception):
    """The trajectory, or a trial, has taken long enough."""


@dataclass(slots=True)
class _Trajectory:
    """A run of the model that watches its nonlinear systems."""

    model: SolvedModel
    chooses: bool = True
    """Try what to choose; else measure what is prescribed."""
    observed: list[_Observed] = field(default_factory=list)
    trials: int = 0

    def run(self) -> str:
        """Run the model; return why it did not get under way, or nothing."""
        self.observed += [_Observed() for _ in self.model.flows]
        laid = schedule(Experiment(duration=STRIDE, dt=STRIDE), self.model)
        if laid.value is None:
            return "it cannot be run"
        step = 0
        try:
            instance = Instance(self.model, laid.value, integrate=self.integrate)
            for step, drive in enumerate(self.drive(instance), 1):
                for port in self.model.continuous_ports:
                    instance.values[instance.inputs[port.symbol]] = drive * _factor(port.symbol)
                arrives = step % round(1 / STRIDE) == 0 and drive > 0
                ports = self.model.spike_ports if arrives else ()
                instance.step(step, {p.symbol: drive / 10 for p in ports})
        except _Stop:
            return ""
        except (Failure, RecursionError) as problem:
            text = problem.message if isinstance(problem, Failure) else "a function does not end"
            return "" if step > LEVEL_STEPS else text
        return ""

    def drive(self, instance: Instance) -> Iterator[float]:
        """Yield the drive of each step."""
        has_input = bool(self.model.continuous_ports or self.model.spike_ports)
        for level in DRIVE:
            for _ in range(LEVEL_STEPS):
                yield level if has_input else 0.0
            if instance.progress.spike_steps:
                break
        else:
            return
        for _ in range(LEVEL_STEPS):
            yield level

    def integrate(self, system: NonlinearSystem, q: Equations, x: Vector) -> Vector:
        """Advance a system by one step of the trajectory, and look at it on the way."""
        index = next(k for k, f in enumerate(self.model.flows) if f.nonlinear is system)
        seen = self.observed[index]
        if not system.jacobian:
            return dormand_prince(q.slope, x, STRIDE, LOOSE, watch=self.count)
        latest: list[Matrix] = []

        def jacobian(x: Vector) -> Matrix:
            latest[:] = [q.jacobian(x)]
            return latest[0]

        reached = x

        def watch(x: Vector, h: float, error: float) -> None:
            nonlocal reached
            reached = x
            self.count(x, h, error)
            if error <= 1.0:
                seen.jacobians.append(latest[0])
                seen.lengths.append(h)
                seen.time += h
                self.perhaps_try(seen, system.integrator, q, x)

        before = seen.time
        try:
            return rosenbrock(q.slope, jacobian, x, STRIDE, LOOSE, watch=watch)
        except TrialStepTooSmall:
            if seen.time == before:
                raise
            return reached  # on its way to infinity: with so long a step, the reset comes too late

    def count(self, x: Vector, h: float, error: float) -> None:
        self.trials += 1
        if self.trials > MOST_TRIALS:
            raise _Stop

    def perhaps_try(self, seen: _Observed, integrator: Integrator, q: Equations, x: Vector) -> None:
        """Try both methods from here over one step, if it is time for that."""
        whole = STRIDE * LEVEL_STEPS * len(DRIVE)
        if seen.time < (seen.tried + 0.5) * whole / PROBES:
            return
        seen.tried += 1
        if not self.chooses:
            seen.error = max(seen.error, _error(integrator, q, x))
            return
        tolerance = Tolerance(integrator.relative, integrator.absolute)
        ((*_, fastest),) = _decay(seen.jacobians[-1:])
        demanded = fastest * DT / STABILITY
        if demanded <= FEW:
            if seen.tried == 2:
                seen.error = max(seen.error, _error(integrator, q, x))
            return
        x = _settled(q, x, tolerance)
        seen.demanded += demanded
        seen.implicit += _steps(Method.ROSENBROCK, q, x, tolerance, MOST_STEPS)
        explicit = demanded
        if demanded < MOST_STEPS:
            explicit = _steps(Method.RK45, q, x, tolerance, 4 * MOST_STEPS)
        seen.explicit += max(explicit, demanded)


def _factor(symbol: Symbol) -> float:
    return float(symbol.type.unit.factor) if symbol.type.unit is not None else 1.0


def _decay(jacobians: Sequence[Matrix]) -> list[list[float]]:
    """Return the rates at which perturbations decay, per ms, rising; [0] where there are none."""
    a = np.array(jacobians)
    finite = np.isfinite(a).all(axis=(1, 2))
    spectra = np.linalg.eigvals(np.where(finite[:, None, None], a, 0.0))
    return [
        sorted(float(abs(z)) for z in spectrum if z.real < 0.0) or [0.0] for spectrum in spectra
    ]


def _settled(q: Equations, x: Vector, tolerance: Tolerance) -> Vector:
    """Return where the system is one step on: the trajectory is not accurate, and it would take
    both methods many steps to get from ``x`` back to the solution."""
    try:
        return rosenbrock(q.slope, q.jacobian, x, DT, tolerance, watch=_limited(4 * MOST_STEPS))
    except (_Stop, TrialStepTooSmall, *ARITHMETIC):
        return x


@dataclass(slots=True)
class _Count:
    """Counts trial steps, and ends an integration after the last one allowed."""

    most: int
    taken: int = 0

    def watch(self, x: Vector, h: float, error: float) -> None:
        self.taken += 1
        if self.taken >= self.most:
            raise _Stop


def _limited(most: int) -> Watch:
    """Return what ends an integration after so many trial steps."""
    return _Count(most).watch


def _steps(method: Method, q: Equations, x: Vector, tolerance: Tolerance, most: int) -> float:
    """Return how many trial steps a method takes from ``x`` over one step, at most ``most``."""
    count = _Count(most)
    try:
        if method is Method.RK45:
            dormand_prince(q.slope, x, DT, tolerance, watch=count.watch)
        else:
            rosenbrock(q.slope, q.jacobian, x, DT, tolerance, watch=count.watch)
    except (_Stop, TrialStepTooSmall, *ARITHMETIC):
        return float(most)
    return float(count.taken)


def _error(integrator: Integrator, q: Equations, x: Vector) -> float:
    """Return how far a step of the method is from a more accurate one; infinite if it fails."""
    i = integrator
    accuracy = min(i.relative, i.absolute) / 100 if i.method.is_adaptive else 1e-9
    finer = Tolerance(accuracy, accuracy)
    try:
        better = dormand_prince(q.slope, x, DT, finer, watch=_limited(10 * MOST_STEPS))
    except (_Stop, TrialStepTooSmall, *ARITHMETIC):
        return 0.0  # nothing to compare with
    try:
        got = advanced(i, q, x, DT)
    except (TrialStepTooSmall, *ARITHMETIC):
        return math.inf
    errors = [abs(a - b) / (1.0 + abs(b)) for a, b in zip(got, better, strict=True)]
    return max(errors) if all(map(math.isfinite, errors)) else math.inf


# What comes of it


def _with_choice(flow: Flow, seen: _Observed, problem: str) -> Flow:
    system = flow.nonlinear
    assert system is not None
    old = system.integrator
    method = Method.ROSENBROCK if seen.prefers_implicit else Method.RK45
    why = old.reason.partition(": ")[2]
    how = HOW[method].removesuffix(", as asked for")
    integrator = Integrator(
        method=method,
        relative=old.relative,
        absolute=old.absolute,
        reason=f"{how}: {why}; {_verdict(system, seen, problem)}",
    )
    integrator = replace(integrator, expected_error=_expected(integrator, seen))
    return replace(flow, nonlinear=replace(system, integrator=integrator))


def _verdict(system: NonlinearSystem, seen: _Observed, problem: str) -> str:
    """Return whether the system is stiff, how this is known, and what follows."""
    if not system.jacobian:
        return f"whether it is stiff is not known, as {system.no_jacobian}"
    if problem:
        return f"whether it is stiff is not known, as a trial run failed: {problem}"
    if not seen.time:
        return "whether it is stiff is not known, as a trial run did not come to it"
    rate = f"the largest rate is {_rounded(seen.fastest)}/ms"
    if 0.0 < seen.slowest < seen.fastest:
        rate += f", {_rounded(seen.fastest / seen.slowest)} times the smallest"
    if seen.mean_burden <= FEW:
        few = "one step" if seen.mean_burden <= 1.0 else f"{seen.mean_burden:.1f} steps"
        return f"not stiff: {rate}; stability asks for {few} of an explicit method in {DT:g} ms"
    tried = max(seen.tried, 1)
    counts = (
        f"in {DT:g} ms an explicit method takes about {_rounded(seen.explicit / tried)} steps, of "
        f"which stability demands {_rounded(seen.demanded / tried)}, the implicit one takes "
        f"{_rounded(seen.implicit / tried)}"
    )
    if not seen.is_stiff:
        return (
            f"not stiff: {rate}; stability asks for {_rounded(seen.mean_burden)} steps of an "
            f"explicit method in {DT:g} ms, a smooth approximation takes "
            f"{_rounded(seen.mean_steps)}"
        )
    if not seen.prefers_implicit:
        saved = "the implicit method saves work at a larger tolerance only"
        return f"stiff, but {saved}: {rate}; {counts}"
    return f"stiff: {rate}; {counts}"


def _with_error(flow: Flow, seen: _Observed) -> Flow:
    system = flow.nonlinear
    if system is None:
        return flow
    integrator = replace(system.integrator, expected_error=_expected(system.integrator, seen))
    return replace(flow, nonlinear=replace(system, integrator=integrator))


def _expected(integrator: Integrator, seen: _Observed) -> str:
    said = []
    if integrator.method.is_adaptive:
        bound = f"{integrator.relative:g} |x| + {integrator.absolute:g}"
        said.append(f"at most {bound} in an internal step")
    if seen.error == math.inf:
        said.append(f"in a trial run the result of a step of {DT:g} ms was not finite")
    elif seen.error > 0.0:
        said.append(f"{seen.error:.0e} of 1 + |x| in a step of {DT:g} ms of a trial run")
    return "; ".join(said)


def _rounded(x: float) -> str:
    """Return ``x`` to two digits, without an exponent as far as that reads well."""
    return f"{float(f'{x:.2g}'):g}"
