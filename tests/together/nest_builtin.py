"""Run NEST's own models: JSON on standard input, JSON on standard output.

NEST keeps one kernel a process, so this is a process of its own; a list of jobs runs one after the
other. Spikes and currents are sent with a delay of 1 ms, so that they must arrive later than that.

A job has ``model``, ``parameters``, ``dt``, ``duration``, ``record``; ``spikes``: pairs (time,
weight) by the sign of a port, or ``trains``: such pairs in ``events``, beside the ``weight`` that
they are multiplied with and the ``receptor`` they go to; ``current``: (times, values).
It may also have ``threads``, and ``modules`` to install.
"""

from __future__ import annotations

import json
import sys
from typing import Any

EACH_LINE = "--each-line"
"""Lists of jobs come in lines, and lines that begin with ``RESULT`` are the answers."""

RESULT = "RESULT "
DELAY = 1.0
SIGNS = {"excitatory": 1.0, "inhibitory": -1.0}


def main() -> None:
    import nest

    nest.set_verbosity("M_ERROR")
    if EACH_LINE in sys.argv:
        for line in sys.stdin:
            found = [run(nest, job) for job in json.loads(line)]
            print(f"\n{RESULT}{json.dumps(found)}", flush=True)  # noqa: T201
        return
    job = json.load(sys.stdin)
    many = isinstance(job, list)
    results = [run(nest, one) for one in (job if many else [job])]
    sys.stdout.write("\n" + json.dumps(results if many else results[0]))


def run(nest: Any, job: dict[str, Any]) -> dict[str, list[float]]:
    """Return the times, recorded values and spikes of one job."""
    nest.ResetKernel()
    nest.set(resolution=job["dt"], local_num_threads=job.get("threads", 1))
    for module in job.get("modules", ()):
        nest.Install(module)
    neuron = nest.Create(job["model"], params=job["parameters"])
    recorder = nest.Create("multimeter", {"record_from": job["record"], "interval": job["dt"]})
    nest.Connect(recorder, neuron)
    spikes = nest.Create("spike_recorder")
    nest.Connect(neuron, spikes)
    trains = [
        {"events": events, "weight": SIGNS[sign], "receptor": 0}
        for sign, events in job.get("spikes", {}).items()
    ]
    for train in (*trains, *job.get("trains", ())):
        send(nest, neuron, train)
    if "current" in job:
        times, values = job["current"]
        source = nest.Create(
            "step_current_generator",
            {"amplitude_times": [round(t - DELAY, 6) for t in times], "amplitude_values": values},
        )
        nest.Connect(source, neuron, syn_spec={"delay": DELAY})
    # the recorder asks one step late: a value at t is there at t + dt
    nest.Simulate(job["duration"] + job["dt"])
    events = recorder.get("events")
    result = {name: list(events[name]) for name in ("times", *job["record"])}
    result["spikes"] = list(spikes.get("events")["times"])
    return result


def send(nest: Any, neuron: Any, train: dict[str, Any]) -> None:
    arrivals: dict[float, float] = {}
    for time, weight in train["events"]:
        arrivals[time] = arrivals.get(time, 0.0) + weight
    times = sorted(arrivals)
    source = nest.Create(
        "spike_generator",
        {
            "spike_times": [round(t - DELAY, 6) for t in times],
            "spike_weights": [arrivals[t] for t in times],
        },
    )
    connection = {"weight": train["weight"], "delay": DELAY, "receptor_type": train["receptor"]}
    nest.Connect(source, neuron, syn_spec=connection)


if __name__ == "__main__":
    main()
