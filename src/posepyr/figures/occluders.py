"""Objects that stand in front of people."""

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.figures import RandomStream
from posepyr.records import FloatArray

Kind = Literal["box", "pole", "ball", "plant", "table", "board"]
KINDS: tuple[Kind, ...] = ("box", "pole", "ball", "plant", "table", "board")

_TURN = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
_LEAF = np.array([[0, 0], [0.12, 0.25], [0.16, 0.55], [0.1, 0.8], [0, 1], [-0.1, 0.8], [-0.16, 0.55], [-0.12, 0.25]])
_POT = np.array([[-0.45, 0.0], [0.45, 0.0], [0.34, 0.8], [-0.34, 0.8]])
_SQUARE = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])


class Occluder(NamedTuple):
    """One object: convex polygons in picture pixels."""

    kind: Kind
    polygons: tuple[FloatArray, ...]

    def contains(self, points: FloatArray) -> npt.NDArray[np.bool_]:
        """Return a mask ``N`` of the points that it covers."""
        covered = np.zeros(len(points), dtype=np.bool_)
        for corners in self.polygons:
            edges = np.roll(corners, -1, axis=0) - corners
            away = points[:, None] - corners
            side = edges[:, 0] * away[:, :, 1] - edges[:, 1] * away[:, :, 0]
            covered |= (side >= 0.0).all(axis=1) | (side <= 0.0).all(axis=1)
        return covered


def sample_occluders(
    stream: RandomStream, difficulty: float, size: int, extent: tuple[float, float, float, float]
) -> tuple[Occluder, ...]:
    """Sample the objects before a person who covers ``extent``: none on easy pictures, up to two on hard ones."""
    left, top, right, bottom = extent
    occluders = []
    for probability in (0.55 * difficulty, 0.3 * max(0.0, 2.0 * difficulty - 1.0)):
        there, kind = stream.chance(probability), stream.pick(KINDS)
        x = stream.between(left, right)
        y = stream.between(top + 0.35 * (bottom - top), bottom + 0.05 * size)
        scale = size * stream.between(0.1, 0.17 + 0.1 * difficulty)
        middle = np.array([x, y])
        polygons = tuple(corners * scale + middle for corners in _SHAPES[kind](stream))
        if there:
            occluders.append(Occluder(kind, polygons))
    return tuple(occluders)


def sample_cover(stream: RandomStream, size: int, place: FloatArray) -> Occluder:
    """Sample an object that hides a place: the place lies anywhere in the inner part of it."""
    kind: Kind = stream.pick(("box", "ball"))
    reach = size * stream.between(0.16, 0.24)
    away = np.array([stream.between(-0.65, 0.65), stream.between(-0.65, 0.65)])
    corners = _turned(_SQUARE * 2.0, stream.around(0, 8)) if kind == "box" else _CIRCLE
    return Occluder(kind, (reach * (corners + away) + place,))


def _box(stream: RandomStream) -> list[FloatArray]:
    return [_turned(_SQUARE * (stream.between(0.8, 1.5), 1.0), stream.around(0, 8))]


def _board(stream: RandomStream) -> list[FloatArray]:
    return [_turned(_SQUARE * (stream.between(3.0, 9.0), stream.between(0.25, 0.45)), stream.between(-90, 90))]


def _pole(stream: RandomStream) -> list[FloatArray]:
    return [_turned(_SQUARE * (stream.between(0.2, 0.4), 50.0), stream.around(0, 3))]


def _ball(stream: RandomStream) -> list[FloatArray]:
    return [_CIRCLE * stream.between(0.35, 0.7)]


def _plant(stream: RandomStream) -> list[FloatArray]:
    foot = np.array([0.0, 1.0])
    polygons = []
    for spread in (-65, -40, -18, 5, 25, 45, 70):
        length = stream.between(1.1, 2.1)
        polygons.append(_turned(_LEAF * (length * 0.8, length), 180 + stream.around(spread, 6)) + foot)
    polygons.append(_POT + foot)
    return polygons


def _table(stream: RandomStream) -> list[FloatArray]:
    width = stream.between(2.0, 3.2)
    leg = _SQUARE * (0.16, 12.0)
    legs = [leg + np.array([side * width * 0.42, 6.0]) for side in (-1.0, 1.0)]
    return [*legs, _SQUARE * (width, 0.22)]


def _turned(corners: FloatArray, degrees: float) -> FloatArray:
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.asarray(corners @ np.array([[cosine, sine], [-sine, cosine]]))


_SHAPES = {"box": _box, "board": _board, "pole": _pole, "ball": _ball, "plant": _plant, "table": _table}
