"""Networks of generated processes: connections with delays, sources of spikes, and running them.

Lava executes this file for itself when it looks for models: it imports none of its neighbours.
"""

import multiprocessing
import warnings
from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.magma.runtime.message_infrastructure.multiprocessing import SystemProcess
from scipy import sparse

OFF_GRID = 1e-6
"""How far, in steps, a time may lie from the grid without a warning."""

CANCELLED = 5e-324
"""The message that stands for events whose weights add up to zero."""


def connect(pre: Any, post: Any, weights: Any, delay_ms: Any = None) -> Any:
    """Connect ``pre``, a process or one of its out-ports, to an in-port of a process.

    Parameters
    ----------
    weights : shape (post, pre), an array or a SciPy sparse matrix; what a spike adds to the
        message of the port. Zeros are no connections. A process in whole numbers rounds them.
    delay_ms : from the spike to its arrival, at least one step: a number, or an array of the
        shape of ``weights``; a step unless it is given. Delays that are no multiple of the step
        are rounded, with a warning.

    Returns
    -------
    the process ``Delayed`` between the two.

    Raises
    ------
    TypeError, ValueError : the ports, their time steps, weights or delays do not fit.
    """
    out, dt = ends(pre, post)
    matrix = _matrix(weights, post.shape, out.shape)
    _check_signs(post, matrix)
    quantised = getattr(post.process, "quantised", None)
    if quantised is not None:
        matrix.data = quantised(post.name, matrix.data)
    steps = _steps(delay_ms, matrix, dt)
    connection = Delayed(matrix, steps, post.shape, out.shape, dt)
    out.connect(connection.s_in)
    connection.a_out.connect(post)
    return connection


def ends(pre: Any, post: Any) -> tuple[Any, float]:
    """Return the out-port that ``pre`` stands for, and the time step that both ends have.

    Raises
    ------
    TypeError, ValueError : these cannot be connected.
    """
    out = pre if hasattr(pre, "connect") else getattr(pre, "spike", None)
    if out is None or not hasattr(out, "process") or not hasattr(post, "process"):
        raise TypeError(
            "connect(pre, post, ...): pre is a process with spikes or an out-port, "
            "post an in-port such as neurons.spikes"
        )
    return out, _common_step(out, post)


def _step_of(port: Any) -> Any:
    parameters = getattr(port.process, "proc_params", None)
    return None if parameters is None else parameters.get("dt", None)


def _check_signs(post: Any, matrix: Any) -> None:
    """Raise where a port for one sign would get weights of the other."""
    interface = getattr(post.process, "INTERFACE", None)
    partner = None if interface is None else interface.partners.get(post.name)
    if partner is not None and (matrix.data < 0).any():
        raise ValueError(
            f"{_called(post)} takes weights >= 0: connect the others to {partner}, without the sign"
        )


def _common_step(out: Any, post: Any) -> float:
    before, after = _step_of(out), _step_of(post)
    if before is not None and after is not None and before != after:
        raise ValueError(
            f"{_called(out)} has steps of {before:g} ms, {_called(post)} of {after:g} ms: all "
            "processes of a network have the same dt"
        )
    found = before if after is None else after
    if found is None:
        raise TypeError(f"neither {_called(out)} nor {_called(post)} tells the length of its steps")
    return float(found)


def _called(port: Any) -> str:
    return f"{type(port.process).__name__}.{port.name}"


