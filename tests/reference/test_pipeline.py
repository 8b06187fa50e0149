"""From prompt to picture: our pieces put together against diffusers' whole `StableDiffusion3Pipeline`.

Equal weights, tokenizer files and initial noise. diffusers encodes T5 to the length it is given, ours to at least 77
tokens, so 77 is asked of it. Tolerances: conditioning agrees to the last bit, 1e-6 is allowed. Latents, of size 3,
differ by 5e-5 after four guided steps: timesteps near 1000 have a last bit of 6e-5, and the fastest time features are
their sine and cosine. 5e-4 is allowed. Pictures, from 0 to 1, differ by 1.2e-5; 1e-4 is allowed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    StableDiffusion3Img2ImgPipeline,
    StableDiffusion3InpaintPipeline,
    StableDiffusion3Pipeline,
)
from torch import Tensor
from transformers import CLIPTokenizer, T5TokenizerFast
from twins import CLIP_G, CLIP_L, VARIANTS, autoencoders, clip_encoders, randn, t5_encoders, transformers

from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.models.networks.vae import VAE
from sd35graph.models.text.encoding import CLIP_G_PAD, ClipPart, T5Part, TextEncoders
from sd35graph.models.text.tokenizer_files import load_clip_tokenizer, load_t5_tokenizer
from sd35graph.sampling.noise import make_noise
from sd35graph.sampling.sample import ksample
from sd35graph.values import (
    Conditioning,
    ConditioningEntry,
    FlowSettings,
    GuidanceOptions,
    Guider,
    Latent,
    SkipLayerGuidance,
    latent_to_model,
    model_to_latent,
)

PROMPT, NEGATIVE = "a red fox in the snow, oil painting", "blurry, low quality"
SEED, STEPS, CFG = 5, 4, 4.5
SHAPE = (1, 16, 8, 12)


NO_OPTIONS = GuidanceOptions()
EMPTY = Latent(torch.zeros(SHAPE))


class Twin:
    """Our pieces and diffusers' pipeline of the same weights."""

    def __init__(self, tokenizers: Path) -> None:
        self.mmdit: MMDiT
        self.vae: VAE
        self.mmdit, transformer = transformers(VARIANTS["SD3.5 Medium"])
        self.vae, vae = autoencoders()
        (clip_l, their_l), (clip_g, their_g), (t5, their_t5) = (
            clip_encoders(CLIP_L),
            clip_encoders(CLIP_G),
            t5_encoders(),
        )
        clip = load_clip_tokenizer(tokenizers / "clip")
        self.encoders = TextEncoders(
            ClipPart(clip_l, clip, clip.end_id),
            ClipPart(clip_g, clip, CLIP_G_PAD),
            T5Part(t5, load_t5_tokenizer(tokenizers / "t5")),
        )
        self.pipeline = StableDiffusion3Pipeline(
            transformer=transformer,
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
            vae=vae,
            text_encoder=their_l,
            tokenizer=CLIPTokenizer.from_pretrained(tokenizers / "clip", model_max_length=77),
            text_encoder_2=their_g,
            tokenizer_2=CLIPTokenizer.from_pretrained(tokenizers / "clip", model_max_length=77, pad_token="!"),
            text_encoder_3=their_t5,
            tokenizer_3=T5TokenizerFast.from_pretrained(tokenizers / "t5"),
        )

    def conditioning(self, text: str) -> Conditioning:
        return Conditioning((ConditioningEntry(*self.encoders.encode(text)),))

    def ours(self, options: GuidanceOptions = NO_OPTIONS, latent: Latent = EMPTY, *, start_at_step: int = 0) -> Latent:
        return ksample(
            self.mmdit,
            FlowSettings(shift=3.0),
            Guider(self.conditioning(PROMPT), self.conditioning(NEGATIVE), CFG, options),
            seed=SEED,
            steps=STEPS,
            sampler="euler",
            scheduler="normal",
            latent=latent,
            start_at_step=start_at_step,
        )

    def theirs(self, kind: type[DiffusionPipeline] = StableDiffusion3Pipeline, **options: Any) -> Tensor:
        # Any: each kind of pipeline takes options of its own.
        pipeline = kind(**self.pipeline.components)
        pipeline.set_progress_bar_config(disable=True)
        wanted = {"output_type": "latent", "latents": make_noise(SHAPE, SEED)} | options
        result: Tensor = pipeline(
            PROMPT,
            negative_prompt=NEGATIVE,
            height=SHAPE[2] * 8,
            width=SHAPE[3] * 8,
            num_inference_steps=STEPS,
            guidance_scale=CFG,
            max_sequence_length=77,
            **wanted,
        ).images
        return result


