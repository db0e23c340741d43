"""Run NEST's voltage-based synapse: ``python nest_synapse.py IN OUT``, both JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LEAD = 1.0
"""How long before something spikes its generator does, in ms."""


def generator(times: list[float]) -> Any:
    import nest

    return nest.Create("spike_generator", {"spike_times": [round(t - LEAD, 6) for t in times]})


def voltage_based(job: dict[str, Any]) -> dict[str, list[float]]:
    """Return weights at presynaptic spikes, and the potential of a neuron that is made to fire."""
    import nest

    nest.resolution = job["dt"]
    pre = nest.Create("parrot_neuron")
    nest.Connect(generator(job["pre"]), pre, syn_spec={"delay": LEAD})
    neuron = nest.Create("aeif_psc_delta_clopath", params=job["neuron"])
    nest.Connect(generator(job["post"]), neuron, syn_spec={"weight": 80.0, "delay": LEAD})
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

    given, taken = sys.argv[1:]
    nest.set_verbosity("M_ERROR")
    found = voltage_based(json.loads(Path(given).read_text(encoding="utf-8")))
    Path(taken).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
