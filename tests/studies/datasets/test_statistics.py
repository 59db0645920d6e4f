"""Data sets in figures, against numbers that the test counts in its own way."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from posepyr.data.classification.image_folder import ImageFolder
from posepyr.data.formats.people import People
from posepyr.records import Source
from posepyr.skeleton import Skeleton
from posepyr.studies.datasets.statistics import labelled_statistics, percentiles, pose_statistics

SKELETON = Skeleton("small", ("nose", "neck", "tail"), unit=("nose", "neck"))


class Two(Source):
    """Four people in two pictures of 10 x 20 and 30 x 20."""

    def __init__(self, folder: Path) -> None:
        for name, height in (("a.png", 10), ("b.png", 30)):
            cv2.imwrite(str(folder / name), np.zeros((height, 20, 3), np.uint8))
        self.people = People(
            folder,
            ("neck", "nose"),
            ["a.png", "b.png", "a.png", "a.png"],
            boxes=np.array([[0, 0, 10, 20], [0, 0, 30, 20], [0, 0, 10, 40], [0, 0, 10, 0.0]]),
            keypoints=np.zeros((4, 2, 2)),
            visibility=np.array([[2, 1], [2, 0], [0, 0], [1, 2]], np.uint8),
            measures={"head_size": np.array([3.0, np.nan, 0.0, 1.0])},
        )

    def split(self, name: str) -> Any:
        if name == "empty":
            return self.people.only(np.zeros(4, np.bool_))
        return self.people


@pytest.fixture
def figures(tmp_path: Path) -> dict[str, Any]:
    return pose_statistics(Two(tmp_path), SKELETON, "train")


def test_people_and_pictures(figures: dict[str, Any]) -> None:
    assert (figures["people"], figures["pictures"]) == (4, 2)
    assert figures["people_in_a_picture"]["mean"] == 2
    assert (figures["people_in_a_picture"]["p0"], figures["people_in_a_picture"]["p100"]) == (1, 3)
    assert figures["labelled_joints_of_a_person"]["mean"] == (2 + 1 + 0 + 2) / 4


def test_joints_are_the_skeleton_s(figures: dict[str, Any]) -> None:
    assert figures["joints"] == {
        "nose": {"visible": 0.25, "occluded": 0.25, "not_labelled": 0.5},
        "neck": {"visible": 0.5, "occluded": 0.25, "not_labelled": 0.25},
        "tail": {"visible": 0.0, "occluded": 0.0, "not_labelled": 1.0},
    }


def test_boxes(figures: dict[str, Any]) -> None:
    assert figures["boxes"]["width"]["mean"] == 15
    assert figures["boxes"]["height"]["p100"] == 40
    # Without the one that has no height.
    assert figures["boxes"]["width_by_height"]["mean"] == pytest.approx((0.5 + 1.5 + 0.25) / 3)


def test_what_scores_can_be_taken(figures: dict[str, Any]) -> None:
    assert figures["units"] == {"pck": 0.5, "pckh": 0.5, "oks": 0.0}


def test_sizes_of_pictures(figures: dict[str, Any]) -> None:
    sizes = figures["picture_sizes"]
    assert sizes["known"] == 2
    assert sizes["commonest"] == {"10x20": 1, "30x20": 1}
    assert (sizes["height"]["mean"], sizes["width"]["mean"]) == (20, 20)


def test_a_split_with_nobody_in_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--split must name a split with somebody in it, got empty"):
        pose_statistics(Two(tmp_path), SKELETON, "empty")


def test_percentiles_of_a_known_distribution() -> None:
    found = percentiles(np.arange(101))
    assert found == {"mean": 50, "p0": 0, "p5": 5, "p25": 25, "p50": 50, "p75": 75, "p95": 95, "p100": 100}
    assert percentiles(np.zeros(0)) == {}


def test_classes(tmp_path: Path) -> None:
    for place in ("train/cat/1.png", "train/cat/2.png", "train/dog/1.png", "val/dog/1.png"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / place), np.zeros((8, 9, 3), np.uint8))
    figures = labelled_statistics(ImageFolder(str(tmp_path)), "train")
    assert figures["pictures"] == 3
    assert figures["classes"] == {"cat": 2, "dog": 1}
    assert figures["pictures_in_a_class"]["mean"] == 1.5
    assert figures["picture_sizes"]["commonest"] == {"8x9": 3}
