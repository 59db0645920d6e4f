"""Normalisation of pixels: the first layer of every model."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

Colour = Literal["rgb", "bgr"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Mean and deviation of the colours of ImageNet's training pictures, red first."""


class Normalise(nn.Module):
    """Pixels of 0 to 255 as ``(image / 255 - mean) / std``, by channel.

    ``B 3 H W``, uint8 or a float tensor of the same range, to ``B 3 H W`` in the model's floating type. The
    numbers are no weights: they stand in the model's configuration and therefore not in its state dict.
    Pictures always come red first; with ``colour="bgr"`` the layers behind read them blue first, as some
    released weights were trained to, and ``mean`` and ``std`` are in that order too.
    The result lies channels-last in memory; the layers behind keep that, and are faster for it.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float], colour: Colour = "rgb") -> None:
        super().__init__()
        if colour not in get_args(Colour):
            raise ValueError(f"colour must be {' or '.join(get_args(Colour))}, got {colour}")
        if len(mean) != len(std):
            raise ValueError(f"std must have as many numbers as mean, {len(mean)}, got {len(std)}")
        if any(value <= 0 for value in std):
            raise ValueError(f"std must be positive, got {list(std)}")
        self.colour = colour
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor([*values]).float().view(-1, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        if self.colour == "bgr":
            image = image.flip(-3)
        normalised = (image.to(self.mean.dtype) / 255 - self.mean) / self.std
        return normalised.contiguous(memory_format=torch.channels_last)
