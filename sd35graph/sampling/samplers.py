"""The table of samplers: one line per name. The order is that of the drop-down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sd35graph.sampling import samplers_ancestral as ancestral
from sd35graph.sampling import samplers_dpm_solver as dpm_solver
from sd35graph.sampling import samplers_multistep as multistep
from sd35graph.sampling import samplers_onestep as onestep
from sd35graph.sampling import samplers_sde as sde
from sd35graph.sampling.samplers_deis import deis
from sd35graph.sampling.samplers_er_sde import er_sde
from sd35graph.sampling.samplers_sa import sa_solver
from sd35graph.sampling.samplers_unipc import uni_pc, without_zero
from sd35graph.sampling.state import Sigmas, Step
from sd35graph.values import FlowSettings


def one_per_interval(sigmas: Sigmas) -> int:
    """Steps of a sampler that takes one per schedule interval."""
    return len(sigmas) - 1


def unchanged(sigmas: Sigmas, flow: FlowSettings) -> Sigmas:
    """The schedule as it is."""
    return sigmas


@dataclass(frozen=True, slots=True)
class Sampler:
    """A sampler and what the driver has to know about it.

    step: see `state.Step`.
    total_steps: value of state.step at which the run over these sigmas is complete.
    adapt_sigmas: the schedule that is really run, if it is not the given one.
    uses_uncond: needs the negative conditioning's own prediction, even at cfg 1.
    inpaints_with_new_noise: outside a noise mask, the noise of seed + 1 is used instead of the initial one.
    follows_rising: also goes from less noise to more, which takes a picture back to its noise.
    """

    step: Step
    total_steps: Callable[[Sigmas], int] = one_per_interval
    adapt_sigmas: Callable[[Sigmas, FlowSettings], Sigmas] = unchanged
    uses_uncond: bool = False
    inpaints_with_new_noise: bool = False
    follows_rising: bool = False


# Others draw the noise of the `_gpu` names on the GPU. Here it comes from the CPU for both, so that a seed gives the
# same picture on every device.
DPMPP_SDE = Sampler(sde.dpmpp_sde, adapt_sigmas=sde.below_one)
DPMPP_2M_SDE = Sampler(sde.dpmpp_2m_sde, adapt_sigmas=sde.below_one)
DPMPP_2M_SDE_HEUN = Sampler(partial(sde.dpmpp_2m_sde, heun=True), adapt_sigmas=sde.below_one)
DPMPP_3M_SDE = Sampler(sde.dpmpp_3m_sde, adapt_sigmas=sde.below_one)

SAMPLERS: dict[str, Sampler] = {
    "euler": Sampler(onestep.euler, follows_rising=True),
    "euler_cfg_pp": Sampler(ancestral.euler_cfg_pp, uses_uncond=True),
    "euler_ancestral": Sampler(ancestral.euler_ancestral),
    "euler_ancestral_cfg_pp": Sampler(partial(ancestral.euler_cfg_pp, ancestral=True), uses_uncond=True),
    "heun": Sampler(onestep.heun, follows_rising=True),
    "heunpp2": Sampler(onestep.heunpp2),
    "dpm_2": Sampler(onestep.dpm_2, follows_rising=True),
    "dpm_2_ancestral": Sampler(ancestral.dpm_2_ancestral),
    "lms": Sampler(multistep.lms),
    "dpm_fast": Sampler(dpm_solver.dpm_fast, total_steps=lambda sigmas: len(dpm_solver.fast_orders(sigmas))),
    "dpm_adaptive": Sampler(dpm_solver.dpm_adaptive),
    "dpmpp_2s_ancestral": Sampler(ancestral.dpmpp_2s_ancestral),
    "dpmpp_2s_ancestral_cfg_pp": Sampler(onestep.dpmpp_2s_ancestral_cfg_pp, uses_uncond=True),
    "dpmpp_sde": DPMPP_SDE,
    "dpmpp_sde_gpu": DPMPP_SDE,
    "dpmpp_2m": Sampler(multistep.dpmpp_2m),
    "dpmpp_2m_cfg_pp": Sampler(partial(multistep.dpmpp_2m, cfg_pp=True), uses_uncond=True),
    "dpmpp_2m_sde": DPMPP_2M_SDE,
    "dpmpp_2m_sde_gpu": DPMPP_2M_SDE,
    "dpmpp_2m_sde_heun": DPMPP_2M_SDE_HEUN,
    "dpmpp_2m_sde_heun_gpu": DPMPP_2M_SDE_HEUN,
    "dpmpp_3m_sde": DPMPP_3M_SDE,
    "dpmpp_3m_sde_gpu": DPMPP_3M_SDE,
    "ddpm": Sampler(onestep.ddpm),
    "lcm": Sampler(ancestral.lcm),
    "ipndm": Sampler(multistep.ipndm),
    "ipndm_v": Sampler(multistep.ipndm_v),
    "deis": Sampler(deis),
    "res_multistep": Sampler(multistep.res_multistep),
    "res_multistep_cfg_pp": Sampler(partial(multistep.res_multistep, cfg_pp=True), uses_uncond=True),
    "res_multistep_ancestral": Sampler(partial(multistep.res_multistep, eta=1.0)),
    "res_multistep_ancestral_cfg_pp": Sampler(partial(multistep.res_multistep, eta=1.0, cfg_pp=True), uses_uncond=True),
    "gradient_estimation": Sampler(multistep.gradient_estimation),
    "gradient_estimation_cfg_pp": Sampler(partial(multistep.gradient_estimation, cfg_pp=True), uses_uncond=True),
    "er_sde": Sampler(er_sde, adapt_sigmas=sde.below_one),
    "seeds_2": Sampler(sde.seeds_2, adapt_sigmas=sde.below_one),
    "seeds_3": Sampler(sde.seeds_3, adapt_sigmas=sde.below_one),
    "sa_solver": Sampler(sa_solver, adapt_sigmas=sde.below_one),
    "sa_solver_pece": Sampler(partial(sa_solver, evaluate_corrected=True), adapt_sigmas=sde.below_one),
    "ddim": Sampler(onestep.euler, inpaints_with_new_noise=True, follows_rising=True),
    "uni_pc": Sampler(uni_pc, adapt_sigmas=without_zero),
    "uni_pc_bh2": Sampler(partial(uni_pc, variant="bh2"), adapt_sigmas=without_zero),
}

# KSampler computes one step more for these and leaves the second-to-last sigma out.
DROPS_PENULTIMATE_SIGMA = frozenset({"dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2"})


def find_sampler(name: str) -> Sampler:
    """The sampler called `name`; ValueError with the known names if there is none."""
    if name not in SAMPLERS:
        raise ValueError(f"sampler must be one of {', '.join(SAMPLERS)}, got {name!r}")
    return SAMPLERS[name]
