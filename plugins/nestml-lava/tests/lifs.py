"""Lava's own LIF models in floating point, without its runtime, with parameters of ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from nestml_lava.stock import detect

from nestml_core.api import Schedule, SolvedModel

LIFS = """
from lava.proc.lif.models import PyLifModelFloat, PyLifRefractoryModelFloat

class Port:
    def recv(self): return self.message
    def send(self, message): self.message = message.copy()

for folder in json.loads(%r):
    case = json.load(open(folder + "/case.json"))
    messages = np.load(folder + "/messages.npy")
    kind = PyLifRefractoryModelFloat if case["refractory"] else PyLifModelFloat
    model = kind({"shape": (1,), "refractory_period": case["refractory"]})
    for name in ("u", "v", "bias_mant", "bias_exp"):
        setattr(model, name, np.array([float(case.get(name, 0.0))]))
    for name in ("du", "dv", "vth"):
        setattr(model, name, case[name])
    model.refractory_period_end = np.zeros(1, int)
    model.a_in, model.s_out = Port(), Port()
    rows = np.zeros((len(messages), 2))
    for k, a in enumerate(messages):
        model.time_step = k + 1
        model.a_in.message = np.array([a])
        model.run_spk()
        rows[k] = model.v[0], model.s_out.message[0]
    np.save(folder + "/rows.npy", rows)
print("[]")
"""


def lif_runs(
    answer: Callable[[str], Any], cases: Sequence[tuple[SolvedModel, Schedule]], folder: Path
) -> Iterator[tuple[Any, Any]]:
    """Yield for each experiment the potential, shape (steps,), and the steps with spikes."""
    made = []
    for k, (model, laid) in enumerate(cases):
        lif = detect(model, laid.parameters, laid.initial, laid.dt).lif
        assert lif is not None
        messages = np.zeros(laid.steps + 2)
        for port, gain in lif.ports:
            events = laid.spikes[port]
            np.add.at(messages, events.steps + int(lif.late), gain * events.weights)
        place = folder / f"lif_{k}"
        place.mkdir()
        case = {
            "du": 1 - lif.keep_u,
            "dv": 1 - lif.keep_v,
            "vth": lif.vth,
            "bias_mant": lif.bias,
            "v": lif.v,
            "u": lif.u,
            "refractory": lif.refractory,
        }
        (place / "case.json").write_text(json.dumps(case))
        np.save(place / "messages.npy", messages[1 : laid.steps + 1])
        made.append((place, lif))
    answer(LIFS % json.dumps([str(place) for place, _ in made]))
    for place, lif in made:
        rows = np.load(place / "rows.npy")
        yield rows[:, 0] + lif.reset, 1 + np.flatnonzero(rows[:, 1])
