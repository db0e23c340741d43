"""The corelet source, run in Octave with a corelet class that records, gives the same program."""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chip_networks import random_network
from models_under_test import PERFECT, changed, lowered
from nestml_truenorth.chip import matlab
from nestml_truenorth.chip.network import (
    DISABLED,
    FIRST_OUTPUT,
    SIZE,
    UNROUTED,
    Network,
    NeuronType,
    Reset,
)
from test_refractory import COUNTER

OCTAVE = shutil.which("octave-cli") or shutil.which("octave")
pytestmark = pytest.mark.skipif(
    OCTAVE is None and os.environ.get("NESTML_REQUIRE_TOOLCHAINS") != "1",
    reason="octave is not installed (Debian: apt-get install octave)",
)

SCRIPT = """\
global RECORDED; RECORDED = {};
made = %s();
kinds = {};
for k = 1:numel(made.neuron)
  n = made.neuron(k);
  kinds{end + 1} = {n.S, n.sigma, n.alpha, n.beta, n.lmda * n.sigma_l, n.gamma, n.kappa, ...
                    n.epsilon, n.TM};
end
assert(made.verifyThis(0));
file = fopen('recorded.json', 'w');
fprintf(file, '%%s', jsonencode({made.name, kinds, RECORDED, made.kept}));
fclose(file);
"""


def recorded(source: str, name: str, folder: Path) -> Any:
    assert OCTAVE is not None
    (folder / f"{name}.m").write_text(source)
    stubs = Path(__file__).parent / "octave"
    done = subprocess.run(
        [OCTAVE, "--no-gui", "--norc", "--quiet", "--path", str(stubs), "--eval", SCRIPT % name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "recorded.json").read_text())


def rebuilt(said: Any, of: Network) -> tuple[list[NeuronType], list[dict[str, Any]]]:
    """Return neuron types and cores as the corelet described them."""
    _, kinds, calls, kept = said
    others = {index: values for what, index, values in kept if what == "type"}
    types = []
    for n, (s, sigma, alpha, beta, leak, gamma, kappa, epsilon, tm) in enumerate(kinds, 1):
        b = others.get(n, [0] * 7)
        types.append(
            NeuronType(
                number=of.neuron_types[n - 1].number,
                weights=tuple(a * x for a, x in zip(s, sigma, strict=True)),  # type: ignore[arg-type]
                threshold=alpha,
                floor=beta,
                leak=leak,
                leak_reversal=bool(epsilon),
                reset_mode=Reset(gamma),
                reset=b[5],
                saturates=bool(kappa),
                mask_bits=tm,
                potential=b[6],
                stochastic_weights=tuple(bool(x) for x in b[:4]),  # type: ignore[arg-type]
                stochastic_leak=bool(b[4]),
            )
        )
    cores = [{"delays": (1,) * SIZE, "targets": [(UNROUTED, -1)] * SIZE} for _ in of.cores]
    for what, index, values in calls:
        core = cores[index - 1] if what.startswith("set") else {}
        match what:
            case "setW_ij":
                core["rows"] = np.array(values[0])
            case "setAllG_i":
                core["axon_types"] = tuple(values[0])
            case "setAllNeurons":
                core["types"] = [x - 100 if x else 0 for x in values[0]]
            case "setDest":
                for j, c, a in zip(*(np.ravel(v).tolist() for v in values), strict=True):
                    core["targets"][j - 1] = (of.cores[c - 1001].id, a - 1)
            case "setDisconnected":
                for j in np.ravel(values[0]).tolist():
                    core["targets"][j - 1] = (DISABLED, 0)
            case "wireSrcCores":
                pins = zip(*(np.ravel(v).tolist() for v in values), strict=True)
                for pin, (c, j) in enumerate(pins):
                    cores[c - 1001]["targets"][j - 1] = ("out", pin)
    for what, index, values in kept:
        if what == "delays":
            cores[index - 1]["delays"] = tuple(values)
    return types, cores


def assert_same(network: Network, inputs: list[tuple[int, int]], folder: Path) -> Any:
    said = recorded(matlab.write(network, "thing", inputs), "thing", folder)
    types, cores = rebuilt(said, network)
    assert said[0] == "thing"
    assert tuple(types) == network.neuron_types
    lines = sorted(
        (FIRST_OUTPUT - c.dest_cores[j], c.dest_axons[j], k, j)
        for k, c in enumerate(network.cores)
        for j in range(SIZE)
        if c.is_enabled(j) and c.dest_cores[j] <= FIRST_OUTPUT
    )
    for k, (core, made) in enumerate(zip(network.cores, cores, strict=True)):
        assert made["axon_types"] == core.crossbar.axon_types
        packed = np.packbits(made["rows"].astype(np.uint8), axis=1)
        assert tuple(bytes(r) for r in packed) == core.crossbar.rows
        for j in range(SIZE):
            if not core.is_enabled(j):
                assert made["targets"][j] == (DISABLED, 0)
                continue
            assert types[made["types"][j] - 1].number == core.types[j]
            if core.dest_cores[j] >= 0:
                assert made["targets"][j] == (core.dest_cores[j], core.dest_axons[j])
            elif core.dest_cores[j] == UNROUTED:
                assert made["targets"][j] == (UNROUTED, -1)
            else:
                _, pin = made["targets"][j]
                assert lines[pin] == (*lines[pin][:2], k, j)
        delays = [d if core.is_enabled(j) else 1 for j, d in enumerate(core.delays)]
        assert [d if core.is_enabled(j) else 1 for j, d in enumerate(made["delays"])] == delays
    return said


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_programs(seed: int, tmp_path: Path) -> None:
    network = random_network(seed)
    kinds = (
        replace(network.neuron_types[0], stochastic_leak=True),
        replace(network.neuron_types[1], stochastic_weights=(False, True, True, False)),
        *network.neuron_types[2:],
    )
    inputs = [(0, 3), (2, 255), (1, 0)]
    said = assert_same(replace(network, neuron_types=kinds), inputs, tmp_path)
    (wired,) = [values for what, _, values in said[2] if what == "wireTgtCores"]
    assert np.ravel(wired[0]).tolist() == [1001, 1003, 1002]
    assert np.ravel(wired[1]).tolist() == [4, 256, 1]


@pytest.mark.parametrize("text", [PERFECT, changed(*COUNTER)])
def test_generated_programs(text: str, tmp_path: Path) -> None:
    value, _ = lowered(text)
    assert_same(value.neurons[0].network, [(0, 0)], tmp_path)
