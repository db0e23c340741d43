"""States of networks in files, to go on from another day."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from nestml_core.files import whole_file
from nestml_core.network import BAD_STATE, NetworkState
from nestml_core.problems import refuse

_MAGIC = "nestml network state"
_VERSION = 1
_HELP = "give what a run with checkpoint=... has written"


def saved(state: NetworkState, path: str | Path) -> None:
    """Write a state to a file, whole or not at all.

    Raises
    ------
    OSError : it cannot be written.
    """
    fields = {
        "format": _MAGIC,
        "version": _VERSION,
        "backend": state.backend,
        "network": state.digest,
        "steps": state.steps,
        "sha256": hashlib.sha256(state.data).hexdigest(),
    }
    with whole_file(path) as stage, stage.open("wb") as file:
        file.write(json.dumps(fields).encode() + b"\n")
        file.write(state.data)


def loaded_state(given: NetworkState | str | Path) -> NetworkState:
    """Return a state, read from its file if need be.

    Raises
    ------
    ModelError : there is no such file, or it holds no state.
    """
    if isinstance(given, NetworkState):
        return given
    if not isinstance(given, (str, Path)):
        refuse(BAD_STATE, f"{given!r} is no state of a network", _HELP)
    try:
        head, _, data = Path(given).read_bytes().partition(b"\n")
    except OSError as problem:
        refuse(BAD_STATE, f"`{given}` cannot be read: {problem.strerror}", _HELP)
    try:
        fields = json.loads(head)
        if fields["format"] != _MAGIC:
            raise ValueError
        version, digest = fields["version"], fields["sha256"]
        state = NetworkState(fields["backend"], fields["network"], fields["steps"], data)
    except (ValueError, KeyError, TypeError):
        refuse(BAD_STATE, f"`{given}` holds no state of a network", _HELP)
    if version != _VERSION:
        message = f"`{given}` was written by another version of nestml-core"
        refuse(BAD_STATE, message, "run the network from the beginning with this one")
    if digest != hashlib.sha256(data).hexdigest():
        refuse(BAD_STATE, f"`{given}` is damaged", "its content is not what was written")
    return state
