"""Small drawings that ride on a body part: points in its axes, taken to the picture all at once."""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from posepyr.figures.brush import SHIFT, Fixed, fixed
from posepyr.figures.scene import Person
from posepyr.figures.textures import Colour
from posepyr.records import FloatArray, Pixels


class Sketch(NamedTuple):
    """Named shapes in the axes of one body part."""

    node: str
    frame: str
    points: FloatArray
    """``N 3``: all shapes' points."""
    spans: dict[str, slice]
    """Where each shape's points are."""

    def on(self, person: Person, points: FloatArray | None = None) -> dict[str, Fixed]:
        """The shapes on somebody, ``name: N 2`` in the picture; ``points`` in place of the sketch's own."""
        flat = fixed(person.at(self.node, self.frame, self.points if points is None else points))
        return {name: flat[span] for name, span in self.spans.items()}


def sketch(node: str, frame: str, shapes: dict[str, npt.ArrayLike]) -> Sketch:
    """Gather shapes, each ``N 3``."""
    arrays = [np.asarray(shape, dtype=np.float64) for shape in shapes.values()]
    ends = np.cumsum([len(array) for array in arrays]).tolist()
    spans = {name: slice(end - len(array), end) for name, array, end in zip(shapes, arrays, ends, strict=True)}
    return Sketch(node, frame, np.concatenate(arrays), spans)


def fill(canvas: Pixels, corners: Fixed, colour: Colour, rim: Colour | None = None) -> None:
    """A shape in one colour, with a line around it."""
    cv2.fillPoly(canvas, [corners], colour, cv2.LINE_AA, SHIFT)
    if rim is not None:
        cv2.polylines(canvas, [corners], True, rim, 1, cv2.LINE_AA, SHIFT)


def line(canvas: Pixels, points: Fixed, colour: Colour, width: int = 1, closed: bool = False) -> None:
    """A line through points."""
    cv2.polylines(canvas, [points], closed, colour, width, cv2.LINE_AA, SHIFT)
