"""Weights that hide nothing: no statistics at zero and one, no bias at zero, no region in the middle."""

import torch
from torch import nn

from posepyr.layers.pooling import redraw_regions


def shaken(model: nn.Module, seed: int) -> nn.Module:
    """Disturb a network's weights, so that its maps stay of ordinary size, and sample its statistics and regions."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(std=0.3, generator=generator)
            layer.running_var.uniform_(0.5, 2, generator=generator)
    redraw_regions(model, generator)
    return model.double()
