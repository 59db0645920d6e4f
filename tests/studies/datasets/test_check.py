"""Whole data sets gone through: splits, pictures, counts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from posepyr.data.classification.cifar10 import Cifar10
from posepyr.data.classification.image_folder import ImageFolder
from posepyr.data.formats.people import People
from posepyr.data.sources.coco import Coco
from posepyr.data.sources.figures import Figures
from posepyr.data.sources.mixture import Mixture
from posepyr.records import PublishedCount, Source
from posepyr.skeleton import Skeleton
from posepyr.studies.datasets.check import DatasetCheck, check_labelled, check_poses, miscounts

SKELETON = Skeleton("small", ("nose", "neck"))
SIDE = 40


class Album(Source):
    """People in files: a picture each, with the split's own numbers for names."""

    def __init__(self, folder: Path, **pictures: list[str]) -> None:
        self.splits = {
            name: self.people(folder, names, {"crowds": 2} if name == "train" else {})
            for name, names in pictures.items()
        }
        folder.mkdir(exist_ok=True)
        for picture in {one for names in pictures.values() for one in names}:
            cv2.imwrite(str(folder / picture), np.full((SIDE, SIDE, 3), 100, np.uint8))

    @staticmethod
    def people(folder: Path, names: list[str], skipped: dict[str, int]) -> People:
        count = len(names)
        keypoints = np.tile([[10.0, 10], [20, 30]], (count, 1, 1)) + np.arange(count)[:, None, None] * 3
        boxes = np.tile([5.0, 5, 30, 30], (count, 1))
        visibility = np.full((count, 2), 2, np.uint8)
        return People(
            folder, SKELETON.joints, names, boxes=boxes, keypoints=keypoints, visibility=visibility, skipped=skipped
        )

    def split(self, name: str) -> People:
        if name not in self.splits:
            raise ValueError(f"split must be one of {', '.join(self.splits)}, got {name!r}")
        return self.splits[name]


def check(source: Any, **asked: Any) -> DatasetCheck:
    return check_poses(source, SKELETON, **asked)


def kinds(report: DatasetCheck) -> dict[str, list[str]]:
    return {found.kind: [f"{one.split}: {one.value}" for one in found.offenders] for found in report.findings}


def test_a_data_set_in_order(tmp_path: Path) -> None:
    report = check(Album(tmp_path / "a", train=["1.png", "2.png", "2.png"], val=["3.png"], test=["4.png"]))
    assert report.splits == {
        "train": {"people": 3, "pictures": 2, "left_out": {"crowds": 2}},
        "val": {"people": 1, "pictures": 1, "left_out": {}},
        "test": {"people": 1, "pictures": 1, "left_out": {}},
    }
    assert report.pictures == {"named": 4, "looked_at": 4, "decoded": 4}
    assert kinds(report) == {"people left out": ["train: 2 crowds"]}
    assert not report.has_errors


def test_splits_that_cannot_be_read_spoil_a_training(tmp_path: Path) -> None:
    album = Album(tmp_path / "a", train=["1.png"])
    report = check(album)
    assert kinds(report)["splits that cannot be read"] == [
        "val: split must be one of train, got 'val'", "test: split must be one of train, got 'test'"
    ]  # fmt: skip
    assert report.has_errors
    assert not check(album, names=["train"]).has_errors


def test_mistakes_in_a_source_are_not_taken_for_faults_of_the_data() -> None:
    class Broken(Source):
        def split(self, name: str) -> Any:
            raise TypeError("a mistake")

    with pytest.raises(TypeError, match="a mistake"):
        check(Broken())


def test_the_same_people_are_gone_through_once(tmp_path: Path) -> None:
    album = Album(tmp_path / "a", train=["1.png"], val=["2.png"], test=["2.png"])
    report = check(album)
    assert report.splits["test"] == {"same_as": "val"}
    assert report.pictures["named"] == 2
    # Other people in the same picture are not the same.
    album.splits["test"] = Album.people(tmp_path / "a", ["2.png", "2.png"], {})
    assert check(album).splits["test"] == {"people": 2, "pictures": 1, "left_out": {}}


def test_pictures_that_are_trained_on_and_tested_on(tmp_path: Path) -> None:
    report = check(Album(tmp_path / "a", train=["1.png", "2.png"], val=["2.png", "3.png"], test=["3.png", "1.png"]))
    [finding] = [found for found in report.findings if found.kind == "pictures in two splits"]
    assert [(one.split, Path(str(one.picture)).name) for one in finding.offenders] == [
        ("val", "2.png"), ("test", "1.png")
    ]  # fmt: skip
    assert not report.has_errors


def test_missing_and_broken_pictures_spoil_a_training(tmp_path: Path) -> None:
    album = Album(tmp_path / "a", train=["1.png", "2.png"], val=["2.png"], test=["3.png"])
    (tmp_path / "a" / "2.png").write_bytes(b"")
    (tmp_path / "a" / "3.png").unlink()
    report = check(album)
    found = {one.kind: one for one in report.findings}
    assert [(one.split, one.person) for one in found["pictures that cannot be read"].offenders] == [
        ("train", 1), ("val", 0)
    ]  # fmt: skip
    assert [(one.split, one.person) for one in found["pictures that are missing"].offenders] == [("test", 0)]
    assert report.has_errors
    assert not check(album, decode="none").has_errors


