"""Plugins are found through entry points; a broken one is listed and hides no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nestml_core import plugins
from nestml_core.backend import API_VERSION

BACKEND = """\
from nestml_core.api import Backend, Result, Supports, hookimpl
from dataclasses import dataclass

@dataclass(frozen=True)
class Options: pass

class Small(Backend):
    name = {name!r}
    version = "1.0"
    summary = "a test"
    options = Options
    supports = Supports(frozenset())
    {more}
    def lower(self, program, options): return Result(program)
    def render(self, ir): return {{}}

@hookimpl
def nestml_backends(): return [Small()]
"""


def problems() -> dict[str, str]:
    return {b.entry_point: b.problem for b in plugins.discover().broken}


def names() -> list[str]:
    return [b.name for b in plugins.discover().backends]


def test_an_installed_plugin_is_found(installed: Path) -> None:
    assert "echo" in names()
    (backend,) = plugins.find("echo").backends
    assert backend.summary == "plain Python classes, standard library only"
    assert type(backend).__module__ == "nestml_echo.backend"


def test_a_plugin_that_ends_the_program_does_not(installed: Path) -> None:
    found = plugins.discover()
    (broken,) = [b for b in found.broken if b.entry_point == "a_broken"]
    assert broken.distribution == "nestml-broken 0.3.0"
    assert broken.problem == "SystemExit: the simulator is not installed"
    assert "echo" in [b.name for b in found.backends]


def test_finding_one_backend_loads_no_other(installed: Path) -> None:
    assert plugins.find("echo").broken == ()
    assert "nestml_broken" not in sys.modules


def test_in_a_process_of_its_own(site: Path) -> None:
    """Nothing of this test session helps: a fresh interpreter sees the same."""
    script = (
        "import json; from nestml_core.plugins import discover; p = discover();"
        "print(json.dumps([[b.name for b in p.backends], [b.entry_point for b in p.broken]]))"
    )
    path = os.pathsep.join([str(site), *(p for p in sys.path if p)])
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    backends, broken = json.loads(done.stdout)
    assert "echo" in backends
    assert "a_broken" in broken


def test_another_api(distribution: Callable[[str, str], None]) -> None:
    distribution("from_later", BACKEND.format(name="later", more=f"api = {API_VERSION + 1}"))
    later, ours = API_VERSION + 1, API_VERSION
    expected = f"`later` was written for plugin API {later}, this is {ours}"
    assert problems()["from_later"] == expected
    assert "later" not in names()


def test_two_plugins_with_a_backend_of_one_name(distribution: Callable[[str, str], None]) -> None:
    distribution("first_one", BACKEND.format(name="same", more=""))
    distribution("second_one", BACKEND.format(name="same", more=""))
    assert names().count("same") == 1
    found = problems()
    assert "first_one" not in found
    assert found["second_one"] == "offers the backend `same`, which another plugin offers already"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("raise ImportError('no simulator')", "ImportError: no simulator"),
        ("def broken(:", "SyntaxError"),
        ("import os; os.no_such_thing", "AttributeError"),
        (
            "from nestml_core.api import hookimpl\n@hookimpl\ndef nestml_backends(): return 3 / 0",
            "ZeroDivisionError",
        ),
        (
            "from nestml_core.api import hookimpl\n@hookimpl\ndef nestml_backends(): return [3]",
            "int is not a nestml_core Backend",
        ),
        (
            "from nestml_core.api import hookimpl\n@hookimpl\ndef nestml_backend(): return []",
            "PluginValidationError",
        ),
        (BACKEND.format(name="m", more="").replace("def render", "def rendr"), "TypeError"),
    ],
)
def test_what_can_be_wrong_with_a_plugin(
    distribution: Callable[[str, str], None], text: str, problem: str
) -> None:
    distribution("faulty", text)
    distribution("sound", BACKEND.format(name="sound", more=""))
    assert problem in problems()["faulty"]
    assert "sound" in names()


def test_interrupting_is_not_a_fault_of_a_plugin(
    distribution: Callable[[str, str], None],
) -> None:
    distribution("interrupted", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        plugins.discover()
