"""A small source in memory, for what writes and reads files."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from posepyr.geometry import IDENTITY
from posepyr.records import Annotation, Source, View
from posepyr.skeleton import Skeleton
from support.places import CONF


class Group:
    """Four people in three pictures of 96 x 128: the first two stand in the same one."""

    PICTURES = ("a", "a", "b", "c")

    def __init__(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self.people = [self._person(generator, index) for index in range(len(self.PICTURES))]
        self.seen: list[str] = []

    def _person(self, generator: np.random.Generator, index: int) -> Annotation:
        keypoints = np.column_stack([generator.uniform(20, 100, 16), generator.uniform(15, 80, 16)])
        visibility = np.array([0, 1, 2, 2] * 4, np.uint8)[generator.permutation(16)]
        box = np.array([15.25, 10.5, 90.0, 75.75])
        return Annotation(index, self.PICTURES[index], box, keypoints, visibility)

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, index: int, /) -> Annotation:
        return self.people[index]

    def view(self, annotation: Annotation, scale: float = 1.0) -> View:
        self.seen.append(annotation.image)
        # Smooth, so that a JPEG keeps it; red and blue differ, so that swapping them shows.
        across = np.linspace(0, 200, 128).astype(np.uint8)
        red, blue = np.tile(across, (96, 1)), np.tile(across[::-1], (96, 1))
        green = np.full_like(red, 10 * (ord(annotation.image) - 96))
        return View(np.stack([red, green, blue], axis=-1), IDENTITY)


class Groups(Source):
    """A source with other people in each split."""

    def __init__(self) -> None:
        self.splits = {name: Group(seed) for seed, name in enumerate(("train", "val", "test"))}

    def split(self, name: str) -> Group:
        return self.splits[name]


@pytest.fixture
def groups() -> Groups:
    return Groups()


@pytest.fixture(scope="session")
def mpii_skeleton() -> Skeleton:
    content = yaml.safe_load((CONF / "skeleton" / "mpii.yaml").read_text())
    return Skeleton(**{key: value for key, value in content.items() if key != "_target_"})


@pytest.fixture
def coco_content() -> dict[str, Any]:
    """A COCO file as data: one picture of 100 x 80, one person with two of three joints labelled."""
    return {
        "categories": [{"id": 1, "name": "person", "keypoints": ["nose", "left_hand", "right_hand"]}],
        "images": [{"id": 7, "file_name": "one.png", "height": 80, "width": 100}],
        "annotations": [
            {
                "id": 3,
                "image_id": 7,
                "category_id": 1,
                "iscrowd": 0,
                "area": 200.0,
                "bbox": [10, 20, 30, 40],
                "keypoints": [12, 22, 2, 0, 0, 0, 30.5, 50, 1],
            }
        ],
    }


@pytest.fixture
def picture_folder(tmp_path: Path) -> Path:
    """A folder with ``one.png``, 100 x 80, red."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "one.png"), np.full((80, 100, 3), (0, 0, 255), np.uint8))
    return folder
