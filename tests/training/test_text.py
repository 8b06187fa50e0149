"""Training and engine must read a prompt alike: the same ids, the same context, from the exported files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from sd35graph.models.handles import open_checkpoint, open_text_encoders
from sd35graph.models.loading.pool import ModelPool
from training.autoencoder import make_vae
from training.config import Config, load_config
from training.export import export
from training.flow import Model
from training.text import Tokenizers, kept_tokenizers, train_tokenizers

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
CAPTIONS = ["a 3d red apple", "two red apples, flat style", "owl on a blue background", "an owl left of an apple"]
PROMPTS = ["", "a 3d red apple", "Two OWLS,  flat style", "an owl's zebra", "owl on a blue background"]


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(CONFIGS / "smoke.toml")


@pytest.fixture(scope="module")
def tokenizers(config: Config) -> Tokenizers:
    return train_tokenizers(CAPTIONS, config.text)


@pytest.fixture(scope="module")
def model(config: Config, tokenizers: Tokenizers) -> Model:
    torch.manual_seed(0)
    return Model(config, tokenizers).half().float().eval()  # as the file will hold it


@pytest.fixture(scope="module")
def root(config: Config, tokenizers: Tokenizers, model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    export(folder, model, make_vae(config.vae), tokenizers)
    return folder


def test_words_of_the_captions_are_one_token_each(tokenizers: Tokenizers) -> None:
    tokens = tokenizers.t5.encode("red apples on a background", add_special_tokens=False).tokens

    assert tokens == ["▁red", "▁apples", "▁on", "▁a", "▁background"]
    assert tokenizers.t5.encode("zebra", add_special_tokens=False).tokens == ["▁", *"zebra"]


def test_a_training_that_goes_on_keeps_its_tokenizers(config: Config, tmp_path: Path) -> None:
    first = kept_tokenizers(tmp_path, CAPTIONS, config.text)
    again = kept_tokenizers(tmp_path, ["other captions"], config.text)

    assert again.clip.get_vocab() == first.clip.get_vocab()
    assert [again.rows(prompt) for prompt in PROMPTS] == [first.rows(prompt) for prompt in PROMPTS]


def test_a_prompt_too_long_for_one_section_is_refused(tokenizers: Tokenizers) -> None:
    text = "an owl left of an owl left of an owl left of an owl"

    assert not tokenizers.fits(text)
    with pytest.raises(ValueError, match="does not fit into one section"):
        tokenizers.rows(text)


def test_the_engine_encodes_prompts_as_training_does(
    config: Config, tokenizers: Tokenizers, model: Model, root: Path
) -> None:
    files = [root / "text_encoders" / f"sd35_tiny_{part}.safetensors" for part in ("clip_l", "clip_g", "t5xxl")]
    encoders = ModelPool(torch.device("cpu"), "fp32", [root]).text_encoders(open_text_encoders(files))
    with torch.no_grad():
        for prompt in PROMPTS:
            rows = [torch.tensor([row]) for row in tokenizers.rows(prompt)]
            context, pooled = model.encoders(*rows)
            width = context.shape[-1]
            from_engine, pooled_from_engine = encoders.encode(prompt)
            assert from_engine.shape[1] == config.text.positions + config.text.minimum
            torch.testing.assert_close(from_engine[..., :width], context, atol=1e-5, rtol=1e-4)
            assert not from_engine[..., width:].any()
            torch.testing.assert_close(pooled_from_engine, pooled, atol=1e-5, rtol=1e-4)


def test_files_are_in_the_released_layout(root: Path) -> None:
    checkpoint = root / "checkpoints" / "sd35_tiny.safetensors"
    with safe_open(checkpoint, "pt") as file:
        keys = set(file.keys())
        assert {str(file.get_tensor(key).dtype) for key in keys} == {"torch.float16"}
    assert {key.split(".")[0] for key in keys} == {"model", "first_stage_model"}
    assert "model.diffusion_model.joint_blocks.0.x_block.attn.ln_q.weight" in keys
    open_checkpoint(checkpoint)  # refuses missing and unexpected keys