@pytest.fixture(scope="module")
def twin(shared: Path) -> Twin:
    return Twin(shared / "parity" / "tokenizers")


@pytest.mark.parametrize("text", [PROMPT, "", "naïve café at 12:30, 100% wool"])
def test_prompt_is_encoded_as_by_diffusers(twin: Twin, text: str) -> None:
    context, pooled = twin.encoders.encode(text)
    their_context, _, their_pooled, _ = twin.pipeline.encode_prompt(text, None, None, max_sequence_length=77)
    width = their_context.shape[-1]
    assert not context[..., width:].any()
    torch.testing.assert_close(context[..., :width], their_context, atol=1e-6, rtol=0)
    torch.testing.assert_close(pooled, their_pooled, atol=1e-6, rtol=0)


def test_latent_and_picture_are_those_of_diffusers(twin: Twin) -> None:
    latent = twin.ours()
    torch.testing.assert_close(latent_to_model(latent.samples), twin.theirs(), atol=5e-4, rtol=0)
    picture = twin.theirs(output_type="pt").movedim(1, -1)
    torch.testing.assert_close(twin.vae.decode(latent.samples), picture, atol=1e-4, rtol=0)


def test_skip_layer_guidance_over_all_steps_is_that_of_diffusers(twin: Twin) -> None:
    window = SkipLayerGuidance(frozenset({1}), scale=2.5, start_percent=0.0, end_percent=1.0)
    latent = twin.ours(GuidanceOptions(skip_layers=(window,)))
    # Its window counts steps and leaves out the one at the start itself.
    expected = twin.theirs(
        skip_guidance_layers=[1],
        skip_layer_guidance_scale=2.5,
        skip_layer_guidance_start=-1.0,
        skip_layer_guidance_stop=1.0,
    )
    torch.testing.assert_close(latent_to_model(latent.samples), expected, atol=5e-4, rtol=0)
    assert (latent.samples - twin.ours().samples).abs().max() > 0.1


def test_the_last_steps_from_a_latent_are_those_of_diffusers_from_a_picture(twin: Twin) -> None:
    start = randn(*SHAPE, seed=9)
    # Of four steps, a strength of a half takes the last two.
    options = {"image": start, "strength": 0.5, "generator": torch.Generator().manual_seed(SEED), "latents": None}
    expected = twin.theirs(StableDiffusion3Img2ImgPipeline, **options)
    latent = twin.ours(latent=Latent(model_to_latent(start)), start_at_step=2)
    torch.testing.assert_close(latent_to_model(latent.samples), expected, atol=5e-4, rtol=0)


def test_inpainting_is_that_of_diffusers(twin: Twin) -> None:
    start = randn(*SHAPE, seed=9)
    mask = torch.zeros(1, SHAPE[2] * 8, SHAPE[3] * 8)
    mask[:, 16:48, 24:80] = 1  # whole latent cells: the edges are scaled in different ways
    masked = {"image": start, "mask_image": mask, "masked_image_latents": start, "strength": 1.0}
    expected = twin.theirs(StableDiffusion3InpaintPipeline, **masked)
    latent = twin.ours(latent=Latent(model_to_latent(start), mask))
    torch.testing.assert_close(latent_to_model(latent.samples), expected, atol=5e-4, rtol=0)
