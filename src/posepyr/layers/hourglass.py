"""One hourglass: halving the map level by level, and upsampling it again with a skip at each size."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

Role = Literal["skip", "down", "inner", "up"]

Window = Literal[2, 3]

BlockAt = Callable[[int, Role], nn.Module]
"""Builds the module of a level, counted from 1 for the innermost, and a role in it."""


class Hourglass(nn.Module):
    """``skip(x) + upsampled(up(inner(down(pooled(x)))))``, where ``inner`` is the next smaller hourglass.

    ``B F H W`` to the same, with H and W divisible by ``2 ** depth``. Level ``depth`` works at H x W, level 1
    is the innermost, whose ``inner`` is a plain module. At level n, skip sees the map at the level's own size
    and the other three at half of it. Newell et al. 2016, section 3; all blocks come from ``block``.
    ``window`` is the size of the pooled windows, 2 or, as PPNet's release has it, 3; both halve the map.
    """

    def __init__(self, depth: int, block: BlockAt, window: Window = 2) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"depth must be at least 1, got {depth}")
        self.skip = block(depth, "skip")
        self.down = block(depth, "down")
        self.window = window
        self.inner = Hourglass(depth - 1, block, window) if depth > 1 else block(depth, "inner")
        self.up = block(depth, "up")

    def forward(self, x: Tensor) -> Tensor:
        low = self.up(self.inner(self.down(F.max_pool2d(x, self.window, stride=2, padding=self.window // 3))))
        out: Tensor = self.skip(x) + F.interpolate(low, scale_factor=2, mode="nearest")
        return out
