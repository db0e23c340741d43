"""The reference interpreter: CPU seconds for one second of every library neuron at 0.1 ms.

``python tests/bench/bench_reference.py [--ms 200] [NAME...]``. The input is that of
``nestml compare``: strong enough to make the model fire.
"""

from __future__ import annotations

import argparse
import time

import nestml_core
from nestml_core.experiment import Experiment
from nestml_core.library import library_models
from nestml_core.stimuli import standard_stimulus


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--ms", type=float, default=200.0, help="what to simulate, ms")
    arguments.add_argument("names", nargs="*", help="of library models; all neurons if none")
    options = arguments.parse_args()
    names = options.names or [p.stem for p in library_models() if p.parent.name == "neurons"]
    seconds: dict[str, float] = {}
    for name in names:
        model = nestml_core.load(name)
        experiment, _ = standard_stimulus(model.solved, Experiment(options.ms))
        begin = time.process_time()
        run = model.run(experiment, "reference", progress=False)
        seconds[name] = (time.process_time() - begin) * 1000.0 / options.ms
        print(f"{name:32} {seconds[name]:6.2f} s per s {len(run.spikes):6} spikes", flush=True)
    slow = [n for n, s in seconds.items() if s > 1.0]
    print(f"slower than real time: {', '.join(slow) or 'none'}")


if __name__ == "__main__":
    main()
