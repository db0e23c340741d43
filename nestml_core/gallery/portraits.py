"""Which portrait each shipped model gets: what brings out its character."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

from nestml_core.gallery import neurons, others, synapses
from nestml_core.loading import LoadedModel
from nestml_core.portrait import Portrait

Draw = Callable[[LoadedModel], Portrait]

CONDUCTANCES = ("g_exc", "g_inh")
CURRENTS = ("I_syn_exc", "I_syn_inh")
RECEPTORS = ("g_AMPA", "g_NMDA", "g_GABA_A", "g_GABA_B")


def _neuron(*panels: str | tuple[str, ...], **protocol: Any) -> Draw:
    """Return how a neuron is portrayed with these recordables, a panel for each argument."""
    chosen = tuple((p,) if isinstance(p, str) else p for p in panels)
    given = neurons.Protocol(panels=chosen, **protocol)
    return partial(neurons.portrait, protocol=given)


def _plastic(*panels: str | tuple[str, ...], **protocol: Any) -> Draw:
    """Return how a plastic synapse is portrayed: window, and course under pairs of spikes."""
    chosen = tuple((p,) if isinstance(p, str) else p for p in panels)
    given = synapses.Protocol(panels=chosen, **protocol)
    return partial(synapses.pairing, protocol=given)


_IZHIKEVICH = {
    "regular spiking": {"a": 0.02, "b": 0.2, "c": -65.0, "d": 8.0},
    "intrinsically bursting": {"a": 0.02, "b": 0.2, "c": -55.0, "d": 4.0},
    "chattering": {"a": 0.02, "b": 0.2, "c": -50.0, "d": 2.0},
    "fast spiking": {"a": 0.1, "b": 0.2, "c": -65.0, "d": 2.0},
    "low-threshold spiking": {"a": 0.02, "b": 0.25, "c": -65.0, "d": 2.0},
    "resonator": {"a": 0.1, "b": 0.26, "c": -65.0, "d": 2.0},
}
"""Izhikevich (2003), figure 2."""

_GLIF = {
    "1: LIF": {},
    "2: LIF-R": {"spike_dependent_threshold": True},
    "3: LIF-ASC": {"after_spike_currents": True},
    "4: LIF-R-ASC": {"spike_dependent_threshold": True, "after_spike_currents": True},
    "5: LIF-R-ASC-A": {
        "spike_dependent_threshold": True,
        "after_spike_currents": True,
        "adapting_threshold": True,
    },
}

_GIF = {
    "q_sfa": [10.0, 2.0],
    "tau_sfa": [20.0, 200.0],
    "q_stc": [20.0, 5.0],
    "tau_stc": [10.0, 100.0],
}
"""Movements of the threshold and spike-triggered currents, which are zero by default."""

_EVEN = {"w": 50.0}
"""A weight in the middle of its range, where both sides of a window are seen."""

_RECEIVED = {"AMPA": 20.0, "NMDA": 20.0, "GABA_A": 5.0, "GABA_B": 100.0}

_FACILITATING = {"tau_fac": 1000.0, "tau_rec": 100.0, "U": 0.1}

_TRACES = ("pre_trace", "post_trace")

PORTRAITS: Mapping[str, Draw] = MappingProxyType(
    {
        **dict.fromkeys(("iaf_psc_exp", "iaf_psc_alpha"), _neuron("V_m", CURRENTS)),
        **dict.fromkeys(
            ("iaf_cond_exp", "iaf_cond_alpha", "iaf_cond_beta"), _neuron("V_m", CONDUCTANCES)
        ),
        **dict.fromkeys(
            ("iaf_psc_delta", "iaf_psc_delta_fixed_timestep", "pif_psc_delta"), _neuron("V_m")
        ),
        **dict.fromkeys(
            ("aeif_cond_exp", "aeif_cond_alpha", "aeif_cond_alpha_alt"),
            _neuron("V_m", "w", CONDUCTANCES),
        ),
        **dict.fromkeys(("aeif_psc_exp", "aeif_psc_alpha"), _neuron("V_m", "w", CURRENTS)),
        "aeif_cond_alpha_astro": _neuron(
            "V_m", "w", further={"I_SIC": ([0.0, 10.0, 160.0], [0.0, 200.0, 0.0])}, before=200.0
        ),
        "aeif_psc_delta_clopath": _neuron(
            ("V_m", "V_th"), ("u_bar_plus", "u_bar_minus", "u_bar_bar"), ("w", "z"), length=150.0
        ),
        "iaf_cond_exp_sfa_rr": _neuron("V_m", "g_sfa", "g_rr", length=300.0),
        "iaf_chxk_2008": _neuron("V_m", "g_ahp", CONDUCTANCES, length=100.0),
        "iaf_psc_exp_htum": _neuron("V_abs", ("r_tot", "r_abs"), CURRENTS),
        "mat2_psc_exp": _neuron(("V_m", "V_th"), CURRENTS),
        **dict.fromkeys(
            ("gif_psc_exp", "gif_cond_exp"),
            _neuron("V_m", "E_sfa", "I_stc", parameters=_GIF, length=300.0),
        ),
        "pp_psc_delta": _neuron(
            "V_m", "E_sfa", parameters={"q_sfa": [5.0, 1.0], "tau_sfa": [20.0, 200.0]}, length=300.0
        ),
        "iaf_cond_alpha_multisynapse": _neuron("V_m", ("g[0]", "g[1]", "g[2]")),
        "iaf_psc_exp_multisynapse": _neuron("V_m", ("I_syn[0]", "I_syn[1]", "I_syn[2]")),
        "izhikevich": partial(
            others.variants, name="V_m", variants=_IZHIKEVICH, current=10.0, end=250.0
        ),
        "izhikevich_psc_alpha": _neuron("V_m", "U_m", CURRENTS),
        "glif_psc": partial(
            others.variants,
            name=("V_m", "threshold"),
            variants=_GLIF,
            current=300.0,
            end=200.0,
        ),
        "glif_cond": partial(
            others.variants,
            name=("V_m", "threshold"),
            variants=_GLIF,
            current=300.0,
            end=200.0,
        ),
        "alif_psc_delta": _neuron("V_m", "theta", length=400.0),
        "amat2_psc_exp": _neuron(("V_m", "V_th"), ("V_th_alpha_1", "V_th_alpha_2", "V_th_v")),
        **dict.fromkeys(("eif_psc_exp", "qif_psc_exp"), _neuron("V_m", CURRENTS)),
        "fitzhugh_nagumo": _neuron("v", "w", weights={"spikes": 0.5}, step=0.5),
        "hindmarsh_rose": _neuron(
            "x", "z", weights={"spikes": 0.5}, step=2.0, length=800.0, rates=False
        ),
        "morris_lecar": _neuron("V_m", "w", ("I_Ca", "I_K"), step=100.0, length=400.0),
        "resonate_and_fire": _neuron("x", "y", weights={"spikes": 0.5}, rates=False),
        "theta_neuron": _neuron("theta", "I_syn", weights={"spikes": 0.1}),
        "galves_locherbach": _neuron(
            "V", weights={"spikes": 0.01}, parameters={"mu": 0.999}, said="mu = 0.999"
        ),
        "wilson_cowan": _neuron(
            ("E", "I"),
            further={"P_stim": ([0.0, 100.0, 350.0], [0.0, 1.25, 0.0])},
            before=450.0,
            length=1.0,
        ),
        "poisson": others.point_process,
        "ignore_and_fire": others.clockwork,
        "hh_psc_alpha": _neuron(
            "V_m", ("Act_m", "Inact_h", "Act_n"), ("I_Na", "I_K"), before=20.0, length=60.0
        ),
        "hh_psc_alpha_gap": _neuron(
            "V_m", ("Act_m", "Inact_h", "Act_n", "Inact_p"), before=20.0, length=60.0
        ),
        "hh_cond_exp_traub": _neuron(
            "V_m",
            ("Act_m", "Act_h", "Inact_n"),
            ("I_Na", "I_K"),
            parameters={"V_T": -55.0},
            length=60.0,
            settle=200.0,
            said="V_T = −55 mV",
        ),
        "hh_cond_exp_destexhe": _neuron("V_m", ("g_noise_exc", "g_noise_inh"), "I_M"),
        "hh_moto_5ht": _neuron("V_m", "Ca_in", "I_K_Ca", length=300.0),
        "traub_psc_alpha": _neuron("V_m", ("Act_m", "Inact_h", "Act_n"), CURRENTS, length=60.0),
        "traub_cond_multisyn": _neuron("V_m", RECEPTORS, length=60.0, weights=_RECEIVED),
        "wb_cond_exp": _neuron("V_m", ("Inact_h", "Act_n"), CONDUCTANCES, length=100.0),
        "wb_cond_multisyn": _neuron("V_m", RECEPTORS, length=100.0, weights=_RECEIVED),
        "hill_tononi": _neuron(
            ("V_m", "Theta"),
            ("I_NaP", "I_KNa", "I_T", "I_h"),
            RECEPTORS,
            weights={"AMPA": 5.0, "NMDA": 5.0, "GABA_A": 2.0, "GABA_B": 40.0},
            step=20.0,
            settle=1000.0,
            apart=80.0,
            rates=False,
        ),
        "terub_gpe": _neuron(
            "V_m",
            "Ca_con",
            ("I_T", "I_ahp"),
            weights={"exc_spikes": 0.05, "inh_spikes": 0.1},
            step=0.1,
            length=300.0,
            settle=3000.0,
            rates=False,
        ),
        "terub_stn": _neuron(
            "V_m",
            "Ca_con",
            ("I_T", "I_ahp"),
            weights={"exc_spikes": 0.05, "inh_spikes": 0.05},
            step=-25.0,
            length=300.0,
            after=300.0,
            settle=3000.0,
            rates=False,
            said="rebound after inhibition",
        ),
        **dict.fromkeys(("lin_rate", "tanh_rate", "sigmoid_rate"), others.rate),
        "astrocyte_lr_1994": others.calcium,
        **dict.fromkeys(
            ("static", "noisy"),
            partial(
                synapses.effects_of,
                protocols={"": {}},
                train=tuple(25.0 * (k + 1) for k in range(40)),
            ),
        ),
        "stdp": _plastic(_TRACES, initial=_EVEN),
        "stdp_nn_symm": _plastic(_TRACES, initial=_EVEN),
        "stdp_nn_pre_centered": _plastic(_TRACES, initial=_EVEN),
        "stdp_nn_restr_symm": _plastic(_TRACES, initial=_EVEN),
        "stdp_vogels": _plastic(_TRACES),
        "stdp_triplet": synapses.triplets,
        "stdp_dopamine": synapses.rewarded,
        "clopath": synapses.voltage,
        "stdsp": synapses.structural,
        "tsodyks": partial(
            synapses.effects_of,
            panels=(("x", "y", "u"),),
            protocols={"depressing": {}, "facilitating": _FACILITATING},
        ),
        "tsodyks2": partial(
            synapses.effects_of,
            panels=(("x", "u"),),
            protocols={"depressing": {}, "facilitating": _FACILITATING},
        ),
        "quantal_stp": partial(
            synapses.effects_of,
            panels=(("a",), ("u",)),
            protocols={
                "depressing, 20 release sites": {"n": 20},
                "facilitating, 20 release sites": {"n": 20, **_FACILITATING},
            },
        ),
    }
)


def portrait(model: LoadedModel) -> Portrait:
    """Return the portrait of a model: its own, or one that fits most models of its kind."""
    known = PORTRAITS.get(model.name)
    if known is not None:
        return known(model)
    if model.solved.kind.value == "synapse":
        return synapses.automatic(model)
    return neurons.portrait(model, replace(neurons.Protocol(), rates=True))
