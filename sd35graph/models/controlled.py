"""A transformer with the ControlNets that a prompt's entries ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from sd35graph.models.errors import InputShapeError, MissingPartError
from sd35graph.models.handles import ControlNetHandle, ModelHandle, VaeHandle
from sd35graph.models.loading.pool import ModelPool
from sd35graph.models.networks.controlnet import ControlNet
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.values import LATENT_SCALE, Control, Guider, Latent, latent_to_model

_PIXELS_PER_CELL = 8


class _Live(NamedTuple):
    """A loaded ControlNet and its hint, [B, 16, h, w], model space, for the whole latent."""

    network: ControlNet
    hint: Tensor


@dataclass(frozen=True, slots=True, eq=False)
class ControlledModel:
    """A transformer for one run, which can be asked for a velocity under controls. See `open_model`."""

    model: MMDiT
    live: Mapping[Control, _Live]

    def __call__(
        self,
        x: Tensor,
        timestep: Tensor,
        context: Tensor,
        pooled: Tensor,
        skip_layers: AbstractSet[int] = frozenset(),
        controls: Sequence[Control] = (),
        corner: tuple[int, int] = (0, 0),
    ) -> Tensor:
        """As `MMDiT.forward`. corner: top and left cell of the part of the latent that `x` is, for the hints."""
        total: list[Tensor] = []
        for control in controls:
            network, hint = self.live[control]
            (top, left), (height, width) = corner, x.shape[-2:]
            hint = hint[..., top : top + height, left : left + width]
            hint = hint.repeat(x.shape[0] // hint.shape[0], 1, 1, 1)
            found = [r * control.strength for r in network(x, timestep, context, pooled, hint, self.model)]
            total = [a + b for a, b in zip(total, found, strict=True)] if total else found
        weight = self.model.context_embedder.weight
        residuals = [residual.to(weight.device, weight.dtype) for residual in total]
        velocity: Tensor = self.model(x, timestep, context, pooled, skip_layers, residuals)
        return velocity


def open_model(pool: ModelPool, handle: ModelHandle, guider: Guider, latent: Latent) -> MMDiT | ControlledModel:
    """The transformer, with the ControlNets that the guider's prompts ask for and their hints encoded for `latent`.

    ControlNets and the VAE are loaded first, so that the transformer is not the one to make room. Raises
    `WeightsMismatchError` if a ControlNet is for another model, `MissingPartError` if one lacks what it needs, and
    `InputShapeError` if guidance is to skip a block that the model lacks.
    """
    controls = dict.fromkeys(control for control in _controls(guider) if control.strength != 0.0)
    live = {control: _open(pool, control, latent.samples) for control in controls}
    model = pool.mmdit(handle)
    _check_layers(model, guider)
    for control, (network, _) in live.items():
        network.check_fits(model, str(_net(control).weights.path))
    return ControlledModel(model, live) if live else model


def _check_layers(model: MMDiT, guider: Guider) -> None:
    depth = model.config.depth
    for skip in guider.options.skip_layers:
        if beyond := sorted(layer for layer in skip.layers if layer >= depth):
            raise InputShapeError(
                f"Skip-layer guidance leaves out block {beyond[0]}, but the model has {depth} blocks, "
                f"0 to {depth - 1}; change layers."
            )


def _controls(guider: Guider) -> Iterator[Control]:
    for conditioning in (guider.positive, guider.middle, guider.negative):
        for entry in conditioning.entries if conditioning is not None else ():
            yield from entry.controls


def _open(pool: ModelPool, control: Control, samples: Tensor) -> _Live:
    net = _net(control)
    if not isinstance(control.vae, VaeHandle):
        raise MissingPartError(
            f"{net.weights.path} needs a VAE to read its hint picture; connect one to the node that applies it."
        )
    batch, _, height, width = samples.shape
    pixels = scale_and_crop(control.hint[..., :3], height * _PIXELS_PER_CELL, width * _PIXELS_PER_CELL)
    encoded = pool.vae(control.vae).encode(_prepared(pixels, net)).to(pool.device)
    network = pool.controlnet(net)
    if network.config.needs_mask:
        raise MissingPartError(
            f"{net.weights.path} is a ControlNet for inpainting, whose hint includes a mask, and no node gives one. "
            "Use a noise mask (SetLatentNoiseMask) instead."
        )
    hint = encoded * LATENT_SCALE if network.config.is_first_generation else latent_to_model(encoded)
    rows = torch.arange(batch, device=hint.device) % hint.shape[0]
    return _Live(network, hint if hint.shape[0] == 1 else hint[rows])


def _net(control: Control) -> ControlNetHandle:
    if not isinstance(control.net, ControlNetHandle):
        raise TypeError(f"a Control's net must be a ControlNetHandle, got {type(control.net).__name__}")
    return control.net


def _prepared(pixels: Tensor, net: ControlNetHandle) -> Tensor:
    """The hint as its ControlNet was trained to see it; Stability-AI/sd3.5 `sd3_infer.py`, as the peer reads it."""
    match net.kind:
        case "canny":
            return pixels * 127.5 + 0.5
        case "depth":
            return 1.0 - pixels
        case "blur":
            return pixels


def scale_and_crop(pixels: Tensor, height: int, width: int) -> Tensor:
    """Pictures [B, H, W, C], cut about the centre to the proportions of the size and scaled to it, nearest-exact."""
    rows, columns = pixels.shape[1:3]
    if (rows, columns) == (height, width):
        return pixels
    keep_rows = min(rows, max(1, round(columns * height / width)))
    keep_columns = min(columns, max(1, round(rows * width / height)))
    top, left = (rows - keep_rows) // 2, (columns - keep_columns) // 2
    part = pixels[:, top : top + keep_rows, left : left + keep_columns].movedim(-1, 1)
    return F.interpolate(part, (height, width), mode="nearest-exact").movedim(1, -1)
