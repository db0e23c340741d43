"""Run a small network of NEST's own models: JSON on standard input, JSON on standard output.

Spike generators drive neurons over connections with given delays and weights. Those of a plastic
kind are watched by a weight recorder, which notes every spike that they pass on.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    import nest

    nest.set_verbosity("M_ERROR")
    job = json.load(sys.stdin)
    nest.ResetKernel()
    nest.resolution = job["dt"]
    nodes = {}
    for name, trains in job["sources"].items():
        made = [nest.Create("spike_generator", {"spike_times": t}) for t in trains]
        parrots = nest.Create("parrot_neuron", len(trains))
        for source, parrot in zip(made, parrots, strict=True):
            nest.Connect(source, parrot, syn_spec={"delay": job["dt"]})
        nodes[name] = parrots
    for name, p in job["populations"].items():
        nodes[name] = nest.Create(p["model"], p["size"], p["parameters"])
    weights = nest.Create("weight_recorder")
    nest.CopyModel("stdp_synapse", "plastic", {"weight_recorder": weights, **job["stdp"]})
    for c in job["connections"]:
        source, target = nodes[c["from"]], nodes[c["to"]]
        for i, j, weight, delay in zip(c["pre"], c["post"], c["weights"], c["delays"], strict=True):
            spec = {"synapse_model": c["model"], "weight": weight, "delay": delay}
            nest.Connect(source[i], target[j], syn_spec=spec)
    recorders = {name: nest.Create("spike_recorder") for name in nodes}
    for name, recorder in recorders.items():
        nest.Connect(nodes[name], recorder)
    meters = {}
    for name in job["populations"]:
        meters[name] = nest.Create("multimeter", {"record_from": ["V_m"], "interval": job["dt"]})
        nest.Connect(meters[name], nodes[name])
    # the recorder asks one step late: a value at t is there at t + dt
    nest.Simulate(job["duration"] + job["dt"])
    result = {"spikes": {}, "V_m": {}}
    for name, recorder in recorders.items():
        events = recorder.get("events")
        first = nodes[name].tolist()[0]
        result["spikes"][name] = [
            (float(t), int(s) - first)
            for t, s in zip(events["times"], events["senders"], strict=True)
        ]
    for name, meter in meters.items():
        events = meter.get("events")
        result["V_m"][name] = [
            [float(v) for v, s in zip(events["V_m"], events["senders"], strict=True) if s == k]
            for k in nodes[name].tolist()
        ]
    events = weights.get("events")
    result["weights"] = [
        (float(t), int(s), int(r), float(w))
        for t, s, r, w in zip(
            events["times"], events["senders"], events["targets"], events["weights"], strict=True
        )
    ]
    result["ids"] = {name: [int(k) for k in n.tolist()] for name, n in nodes.items()}
    sys.stdout.write("\n" + json.dumps(result))


if __name__ == "__main__":
    main()
