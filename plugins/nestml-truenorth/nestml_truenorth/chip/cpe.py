"""Program files: the JSON that the corelet environment writes and the chip's tools read.

The text is JSON with comments. Its keys have an order, and the key ``core`` stands there once for
each core: ``model``, ``crossbarTypes``, ``neuronTypes``, ``core``, ``core``, ... Neurons refer to
the type named ``N`` and their number in eight hexadecimal digits.

The reader also takes the looser form that the open-source package pytruenorth writes: no
crossbar types, neurons as objects that name their type freely.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nestml_truenorth.chip.network import (
    AXON_TYPES,
    DISABLED,
    MAX_RESET_BITS,
    NO_TYPE,
    ROW_BYTES,
    SIZE,
    Core,
    Corelet,
    Crossbar,
    Network,
    NeuronType,
    Reset,
    require_valid,
)
from nestml_truenorth.chip.ranges import compress, expand

STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\])*"|/\*.*?\*/', re.DOTALL)
HEX_ROW = re.compile(rf"[0-9A-Fa-f]{{2}}(?: [0-9A-Fa-f]{{2}}){{{ROW_BYTES - 1}}}")
KEYS = ("model", "crossbarTypes", "neuronTypes", "core")
KINDS = range(AXON_TYPES)


class FormatError(ValueError):
    """A text that is not a program file; the message says where."""


# Reading


@dataclass(frozen=True, slots=True)
class _Object:
    """A JSON object as written, and where it stands: keys in order, each once but ``core``."""

    where: str
    pairs: tuple[tuple[str, Any], ...]

    def get(self, key: str) -> Any:
        return next((value for k, value in self.pairs if k == key), None)

    def require(self, key: str, kind: type) -> Any:
        value = self.get(key)
        if type(value) is not kind:
            raise FormatError(f"{self.where}: `{key}` must be a {_WORDS[kind]}")
        return value

    def integer(self, key: str) -> int:
        number: int = self.require(key, int)
        return number

    def flag(self, key: str) -> bool:
        value: bool = self.require(key, bool)
        return value

    def sign(self, key: str) -> int:
        value = self.integer(key)
        if value not in (-1, 1):
            raise FormatError(f"{self.where}: `{key}` must be 1 or -1")
        return value

    def within(self, key: str, where: str) -> _Object:
        return _Object(f"{self.where}{where}", self.require(key, tuple))

    def items(self, key: str) -> list[Any]:
        values: list[Any] = self.require(key, list)
        return values

    def numbers(self, key: str) -> tuple[int, ...]:
        try:
            return expand(self.items(key))
        except ValueError as problem:
            raise FormatError(f"{self.where}: `{key}`: {problem}") from None


_WORDS: Mapping[type, str] = {
    int: "whole number",
    bool: "truth value",
    str: "text",
    list: "list",
    tuple: "object",
}


def read(text: str) -> Network:
    """Return the program in ``text``.

    Raises
    ------
    FormatError : the text is not a program file.
    InvalidNetwork : it is, but no chip could hold the program.
    """
    top = _Object("file", _parsed(text))
    _check_order(top)
    model = top.within("model", ", model")
    if model.integer("crossbarSize") != SIZE:
        raise FormatError(f"{model.where}: `crossbarSize` must be {SIZE}")
    library = dict(_crossbars(top))
    numbers: dict[str, int] = {}
    kinds = tuple(_neuron_types(top, numbers))
    members = [_Object(f"core {i}", _fields(v)) for i, v in enumerate(_all(top, "core"))]
    cores = tuple(_core(member, library, numbers) for member in members)
    if model.integer("coreCount") != len(cores):
        raise FormatError(f"{model.where}: `coreCount` is not {len(cores)}, the number of cores")
    key = model.get("buildKey64")
    return require_valid(Network(kinds, cores, key if isinstance(key, str) else ""))


def _parsed(text: str) -> tuple[tuple[str, Any], ...]:
    plain = STRING_OR_COMMENT.sub(_without_comment, text)
    try:
        value = json.loads(plain, object_pairs_hook=tuple)
    except json.JSONDecodeError as problem:
        raise FormatError(f"line {problem.lineno}: {problem.msg}") from None
    except RecursionError:
        raise FormatError("file: nested too deeply") from None
    return _fields(value)


def _without_comment(match: re.Match[str]) -> str:
    """Return a string as it is; of a comment, the line breaks, so that line numbers stay right."""
    found = match.group()
    return found if found[0] == '"' else "\n" * found.count("\n")


def _fields(value: Any) -> tuple[tuple[str, Any], ...]:
    if type(value) is not tuple:
        raise FormatError("an object is needed where there is something else")
    return value


def _all(owner: _Object, key: str) -> Iterator[Any]:
    return (value for k, value in owner.pairs if k == key)


def _check_order(top: _Object) -> None:
    keys = [k for k, _ in top.pairs]
    unknown = [k for k in keys if k not in KEYS]
    if unknown:
        raise FormatError(f"file: unknown key `{unknown[0]}`")
    if keys != sorted(keys, key=KEYS.index):
        raise FormatError(f"file: the keys must stand in the order {', '.join(KEYS)}")
    for key in KEYS[:3]:
        if keys.count(key) > 1:
            raise FormatError(f"file: `{key}` is there more than once")


def _crossbars(top: _Object) -> Iterator[tuple[str, Crossbar]]:
    if top.get("crossbarTypes") is None:
        return
    for i, value in enumerate(top.items("crossbarTypes")):
        member = _Object(f"crossbar type {i}", _fields(value))
        yield member.require("name", str), _crossbar(member.within("crossbar", ""))


def _crossbar(member: _Object) -> Crossbar:
    rows = [
        _Object(f"{member.where}, row {i}", _fields(r)) for i, r in enumerate(member.items("rows"))
    ]
    return Crossbar(tuple(_axon_type(r) for r in rows), tuple(_synapses(r) for r in rows))


def _axon_type(row: _Object) -> int:
    name: str = row.require("type", str)
    if name not in {f"S{g}" for g in KINDS}:
        raise FormatError(f"{row.where}: `type` must be S0 to S{AXON_TYPES - 1}, not {name!r}")
    return int(name[1])


def _synapses(row: _Object) -> bytes:
    text: str = row.require("synapses", str)
    if not HEX_ROW.fullmatch(text):
        raise FormatError(
            f"{row.where}: `synapses` must be {ROW_BYTES} pairs of hexadecimal digits"
        )
    return bytes.fromhex(text)


def _neuron_types(top: _Object, numbers: dict[str, int]) -> Iterator[NeuronType]:
    """Yield the neuron types; note in ``numbers`` which number each name has."""
    members = [
        _Object(f"neuron type {i}", _fields(v)) for i, v in enumerate(top.items("neuronTypes"))
    ]
    names: list[str] = [m.require("name", str) for m in members]
    numbered = all(re.fullmatch(r"N[0-9A-F]{8}", name) for name in names)
    for i, (name, member) in enumerate(zip(names, members, strict=True)):
        numbers[name] = int(name[1:], 16) if numbered else i + 1
        yield _neuron_type(member, numbers[name])


def _neuron_type(m: _Object, number: int) -> NeuronType:
    weights = [m.sign(f"sigma{g}") * m.integer(f"s{g}") for g in KINDS]
    stochastic = [m.flag(f"b{g}") for g in KINDS]
    gamma, bits = m.integer("gamma"), m.integer("VR")
    if gamma not in tuple(Reset):
        raise FormatError(f"{m.where}: `gamma` must be 0, 1 or 2")
    if not 0 <= bits <= MAX_RESET_BITS:
        raise FormatError(f"{m.where}: `VR` must be 0..{MAX_RESET_BITS}")
    return NeuronType(
        number=number,
        weights=(weights[0], weights[1], weights[2], weights[3]),
        threshold=m.integer("alpha"),
        floor=m.integer("beta"),
        leak=m.sign("sigma_lambda") * m.integer("lambda"),
        leak_reversal=m.flag("epsilon"),
        reset_mode=Reset(gamma),
        reset=m.sign("sigma_VR") * (2**bits - 1),
        saturates=m.flag("kappa"),
        mask_bits=m.integer("TM"),
        potential=m.integer("V"),
        stochastic_weights=(stochastic[0], stochastic[1], stochastic[2], stochastic[3]),
        stochastic_leak=m.flag("c_lambda"),
    )


def _core(member: _Object, library: dict[str, Crossbar], numbers: dict[str, int]) -> Core:
    bar = member.within("crossbar", ", crossbar")
    name = bar.get("name")
    if name is not None and name not in library:
        raise FormatError(f"{bar.where}: there is no crossbar type {name!r}")
    types, cores, axons, delays = _neurons(member, numbers)
    return Core(
        id=member.integer("id"),
        crossbar=_crossbar(bar) if name is None else library[name],
        types=types,
        dest_cores=cores,
        dest_axons=axons,
        delays=delays,
        seed=member.integer("rngSeed"),
        corelet=_corelet(member),
    )


def _corelet(member: _Object) -> Corelet:
    if member.get("metadata") is None:
        return Corelet()
    data = member.within("metadata", ", metadata")
    return Corelet(
        data.require("coreletClass", str),
        data.integer("coreletId"),
        data.integer("coreNumber"),
        data.numbers("parentCoreletId"),
    )


def _neurons(member: _Object, numbers: dict[str, int]) -> tuple[tuple[int, ...], ...]:
    """Return types, destination cores, destination axons and delays of a core's neurons."""
    if isinstance(member.get("neurons"), list):
        return _listed_neurons(member, numbers)
    block = member.within("neurons", ", neurons")
    if block.numbers("dendrites") != tuple(range(SIZE)):
        raise FormatError(f"{block.where}: `dendrites` must be 0:{SIZE - 1}")
    keys = ("types", "destCores", "destAxons", "destDelays")
    return tuple(block.numbers(key) for key in keys)


