"""The source of drawn people: every picture by its numbers alone."""

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from posepyr.figures.painter import paint
from posepyr.figures.scene import Scene, compose
from posepyr.geometry import IDENTITY
from posepyr.records import Annotation, Source, View
from posepyr.skeleton import MPII_JOINTS

SPLITS = ("train", "val", "test")

RECENT = 256
"""Scenes that a split remembers: a batch's."""


class Figures(Source):
    """Pictures of drawn people, without a download and without an end.

    A picture is a function of ``(seed, split, index)``: the same in any process, in any order, with any number of
    workers. ``difficulty`` goes from 0 (people who face the camera before a plain wall) to 1 (any direction, rare
    poses, crowds, objects in front, clutter, bad light). ``foreshortening`` is how near the camera comes, from 0
    (so far away that depth changes no size) to 1 (an outstretched hand larger than the head), and how often
    somebody reaches out. ``size`` is the side of the square pictures in pixels; ``train``, ``val`` and ``test``
    are the splits' lengths. ``covered`` names joints that an object stands before in every picture.
    """

    def __init__(
        self,
        difficulty: float = 0.5,
        *,
        foreshortening: float = 0.5,
        size: int = 256,
        train: int = 20000,
        val: int = 500,
        test: int = 1000,
        seed: int = 0,
        covered: Sequence[str] = (),
    ) -> None:
        for name, strength in (("difficulty", difficulty), ("foreshortening", foreshortening)):
            if not 0.0 <= strength <= 1.0:
                raise ValueError(f"{name} must be from 0 to 1, got {strength}")
        if not 32 <= size <= 2048:
            raise ValueError(f"size must be from 32 to 2048 pixels, got {size}")
        for name, number in (("train", train), ("val", val), ("test", test), ("seed", seed)):
            if number < 0:
                raise ValueError(f"{name} must not be negative, got {number}")
        for joint in covered:
            if joint not in MPII_JOINTS:
                raise ValueError(f"covered must hold some of {', '.join(MPII_JOINTS)}, got {joint}")
        self.difficulty, self.foreshortening, self.size, self.seed = difficulty, foreshortening, size, seed
        self.covered = tuple(covered)
        self._lengths = {"train": train, "val": val, "test": test}

    def split(self, name: str) -> "FigureSplit":
        """Return ``train``, ``val`` or ``test``, with different people in each."""
        if name not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {name!r}")
        return FigureSplit(self, name, self._lengths[name])


class FigureSplit:
    """One split's drawn people; see ``posepyr.records.Split``."""

    def __init__(self, figures: Figures, name: str, length: int) -> None:
        self.figures, self.name, self.length = figures, name, length
        # Whoever reads a batch's annotations asks for their pictures next; a scene is a pure function of its index.
        self._recent: dict[int, Scene] = {}
        self.joints = MPII_JOINTS
        self.measures: dict[str, npt.NDArray[Any]] = {}

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Annotation:
        if not 0 <= index < self.length:
            raise IndexError(f"index must be from 0 to {self.length - 1} in split {self.name!r}, got {index}")
        scene = self.scene(index)
        name = f"figures/{self.name}/{index:06d}"
        return Annotation(index, name, scene.box(), scene.person.joints, scene.visibility())

    def scene(self, index: int) -> Scene:
        """Return the scene of picture ``index``, before it is painted."""
        if index not in self._recent:
            figures = self.figures
            scene = compose(
                self._numbers(index), figures.difficulty, figures.foreshortening, figures.size, figures.covered
            )
            self._recent[index] = scene
            if len(self._recent) > RECENT:
                del self._recent[next(iter(self._recent))]
        return self._recent[index]

    def view(self, annotation: Annotation, scale: float = 1.0) -> View:
        """Paint the picture that the annotation lies in, always whole."""
        index = self._index(annotation.image)
        return View(paint(self.scene(index), self._numbers(index), self.figures.difficulty), IDENTITY)

    def _numbers(self, index: int) -> tuple[int, int, int]:
        return self.figures.seed, SPLITS.index(self.name), index

    def _index(self, image: str) -> int:
        prefix, _, number = image.rpartition("/")
        if prefix != f"figures/{self.name}" or not number.isdecimal() or int(number) >= self.length:
            raise ValueError(
                f"image must be a name such as 'figures/{self.name}/000000' below {self.length}, got {image!r}; "
                f"ask the split that made the annotation"
            )
        return int(number)
