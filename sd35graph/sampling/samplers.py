"""The table of samplers: one line per name. The order is that of the drop-down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sd35graph.sampling import samplers_dpm_solver as dpm_solver
from sd35graph.sampling import samplers_multistep as multistep
from sd35graph.sampling import samplers_onestep as onestep
from sd35graph.sampling.samplers_deis import deis
from sd35graph.sampling.samplers_unipc import uni_pc, without_zero
from sd35graph.sampling.state import Sigmas, Step


def one_per_interval(sigmas: Sigmas) -> int:
    """Steps of a sampler that takes one per schedule interval."""
    return len(sigmas) - 1


def unchanged(sigmas: Sigmas) -> Sigmas:
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
    """

    step: Step
    total_steps: Callable[[Sigmas], int] = one_per_interval
    adapt_sigmas: Callable[[Sigmas], Sigmas] = unchanged
    uses_uncond: bool = False
    inpaints_with_new_noise: bool = False


SAMPLERS: dict[str, Sampler] = {
    "euler": Sampler(onestep.euler),
    "heun": Sampler(onestep.heun),
    "heunpp2": Sampler(onestep.heunpp2),
    "dpm_2": Sampler(onestep.dpm_2),
    "lms": Sampler(multistep.lms),
    "dpm_fast": Sampler(dpm_solver.dpm_fast, total_steps=lambda sigmas: len(dpm_solver.fast_orders(sigmas))),
    "dpm_adaptive": Sampler(dpm_solver.dpm_adaptive),
    "dpmpp_2s_ancestral_cfg_pp": Sampler(onestep.dpmpp_2s_ancestral_cfg_pp, uses_uncond=True),
    "dpmpp_2m": Sampler(multistep.dpmpp_2m),
    "dpmpp_2m_cfg_pp": Sampler(partial(multistep.dpmpp_2m, cfg_pp=True), uses_uncond=True),
    "ddpm": Sampler(onestep.ddpm),
    "ipndm": Sampler(multistep.ipndm),
    "ipndm_v": Sampler(multistep.ipndm_v),
    "deis": Sampler(deis),
    "res_multistep": Sampler(multistep.res_multistep),
    "res_multistep_cfg_pp": Sampler(partial(multistep.res_multistep, cfg_pp=True), uses_uncond=True),
    "res_multistep_ancestral": Sampler(partial(multistep.res_multistep, eta=1.0)),
    "res_multistep_ancestral_cfg_pp": Sampler(partial(multistep.res_multistep, eta=1.0, cfg_pp=True), uses_uncond=True),
    "gradient_estimation": Sampler(multistep.gradient_estimation),
    "gradient_estimation_cfg_pp": Sampler(partial(multistep.gradient_estimation, cfg_pp=True), uses_uncond=True),
    "ddim": Sampler(onestep.euler, inpaints_with_new_noise=True),
    "uni_pc": Sampler(uni_pc, adapt_sigmas=without_zero),
    "uni_pc_bh2": Sampler(partial(uni_pc, variant="bh2"), adapt_sigmas=without_zero),
}

# KSampler computes one step more for these and leaves the second-to-last sigma out. A schedule can be asked for before
# its sampler exists, so this is a rule about names.
DROPS_PENULTIMATE_SIGMA = frozenset({"dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2"})


def find_sampler(name: str) -> Sampler:
    """The sampler called `name`; ValueError with the known names if there is none."""
    if name not in SAMPLERS:
        raise ValueError(f"sampler must be one of {', '.join(SAMPLERS)}, got {name!r}")
    return SAMPLERS[name]
