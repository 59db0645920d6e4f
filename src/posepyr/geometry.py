"""Boxes to crops and back: every coordinate change between a picture and what a network sees.

Coordinates are ``(x, y)`` with pixel centres at integers. A crop is one affine of the picture; keypoints go
through the same matrix, and predictions come back through its inverse. No other module computes one.

Affines of single samples are computed with Python's numbers: for six of them a call of NumPy takes longer than the
arithmetic, most of all just after a picture was decoded, when nothing of NumPy is in the processor's caches.
"""

import math
from typing import Literal, NamedTuple, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from torch import Tensor

from posepyr.records import FloatArray, Pixels

Grid = Literal["plain", "udp"]
Points = TypeVar("Points", Tensor, npt.NDArray[np.float64])


class CropRule(NamedTuple):
    """The rule by which a box becomes a crop: its size, its padding and its grid.

    ``grid`` defines the points between which the size of a crop is measured. ``plain`` maps the box's width on ``W``
    pixels, as the papers' releases do; ``udp`` maps it on the ``W - 1`` steps between the outermost pixel centres
    (Huang et al. 2020), which makes resizing and mirroring commute.
    """

    input_size: tuple[int, int]
    padding: float = 1.25
    grid: Grid = "plain"

    @property
    def span(self) -> tuple[int, int]:
        """Return the lengths on which the region's height and width are mapped, in crop pixels."""
        steps = 1 if self.grid == "udp" else 0
        return self.input_size[0] - steps, self.input_size[1] - steps


def fit(box: FloatArray, rule: CropRule) -> tuple[FloatArray, FloatArray]:
    """Return centre and extent ``(width, height)`` of the region to cut: the box, widened to the aspect, padded."""
    height, width = rule.span
    x, y, box_width, box_height = box.tolist()
    extent_width = max(box_width, box_height * width / height) * rule.padding
    centre = np.array([x + box_width / 2, y + box_height / 2])
    return centre, np.array([extent_width, extent_width * height / width])


def crop_matrix(box: FloatArray, rule: CropRule, rotation: float = 0.0, flip: bool = False) -> FloatArray:
    """Return the affine ``2 3`` from image pixels to crop pixels.

    ``rotation`` turns what is seen clockwise, in degrees, about the box's centre. ``flip`` mirrors the finished
    crop pixel on pixel, so that the crop of a flipped sample is exactly the flipped crop.
    """
    height, width = rule.span
    centre, extent = fit(box, rule)
    x, y = centre.tolist()
    scale = width / float(extent[0])
    angle = math.radians(rotation)
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    across = [cosine, -sine, width / 2 - cosine * x + sine * y]
    if flip:
        across = [-across[0], -across[1], rule.input_size[1] - 1 - across[2]]
    return np.array([across, [sine, cosine, height / 2 - sine * x - cosine * y]])


def enlarged(box: FloatArray, times: float) -> FloatArray:
    """Return a box about the same centre, so many times as wide and as high."""
    x, y, width, height = box.tolist()
    wide, high = width * times, height * times
    return np.array([x + (width - wide) / 2, y + (height - high) / 2, wide, high])


class Reach(NamedTuple):
    """The part of a picture that crops of a person can show, whatever the augmentation samples."""

    left: float
    top: float
    right: float
    bottom: float
    scale: float
    """The largest number of crop pixels per image pixel."""

    def join(self, other: "Reach") -> "Reach":
        """Return the smallest region that holds both."""
        low, high = map(min, self[:2], other[:2]), map(max, self[2:], other[2:])
        return Reach(*low, *high)


def reach(box: FloatArray, rule: CropRule, scale: float = 0.0, shift: float = 0.0, rotation: float = 0.0) -> Reach:
    """Return the reach of crops of a box under augmentation.

    The box is scaled by ``1 - scale`` to ``1 + scale``, turned by up to ``rotation`` degrees either way, and moved by
    up to ``shift`` of its sides.
    """
    centre, extent = fit(box, rule)
    x, y = centre.tolist()
    width, height = extent.tolist()
    # Turned by t, a width is as wide as width cos t + height sin t: most where tan t = height / width.
    limit = math.radians(rotation)
    flat, steep = min(limit, math.atan2(height, width)), min(limit, math.atan2(width, height))
    across = (1 + scale) / 2 * (width * math.cos(flat) + height * math.sin(flat)) + shift * float(box[2])
    down = (1 + scale) / 2 * (height * math.cos(steep) + width * math.sin(steep)) + shift * float(box[3])
    return Reach(x - across, y - down, x + across, y + down, rule.span[1] / (width * (1 - scale)))


def invert(matrix: FloatArray) -> FloatArray:
    """Return the inverse of an affine."""
    (a, b, x), (c, d, y) = matrix.tolist()
    area = a * d - b * c
    return np.array([[d / area, -b / area, (b * y - d * x) / area], [-c / area, a / area, (c * x - a * y) / area]])


IDENTITY = np.eye(2, 3)
"""The affine that changes nothing."""


def shrink(times: float) -> FloatArray:
    """Return the affine to a picture with ``times`` fewer pixels a side and the same outer edges."""
    middle = 0.5 / times - 0.5
    return np.array([[1 / times, 0.0, middle], [0.0, 1 / times, middle]])


def compose(outer: FloatArray, inner: FloatArray) -> FloatArray:
    """Return the affine that applies ``inner`` first and ``outer`` after it."""
    (a, b, x), (c, d, y) = outer.tolist()
    (e, f, u), (g, h, v) = inner.tolist()
    return np.array(
        [[a * e + b * g, a * f + b * h, a * u + b * v + x], [c * e + d * g, c * f + d * h, c * u + d * v + y]]
    )


def magnification(matrix: FloatArray) -> float:
    """Return the factor by which an affine enlarges lengths: the square root of its determinant."""
    (a, b, _), (c, d, _) = matrix.tolist()
    return math.sqrt(abs(a * d - b * c))


def apply(matrix: Points, points: Points) -> Points:
    """Return the points ``... K 2`` after affines ``... 2 3``; arrays or tensors."""
    return points @ matrix[..., :2].swapaxes(-1, -2) + matrix[..., None, :, 2]


def warp(pixels: Pixels, matrix: FloatArray, size: tuple[int, int]) -> Pixels:
    """Return the crop of ``size`` ``(height, width)`` under ``matrix``: bilinear, black outside the picture."""
    height, width = size
    crop: Pixels = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR)  # type: ignore[assignment]  # OpenCV's stubs allow any dtype
    return crop


def inside(points: FloatArray, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return the mask ``K`` of points ``K 2`` that lie on a pixel of a picture of ``size`` ``(height, width)``."""
    height, width = size
    x, y = points[..., 0], points[..., 1]
    within: npt.NDArray[np.bool_] = (x >= -0.5) & (y >= -0.5) & (x <= width - 0.5) & (y <= height - 0.5)
    return within
