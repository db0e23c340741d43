"""Case files: text in, diagnostics or a dump out. ``pytest --bless`` rewrites what is expected.

What follows ``--- diagnostics`` leaves hints out, what follows ``--- hints`` has them too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

for _name, _examples in (("short", 60), ("long", 5000)):
    settings.register_profile(
        _name, max_examples=_examples, deadline=None, suppress_health_check=list(HealthCheck)
    )
settings.load_profile("short")

HEAD = re.compile(r"^=== (.*)$", re.MULTILINE)
STAGE = re.compile(r"^--- (diagnostics|hints|model|solved|description)$", re.MULTILINE)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bless", action="store_true", help="rewrite what the case files expect")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix == ".case":
        return CaseFile.from_parent(parent, path=file_path)
    return None


@dataclass(frozen=True)
class Case:
    name: str
    source: str
    stage: str
    expected: str

    def text(self) -> str:
        return f"=== {self.name}\n{self.source}--- {self.stage}\n{self.expected}"

    def actual(self) -> str:
        from nestml_core.describe import describe
        from nestml_core.diagnostics import render
        from nestml_core.dump import dump
        from nestml_core.pipeline import check_sources, resolved_models
        from nestml_core.source import Source

        source = Source("m.nestml", self.source)
        program = check_sources([source])
        hints = self.stage == "hints"
        said = "\n".join(render(d) for d in program.diagnostics if hints or not d.is_hint)
        if self.stage in ("diagnostics", "hints") or program.value is None:
            return said or "none"
        if self.stage == "model":
            return dump(resolved_models(source).value or ())
        if self.stage == "solved":
            return dump(program.value.models)
        return "\n".join(describe(m) for m in program.value.models)


class CaseFile(pytest.File):
    def cases(self) -> list[Case]:
        text = self.path.read_text(encoding="utf-8")
        heads = list(HEAD.finditer(text))
        found = []
        for head, following in zip(heads, [*heads[1:], None], strict=True):
            body = text[head.end() + 1 : following.start() if following else len(text)]
            stage = STAGE.search(body)
            assert stage is not None, f"{self.path}: `{head[1]}` expects nothing"
            expected = body[stage.end() + 1 :].rstrip("\n") + "\n\n"
            found.append(Case(head[1], body[: stage.start()], stage[1], expected))
        return found

    def collect(self) -> Iterator[pytest.Item]:
        if self.config.getoption("--bless"):
            blessed = [
                Case(c.name, c.source, c.stage, c.actual() + "\n\n").text() for c in self.cases()
            ]
            self.path.write_text("".join(blessed).rstrip("\n") + "\n", encoding="utf-8")
        for case in self.cases():
            yield CaseItem.from_parent(self, name=case.name, case=case)


class CaseItem(pytest.Item):
    def __init__(self, *, case: Case, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case = case

    def runtest(self) -> None:
        assert self.case.actual().rstrip() == self.case.expected.rstrip()

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}: {self.name}"
