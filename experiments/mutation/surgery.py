"""Changes of layers and maps that keep the names of all weights, called by the structural mutants.

A layer that is taken out by its name, or put between two others, renames the weights behind it, and any test that
hands over weights by name would notice that alone. Here only the numbers change.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Change = Callable[[Tensor], Tensor]


def each(value: Any, change: Change) -> Any:
    """Return a value whose feature maps are changed, also those in lists, tuples and dictionaries."""
    if isinstance(value, Tensor):
        return change(value) if value.is_floating_point() else value
    if isinstance(value, dict):
        return {key: each(inner, change) for key, inner in value.items()}
    return type(value)(each(inner, change) for inner in value) if isinstance(value, list | tuple) else value


def rectified(value: Any) -> Any:
    """Return maps after one more ReLU."""
    return each(value, F.relu)


def normalised(value: Any) -> Any:
    """Return maps after one more normalisation by batch and place, without weights."""
    return each(value, _normalised)


def scaled(value: Any, factor: float) -> Any:
    """Return maps times a factor."""
    return each(value, partial(torch.mul, other=factor))


def with_relu(layer: Any) -> Any:
    """Return a layer whose output goes through one more ReLU."""
    return _followed(layer, rectified)


def with_norm(layer: Any) -> Any:
    """Return a layer whose output goes through one more normalisation."""
    return _followed(layer, normalised)


def with_factor(layer: Any, factor: float) -> Any:
    """Return a layer whose output is multiplied."""
    return _followed(layer, partial(scaled, factor=factor))


def without_relu(layer: Any) -> Any:
    """Return a layer whose last ReLU does nothing."""
    return _bypassed(layer, nn.ReLU)


def without_norm(layer: Any) -> Any:
    """Return a layer whose last batch norm does nothing; its weights stay."""
    return _bypassed(layer, nn.BatchNorm2d)


def with_bias_toggled(layer: Any) -> Any:
    """Return a layer whose last convolution has a bias where it had none, and none where it had one."""
    convolution = _last(layer, nn.modules.conv._ConvNd)
    if convolution is not None:
        bare = convolution.bias is None
        convolution.bias = nn.Parameter(torch.full((convolution.out_channels,), 0.5)) if bare else None
    return layer


def with_swapped(layers: nn.Sequential, first: int) -> nn.Sequential:
    """Return layers of which one changes places with the next one; both keep their names."""
    parts = list(layers._modules.items())
    parts[first], parts[first + 1] = parts[first + 1], parts[first]
    layers._modules.clear()
    layers._modules.update(parts)
    return layers


def _normalised(x: Tensor) -> Tensor:
    if x.ndim not in (2, 4):
        return x
    along = [axis for axis in range(x.ndim) if axis != 1]
    centred = x - x.mean(dim=along, keepdim=True)
    return centred / (centred.square().mean(dim=along, keepdim=True) + 1e-5).sqrt()


def _followed(layer: Any, change: Callable[[Any], Any]) -> Any:
    # A list is never called, and a row may be taken apart: only their last layer is certain to run.
    last = layer
    while type(last) in (list, nn.ModuleList, nn.Sequential) and len(last):
        last = last[-1]
    last.register_forward_hook(partial(_change_output, change=change))
    return layer


def _change_output(_layer: nn.Module, _inputs: Any, output: Any, *, change: Callable[[Any], Any]) -> Any:
    return change(output)


def _bypassed(layer: Any, kind: type[nn.Module]) -> Any:
    last = _last(layer, kind)
    if last is not None:
        last.forward = _unchanged
    return layer


def _unchanged(x: Tensor) -> Tensor:
    return x


def _last(layer: Any, kind: type[nn.Module]) -> Any:
    layers = layer if isinstance(layer, list) else [layer]
    found = [part for one in layers for part in one.modules() if isinstance(part, kind)]
    return found[-1] if found else None
