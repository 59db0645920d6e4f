"""MSSH once more, in plain tensor operations: written out from the paper and its readings, weights by name."""

from dataclasses import dataclass

import torch
from torch import Tensor

from support.naive_hourglass import MPII_MEAN, Blocks, hourglass
from support.naive_layers import max_pool, nearest, normalised
from support.weights import Weights, conv, norm_relu


@dataclass(frozen=True)
class Network:
    """MSSH of ``width`` channels; ``strides`` are those of its stages, ``depths`` the hourglasses' by stride."""

    blocks: Blocks
    joints: int
    width: int
    strides: tuple[int, ...]
    depths: dict[int, int]
    lateral: bool
    concatenated: bool

    def heatmaps(self, image: Tensor, w: Weights) -> list[Tensor]:
        """Section 3.2: each hourglass sees the output of the one before it and its own scale's features."""
        dispatched = self.dispatched(normalised(image, MPII_MEAN), w.at("preprocessing"))
        x = dispatched[self.strides[0]]
        found = []
        for stage, stride in enumerate(self.strides):
            y = hourglass(x, w.at(f"hourglasses.{stage}"), self.depths[stride], self.place, max_pool)
            y = self.features(y, w.at(f"features.{stage}"))
            found.append(conv(y, w.at(f"heads.{stage}"), self.joints, 1))
            if stage < len(self.strides) - 1:
                from_features = conv(y, w.at(f"merge_features.{stage}"), self.width, 1)
                x = x + from_features + conv(found[-1], w.at(f"merge_heatmaps.{stage}"), self.width, 1)
                after = self.strides[stage + 1]
                x = self.fused(enlarged(x, stride, after), dispatched[after], w.at(f"fusions.{stage}"))
        return found

    def place(self, x: Tensor, w: Weights, level: int, role: str) -> Tensor:
        return self.blocks.at(level, role)(x, w, self.width)

    def features(self, y: Tensor, w: Weights) -> Tensor:
        """A block, then 1x1-BN-ReLU."""
        y = conv(self.blocks.outside(y, w.at("0"), self.width), w.at("1"), self.width, 1)
        return norm_relu(y, w.at("2.0"))

    def fused(self, before: Tensor, features: Tensor, w: Weights) -> Tensor:
        """The sum, or side by side and BN-ReLU-1x1 (section 5.2.4)."""
        if not self.concatenated:
            return before + features
        both = torch.cat([before, features], dim=1)
        return conv(norm_relu(both, w.at("reduce.0.0")), w.at("reduce.1"), self.width, 1)

    def dispatched(self, image: Tensor, w: Weights) -> dict[int, Tensor]:
        """The maps by stride: 7x7-BN-ReLU, halving; a block at each size, max pooling between; a block to each stage's.

        With lateral connections BN-ReLU-1x1 after that block, and each map adds the next smaller one, enlarged.
        """
        block, inner = self.blocks.outside, self.width // 2
        x = norm_relu(conv(image, w.at("stem.0"), self.width // 4, 7, stride=2), w.at("stem.1.0"))
        maps = {2: block(x, w.at("trunk.2"), inner)}
        for stride in (4, 8):
            if stride <= max(self.strides):
                maps[stride] = block(max_pool(maps[stride // 2]), w.at(f"trunk.{stride}"), inner)
        wanted = [stride for stride in maps if stride >= min(self.strides)] if self.lateral else {*self.strides}
        maps = {stride: block(maps[stride], w.at(f"branches.{stride}"), self.width) for stride in wanted}
        return self.connected(maps, w.at("laterals")) if self.lateral else maps

    def connected(self, maps: dict[int, Tensor], w: Weights) -> dict[int, Tensor]:
        maps = {
            stride: conv(norm_relu(x, w.at(f"{stride}.0.0")), w.at(f"{stride}.1"), self.width, 1)
            for stride, x in maps.items()
        }
        for stride in (4, 2):
            if stride in maps and 2 * stride in maps:
                maps[stride] = maps[stride] + nearest(maps[2 * stride])
        return maps


def enlarged(x: Tensor, stride: int, after: int) -> Tensor:
    """Twice as large, once for each time the stride halves."""
    while stride > after:
        x, stride = nearest(x), stride // 2
    return x