def _listed_neurons(member: _Object, numbers: dict[str, int]) -> tuple[tuple[int, ...], ...]:
    """Return the columns of neurons that are written as objects; unused ones lose their type."""
    where = f"{member.where}, neuron"
    neurons = [_Object(f"{where} {i}", _fields(v)) for i, v in enumerate(member.items("neurons"))]
    neurons.sort(key=lambda n: n.integer("dendrite"))
    if [n.integer("dendrite") for n in neurons] != list(range(SIZE)):
        raise FormatError(f"{member.where}: there must be one neuron on each of {SIZE} dendrites")
    types = []
    for n in neurons:
        name = n.require("type", str)
        if name not in numbers:
            raise FormatError(f"{n.where}: there is no neuron type {name!r}")
        types.append(NO_TYPE if n.integer("destCore") == DISABLED else numbers[name])
    columns = [tuple(n.integer(key) for n in neurons) for key in ("destCore", "destAxon", "delay")]
    return (tuple(types), *columns)


# Writing

SIGN = {True: -1, False: 1}


def write(network: Network) -> str:
    """Return ``network`` as a program file; ``read`` gives it back.

    Raises
    ------
    InvalidNetwork : no chip could hold it.
    """
    require_valid(network)
    names: dict[Crossbar, str] = {}
    for core in network.cores:
        names.setdefault(core.crossbar, f"coreProt{len(names) + 1:07d}")
    blocks = [
        _model_block(network),
        _list_block(
            "Crossbar type library",
            "crossbarTypes",
            [_crossbar_text(name, bar) for bar, name in names.items()],
        ),
        _list_block(
            "Neuron type library", "neuronTypes", [_type_text(k) for k in network.neuron_types]
        ),
        *(_core_block(core, names[core.crossbar]) for core in network.cores),
    ]
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def _line(key: str, value: object) -> str:
    return f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}"


