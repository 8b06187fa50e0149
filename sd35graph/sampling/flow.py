"""Noise levels of a rectified-flow model: x = (1 - sigma) * x0 + sigma * noise.

The resolution shift is equation 23 of the SD3 paper (arXiv 2403.03206). Note the asymmetry that SD3 pipelines have:
`sigma_to_timestep` is a plain multiplication while `timestep_to_sigma` applies the shift, so the two are not inverses.
"""

from __future__ import annotations

import math
import struct

import torch
from torch import Tensor

from sd35graph.values import FlowSettings


def as_float32(value: float) -> float:
    """`value` rounded to the nearest float32, so that comparisons with schedule entries are exact."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def check_flow(flow: FlowSettings) -> None:
    """Raise ValueError unless `flow` describes a usable noise schedule."""
    if not (math.isfinite(flow.shift) and flow.shift > 0):
        raise ValueError(f"shift must be a number greater than 0, got {flow.shift}; SD3.5 uses 3")
    if not (math.isfinite(flow.multiplier) and flow.multiplier > 0):
        raise ValueError(f"multiplier must be a number greater than 0, got {flow.multiplier}; SD3.5 uses 1000")
    if flow.timesteps < 2:
        raise ValueError(f"timesteps must be at least 2, got {flow.timesteps}; SD3.5 uses 1000")


def shifted(flow: FlowSettings, u: Tensor) -> Tensor:
    """sigma at the fractions `u` (0..1) of unshifted noise time; float32 in, float32 out.

    Each operation is rounded to float32, as in the recorded pipeline: the noise of a Brownian path can be seen to
    differ where a sigma differs in its last bit.
    """
    return flow.shift * u / (1.0 + (flow.shift - 1.0) * u)


def sigma_at(flow: FlowSettings, positions: Tensor) -> Tensor:
    """sigma at real-valued positions 0 .. timesteps - 1 of the ascending table, float32."""
    return shifted(flow, (positions.to(torch.float32) + 1.0) / flow.timesteps)


def sigma_min(flow: FlowSettings) -> float:
    """The smallest sigma of the table."""
    return float(sigma_at(flow, torch.tensor(0)))


def sigma_max(flow: FlowSettings) -> float:
    """The largest sigma of the table: exactly 1."""
    return float(sigma_at(flow, torch.tensor(flow.timesteps - 1)))


def sigma_table(flow: FlowSettings) -> Tensor:
    """All sigmas of the discrete model, [timesteps], float32, ascending."""
    check_flow(flow)
    return sigma_at(flow, torch.arange(flow.timesteps))


def sigma_to_timestep(flow: FlowSettings, sigma: Tensor) -> Tensor:
    """What the network is told for `sigma`; any shape."""
    return sigma * flow.multiplier


def timestep_to_sigma(flow: FlowSettings, timestep: Tensor) -> Tensor:
    """The shifted sigma of `timestep` (0 .. multiplier); any shape."""
    return shifted(flow, timestep / flow.multiplier)


def percent_to_sigma(flow: FlowSettings, percent: float) -> float:
    """sigma after `percent` (0..1) of schedule time, which is not a fraction of the steps.

    At shift 3, ten percent is sigma 0.964.
    """
    if percent <= 0.0:
        return 1.0
    if percent >= 1.0:
        return 0.0
    u = 1.0 - percent
    return as_float32(flow.shift * u / (1.0 + (flow.shift - 1.0) * u))


def half_log_snr(sigma: float) -> float:
    """lambda = ln((1 - sigma) / sigma), half the logarithm of the signal-to-noise ratio, for sigma in (0, 1)."""
    return math.log((1.0 - sigma) / sigma)


def from_half_log_snr(value: float) -> float:
    """The sigma of a `half_log_snr`."""
    return 1.0 / (1.0 + math.exp(value))
