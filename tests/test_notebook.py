"""What notebooks show, and that text of a model stays text in it."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

import nestml_core
from nestml_core.experiment import Experiment
from nestml_core.notebook import model_html

HOSTILE = r"""# <script>alert("doc")</script> <img src=x onerror=alert(1)>
# $\alert$ \(x\) </pre><b>&amp;
model hostile:
    state:
        V_m mV = E_L  # <script>alert(1)</script> $5, $6, \(\href{javascript:alert(1)}{x}\) &lt;
    equations:
        kernel K = t / tau * exp(-t / tau)
        V_m' = (E_L - V_m) / tau + convolve(K, spikes) * 1 pA / C_m + I / C_m
    parameters:
        tau ms = 10 ms [[ tau > 0 ms and tau < 1000 ms ]]  # "</td></tr></table>"
        tau_m ms = 2 * tau
        C_m nF = 0.25 nF  # a & b
        E_L V = -0.07 V
    input:
        spikes <- spike
        I pA <- continuous
    output:
        spike
    update:
        integrate_odes()
        if V_m < -80 mV:
            print("</pre><script>alert(2)</script>$")
    onReceive(spikes):
        V_m += 1 mV
    onCondition(V_m >= -50 mV and V_m < 10 mV):
        V_m = E_L
        emit_spike()
"""

ELEMENTS = {
    "div", "h3", "h4", "small", "pre", "code", "span",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


class Reader(HTMLParser):
    """Collects the elements of a page, checks their nesting, and what MathJax would look at."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.texts: list[str] = []
        self.attributes: set[str] = set()
        self.everything = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        self.everything += data
        if not {"pre", "code"} & set(self.open):  # MathJax leaves these alone
            self.texts[-1:] = [(self.texts or [""])[-1] + data]


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def page() -> Reader:
    return read(model_html(nestml_core.load(HOSTILE).solved))


def test_text_of_a_model_is_text(page: Reader) -> None:
    assert page.seen <= ELEMENTS
    assert page.attributes == {"style"}
    assert '<script>alert("doc")</script> <img src=x onerror=alert(1)>' in page.everything
    assert "</pre><b>&amp;" in page.everything
    assert "$5, $6, \\(\\href{javascript:alert(1)}{x}\\) &lt;" in page.everything
    assert "</pre><script>alert(2)</script>$" in page.everything


def test_only_formulas_are_formulas(page: Reader) -> None:
    """MathJax joins the text between two tags; it may find a formula only where we wrote one."""
    formulas = [f for t in page.texts for f in re.findall(r"\\\((.*?)\\\)", t, re.DOTALL)]
    assert not any("href" in f or "$" in f or "alert" in f for f in formulas)
    assert any(r"\frac{\mathrm{d} V_{m}}{\mathrm{d} t}" in f for f in formulas)
    for text in page.texts:
        rest = re.sub(r"\\\(.*?\\\)", "", text, flags=re.DOTALL)
        assert rest in ("$", "\\") or not re.search(r"[$\\]", rest), text
        assert text.count("$") <= 1


def test_values_are_in_declared_units(page: Reader) -> None:
    shown = page.everything
    assert r"\(0.25\)" in shown
    assert r"\mathrm{nF}" in shown
    assert r"\(-0.07\)" in shown
    assert "tau > 0 ms and tau < 1000 ms" in shown
    assert "2 * tau" in shown


@pytest.mark.parametrize("name", ["iaf_psc_exp", "hh_psc_alpha", "izhikevich", "stdp"])
def test_models_of_the_library(name: str) -> None:
    model = nestml_core.load(name)
    bundle = model._repr_mimebundle_()
    assert bundle["text/plain"] == repr(model)
    page = read(bundle["text/html"])
    assert all(p in page.everything for p in model.parameters)
    assert page.seen <= ELEMENTS


def test_a_run_is_its_picture() -> None:
    run = nestml_core.simulate("iaf_psc_exp", 20, backend="reference")
    bundle = run._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert bundle["text/plain"].startswith("<run of iaf_psc_exp on reference: 20 ms, 0 spikes;")
    assert run.plot()._repr_png_().startswith(b"\x89PNG")


def test_a_run_without_matplotlib_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nestml_core.notebook.find_spec", lambda name: None)
    run = nestml_core.simulate("iaf_psc_exp", 1, backend="reference")
    assert set(run._repr_mimebundle_()) == {"text/plain"}


def test_a_comparison_is_a_table() -> None:
    comparison = nestml_core.compare("iaf_psc_exp", Experiment(5), ["reference", "<b>none</b>"])
    bundle = comparison._repr_mimebundle_()
    page = read(bundle["text/html"])
    assert page.seen == {"table", "thead", "tbody", "tr", "th", "td"}
    assert "there is no backend `<b>none</b>`" in page.everything
    assert bundle["text/plain"] == comparison.table()


def test_findings_are_lines() -> None:
    found = nestml_core.check("model m:\n    state:\n        V_m mV = <script>\n")
    page = read(found._repr_mimebundle_()["text/html"])
    assert page.seen == {"pre"}
    assert page.everything == str(found)


def test_nothing_needs_a_notebook() -> None:
    code = "import sys, nestml_core as n; n.load('iaf_psc_exp')._repr_mimebundle_(); "
    code += "assert not {'IPython', 'tqdm', 'matplotlib', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_checking_needs_no_numpy() -> None:
    code = "import sys, nestml_core as n; assert not n.check('iaf_psc_exp').errors; "
    code += "assert not {'numpy', 'scipy', 'pint', 'matplotlib', 'tqdm'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
