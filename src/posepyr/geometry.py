"""Boxes to crops and back: every coordinate change between a picture and what a network sees.

Coordinates are ``(x, y)`` with pixel centres at integers. A crop is one affine of the picture; keypoints go
through the same matrix, and predictions come back through its inverse. Nothing else in the library knows how.
"""

from typing import Literal, NamedTuple, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from torch import Tensor

from posepyr.records import FloatArray, Pixels

Grid = Literal["plain", "udp"]
Points = TypeVar("Points", Tensor, npt.NDArray[np.float64])


class CropRule(NamedTuple):
    """What turns a box into a crop.

    ``grid`` says what the size of a crop is measured between. ``plain`` maps the box's width on ``W`` pixels,
    as the papers' releases do; ``udp`` maps it on the ``W - 1`` steps between the outermost pixel centres
    (Huang et al. 2020), which makes resizing and mirroring commute.
    """

    input_size: tuple[int, int]
    padding: float = 1.25
    grid: Grid = "plain"

    @property
    def span(self) -> tuple[int, int]:
        """What the region's height and width are mapped on, in crop pixels."""
        steps = 1 if self.grid == "udp" else 0
        return self.input_size[0] - steps, self.input_size[1] - steps


def fit(box: FloatArray, rule: CropRule) -> tuple[FloatArray, FloatArray]:
    """Centre and extent ``(width, height)`` of the region to cut: the box, widened to the input's aspect, padded."""
    height, width = rule.span
    x, y, box_width, box_height = box
    centre = np.array([x + box_width / 2, y + box_height / 2])
    extent_width = max(box_width, box_height * width / height) * rule.padding
    return centre, np.array([extent_width, extent_width * height / width])


def crop_matrix(box: FloatArray, rule: CropRule, rotation: float = 0.0, flip: bool = False) -> FloatArray:
    """The affine ``2 3`` from image pixels to crop pixels.

    ``rotation`` turns what is seen clockwise, in degrees, about the box's centre. ``flip`` mirrors the finished
    crop pixel on pixel, so that the crop of a flipped sample is exactly the flipped crop.
    """
    height, width = rule.span
    centre, extent = fit(box, rule)
    scale = width / extent[0]
    angle = np.deg2rad(rotation)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([width, height]) / 2
    matrix = np.column_stack([turn, middle - turn @ centre])
    if flip:
        matrix[0] = -matrix[0]
        matrix[0, 2] += rule.input_size[1] - 1
    return matrix


def invert(matrix: FloatArray) -> FloatArray:
    """The affine that undoes ``matrix``."""
    inverse = np.linalg.inv(matrix[:, :2])
    return np.column_stack([inverse, -inverse @ matrix[:, 2]])


IDENTITY = np.eye(2, 3)
"""The affine that leaves everything where it is."""


def compose(outer: FloatArray, inner: FloatArray) -> FloatArray:
    """The affine that does ``inner`` first and ``outer`` after it."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def magnification(matrix: FloatArray) -> float:
    """How many pixels an affine makes of each one's side."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def apply(matrix: Points, points: Points) -> Points:
    """Points ``... K 2`` through affines ``... 2 3``; arrays or tensors."""
    return points @ matrix[..., :2].swapaxes(-1, -2) + matrix[..., None, :, 2]


def warp(pixels: Pixels, matrix: FloatArray, size: tuple[int, int]) -> Pixels:
    """The crop of ``size`` ``(height, width)`` under ``matrix``: bilinear, black outside the picture."""
    height, width = size
    crop: Pixels = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR)  # type: ignore[assignment]
    return crop


def inside(points: FloatArray, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Which points ``K 2`` lie on a pixel of a picture of ``size`` ``(height, width)``."""
    height, width = size
    x, y = points[..., 0], points[..., 1]
    within: npt.NDArray[np.bool_] = (x >= -0.5) & (y >= -0.5) & (x <= width - 0.5) & (y <= height - 0.5)
    return within
