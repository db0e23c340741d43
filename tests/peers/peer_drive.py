"""What makes the neurons that the reference toolchain ships fire."""

from __future__ import annotations

from collections.abc import Mapping

DRIVE: Mapping[str, tuple[float, float]] = {
    "aeif_cond_alpha_alt": (1000.0, 500.0),
    "aeif_cond_alpha": (1000.0, 500.0),
    "aeif_cond_exp": (1000.0, 500.0),
    "aeif_psc_alpha": (1000.0, 5000.0),
    "aeif_psc_exp": (1000.0, 20000.0),
    "hh_cond_exp_destexhe": (2000.0, 20.0),
    "hh_cond_exp_traub": (100.0, 1.0),
    "hh_moto_5ht": (2000.0, 5000.0),
    "hh_psc_alpha": (1000.0, 500.0),
    "hill_tononi": (50.0, 5.0),
    "iaf_chxk_2008": (2000.0, 50.0),
    "iaf_cond_alpha": (500.0, 50.0),
    "iaf_cond_beta": (500.0, 5.0),
    "iaf_cond_exp": (500.0, 100.0),
    "iaf_cond_exp_sfa_rr": (1000.0, 20.0),
    "iaf_psc_alpha": (500.0, 200.0),
    "iaf_psc_delta": (500.0, 5.0),
    "iaf_psc_delta_fixed_timestep": (500.0, 5.0),
    "iaf_psc_exp": (500.0, 500.0),
    "iaf_psc_exp_htum": (500.0, 500.0),
    "ignore_and_fire": (0.0, 1.0),
    "izhikevich": (10.0, 10.0),
    "izhikevich_psc_alpha": (1000.0, 5000.0),
    "mat2_psc_exp": (500.0, 2000.0),
    "terub_gpe": (20.0, 1.0),
    "terub_stn": (20.0, 1.0),
    "traub_cond_multisyn": (50.0, 5.0),
    "traub_psc_alpha": (50.0, 1000.0),
    "wb_cond_exp": (50.0, 50.0),
    "wb_cond_multisyn": (50.0, 5.0),
}
"""For each neuron the constant current and the weight of the spikes that make it fire."""


def rate_of(port: str) -> float:
    return 100.0 if port.startswith(("inh", "GABA")) else 400.0
