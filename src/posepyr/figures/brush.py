"""Shaded surfaces on pixels, and small drawings that ride on a body part."""

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from posepyr.figures.outline import Outline
from posepyr.figures.scene import Person
from posepyr.figures.textures import Colour
from posepyr.records import FloatArray, Pixels

SHIFT = 4
"""Bits of the drawing calls' fixed-point coordinates."""
Fixed = npt.NDArray[np.int32]
_UNIT = 1 << SHIFT
_SHRINK = -0.9
_MARGINS = np.array([0.4, _SHRINK])[:, None, None]
_ARC = np.linspace(0.0, np.pi, 7)[1:-1]
_ARC_COSINE, _ARC_SINE = np.cos(_ARC)[:, None], np.sin(_ARC)[:, None]


class Strokes(NamedTuple):
    """The strokes that paint each part of one person, chains first, then hulls. Points are in fixed point."""

    rims: list[Fixed]
    """The outline a little further out; of chains without round ends."""
    insides: list[Fixed]
    """The outline a little further in, round ends included."""
    windows: list[list[int]]
    """The rectangle of the picture that a part lies in: left, top, right, bottom; empty if it lies outside."""
    matrices: FloatArray
    """``P 2 3``: from a part's patch of cloth to its window."""
    balls: list[tuple[tuple[int, int, int], ...]]
    """Circles that a chain too short for its outline needs: x, y, radius."""


def plan(
    outline: Outline,
    axes: tuple[FloatArray, FloatArray],
    shapes: npt.NDArray[np.int64],
    sun: tuple[float, float],
    size: int,
) -> Strokes:
    """Plan all of a person's strokes at once.

    ``axes`` are the lines, ``P 2`` to ``P 2``, that surfaces follow; ``shapes``, ``P 2``, their widths and heights.
    """
    start, end = axes
    along = end - start
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / length[:, None]
    away = np.where(across @ np.array(sun) > 0.0, -1.0, 1.0)[:, None] * across
    chains, count = outline.chains, len(outline.chains)
    flank, forward = across[:count], along[:count] / length[:count, None]
    sides = _sides(chains, flank)
    hulls = outline.polygons(np.array([0.0, _SHRINK]))
    reach = np.empty(len(start))
    reach[:count] = chains[:, :, 2].max(axis=1)
    reach[count:] = np.abs(np.matmul(hulls[0] - start[count:, None], across[count:, :, None])).max(axis=(1, 2))
    lonely = (length[:count] < 1.3 * reach[:count]).tolist()
    hulls_fixed = fixed(hulls)
    windows = _windows(chains, hulls[0], size)
    return Strokes(
        [*fixed(sides[0]), *hulls_fixed[0]],
        [*fixed(_rounded_ends(chains, flank, forward, sides[1])), *hulls_fixed[1]],
        windows.tolist(),
        _matrices(start - windows[:, :2], along, away * reach[:, None], shapes),
        [_balls(chain) if alone else () for chain, alone in zip(chains, lonely, strict=True)],
    )


def paint_surface(canvas: Pixels, strokes: Strokes, part: int, patch: Pixels, rim: Colour) -> None:
    """Paint one part: a thin dark rim with smooth edges, and the shaded surface inside it."""
    left, top, right, bottom = strokes.windows[part]
    if left >= right or top >= bottom:
        return
    cv2.fillPoly(canvas, [strokes.rims[part]], rim, cv2.LINE_AA, SHIFT)
    mask = np.zeros((bottom - top, right - left), dtype=np.uint8)
    offset = (-left * _UNIT, -top * _UNIT)
    cv2.fillPoly(mask, [strokes.insides[part]], 255, cv2.LINE_8, SHIFT, offset)
    if part < len(strokes.balls):
        for x, y, radius in strokes.balls[part]:
            cv2.circle(canvas, (x, y), radius + 20, rim, -1, cv2.LINE_AA, SHIFT)
            cv2.circle(mask, (x - left * _UNIT, y - top * _UNIT), radius, 255, -1, cv2.LINE_8, SHIFT)
    surface = cv2.warpAffine(
        patch,
        strokes.matrices[part],
        (right - left, bottom - top),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_REFLECT,
    )
    cv2.copyTo(surface, mask, canvas[top:bottom, left:right])


@cache
def roundness(width: int) -> Pixels:
    """Return ``1 W 3``: light across a round surface, brightest at a third of the way from the lit side."""
    across = np.linspace(-0.98, 0.98, width)
    light = 0.60 * np.sqrt(1.0 - across**2) - 0.38 * across
    shade = np.round(255.0 * (0.42 + 0.58 * light / light.max()).clip(0.0, 1.0)).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(shade[None, :, None], (288, width, 3)))