def test_sizes_of_pictures_reach_the_people_in_them(tmp_path: Path) -> None:
    album = Album(tmp_path / "a", train=["1.png"] * 12)
    # Everybody stands three pixels further on than the last, and the first one's neck is at 20, 30.
    report = check(album, names=["train"])
    outside = kinds(report)["joints outside their picture"]
    assert outside[0] == "train: neck at (32.0, 42.0) of 40 x 40"
    assert "joints outside their picture" not in kinds(check(album, names=["train"], decode="none"))


def test_a_skeleton_of_other_joints(tmp_path: Path) -> None:
    album = Album(tmp_path / "a", train=["1.png"])
    report = check_poses(album, Skeleton("more", ("nose", "tail")), ["train"])
    assert kinds(report)["joints of the skeleton that the data lacks"] == ["train: tail"]
    assert not report.has_errors
    report = check_poses(album, Skeleton("other", ("tail", "wing")), ["train"])
    assert kinds(report)["joints of another skeleton"] == ["train: nose, neck"]
    assert report.has_errors


def test_drawn_people_are_in_order() -> None:
    source = Figures(train=20, val=2, test=2, size=64)
    skeleton = Skeleton("drawn", source.split("train").joints)
    report = check_poses(source, skeleton, decode=5)
    assert not report.findings
    assert report.pictures == {"named": 24, "looked_at": 5, "decoded": 5}


def test_a_mixture_is_told_by_its_parts(tmp_path: Path) -> None:
    first = Album(tmp_path / "a", train=["1.png"], val=["2.png"], test=["2.png"])
    second = Album(tmp_path / "b", train=["1.png", "2.png"])
    mixture = Mixture({"one": first, "two": second}, SKELETON.joints)
    report = check(mixture)
    assert report.splits["train"] == {"people": 3, "pictures": 3, "left_out": {"crowds": 4}}
    assert kinds(report)["people left out"] == ["train: 2 crowds", "train: 2 crowds"]
    assert mixture.parts("train") == [first, second]
    assert mixture.parts("val") == [first]


class Published(Album):
    """With the counts that others report of COCO."""

    def published(self, name: str) -> Sequence[PublishedCount]:
        return Coco(splits={"test": "elsewhere"}).published(name)


def miscounted(source: Source, name: str) -> list[str]:
    return list(miscounts(source.published(name), source.split(name)))


def test_counts_are_held_against_the_published_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Published(tmp_path / "a", train=["1.png"], val=["2.png", "2.png"], test=["3.png"])
    assert miscounted(source, "train") == [
        "1 people, published 149,813 (the HRNet release, which leaves out the same people)"
    ]
    assert miscounted(source, "test") == [], "a split that nobody published a count of"
    detected = Coco(detections="boxes.json")
    assert detected.published("val") == (), "a detector's people are another matter"
    assert detected.published("train"), "who trains comes with joints all the same"
    monkeypatch.setattr(
        source, "published", lambda _: (PublishedCount(1, "people", "me"), PublishedCount(5, "people", "it"))
    )
    assert miscounted(source, "train") == []
    report = check(source, names=["val", "train"])
    assert not report.has_errors


def cifar(folder: Path, count: int) -> Cifar10:
    folder.mkdir()
    for name in [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]:
        records = np.zeros((count, 3073), np.uint8)
        records[:, 0] = np.arange(count) % 9
        (folder / name).write_bytes(records.tobytes())
    return Cifar10(str(folder))


def test_classes_are_counted(tmp_path: Path) -> None:
    report = check_labelled(cifar(tmp_path / "c", 18), decode=4)
    assert report.splits["train"]["pictures"] == 90
    assert report.splits["train"]["classes"]["airplane"] == 10
    assert report.splits["test"] == {"same_as": "val"}
    empty = [found for found in report.findings if found.kind == "classes without pictures"]
    # What is never shown is never learnt; what is not tested on is not scored.
    assert [(found.is_error, found.offenders[0][:2]) for found in empty] == [
        (True, ("train", "truck")), (False, ("val", "truck"))
    ]  # fmt: skip
    assert report.pictures == {"named": 108, "looked_at": 8, "decoded": 8}
    assert kinds(report)["other counts than published"] == ["train: 90 pictures, published 50,000 (Krizhevsky 2009)"]


def test_labelled_pictures_in_folders(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for label in ("cat", "dog"):
            (tmp_path / split / label).mkdir(parents=True)
            cv2.imwrite(str(tmp_path / split / label / "1.png"), np.zeros((5, 6, 3), np.uint8))
    source = ImageFolder(str(tmp_path))
    report = check_labelled(source)
    assert report.splits["val"] == {"pictures": 2, "classes": {"cat": 1, "dog": 1}}
    assert report.splits["test"] == {"same_as": "val"}
    assert not report.has_errors
    (tmp_path / "val" / "cat" / "1.png").write_bytes(b"no picture")
    report = check_labelled(source)
    assert report.has_errors
    [message] = kinds(report)["pictures that cannot be read"]
    assert "val/cat/1.png" in message
    assert check_labelled(source, ["train"]).findings[0].kind == "other counts than published"
