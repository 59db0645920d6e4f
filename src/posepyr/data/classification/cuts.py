"""Cuts from a picture of any size to the pixels that a classifier is shown, in training and in evaluation."""

import math
from typing import Literal, Protocol

import cv2
import numpy as np

from posepyr.records import FloatArray, Pixels

TRIES = 10
"""Shapes that are sampled for a crop before the middle of the picture is taken."""


class Cut(Protocol):
    """Cuts pictures ``H W 3`` to ``size``, which is ``(height, width)``."""

    size: tuple[int, int]

    def random(self, picture: Pixels, generator: np.random.Generator) -> Pixels:
        """Cut for training: every number comes from ``generator``, always as many of them."""
        ...

    def central(self, picture: Pixels) -> Pixels:
        """Cut for evaluation: always the same."""
        ...

    def __str__(self) -> str:
        """Say what evaluation sees of a picture."""
        ...


class PaddedCut:
    """Small pictures of one size: padded, cut back to their size anywhere, mirrored by chance; evaluated as they are.

    ``fill`` is what the padding shows: ``reflection`` as for Wide ResNet, ``mean`` as for ResNeXt, which pads with
    zeros after the mean colour is subtracted. ``colour`` is that mean, from 0 to 255, red first.
    """

    def __init__(
        self,
        size: tuple[int, int] = (32, 32),
        *,
        padding: int = 4,
        fill: Literal["reflection", "mean"] = "reflection",
        flip_probability: float = 0.5,
        colour: tuple[int, int, int] = (125, 123, 114),
    ) -> None:
        _check_size(size)
        _check_probability(flip_probability)
        if not 0 <= padding < min(size):
            raise ValueError(f"padding must be from 0 to less than the picture's side, got {padding}")
        if fill not in ("reflection", "mean"):
            raise ValueError(f"fill must be reflection or mean, got {fill}")
        self.size, self.padding, self.fill = (size[0], size[1]), padding, fill
        self.flip_probability, self.colour = flip_probability, tuple(colour)

    def random(self, picture: Pixels, generator: np.random.Generator) -> Pixels:
        picture = self.central(picture)
        top, left = generator.integers(0, 2 * self.padding + 1, 2)
        flip = generator.random() < self.flip_probability
        padded = self._padded(picture)[top : top + self.size[0], left : left + self.size[1]]
        return padded[:, ::-1] if flip else padded

    def central(self, picture: Pixels) -> Pixels:
        if picture.shape[:2] != self.size:
            raise ValueError(
                f"size must be the pictures' own size, got {list(self.size)} for a picture of "
                f"{list(picture.shape[:2])}; pictures of many sizes take posepyr.data.classification.cuts.ResizedCut"
            )
        return picture

    def __str__(self) -> str:
        return "whole {}x{}".format(*self.size)

    def _padded(self, picture: Pixels) -> Pixels:
        border = (self.padding, self.padding)
        if self.fill == "reflection":
            return np.pad(picture, (border, border, (0, 0)), mode="reflect")
        height, width = self.size
        padded = np.empty((height + 2 * self.padding, width + 2 * self.padding, 3), np.uint8)
        padded[:] = self.colour
        padded[self.padding : self.padding + height, self.padding : self.padding + width] = picture
        return padded


class ResizedCut:
    """Pictures of many sizes: a part of random area and shape, resized and mirrored by chance; evaluated in the middle.

    As ImageNet's classifiers are trained since GoogLeNet: ``area`` is the part's share of the picture, ``aspect`` its
    width over its height. For evaluation the picture's shorter side becomes ``shorter`` pixels, of which the middle is
    cut; by default 256 for 224.
    """

    def __init__(
        self,
        size: tuple[int, int] = (224, 224),
        *,
        area: tuple[float, float] = (0.08, 1.0),
        aspect: tuple[float, float] = (3 / 4, 4 / 3),
        flip_probability: float = 0.5,
        shorter: int | None = None,
    ) -> None:
        _check_size(size)
        _check_probability(flip_probability)
        if not 0 < area[0] <= area[1] <= 1:
            raise ValueError(f"area must be two shares that grow, above 0 and up to 1, got {[*area]}")
        if not 0 < aspect[0] <= aspect[1]:
            raise ValueError(f"aspect must be two positive ratios that grow, got {[*aspect]}")
        self.size, self.area, self.aspect = (size[0], size[1]), area, aspect
        self.flip_probability = flip_probability
        self.shorter = round(max(size) * 256 / 224) if shorter is None else shorter
        if self.shorter < max(size):
            raise ValueError(f"shorter must be at least the longer side of size, got {self.shorter}")

    def random(self, picture: Pixels, generator: np.random.Generator) -> Pixels:
        areas = generator.uniform(*self.area, TRIES) * picture.shape[0] * picture.shape[1]
        aspects = np.exp(generator.uniform(math.log(self.aspect[0]), math.log(self.aspect[1]), TRIES))
        corner = generator.random(2)
        flip = generator.random() < self.flip_probability
        height, width = self._shape(picture.shape[0], picture.shape[1], np.sqrt(areas / aspects), aspects)
        top = int(corner[0] * (picture.shape[0] - height + 1))
        left = int(corner[1] * (picture.shape[1] - width + 1))
        part = _resized(picture[top : top + height, left : left + width], self.size)
        return part[:, ::-1] if flip else part

    def _shape(self, height: int, width: int, heights: FloatArray, aspects: FloatArray) -> tuple[int, int]:
        """Return the first sampled shape that fits in the picture, else the largest one of the nearest aspect."""
        for tried, aspect in zip(heights.tolist(), aspects.tolist(), strict=True):
            shape = max(1, round(tried)), max(1, round(tried * aspect))
            if shape[0] <= height and shape[1] <= width:
                return shape
        nearest = min(max(width / height, self.aspect[0]), self.aspect[1])
        return min(height, max(1, round(width / nearest))), min(width, max(1, round(height * nearest)))

    def central(self, picture: Pixels) -> Pixels:
        height, width = picture.shape[:2]
        factor = self.shorter / min(height, width)
        resized = _resized(
            picture, (max(self.shorter, round(height * factor)), max(self.shorter, round(width * factor)))
        )
        top, left = ((have - want) // 2 for have, want in zip(resized.shape, self.size, strict=False))
        return resized[top : top + self.size[0], left : left + self.size[1]]

    def __str__(self) -> str:
        return "middle {}x{} of shorter side {}".format(*self.size, self.shorter)


def _resized(picture: Pixels, size: tuple[int, int]) -> Pixels:
    """Average where pixels become fewer, interpolate where they become more."""
    shrinks = size[0] < picture.shape[0] or size[1] < picture.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized: Pixels = cv2.resize(picture, (size[1], size[0]), interpolation=method)  # type: ignore[assignment]  # OpenCV's stubs know no dtype
    return resized


def _check_size(size: tuple[int, int]) -> None:
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size must be (height, width) in pixels, got {[*size]}")


def _check_probability(value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"flip_probability must lie between 0 and 1, got {value}")
