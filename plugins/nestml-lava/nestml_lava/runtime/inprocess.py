"""Run processes without Lava's runtime: in this thread, fast, open to a debugger.

Lava executes this file for itself when it looks for models: it imports none of its neighbours.
"""

import importlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np


class InProcess:
    """Run one process without Lava's runtime.

    >>> neurons = InProcess(process)
    >>> neurons.step()  # keywords: what the in-ports receive; returns what ``spike`` sends
    """

    def __init__(self, process: Any) -> None:
        self.process = process
        self.model = _model(process)
        kind = type(self.model)
        self.ports = {
            p.name: _InPort(p.shape, getattr(getattr(kind, p.name), "d_type", float))
            for p in process.in_ports
        }
        self.sent = {p.name: _OutPort(p.shape) for p in process.out_ports}
        for name, port in (*self.ports.items(), *self.sent.items()):
            setattr(self.model, name, port)

    def step(self, **messages: Any) -> Any:
        self._check("port", messages, tuple(self.ports))
        for name, port in self.ports.items():
            port.message = messages.get(name, 0)
        self.model.time_step += 1
        self.model.run_spk()
        return self.sent["spike"].message if "spike" in self.sent else None

    def send_due(self) -> None:
        """Send what was on its way."""
        if hasattr(self.model, "send_due"):
            self.model.send_due()
        else:
            self.model.a_out.send(self.model.a_buff)

    def take(self) -> None:
        """Receive, and learn if it is time to."""
        if hasattr(self.model, "take"):
            self.model.take()
            return
        self.model.run_spk()
        if self.model.lrn_guard():
            self.model.run_lrn()

    def __getitem__(self, name: str) -> Any:
        """Return the values of a variable."""
        self._check("variable", (name,), tuple(x.name for x in self.process.vars))
        return getattr(self.model, name).copy()

    def set(self, **values: Any) -> None:
        """Give variables other values."""
        interface = self.process.INTERFACE
        interface.check_names("variable", values, interface.settable)
        for name, value in values.items():
            getattr(self.model, name)[...] = value
        self.model.on_var_update()

    def _check(self, what: str, names: Any, choices: tuple[str, ...]) -> None:
        interface = getattr(self.process, "INTERFACE", None)
        if interface is not None:
            interface.check_names(what, names, choices)


class InProcessNetwork:
    """Run a process, and all that it is connected to, without Lava's runtime.

    >>> network = InProcessNetwork(neurons)  # any process of it, connected to the others
    >>> network.run(100.0)  # ms
    >>> network[neurons]["V_m"]

    All processes are generated ones, or come from ``connect`` and ``SpikeSource``; a cycle of them
    needs a connection with a delay, as ``connect`` makes them.
    """

    def __init__(self, process: Any) -> None:
        members = {id(p): InProcess(p) for p in _connected(process)}
        self.members = tuple(members.values())
        self.dt = float(process.proc_params["dt"])
        for member in self.members:
            for port in member.process.in_ports:
                sources = [members[id(x.process)].sent[x.name] for x in _sources(port)]
                member.ports[port.name].sources = sources
        self.delays = tuple(m for m in self.members if _has_delay(m))
        self.others = tuple(_in_order(m for m in self.members if not _has_delay(m)))

    def run(self, ms: float) -> None:
        """Run all processes for so many ms, a multiple of the time step."""
        steps = round(ms / self.dt)
        if abs(ms / self.dt - steps) > 1e-6 * max(1.0, steps):
            raise ValueError(f"{ms:g} ms is no multiple of the time step, {self.dt:g} ms")
        for _ in range(steps):
            self.step()

    def step(self) -> None:
        """Run one time step: what is on its way arrives before anything is sent off."""
        for member in self.members:
            member.model.time_step += 1
        for member in self.delays:
            member.send_due()
        for member in self.others:
            member.model.run_spk()
        for member in self.delays:
            member.take()

    def __getitem__(self, process: Any) -> InProcess:
        """Return what runs a process of the network."""
        for member in self.members:
            if member.process is process:
                return member
        raise KeyError(f"{type(process).__name__} is no process of this network")


def _model(process: Any) -> Any:
    """Return a model of a process: as Lava finds it, a class of the module of the process."""
    kind = type(process)
    own = sys.modules[kind.__module__]
    for found in vars(own).values():
        if getattr(found, "implements_process", None) is kind and hasattr(found, "run_spk"):
            return _begun(found, process)
    beside = kind.__module__.rpartition(".")[0] + ".models"
    if kind.__module__.startswith("lava.proc."):
        wanted = getattr(process, "model_tag", "floating_pt")
        for found in vars(importlib.import_module(beside)).values():
            if getattr(found, "implements_process", None) is kind and wanted in found.tags:
                return _begun(found, process)
    raise TypeError(f"{kind.__name__} has no model that runs in-process")


def _begun(kind: Any, process: Any) -> Any:
    """Return a model with the first values of its variables."""
    model = kind(process.proc_params)
    for var in process.vars:
        value = var.init
        if not isinstance(value, str):
            value = np.array(np.broadcast_to(value, var.shape), getattr(kind, var.name).d_type)
        setattr(model, var.name, value)
    return model


def _has_delay(member: InProcess) -> bool:
    """Return whether a process sends what it has before it receives; Lava's own ones buffer it."""
    return hasattr(member.model, "send_due") or hasattr(member.model, "a_buff")


def _sources(port: Any) -> list[Any]:
    """Return the out-ports that send to an in-port."""
    for source in port.in_connections:
        if not hasattr(source, "process") or not hasattr(source, "out_connections"):
            raise TypeError(f"{port.name}: ports are connected to ports here, not reshaped ones")
    return list(port.in_connections)


def _connected(process: Any) -> list[Any]:
    """Return a process and all that it is connected to, in order of discovery."""
    found = [process]
    for p in found:
        ports = [x for port in p.out_ports for x in port.out_connections]
        ports += [x for port in p.in_ports for x in _sources(port)]
        for port in ports:
            if not any(port.process is other for other in found):
                found.append(port.process)
    return found


def _in_order(members: Iterator[InProcess]) -> Iterator[InProcess]:
    """Yield processes after those that send to them in the same step."""
    waiting = list(members)
    while waiting:
        pending = {id(port) for m in waiting for port in m.sent.values()}
        ready = [
            m
            for m in waiting
            if not any(id(x) in pending for port in m.ports.values() for x in port.sources)
        ]
        if not ready:
            names = ", ".join(sorted({type(m.process).__name__ for m in waiting}))
            raise ValueError(f"{names} wait for each other: connect them with `connect`")
        yield from ready
        waiting = [m for m in waiting if all(m is not x for x in ready)]


class _InPort:
    def __init__(self, shape: tuple[int, ...], kind: Any) -> None:
        self.shape = shape
        self.kind = kind
        self.message: Any = 0
        self.sources: list[_OutPort] = []

    def recv(self) -> Any:
        received = np.zeros(self.shape, self.kind) + self.message  # as Lava adds messages up
        for source in self.sources:
            received = received + source.message
        return received


class _OutPort:
    def __init__(self, shape: tuple[int, ...]) -> None:
        self.message: Any = np.zeros(shape)

    def send(self, message: Any) -> None:
        self.message = message.copy()
