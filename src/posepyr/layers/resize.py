"""Sizes of maps: those that a network takes, and bilinear resizing with ``align_corners=True``."""

import torch
from torch import Tensor
from torch.nn import functional as F

Size = tuple[int, int]


def resize(x: Tensor, size: Size) -> Tensor:
    """Resize ``B C h w`` to ``B C height width``, bilinearly.

    Torch's own kernel has no deterministic backward on CUDA; there, two matrix products do the same.
    """
    if x.device.type == "cuda":
        return resize_by_products(x, size)
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


def resize_by_products(x: Tensor, size: Size) -> Tensor:
    """Resize by two fixed matrices, deterministically on every device: ``rows @ x @ columns``."""
    rows = interpolation(x.shape[-2], size[0], x)
    columns = interpolation(x.shape[-1], size[1], x)
    return rows @ (x @ columns.mT)


def interpolation(inputs: int, outputs: int, like: Tensor) -> Tensor:
    """Return the matrix ``outputs inputs`` that interpolates linearly and keeps the end points, typed as ``like``.

    Row j is the hat function around ``j (inputs - 1) / (outputs - 1)``. Numerators are whole numbers, so
    that every weight is exact to the last bit but one. A single output takes the first input.
    """
    gaps = max(outputs - 1, 1)
    target = torch.arange(outputs, device=like.device, dtype=torch.float32)[:, None] * (inputs - 1)
    source = torch.arange(inputs, device=like.device, dtype=torch.float32)[None, :] * gaps
    # Divided in the type of the result: a double's weights are to be doubles.
    return (gaps - (target - source).abs()).clamp(min=0).to(like.dtype) / gaps


def check_divisible(size: tuple[int, int], divisor: int, reason: str) -> None:
    """Raise unless height and width of ``size`` are multiples of ``divisor``; the error names the nearest that are."""
    height, width = size
    if not (height % divisor or width % divisor or not height or not width):
        return
    raise ValueError(
        f"image must have a height and a width divisible by {divisor} ({reason}), got {height} x {width}; "
        f"the nearest height is {_nearest(height, divisor)}, the nearest width {_nearest(width, divisor)}"
    )


def _nearest(length: int, divisor: int) -> str:
    below, above = max(length // divisor, 1) * divisor, max(-(-length // divisor), 1) * divisor
    return f"{below}" if below == above else f"{below} or {above}"
