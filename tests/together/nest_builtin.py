"""Run one of NEST's own models: JSON on standard input, JSON on standard output.

NEST keeps one kernel a process, so every run is a process of its own. Spikes are sent with a
delay of 1 ms, so that they must arrive later than that.
"""

from __future__ import annotations

import json
import sys

DELAY = 1.0


def main() -> None:
    import nest

    nest.set_verbosity("M_ERROR")
    job = json.load(sys.stdin)
    nest.ResetKernel()
    nest.resolution = job["dt"]
    neuron = nest.Create(job["model"], params=job["parameters"])
    recorder = nest.Create("multimeter", {"record_from": job["record"], "interval": job["dt"]})
    nest.Connect(recorder, neuron)
    spikes = nest.Create("spike_recorder")
    nest.Connect(neuron, spikes)
    for sign, events in job["spikes"].items():
        times = sorted({t for t, _ in events})
        weights = [sum(w for s, w in events if s == t) for t in times]
        source = nest.Create(
            "spike_generator",
            {"spike_times": [round(t - DELAY, 6) for t in times], "spike_weights": weights},
        )
        factor = -1.0 if sign == "inhibitory" else 1.0
        nest.Connect(source, neuron, syn_spec={"weight": factor, "delay": DELAY})
    # the recorder asks one step late: a value at t is there at t + dt
    nest.Simulate(job["duration"] + job["dt"])
    events = recorder.get("events")
    result = {name: list(events[name]) for name in ("times", *job["record"])}
    result["spikes"] = list(spikes.get("events")["times"])
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
