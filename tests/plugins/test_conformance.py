"""The conformance kit: a sound third-party backend passes, and each kind of fault is caught."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

SOUND = """\
from nestml_core.testing import BackendConformance
from nestml_echo.backend import EchoBackend

class TestEcho(BackendConformance):
    backend = EchoBackend()
    option_sets = ({"slots": True},)
"""

FAULTY = '''\
import os, time
from dataclasses import dataclass, field, replace
from nestml_core.api import (
    NOWHERE, Code, Feature, Result, Severity, Supports, Tool, ToolchainReport, checked, features
)
from nestml_core.testing import BackendConformance
from nestml_echo.backend import FEATURES, EchoBackend
from nestml_echo.lower import lower as echo_lower

EVERY = FEATURES | set(Feature) - {Feature.COMPILE}


class Altered(EchoBackend):
    """Changes each file after the sound backend has rendered it."""

    def render(self, ir):
        return {self.path(p): self.text(t) for p, t in super().render(ir).items()}

    def path(self, path):
        return path

    def text(self, text):
        return text


class HashOrder(Altered):
    def text(self, text):
        return text + "# " + " ".join({"one", "two", "three", "four", "five"}) + "\\n"


class Clock(Altered):
    def text(self, text):
        return text + f"# {time.time_ns()}\\n"


class Machine(Altered):
    def text(self, text):
        return text + f"# made in {os.path.expanduser('~')}\\n"


class Outside(Altered):
    def path(self, path):
        return "../" + path


class Absolute(Altered):
    def path(self, path):
        return "/tmp/" + path


class Backslash(Altered):
    def path(self, path):
        return "a\\\\" + path


class Confusable(Altered):
    def render(self, ir):
        return super().render(ir) | {"README.md": "", "ReadMe.md": ""}


class Late(Altered):
    """Forgets that the first spike may come in the first step."""

    def text(self, text):
        return text.replace("self.spikes += 1", "self.spikes += time > 2.0")


class Inexact(Altered):
    def text(self, text):
        return text.replace("self.P_", "1.0000001 * self.P_")


class Twice(Altered):
    """Counts the events of a step instead of summing their weights."""

    def simulate(self, artifact, model, schedule):
        for events in schedule.spikes.values():
            events.weights[:] = 1.0
        return super().simulate(artifact, model, schedule)


class Greedy(EchoBackend):
    """Accepts what it cannot do."""

    def lower(self, program, options):
        return echo_lower(program, EVERY, slots=options.slots)


REFUSED = Code("ECHO009", Severity.ERROR, "refused")
CORE = Code("NML999", Severity.ERROR, "refused")


class Lost(EchoBackend):
    def lower(self, program, options):
        if features(program.models[0]) - FEATURES:
            return Result(None, (REFUSED.at(NOWHERE, "no", help="do without"),))
        return super().lower(program, options)


class Foreign(EchoBackend):
    def lower(self, program, options):
        if features(program.models[0]) - FEATURES:
            return Result(None, (CORE.at(program.models[0].span, "no", help="do without"),))
        return super().lower(program, options)


class Helpless(EchoBackend):
    def lower(self, program, options):
        if features(program.models[0]) - FEATURES:
            return Result(None, (REFUSED.at(program.models[0].span, "no"),))
        return super().lower(program, options)


class Choosy(EchoBackend):
    """Refuses models although it claims all they need, and does not say that it is selective."""

    supports = Supports(FEATURES | {Feature.LOOPS})


class Boastful(EchoBackend):
    supports = Supports(FEATURES | {Feature.LOOPS}, selective=True)


@dataclass(frozen=True)
class Undocumented:
    slots: bool = field(default=False, metadata={"help": "give the classes __slots__"})
    speed: int = 3


class Silent(EchoBackend):
    options = Undocumented


@dataclass(frozen=True)
class Ineffective:
    slots: bool = field(default=False, metadata={"help": "give the classes __slots__"})
    speed: int = field(default=3, metadata={"help": "how fast it is to be"})


class Deaf(EchoBackend):
    options = Ineffective


class Toolless(EchoBackend):
    def toolchain(self):
        return ToolchainReport((Tool("frob", False, "", "get a frob"),))


CLASSES = [Altered, HashOrder, Clock, Machine, Outside, Absolute, Backslash, Confusable, Late]
CLASSES += [Inexact, Twice, Greedy, Lost, Foreign, Helpless, Choosy, Boastful, Silent, Deaf]
CLASSES.append(Toolless)
for kind in CLASSES:
    globals()[f"Test{kind.__name__}"] = type(
        f"Test{kind.__name__}", (BackendConformance,), {"backend": kind(), "time_steps": (0.1,)}
    )
TestDeaf.option_sets = ({"speed": 4},)
'''

PACKAGE = """\
from nestml_core.testing import BackendConformance
from nestml_echo.backend import EchoBackend

class Clever(EchoBackend):
    pass

class Test{name}(BackendConformance):
    backend = Clever()
