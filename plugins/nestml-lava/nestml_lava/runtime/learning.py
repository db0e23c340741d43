"""Synapses that learn by Lava's own ``LearningDense``, by a learning rule of Loihi.

Lava executes this file for itself when it looks for models: it imports none of its neighbours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule, Loihi3FLearningRule
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.dense.models import PyLearningDenseModelBitApproximate
from lava.proc.dense.process import LearningDense
from lava.utils.weightutils import SignMode
from scipy import sparse

FULL = 255
"""The largest weight in whole numbers."""

WHOLE_MODELS = {LearningDense: PyLearningDenseModelBitApproximate}
"""The models that ``run`` has to be told, as they do not have the tag of floating point."""


AGED = 65535
"""The steps in which LearningDense lets traces from outside decay: it is made up for."""


@dataclass(frozen=True)
class Third:
    """What the process for the third factor computes, for steps of ``dt`` ms.

    Attributes
    ----------
    port : the port for the modulating spikes, each of which adds ``raise_by`` to a level
    trace_step, trace_tau, trace_factor : of the postsynaptic trace, y1
    begin, keeps : of the level, and the part of it that a step leaves
    gain, offset : y2 = gain * level + offset
    loss : y3, the part of the eligibility that decays in a step
    """

    port: str
    dt: float
    trace_step: float
    trace_tau: float
    trace_factor: float
    begin: float
    raise_by: float
    keeps: float
    gain: float
    offset: float
    loss: float


@dataclass(frozen=True)
class Rule:
    """A learning rule with what it is made for.

    Attributes
    ----------
    dw, dt : the changes of the weight and of the tag, as Lava writes them
    traces : impulse and time constant in ms of each trace
    tag : the tag of each connection, which tells constants
    unit : what a weight of 1 in Lava is, in the unit of the model
    weight : what the model calls it
    largest : the upper bound of the weight
    whole : whether it is for whole numbers
    """

    name: str
    dw: str
    traces: Mapping[str, tuple[float, float]]
    tag: float
    unit: float
    weight: str
    begin: float
    largest: float
    whole: bool
    dt: str = ""
    third: Any = None

    def made(self, dt: float, seed: Any = None) -> Any:
        """Return Lava's learning rule, for steps of ``dt`` ms."""
        numbers: dict[str, float] = {}
        for trace, (impulse, tau) in self.traces.items():
            numbers |= {f"{trace}_impulse": impulse, f"{trace}_tau": tau / dt}
        if self.third is not None:
            return Loihi3FLearningRule(dw=self.dw, dt=self.dt, t_epoch=1, rng_seed=seed, **numbers)
        return Loihi2FLearningRule(dw=self.dw, t_epoch=1, rng_seed=seed, **numbers)

    def dense(self, weights: Any, dt: float, seed: Any = None) -> Any:
        """Return the process, for weights (post, pre) in the unit of the model.

        Raises
        ------
        ValueError : a weight is not between 0 and the upper bound.
        """
        weights = np.array(weights, float)
        if weights.ndim != 2 or not ((weights >= 0) & (weights <= self.largest)).all():
            raise ValueError(
                f"{self.name}: {self.weight} has the shape (post, pre), and values from 0 to "
                f"{self.largest:g}"
            )
        weights = weights / self.unit
        tag = np.full(weights.shape, self.tag)
        if self.whole:
            weights, tag = np.rint(weights).astype(int), np.rint(tag).astype(int)
        process = LearningDense(
            weights=weights,
            tag_1=tag,
            num_message_bits=8,  # two spikes at a time count twice
            learning_rule=self.made(dt, seed),
            sign_mode=SignMode.EXCITATORY,
        )
        process.model_tag = "fixed_pt" if self.whole else "floating_pt"
        return process


