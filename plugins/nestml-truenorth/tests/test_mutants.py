"""The recordings tell wrong simulators from the right one: small changes that must show.

Each mutant changes one line of the simulator's source; at least one recording must then differ.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from nestml_truenorth.chip import simulator
from test_golden import PATH, VARIABLE, connector_inputs, pack, program, recorded, text_inputs, ticks

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
        "mnist_neil2",
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


def outputs(module: ModuleType, pack: dict[str, bytes], name: str) -> set[tuple[int, int, int]]:
    network = program(pack, name)
    known = f"{name}_inputSpikes.sfti"
    inputs = text_inputs(pack, known) if known in pack else connector_inputs(pack, name)
    result = module.run(network, inputs, ticks(pack, name))
    if name == "spatioTemporalFilter":
        return {tuple(row) for row in result.fired.tolist()}
    return {s[:3] for s in simulator.outputs(network, result.fired)}


@pytest.mark.parametrize("what", MUTANTS)
def test_mutants_differ(what: str, pack: dict[str, bytes]) -> None:
    old, new, name = MUTANTS[what]
    module = mutated(old, new, what)
    try:
        ours = outputs(module, pack, name)
    except simulator.PotentialOverflow:
        return
    if name == "spatioTemporalFilter":
        assert ours != outputs(simulator, pack, name)
    else:
        assert ours != recorded(pack, name)