def _matrix(weights: Any, post: Any, pre: Any) -> Any:
    """Return the weights as a sparse matrix, checked."""
    if not sparse.issparse(weights):
        weights = np.asarray(weights, float)
        if weights.ndim != 2:
            raise ValueError(f"weights have the shape {weights.shape}, not (post, pre)")
    matrix = sparse.coo_matrix(weights, dtype=float)
    expected = (int(np.prod(post)), int(np.prod(pre)))
    if matrix.shape != expected:
        raise ValueError(f"weights have the shape {matrix.shape}, not (post, pre) = {expected}")
    if not np.isfinite(matrix.data).all():
        raise ValueError("weights must be finite numbers")
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _steps(delay_ms: Any, matrix: Any, dt: float) -> Any:
    """Return the delay of each entry of ``matrix`` in steps, rounded to the nearest."""
    if delay_ms is None:
        return np.ones(matrix.nnz, np.int64)
    delays = np.asarray(delay_ms.toarray() if sparse.issparse(delay_ms) else delay_ms, float)
    if delays.ndim:
        if delays.shape != matrix.shape:
            raise ValueError(f"delays have the shape {delays.shape}, weights {matrix.shape}")
        delays = delays[matrix.row, matrix.col]
    return whole_steps(np.broadcast_to(delays / dt, matrix.nnz), dt)


def whole_steps(exact: Any, dt: float) -> Any:
    """Round delays, in steps, to the nearest whole ones, with a warning where that changes them.

    Raises
    ------
    ValueError : a delay is shorter than a step.
    """
    steps = np.floor(exact + 0.5)
    if not (np.isfinite(steps) & (steps >= 1)).all():
        wrong = exact[~(np.isfinite(steps) & (steps >= 1))][0] * dt
        raise ValueError(f"a delay of {wrong:g} ms is shorter than a step of {dt:g} ms")
    off = np.abs(exact - steps) > OFF_GRID
    if off.any():
        first = exact[off][0] * dt
        warnings.warn(
            f"a delay of {first:g} ms is no multiple of dt = {dt:g} ms and is rounded to "
            f"{steps[off][0] * dt:g} ms",
            stacklevel=4,
        )
    return steps.astype(np.int64)


class Delayed(AbstractProcess):  # type: ignore[misc]
    """Connections with delays of one step or more, from ``connect``; messages keep their size.

    What is received on ``s_in`` in step k, times the weights, is sent on ``a_out`` in step k +
    delay. As every delay is at least one step, networks with cycles do not wait for ever.

    Parameters
    ----------
    matrix : weights, shape (post, pre), a SciPy matrix in COO format
    steps : delay of each entry of ``matrix``, in steps
    post, pre : shapes of the populations
    dt : length of a time step, ms
    """

    _runtime = None  # Lava's __del__ asks for it even where __init__ has failed

    def __init__(self, matrix: Any, steps: Any, post: Any, pre: Any, dt: float) -> None:
        columns = np.argsort(matrix.col, kind="stable")
        begins = np.concatenate(
            [[0], np.cumsum(np.bincount(matrix.col, minlength=matrix.shape[1]))]
        )
        super().__init__(
            weights=matrix.data[columns],
            targets=matrix.row[columns].astype(np.int64),
            steps=steps[columns],
            begins=begins,
            post=post,
            dt=dt,
        )
        self.s_in = InPort(shape=pre)
        self.a_out = OutPort(shape=post)


