"""Modules for NEST with code that the reference toolchain generates, as a black box."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PEER = os.environ.get("NESTML_PEER_PYTHON", "")
"""An interpreter with the toolchain and NEST; none if it is empty."""

COMMAND = "import sys; from pynestml.frontend.pynestml_frontend import main; sys.exit(main())"
SHIPPED = (
    "import sys; from importlib.metadata import files\n"
    "for f in files('nestml'):\n"
    "    if f.name.endswith('.nestml') and 'models' in f.parts and sys.argv[1] in f.parts:\n"
    "        print(f.locate().resolve())\n"
)


def shipped(kind: str) -> list[Path]:
    """Return the ``neurons`` or ``synapses`` in its package; nothing where it is not installed."""
    if not PEER:
        return []
    done = subprocess.run([PEER, "-c", SHIPPED, kind], capture_output=True, text=True, check=True)
    return sorted(map(Path, done.stdout.split()))


def peer_module(
    name: str,
    models: Sequence[Path],
    folder: Path,
    options: Mapping[str, Any] | None = None,
    suffix: str = "",
) -> str:
    """Generate and compile a module; return its path.

    The toolchain's own attempt to compile fails with a NEST from PyPI, after it has written the
    code: it is compiled here, with the flags that ours is compiled with.
    """
    from nestml_nest.options import Options
    from nestml_nest.toolchain import Nest, find_nest, flags

    out = folder / name
    words = ["--target_platform", "NEST", "--target_path", out, "--module_name", name]
    if options is not None:
        (folder / f"{name}.json").write_text(json.dumps(options), encoding="utf-8")
        words += ["--codegen_opts", folder / f"{name}.json"]
    if suffix:
        words += ["--suffix", suffix]
    command = [PEER, "-c", COMMAND, "--input_path", *models, *words, "--logging_level", "ERROR"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (out / f"{name}.cpp").is_file(), said.stdout[-2000:] + said.stderr[-2000:]
    nest = find_nest()
    assert isinstance(nest, Nest)
    given = [*flags(nest, Options(optimization="1")), "-fvisibility=default"]
    objects = []
    for source in sorted(out.glob("*.cpp")):
        made = source.with_suffix(".o")
        done = subprocess.run(
            ["g++", *given, "-c", source, "-o", made], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        objects.append(made)
    library = out / f"{name}.so"
    subprocess.run(["g++", "-shared", "-s", *objects, "-o", library], check=True)
    return str(library)
