"""The recordings tell wrong simulators from the right one: small changes that must show.

Each mutant changes one line of the simulator's source; at least one recording must then differ.
"""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from nestml_truenorth.chip import binary, simulator
from test_golden import (
    PATH,
    VARIABLE,
    connector_inputs,
    pack,
    program,
    recorded,
    text_inputs,
    ticks,
)

pytestmark = pytest.mark.skipif(
    PATH is None, reason=f"set {VARIABLE} to the archive of recordings from the chip's tools"
)
__all__ = ["pack"]

MUTANTS: dict[str, tuple[str, str, str]] = {
    "threshold passed, not reached": (
        "fires = v >= of.threshold + noise",
        "fires = v > of.threshold + noise",
        "patternMatch",
    ),
    "delays longer by one": (
        "(tick + self.delay[on_chip]) % RING",
        "(tick + self.delay[on_chip] + 1) % RING",
        "patternMatch",
    ),
    "input a tick early": ("due = time + delay\n", "due = time + delay - 1\n", "patternMatch"),
    "subtracting reset to zero": (
        "at - of.threshold[fired] - noise[fired], at)",
        "0 * at, at)",
        "sobelTiles",
    ),
    "sign of the leak before synapses": (
        "v = self.leaked(v)",
        "v = v + np.where(of.reverses, np.sign(self.potential) * of.leak, of.leak)",
        "spatioTemporalFilter",
    ),
    "no ceiling": (
        "np.where(of.stays, np.minimum(v, of.threshold + of.mask), v)",
        "v",
        "spatioTemporalFilter",
    ),
    "random words advanced before use": (
        "self.words[n] = word\n                word = advance(word)",
        "word = advance(word)\n                self.words[n] = word",
        "spatioTemporalFilter",
    ),
    "random words for all neurons": (
        "self.drawing = np.flatnonzero(mask > 0)",
        "self.drawing = np.arange(len(mask))",
        "spatioTemporalFilter",
    ),
    "floor that does not saturate": (
        "np.where(of.saturates[sunk], -of.floor[sunk], after)",
        "after",
        "spatioTemporalFilter",
    ),
}


def mutated(old: str, new: str, name: str) -> ModuleType:
    """Return the simulator with one line changed."""
    source = Path(simulator.__file__).read_text()
    assert source.count(old) == 1, old
    spec = importlib.util.spec_from_loader(f"mutant_{abs(hash(name))}", loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    exec(compile(source.replace(old, new), simulator.__file__, "exec"), module.__dict__)
    return module


def watched(pack: dict[str, bytes], name: str) -> set[tuple[int, int]]:
    """Return the neurons whose spikes were all recorded."""
    found = set()
    (filters,) = json.loads(pack[f"{name}_filter.json"])
    for spec in filters["MonitorFilterSpecs"]:
        for text in spec["neurons"]:
            first, _, last = str(text).partition(":")
            neurons = range(int(first), int(last or first) + 1)
            found |= {(k, j) for k in spec["cores"] for j in neurons}
    return found


def theirs(pack: dict[str, bytes], name: str) -> set[tuple[int, int, int]]:
    if name != "spatioTemporalFilter":
        return recorded(pack, name)
    spikes = binary.read_raw_outputs(pack[f"{name}_outputSpikes0.sfro"])
    return {s[:3] for s in spikes}


def outputs(module: ModuleType, pack: dict[str, bytes], name: str) -> set[tuple[int, int, int]]:
    network = program(pack, name)
    known = f"{name}_inputSpikes.sfti"
    inputs = text_inputs(pack, known) if known in pack else connector_inputs(pack, name)
    result = module.run(network, inputs, ticks(pack, name))
    if name == "spatioTemporalFilter":
        seen = watched(pack, name)
        return {(t, k, j) for t, k, j in result.fired.tolist() if (k, j) in seen}
    return {s[:3] for s in simulator.outputs(network, result.fired)}


@pytest.mark.parametrize("what", MUTANTS)
def test_mutants_differ(what: str, pack: dict[str, bytes]) -> None:
    old, new, name = MUTANTS[what]
    module = mutated(old, new, what)
    try:
        ours = outputs(module, pack, name)
    except simulator.PotentialOverflow:
        return
    assert ours != theirs(pack, name)


@pytest.mark.parametrize("name", ["patternMatch", "sobelTiles", "spatioTemporalFilter"])
def test_the_simulator_itself_does_not(name: str, pack: dict[str, bytes]) -> None:
    assert outputs(simulator, pack, name) == theirs(pack, name)
