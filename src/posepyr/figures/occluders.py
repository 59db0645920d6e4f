"""Objects that stand in front of people."""

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.figures import Draws
from posepyr.records import FloatArray

Kind = Literal["box", "pole", "ball", "plant", "table", "board"]
KINDS: tuple[Kind, ...] = ("box", "pole", "ball", "plant", "table", "board")

_TURN = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)
_LEAF = np.array([[0, 0], [0.12, 0.25], [0.16, 0.55], [0.1, 0.8], [0, 1], [-0.1, 0.8], [-0.16, 0.55], [-0.12, 0.25]])
_POT = np.array([[-0.45, 0.0], [0.45, 0.0], [0.34, 0.8], [-0.34, 0.8]])
_SQUARE = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])


class Thing(NamedTuple):
    """One object: convex polygons in picture pixels."""

    kind: Kind
    polygons: tuple[FloatArray, ...]

    def contains(self, points: FloatArray) -> npt.NDArray[np.bool_]:
        """``N``: which points it covers."""
        covered = np.zeros(len(points), dtype=np.bool_)
        for corners in self.polygons:
            edges = np.roll(corners, -1, axis=0) - corners
            away = points[:, None] - corners
            side = edges[:, 0] * away[:, :, 1] - edges[:, 1] * away[:, :, 0]
            covered |= (side >= 0.0).all(axis=1) | (side <= 0.0).all(axis=1)
        return covered


def draw_things(
    draws: Draws, difficulty: float, size: int, extent: tuple[float, float, float, float]
) -> tuple[Thing, ...]:
    """The objects before a person who covers ``extent``: none on easy pictures, up to two on hard ones."""
    left, top, right, bottom = extent
    things = []
    for probability in (0.55 * difficulty, 0.3 * max(0.0, 2.0 * difficulty - 1.0)):
        there, kind = draws.chance(probability), draws.pick(KINDS)
        x = draws.between(left, right)
        y = draws.between(top + 0.35 * (bottom - top), bottom + 0.05 * size)
        scale = size * draws.between(0.1, 0.17 + 0.1 * difficulty)
        middle = np.array([x, y])
        polygons = tuple(corners * scale + middle for corners in _SHAPES[kind](draws))
        if there:
            things.append(Thing(kind, polygons))
    return tuple(things)


def draw_cover(draws: Draws, size: int, place: FloatArray) -> Thing:
    """An object that hides a place wherever it is: the place lies anywhere in the inner part of it."""
    kind: Kind = draws.pick(("box", "ball"))
    reach = size * draws.between(0.16, 0.24)
    away = np.array([draws.between(-0.65, 0.65), draws.between(-0.65, 0.65)])
    corners = _turned(_SQUARE * 2.0, draws.around(0, 8)) if kind == "box" else _CIRCLE
    return Thing(kind, (reach * (corners + away) + place,))


def _box(draws: Draws) -> list[FloatArray]:
    return [_turned(_SQUARE * (draws.between(0.8, 1.5), 1.0), draws.around(0, 8))]


def _board(draws: Draws) -> list[FloatArray]:
    return [_turned(_SQUARE * (draws.between(3.0, 9.0), draws.between(0.25, 0.45)), draws.between(-90, 90))]


def _pole(draws: Draws) -> list[FloatArray]:
    return [_turned(_SQUARE * (draws.between(0.2, 0.4), 50.0), draws.around(0, 3))]


def _ball(draws: Draws) -> list[FloatArray]:
    return [_CIRCLE * draws.between(0.35, 0.7)]


def _plant(draws: Draws) -> list[FloatArray]:
    foot = np.array([0.0, 1.0])
    polygons = []
    for spread in (-65, -40, -18, 5, 25, 45, 70):
        length = draws.between(1.1, 2.1)
        polygons.append(_turned(_LEAF * (length * 0.8, length), 180 + draws.around(spread, 6)) + foot)
    polygons.append(_POT + foot)
    return polygons


def _table(draws: Draws) -> list[FloatArray]:
    width = draws.between(2.0, 3.2)
    leg = _SQUARE * (0.16, 12.0)
    legs = [leg + np.array([side * width * 0.42, 6.0]) for side in (-1.0, 1.0)]
    return [*legs, _SQUARE * (width, 0.22)]


def _turned(corners: FloatArray, degrees: float) -> FloatArray:
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.asarray(corners @ np.array([[cosine, sine], [-sine, cosine]]))


_SHAPES = {"box": _box, "board": _board, "pole": _pole, "ball": _ball, "plant": _plant, "table": _table}
