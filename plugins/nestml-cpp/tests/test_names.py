"""Names of models in C++."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from generated_programs import RUNTIME, Neuron, generate, solved
from nestml_cpp.backend import CppBackend
from nestml_cpp.names import MEMBERS, reserved

from nestml_core.api import C_RESERVED, SolvedProgram
from nestml_core.testing import models

HARD = """
model class:
    state:
        double mV = int
        p mV = 1 mV
        s real = 2
        in_ real = 3
        State real = 4
        emitted integer = 0
        x real = 0
        x' ms**-1 = 1 ms**-1
    parameters:
        int mV = 5 mV
        Parameters mV = 6 mV [[ Parameters > 0 mV ]]
        new ms = 7 ms
        M_PI real = 8
        EOF real = 9
        dt_ real = 10
        d real = 11
        rng real = 12
    internals:
        Derived real = M_PI + EOF
        std real = 13
    equations:
        double' = -(double - int) / new
        p' = (p - p * p * p / 1 mV**2) / new
        x'' = -x / new**2
    input:
        default <- spike
        Input pA <- continuous
    output:
        spike
    update:
        p_ real = s
        dt_ integer = 1
        d_ real = p_ + this(dt_)
        s = d_ + derive()
        integrate_odes()
    onReceive(default):
        namespace real = 1
        s += namespace
    onCondition(s > 1e6):
        emit_spike()
        emitted += 1
    function this(delete integer) real:
        s_ real = delete
        return s_ + d
    function derive() real:
        return M_PI / 1000
"""


def test_hard_names(neuron: Callable[..., Neuron]) -> None:
    """Words of C++, macros, and what the struct uses itself; the outside still uses the model's."""
    made = neuron(HARD, flags="-Wall -Wextra -Wpedantic -Werror")
    trace = made.run(
        10.0,
        dt=1.0,
        parameters={"int": 4.0, "EOF": 1.0},
        initial={"double": 2.0, "State": 3.0},
        spikes={"default": [(2.0, 1.0), (3.0, 1.0)]},
        currents={"Input": 3.0},
    )
    assert {"double", "p", "s", "State", "x", "x'"} <= set(trace.values)
    t = trace.times
    assert trace["double"] == pytest.approx(4 - 2 * np.exp(-t / 7), rel=1e-13)
    assert trace["x"] == pytest.approx(7 * np.sin(t / 7), rel=1e-12)
    assert trace["s"] == pytest.approx(2 + 12.008 * t + np.minimum(np.maximum(t - 1, 0), 2))
    assert (trace["State"] == 3.0).all()


def test_every_macro_of_the_headers_is_reserved(compiler: tuple[str, ...], tmp_path: Path) -> None:
    """With strict and with GNU C++: what the preprocessor defines, no variable may be called."""
    source = tmp_path / "all.cpp"
    pieces = "".join(f'#include "{p}"\n' for p in sorted(RUNTIME.glob("*.hpp")))
    source.write_text(f"#include <algorithm>\n#include <string>\n{pieces}", encoding="utf-8")
    for standard in ("c++20", "gnu++20"):
        command = [*compiler, f"-std={standard}", "-dM", "-E", source]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        macros = re.findall(r"^#define ([A-Za-z]\w*)", text, re.MULTILINE)
        own = {m for m in macros if m.startswith("NESTML_")}
        assert len(macros) > 50
        assert set(macros) - own <= reserved(macros)


def test_names_of_ordinary_models_stay() -> None:
    names = (
        "V_m E_L E_K E_Na tau_m I_e C_m V_th W w_max EPSP g_Na M m h n t_ref U P_0 WINDOW".split()
    )
    assert reserved(names) - C_RESERVED <= {"EPSP", "WINDOW"}  # might be error numbers and the like


def test_members_of_generated_structs_are_all_known(tmp_path: Path) -> None:
    """No struct has a member, beside those made from names of the model, that is not reserved."""
    for name in ("clock", "noise", "izhikevich"):
        model = models()[name]
        header = generate(model, tmp_path)[f"{name}.hpp"]
        struct = header[header.index(f"struct {name} {{") :]
        methods = re.findall(
            r"^  [\w:&<>*\[\] ]*?(\w+)\([^()]*\)(?: const)? {", struct, re.MULTILINE
        )
        data = re.findall(r"^  [\w:]+(?: long)? (\w+)(?: = [^;]+)?;$", struct, re.MULTILINE)
        own = {name} | {m for m in methods if re.match(r"(integrate|on_condition|on_receive)_", m)}
        assert len(methods) > 5
        assert len(data) > 3
        assert set(methods) | set(data) <= MEMBERS | own


def test_two_models_of_one_file_are_refused() -> None:
    text = "model {}:\n    state:\n        x real = 1\n    update:\n        x += 1\n"
    program = SolvedProgram(tuple(solved(text.format(name)) for name in ("iaf", "IAF")))
    lowered = CppBackend().lower(program, CppBackend.options())
    assert [d.code.id for d in lowered.diagnostics] == ["CPP005"]


@pytest.mark.parametrize(
    "namespace", ["", "a b", "1a", "class", "a::", "a__b", "nestml_runtime", "a;"]
)
def test_bad_namespaces_are_refused(namespace: str) -> None:
    program = SolvedProgram((models()["iaf_psc_exp"],))
    lowered = CppBackend().lower(program, CppBackend.options(namespace=namespace))
    assert [d.code.id for d in lowered.diagnostics] == ["CPP006"]