def learning(
    rule: Rule, tools: Any, pre: Any, post: Any, delay_ms: Any, values: Any, inputs: Any = None
) -> Any:
    """Connect all of ``pre`` to all of ``post``; ``connect`` of the package tells how."""
    ends, whole_steps, delayed = tools
    out, dt = ends(pre, post)
    unknown = [x for x in values if x not in (rule.weight, "rng_seed")]
    if unknown:
        raise TypeError(
            f"{rule.name} learns by a rule made for its parameters: {unknown[0]!r} is not among "
            f"{rule.weight!r}, 'rng_seed'"
        )
    if len(out.shape) != 1 or len(post.shape) != 1:
        raise ValueError(f"{rule.name}: LearningDense connects populations of one dimension")
    spikes = getattr(post.process, "spike", None)
    if spikes is None:
        raise TypeError(f"{type(post.process).__name__} sends no spikes, which the synapses need")
    steps = int(whole_steps(np.array([dt if delay_ms is None else delay_ms]) / dt, dt)[0])
    if steps < 2 and rule.unit != 1.0:
        raise ValueError(f"{rule.name}: a delay of at least two steps, as weights are scaled")
    shape = post.shape[0], out.shape[0]
    weights = np.broadcast_to(np.asarray(values.get(rule.weight, rule.begin), float), shape)
    process = rule.dense(weights, dt, values.get("rng_seed"))

    def later(source: Any, sink: Any, wait: int, scale: float) -> Any:
        matrix = sparse.identity(source.shape[0], format="coo") * scale
        waits = np.full(source.shape[0], wait, np.int64)
        between = delayed(sparse.coo_matrix(matrix), waits, sink.shape, source.shape, dt)
        source.connect(between.s_in)
        between.a_out.connect(sink)
        return between.a_out

    out.connect(process.s_in)
    back = later(spikes, process.s_in_bap, steps, 1.0)
    if rule.third is not None:
        given = (inputs or {}).get(rule.third.port)
        if given is None or len(inputs) != 1:
            raise TypeError(f"{rule.name}: inputs has the process of one port, {rule.third.port!r}")
        source, wait = given if isinstance(given, tuple) else (given, 0.0)
        reward, _ = ends(source, post)
        if rule.third.dt != dt:
            raise ValueError(f"{rule.name}: made for steps of {rule.third.dt:g} ms, not {dt:g} ms")
        side = ThirdFactor(rule.third, post.shape, reward.shape)
        back.connect(side.post_spikes)
        steps_later = int(np.floor(wait / dt + 0.5))
        if steps_later:
            later(reward, side.mod_spikes, steps_later, 1.0)
        else:
            reward.connect(side.mod_spikes)
        side.y1.connect(process.s_in_y1)
        side.y2.connect(process.s_in_y2)
        side.y3.connect(process.s_in_y3)
    if steps == 1:  # which LearningDense takes itself
        process.a_out.connect(post)
    else:
        later(process.a_out, post, steps - 1, rule.unit)
    return process


class ThirdFactor(AbstractProcess):  # type: ignore[misc]
    """Sends the traces of a rule with three factors: what postsynaptic and modulating spikes leave.

    Parameters
    ----------
    third : what to compute
    post, modulator : shapes of the populations
    """

    _runtime = None  # Lava's __del__ asks for it even where __init__ has failed

    def __init__(self, third: Third, post: Any, modulator: Any) -> None:
        super().__init__(third=third, post=post, dt=third.dt)
        self.post_spikes = InPort(shape=post)
        self.mod_spikes = InPort(shape=modulator)
        self.y1 = OutPort(shape=post)
        self.y2 = OutPort(shape=post)
        self.y3 = OutPort(shape=post)


@implements(proc=ThirdFactor, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyThirdFactorModel(PyLoihiProcessModel):  # type: ignore[misc]
    """How ``ThirdFactor`` runs on a CPU."""

    post_spikes: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    mod_spikes: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    y1: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    y2: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    y3: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._third: Third = proc_params["third"]
        self._trace = np.zeros(proc_params["post"])
        self._level = self._third.begin

    def run_spk(self) -> None:
        """Run one time step: what was so before the spikes of the step is sent."""
        self.send_due()
        self.take()

    def send_due(self) -> None:
        third, everyone = self._third, np.ones(self._trace.shape)
        self._trace *= np.exp(-third.dt / third.trace_tau)
        aged = np.exp(1.0 / AGED)
        self.y1.send(aged * third.trace_factor * self._trace)
        self.y2.send(aged * (third.gain * self._level + third.offset) * everyone)
        self.y3.send(aged * third.loss * everyone)
        self._level *= third.keeps

    def take(self) -> None:
        self._trace += self._third.trace_step * self.post_spikes.recv()
        self._level += self._third.raise_by * float(self.mod_spikes.recv().sum())