@implements(proc=Delayed, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt", "fixed_pt")
class PyDelayedModel(PyLoihiProcessModel):  # type: ignore[misc]
    """How ``Delayed`` runs on a CPU: a ring of as many steps as the longest delay has."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, float)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._weights = proc_params["weights"]
        self._begins = proc_params["begins"]
        self._post = proc_params["post"]
        self._size = int(np.prod(self._post))
        steps = proc_params["steps"]
        self._length = int(steps.max(initial=1))
        # Where in the ring, seen from the row that is due next, an entry adds its weight.
        self._places = (steps - 1) * self._size + proc_params["targets"]
        self._ring = np.zeros(self._length * self._size)
        self._due = 0

    def run_spk(self) -> None:
        """Run one time step: what is due goes out before anything is taken in."""
        self.send_due()
        self.take()

    def send_due(self) -> None:
        row = self._ring[self._due : self._due + self._size]
        self.a_out.send(row.reshape(self._post).copy())
        row[:] = 0.0
        self._due = (self._due + self._size) % len(self._ring)

    def take(self) -> None:
        messages = np.asarray(self.s_in.recv(), float).ravel()
        senders = np.nonzero(messages)[0]
        begins = self._begins[senders]
        counts = self._begins[senders + 1] - begins
        total = int(counts.sum())
        if total == 0:
            return
        ends = np.cumsum(counts)
        entries = np.arange(total) + np.repeat(begins - ends + counts, counts)
        places = (self._places[entries] + self._due) % len(self._ring)
        np.add.at(self._ring, places, self._weights[entries] * np.repeat(messages[senders], counts))
        cancelled = places[self._ring[places] == 0.0]
        self._ring[cancelled] = CANCELLED


class SpikeSource(AbstractProcess):  # type: ignore[misc]
    """Sends spikes at given times: a spike at the time k * dt in step k.

    Parameters
    ----------
    times_ms : the times of one source, or a list of times for each of several
    dt : length of a time step, ms
    """

    _runtime = None  # Lava's __del__ asks for it even where __init__ has failed

    def __init__(self, times_ms: Any, dt: float = 0.1) -> None:
        trains = list(times_ms)
        if not trains or np.isscalar(trains[0]):
            trains = [trains]
        if not 0.0 < dt < np.inf:
            raise ValueError(f"dt must be positive and finite, not {dt}")
        sources = np.repeat(np.arange(len(trains)), [len(x) for x in trains])
        exact = np.concatenate([np.asarray(x, float) for x in trains]) / dt
        steps = np.floor(exact + 0.5)
        wrong = ~(np.isfinite(steps) & (steps >= 1))
        if wrong.any():
            raise ValueError(f"a spike at {exact[wrong][0] * dt:g} ms: the first step ends at dt")
        off = np.abs(exact - steps) > OFF_GRID
        if off.any():
            warnings.warn(
                f"a spike at {exact[off][0] * dt:g} ms is no multiple of dt = {dt:g} ms and is "
                f"moved to {steps[off][0] * dt:g} ms",
                stacklevel=3,  # Lava's metaclass stands between
            )
        order = np.argsort(steps, kind="stable")
        super().__init__(
            steps=steps[order].astype(np.int64), sources=sources[order], size=len(trains), dt=dt
        )
        self.spike = OutPort(shape=(len(trains),))


@implements(proc=SpikeSource, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt", "fixed_pt")
class PySpikeSourceModel(PyLoihiProcessModel):  # type: ignore[misc]
    """How ``SpikeSource`` runs on a CPU."""

    spike: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._steps = proc_params["steps"]
        self._sources = proc_params["sources"]
        self._size = proc_params["size"]

    def run_spk(self) -> None:
        """Run one time step."""
        begin, end = np.searchsorted(self._steps, [self.time_step, self.time_step + 1])
        counts = np.bincount(self._sources[begin:end], minlength=self._size)
        self.spike.send(counts.astype(np.int32))


def run(process: Any, ms: float, select_tag: str = "", models: Any = None) -> None:
    """Run a process, and all that are connected to it, for so long; ``process.stop()`` ends it.

    ``select_tag`` chooses among the models of all processes; if it is empty, the tag of ``process``
    does. ``models`` names the models of processes that have another one.

    A process that fails would leave the others waiting for ever: they are ended.

    Raises
    ------
    ValueError : the time is no multiple of the time step.
    RuntimeError : a process failed; it has printed its traceback.
    """
    dt = float(process.proc_params["dt"])
    steps = round(ms / dt)
    if abs(ms / dt - steps) > OFF_GRID * max(1.0, steps):
        raise ValueError(f"{ms:g} ms is no multiple of the time step, {dt:g} ms")
    if steps < 1:
        return
    try:
        tag_ = select_tag or getattr(process, "TAG", "floating_pt")
        config = Loihi2SimCfg(select_tag=tag_, exception_proc_model_map=models or {})
        process.run(RunSteps(num_steps=steps), config)
    except BaseException:
        for child in multiprocessing.active_children():
            if isinstance(child, SystemProcess):
                child.terminate()
        raise
