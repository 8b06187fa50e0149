"""From weights to a network: shapes give the config, the config a skeleton, and the weights are put into it.

The skeleton is made on the meta device and the tensors are assigned, not copied, so that memory holds one copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import torch
from torch import Tensor, nn

from sd35graph.models.files.checkpoint import Header, Shape, check_storage
from sd35graph.models.files.scaled_fp8 import check_scales
from sd35graph.models.files.sections import Section, check_keys
from sd35graph.models.files.storage import QuantizedLinear, QuantizedTensor, Weight
from sd35graph.models.networks.clip import ClipTextEncoder
from sd35graph.models.networks.controlnet import ControlNet, controlnet_config
from sd35graph.models.networks.mmdit import MMDiT
from sd35graph.models.networks.t5 import T5TextEncoder
from sd35graph.models.networks.vae import VAE
from sd35graph.models.networks.variants import clip_config, mmdit_config, t5_config, vae_config

Network = MMDiT | VAE | ClipTextEncoder | T5TextEncoder | ControlNet


def skeleton(section: Section, shapes: Mapping[str, Shape], where: str) -> Network:
    """The network whose tensors have `shapes` (keys without prefix), on the meta device.

    Raises `WeightsMismatchError` if keys are missing, unexpected or of another shape; `where` names the file.
    """
    with torch.device("meta"):
        network = _network(section, shapes, where)
    check_keys(section, {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}, shapes, where)
    return network.requires_grad_(False).eval()


def check_section(header: Header, section: Section, prefix: str) -> None:
    """Raise unless the network under `prefix` is complete and stored in a readable type."""
    network = skeleton(section, header.shapes(prefix), str(header.path))
    check_storage(header, (prefix + key for key in network.state_dict()))
    check_scales(header, prefix, linear_weights(network))


def linear_weights(network: nn.Module) -> frozenset[str]:
    """Keys of the weights that may stay quantised: those of linear layers."""
    layers = (nn.Linear, QuantizedLinear)
    return frozenset(f"{name}.weight" for name, module in network.named_modules() if isinstance(module, layers))


def fill(network: nn.Module, weights: Mapping[str, Weight]) -> None:
    """Put `weights` into a skeleton, or other weights into a part of it, without copying.

    A linear layer given a quantised weight is replaced by a `QuantizedLinear`. Keys the network does not have are left
    out, and tensors not in `weights` stay as they are.
    """
    for key, weight in weights.items():
        path, _, name = key.rpartition(".")
        try:
            module = network.get_submodule(path)
        except AttributeError:
            continue
        if isinstance(weight, QuantizedTensor):
            _put_quantized(network, path, module, weight)
        elif name in dict(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(weight, requires_grad=False))
        elif name in dict(module.named_buffers(recurse=False)):
            setattr(module, name, weight)


def _put_quantized(network: nn.Module, path: str, module: nn.Module, weight: QuantizedTensor) -> None:
    if isinstance(module, QuantizedLinear):
        module.weight = weight
        return
    assert isinstance(module, nn.Linear), path  # see `linear_weights`
    network.set_submodule(path, QuantizedLinear(weight, module.bias))


def build(section: Section, weights: Mapping[str, Tensor], where: str = "the given weights") -> Network:
    """The network holding `weights`, whose keys carry no prefix."""
    network = skeleton(section, {key: tuple(tensor.shape) for key, tensor in weights.items()}, where)
    fill(network, weights)
    return network


def _network(section: Section, shapes: Mapping[str, Shape], where: str) -> Network:
    match section:
        case "mmdit":
            return MMDiT(mmdit_config(shapes, where))
        case "vae":
            return VAE(vae_config(shapes, where))
        case "clip_l" | "clip_g":
            return ClipTextEncoder(clip_config(shapes, section, where))
        case "t5xxl":
            return T5TextEncoder(t5_config(shapes, where))
        case "controlnet":
            return ControlNet(controlnet_config(shapes, where))
    assert_never(section)