"""

COMPUTING = {
    "Assigning": "{% set x = 1 %}",
    "Calling": "{{ model.name() }}",
    "Indexing": "{{ model.rows[0] }}",
    "Adding": "{{ 1 + 1 }}",
    "Comparing": "{% if model.n == 3 %}{% endif %}",
    "Defining": "{% macro m() %}{% endmacro %}",
    "Choosing": "{{ 'a' if model.a else 'b' }}",
    "Testing": "{% if model.a is defined %}{% endif %}",
    "Broken": "{% for x in y %}",
}
"""Templates that do what templates may not do."""

LAYING_OUT = "{% for x in xs %}{{ x.name | upper }}{% if x.last %},{% endif %}{% endfor %}"

CAUGHT = [
    ("HashOrder", "test_same_model_same_bytes"),
    ("Clock", "test_same_model_same_bytes"),
    ("Machine", "test_nothing_of_this_machine_is_in_the_files"),
    ("Outside", "test_paths_are_safe[leak]"),
    ("Absolute", "test_paths_are_safe[leak]"),
    ("Backslash", "test_paths_are_safe[leak]"),
    ("Confusable", "test_one_build_of_all_models"),
    ("Late", "test_agrees_with_the_reference[counter]"),
    ("Inexact", "test_agrees_with_the_reference[cascade]"),
    ("Twice", "test_agrees_with_the_reference[two_ports]"),
    ("Greedy", "test_generates_or_refuses[noise]"),
    ("Lost", "test_generates_or_refuses[loops]"),
    ("Foreign", "test_generates_or_refuses[loops]"),
    ("Helpless", "test_generates_or_refuses[loops]"),
    ("Choosy", "test_generates_or_refuses[loops]"),
    ("Boastful", "test_no_claim_goes_untested"),
    ("Silent", "test_options_are_documented_and_have_defaults"),
    ("Deaf", "test_options_change_something"),
]


def outcomes(
    folder: Path, site: Path, nodes: list[str], **environment: str
) -> dict[tuple[str, str], str]:
    """Run tests as a plugin's author would; return what became of each, by class and name."""
    report = folder / "report.xml"
    path = os.pathsep.join([str(folder), str(site), *(p for p in sys.path if p)])
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"),
            *(f"--junitxml={report}", f"--rootdir={folder}", *nodes),
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"} | environment,
        capture_output=True,
        check=False,
    )
    found: dict[tuple[str, str], str] = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        kind = case.get("classname", "").rpartition(".")[2].removeprefix("Test")
        found[kind, case.get("name", "")] = kinds[0] if kinds else "passed"
    return found


def test_a_sound_backend_passes(tmp_path: Path, site: Path) -> None:
    """Three lines of test, everything executed; skipped is only what it does not claim."""
    (tmp_path / "test_echo.py").write_text(SOUND, encoding="utf-8")
    found = outcomes(tmp_path, site, ["test_echo.py"], NESTML_REQUIRE_TOOLCHAINS="1")
    assert len(found) > 100
    assert {k: v for k, v in found.items() if v in ("failure", "error")} == {}
    skipped = sorted(name for (_, name), v in found.items() if v == "skipped")
    assert skipped == [
        "test_agrees_with_the_reference[relay]",
        "test_compiles",
        "test_random_numbers_are_distributed_as_they_should",
        "test_same_seed_same_numbers",
    ]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory, site: Path) -> dict[tuple[str, str], str]:
    folder = tmp_path_factory.mktemp("faulty")
    (folder / "test_faulty.py").write_text(FAULTY, encoding="utf-8")
    nodes = [f"test_faulty.py::Test{kind}::{test}" for kind, test in CAUGHT]
    nodes += [f"test_faulty.py::TestAltered::{test}" for test in sorted({t for _, t in CAUGHT})]
    return outcomes(folder, site, nodes)


@pytest.mark.parametrize(("kind", "test"), CAUGHT)
def test_a_fault_is_caught(verdicts: dict[tuple[str, str], str], kind: str, test: str) -> None:
    """The faulty backend fails where the same one without the fault passes."""
    assert verdicts["Altered", test] == "passed"
    assert verdicts[kind, test] == "failure"


@pytest.mark.parametrize(("required", "outcome"), [("0", "skipped"), ("1", "failure")])
def test_a_missing_tool(tmp_path: Path, site: Path, required: str, outcome: str) -> None:
    """It skips for a user and fails where all tools are demanded."""
    (tmp_path / "test_faulty.py").write_text(FAULTY, encoding="utf-8")
    test = "test_agrees_with_the_reference[leak]"
    node = f"test_faulty.py::TestToolless::{test}"
    found = outcomes(tmp_path, site, [node], NESTML_REQUIRE_TOOLCHAINS=required)
    assert found["Toolless", test] == outcome


def test_templates_that_compute(tmp_path: Path, site: Path) -> None:
    templates = COMPUTING | {"Fine": LAYING_OUT}
    for name, text in templates.items():
        package = tmp_path / name.lower()
        (package / "templates" / "inner").mkdir(parents=True)
        (package / "__init__.py").write_text(PACKAGE.format(name=name), encoding="utf-8")
        (package / "templates" / "inner" / "t.jinja").write_text(text, encoding="utf-8")
    lines = [f"from {name.lower()} import Test{name}\n" for name in templates]
    (tmp_path / "test_templates.py").write_text("".join(lines), encoding="utf-8")
    found = outcomes(tmp_path, site, ["test_templates.py", "-k", "templates_only_lay_out"])
    expected = dict.fromkeys(COMPUTING, "failure") | {"Fine": "passed"}
    assert {kind: verdict for (kind, _), verdict in found.items()} == expected
