"""What a sampler remembers between two steps, and what it may ask for within one.

A sampler is a pure function `step(state, denoise, sigmas) -> state`. Everything it needs later is in the state, so a
run can be stored after any step and continued elsewhere to the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from sd35graph.sampling.noise import draw_noise
from sd35graph.values import FlowSettings

Sigmas = tuple[float, ...]


class Prediction(NamedTuple):
    """The network's guess of the clean latent, [B, C, h, w].

    x0: with guidance. uncond: of the negative conditioning alone; the same as x0 where none was evaluated.
    """

    x0: Tensor
    uncond: Tensor


Denoiser = Callable[[Tensor, float], Prediction]


@dataclass(frozen=True, slots=True, eq=False)
class SamplerState:
    """A run between two steps.

    x: noisy latent, [B, C, h, w].
    rng: state of the CPU generator of the noise that the sampler adds.
    step: index of the next step.
    denoised: x0 of the first evaluation of the last step; None before the first.
    history: tensors a formula keeps from earlier steps, newest first; numbers: scalars it keeps.
    """

    x: Tensor
    rng: Tensor
    step: int = 0
    denoised: Tensor | None = None
    history: tuple[Tensor, ...] = ()
    numbers: tuple[float, ...] = ()

    def after(
        self, x: Tensor, denoised: Tensor, history: tuple[Tensor, ...] = (), numbers: tuple[float, ...] = ()
    ) -> SamplerState:
        """The state one step later."""
        return replace(self, x=x, step=self.step + 1, denoised=denoised, history=history, numbers=numbers)

    def with_noise(self, deviation: float) -> SamplerState:
        """This state with fresh noise of `deviation` added to x; no draw for a deviation of 0 or less."""
        if deviation <= 0.0:
            return self
        noise, state = self.draw()
        return replace(state, x=self.x + noise * deviation)

    def draw(self) -> tuple[Tensor, SamplerState]:
        """Fresh noise like x, and this state with the generator advanced."""
        noise, rng = draw_noise(self.rng, self.x.shape)
        return noise.to(self.x.device), replace(self, rng=rng)

    def to_tensors(self) -> dict[str, Tensor]:
        """Copies of all of the state as named tensors, ready for a safetensors file."""
        tensors = {"x": self.x, "rng": self.rng, "step": torch.tensor(self.step)}
        tensors["numbers"] = torch.tensor(self.numbers, dtype=torch.float64)
        if self.denoised is not None:
            tensors["denoised"] = self.denoised
        tensors |= {f"history.{i}": tensor for i, tensor in enumerate(self.history)}
        # A sampler may keep one tensor under two names, which such a file cannot hold.
        return {name: tensor.clone() for name, tensor in tensors.items()}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> SamplerState:
        """The state that `to_tensors` wrote."""
        count = sum(name.startswith("history.") for name in tensors)
        return SamplerState(
            x=tensors["x"],
            rng=tensors["rng"],
            step=int(tensors["step"]),
            denoised=tensors.get("denoised"),
            history=tuple(tensors[f"history.{i}"] for i in range(count)),
            numbers=tuple(tensors["numbers"].tolist()),
        )


@dataclass(frozen=True, slots=True, eq=False)
class RunDenoiser:
    """The denoiser of a run, and what stochastic solvers ask of the run besides.

    noise_between: noise of unit variance for a step from one sigma down to another, [B, C, h, w]; the same each time.
    flow: the noise schedule of the model.
    """

    predict: Denoiser
    noise_between: Callable[[float, float], Tensor]
    flow: FlowSettings

    def __call__(self, x: Tensor, sigma: float) -> Prediction:
        return self.predict(x, sigma)


Step = Callable[[SamplerState, RunDenoiser, Sigmas], SamplerState]
"""One step. Most samplers only call the denoiser, and take any `Denoiser`."""


def interval(state: SamplerState, sigmas: Sigmas) -> tuple[float, float]:
    """The sigmas at both ends of the step that `state` is about to take."""
    return sigmas[state.step], sigmas[state.step + 1]


def slope(x: Tensor, x0: Tensor, sigma: float) -> Tensor:
    """dx/dsigma of the probability-flow ODE: (x - x0) / sigma (EDM, arXiv 2206.00364, algorithm 1)."""
    return (x - x0) / sigma


def ancestral_split(sigma: float, sigma_next: float, eta: float) -> tuple[float, float]:
    """(sigma_down, sigma_up): where to step to, and the noise to add there to be back at `sigma_next`.

    k-diffusion `sampling.py`, get_ancestral_step (MIT).
    """
    up = min(sigma_next, eta * (sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2) ** 0.5)
    return max(sigma_next**2 - up**2, 0.0) ** 0.5, up
