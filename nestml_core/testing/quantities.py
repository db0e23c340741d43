"""Models whose numbers depend on every unit in them, with what they must yield.

The expected numbers are closed forms worked out by hand from the physical quantities in the text;
none was computed by the compiler.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Quantities:
    """A model, an experiment with it, and the values at its end.

    Attributes
    ----------
    text : NESTML
    expected : for each recordable its last value, in coherent units
    experiment : what ``Experiment`` takes; numbers are in declared units
    spikes : the times of emitted spikes, in ms
    """

    text: str
    expected: Mapping[str, float]
    experiment: Mapping[str, Any] = field(default_factory=lambda: {"duration": 1.0})
    spikes: tuple[float, ...] = ()

    def shortfalls(self, values: Mapping[str, Any], tolerance: float = 1e-12) -> list[str]:
        """Return what is wrong with recorded values, of which the last count."""
        found = []
        for name, expected in self.expected.items():
            value = float(values[name][-1])
            if not abs(value - expected) <= tolerance * max(abs(expected), 1e-30):
                found.append(f"{name} is {value!r}, not {expected!r}")
        return found


DECLARED = Quantities(
    """
model declared_prefixes:
    parameters:
        E V = -0.07 V
        given V = 1 V
    state:
        v V = 3 V
        g uS = 5 uS
        kmV mV = 5 V
        back V = kmV
        x_mV mV = v
        c nF = 0.25 nF
        r MOhm = 100 MOhm
        f kHz = 12 Hz
        rate 1/s = 11 s**-1
        length mm = 9 um
        amount mol = 10 mmol
        warm mK = 300 K
        membrane uF/cm**2 = 1 uF/cm**2
        dense mmol/l = 3 umol/ml
        rest mV = E
        from_outside mV = given
        set_from_outside V = 0 V
        fraction real = 5 percent
        times real = 1 s / 1 ms
        none real = 2 kHz * 3 ms
        square V**2 = 2 mV**2
        whole_square mV**2 = (2 V)**2
        root mV**(1/2) = (4 mV)**0.5
        count integer = 1 s / 3 ms
""",
    MappingProxyType(
        {
            "v": 3000.0,
            "g": 5000.0,
            "kmV": 5000.0,
            "back": 5000.0,
            "x_mV": 3000.0,
            "c": 250.0,
            "r": 0.1,
            "f": 0.012,
            "rate": 0.011,
            "length": 9.0,
            "amount": 10.0,
            "warm": 300.0,
            "membrane": 0.01,  # 1e6 pF on 1e8 um**2
            "dense": 3e-15,  # a litre is 1e15 um**3
            "rest": -70.0,
            "from_outside": 250.0,
            "set_from_outside": 40.0,
            "fraction": 0.05,
            "times": 1000.0,
            "none": 6.0,
            "square": 2.0,
            "whole_square": 4e6,
            "root": 2.0,
            "count": 333.0,
        }
    ),
    MappingProxyType(
        {"duration": 1.0, "parameters": {"given": 0.25}, "initial": {"set_from_outside": 0.04}}
    ),
)
"""Declared units of every prefix; values between them; and values from outside."""

MIXED = Quantities(
    """
model mixed_prefixes:
    parameters:
        U V = 2 V
        u mV = 3 mV
    state:
        sum_left V = 0 V
        sum_right mV = 0 mV
        difference mV = 0 mV
        plus mV = 1 mV
        minus V = 1 V
        product V = 1 V
        share mV = 1 V
        larger mV = 0 mV
        smaller V = 0 V
        clipped mV = 0 mV
        positive mV = 0 mV
        chosen mV = 0 mV
        uniform mV = 0 mV
        normal V = 0 V
        called mV = 0 mV
        passed V = 0 V
        comparisons integer = 0
        grid integer = 0
        step_in_us real = 0
        local_value V = 0 V
    function doubled(x mV) V:
        y V = 2 * x
        return y + 1 mV
    function same(x V) mV:
        return x
    update:
        sum_left = U + u
        sum_right = u + U
        difference = u - U
        plus += 1 V
        minus -= 250 mV
        product *= 3
        share /= 4
        larger = max(u, U)
        smaller = min(U, u)
        clipped = clip(5 V, u, U)
        positive = abs(-U)
        chosen = u < U ? U : u
        uniform = random_uniform(1 V, 0 mV)
        normal = random_normal(500 mV, 0 V)
        called = doubled(U)
        passed = same(u)
        comparisons = 0
        if U > u and u < U and 2000 mV == U and U >= 1999 mV and 2001 mV != U:
            comparisons = 1
        grid = steps(0.002 s)
        step_in_us = resolution() / 1 us
        half V = 500 mV
        local_value = half
