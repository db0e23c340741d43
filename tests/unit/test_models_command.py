"""The shipped models as users meet them: listed, searched, shown, copied, loaded, pictured."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

import nestml_core
from nestml_core import datasheet
from nestml_core.datasheet import DataSheet, as_html, as_text
from nestml_core.describe import describe
from nestml_core.library import (
    ALIASES,
    KINDS,
    SYNONYMS,
    LibraryModel,
    head,
    library,
    library_model,
    library_models,
    listing,
    nothing_fits,
    search,
    suggestion,
)
from nestml_core.pipeline import check_sources, find_files, resolved_models
from nestml_core.printing import terminal
from nestml_core.showing import copied, data_sheets, renamed
from nestml_core.source import Source

ROOT = Path(__file__).parents[2]
MODELS = library()
NAMES = [m.name for m in MODELS]
PICTURES = ROOT / "docs" / "models"


def nestml(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nestml_core.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
        timeout=120,
    )


def sheet(text: str) -> DataSheet:
    """Return the data sheet of a model that a test writes."""
    source = Source("m.nestml", text)
    solved = check_sources([source]).value
    written = resolved_models(source).value
    assert solved is not None
    assert written is not None
    from nestml_core.datasheet import data_sheet

    return data_sheet(written[0], solved.models[0])


# The library


@pytest.mark.parametrize("m", MODELS, ids=lambda m: m.name)
def test_every_model_says_what_it_is(m: LibraryModel) -> None:
    assert m.kind in KINDS.values()
    assert 10 < len(m.summary) < 130
    assert "\n" not in m.summary
    assert not m.summary.endswith(".")
    assert m.references
    for reference in m.references:
        assert re.search(r"\((17|18|19|20)\d\d\)", reference), reference
        assert reference.endswith("."), reference


def test_a_model_is_called_as_its_file() -> None:
    for m in MODELS:
        assert re.search(rf"^model {m.name}:$", m.text, re.MULTILINE), m.name


def test_the_parts_of_a_head_comment() -> None:
    comment = (
        "m - a model\n\nOne paragraph\nof two lines.\n\n    a = b\n\nReferences:\n"
        "  One (1999), Journal 1:1-2.\n  Two & Three (2000), A Book,\n    page 4.\n"
        "  Four (2001), a line that goes on\n  here."
    )
    found = head("m", comment)
    assert found.summary == "a model"
    assert found.description == "One paragraph\nof two lines.\n\n    a = b"
    assert found.references == (
        "One (1999), Journal 1:1-2.",
        "Two & Three (2000), A Book, page 4.",
        "Four (2001), a line that goes on here.",
    )
    assert head("m", "just words").summary == "just words"


# Names


@pytest.mark.parametrize("name", NAMES)
def test_models_are_found_by_their_names_elsewhere(name: str) -> None:
    for ending in ("", "_neuron", "_synapse"):
        found = library_model(name + ending)
        assert found is not None
        assert found.stem == name


def test_other_names_lead_to_shipped_models() -> None:
    for alias, name in ALIASES.items():
        assert name in NAMES
        assert library_model(alias) == library_model(name)
    assert library_model("neuromodulated_stdp_synapse") == library_model("stdp_dopamine")
    assert library_model("no_such_neuron") is None
    assert library_model("neuron") is None


def test_every_model_of_the_peer_has_its_name_here() -> None:
    peers = """aeif_cond_alpha_alt_neuron hh_moto_5ht_neuron hill_tononi_neuron
        iaf_psc_delta_fixed_timestep_neuron ignore_and_fire_neuron izhikevich_neuron
        mat2_psc_exp_neuron neuromodulated_stdp_synapse noisy_synapse static_synapse
        stdp_nn_pre_centered_synapse stdp_nn_restr_symm_synapse stdp_nn_symm_synapse stdp_synapse
        stdp_triplet_synapse stdsp_synapse terub_gpe_neuron terub_stn_neuron
        traub_cond_multisyn_neuron tsodyks_synapse wb_cond_multisyn_neuron""".split()
    assert [p for p in peers if library_model(p) is None] == []


def test_loading_by_another_name() -> None:
    assert nestml_core.load("iaf_psc_exp_neuron").name == "iaf_psc_exp"
    assert nestml_core.load("stdp_synapse").name == "stdp"
    assert nestml_core.load("neuromodulated_stdp_synapse").name == "stdp_dopamine"


def test_a_file_of_that_very_name_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stdp_synapse").write_text("model mine:\n    state:\n        x real = 0\n")
    assert nestml_core.load("stdp_synapse").name == "mine"
    (tmp_path / "izhikevich").mkdir()
    (tmp_path / "izhikevich" / "a.nestml").write_text("model a:\n    state:\n        x real = 0\n")
    assert nestml_core.load("izhikevich").name == "a"


def test_a_file_beside_a_shipped_model_is_mentioned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert copied("izhikevich").value == Path("izhikevich.nestml")
    (said,) = find_files(["izhikevich"]).diagnostics
    assert said.code.id == "NML983"
    assert "izhikevich.nestml" in said.help
    assert find_files(["izhikevich.nestml"]).diagnostics == ()


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("iaf_psc_alpa", "iaf_psc_alpha"),
        ("iaf_psc_alpa_neuron", "iaf_psc_alpha"),
        ("iaf-psc-exp", "iaf_psc_exp"),
        ("IAF_PSC_EXP", "iaf_psc_exp"),
        ("neuromodulated_stpd_synapse", "stdp_dopamine"),
        ("xyzzy", ""),
    ],
)
def test_a_misspelt_name_is_understood(slip: str, meant: str) -> None:
    assert suggestion(slip) == meant


def test_a_misspelt_file_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_neuron.nestml").write_text("model my_neuron:\n    state:\n        x real = 0\n")
    for slip in ("my_neurn", "my_neuron.nstml", "my_neurons.nestml"):
        (said,) = find_files([slip]).diagnostics
        assert said.help == "did you mean `my_neuron.nestml`?", slip
    (said,) = find_files(["nowhere/at_all.nestml"]).diagnostics
    assert said.help == "`nestml models` lists the shipped models"


def test_pairs_may_be_named_as_elsewhere(tmp_path: Path) -> None:
    from nestml_core.building import pairs_of
    from nestml_core.problems import ModelError

    program = check_sources(
        [Source(n, library_model(n).read_text(encoding="utf-8")) for n in ("iaf_psc_exp", "stdp")]  # type: ignore[union-attr]
    ).value
    assert program is not None
    (pair,) = pairs_of(["iaf_psc_exp_neuron+stdp_synapse"], program)
    assert (pair.neuron, pair.synapse) == ("iaf_psc_exp", "stdp")
    with pytest.raises(ModelError, match="`izhikevich` is not among") as caught:
        pairs_of(["izhikevich_neuron+stdp"], program)
    assert "`nestml models` lists" in caught.value.diagnostics[0].help


# Listing and searching


def test_the_list_fits_a_terminal() -> None:
    for width in (60, 80, 100):
        text = listing(MODELS, width)
        assert max(map(len, text.splitlines())) <= width
        words = " ".join(text.split())
        for m in MODELS:
            assert f"{m.name} {m.summary}" in words
    heads = [line for line in listing(MODELS).splitlines() if line and not line.startswith(" ")]
    assert heads == ["neurons", "synapses", "astrocytes"]


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("iaf_psc_exp", "iaf_psc_exp"),
        ("iaf_psc_alpha_neuron", "iaf_psc_alpha"),
        ("dopamine", "stdp_dopamine"),
        ("Wang Buzsaki", "wb_cond_exp"),
        ("triplet", "stdp_triplet"),
        ("spike-frequency adaptation conductances", "iaf_cond_exp_sfa_rr"),
    ],
)
def test_the_best_model_comes_first(words: str, first: str) -> None:
    assert search([words], MODELS)[0].name == first


def test_searching() -> None:
    def names(*words: str) -> set[str]:
        return {m.name for m in search(words, MODELS)}

    assert names("adex") >= {"aeif_cond_exp", "aeif_psc_alpha"}
    assert "iaf_psc_exp" in names("LIF")
    assert names("hodgkin") >= {"hh_psc_alpha", "hh_cond_exp_traub"}
    assert names("adaptation") >= {"aeif_cond_exp"}
    assert names("leaky", "alpha") < names("leaky")
    assert "izhikevich" in names("izhikevich", "2003")
    assert names("xyzzy") == set()


def test_synonyms_lead_somewhere() -> None:
    for word in SYNONYMS:
        assert search([word], MODELS), word


@pytest.mark.parametrize(
    ("words", "help"),
    [
        (("leeky",), "did you mean `leaky`?"),
        (("leeky", "alpha"), "did you mean `leaky alpha`?"),
        (("xyzzy",), "`nestml models` lists all of them"),
        (("dopamine", "izhikevich"), "`dopamine` alone fits"),
    ],
)
def test_what_fits_nothing_has_a_way_out(words: tuple[str, ...], help: str) -> None:
    said = nothing_fits(words, MODELS)
    assert said.code.id == "NML980"
    assert help in said.help


def test_the_command_lists_and_searches() -> None:
    done = nestml("models")
    assert done.returncode == 0
    assert all(f"  {n}" in done.stdout for n in NAMES)
    assert "nestml models show" in done.stderr
    done = nestml("models", "--json", "dopamine")
    found = json.loads(done.stdout)
    assert found[0]["name"] == "stdp_dopamine"
    assert found[0]["kind"] == "synapse"
    assert Path(found[0]["path"]).read_text(encoding="utf-8").startswith("# stdp_dopamine - ")
    done = nestml("models", "leeky")
    assert done.returncode == 1
    assert "error[NML980]" in done.stderr
    assert json.loads(nestml("models", "--json", "leeky").stdout) == []


# Data sheets


@pytest.mark.parametrize("name", NAMES)
def test_every_model_has_a_data_sheet(name: str) -> None:
    path = library_model(name)
    assert path is not None
    found = sheet(path.read_text(encoding="utf-8"))
    assert found.name == name
    text = as_text(found, 80)
    for e in (*found.parameters, *found.state):
        assert f"\n  {e.name}" in text
        assert e.meaning, f"{e.name} of {name} has no comment"
    typeset = text.partition("\nSteps and events\n")[0].partition("\nEquations\n")[2]
    assert all(len(line) <= 80 for line in typeset.splitlines()), typeset
    page = as_html(found)
    for formula in re.findall(r"<math.*?</math>", page, re.DOTALL):
        ElementTree.fromstring(formula)
    assert balanced(page)


def balanced(page: str) -> bool:
    """Return whether every element of a page is closed where it should be."""
    opened: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "img"):
                opened.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            assert tag == "mspace"

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Reader().feed(page)
    return not opened


LIF = """# lif - a leaky <integrator> & more
#
# What it does with `V_m`.
#
#     V' = -V
#
# References:
#   Lapicque (1907), J. Physiol. 9:620-635.
model lif:
    state:
        V_m mV = E_L  # membrane potential
    equations:
        inline leak pA = -g_L * (V_m - E_L)  # current through the leak
        V_m' = (leak + (V_m > -50 mV ? I_e : 0 pA)) / C_m + 1 mV * spikes
    parameters:
        C_m nF = 0.25 nF [[ C_m > 0 nF ]]  # capacitance
        g_L nS = 10 nS / 2  # leak
        E_L mV = -70 mV  # rest
        I_e pA = 3 * C_m / 1 ms * 1 mV  # current
    input:
        spikes <- spike  # from elsewhere
    output:
        spike
    update:
        integrate_odes()
    onCondition(V_m >= -50 mV):
        V_m = E_L
        emit_spike()
