"""The generated headers: readable, embeddable, free of warnings and of undefined behaviour."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from generated_programs import WARNINGS, generate, solved

from nestml_core.api import ModelKind
from nestml_core.testing import models

Cpp = Callable[..., str]

NEURONS = [name for name, m in models().items() if m.kind is ModelKind.NEURON]

EVERYTHING = """
model everything:
    state:
        V_m mV = E_L
        I_syn pA = 0 pA
        w real = 0
        g real = 0
        n integer = 0
        b boolean = false
        name string = "everything"
    parameters:
        E_L mV = -70 mV
        tau ms = 10 ms [[ tau > 0 ms ]]
        tau_1 ms = 2 ms
        tau_2 ms = 2 ms
        C_m pF = 250 pF
        k real = twice(2)
        m real = scaled(3)
    internals:
        count integer = steps(tau)
        half ms = tau / 2
    equations:
        kernel K = exp(-t / tau_2)
        recordable inline I_total pA = I_syn + I_stim + 1 pA * convolve(K, spikes)
        I_syn' = -I_syn / tau_1
        V_m' = -(V_m - E_L) / tau + I_total / C_m
        w' = (w - w**3 / 3 - g) / 10 ms
        g' = (0.08 * (w + 0.7 - 0.8 * g)) / 10 ms
    input:
        spikes <- spike
        I_stim pA <- continuous
    output:
        spike
    update:
        integrate_odes()
        i integer = 0
        for i in 0 ... 3 step 1:
            n += i
        while n > 20:
            n -= 7
        if b and not (n == 3) or V_m > E_L:
            w = max(w, -10)
        x real = random_normal(0, 1) + random_uniform(0, 1) + random_poisson(2)
        if x > 4:
            info("n is {n}, V_m is {V_m}" + name)
    onReceive(spikes):
        I_syn += 1 pA * spikes * 1 s
        b = not b
    onCondition(V_m > -69 mV):
        V_m = E_L
        emit_spike()
    function twice(a real) real:
        return 2 * a
    function scaled(a real) real:
        return k * a
