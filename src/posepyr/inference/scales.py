"""Heatmaps of one person's crops at several scales, averaged where they lie in the picture."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from posepyr import geometry
from posepyr.codec import Codec
from posepyr.inference.found import Found

MOST_PIXELS = 768
"""Side beyond which a person's region is averaged at less than the picture's resolution."""


def find_in_picture(heatmaps: Tensor, to_image: Tensor, codec: Codec, input_size: tuple[int, int]) -> Found:
    """The joints of one person, in image pixels.

    ``heatmaps`` are ``S K h w``, of crops whose affines to the picture are ``to_image`` ``S 2 3``. Every heatmap is
    resized to its crop's place in the picture, they are averaged, and each joint's highest pixel is its place, as in
    PyraNet's release. What a crop does not show counts as 0 there. A region of more than 768 pixels is averaged at
    less than the picture's resolution.
    """
    corner, step, (rows, columns) = _frame(to_image, input_size)
    x = corner[0] + step * torch.arange(columns, device=heatmaps.device, dtype=torch.float64)
    y = corner[1] + step * torch.arange(rows, device=heatmaps.device, dtype=torch.float64)
    places = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)  # rows columns 2
    mean = _mean(heatmaps, to_image, places, codec, input_size)
    height, cell = codec.raised(mean).flatten(1).max(-1)
    keypoints = places.flatten(0, 1)[cell]
    return Found(keypoints[None], height.clamp(0, 1)[None], codec.visibility(mean[None]))


def _frame(to_image: Tensor, input_size: tuple[int, int]) -> tuple[Tensor, float, tuple[int, int]]:
    """The part of the picture that any crop shows: its first pixel, its pixels' size, and how many there are."""
    height, width = input_size
    corners = to_image.new_tensor([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]])
    shown = geometry.apply(to_image, corners.expand(len(to_image), 4, 2)).flatten(0, 1)
    low, high = shown.amin(0).floor(), shown.amax(0).ceil()
    extent = high - low
    step = max(1.0, float(extent.max()) / MOST_PIXELS)
    columns, rows = (math.floor(float(length) / step) + 1 for length in extent)
    return low, step, (rows, columns)


def _mean(heatmaps: Tensor, to_image: Tensor, places: Tensor, codec: Codec, input_size: tuple[int, int]) -> Tensor:
    """Mean ``K rows columns`` of the heatmaps at places ``rows columns 2`` of the picture."""
    rows, columns = heatmaps.shape[-2:]
    cells = places.new_tensor(codec.cells(input_size, (rows, columns)))
    last = places.new_tensor([columns - 1, rows - 1])
    total = heatmaps.new_zeros(heatmaps.shape[1], *places.shape[:2], dtype=torch.float32)
    for scale, affine in zip(heatmaps.float(), to_image.double(), strict=True):
        turn = torch.linalg.inv(affine[:, :2])
        in_crop = (places - affine[:, 2]) @ turn.mT
        # From -1 to 1 between the centres of the outermost cells.
        where = ((in_crop * cells - codec.middle) / last * 2 - 1).float()
        total += F.grid_sample(scale[None], where[None], mode="bilinear", padding_mode="zeros", align_corners=True)[0]
    return total / len(heatmaps)
