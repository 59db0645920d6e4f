"""Pools of a pyramid's levels, which can be repeated, compiled, exported and resumed."""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posepyr.layers.resize import Size, resize

Pool = Literal["fractional", "adaptive", "bilinear"]

CENTRE = 0.5
"""The offset of the regions in evaluation, and in training until they are first sampled."""


class LevelPools(nn.Module):
    """A map downsampled for each of ``levels``, the l-th to ``2 ** (-exponent l / levels)`` of its size.

    ``B C H W``, or as many such maps as there are levels, one for each, to a list of ``B C h_l w_l``. PyraNet,
    equation 3.
    """

    def __init__(self, levels: int, exponent: float = 1.0) -> None:
        super().__init__()
        self.levels = levels
        self.exponent = exponent

    def sizes(self, length: int) -> list[int]:
        """Return the length of each level's map for a map of ``length``; one pixel stays one."""
        ratios = [2 ** (-self.exponent * level / self.levels) for level in range(1, self.levels + 1)]
        # The addend: 2 ** (-1 / 3) to the power 3 is not quite 1/2 in floating point.
        return [max(1, math.floor(length * ratio + 1e-9)) for ratio in ratios]


def level_pools(pool: Pool, levels: int, exponent: float) -> LevelPools:
    """Build the pools by name: the paper's, or one of two replacements without randomness."""
    if pool == "fractional":
        return FractionalMaxPools(levels, exponent)
    return FixedPools(levels, exponent, adaptive_max_pool if pool == "adaptive" else resize)


class FixedPools(LevelPools):
    """Levels made by ``shrink(map, size)``, in training as in evaluation."""

    def __init__(self, levels: int, exponent: float, shrink: Callable[[Tensor, Size], Tensor]) -> None:
        super().__init__(levels, exponent)
        self.shrink = shrink

    def forward(self, *maps: Tensor) -> list[Tensor]:
        height, width = maps[0].shape[-2:]
        sizes = zip(self.sizes(height), self.sizes(width), strict=True)
        return [self.shrink(maps[level % len(maps)], size) for level, size in enumerate(sizes)]


class FractionalMaxPools(LevelPools):
    """Fractional max pooling (Graham 2014), as in the paper.

    The regions are Graham's pseudo-random, overlapping 2x2 windows, placed as Torch places them. They follow from
    two offsets in [0, 1) a level, ``(x, y)``, which live in the buffer ``regions``. Nothing is drawn in the forward
    pass: training reads the buffer, which :func:`redraw_regions` fills, and evaluation always takes 0.5, so that an
    image's answer is always the same (Torch7 and ``torch.nn.FractionalMaxPool2d`` stay random in evaluation).

    Deviation: Torch draws a pair for each sample and channel; here the batch and the channels share one. So
    regions are whole rows and columns, which can be selected, and the maximum is taken once for all levels. No
    level selects a place twice: the backward pass adds each gradient to a zero, so that on no device does its
    result hang on the order.
    """

    regions: Tensor

    def __init__(self, levels: int, exponent: float = 1.0) -> None:
        super().__init__(levels, exponent)
        self.register_buffer("regions", torch.full((levels, 2), CENTRE), persistent=False)

    def forward(self, *maps: Tensor) -> list[Tensor]:
        height, width = maps[0].shape[-2:]
        heights, widths = self.sizes(height), self.sizes(width)
        offsets = self.regions.float() if self.training else torch.full_like(self.regions, CENTRE).float()
        # Every region's maximum is one of these: all levels of a map choose from the same stride-1 map.
        kernel = (min(2, height), min(2, width))
        peaks = [F.max_pool2d(x, kernel, stride=1).permute(0, 2, 3, 1).flatten(1, 2) for x in maps]  # B HW C
        rows = region_starts(height, heights, offsets[:, 1]) * (width - kernel[1] + 1)
        columns = region_starts(width, widths, offsets[:, 0])
        pooled = []
        for level, (h, w) in enumerate(zip(heights, widths, strict=True)):
            chosen = (rows[level, :h, None] + columns[level, None, :w]).flatten()
            flat = peaks[level % len(peaks)]
            pooled.append(flat.index_select(1, chosen).view(-1, h, w, flat.shape[2]).permute(0, 3, 1, 2))
        return pooled


def region_starts(inputs: int, outputs: list[int], offsets: Tensor) -> Tensor:
    """Return the starts of windows of two pixels on an axis of ``inputs`` pixels; Torch's rule, in its precision.

    ``L max(outputs)``, of which row l is valid up to ``outputs[l]``: ``floor((i + u) a) - floor(u a)`` with
    ``a = (inputs - 2) / (outputs - 1)``, and the last window at the end. ``offsets`` are the u of each level.
    """
    index = torch.arange(max(outputs), device=offsets.device)
    if inputs < 2:
        return index.expand(len(outputs), -1)
    steps = torch.tensor([(inputs - 2) / max(n - 1, 1) for n in outputs], device=offsets.device)[:, None]
    last = torch.tensor([n - 1 for n in outputs], device=offsets.device)[:, None]
    offsets = offsets[:, None]
    starts = ((index + offsets) * steps).floor() - (offsets * steps).floor()
    return torch.where(index < last, starts.long(), inputs - 2)


def redraw_regions(model: nn.Module, generator: torch.Generator) -> None:
    """Sample new regions for every fractional pooling in a model, in place and in the modules' order.

    Called before each training step, outside whatever is recomputed or compiled; the generator's state is
    all that a checkpoint needs to go on with the same regions.
    """
    for module in model.modules():
        if isinstance(module, FractionalMaxPools):
            drawn = torch.rand(module.levels, 2, generator=generator, device=generator.device)
            module.regions.copy_(drawn, non_blocking=True)


def adaptive_max_pool(x: Tensor, size: Size) -> Tensor:
    """Pool ``B C H W`` to ``B C h w``: maxima of windows from ``floor(i H / h)`` to ``ceil((i + 1) H / h)``.

    Torch's own kernel has no deterministic backward on CUDA and no counterpart in exchange formats; there,
    selections do the same.
    """
    if x.device.type == "cuda" or torch.compiler.is_exporting():
        return adaptive_max_pool_by_selection(x, size)
    return F.adaptive_max_pool2d(x, size)


def adaptive_max_pool_by_selection(x: Tensor, size: Size) -> Tensor:
    """Pool axis by axis, deterministically on every device.

    An axis' windows are all ``length = ceil(H / h)`` pixels or one more: the greater of the first and the last
    ``length`` pixels' maxima. Neither selects a place twice, so that gradients meet in no order. Those of two
    equal maxima are shared, where Torch's kernel gives all to the first.
    """
    for axis, outputs in zip((2, 3), size, strict=True):
        inputs = x.shape[axis]
        length = -(-inputs // outputs)
        peaks = F.max_pool2d(x, (length, 1) if axis == 2 else (1, length), stride=1)
        index = torch.arange(outputs, device=x.device)
        first, end = index * inputs // outputs, -(-(index + 1) * inputs // outputs)
        x = torch.maximum(peaks.index_select(axis, first), peaks.index_select(axis, end - length))
    return x
