"""The one path from crops to keypoints, in validation, testing and prediction alike: once, mirrored, at several scales.

With several scales the heatmaps of one person's crops are averaged where they lie in the picture.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posepyr import geometry
from posepyr.codec import Codec

MOST_PIXELS = 768
"""Side beyond which a person's region is averaged at less than the picture's resolution."""


class Found(NamedTuple):
    """Predicted joints of ``B`` people, still on the device."""

    keypoints: Tensor
    """``B K 2`` in image pixels."""
    scores: Tensor
    """``B K``: the heights of the peaks, which may lie above 1 or below 0."""
    visibility: Tensor | None
    """``B K``, VISIBLE or OCCLUDED; None where the codec does not read it."""


@dataclass(frozen=True)
class Protocol:
    """A crop is predicted once, or with ``flip`` also mirrored, and the heatmaps are averaged.

    With ``scales`` a person is cut several times, from a box so many times as large, and the heatmaps are averaged in
    the picture: PyraNet tests with 0.8, 0.9, 1.0, 1.1, 1.2 and 1.3. Validation while training, which chooses among
    weights, takes :meth:`single_scale`. With ``stages`` every supervised output of the network is scored beside the
    last.
    """

    flip: bool = True
    scales: Sequence[float] = (1.0,)
    stages: bool = False

    def __post_init__(self) -> None:
        if not self.scales or min(self.scales) <= 0:
            raise ValueError(f"scales must be one or more positive numbers, got {list(self.scales)}")

    def single_scale(self) -> "Protocol":
        """Return the same protocol with one crop a person: of several scales, the box's own takes their place."""
        return self if len(self.scales) == 1 else replace(self, scales=(1.0,))

    def heatmaps(
        self, model: nn.Module, codec: Codec, image: Tensor, flip_order: tuple[int, ...]
    ) -> tuple[Tensor, ...]:
        """Return heatmaps ``B K h w`` of crops ``B 3 H W``, by supervised output; the last is the prediction."""
        outputs: tuple[Tensor, ...] = model(image)
        wanted = outputs if self.stages else outputs[-1:]
        if not self.flip:
            return wanted
        mirrored: tuple[Tensor, ...] = model(codec.mirrored(image))[-len(wanted) :]
        height, width = image.shape[-2:]
        pairs = zip(wanted, mirrored, strict=True)
        return tuple(codec.merge_flipped(one, other, flip_order, (height, width)) for one, other in pairs)

    def find(
        self, model: nn.Module, codec: Codec, image: Tensor, to_image: Tensor, flip_order: tuple[int, ...]
    ) -> list[Found]:
        """Return keypoints in image pixels, by supervised output; the last is the prediction.

        ``image`` are crops ``B 3 H W`` and ``to_image`` their affines ``B 2 3``; with several scales each person's
        crops stand one after the other, and there are as many people as ``B`` over the scales.
        """
        height, width = image.shape[-2:]
        outputs = self.heatmaps(model, codec, image, flip_order)
        if len(self.scales) > 1:
            return [self._average(heatmaps, to_image, codec, (height, width)) for heatmaps in outputs]
        found = []
        for heatmaps in outputs:
            keypoints, scores = codec.decode(heatmaps, (height, width))
            keypoints_image = geometry.apply(to_image, keypoints.to(to_image.dtype))
            found.append(Found(keypoints_image, scores, codec.visibility(heatmaps)))
        return found

    def _average(self, heatmaps: Tensor, to_image: Tensor, codec: Codec, input_size: tuple[int, int]) -> Found:
        count = len(self.scales)
        maps_of = heatmaps.view(-1, count, *heatmaps.shape[1:])
        people = zip(maps_of, to_image.view(-1, count, 2, 3), strict=True)
        return concatenate([find_in_picture(maps, affines, codec, input_size) for maps, affines in people])


def concatenate(parts: Sequence[Found]) -> Found:
    """Return the people of all parts, one after the other."""
    visibility = [part.visibility for part in parts if part.visibility is not None]
    return Found(
        torch.cat([part.keypoints for part in parts]),
        torch.cat([part.scores for part in parts]),
        torch.cat(visibility) if visibility else None,
    )


def find_in_picture(heatmaps: Tensor, to_image: Tensor, codec: Codec, input_size: tuple[int, int]) -> Found:
    """Return the joints of one person, in image pixels, from crops at several scales.

    ``heatmaps`` are ``S K h w``, of crops whose affines to the picture are ``to_image`` ``S 2 3``. Every heatmap is
    resized to its crop's place in the picture, they are averaged, and the joint is at the highest pixel, as in
    PyraNet's release. Outside of its crop a heatmap counts as 0. A region of more than 768 pixels is averaged at less
    than the picture's resolution.
    """
    corner, step, (rows, columns) = _region(to_image, input_size)
    x = corner[0] + step * torch.arange(columns, device=heatmaps.device, dtype=torch.float64)
    y = corner[1] + step * torch.arange(rows, device=heatmaps.device, dtype=torch.float64)
    positions = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)  # rows columns 2
    mean = _mean(heatmaps, to_image, positions, codec, input_size)
    height, cell = codec.raised(mean).flatten(1).max(-1)
    keypoints = positions.flatten(0, 1)[cell]
    return Found(keypoints[None], height[None], codec.visibility(mean[None]))


def _region(to_image: Tensor, input_size: tuple[int, int]) -> tuple[Tensor, float, tuple[int, int]]:
    """Return the first pixel of the region that any crop shows, the step between its pixels, and their number."""
    height, width = input_size
    corners = to_image.new_tensor([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]])
    in_image = geometry.apply(to_image, corners.expand(len(to_image), 4, 2)).flatten(0, 1)
    low, high = in_image.amin(0).floor(), in_image.amax(0).ceil()
    extent = high - low
    step = max(1.0, float(extent.max()) / MOST_PIXELS)
    columns, rows = (math.floor(float(length) / step) + 1 for length in extent)
    return low, step, (rows, columns)


def _mean(heatmaps: Tensor, to_image: Tensor, positions: Tensor, codec: Codec, input_size: tuple[int, int]) -> Tensor:
    """Return the mean ``K rows columns`` of the heatmaps at positions ``rows columns 2`` of the picture."""
    rows, columns = heatmaps.shape[-2:]
    cells = positions.new_tensor(codec.cells(input_size, (rows, columns)))
    last = positions.new_tensor([columns - 1, rows - 1])
    total = heatmaps.new_zeros(heatmaps.shape[1], *positions.shape[:2], dtype=torch.float32)
    for heatmap, affine in zip(heatmaps.float(), to_image.double(), strict=True):
        turn = torch.linalg.inv(affine[:, :2])
        in_crop = (positions - affine[:, 2]) @ turn.mT
        # From -1 to 1 between the centres of the outermost cells.
        grid = ((in_crop * cells - codec.middle) / last * 2 - 1).float()
        total += F.grid_sample(heatmap[None], grid[None], mode="bilinear", padding_mode="zeros", align_corners=True)[0]
    return total / len(heatmaps)
