"""Pixels to numbers of about unit size: the first layer of every model."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Normalise(nn.Module):
    """Pixels of 0 to 255 as ``(image / 255 - mean) / std``, by channel.

    ``B 3 H W``, uint8 or a float tensor of the same range, to ``B 3 H W`` in the model's floating type. The
    numbers are no weights: they stand in the model's configuration and therefore not in its state dict.
    The result lies channels-last in memory; the layers behind keep that, and are faster for it.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        if len(mean) != len(std):
            raise ValueError(f"std must have as many numbers as mean, {len(mean)}, got {len(std)}")
        if any(value <= 0 for value in std):
            raise ValueError(f"std must be positive, got {list(std)}")
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor([*values]).float().view(-1, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        normalised = (image.to(self.mean.dtype) / 255 - self.mean) / self.std
        return normalised.contiguous(memory_format=torch.channels_last)