"""


def test_a_data_sheet_tells_all() -> None:
    text = as_text(sheet(LIF), 80)
    assert text.startswith("lif (neuron)\n  a leaky <integrator> & more\n")
    assert "\n    V' = -V\n" in text
    assert "\n  C_m  0.25 nF  capacitance  (C_m > 0 nF)\n" in text
    assert "\n  g_L     5 nS  leak\n" in text
    assert "\n  I_e  3 * C_m / (1 ms) * (1 mV)\n" in text
    assert "\n  leak = −g_L · (V_m − E_L)   # current through the leak\n" in text
    assert "  spikes    spikes  from elsewhere\n" in text
    assert "\n  onCondition(V_m >= -50 mV):\n      V_m = E_L\n      emit_spike()\n" in text
    assert "References\n  Lapicque (1907), J. Physiol. 9:620-635.\n" in text


def test_a_data_sheet_cannot_steer_a_terminal() -> None:
    evil = "\x1b]0;owned\x07\x9b31m\u202e"
    model = LIF.replace("# rest", f"# rest{evil}").replace("a leaky", f"a{evil} leaky")
    solved = check_sources([Source("m.nestml", model)]).value
    assert solved is not None
    for text in (as_text(sheet(model)), describe(solved.models[0])):
        assert "rest\N{REPLACEMENT CHARACTER}]0;owned" in text
        assert all(c.isprintable() for line in text.split("\n") for c in line)


FUNCTIONS = """    function sign(x real) real:
        if x < 0:
            return -1
        else:
            return 1

    function square(x real) real:
        return x * x

