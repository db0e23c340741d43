"""The front end against the reference toolchain's: ``tox -e bench``.

Both run in one process on the same files, the models that the reference toolchain ships, in turn.
Parsing: its ``ModelParser.parse_file`` (lexer, parser, syntax tree, symbol table) against our
``parse`` (tree). Checking: its ``get_parsed_models`` against our ``check_sources``, which also
solves the equations. Times are of the CPU, in a warm process; then ``nestml check``, cold, by the
clock.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from importlib.metadata import files
from pathlib import Path
from statistics import median

from pairing import Row, paired, table, total

from nestml_core.pipeline import check_sources
from nestml_core.source import Source
from nestml_core.syntax.parse import parse

COLD = "import sys; from nestml_core.cli import main; sys.exit(main())"


def shipped() -> list[Path]:
    """Return the model files of the reference toolchain's package."""
    listed = files("nestml") or ()
    found = (Path(str(f.locate())) for f in listed if f.name.endswith(".nestml"))
    return sorted((p for p in found if "models" in p.parts), key=lambda p: p.stem)


class Peer:
    """The reference toolchain's front end, through its public functions, silent."""

    def __init__(self, folder: Path) -> None:
        from pynestml.frontend import pynestml_frontend
        from pynestml.frontend.frontend_configuration import FrontendConfiguration
        from pynestml.utils.model_parser import ModelParser

        self.configuration = FrontendConfiguration
        self.parse_file: Callable[[str], object] = ModelParser.parse_file
        self.frontend = pynestml_frontend
        words = ["--input_path", str(folder), "--target_platform", "none"]
        FrontendConfiguration.parse_config([*words, "--logging_level", "ERROR"])
        pynestml_frontend.init_predefined()

    def parse(self, path: Path) -> None:
        with redirect_stdout(io.StringIO()):
            if self.parse_file(str(path)) is None:
                raise ValueError(f"the peer does not parse {path}")

    def check(self, path: Path) -> None:
        self.configuration.paths_to_compilation_units = [str(path)]
        with redirect_stdout(io.StringIO()):
            if not self.frontend.get_parsed_models():
                raise ValueError(f"the peer finds no model in {path}")


def parse_ours(path: Path, text: str) -> None:
    if parse(Source(str(path), text)).diagnostics:
        raise ValueError(f"{path} does not parse")


def check_ours(path: Path, text: str) -> None:
    if check_sources([Source(str(path), text)]).value is None:
        raise ValueError(f"{path} has errors")


def cold_check(path: Path, rounds: int) -> float:
    """Return the median time of ``nestml check`` in a new process, in seconds of the clock."""
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        command = [sys.executable, "-c", COLD, "check", str(path)]
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - begin)
    return median(seconds)


def report(title: str, rows: tuple[Row, ...]) -> None:
    print(f"\n{title}\n{table(rows)}\n", flush=True)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--models", default="", help="only those with this in their name")
    options.add_argument("--cold", type=int, default=5, help="rounds of the cold check")
    args = options.parse_args()
    paths = [p for p in shipped() if args.models in p.stem]
    peer = Peer(paths[0].parent)
    texts = {p: p.read_text(encoding="utf-8") for p in paths}
    parsing = {p.stem: (partial(parse_ours, p, texts[p]), partial(peer.parse, p)) for p in paths}
    checking = {p.stem: (partial(check_ours, p, texts[p]), partial(peer.check, p)) for p in paths}
    report("source text to tree", paired(parsing, args.rounds))
    rows = paired(checking, args.rounds)
    report("source text to checked model", rows)
    lines = sum(t.count("\n") for t in texts.values())
    per_hundred = total(rows).ours.least / lines * 100
    print(f"{1e3 * per_hundred:.1f} ms for 100 lines, from text to checked model, warm")
    for path in (paths[0], max(paths, key=lambda p: len(texts[p]))):
        seconds = cold_check(path, args.cold)
        print(f"nestml check {path.stem}: {seconds:.2f} s, cold, median of {args.cold}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