"""
"""A model that uses every piece of the runtime but forward Euler and the matrix exponential."""


@pytest.mark.parametrize("name", NEURONS)
def test_compiles_without_warnings(name: str, compiler: tuple[str, ...], tmp_path: Path) -> None:
    generate(models()[name], tmp_path)
    sources = sorted(tmp_path.glob("*.cpp"))
    assert len(sources) == 2
    command = [*compiler, *WARNINGS, "-fsyntax-only", *sources]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", NEURONS)
def test_lines_are_short_and_tidy(name: str, tmp_path: Path) -> None:
    for path, text in generate(models()[name], tmp_path).items():
        assert text.endswith("\n"), path
        assert "\t" not in text
        assert "\n\n\n" not in text, f"{path} has two blank lines in a row"
        for number, line in enumerate(text.splitlines(), 1):
            assert line == line.rstrip(), f"{path}:{number} ends in blanks"
            is_own = not any(
                line.endswith(x) for x in models()[name].documentation.splitlines() if x
            )
            assert len(line) <= 100 or not is_own, f"{path}:{number} is long"


def test_several_headers_in_two_translation_units(cpp: Cpp, tmp_path: Path) -> None:
    for name in ("iaf_psc_exp", "izhikevich", "oscillator", "noise", "messages"):
        generate(models()[name], tmp_path)
    generate(solved(EVERYTHING), tmp_path)
    headers = "".join(f'#include "{p.name}"\n' for p in sorted(tmp_path.glob("*.hpp")))
    again = headers * 2 + "double other() { return nestml::izhikevich(0.1).state().U_m; }"
    main = f"""
        {headers}
        #include <cstdio>
        double other();
        int main() {{ std::printf("%g %g", other(), nestml::izhikevich().state().U_m); }}
        """
    assert cpp(again, main) == "-13 -13"


def test_models_of_one_name_live_in_two_namespaces(cpp: Cpp, tmp_path: Path) -> None:
    for i, namespace in enumerate(("a", "b::c")):
        (tmp_path / str(i)).mkdir()
        generate(models()["iaf_psc_exp"], tmp_path / str(i), namespace=namespace)
    printed = cpp(
        """
        #include "0/iaf_psc_exp.hpp"
        #include "1/iaf_psc_exp.hpp"
        #include <cstdio>
        int main() {
          std::printf("%g", a::iaf_psc_exp().state().V_m + b::c::iaf_psc_exp().state().V_m);
        }
        """
    )
    assert printed == "-140"


def test_sanitizers_find_nothing(cpp: Cpp, tmp_path: Path) -> None:
    generate(solved(EVERYTHING), tmp_path)
    printed = cpp(
        """
        #include "everything.hpp"
        #include <cstdio>
        int main() {
          nestml::everything neuron(0.1);
          neuron.seed(7);
          nestml::everything::Parameters p;
          p.tau_1 = 2.0000001;
          if (neuron.configure(p, 0.25) != nullptr || neuron.violated_guard() != nullptr) return 1;
          neuron.reset();
          int spikes = 0;
          for (int k = 0; k < 4000; ++k) {
            const auto before = neuron.state();
            nestml::everything::Input in;
            if (k % 5 == 0) in.spikes.add(20.0);
            in.I_stim = k % 100;
            spikes += neuron.step(in);
            if (const char* name = neuron.not_finite(before)) std::printf("%s\\n", name);
          }
          std::printf("%s", spikes > 0 ? "spiked" : "silent");
        }
        """,
        flags=("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
    )
    assert printed == "spiked"


def test_a_step_allocates_nothing_and_derives_nothing(cpp: Cpp, tmp_path: Path) -> None:
    generate(models()["izhikevich"], tmp_path)
    generate(models()["iaf_psc_exp"], tmp_path)
    header = (tmp_path / "iaf_psc_exp.hpp").read_text(encoding="utf-8")
    counting = header.replace("void derive() {", "void derive() { ++derivations;", 1)
    (tmp_path / "counting.hpp").write_text(counting, encoding="utf-8")
    printed = cpp(
        """
        #include <cstdio>
        #include <cstdlib>
        #include <new>
        int allocations = 0;
        int derivations = 0;
        void* operator new(std::size_t size) {
          ++allocations;
          return std::malloc(size);
        }
        void operator delete(void* p) noexcept { std::free(p); }
        void operator delete(void* p, std::size_t) noexcept { std::free(p); }
        #include "counting.hpp"
        #include "izhikevich.hpp"
        int main() {
          nestml::iaf_psc_exp a(0.1);
          nestml::izhikevich b(0.1);
          const int before = derivations;
          for (int k = 0; k < 1000; ++k) {
            nestml::iaf_psc_exp::Input in;
            in.exc_spikes.add(500.0);
            a.step(in);
            nestml::izhikevich::Input other;
            other.I_stim = 10.0;
            b.step(other);
          }
          std::printf("%d %d ", allocations, derivations - before);
          nestml::iaf_psc_exp::Parameters p;
          p.tau_m = 20.0;
          if (a.configure(p) != nullptr || a.configure(p, 0.2) != nullptr) return 1;
          p.tau_m = -1.0;
          if (a.configure(p) == nullptr || a.parameters().tau_m != 20.0) return 1;
          std::printf("%d", derivations - before);
        }
        """
    )
    assert printed == "0 0 2"


def test_the_example_of_the_readme_runs(cpp: Cpp, tmp_path: Path) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- example: embed -->\n```cpp\n(.*?)```", readme, re.DOTALL)
    assert found is not None
    generate(models()["iaf_psc_exp"], tmp_path)
    printed = cpp(found[1])
    assert printed.startswith("spike at ")
    assert printed.rstrip().endswith(" mV")


def test_a_step_is_a_handful_of_multiplications(compiler: tuple[str, ...], tmp_path: Path) -> None:
    """iaf_psc_exp: five products for V_m and two for the currents, no division, no call."""
    generate(models()["iaf_psc_exp"], tmp_path)
    source = tmp_path / "step.cpp"
    source.write_text(
        """
        #include "iaf_psc_exp.hpp"
        using Neuron = nestml::iaf_psc_exp;
        int step(Neuron& neuron, const Neuron::Input& in) { return neuron.step(in); }
        """,
        encoding="utf-8",
    )
    command = [*compiler, "-O2", "-S", source, "-o", "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    code = re.findall(r"^\t([a-z]\w*)", text, re.MULTILINE)
    assert not [c for c in code if c.startswith(("div", "call", "bl", "fdiv"))]
    products = [c for c in code if "mul" in c]
    assert 0 < len(products) <= 9
    assert len(code) <= 80


QUOTED = """  /// integrate_odes(V_m, I_syn, w, g)
  ///
  ///     V_m' = -(V_m / tau) + I_syn / C_m + K__X__spikes / C_m + E_L / tau + I_stim / C_m
  ///     I_syn' = -(I_syn / tau_1)
  ///     w' = (w - w ** 3 / 3 - g) / 10
  ///     g' = 0.008 * (w + 0.7 - 0.8 * g)
"""


def test_comments_quote_the_equations(tmp_path: Path) -> None:
    """As they are integrated, not with parts taken out; where they are, and at the struct."""
    header = generate(solved(EVERYTHING), tmp_path)["everything.hpp"]
    assert QUOTED in header
    lines = "".join(f"///     {line.split('///     ')[1]}\n" for line in QUOTED.splitlines()[2:])
    assert f"///\n{lines}struct everything {{" in header
    assert (
        "/// iaf_psc_exp - leaky" in generate(models()["iaf_psc_exp"], tmp_path)["iaf_psc_exp.hpp"]
    )


def test_documentation_cannot_become_code(cpp: Cpp, tmp_path: Path) -> None:
    text = """
# sneaky \\\\
# ends in a backslash \\
# LONG
# */ closes nothing ??/
# {{ model.name }} {% if 1 %} \N{RIGHT-TO-LEFT OVERRIDE} \N{GREEK SMALL LETTER TAU}
model sneaky:
    state:
        x real = 1 # */ \\
        y mV = 1 mV # V \\
    update:
        x += 1
"""
    text = text.replace("LONG", "\\ " * 60 + "end")  # broken at a backslash
    files = generate(solved(text), tmp_path)
    header = files["sneaky.hpp"]
    assert "{{ model.name }} {% if 1 %}" in header
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in header
    assert "\N{GREEK SMALL LETTER TAU}" in header
    printed = cpp(
        """
        #include "sneaky.hpp"
        #include <cstdio>
        int main() {
          nestml::sneaky n;
          n.step({});
          std::printf("%g %g", n.state().x, n.state().y);
        }
        """
    )
    assert printed == "2 1"
