"""Models that are Lava's own LIF or LIFRefractory, with the parameters that make them so.

Lava executes this file for itself when it looks for models: it imports none of its neighbours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.proc.lif.process import LIF, LIFRefractory
from lava.proc.sparse.process import Sparse
from scipy import sparse

MESSAGE_BITS = 24
"""Messages are sums of weights, not single spikes."""


@dataclass(frozen=True)
class Stock:
    """Lava's process and its parameters; potentials in mV above ``reset``.

    ``gains`` are what a weight of 1 at each port adds to u. If ``late``, what arrives in a step
    acts in the next one: the connections inside have that delay.
    """

    name: str
    dt: float
    potential: str
    du: float
    dv: float
    bias: float
    vth: float
    refractory: int
    reset: float
    v: float
    u: float
    gains: Mapping[str, float]
    late: bool
    partners: Mapping[str, str]
    baked: tuple[str, ...]
    """The parameters that the numbers are made for."""


class StockPopulation(AbstractProcess):  # type: ignore[misc]
    """What the processes of all these models have in common."""

    INTERFACE: Stock
    _runtime = None  # Lava's __del__ asks for it even where __init__ has failed

    def __init__(
        self,
        *,
        shape: Any = (1,),
        dt: Any = None,
        name: Any = None,
        log_config: Any = None,
        **values: Any,
    ) -> None:
        own = self.INTERFACE
        shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
        if len(shape) != 1 or shape[0] < 1:
            raise ValueError(f"{own.name}: a population of shape {shape}; give one number")
        if dt is not None and abs(dt - own.dt) > 1e-12 * own.dt:
            raise ValueError(f"{own.name} is made for steps of {own.dt:g} ms, not {dt:g}")
        _check(own, values)
        potential = values.get(own.potential, own.v + own.reset)
        super().__init__(shape=shape, dt=own.dt, name=name, log_config=log_config)
        self.v = Var(shape=shape, init=np.broadcast_to(potential - own.reset, shape).astype(float))
        self.u = Var(shape=shape, init=np.full(shape, own.u))
        for port in own.gains:
            setattr(self, port, InPort(shape=shape))
        self.spike = OutPort(shape=shape)

    def to_physical(self, v: Any) -> Any:
        """Return values of ``v`` as membrane potentials, in mV."""
        return np.asarray(v) + self.INTERFACE.reset


def _check(own: Stock, values: Any) -> None:
    for given in values:
        if given in own.baked:
            raise TypeError(
                f"{own.name}: the parameters are made for one {given}; build for another with the "
                f"option values={given}=..."
            )
        if given != own.potential:
            close = get_close_matches(given, (own.potential, *own.baked), 1)
            hint = f"did you mean {close[0]!r}?" if close else f"there is {own.potential}"
            raise TypeError(f"{own.name} has no variable {given!r}; {hint}")


def parts(process: Any) -> dict[str, Any]:
    """Return Lava's processes for a population by name, connected to its ports and variables."""
    own: Stock = process.INTERFACE
    shape = process.proc_params["shape"]
    common = dict(
        shape=shape,
        u=np.array(process.u.init),
        v=np.array(process.v.init),
        du=own.du,
        dv=own.dv,
        bias_mant=own.bias,
        vth=own.vth,
    )
    if own.refractory:
        neurons = LIFRefractory(**common, refractory_period=own.refractory)
    else:
        neurons = LIF(**common)
    found = {"neurons": neurons}
    for port, gain in own.gains.items():
        if own.late:
            weights = sparse.identity(shape[0], format="csr") * gain
            connection = Sparse(weights=weights, num_message_bits=MESSAGE_BITS)
            getattr(process, port).connect(connection.s_in)
            connection.a_out.connect(neurons.a_in)
            found[f"to_{port}"] = connection
        else:
            getattr(process, port).connect(neurons.a_in)
    neurons.s_out.connect(process.spike)
    process.vars.v.alias(neurons.vars.v)
    process.vars.u.alias(neurons.vars.u)
    return found
