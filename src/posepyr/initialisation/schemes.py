"""Initialisation schemes: weights from a normal distribution, with a variance for each layer."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Layer = nn.Conv2d | nn.ConvTranspose2d | nn.Linear
NORMS = (_BatchNorm, nn.GroupNorm, nn.LayerNorm)


class Scheme(Protocol):
    """Sets a model's weights in place, with the generator, or with Torch's global one where it is None.

    Returns a report on the weights for the user, or None.
    """

    def __call__(self, model: nn.Module, generator: torch.Generator | None = None) -> object: ...


@dataclass(frozen=True)
class AsBuilt:
    """The weights that Torch's layers have by default.

    Uniform within ``1 / sqrt(fan in)``, biases too: with Torch7's own the initialisation of the PyraNet
    release. They were drawn from the global generator when the model was built.
    """

    def __call__(self, model: nn.Module, generator: torch.Generator | None = None) -> None:
        """Leave the model as it is."""


@dataclass(frozen=True)
class Normal:
    """One standard deviation for all layers (Krizhevsky et al. 2012; HRNet's release with 0.001)."""

    std: float = 0.001

    def __post_init__(self) -> None:
        if self.std <= 0:
            raise ValueError(f"std must be positive, got {self.std}")

    def __call__(self, model: nn.Module, generator: torch.Generator | None = None) -> None:
        fill(model, variances(model, lambda _: self.std**2), generator)


@dataclass(frozen=True)
class Xavier:
    """Variance ``2 / (n_i + n_o)`` (Glorot and Bengio 2010); :func:`fan_of` counts both."""

    def __call__(self, model: nn.Module, generator: torch.Generator | None = None) -> None:
        fill(model, variances(model, lambda fan: 2 / (fan.inputs + fan.outputs)), generator)


@dataclass(frozen=True)
class MSR:
    """Variance ``2 / n_i`` (He et al. 2015); :func:`fan_of` counts ``n_i``."""

    def __call__(self, model: nn.Module, generator: torch.Generator | None = None) -> None:
        fill(model, variances(model, lambda fan: 2 / fan.inputs), generator)


class Fan(NamedTuple):
    """A layer's ``n_i``, the inputs that one output meets, and ``n_o``, the outputs that one input meets."""

    inputs: float
    outputs: float


def fan_of(layer: Layer) -> Fan:
    """Return the fan of a convolution or a linear layer, the mean over a map's positions away from its borders.

    With a kernel of area ``k``, a stride of area ``s`` and ``g`` groups of the channels ``c_i`` and ``c_o``:

    - a convolution has ``n_i = k c_i / g`` and ``n_o = k c_o / (s g)``: its outputs share the inputs' positions,
    - a transposed one ``n_i = k c_i / (s g)`` and ``n_o = k c_o / g``: it spreads its inputs over more positions.

    The mean over positions keeps the mean square of a whole map, also where they differ, as with 3x3 and stride 2.
    """
    if isinstance(layer, nn.Linear):
        return Fan(layer.in_features, layer.out_features)
    kernel, stride = math.prod(layer.kernel_size), math.prod(layer.stride)
    reading, writing = (stride, 1) if isinstance(layer, nn.ConvTranspose2d) else (1, stride)
    return Fan(
        kernel * layer.in_channels / (reading * layer.groups), kernel * layer.out_channels / (writing * layer.groups)
    )


def layers_of(model: nn.Module) -> dict[str, Layer]:
    """Return the layers whose weights a scheme sets, by their names in the model."""
    return {name: module for name, module in model.named_modules() if isinstance(module, Layer)}


def variances(model: nn.Module, rule: Callable[[Fan], float]) -> dict[str, float]:
    """Return the variance of each layer's weights, by its name, for a rule that needs the fan alone."""
    return {name: rule(fan_of(layer)) for name, layer in layers_of(model).items()}


@torch.no_grad()
def fill(model: nn.Module, variance: Mapping[str, float], generator: torch.Generator | None = None) -> None:
    """Sample every layer's weights with its variance, in the model's order; biases are 0, norms the identity."""
    for name, layer in layers_of(model).items():
        nn.init.normal_(layer.weight, std=math.sqrt(variance[name]), generator=generator)
        _set(layer.bias, 0.0)
    for module in model.modules():
        if isinstance(module, NORMS):
            _set(module.weight, 1.0)
            _set(module.bias, 0.0)


def _set(parameter: Tensor | None, value: float) -> None:
    if parameter is not None:
        parameter.fill_(value)