""",
    MappingProxyType(
        {
            "sum_left": 2003.0,
            "sum_right": 2003.0,
            "difference": -1997.0,
            "plus": 1001.0,
            "minus": 750.0,
            "product": 3000.0,
            "share": 250.0,
            "larger": 2000.0,
            "smaller": 3.0,
            "clipped": 2000.0,
            "positive": 2000.0,
            "chosen": 2000.0,
            "uniform": 1000.0,
            "normal": 500.0,
            "called": 4001.0,
            "passed": 3.0,
            "comparisons": 1.0,
            "grid": 4.0,
            "step_in_us": 500.0,
            "local_value": 500.0,
        }
    ),
    MappingProxyType({"duration": 0.5, "dt": 0.5}),
)
"""Operators, functions, arguments, results and assignments between prefixes."""

LITERALS = Quantities(
    """
model literals:
    parameters:
        x real = 2
        y 1/mV = 0.5 1/mV
        z V = 0.002 V
        b boolean = true
    state:
        argument real = exp(3 mV*y)
        negative mV = -3 mV*x
        second mV = z + 3 mV*x
        branch mV = b ? 3 mV*x : z
        group mV = x * (3 mV*x)
        greater mV = max(3 mV*x, z)
        below 1/ms = 3 1/ms*x
        all_below 1/(ms*mV) = 3 1/ms*mV
        rate mV/ms = 3 mV/ms*x
        over mV = 12 mV/x
        returned mV = 0 mV
        unit_group pA = 3 mV*(nS)
        power mV**2 = 3 mV**2
        whole_power ms**2 = (2 ms)**2
        folded ms**2 = 2 ms**(1 + 1)
    function triple(x real) mV:
        return 3 mV*x
    update:
        returned = triple(2)
""",
    MappingProxyType(
        {
            "argument": math.exp(1.5),
            "negative": -6.0,
            "second": 8.0,
            "branch": 6.0,
            "group": 12.0,
            "greater": 6.0,
            "below": 6.0,
            "all_below": 3.0,
            "rate": 6.0,
            "over": 6.0,
            "returned": 6.0,
            "unit_group": 3.0,
            "power": 3.0,
            "whole_power": 4.0,
            "folded": 4.0,
        }
    ),
)
"""Numbers with units beside variables, in every place where these stand."""

EQUATIONS = Quantities(
    """
model equations_with_units:
    parameters:
        tau s = 0.01 s
        C nF = 0.25 nF
        g uS = 0.0125 uS
        I_e nA = 0.5 nA
    state:
        second real = 1
        per_second real = 1
        power real = 1
        volt V = 0 V
        charged mV = 0 mV
        ohmic V = 1 V
        driven mV = 0 mV
        timer s = 0.1 s
        rising mV = 0 mV
    equations:
        inline target V = 2 V
        inline leak nA = g * ohmic
        second' = -second / 1 s
        per_second' = -per_second * 0.01 1/s
        power' = -power * 50 s**-1
        volt' = (target - volt) / tau
        charged' = I_e / C
        ohmic' = -leak / C
        driven' = I / 250 pF
        timer' = -1
        rising' = 0.5 V/s
    input:
        I nA <- continuous
    update:
        integrate_odes()
