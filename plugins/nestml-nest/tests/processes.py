"""A network on virtual processes of NEST: ``python processes.py IN OUT``, alone or under MPI.

IN has the modules, the models, the number of virtual processes and the seed; every rank writes what
its neurons do to a file of its own, OUT and the number of the rank.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nest


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.set(total_num_virtual_procs=job["virtual"], rng_seed=job["seed"])
    for module in job["modules"]:
        nest.Install(module)
    found = {}
    for model, (current, weight) in job["models"].items():
        neurons = nest.Create(model, 24, params={"I_e": [current + 4 * i for i in range(24)]})
        # weights that add up without rounding, in whatever order they arrive
        spec = {"weight": weight, "delay": 1.5}
        nest.Connect(neurons, neurons, {"rule": "all_to_all", "allow_autapses": False}, spec)
        recorder = nest.Create("spike_recorder")
        nest.Connect(neurons, recorder)
        meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": 5.0})
        nest.Connect(meter, neurons)
        found[model] = recorder, meter
    nest.Simulate(job["duration"])
    result = {}
    for model, (recorder, meter) in found.items():
        spikes, potentials = recorder.get("events"), meter.get("events")
        rows = zip(potentials["times"], potentials["senders"], potentials["V_m"], strict=True)
        result[model] = {
            "spikes": [
                [float(t), int(s)] for t, s in zip(spikes["times"], spikes["senders"], strict=True)
            ],
            "V_m": [[float(t), int(s), float(v)] for t, s, v in rows],
        }
    Path(f"{sys.argv[2]}.{nest.Rank()}").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
