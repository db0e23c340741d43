"""Run NEST's own synapses: a list of jobs as JSON on standard input, JSON on standard output.

A spike generator has a parrot neuron fire at the times of each train; between the two parrots is
the synapse, and a weight recorder notes what each presynaptic spike is passed on with.
"""

from __future__ import annotations

import json
import sys
from typing import Any

LEAD = 1.0
"""How long before a parrot fires its generator does, in ms."""


def parrot(times: list[float], properties: dict[str, float]) -> Any:
    import nest

    generator = nest.Create("spike_generator", {"spike_times": [round(t - LEAD, 6) for t in times]})
    neuron = nest.Create("parrot_neuron", params=properties)
    nest.Connect(generator, neuron, syn_spec={"delay": LEAD})
    return neuron


def measured(job: dict[str, Any]) -> dict[str, list[float]]:
    import nest

    nest.ResetKernel()
    nest.resolution = job["dt"]
    nest.rng_seed = 1 + job.get("seed", 0)
    pre = parrot(job["pre"], {})
    post = parrot(job["post"], job["neuron"])
    recorder = nest.Create("weight_recorder")
    common = {"weight_recorder": recorder, **job["parameters"]}
    if job["mod"]:
        transmitter = nest.Create("volume_transmitter")
        nest.Connect(parrot(job["mod"], {}), transmitter, syn_spec={"delay": job["dt"]})
        common["volume_transmitter"] = transmitter
    nest.CopyModel(job["model"], "measured", common)
    # port 1 of a parrot takes no part in what it repeats
    own = {"synapse_model": "measured", "weight": job["weight"], "receptor_type": 1}
    nest.Connect(pre, post, syn_spec={**own, "delay": job["delay"], **job["initial"]})
    nest.Simulate(job["duration"])
    events = recorder.get("events")
    order = events["times"].argsort(kind="stable")
    return {"times": list(events["times"][order]), "weights": list(events["weights"][order])}


def voltage_based(job: dict[str, Any]) -> dict[str, list[float]]:
    """Return weights at presynaptic spikes, and the potential of a neuron that is made to fire."""
    import nest

    nest.ResetKernel()
    nest.resolution = job["dt"]
    pre = parrot(job["pre"], {})
    neuron = nest.Create("aeif_psc_delta_clopath", params=job["neuron"])
    kicks = {"spike_times": [round(t - LEAD, 6) for t in job["post"]]}
    kick = nest.Create("spike_generator", kicks)
    nest.Connect(kick, neuron, syn_spec={"weight": 80.0, "delay": LEAD})
    recorder = nest.Create("weight_recorder")
    meter = nest.Create("multimeter", {"record_from": ["V_m"], "interval": job["dt"]})
    nest.Connect(meter, neuron)
    nest.CopyModel("clopath_synapse", "measured", {"weight_recorder": recorder})
    own = {"synapse_model": "measured", "weight": job["weight"], "delay": job["dt"]}
    nest.Connect(pre, neuron, syn_spec={**own, "Wmax": 100.0})
    nest.Simulate(job["duration"])
    found, seen = recorder.get("events"), meter.get("events")
    return {
        "weights": list(found["weights"]),
        "times": list(seen["times"]),
        "V_m": list(seen["V_m"]),
    }


def main() -> None:
    import nest

    nest.set_verbosity("M_ERROR")
    jobs = json.load(sys.stdin)
    results = [voltage_based(j) if j["model"] == "clopath" else measured(j) for j in jobs]
    json.dump({"results": results}, sys.stdout)


if __name__ == "__main__":
    main()
