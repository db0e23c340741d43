"""What tests do in NEST, each in a process of its own: ``python scenarios.py NAME IN OUT``.

A scenario is a function of the fields of the JSON file IN; what it returns goes to OUT.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nest
import numpy as np

Fields = Mapping[str, Any]


def start(modules: Sequence[str] = (), threads: int = 1, resolution: float = 0.1) -> None:
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(resolution=resolution, local_num_threads=threads)
    for module in modules:
        nest.Install(module)


restart = start
"""For scenarios with a `start` of their own."""


def plain(value: Any) -> Any:
    """Return ``value`` as what JSON can hold."""
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list, np.ndarray)):
        return [plain(v) for v in value]
    return value.item() if isinstance(value, np.generic) else value


def error(action: Callable[[], object]) -> str:
    """Return the name and message of what NEST raises, or nothing."""
    try:
        action()
    except nest.NESTErrors.KernelException as problem:
        return f"{type(problem).__name__}: {problem}"
    return ""


def compare(
    modules: Sequence[str], models: Sequence[str], parameters: Sequence[Fields], weight: float
) -> Fields:
    """Drive several models alike: a constant current, two Poisson trains, 1 s of 0.1 ms steps."""
    start(modules)
    generator = np.random.default_rng(1234)
    trains = [np.unique(generator.integers(1, 9990, 2500)) * 0.1 for _ in range(2)]
    sources = [nest.Create("spike_generator", params={"spike_times": t}) for t in trains]
    current = nest.Create("step_current_generator")
    current.set(amplitude_times=[5.0, 400.0, 700.0], amplitude_values=[150.0, 350.0, -50.0])
    found: dict[str, Any] = {}
    for model, values in zip(models, parameters, strict=True):
        neuron = nest.Create(model, params=values)
        for source, sign in zip(sources, (1, -0.5), strict=True):
            nest.Connect(source, neuron, syn_spec={"weight": sign * weight, "delay": 1.5})
        nest.Connect(current, neuron, syn_spec={"delay": 1.0})
        meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 0.1})
        recorder = nest.Create("spike_recorder")
        nest.Connect(meter, neuron)
        nest.Connect(neuron, recorder)
        found[model] = (meter, recorder)
    nest.Simulate(1000.0)
    return {
        model: {"V_m": meter.get("events", "V_m"), "spikes": recorder.get("events", "times")}
        for model, (meter, recorder) in found.items()
    }


def status(modules: Sequence[str], model: str, changes: Sequence[Fields]) -> Fields:
    """Apply changes one after the other; return all status entries and errors on the way."""
    start(modules)
    neuron = nest.Create(model)
    states, errors = [neuron.get()], []
    for change in changes:
        errors.append(error(lambda change=change: neuron.set(change)))
        states.append(neuron.get())
    return {
        "states": [{k: v for k, v in s.items() if k != "model"} for s in states],
        "errors": errors,
    }


def create(modules: Sequence[str], model: str, params: Fields, read: Sequence[str]) -> Fields:
    """Create a neuron in one go; return some of its entries, or the error."""
    start(modules)
    found: dict[str, Any] = {}

    def make() -> None:
        neuron = nest.Create(model, params=params)
        found.update({name: neuron.get(name) for name in read})

    problem = error(make)
    return {"error": problem, **found}


def defaults(modules: Sequence[str], model: str) -> Fields:
    """Change defaults, copy the model, change resolution: what do new neurons start with?"""
    start(modules)
    nest.SetDefaults(model, {"E_L": -80.0})
    after_defaults = nest.Create(model).get("V_m")
    nest.CopyModel(model, "copied", {"V_m": -61.0})
    copied = nest.Create("copied").get(["E_L", "V_m"])
    early = nest.Create(model)
    nest.Simulate(1.0)
    settled = early.get("V_m")
    early.set(E_L=-90.0)
    return {
        "after_defaults": after_defaults,
        "copied": copied,
        "settled": settled,
        "after_change": early.get("V_m"),
    }


def random_parameters(modules: Sequence[str], model: str) -> Fields:
    start(modules)
    neurons = nest.Create(model, 50, params={"V_m": nest.random.uniform(-70.0, -60.0)})
    return {"V_m": neurons.get("V_m")}


def resolutions(modules: Sequence[str], model: str) -> Fields:
    """Let a neuron relax for 10 ms with several resolutions, set before and after Install."""
    found = {}
    for resolution in (0.1, 0.25, 1.0):
        start(modules, resolution=resolution)
        neuron = nest.Create(model, params={"V_m": -60.0})
        nest.Simulate(10.0)
        found[str(resolution)] = neuron.get("V_m")
    start(modules)
    nest.resolution = 0.5
    neuron = nest.Create(model, params={"V_m": -60.0})
    nest.Simulate(10.0)
    found["changed"] = neuron.get("V_m")
    return found


def resolution_with_nodes(modules: Sequence[str], model: str) -> Fields:
    start(modules)
    neuron = nest.Create(model, params={"V_m": -60.0})
    problem = error(lambda: nest.set(resolution=0.25))
    nest.Simulate(10.0)
    return {"error": problem, "V_m": neuron.get("V_m")}


def receptors(modules: Sequence[str], model: str) -> Fields:
    """Address each receptor of a neuron with a weight of its own."""
    start(modules)
    neuron = nest.Create(model)
    types = neuron.get("receptor_types")
    for k, (name, number) in enumerate(types.items()):
        source = nest.Create("spike_generator", params={"spike_times": [1.0]})
        weight = float(k + 1) * (-1 if name == "DOWN" else 1)
        spec = {"weight": weight, "delay": 1.0, "receptor_type": number}
        nest.Connect(source, neuron, syn_spec=spec)
    nest.Simulate(2.0)
    result = {"types": types, **{x: neuron.get(x) for x in "xyzn"}}
    source = nest.Create("spike_generator")
    for number in (0, 17):
        result[str(number)] = error(
            lambda n=number: nest.Connect(source, neuron, syn_spec={"receptor_type": n})
        )
    return result


def currents(modules: Sequence[str], model: str) -> Fields:
    start(modules)
    neuron = nest.Create(model)
    types = neuron.get("continuous_inputs")
    for k, number in enumerate(types.values()):
        source = nest.Create("dc_generator", params={"amplitude": 10.0 ** (k + 1)})
        nest.Connect(source, neuron, syn_spec={"receptor_type": number, "delay": 0.1})
    nest.Simulate(1.0)
    return {"types": types, "a": neuron.get("a"), "b": neuron.get("b")}


def cancelling(modules: Sequence[str], model: str) -> Fields:
    """Send pairs of spikes whose weights cancel, one of weight 0, and one of weight -0."""
    start(modules)
    neuron = nest.Create(model)
    for weight in (3.0, -3.0):
        source = nest.Create("spike_generator", params={"spike_times": [1.0, 2.0]})
        nest.Connect(source, neuron, syn_spec={"weight": weight})
    for weight, time in ((0.0, 3.0), (-0.0, 4.0)):
        source = nest.Create("spike_generator", params={"spike_times": [time]})
        nest.Connect(source, neuron, syn_spec={"weight": weight})
    nest.Simulate(10.0)
    return {"n": neuron.get("n"), "x": neuron.get("x")}


def multiplicity(modules: Sequence[str], model: str) -> Fields:
    start(modules)
    neuron = nest.Create(model)
    source = nest.Create("spike_generator")
    source.set(spike_times=[1.0], spike_multiplicities=[7])
    nest.Connect(source, neuron, syn_spec={"weight": 2.0})
    nest.Simulate(3.0)
    return {"x": neuron.get("x")}


def network(modules: Sequence[str], model: str, threads: int) -> Fields:
    """Run 24 neurons, each connected to all, with weights that add up without rounding."""
    start(modules, threads=threads)
    neurons = nest.Create(model, 24, params={"I_e": [300.0 + 16 * i for i in range(24)]})
    spec = {"weight": -16.0, "delay": 1.5}
    nest.Connect(neurons, neurons, {"rule": "all_to_all", "allow_autapses": False}, spec)
    nest.Connect(
        neurons[:8], neurons[8:], "one_to_one" if False else "all_to_all", {"weight": 32.0}
    )
    recorder = nest.Create("spike_recorder")
    nest.Connect(neurons, recorder)
    meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 1.0})
    nest.Connect(meter, neurons)
    nest.Simulate(300.0)
    events, voltages = recorder.get("events"), meter.get("events")
    order = np.lexsort((voltages["senders"], voltages["times"]))
    return {
        "spikes": sorted(zip(events["times"], events["senders"], strict=True)),
        "V_m": voltages["V_m"][order],
    }


def plasticity(modules: Sequence[str], model: str) -> Fields:
    """Let a synapse of NEST with spike-timing dependent plasticity act on a neuron."""
    start(modules)
    source = nest.Create(
        "spike_generator", params={"spike_times": [10.0 * k for k in range(1, 30)]}
    )
    relay = nest.Create("parrot_neuron")
    neuron = nest.Create(model, params={"I_e": 600.0})
    nest.Connect(source, relay)
    nest.Connect(relay, neuron, syn_spec={"synapse_model": "stdp_synapse", "weight": 5.0})
    nest.Simulate(300.0)
    return {"weight": nest.GetConnections(relay, neuron).get("weight")}


def rebuilt(module: str, other: str, model: str) -> Fields:
    """Replace the file of a module that is loaded, reset, and load it again."""
    import os

    start([module])
    first = nest.Create(model).get("V_th")
    os.replace(other, module)
    start([module])
    return {"first": first, "second": nest.Create(model).get("V_th")}


def both(modules: Sequence[str], models: Sequence[str]) -> Fields:
    start(modules)
    neurons = [nest.Create(m, params={"I_e": 400.0}) for m in models]
    nest.Simulate(50.0)
    return {m: n.get("V_m") for m, n in zip(models, neurons, strict=True)}


def vector_nodes(modules: Sequence[str], model: str) -> Fields:
    """Give vectors to several nodes: an array each, a scalar each, and random elements."""
    start(modules)
    nodes = nest.Create(model, 2)
    nodes.set([{"past": [1.0] * 3}, {"past": [2.0, 3.0, 4.0]}])
    nodes.set(k=[1, 2])
    found = {"each": [n.get("past") for n in nodes], "scalars": nodes.get("k")}
    nodes.set(past=nest.random.uniform())
    return found | {"drawn": [n.get("past") for n in nodes]}


def vector_recording(modules: Sequence[str]) -> Fields:
    start(modules)
    neuron = nest.Create("vector_equations", params={"V": [-70.0, -60.0, -50.0]})
    meter = nest.Create("multimeter", params={"record_from": ["V_1"], "interval": 0.1})
    nest.Connect(meter, neuron)
    nest.Simulate(5.0)
    return {
        "taps": sorted(nest.GetDefaults("taps")["recordables"]),
        "equations": sorted(neuron.recordables),
        "V_1": neuron.get("V")[1],
        "recorded": (nest.Simulate(0.1), meter.get("events", "V_1")[-1])[1],
    }


def outside(modules: Sequence[str]) -> Fields:
    start(modules)
    neuron = nest.Create("taps")
    nest.Simulate(1.0)
    y = neuron.get("y")
    neuron.set(k=3)
    return {"y": y, "error": error(lambda: nest.Simulate(1.0))}


def delays(modules: Sequence[str]) -> Fields:
    """Let runs of 1 ms follow one another, with delays that are there, zero, or changing."""

    def values(changes: Sequence[float | None], threads: int = 1) -> list[float]:
        start(modules, threads=threads)
        neuron = nest.Create("ahead")
        found = []
        for change in changes:
            if change is not None:
                neuron.set(d=change)
            nest.Simulate(1.0)
            found.append(neuron.get("y"))
        return found

    found: dict[str, Any] = {
        "default": values([None] * 4),
        "none": values([0.0, None, None, None]),
        "threads": values([None] * 4, threads=2),
        "changing": values([None, None, None, 1.0, 4.0, None, None, None])[2:],
    }
    neuron = nest.Create("ahead")
    found["negative"] = error(lambda: neuron.set(d=-1.0))
    found["endless"] = error(lambda: neuron.set(d=1e9))
    return found


def gap_pair(module: str, threads: int, g: float, start: Sequence[float], order: int) -> Fields:
    """Join two cells for 40 ms; return what they do."""
    restart([module], threads)
    nest.set(wfr_tol=1e-10, wfr_max_iterations=100, wfr_interpolation_order=order)
    cells = nest.Create("cell", 2, params={"V": start, "I_e": [60.0, 0.0]})
    meter = nest.Create("multimeter", params={"record_from": ["V", "I_total"], "interval": 0.1})
    recorder = nest.Create("spike_recorder")
    nest.Connect(meter, cells)
    nest.Connect(cells, recorder)
    connection = {"synapse_model": "gap_junction", "weight": g}
    nest.Connect(cells[0], cells[1], {"rule": "one_to_one", "make_symmetric": True}, connection)
    nest.Simulate(40.0)
    events = meter.get("events")
    mine = [events["senders"] == i for i in cells.tolist()]
    return {
        "times": events["times"][mine[0]],
        "V": [events["V"][m] for m in mine],
        "I_total": [events["I_total"][m] for m in mine],
        "spikes": recorder.get("events", "times"),
    }


def gap_interneurons(modules: Sequence[str]) -> Fields:
    """Let pairs of NEST's interneurons and of ours spike together, with spikes from outside."""
    found = {}
    for name, model in (("native", "hh_psc_alpha_gap"), ("ours", "hh_psc_alpha_gap_nestml")):
        start(modules, resolution=0.05)
        nest.set(wfr_tol=1e-7, wfr_max_iterations=50)
        cells = nest.Create(model, 2, params={"I_e": 100.0, "V_m": [-10.0, -69.6]})
        meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 0.05})
        recorder = nest.Create("spike_recorder")
        source = nest.Create("spike_generator", params={"spike_times": [20.0, 21.0, 55.0]})
        nest.Connect(source, cells[0], syn_spec={"weight": 400.0, "delay": 1.0})
        nest.Connect(source, cells[1], syn_spec={"weight": -300.0, "delay": 1.0})
        nest.Connect(meter, cells)
        nest.Connect(cells, recorder)
        connection = {"synapse_model": "gap_junction", "weight": 0.5}
        nest.Connect(cells[0], cells[1], {"rule": "one_to_one", "make_symmetric": True}, connection)
        nest.Simulate(120.0)
        events, spikes = meter.get("events"), recorder.get("events")
        order = np.lexsort((events["senders"], events["times"]))
        found[name] = {
            "V_m": events["V_m"][order],
            "spikes": sorted(zip(spikes["times"], spikes["senders"], strict=True)),
        }
    return found


