"""Programs as corelets: source for the corelet programming environment (MATLAB).

The names are those of published corelets and tutorials. For some values no name is public: weights
and leaks that are probabilities, reset values, first potentials, and delays. These go through one
method, ``unpublished``, which keeps them; whoever has the environment says there what they are
called. The program's JSON is what counts.

Reference: Amir et al. (2013), IJCNN, "Cognitive computing programming paradigm: a corelet language
for composing networks of neurosynaptic cores".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from nestml_truenorth.chip.network import (
    FIRST_OUTPUT,
    SIZE,
    Core,
    Network,
    NeuronType,
    require_valid,
)


def write(network: Network, name: str, inputs: Sequence[tuple[int, int]]) -> str:
    """Return the source of a corelet, a MATLAB class called ``name``.

    Parameters
    ----------
    inputs : the (core id, axon) pairs of the input connector, by pin
    """
    require_valid(network)
    lines = [
        f"classdef {name} < corelet",
        f"  % {name}: {len(network.cores)} core(s), {len(network.neuron_types)} neuron type(s).",
        "  % The program's JSON is what counts; this is the same for people, and for composing.",
        "  properties",
        "    kept = {};  % values whose names in the environment are not public",
        "  end",
        "  methods",
        f"    function obj = {name}()",
        f"      obj.name = '{name}';",
        f"      obj.addNeuronTypes({len(network.neuron_types)}, 'linear');",
    ]
    place = {kind.number: n for n, kind in enumerate(network.neuron_types, 1)}
    for kind in network.neuron_types:
        lines += _kind(kind, place[kind.number])
    index = {core.id: n for n, core in enumerate(network.cores, 1)}
    lines.append(f"      obj.addCores({len(network.cores)});")
    for core in network.cores:
        lines += _core(core, index, place)
    lines += _inputs(inputs, index)
    lines += _outputs(network, index)
    lines += [
        "    end",
        "    function unpublished(obj, what, index, values)",
        "      % what: 'type' (stochastic weights b0 to b3, stochastic leak c, reset R, first V)",
        "      % or 'delays' (one for each neuron of a core; the environment's default is 1)",
        "      obj.kept{end + 1} = {what, index, values};",
        "    end",
        "    function dispThis(obj, depth)",
        "    end",
        "    function ok = verifyThis(obj, depth)",
        "      ok = true;",
        "    end",
        "  end",
        "end",
    ]
    return "\n".join(lines) + "\n"


def _row(values: Sequence[int]) -> str:
    """Return a row vector, with repetitions in short."""
    runs = [(v, len(list(run))) for v, run in groupby(values)]
    parts = [f"repmat({v}, 1, {n})" if n > 3 else " ".join([str(v)] * n) for v, n in runs]
    return "[" + " ".join(parts) + "]"


def _kind(kind: NeuronType, n: int) -> Iterator[str]:
    def sign(value: int) -> int:
        return -1 if value < 0 else 1

    fields = {
        "S": _row([abs(w) for w in kind.weights]),
        "sigma": _row([sign(w) for w in kind.weights]),
        "alpha": kind.threshold,
        "beta": kind.floor,
        "lmda": abs(kind.leak),
        "sigma_l": sign(kind.leak),
        "gamma": int(kind.reset_mode),
        "kappa": int(kind.saturates),
        "epsilon": int(kind.leak_reversal),
        "TM": kind.mask_bits,
    }
    for field, value in fields.items():
        yield f"      obj.neuron({n}).{field} = {value};"
    others = [int(b) for b in kind.stochastic_weights]
    others += [int(kind.stochastic_leak), kind.reset, kind.potential]
    if any(others):
        yield f"      obj.unpublished('type', {n}, {_row(others)});"


def _core(core: Core, index: dict[int, int], place: dict[int, int]) -> Iterator[str]:
    n = index[core.id]
    yield f"      W = zeros({SIZE}, {SIZE}, 'uint8');  % axons, neurons"
    rows = list(core.crossbar.rows)
    first = 0
    for row, run in groupby(rows):
        last = first + len(list(run))
        neurons = [j + 1 for j in range(SIZE) if row[j // 8] & 0x80 >> j % 8]
        if neurons:
            yield f"      W({first + 1}:{last}, {_ranges(neurons)}) = 1;"
        first = last
    yield f"      obj.core({n}).setW_ij(W);"
    yield f"      obj.core({n}).setAllG_i({_row(core.crossbar.axon_types)});"
    enabled = [j for j in range(SIZE) if core.is_enabled(j)]
    types = [place[core.types[j]] if core.is_enabled(j) else 0 for j in range(SIZE)]
    yield f"      ids = [0 {' '.join(f'obj.neuron({k}).nID' for k in place.values())}];"
    yield f"      obj.core({n}).setAllNeurons(ids({_row([t + 1 for t in types])}));"
    for target, others in _by_target(core, enabled):
        sources = _row([j + 1 for j in others])
        axons = _row([core.dest_axons[j] + 1 for j in others])
        cores = f"repmat(obj.core({index[target]}).coreID, 1, {len(others)})"
        yield f"      obj.core({n}).setDest({sources}, {cores}, {axons});"
    unused = [j + 1 for j in range(SIZE) if not core.is_enabled(j)]
    if unused:
        yield f"      obj.core({n}).setDisconnected({_ranges(unused)});"
    if any(core.delays[j] != 1 for j in enabled):
        yield f"      obj.unpublished('delays', {n}, {_row(core.delays)});"


def _ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers as a row vector, with ranges in short."""
    parts, at = [], 0
    while at < len(numbers):
        end = at
        while end + 1 < len(numbers) and numbers[end + 1] == numbers[end] + 1:
            end += 1
        parts.append(f"{numbers[at]}:{numbers[end]}" if end > at else str(numbers[at]))
        at = end + 1
    return "[" + " ".join(parts) + "]"


def _by_target(core: Core, enabled: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """Yield each core on the chip that neurons of ``core`` fire at, and these neurons."""
    targets = sorted({core.dest_cores[j] for j in enabled if core.dest_cores[j] >= 0})
    for target in targets:
        yield target, [j for j in enabled if core.dest_cores[j] == target]


def _inputs(inputs: Sequence[tuple[int, int]], index: dict[int, int]) -> Iterator[str]:
    if inputs:
        cores = _row([index[core] for core, _ in inputs])
        axons = _row([axon + 1 for _, axon in inputs])
        yield f"      obj.inputs(1) = connector({len(inputs)}, 'input');"
        yield f"      obj.inputs(1).wireTgtCores([obj.core({cores}).coreID], {axons});"


def _outputs(network: Network, index: dict[int, int]) -> Iterator[str]:
    lines = sorted(
        (FIRST_OUTPUT - core.dest_cores[j], core.dest_axons[j], index[core.id], j + 1)
        for core in network.cores
        for j in range(SIZE)
        if core.is_enabled(j) and core.dest_cores[j] <= FIRST_OUTPUT
    )
    if lines:
        cores = _row([n for _, _, n, _ in lines])
        neurons = _row([j for _, _, _, j in lines])
        yield f"      obj.outputs(1) = connector({len(lines)}, 'output');"
        yield f"      obj.outputs(1).wireSrcCores([obj.core({cores}).coreID], {neurons});"
