"""Prompts through the engine: embeddings, what is told of them, and what is encoded anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from sd35graph.engine.events import Event
from sd35graph.graph.workflow import Graph
from sd35graph.local import LocalEngine
from sd35graph.models.networks.clip import ClipTextEncoder
from sd35graph.settings import Settings

# Shows a number that differs where conditionings do.
SUM_PACK = """
from sd35graph import Conditioning, Context, node


@node("ConditioningSum", category="test", is_output=True)
def conditioning_sum(ctx: Context, conditioning: Conditioning) -> None:
    "Show a sum."
    (entry,) = conditioning.entries
    weights = entry.cond.new_tensor(range(1, entry.cond.shape[1] + 1))
    ctx.show("text", [repr((entry.cond.double().sum(-1) * weights).sum().item())])


@node("Spoken", category="test")
def spoken(text: str) -> str:
    "The text."
    return text
"""


class Studio:
    """An engine with the embedded encoders and an empty folder of embeddings."""

    def __init__(self, base: Path) -> None:
        (base / "packs").mkdir()
        (base / "packs" / "sums.py").write_text(SUM_PACK, encoding="utf-8")
        self.embeddings = base / "models" / "embeddings"
        self.engine = LocalEngine(
            Settings.load({"base": base, "packs": (base / "packs",), "device": "cpu", "precision": "fp32"}, {})
        )
        self.cached: set[str] = set()
        self.warnings: tuple[str, ...] = ()

    def save(self, name: str, **tensors: torch.Tensor) -> None:
        self.embeddings.mkdir(parents=True, exist_ok=True)
        save_file(tensors, self.embeddings / name)

    def encode(self, text: str, *, is_linked: bool = False) -> str:
        """What the prompt is turned into; raises `AssertionError` with the message of a node that fails."""
        nodes: dict[str, Any] = {
            "text": {"class_type": "Spoken", "inputs": {"text": text}},
            "encode": {"class_type": "CLIPTextEncode", "inputs": {"text": ["text", 0] if is_linked else text}},
        }
        return self._run(nodes)

    def encode_sd3(self, clip_l: str, clip_g: str, t5xxl: str, empty_padding: str, layer: int | None = None) -> str:
        inputs = {"clip_l": clip_l, "clip_g": clip_g, "t5xxl": t5xxl, "empty_padding": empty_padding}
        nodes: dict[str, Any] = {"encode": {"class_type": "CLIPTextEncodeSD3", "inputs": inputs}}
        if layer is not None:
            nodes["layer"] = {
                "class_type": "CLIPSetLastLayer",
                "inputs": {"clip": ["clip", 0], "stop_at_clip_layer": layer},
            }
        return self._run(nodes)

    def _run(self, nodes: dict[str, Any]) -> str:
        names = {
            f"clip_name{i}": f"sd35_tiny_{part}.safetensors" for i, part in enumerate(["clip_l", "clip_g", "t5xxl"], 1)
        }
        nodes["clip"] = {"class_type": "TripleCLIPLoader", "inputs": names}
        nodes["encode"]["inputs"]["clip"] = ["layer" if "layer" in nodes else "clip", 0]
        nodes["sum"] = {"class_type": "ConditioningSum", "inputs": {"conditioning": ["encode", 0]}}
        self.cached = set()
        done = self.engine.run(nodes, on_event=self._see)
        assert done.error is None, done.error
        self.warnings = done.warnings
        shown: Any = done.outputs["sum"]
        return str(shown["text"][0])

    def _see(self, event: Event, graph: Graph) -> None:
        if event.type == "cached":
            self.cached |= set(event.data["nodes"])  # type: ignore[arg-type]  # a list of ids, by the event's definition


@pytest.fixture
def studio(tmp_path: Path, embedded_model: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path)
    yield studio
    studio.engine.close()


def vectors(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {"clip_l": torch.randn(2, 64, generator=generator), "t5xxl": torch.randn(2, 256, generator=generator)}


def test_an_embedding_changes_what_is_encoded_and_its_file_what_is_reused(studio: Studio) -> None:
    plain = studio.encode("an apple ")
    studio.save("style.safetensors", **vectors(1))
    first = studio.encode("an apple embedding:style")
    assert first != plain
    assert studio.encode("an apple embedding:style.safetensors") == first
    assert studio.encode("an apple embedding:style") == first
    assert "encode" in studio.cached
    studio.save("style.safetensors", **vectors(2))
    assert studio.encode("an apple embedding:style") not in (first, plain)
    assert "encode" not in studio.cached
    assert studio.warnings == ()


def test_a_linked_text_is_encoded_anew_when_an_embedding_changes(studio: Studio) -> None:
    studio.save("style.safetensors", **vectors(1))
    first = studio.encode("embedding:style", is_linked=True)
    assert studio.encode("embedding:style", is_linked=True) == first
    assert "encode" in studio.cached
    studio.save("style.safetensors", **vectors(2))
    assert studio.encode("embedding:style", is_linked=True) != first


def test_other_texts_are_reused_when_an_embedding_changes(studio: Studio) -> None:
    studio.encode("an apple")
    studio.save("style.safetensors", **vectors(1))
    studio.encode("an apple")
    assert "encode" in studio.cached


def test_a_missing_embedding_is_told_once_and_found_later(studio: Studio) -> None:
    plain = studio.encode("an apple, ")
    without = studio.encode("an apple, embedding:style")
    assert without == plain
    (warning,) = studio.warnings
    assert "embedding:style was left out of the prompt" in warning
    assert "style.safetensors" in warning
    assert str(studio.embeddings) in warning
    studio.save("style.safetensors", **vectors(1))
    assert studio.encode("an apple, embedding:style") != plain


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../secret", "leaves its folder"),
        ("a/../../secret", "leaves its folder"),
        ("/etc/secret", "is an absolute path"),
        ("x:1", "is an absolute path"),
        ("..\\secret", "holds a backslash"),
        ("C\\d", "holds a backslash"),
        ("a/" * 3000, "is too long for a file"),
    ],
)
def test_names_that_leave_the_folder_are_left_out_with_a_warning(studio: Studio, name: str, reason: str) -> None:
    studio.embeddings.mkdir(parents=True)
    save_file(vectors(1), studio.embeddings.parent / "secret.safetensors")
    assert studio.encode("an apple, ") == studio.encode(f"an apple, embedding:{name}")
    (warning,) = studio.warnings
    assert "was left out of the prompt" in warning
    assert reason in warning


def test_an_embedding_in_a_subfolder_is_found(studio: Studio) -> None:
    (studio.embeddings / "mine").mkdir(parents=True)
    studio.save("mine/style.safetensors", **vectors(1))
    assert studio.encode("embedding:mine/style") != studio.encode("")
    assert studio.warnings == ()


def test_a_pickle_is_refused_with_the_reason(studio: Studio) -> None:
    studio.embeddings.mkdir(parents=True)
    torch.save({}, studio.embeddings / "old.pt")
    with pytest.raises(AssertionError, match="which can run any code when opened, so it is refused"):
        studio.encode("embedding:old")


def test_one_text_in_two_kinds_of_node_is_encoded_once(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    first = studio.encode("a (red:1.3) apple")

    def never(*arguments: object) -> None:
        raise AssertionError("encoded again")

    monkeypatch.setattr(ClipTextEncoder, "encode_row", never)
    assert studio.encode_sd3(*["a (red:1.3) apple"] * 3, empty_padding="none") == first
    assert "encode" not in studio.cached


def test_each_encoder_reads_its_own_prompt(studio: Studio) -> None:
    sums = {studio.encode_sd3(*texts, empty_padding="none") for texts in (("a", "", ""), ("", "a", ""), ("", "", "a"))}
    assert len(sums) == 3
    assert studio.encode_sd3("", "", "", "none") != studio.encode_sd3("", "", "", "empty_prompt")


def test_the_layer_before_the_last_is_the_usual_one(studio: Studio) -> None:
    usual = studio.encode_sd3("a", "a", "a", "none")
    assert studio.encode_sd3("a", "a", "a", "none", layer=-2) == usual
    assert studio.encode_sd3("a", "a", "a", "none", layer=-1) != usual
    with pytest.raises(AssertionError, match=r"has \d+ layers, and layer -24 was asked for; choose one from -1"):
        studio.encode_sd3("a", "a", "a", "none", layer=-24)
