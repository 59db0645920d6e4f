"""A data set for tests: a bright dot for each joint, on noise."""

from typing import ClassVar

import numpy as np

from posepyr.geometry import IDENTITY
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, Annotation, Source, View
from posepyr.skeleton import Skeleton

SKELETON = Skeleton(
    "dots", ("left_hip", "right_shoulder", "head_top"), flip_pairs=(), limbs=(("left_hip", "right_shoulder"),),
    sigmas=(0.1, 0.1, 0.1), unit=("left_hip", "right_shoulder"),
)  # fmt: skip


class Dots(Source):
    """The same people in every split but for their number."""

    def __init__(self, people: int = 12, size: int = 80) -> None:
        self.people, self.size = people, size

    def split(self, name: str) -> "DotSplit":
        return DotSplit({"train": 0, "val": 1, "test": 2}[name], self.people, self.size)


class DotSplit:
    joints = SKELETON.joints
    measures: ClassVar = {}

    def __init__(self, number: int, people: int, size: int) -> None:
        self.number, self.people, self.size = number, people, size

    def __len__(self) -> int:
        return self.people

    def __getitem__(self, index: int) -> Annotation:
        generator = np.random.default_rng([self.number, index])
        keypoints = generator.uniform(0.25, 0.75, (3, 2)) * self.size
        visibility = np.array([VISIBLE, OCCLUDED if index % 4 == 0 else VISIBLE, VISIBLE], np.uint8)
        if index % 5 == 0:
            visibility[2] = NOT_LABELLED
        box = np.array([0.2, 0.2, 0.6, 0.6]) * self.size
        return Annotation(index, f"dots/{index}", box, keypoints, visibility)

    def view(self, annotation: Annotation, scale: float = 1.0) -> View:
        generator = np.random.default_rng([self.number, annotation.sample, 1])
        pixels = generator.integers(0, 90, (self.size, self.size, 3), np.uint8)
        for joint, (x, y) in enumerate(np.rint(annotation.keypoints).astype(int)):
            pixels[y - 2 : y + 3, x - 2 : x + 3, joint] = 255
        return View(pixels, IDENTITY)
