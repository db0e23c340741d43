"""What a backend makes of the corpus, as digests: run in processes with different hash seeds.

python -m nestml_core.testing.fingerprint MODULE CLASS
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from nestml_core.backend import Backend
from nestml_core.pipeline import generate
from nestml_core.solved import SolvedProgram
from nestml_core.testing import corpus


def digest(files: Mapping[str, str | bytes]) -> str:
    """Return one digest of all paths and contents, in the order they come in."""
    whole = hashlib.sha256()
    for path, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        whole.update(f"{path}\0{len(data)}\0".encode() + data)
    return whole.hexdigest()


def digests(backend: Backend[Any, Any]) -> dict[str, str]:
    """Return a digest of the files for each model that the backend does not refuse."""
    options = backend.options()
    made = {
        name: generate(SolvedProgram((model,)), backend, options).value
        for name, model in corpus.models().items()
    }
    return {name: digest(files) for name, files in made.items() if files is not None}


if __name__ == "__main__":
    module, name = sys.argv[1:]
    sys.stdout.write(json.dumps(digests(getattr(import_module(module), name)())))