def _inline(fields: Sequence[tuple[str, object]]) -> str:
    return "{" + ",".join(_line(k, v) for k, v in fields) + "}"


def _block(fields: Sequence[str], depth: int) -> str:
    """Return ``{...}`` with one field a line."""
    tabs = "\t" * depth
    return "{\n" + ",\n".join(f"{tabs}\t{f}" for f in fields) + f"\n{tabs}}}"


def _model_block(network: Network) -> str:
    fields = (
        _line("coreCount", len(network.cores)),
        _line("neuronclass", "NeuronGeneral"),
        _line("crossbarSize", SIZE),
        _line("crossbarclass", "CrossbarBinary"),
        _line("buildKey64", network.build_key),
        _line("networking", "INTRA"),
        _line("useCrossbarPrototypes", True),
    )
    return f'\t/* General model parameters */\n\t"model":{_block(fields, 1)}'


def _list_block(title: str, key: str, items: Sequence[str]) -> str:
    lines = ",\n".join(f"\t\t{item}" for item in items)
    return f'\t/* {title} */\n\t"{key}":[\n{lines}\n\t]'


def _crossbar_text(name: str, bar: Crossbar) -> str:
    rows = ",\n".join(
        "\t\t\t\t" + _inline((("type", f"S{g}"), ("synapses", row.hex(" ").upper())))
        for g, row in zip(bar.axon_types, bar.rows, strict=True)
    )
    inner = f'{{\n\t\t\t"rows":[\n{rows}\n\t\t\t]}}'
    return _block((_line("name", name), f'"crossbar":{inner}'), 2)


