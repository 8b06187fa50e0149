"""The standard ports: names and Python types of the values SD3.5 nodes exchange."""

from __future__ import annotations

from sd35graph.graph.ports import Port
from sd35graph.models.handles import ControlNetHandle, GuidedModel, ModelHandle, TextEncoderHandle, VaeHandle
from sd35graph.values import Conditioning, Image, Latent, Mask, Noise, SamplerChoice, SigmaSchedule

STANDARD_PORTS = (
    Port("MODEL", ModelHandle),
    Port("CLIP", TextEncoderHandle),
    Port("VAE", VaeHandle),
    Port("CONTROL_NET", ControlNetHandle),
    Port("CONDITIONING", Conditioning),
    Port("LATENT", Latent),
    Port("IMAGE", Image),
    Port("MASK", Mask),
    Port("NOISE", Noise),
    Port("GUIDER", GuidedModel),
    Port("SAMPLER", SamplerChoice),
    Port("SIGMAS", SigmaSchedule),
)
