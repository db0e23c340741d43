"""What tests of synapses do in NEST: ``python synapse_runs.py NAME IN OUT``."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nest
from scenarios import Fields, error, plain, start

LEAD = 1.0
"""How long before a neuron fires its generator does, in ms."""


def generator(times: Sequence[float]) -> Any:
    return nest.Create("spike_generator", {"spike_times": [round(t - LEAD, 6) for t in times]})


def firing(model: str, times: Sequence[float], properties: Fields, kick: float = 0.0) -> Any:
    """Return a neuron of ``model`` that fires at ``times``, whatever else reaches it.

    If there is a ``kick``, this is what reaches it at these times instead.
    """
    neuron = nest.Create(model)
    if model != "parrot_neuron" and not kick:
        neuron.set({"V_th": 1e6, "refr_T": 0.0})
    if properties:
        neuron.set(dict(properties))
    nest.Connect(generator(times), neuron, syn_spec={"delay": LEAD, "weight": kick or 1e9})
    return neuron


def weights(
    modules: Sequence[str],
    jobs: Sequence[Fields],
    *,
    duration: float,
    threads: int = 1,
    resolution: float = 0.1,
    deliver_interval: int = 1,
    link: float = 0.0,
) -> list[Any]:
    """Return what each job's synapse passes on: ``[[times, weights], ...]``.

    A job has the ``synapse`` and its ``parameters`` and own ``values``, the ``neuron`` that it ends
    at and its ``properties``, the ``delay``, and the trains ``pre``, ``post`` and ``mod``; perhaps
    the ``kick`` that the neuron gets at the times of ``post``. The spikes of ``mod`` reach their
    transmitter a ``link`` later, or a step.
    """
    start(modules, threads, resolution)
    recorders = []
    sources: dict[tuple[float, ...], Any] = {}
    transmitters: dict[tuple[float, ...], Any] = {}
    for k, job in enumerate(jobs):
        train, modulation = tuple(job["pre"]), tuple(job.get("mod", ()))
        if train not in sources:
            sources[train] = firing("parrot_neuron", train, {})
        recorder = nest.Create("weight_recorder")
        # Connect takes no truth values: what a synapse begins with is set in the model
        common = {"weight_recorder": recorder, **job["parameters"], **job["values"]}
        if modulation:
            if modulation not in transmitters:
                transmitters[modulation] = nest.Create("volume_transmitter")
                transmitters[modulation].deliver_interval = deliver_interval
                sender = firing("parrot_neuron", modulation, {})
                late = {"delay": link or resolution}
                nest.Connect(sender, transmitters[modulation], syn_spec=late)
            common["volume_transmitter"] = transmitters[modulation]
        nest.CopyModel(job["synapse"], f"copy_{k}", common)
        target = firing(job["neuron"], job["post"], job["properties"], job.get("kick", 0.0))
        # port 1 of a parrot takes no part in what it repeats
        port = int(job["neuron"] == "parrot_neuron")
        spec = {"synapse_model": f"copy_{k}", "receptor_type": port, "delay": job["delay"]}
        nest.Connect(sources[train], target, syn_spec=spec)
        recorders.append(recorder)
    nest.Simulate(duration)
    found = []
    for recorder in recorders:
        events = recorder.get("events")
        order = events["times"].argsort(kind="stable")
        found.append([events["times"][order], events["weights"][order]])
    return found


def status(modules: Sequence[str]) -> Fields:
    """Try what one does to synapses."""
    start(modules)
    a, b = nest.Create("parrot_neuron", 2)
    got: dict[str, Any] = {}
    known = dict(nest.GetDefaults("stdp"))
    got["defaults"] = {k: v for k, v in known.items() if k != "weight_recorder"}
    nest.Connect(a, b, syn_spec={"synapse_model": "stdp", "weight": 7.0})
    nest.Connect(a, b, syn_spec={"synapse_model": "stdp", "w": 3.0})
    found = nest.GetConnections(synapse_model="stdp")
    first, second = sorted(found, key=lambda c: -c.get("weight"))  # they come in any order
    got["weights"] = [first.get("w"), first.get("weight"), second.get("weight")]
    got["refused"] = error(lambda: first.set(tau_tr_pre=-1.0))
    got["refused"] += error(lambda: nest.SetDefaults("stdp", {"tau_tr_pre": -1.0, "w": 5.0}))
    got["after_refusal"] = [first.get("tau_tr_pre"), nest.GetDefaults("stdp", "tau_tr_pre")]
    got["both"] = error(lambda: first.set(w=2.0, weight=3.0))
    got["unknown"] = error(lambda: first.set(nonsense=2.0))
    heavy = {"synapse_model": "stdp", "weight": 1000.0}
    got["too_heavy"] = error(lambda: nest.Connect(a, b, syn_spec=heavy))
    nest.SetDefaults("quantal_stp", {"n": 7})
    nest.Connect(a, b, syn_spec={"synapse_model": "quantal_stp"})
    (quantal,) = nest.GetConnections(synapse_model="quantal_stp")
    got["follows"] = [quantal.get("n"), quantal.get("a")]
    quantal.set(a=2)
    quantal.set(n=9)
    got["follows_no_more"] = [quantal.get("a"), quantal.get("n")]
    nest.Connect(a, b, syn_spec={"synapse_model": "stdp_triplet", "weight": 2.5})
    (triplet,) = nest.GetConnections(synapse_model="stdp_triplet")
    got["units"] = [triplet.get("w"), triplet.get("weight")]
    return got


def random_weights(modules: Sequence[str]) -> Fields:
    """Return the weights of random synapses for a regular train."""
    got: dict[str, Any] = {}
    times = [5.0 + 3.0 * k for k in range(4000)]
    for name, seed in (("noisy", 1), ("again", 1), ("other_seed", 2)):
        start(modules)
        nest.rng_seed = seed
        source, target = firing("parrot_neuron", times, {}), nest.Create("parrot_neuron")
        recorders = {}
        for model, values in (
            ("noisy", {"w": 2.0, "A_noise": 0.5}),
            ("quantal_stp", {"n": 4, "tau_rec": 20.0}),
            ("tsodyks2", {"tau_rec": 20.0}),
        ):
            recorders[model] = nest.Create("weight_recorder")
            nest.CopyModel(model, model + "_copy", {"weight_recorder": recorders[model], **values})
            spec = {"synapse_model": model + "_copy", "receptor_type": 1}
            nest.Connect(source, target, syn_spec=spec)
        nest.Simulate(times[-1] + 10.0)
        got[name] = list(recorders["noisy"].get("events", "weights"))
        got["quantal_stp"] = list(recorders["quantal_stp"].get("events", "weights"))
        got["tsodyks2"] = list(recorders["tsodyks2"].get("events", "weights"))
    got["spikes"] = len(times)
    return got


def several_at_once(modules: Sequence[str]) -> Fields:
    start(modules)
    source, target = nest.Create("parrot_neuron", 2)
    for _ in range(3):
        nest.Connect(generator([10.0]), source, syn_spec={"delay": LEAD})
    nest.Connect(source, target, syn_spec={"synapse_model": "stdp", "receptor_type": 1})
    nest.Simulate(20.0)
    return {"pre_trace": nest.GetConnections(synapse_model="stdp").get("pre_trace")}


def pairs(modules: Sequence[str], neuron: str, synapse: str) -> Fields:
    """Try what one does to a pair."""
    start(modules)
    got: dict[str, Any] = {}
    source = nest.Create("parrot_neuron")
    target, other = nest.Create(neuron), nest.Create("iaf_psc_delta")
    spec = {"synapse_model": synapse}
    got["wrong_neuron"] = error(lambda: nest.Connect(source, other, syn_spec=spec))
    moved = {**spec, "tau_tr_post": 5.0}
    got["moved"] = error(lambda: nest.Connect(source, target, syn_spec=moved))
    got["moved"] += error(lambda: nest.SetDefaults(synapse, {"tau_tr_post": 5.0}))
    nest.Connect(source, target, syn_spec={**spec, "weight": 4.0})
    (connection,) = nest.GetConnections(synapse_model=synapse)
    got["moved"] += error(lambda: connection.set(post_trace=1.0))
    got["guard"] = error(lambda: target.set(tau_tr_post__for_stdp=-1.0, V_th=-40.0))
    got["after_guard"] = [target.get("tau_tr_post__for_stdp"), target.get("V_th")]
    target.set(post_trace__for_stdp=2.0, tau_tr_post__for_stdp=10.0)
    got["set"] = [target.get("post_trace__for_stdp"), target.get("tau_tr_post__for_stdp")]
    nest.Simulate(10.0)
    got["decayed"] = target.get("post_trace__for_stdp")
    got["size"] = connection.get("sizeof")
    got["native"] = nest.GetDefaults("stdp_synapse", "sizeof")
    got["entries"] = [sorted(set(target.get()) - set(source.get())), sorted(connection.get())]
    got["models"] = [m for m in nest.synapse_models if m.startswith("stdp__") or m == "stdp"]
    return got


def late(modules: Sequence[str], neuron: str, synapse: str) -> Fields:
    """Connect to a neuron that has fired before, and remember only what is needed."""
    start(modules)
    post = [20.0, 40.0, 41.0, 120.0, 135.0]
    target = firing(neuron, post, {})
    sources = [firing("parrot_neuron", [130.0, 150.0], {}) for _ in range(2)]
    recorders = [nest.Create("weight_recorder") for _ in sources]
    for k, recorder in enumerate(recorders):
        nest.CopyModel(synapse, f"late_{k}", {"weight_recorder": recorder, "w": 20.0})
    nest.Connect(sources[0], target, syn_spec={"synapse_model": "late_0", "delay": 3.0})
    nest.Simulate(100.0)
    nest.Connect(sources[1], target, syn_spec={"synapse_model": "late_1", "delay": 3.0})
    nest.Simulate(100.0)
    return {"weights": [list(r.get("events", "weights")) for r in recorders]}


def following(modules: Sequence[str], neuron: str, synapse: str) -> Fields:
    """Connect from the begin and later, and set the potential between two runs."""
    got: dict[str, Any] = {}
    for name, begin, jump in (
        ("early", 0.0, 0.0),
        ("late", 50.0, 0.0),
        ("set_between_runs", 0.0, 9.0),
    ):
        start(modules)
        nest.set(min_delay=1.0, max_delay=2.0)
        target = nest.Create(neuron)
        recorder = nest.Create("weight_recorder")
        nest.CopyModel(synapse, "copy", {"weight_recorder": recorder})
        source = firing("parrot_neuron", [begin + 40.0, begin + 70.0], {})
        nest.Connect(generator([begin + 20.0]), target, syn_spec={"delay": LEAD, "weight": 12.0})
        if begin:
            nest.Simulate(begin)  # at rest
        nest.Connect(source, target, syn_spec={"synapse_model": "copy", "delay": 2.0})
        nest.Simulate(30.0)
        target.set(V_m=target.get("V_m") + jump)
        nest.Simulate(50.0)
        got[name] = [round(w, 12) for w in recorder.get("events", "weights")]
    return got


def silence(
    modules: Sequence[str],
    neuron: str,
    synapses: Sequence[str],
    *,
    begin: float,
    end: float,
    every: float,
    kick: float,
    delay: float,
) -> Fields:
    """Let neurons fire all the time, while synapses have no spikes between ``begin`` and ``end``.

    Half of the connections are taken away after their first spike. Return the weights that the
    others pass on, and by how many bytes the process has grown meanwhile.
    """
    start(modules)
    count = 200
    source = firing("parrot_neuron", [begin, end], {})
    targets = nest.Create(neuron, count)
    times = [every * k for k in range(1, int((end - 1.0) / every))]
    nest.Connect(generator([t + LEAD for t in times]), targets, "all_to_all", {"weight": kick})
    recorders = {}
    for k, synapse in enumerate(synapses):
        recorders[synapse] = nest.Create("weight_recorder")
        nest.CopyModel(synapse, f"silent_{k}", {"weight_recorder": recorders[synapse]})
        nest.Connect(source, targets, syn_spec={"synapse_model": f"silent_{k}", "delay": delay})
    nest.Simulate(begin + delay + 10.0)
    for k in range(len(synapses)):
        nest.Disconnect(
            nest.GetConnections(target=targets[count // 2 :], synapse_model=f"silent_{k}")
        )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    nest.Simulate(end + 10.0 - nest.biological_time)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    found = {}
    for synapse, recorder in recorders.items():
        events = recorder.get("events")
        late = events["times"] > begin + 5.0
        found[synapse] = [sorted(set(events["weights"][chosen])) for chosen in (~late, late)]
    sent = len(recorders[synapses[0]].get("events", "weights"))
    return {"weights": found, "sent": sent, "count": count, "grown": grown * 1024}


def immature(modules: Sequence[str], neuron: str, synapse: str) -> Fields:
    """Look at a weight that follows from the state."""
    start(modules)
    source, target = nest.Create("parrot_neuron"), nest.Create(neuron)
    nest.Connect(source, target, syn_spec={"synapse_model": synapse, "delay": 2.0})
    (connection,) = nest.GetConnections(synapse_model=synapse)
    got: dict[str, Any] = {"weights": []}
    for permanence in (50.0, 5.0, 50.0):
        connection.set(permanence=permanence)
        got["weights"].append(list(connection.get(["w", "weight"]).values()))
    got["refused"] = error(lambda: connection.set(weight=3.0))
    return got


def delayed(modules: Sequence[str], synapse: str) -> Fields:
    """Read and set a delay that the model knows, too."""
    start(modules)
    source, target = firing("parrot_neuron", [10.0, 30.0], {}), nest.Create("parrot_neuron")
    recorder = nest.Create("weight_recorder")
    nest.CopyModel(synapse, "copy", {"weight_recorder": recorder})
    own = {"synapse_model": "copy", "receptor_type": 1}
    got: dict[str, Any] = {"default": list(nest.GetDefaults("copy", ["d", "delay"]))}
    for spec in (own, {**own, "delay": 1.5}):
        nest.Connect(source, target, syn_spec=spec)
    first, second = sorted(nest.GetConnections(synapse_model="copy"), key=lambda c: -c.get("d"))
    got["connected"] = [list(c.get(["d", "delay"]).values()) for c in (first, second)]
    got["own_name"] = error(lambda: second.set(d=3.0))
    got["own_name"] += error(lambda: nest.Connect(source, target, syn_spec={**own, "d": 3.0}))
    got["guard"] = error(lambda: second.set(delay=0.2))
    second.set(delay=4.0)
    got["set"] = list(second.get(["d", "delay"]).values())
    nest.SetDefaults("copy", {"delay": 2.5})
    got["default_set"] = list(nest.GetDefaults("copy", ["d", "delay"]))
    nest.Simulate(50.0)
    got["weights"] = sorted(set(recorder.get("events", "weights")))
    return got


def sizes(modules: Sequence[str], models: Sequence[str]) -> list[int]:
    """Return how many bytes a connection takes."""
    start(modules)
    return [nest.GetDefaults(m, "sizeof") for m in models]


RUNS = {
    f.__name__: f
    for f in (
        weights,
        status,
        random_weights,
        several_at_once,
        pairs,
        late,
        following,
        silence,
        immature,
        delayed,
        sizes,
    )
}


def main() -> None:
    name, given, taken = sys.argv[1:]
    found = RUNS[name](**json.loads(Path(given).read_text(encoding="utf-8")))
    Path(taken).write_text(json.dumps(plain(found)), encoding="utf-8")


if __name__ == "__main__":
    main()