""",
    MappingProxyType(
        {
            "second": math.exp(-0.02),
            "per_second": math.exp(-0.0002),
            "power": math.exp(-1.0),
            "volt": 2000.0 * (1.0 - math.exp(-2.0)),
            "charged": 40.0,  # 500 pA / 250 pF, for 20 ms
            "ohmic": 1000.0 * math.exp(-1.0),  # 12.5 nS / 250 pF is 0.05/ms
            "driven": 16.0,  # 200 pA / 250 pF, for 20 ms
            "timer": 80.0,
            "rising": 10.0,
        }
    ),
    MappingProxyType({"duration": 20.0, "dt": 0.1, "currents": {"I": 0.2}}),
)
"""Literals, declared prefixes and inlines in equations of linear systems."""

NONLINEAR = Quantities(
    """
model nonlinear_with_units:
    parameters:
        K V = 1 V
        r 1/s = 50 1/s
    state:
        v V = 100 mV
    equations:
        v' = r * v * (1 - v / K)
    update:
        integrate_odes()
""",
    # the logistic function: K / (1 + (K / v0 - 1) exp(-r t)) with r t = 1
    MappingProxyType({"v": 1000.0 / (1.0 + 9.0 * math.exp(-1.0))}),
    MappingProxyType({"duration": 20.0, "dt": 0.1}),
)
"""A numerically solved equation in volts and seconds."""

KERNELS = Quantities(
    """
model kernels_with_units:
    state:
        G real = 1
        jumped V = 0 V
        moved mV = 0 mV
        handled mV = 0 mV
        smoothed mV = 0 mV
    equations:
        kernel K = exp(-t / 0.002 s)
        kernel G' = -G * 250 1/s
        kernel D = delta(t)
        recordable inline current nA = 1 nA * convolve(K, spikes)
        recordable inline conductance uS = 2 nS * convolve(G, spikes)
        jumped' = 1 V * spikes
        moved' = 5 V/s * convolve(D, spikes)
        smoothed' = 1 uV * convolve(K, spikes) / 1 us
    input:
        spikes <- spike
    update:
        integrate_odes()
    onReceive(spikes):
        handled += 1 V * spikes * 1 s
""",
    MappingProxyType(
        {
            # a spike of weight 3 at 1 ms, seen at 5 ms
            "current": 3000.0 * math.exp(-2.0),
            "conductance": 6.0 * math.exp(-1.0),
            "jumped": 3000.0,
            "moved": 15.0,  # 5 mV/ms, for a pulse of area 3
            "handled": 3000.0,
            "smoothed": 3.0 * 2.0 * (1.0 - math.exp(-2.0)),
        }
    ),
    MappingProxyType({"duration": 5.0, "dt": 0.5, "spikes": {"spikes": ((1.0, 3.0),)}}),
)
"""Kernels, convolutions and ports with factors of every prefix."""

THRESHOLD = Quantities(
    """
model threshold_with_units:
    parameters:
        I_e nA = 0.5 nA
        C nF = 0.25 nF
        V_th V = 0.01995 V
        pause s = 0.003 s
    state:
        V_m mV = 0 V
        wait s = 0 s
    equations:
        V_m' = I_e / C
        wait' = -1
    output:
        spike
    update:
        if wait > 0.05 ms:
            integrate_odes(wait)
        else:
            integrate_odes(V_m)
    onCondition(V_m >= V_th):
        V_m = 0 V
        wait = pause
        emit_spike()
""",
    # 2 mV/ms reach 19.95 mV in the step to 10 ms; 3 ms of rest; and again in 23 ms
    MappingProxyType({"V_m": 0.4}),
    MappingProxyType({"duration": 26.2, "dt": 0.1}),
    (10.0, 23.0),
)
"""A threshold in volts and a timer in seconds."""

QUANTITIES: Mapping[str, Quantities] = MappingProxyType(
    {
        "declared": DECLARED,
        "mixed": MIXED,
        "literals": LITERALS,
        "equations": EQUATIONS,
        "nonlinear": NONLINEAR,
        "kernels": KERNELS,
        "threshold": THRESHOLD,
    }
)

TOLERANCE: Mapping[str, float] = MappingProxyType({"nonlinear": 1e-5, "threshold": 1e-9})
"""How far values may be off, relative, where they are not exact."""
