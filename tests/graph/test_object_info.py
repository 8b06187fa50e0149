"""`/object_info`: the shape existing clients read, against the recorded one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from sd35graph.graph.formats.object_info import node_info, object_info
from sd35graph.graph.schema import InputSchema, NodeSchema, OutputSchema

PROSE = ("tooltip", "description", "display_name", "python_module", "output_tooltips", "api_node")


def comparable(info: dict[str, Any]) -> dict[str, Any]:
    """Without prose, with absent flags as false and every input with options."""
    inputs = {
        group: {
            name: entry
            if group == "hidden"
            else [entry[0], {key: value for key, value in (entry[1:] or [{}])[0].items() if key not in PROSE}]
            for name, entry in entries.items()
        }
        for group, entries in info["input"].items()
    }
    rest = {key: value for key, value in info.items() if key not in PROSE}
    return {"deprecated": False, "experimental": False, **rest, "input": inputs}


def outputs(*names: str) -> tuple[OutputSchema, ...]:
    return tuple(OutputSchema(name=name, type=name) for name in names)


def by_hand(samplers: list[str], schedulers: list[str], clip_types: list[str]) -> list[NodeSchema]:
    """Node types declared as our pack declares them."""
    return [
        NodeSchema(
            type="KSampler",
            title="KSampler",
            category="sampling",
            pack="builtin",
            inputs=(
                InputSchema(name="model", type="MODEL", tooltip="What denoises."),
                InputSchema(
                    name="seed",
                    type="INT",
                    widget=True,
                    has_default=True,
                    default=0,
                    min=0,
                    max=2**64 - 1,
                    control_after_generate=True,
                ),
                InputSchema(name="steps", type="INT", widget=True, has_default=True, default=20, min=1, max=10000),
                InputSchema(
                    name="cfg",
                    type="FLOAT",
                    widget=True,
                    has_default=True,
                    default=8.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    round=0.01,
                ),
                InputSchema(name="sampler_name", type="COMBO", widget=True, choices=tuple(samplers)),
                InputSchema(name="scheduler", type="COMBO", widget=True, choices=tuple(schedulers)),
                InputSchema(name="positive", type="CONDITIONING"),
                InputSchema(name="negative", type="CONDITIONING"),
                InputSchema(name="latent_image", type="LATENT"),
                InputSchema(
                    name="denoise",
                    type="FLOAT",
                    widget=True,
                    has_default=True,
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                ),
            ),
            outputs=outputs("LATENT"),
        ),
        NodeSchema(
            type="CheckpointLoaderSimple",
            title="Load Checkpoint",
            category="loaders",
            pack="builtin",
            inputs=(InputSchema(name="ckpt_name", type="COMBO", widget=True, source="checkpoints"),),
            outputs=outputs("MODEL", "CLIP", "VAE"),
        ),
        NodeSchema(
            type="EmptySD3LatentImage",
            title="Empty SD3 latent",
            category="latent/sd3",
            pack="builtin",
            inputs=(
                *(
                    InputSchema(
                        name=name, type="INT", widget=True, has_default=True, default=1024, min=16, max=16384, step=16
                    )
                    for name in ("width", "height")
                ),
                InputSchema(name="batch_size", type="INT", widget=True, has_default=True, default=1, min=1, max=4096),
            ),
            outputs=outputs("LATENT"),
        ),
        NodeSchema(
            type="CLIPLoader",
            title="Load CLIP",
            category="advanced/loaders",
            pack="builtin",
            inputs=(
                InputSchema(name="clip_name", type="COMBO", widget=True, source="text_encoders"),
                InputSchema(name="type", type="COMBO", widget=True, choices=tuple(clip_types)),
                InputSchema(
                    name="device", type="COMBO", widget=True, required=False, choices=("default", "cpu"), advanced=True
                ),
            ),
            outputs=outputs("CLIP"),
        ),
        NodeSchema(
            type="LoadImage",
            title="Load Image",
            category="image",
            pack="builtin",
            inputs=(InputSchema(name="image", type="COMBO", widget=True, source="input", image_upload=True),),
            outputs=outputs("IMAGE", "MASK"),
        ),
        NodeSchema(
            type="SaveImage",
            title="Save Image",
            category="image",
            pack="builtin",
            inputs=(
                InputSchema(name="images", type="IMAGE"),
                InputSchema(name="filename_prefix", type="STRING", widget=True, has_default=True, default="ComfyUI"),
            ),
            hidden=(("prompt", "PROMPT"), ("extra_pnginfo", "EXTRA_PNGINFO")),
            is_output=True,
        ),
    ]


def test_node_types_equal_the_recorded_ones(recorded: dict[str, Any], choices: Callable[[str], Sequence[str]]) -> None:
    required = recorded["KSampler"]["input"]["required"]
    clip_types = recorded["CLIPLoader"]["input"]["required"]["type"][0]
    schemas = by_hand(required["sampler_name"][0], required["scheduler"][0], clip_types)
    infos: dict[str, Any] = object_info(schemas, choices)
    for name, info in infos.items():
        assert comparable(info) == comparable(recorded[name])
        assert info["python_module"] == "nodes"


def test_a_node_of_another_pack_names_it_as_front_ends_read_it(choices: Callable[[str], Sequence[str]]) -> None:
    schema = NodeSchema(type="Dice", title="Dice", category="games", pack="dice_pack")
    assert node_info(schema, choices)["python_module"] == "custom_nodes.dice_pack"


def test_every_recorded_type_comes_back_from_its_schema(
    recorded: dict[str, Any], schemas: dict[str, NodeSchema]
) -> None:
    def plain(info: dict[str, Any]) -> dict[str, Any]:
        """Drop-downs in the array form, without options that say nothing."""
        want = comparable(info)
        for group in ("required", "optional"):
            for entry in want["input"].get(group, {}).values():
                if entry[0] == "COMBO":
                    entry[0] = entry[1].pop("options")
                    entry[1].pop("multiselect", None)
                for key in [key for key, value in entry[1].items() if value is False and key != "default"]:
                    del entry[1][key]
        want["output"] = [kind if isinstance(kind, str) else "COMBO" for kind in want["output"]]
        return want

    files_of = {
        spec.source: entry[0]
        for name, schema in schemas.items()
        for group in recorded.get(name, {"input": {}})["input"].values()
        for spec in schema.inputs
        if spec.source and (entry := group.get(spec.name)) and isinstance(entry[0], list)
    }
    left_out = {"deprecated", "experimental"}
    for name, info in recorded.items():
        got: Any = node_info(schemas[name], lambda source: files_of.get(source, []))
        want = plain(info)
        assert {key: value for key, value in comparable(got).items() if key not in left_out} == {
            key: value for key, value in want.items() if key not in left_out
        }


def test_hidden_and_optional_inputs_stand_in_groups_of_their_own() -> None:
    schema = NodeSchema(
        type="X",
        title="X",
        category="c",
        pack="p",
        inputs=(
            InputSchema(name="late", type="INT", required=False, force_input=True),
            InputSchema(name="first", type="*", lazy=True, raw_link=True),
        ),
        hidden=(("me", "UNIQUE_ID"),),
        deprecated=True,
    )
    info: Any = node_info(schema, lambda source: [])
    assert info["input"] == {
        "required": {"first": ["*", {"lazy": True, "rawLink": True}]},
        "optional": {"late": ["INT", {"forceInput": True}]},
        "hidden": {"me": "UNIQUE_ID"},
    }
    assert info["input_order"] == {"required": ["first"], "optional": ["late"], "hidden": ["me"]}
    assert info["deprecated"] is True


def test_sources_are_asked_once() -> None:
    asked: list[str] = []

    def files(source: str) -> list[str]:
        asked.append(source)
        return ["a"]

    loaders = [
        NodeSchema(
            type=f"Load{number}",
            title="",
            category="",
            pack="",
            inputs=(InputSchema(name="file", type="COMBO", source="checkpoints"),),
        )
        for number in range(3)
    ]
    object_info(loaders, files)
    assert asked == ["checkpoints"]


@pytest.mark.parametrize("files", [[], ["a.safetensors"]])
def test_drop_downs_are_arrays_even_when_empty(files: list[str]) -> None:
    schema = NodeSchema(
        type="L", title="L", category="", pack="", inputs=(InputSchema(name="f", type="COMBO", source="vae"),)
    )
    info: Any = node_info(schema, lambda source: files)
    assert info["input"]["required"]["f"] == [files, {}]