def _type_text(k: NeuronType) -> str:
    fields: list[tuple[str, object]] = [("name", f"N{k.number:08X}"), ("class", "NeuronGeneral")]
    fields += [(f"sigma{g}", SIGN[k.weights[g] < 0]) for g in KINDS]
    fields += [(f"s{g}", abs(k.weights[g])) for g in KINDS]
    fields += [(f"b{g}", k.stochastic_weights[g]) for g in KINDS]
    fields += [
        ("sigma_lambda", SIGN[k.leak < 0]),
        ("lambda", abs(k.leak)),
        ("c_lambda", k.stochastic_leak),
        ("epsilon", k.leak_reversal),
        ("alpha", k.threshold),
        ("beta", k.floor),
        ("TM", k.mask_bits),
        ("gamma", int(k.reset_mode)),
        ("kappa", k.saturates),
        ("sigma_VR", SIGN[k.reset < 0]),
        ("VR", abs(k.reset).bit_length()),
        ("V", k.potential),
    ]
    return _inline(fields)


def _core_block(core: Core, crossbar: str) -> str:
    origin = (
        _line("coreletClass", core.corelet.name),
        _line("coreletId", core.corelet.id),
        _line("coreNumber", core.corelet.number),
        _line("parentCoreletId", core.corelet.parents),
    )
    neurons = (
        _line("dendrites", compress(range(SIZE))),
        _line("types", compress(core.types)),
        _line("destCores", compress(core.dest_cores)),
        _line("destAxons", compress(core.dest_axons)),
        _line("destDelays", compress(core.delays)),
    )
    fields = (
        f'"metadata":{_block(origin, 2)}',
        _line("id", core.id),
        _line("timeScaleExponent", 0),
        _line("rngSeed", core.seed),
        f'"neurons":{_block(neurons, 2)}',
        f'"crossbar":{_block((_line("name", crossbar),), 2)}',
    )
    return f'\t/* Core parameters */\n\t"core":{_block(fields, 1)}'