"""


def test_every_function_is_shown_as_a_formula_or_as_code() -> None:
    found = sheet(LIF.replace("    input:\n", FUNCTIONS + "    input:\n"))
    assert [h.lines[0] for h in found.handlers][:2] == ["function sign(x real) real:", "update:"]
    assert [e.name for e in found.definitions] == ["leak", "square"]


def test_the_data_of_an_equation_hold_a_formula_and_its_remark_apart() -> None:
    data = datasheet.as_json(sheet(LIF))
    leak = next(e for e in data["equations"] if e["name"] == "leak")
    assert leak["remark"] == "current through the leak"
    assert ElementTree.fromstring(leak["mathml"]).tag == "math"


def test_a_page_shows_what_a_model_says_and_nothing_else() -> None:
    page = as_html(sheet(LIF), b"\x89PNG")
    assert "a leaky &lt;integrator&gt; &amp; more" in page
    assert "<integrator>" not in page
    assert "<code>V_m</code>" in page
    assert "data:image/png;base64," in page
    assert not re.search(r"<script|https?://(?!www\.w3\.org)|<link", page)
    assert balanced(page)


def test_several_models_in_a_file_have_a_sheet_each(tmp_path: Path) -> None:
    path = tmp_path / "two.nestml"
    path.write_text(LIF + "\n" + LIF.replace("lif", "lif2"))
    found = data_sheets([path]).value
    assert found is not None
    assert [s.name for s in found] == ["lif", "lif2"]
    assert all(len(s.handlers) == 2 for s in found)


def formula(text: str) -> str:
    """Return the right-hand side of an inline expression, typeset for a terminal."""
    model = (
        "model m:\n    state:\n        x real = 1\n        y real = 1\n        V_m mV = 1 mV\n"
        f"    equations:\n        recordable inline z real = {text}\n"
        "    parameters:\n        tau_m ms = 1 ms\n        Delta_T mV = 1 mV\n"
        "    update:\n        integrate_odes()\n"
    )
    source = Source("m.nestml", model)
    resolved = resolved_models(source)
    assert resolved.value is not None, resolved.diagnostics
    block = terminal.formula(resolved.value[0].inlines[0].value)
    return "\n".join(line.rstrip() for line in block.lines)


@pytest.mark.parametrize(
    ("written", "typeset"),
    [
        ("x + y - 2 * x", "x + y − 2 · x"),
        ("x - (y - 1)", "x − (y − 1)"),
        ("x - (y + 1)", "x − (y + 1)"),
        ("-(x + y)", "−(x + y)"),
        ("(x + y) * x", "(x + y) · x"),
        ("x**2 * y**-3", "x² · y⁻³"),
        ("(x + y)**2", "(x + y)²"),
        ("x / y", "x\n─\ny"),
        ("-x / y", "  x\n− ─\n  y"),
        ("exp(-x)", " −x\ne"),
        ("abs(x - y)", "|x − y|"),
        ("floor(x)", "⌊x⌋"),
        ("1e-7 * x", "10⁻⁷ · x"),
        ("x > 1 ? x : y", "⎧ x   if x > 1\n⎨\n⎩ y   otherwise"),
        ("max(x, y)", "max(x, y)"),
        ("V_m / (3 mV)", "V_m\n────\n3 mV"),
        ("exp((V_m - 2 mV) / Delta_T)", "   ⎛V_m − 2 mV⎞\nexp⎜──────────⎟\n   ⎝   Δ_T    ⎠"),
        ("(x / y)**2", "⎛x⎞²\n⎜─⎟\n⎝y⎠"),
        ("x**(y + 1)", " y + 1\nx"),
    ],
)
def test_formulas_on_a_terminal(written: str, typeset: str) -> None:
    assert formula(written) == typeset


def test_long_sums_are_broken_between_terms() -> None:
    terms = " + ".join(f"x * {k}" for k in range(30))
    text = as_text(
        sheet(LIF.replace("leak + (V_m", f"leak + ({terms.replace('x', '1 pA')}) + (V_m"))
    )
    typeset = text.partition("\nEquations\n")[2].partition("\nParameters\n")[0]
    assert max(map(len, typeset.splitlines())) <= 80
    assert "29" in typeset


# The command


def test_show_prints_a_data_sheet() -> None:
    done = nestml("models", "show", "izhikevich_neuron")
    assert done.returncode == 0, done.stderr
    for part in ("izhikevich (neuron)", "d U_m", "Parameters", "Integration", "(2003)"):
        assert part in done.stdout
    assert nestml("models", "show", "izhikevish").returncode == 1


def test_show_prints_json_and_source() -> None:
    (data,) = json.loads(nestml("models", "show", "stdp", "--json").stdout)
    assert data["name"] == "stdp"
    assert {p["name"] for p in data["parameters"]} >= {"lambda", "Wmax"}
    assert all(ElementTree.fromstring(e["mathml"]) is not None for e in data["equations"])
    source = nestml("models", "show", "stdp", "--source").stdout
    path = library_model("stdp")
    assert path is not None
    assert source == path.read_text(encoding="utf-8")


def test_show_writes_a_page_and_a_picture(tmp_path: Path) -> None:
    done = nestml("models", "show", "static", "--html", "s.html", "--plot", "s.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    assert "data:image/png;base64," in page
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.html", "s.png"]


def test_listing_imports_nothing_heavy() -> None:
    for arguments in (["models"], ["models", "leaky"], ["models", "copy", "nosuch"]):
        code = (
            "import sys\nfrom nestml_core.cli import main\n"
            f"main({arguments!r})\nprint('IMPORTED', *sys.modules)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
        )
        modules = set(done.stdout.rpartition("IMPORTED ")[2].split())
        heavy = {"sympy", "pint", "numpy", "scipy", "jinja2", "pluggy", "matplotlib"}
        assert not heavy & modules, arguments


# Copies


def test_a_copy_is_a_model_of_its_own(tmp_path: Path) -> None:
    done = nestml("models", "copy", "iaf_psc_exp_neuron", "models/mine", cwd=tmp_path)
    assert done.returncode == 1 or (tmp_path / "models" / "mine.nestml").exists()
    (tmp_path / "here").mkdir()
    goal = copied("iaf_psc_exp", str(tmp_path / "here" / "mine")).value
    assert goal == tmp_path / "here" / "mine.nestml"
    text = goal.read_text(encoding="utf-8")
    assert text.startswith("# mine - leaky")
    assert nestml_core.load(goal).name == "mine"
    assert copied("stdp", str(tmp_path / "here")).value == tmp_path / "here" / "stdp.nestml"


@pytest.mark.parametrize("name", NAMES)
def test_every_copy_compiles(name: str) -> None:
    path = library_model(name)
    assert path is not None
    text = renamed(path.read_text(encoding="utf-8"), name, "mine")
    found = resolved_models(Source("mine.nestml", text))
    assert found.value is not None
    assert [m.name for m in found.value] == ["mine"]
    assert not found.diagnostics


def test_a_copy_replaces_nothing_unasked(tmp_path: Path) -> None:
    goal = tmp_path / "mine.nestml"
    goal.write_text("precious")
    refused = copied("stdp", str(goal))
    assert [d.code.id for d in refused.diagnostics] == ["NML981"]
    assert goal.read_text() == "precious"
    assert copied("stdp", str(goal), replace=True).value == goal
    assert "model mine:" in goal.read_text(encoding="utf-8")


def test_a_copy_replaces_no_folder(tmp_path: Path) -> None:
    (tmp_path / "stdp.nestml").mkdir()
    refused = copied("stdp", str(tmp_path), replace=True)
    assert [d.code.id for d in refused.diagnostics] == ["NML981"]
    assert [p.name for p in tmp_path.iterdir()] == ["stdp.nestml"]


@pytest.mark.parametrize("name", ["my-neuron", "2nd", "model", "a b", "é"])
def test_a_copy_needs_the_name_of_a_model(name: str, tmp_path: Path) -> None:
    refused = copied("stdp", str(tmp_path / name))
    assert [d.code.id for d in refused.diagnostics] == ["NML982"]
    assert list(tmp_path.iterdir()) == []


def test_only_shipped_models_are_copied() -> None:
    refused = copied("stpd")
    assert [d.code.id for d in refused.diagnostics] == ["NML910"]
    assert refused.diagnostics[0].help == "did you mean `stdp`?"


# The page


def test_the_page_is_current() -> None:
    from nestml_core.gallery import page

    shown = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    assert shown == page(), "run `python -m nestml_core.gallery docs/models`"


def test_every_model_has_its_picture() -> None:
    from nestml_core.gallery import pictures

    assert pictures(PICTURES) == tuple(p.stem for p in library_models())
    for path in PICTURES.glob("[!.]*"):
        data = path.read_bytes()
        assert data.startswith(b"\x89PNG\r\n"), path.name
        assert 2_000 < len(data) < 60_000, path.name


def test_portraits_belong_to_models() -> None:
    from nestml_core.gallery.portraits import PORTRAITS

    assert set(PORTRAITS) <= set(NAMES)


UNKNOWN_SYNAPSE = """model depressing:
    state:
        w real = 1
    input:
        pre_spikes <- spike
    output:
        spike
    update:
        w = w
    onReceive(pre_spikes):
        w *= 0.9
        emit_spike(w)
"""


@pytest.mark.parametrize("text", [LIF.replace("I_e pA = 3", "I_e pA = 0"), UNKNOWN_SYNAPSE])
def test_any_model_gets_a_portrait(text: str, tmp_path: Path) -> None:
    from nestml_core.gallery import picture_of

    path = tmp_path / "m.nestml"
    path.write_text(text)
    picture = picture_of(path, tmp_path / "m.svg")
    assert picture.startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "m.svg").read_text(encoding="utf-8")
