"""A network as a standalone program of Brian2: ``network_brian.py NAME CASE.npz FOLDER``.

The program is built in FOLDER, not run. Prints a line of JSON: the file with the number of spikes
of each neuron that a run leaves behind.
"""

import json
import sys

import numpy as np
from brian2 import (
    Network,
    NeuronGroup,
    SpikeMonitor,
    Synapses,
    defaultclock,
    device,
    ms,
    mV,
    nS,
    pA,
    pF,
    set_device,
)

name, path, folder = sys.argv[1:4]
given = np.load(path)
excitatory, n = (int(x) for x in given["sizes"])
duration, delay, dt = (float(x) * ms for x in given["times"])
set_device("cpp_standalone", build_on_run=False)
defaultclock.dt = dt

taum, taue, taui = 20 * ms, 5 * ms, 10 * ms
if name == "cuba":
    group = NeuronGroup(
        n,
        """dv/dt = (ge - gi - (v - El)) / taum : volt (unless refractory)
        dge/dt = -ge / taue : volt
        dgi/dt = -gi / taui : volt""",
        threshold="v >= -50*mV",
        reset="v = -60*mV",
        refractory=5 * ms + dt,
        method="exact",
        namespace={"El": -49 * mV, "taum": taum, "taue": taue, "taui": taui},
    )
    targets, unit = ("ge", "gi"), mV
elif name == "coba":
    group = NeuronGroup(
        n,
        """dv/dt = (gl*(El - v) + ge*(Ee - v) + gi*(Ei - v) + Ie) / C : volt (unless refractory)
        dge/dt = -ge / taue : siemens
        dgi/dt = -gi / taui : siemens""",
        threshold="v >= -50*mV",
        reset="v = -60*mV",
        refractory=5 * ms + dt,
        method="exponential_euler",
        namespace={
            "C": 200 * pF, "gl": 10 * nS, "El": -60 * mV, "Ee": 0 * mV, "Ei": -80 * mV,
            "Ie": 110 * pA, "taue": taue, "taui": taui,
        },
    )  # fmt: skip
    targets, unit = ("ge", "gi"), nS
elif name == "cobahh":
    group = NeuronGroup(
        n,
        """dv/dt = (gl*(El-v) + ge*(Ee-v) + gi*(Ei-v) - gna*(m*m*m)*h*(v-ENa)
            - gk*(k*k*k*k)*(v-EK)) / C : volt
        dm/dt = am*(1-m) - bm*m : 1
        dk/dt = an*(1-k) - bn*k : 1
        dh/dt = ah*(1-h) - bh*h : 1
        dge/dt = -ge / taue : siemens
        dgi/dt = -gi / taui : siemens
        am = 0.32*(mV**-1)*4*mV/exprel((13*mV-v+VT)/(4*mV))/ms : Hz
        bm = 0.28*(mV**-1)*5*mV/exprel((v-VT-40*mV)/(5*mV))/ms : Hz
        ah = 0.128*exp((17*mV-v+VT)/(18*mV))/ms : Hz
        bh = 4./(1+exp((40*mV-v+VT)/(5*mV)))/ms : Hz
        an = 0.032*(mV**-1)*5*mV/exprel((15*mV-v+VT)/(5*mV))/ms : Hz
        bn = 0.5*exp((10*mV-v+VT)/(40*mV))/ms : Hz""",
        threshold="v > -20*mV",
        refractory=3 * ms + dt,
        method="exponential_euler",
        namespace={
            "C": 200 * pF, "gl": 10 * nS, "El": -60 * mV, "Ee": 0 * mV, "Ei": -80 * mV,
            "EK": -90 * mV, "ENa": 50 * mV, "gna": 20000 * nS, "gk": 6000 * nS, "VT": -63 * mV,
            "taue": taue, "taui": taui,
        },
    )  # fmt: skip
    targets, unit = ("ge", "gi"), nS
else:
    group = NeuronGroup(
        n,
        "dv/dt = (40*mV - v) / taum : volt (unless refractory)",
        threshold="v >= 20*mV",
        reset="v = 10*mV",
        refractory=2 * ms + dt,
        method="exact",
        namespace={"taum": taum},
    )
    targets, unit = ("v", "v", "v"), mV
    delay -= dt  # what moves v itself is seen by the threshold a step later

names = {"initial_V_m": ("v", mV), "initial_g_exc": ("ge", nS), "initial_g_inh": ("gi", nS)}
for key, (variable, its_unit) in names.items():
    if key in given:
        getattr(group, variable + "_")[:] = given[key] * float(its_unit)

projections = []
for i, (weight, is_plastic) in enumerate(zip(given["weights"], given["is_plastic"], strict=True)):
    target = targets[min(i, len(targets) - 1)]
    if is_plastic:
        # spikes of both sides reach the synapse after the same delay; here what the presynaptic
        # ones do takes place a delay later, so what the postsynaptic ones do as well
        synapses = Synapses(
            group,
            group,
            """w : volt
            dApre/dt = -Apre / (20*ms) : 1 (event-driven)
            dApost/dt = -Apost / (20*ms) : 1 (event-driven)""",
            on_pre="""w = clip(w * (1 - 1.05*0.01*Apost), 0*mV, 0.4*mV)
            Apre += 1
            v_post += w""",
            on_post="""w = clip(w + 0.01*(0.4*mV - w)*Apre, 0*mV, 0.4*mV)
            Apost += 1""",
            delay={"pre": delay, "post": 2 * delay + dt},
        )
    else:
        w = float(weight) * unit
        synapses = Synapses(
            group, group, on_pre=f"{target}_post += w", namespace={"w": w}, delay=delay
        )
    synapses.connect(i=given[f"pre{i}"], j=given[f"post{i}"])
    if is_plastic:
        synapses.w = float(weight) * unit
    projections.append(synapses)

monitor = SpikeMonitor(group, record=False)
network = Network(group, monitor, *projections)
# Brian2 says the wall time of its loop; this is that of the CPU
device.insert_code("before_network_run", "const clock_t cpu_begin = clock();")
device.insert_code(
    "after_network_run",
    """{
    std::ofstream file("cpu_seconds.txt");
    file << static_cast<double>(clock() - cpu_begin) / CLOCKS_PER_SEC;
}""",
)
network.run(duration)
device.build(directory=folder, compile=True, run=False)
print(json.dumps({"counts": "results/" + device.get_array_filename(monitor.variables["count"])}))
