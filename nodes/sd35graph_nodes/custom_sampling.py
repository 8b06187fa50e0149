"""Nodes that sample with noise, guidance, sampler and sigmas each from a node of its own."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from sd35graph import Conditioning, Context, Input, Latent, node
from sd35graph.models.handles import GuidedModel, ModelHandle
from sd35graph.models.loading.pool import ModelPool
from sd35graph.sampling.sample import add_noise as add_noise_to
from sd35graph.sampling.sample import custom_sample
from sd35graph.values import Guider, Noise, SamplerChoice, SigmaSchedule
from sd35graph_nodes.kinds import Seed
from sd35graph_nodes.sampling import open_for, report_to
from sd35graph_nodes.sampling_kinds import Cfg, Model, Negative, Positive, SamplerName, StartLatent

_OUTPUTS = ("The latent after the last sigma.", "The model's guess of the finished latent in the last step.")


class Sampled(NamedTuple):
    output: Latent
    denoised_output: Latent


def _sample(
    ctx: Context,
    guided: GuidedModel,
    noise: Noise,
    seed: int,
    sampler: SamplerChoice,
    sigmas: SigmaSchedule,
    latent: Latent,
) -> Sampled:
    output, denoised = custom_sample(
        open_for(ctx, guided.model, guided.guider, latent),
        guided.model.flow,
        guided.guider,
        noise_seed=noise.seed,
        seed=seed,
        sampler=sampler.name,
        sigmas=sigmas.sigmas,
        latent=latent,
        device=ctx.resource(ModelPool).device,
        on_step=report_to(ctx),
    )
    return Sampled(output, denoised)


@node("SamplerCustom", title="Custom sampler", category="sampling/custom_sampling", output_tooltips=_OUTPUTS)
def sampler_custom(
    ctx: Context,
    *,
    model: Model,
    add_noise: Annotated[bool, Input(tooltip="Off: the latent brings its noise along from earlier steps.")] = True,
    noise_seed: Seed = 0,
    cfg: Cfg = 8.0,
    positive: Positive,
    negative: Negative,
    sampler: SamplerChoice,
    sigmas: SigmaSchedule,
    latent_image: StartLatent,
) -> Sampled:
    """Sample over a schedule of your own."""
    guided = GuidedModel(model, Guider(positive, negative, cfg, model.guidance))
    noise = Noise(noise_seed if add_noise else None)
    return _sample(ctx, guided, noise, noise_seed, sampler, sigmas, latent_image)


@node(
    "SamplerCustomAdvanced",
    title="Custom sampler (advanced)",
    category="sampling/custom_sampling",
    output_tooltips=_OUTPUTS,
)
def sampler_custom_advanced(
    ctx: Context,
    noise: Noise,
    guider: GuidedModel,
    sampler: SamplerChoice,
    sigmas: SigmaSchedule,
    latent_image: StartLatent,
) -> Sampled:
    """Sample with noise, guidance, sampler and schedule from nodes of their own."""
    return _sample(ctx, guider, noise, noise.seed or 0, sampler, sigmas, latent_image)


@node("RandomNoise", title="Random noise", category="sampling/custom_sampling/noise")
def random_noise(noise_seed: Seed = 0) -> Noise:
    """Noise to start from."""
    return Noise(noise_seed)


@node("DisableNoise", title="Disable noise", category="sampling/custom_sampling/noise")
def disable_noise() -> Noise:
    """No noise at the start: the latent brings its own. Samplers that add noise on the way use seed 0."""
    return Noise(None)


@node("AddNoise", title="Add noise", category="_for_testing/custom_sampling/noise")
def add_noise(
    model: Annotated[ModelHandle, Input(tooltip="Any SD3 model; all of them share one latent space.")],
    noise: Noise,
    sigmas: Annotated[SigmaSchedule, Input(tooltip="The noise is as strong as the way from its first to its last.")],
    latent_image: StartLatent,
) -> Latent:
    """Mix noise into a latent, as sampling would at its start."""
    return add_noise_to(latent_image, noise.seed, sigmas.sigmas)


@node("BasicGuider", title="Basic guider", category="sampling/custom_sampling/guiders")
def basic_guider(model: Model, conditioning: Conditioning) -> GuidedModel:
    """Follow one prompt, without guidance: for models that were distilled to need none."""
    return GuidedModel(model, Guider(conditioning, options=model.guidance))


@node("CFGGuider", title="CFG guider", category="sampling/custom_sampling/guiders")
def cfg_guider(model: Model, positive: Positive, negative: Negative, cfg: Cfg = 8.0) -> GuidedModel:
    """Away from the negative prompt, towards the positive one."""
    return GuidedModel(model, Guider(positive, negative, cfg, model.guidance))


@node("DualCFGGuider", title="Dual CFG guider", category="sampling/custom_sampling/guiders")
def dual_cfg_guider(
    *,
    model: Model,
    cond1: Annotated[Conditioning, Input(tooltip="Where to go in the end.")],
    cond2: Annotated[Conditioning, Input(tooltip="A prompt between the negative and the first one.")],
    negative: Negative,
    cfg_conds: Annotated[
        float, Input(min=0.0, max=100.0, step=0.1, round=0.01, tooltip="How far to go from the second to the first.")
    ] = 8.0,
    cfg_cond2_negative: Annotated[
        float, Input(min=0.0, max=100.0, step=0.1, round=0.01, tooltip="How far to go from the negative to the second.")
    ] = 8.0,
    style: Annotated[
        Literal["regular", "nested"],
        Input(tooltip="nested: the second step starts from the first one's result, so that both factors multiply."),
    ],
) -> GuidedModel:
    """Away from the negative prompt to a second one, and on from there to the first (arXiv 2211.09800)."""
    # neg + b ((mid + a (pos - mid)) - neg) is neg + b (mid - neg) + a b (pos - mid).
    cfg = cfg_conds * cfg_cond2_negative if style == "nested" else cfg_conds
    guider = Guider(cond1, negative, cfg, model.guidance, middle=cond2, cfg_middle=cfg_cond2_negative)
    return GuidedModel(model, guider)


@node("KSamplerSelect", title="Choose sampler", category="sampling/custom_sampling/samplers")
def ksampler_select(sampler_name: SamplerName) -> SamplerChoice:
    """A sampler by name."""
    return SamplerChoice(sampler_name)


NODES = (
    sampler_custom,
    sampler_custom_advanced,
    random_noise,
    disable_noise,
    add_noise,
    basic_guider,
    cfg_guider,
    dual_cfg_guider,
    ksampler_select,
)