def rounded(cloth: Pixels) -> Pixels:
    """Shade a piece of cloth, of at most 288 rows, as it looks around a limb; the lit side is its left."""
    light = roundness(cloth.shape[1])[: cloth.shape[0]]
    return np.asarray(cv2.multiply(cloth, light, scale=1.0 / 235.0), dtype=np.uint8)


def fixed(points: FloatArray) -> Fixed:
    """Return points as the fixed-point numbers that the drawing calls take."""
    return np.asarray(np.rint(points * _UNIT), dtype=np.int32)


def _sides(chains: FloatArray, flank: FloatArray) -> FloatArray:
    """Return ``2 C 10 2``: the flanks of limbs, ends cut off, a little further out and a little further in."""
    radii = np.maximum(chains[:, :, 2] + _MARGINS, 0.2)
    offsets = radii[..., None] * flank[:, None]
    sides = np.empty((2, len(chains), 10, 2))
    sides[:, :, :5] = chains[:, :, :2] + offsets
    sides[:, :, :4:-1] = chains[:, :, :2] - offsets
    return sides


def _rounded_ends(chains: FloatArray, flank: FloatArray, forward: FloatArray, sides: FloatArray) -> FloatArray:
    """Return ``C 20 2``: the same limbs with half circles at both ends."""
    sweep = _ARC_COSINE * flank[:, None] + _ARC_SINE * forward[:, None]
    radii = np.maximum(chains[:, :, 2] + _SHRINK, 0.2)
    far = chains[:, -1:, :2] + radii[:, -1, None, None] * sweep
    near = chains[:, :1, :2] - radii[:, 0, None, None] * sweep
    return np.concatenate([sides[:, :5], far, sides[:, 5:], near], axis=1)


def _windows(chains: FloatArray, hulls: FloatArray, size: int) -> npt.NDArray[np.int64]:
    radii = chains[:, :, 2:] + 1.0
    low = np.concatenate([(chains[:, :, :2] - radii).min(axis=1), hulls.min(axis=1) - 1.0])
    high = np.concatenate([(chains[:, :, :2] + radii).max(axis=1), hulls.max(axis=1) + 2.0])
    return np.concatenate([low, high], axis=1).clip(0, size).astype(np.int64)


def _matrices(start: FloatArray, along: FloatArray, half: FloatArray, shapes: npt.NDArray[np.int64]) -> FloatArray:
    """Return affines from patches to windows: x across a part, y along it. A part seen end on keeps some length."""
    flat = np.abs(half[:, 0] * along[:, 1] - half[:, 1] * along[:, 0]) < 1.0
    quarter = np.stack([-half[:, 1], half[:, 0]], axis=1)
    along = np.where(flat[:, None], quarter, along)
    return np.stack([2.0 * half / shapes[:, :1], along / shapes[:, 1:], start - half], axis=2)


def _balls(chain: FloatArray) -> tuple[tuple[int, int, int], ...]:
    return tuple(
        (round(x * _UNIT), round(y * _UNIT), round(max(radius + _SHRINK, 0.2) * _UNIT))
        for x, y, radius in chain[[0, -1]].tolist()
    )


class Sketch(NamedTuple):
    """Named shapes in the axes of one body part."""

    node: str
    frame: str
    points: FloatArray
    """``N 3``: all shapes' points."""
    spans: dict[str, slice]
    """Where each shape's points are."""

    def on(self, person: Person, points: FloatArray | None = None) -> dict[str, Fixed]:
        """Return the shapes on somebody, ``name: N 2`` in the picture; ``points`` in place of the sketch's own."""
        flat = fixed(person.at(self.node, self.frame, self.points if points is None else points))
        return {name: flat[span] for name, span in self.spans.items()}


def sketch(node: str, frame: str, shapes: dict[str, npt.ArrayLike]) -> Sketch:
    """Gather shapes, each ``N 3``."""
    arrays = [np.asarray(shape, dtype=np.float64) for shape in shapes.values()]
    ends = np.cumsum([len(array) for array in arrays]).tolist()
    spans = {name: slice(end - len(array), end) for name, array, end in zip(shapes, arrays, ends, strict=True)}
    return Sketch(node, frame, np.concatenate(arrays), spans)


def fill(canvas: Pixels, corners: Fixed, colour: Colour, rim: Colour | None = None) -> None:
    """Fill a shape with one colour, with a line around it."""
    cv2.fillPoly(canvas, [corners], colour, cv2.LINE_AA, SHIFT)
    if rim is not None:
        cv2.polylines(canvas, [corners], True, rim, 1, cv2.LINE_AA, SHIFT)


def line(canvas: Pixels, points: Fixed, colour: Colour, width: int = 1, closed: bool = False) -> None:
    """Draw a line through points."""
    cv2.polylines(canvas, [points], closed, colour, width, cv2.LINE_AA, SHIFT)
