"""A network of NEST's own models: ``network_nest.py NAME CASE.npz``.

Builds it, and then runs it from the beginning once for every line of its input, each time in a
process of its own. Prints a line of JSON for each run: seconds of the CPU, and spikes.
"""

import json
import os
import sys
import time

import nest
import numpy as np

CONDUCTANCES = {
    "E_L": -60.0, "E_ex": 0.0, "E_in": -80.0, "tau_syn_ex": 5.0, "tau_syn_in": 10.0, "g_L": 10.0,
    "C_m": 200.0,
}  # fmt: skip
NEURONS = {
    # C_m / tau_m is 1 nS: a weight of 1 pA is one of 1 mV
    "cuba": ("iaf_psc_exp", {
        "C_m": 20.0, "tau_m": 20.0, "tau_syn_ex": 5.0, "tau_syn_in": 10.0, "E_L": -49.0,
        "V_th": -50.0, "V_reset": -60.0, "t_ref": 5.0,
    }),
    "coba": ("iaf_cond_exp", CONDUCTANCES | {
        "V_th": -50.0, "V_reset": -60.0, "t_ref": 5.0, "I_e": 110.0,
    }),
    "cobahh": ("hh_cond_exp_traub", {
        k: v for k, v in CONDUCTANCES.items()
    } | {"g_Na": 20000.0, "g_K": 6000.0, "E_Na": 50.0, "E_K": -90.0, "V_T": -63.0, "t_ref": 3.0}),
    "brunel": ("iaf_psc_delta", {
        "C_m": 250.0, "tau_m": 20.0, "E_L": 0.0, "V_th": 20.0, "V_reset": 10.0, "t_ref": 2.0,
        "I_e": 500.0,
    }),
}  # fmt: skip
NEURONS["stdp"] = NEURONS["brunel"]
INITIAL = {"initial_V_m": "V_m", "initial_g_exc": "g_ex", "initial_g_inh": "g_in"}


def build(name: str, path: str) -> float:
    """Make the network; return how long it is to run, in ms."""
    given = np.load(path)
    _, n = (int(x) for x in given["sizes"])
    duration, delay, dt = (float(x) for x in given["times"])
    nest.ResetKernel()
    nest.resolution = dt
    nest.local_num_threads = 1
    model, parameters = NEURONS[name]
    if name == "stdp":
        parameters = parameters | {"tau_minus": 20.0}
    neurons = nest.Create(model, n, parameters)
    begin(neurons, {v: given[key] for key, v in INITIAL.items() if key in given}, dt)
    first = int(neurons[0].global_id)
    for i, (weight, is_plastic) in enumerate(
        zip(given["weights"], given["is_plastic"], strict=True)
    ):
        pre, post = given[f"pre{i}"], given[f"post{i}"]
        sign = -1.0 if i == 1 and name in ("cuba", "coba", "cobahh") else 1.0
        model = f"static_{i}"
        if is_plastic:
            nest.CopyModel("stdp_synapse", model, {
                "tau_plus": 20.0, "lambda": 0.01, "alpha": 1.05, "mu_plus": 1.0, "mu_minus": 1.0,
                "Wmax": 0.4, "weight": float(weight), "delay": delay,
            })  # fmt: skip
        else:
            nest.CopyModel(
                "static_synapse_hom_w", model, {"weight": sign * float(weight), "delay": delay}
            )
        nest.Connect(
            (first + pre).astype(int),
            (first + post).astype(int),
            {"rule": "one_to_one"},
            {"synapse_model": model},
        )
    nest.Prepare()
    return duration


def begin(neurons: nest.NodeCollection, values: dict[str, np.ndarray], dt: float) -> None:
    """Give neurons their initial state; conductances that cannot be set come with a first spike."""
    settable = neurons[0].get()
    for variable, value in values.items():
        if variable in settable:
            neurons.set({variable: value})
            continue
        source = nest.Create("spike_generator", params={"spike_times": [dt]})
        sign = -1.0 if variable == "g_in" else 1.0
        weights = sign * value[:, np.newaxis]
        nest.Connect(source, neurons, syn_spec={"weight": weights, "delay": dt})


def run(duration: float) -> None:
    """Run in a child process; say how long it took."""
    child = os.fork()
    if child != 0:
        _, status = os.waitpid(child, 0)
        if status != 0:
            raise SystemExit("a run of NEST failed")
        return
    before = nest.local_spike_counter
    begin = time.process_time()
    nest.Run(duration)
    seconds = time.process_time() - begin
    print(json.dumps({"seconds": seconds, "spikes": nest.local_spike_counter - before}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    nest.verbosity = nest.VerbosityLevel.ERROR
    length = build(*sys.argv[1:3])
    print(json.dumps({"built": True}), flush=True)
    for _ in sys.stdin:
        run(length)