def no_archive(modules: Sequence[str]) -> Fields:
    start(modules)
    cells = nest.Create("cell", 2)

    def connect(model: str) -> str:
        return error(lambda: nest.Connect(cells, cells, syn_spec={"synapse_model": model}))

    return {
        "static": connect("static_synapse"),
        "plastic": connect("stdp_synapse"),
        "entries": sorted(cells[0].get()),
    }


def installing(folder: str) -> Fields:
    """Install a model, then another version of it."""
    import nestml_nest

    from nestml_core import ModelError

    text = """model drift:
    state:
        x real = 0
    equations:
        x' = {rate} / 1 ms
    update:
        integrate_odes()
"""

    def run() -> float:
        neuron = nest.Create("drift")
        nest.Simulate(1.0)
        return neuron.get("x")

    def problem(rate: str, **how: Any) -> str:
        try:
            nestml_nest.install(text.format(rate=rate), folder, **how)
        except (RuntimeError, ModelError) as raised:
            return str(raised)
        return ""

    nest.verbosity = nest.VerbosityLevel.ERROR
    found: dict[str, Any] = {"names": nestml_nest.install(text.format(rate=1), folder)}
    found["again"] = problem("3")
    found["first"] = run()
    module = Path(folder, "nestmlmodule.so")
    before = module.stat().st_mtime_ns
    found["with_nodes"] = problem("3")
    found["untouched"] = module.stat().st_mtime_ns == before
    found["replaced"] = problem("3", reset=True)
    found["second"] = run()
    found["mistake"] = problem("nothing", reset=True)
    return found


def native(models: Sequence[str]) -> Fields:
    start()
    entries = [set(nest.Create(m).get()) | set(nest.GetDefaults(m)) for m in models]
    return {
        "models": sorted((*nest.node_models, *nest.synapse_models)),
        "entries": sorted(set.intersection(*entries)),
    }


if __name__ == "__main__":
    scenario, given, taken = sys.argv[1:]
    fields = json.loads(Path(given).read_text(encoding="utf-8"))
    Path(taken).write_text(json.dumps(plain(globals()[scenario](**fields))), encoding="utf-8")
