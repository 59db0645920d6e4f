"""Timing how samples are made: what belongs to which step, and what is held against what."""

import itertools
import json
import time
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest
import torch

from posepyr import geometry
from posepyr.data.classification.cuts import PaddedCut
from posepyr.data.classification.labelled import LabelledPictures
from posepyr.data.loading.augment import Augment
from posepyr.data.loading.dataset import Crops
from posepyr.data.loading.loader import SampleIndex
from posepyr.data.module import CropPlan, PoseDataModule
from posepyr.data.sources.coco import Coco
from posepyr.geometry import CropRule
from posepyr.measurement import loading
from posepyr.measurement.loading import (
    Chunk,
    EndlessOrder,
    PictureKind,
    Stopwatch,
    measure_loader,
    measure_one_core,
    picture_kind,
    timed,
)
from posepyr.measurement.timing import Budget, Duration
from posepyr.records import Annotation, Pixels, Source, Split, View
from posepyr.skeleton import Skeleton

SKELETON = Skeleton("two", ("a", "b"))
RULE = CropRule((48, 32))
THRICE = Budget(0, 3, 60.0)


class Drawn:
    """Five people in grey pictures, each of which takes ``seconds``."""

    joints = SKELETON.joints
    measures: ClassVar[dict[str, Any]] = {}

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int, /) -> Annotation:
        keypoints = np.array([[10.0, 12.0], [20.0 + index, 30.0]])
        return Annotation(index, f"drawn/{index}", np.array([5.0, 5, 30, 40]), keypoints, np.full(2, 2, np.uint8))

    def view(self, annotation: Annotation, scale: float = 1.0) -> View:
        time.sleep(self.seconds)
        return View(np.full((60, 50, 3), 40 * annotation.sample, np.uint8), geometry.IDENTITY)


class Still(Source):
    def __init__(self, split: Split) -> None:
        self._split = split

    def split(self, name: str) -> Split:
        return self._split


class Labelled:
    """Five pictures of 32 x 32, each of which takes ``seconds``."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def __len__(self) -> int:
        return 5

    def picture(self, index: int) -> Pixels:
        time.sleep(self.seconds)
        return np.random.default_rng(index).integers(0, 256, (32, 32, 3), np.uint8)

    def label(self, index: int) -> int:
        return index % 2


@pytest.fixture
def on_disk(tmp_path: Path) -> Coco:
    """Four people in two JPEGs."""
    (tmp_path / "annotations").mkdir()
    (tmp_path / "train2017").mkdir()
    for number in range(2):
        noise = np.random.default_rng(number).integers(0, 256, (150, 120, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "train2017" / f"{number}.jpg"), noise)
    people = [
        {"id": number, "image_id": number % 2, "category_id": 1, "bbox": [20, 20, 60, 90], "keypoints": [30, 40, 2] * 2}
        for number in range(4)
    ]
    content = {
        "categories": [{"id": 1, "keypoints": ["a", "b"]}],
        "images": [{"id": number, "file_name": f"{number}.jpg"} for number in range(2)],
        "annotations": people,
    }
    (tmp_path / "annotations" / "person_keypoints_train2017.json").write_text(json.dumps(content))
    return Coco(str(tmp_path))


def test_a_stopwatch_adds_up_by_step() -> None:
    watch = Stopwatch()
    assert [watch.time("a", max, 1, 2), watch.time("b", lambda: time.sleep(0.01)), watch.time("a", max, 4, 3)] == [
        2,
        None,
        4,
    ]
    assert set(watch.spent) == {"a", "b"}
    assert watch.spent["b"].wall >= 0.01 > watch.spent["b"].processor


@pytest.mark.parametrize(
    "samples",
    [
        Crops(Drawn(), SKELETON, RULE, Augment(), seed=3, decode="fitting"),
        Crops(Drawn(), SKELETON, RULE),
        LabelledPictures(Labelled(), PaddedCut(), augment=True, seed=3),
        LabelledPictures(Labelled(), PaddedCut()),
    ],
)
def test_timing_changes_no_sample(samples: Crops | LabelledPictures) -> None:
    watch = Stopwatch()
    other = timed(samples, watch)
    assert len(other) == len(samples)
    for person in range(5):
        for left, right in zip(samples[SampleIndex(2, person)], other[SampleIndex(2, person)], strict=True):
            assert torch.equal(left, right)
    assert {"decode", "warp"} <= set(watch.spent) <= {"decode", "warp", "colour"}


@pytest.mark.parametrize("kind", [Crops, LabelledPictures])
def test_the_time_of_a_step_is_its_own(kind: type) -> None:
    samples = Crops(Drawn(0.02), SKELETON, RULE) if kind is Crops else LabelledPictures(Labelled(0.02), PaddedCut())
    found = measure_one_core(samples, 2, THRICE)
    steps = {name: step["wall"] for name, step in found["ms_a_sample"].items()}
    assert steps["decode"] >= 20
    assert steps["read"] == 0
    assert (found["rounds"], found["samples"]) == (3, 6)
    assert sum(steps.values()) == pytest.approx(1e3 / found["samples_per_second"]["wall"])
    assert min(steps.values()) >= 0
    assert found["baselines"] == {}


def test_files_are_held_against_plain_decoding(on_disk: Coco, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = Crops(on_disk.split("train"), SKELETON, RULE, Augment())
    read: list[str] = []
    decode = cv2.imread

    def slow(file: str) -> Any:
        read.append(file)
        time.sleep(0.02)
        return decode(file)

    monkeypatch.setattr(loading.cv2, "imread", slow)
    found = measure_one_core(samples, 3, THRICE)
    assert sorted(set(read)) == sorted({samples.split[index].image for index in range(4)})
    assert len(read) == 2 * 3 * 3  # alone and with a warp
    for baseline in found["baselines"].values():
        assert baseline["samples_per_second"]["wall"] <= 1 / 0.02
        assert baseline["rate_against_it"]["wall"]["median"] > 1
    assert found["ms_a_sample"]["read"]["wall"] > 0


def test_rates_and_ratios_are_those_of_the_turns() -> None:
    baseline, turns = [Duration(3.0, 2.0), Duration(6.0, 1.0)], [Duration(1.5, 1.0), Duration(1.5, 1.0)]
    assert loading._rates(baseline, 9) == {"wall": 2.0, "processor": 6.0}
    ratios = loading._rate_ratios(baseline, turns)
    assert ratios["wall"]["median"] == 3.0  # of 2 and 4: twice the time means half the rate
    assert ratios["processor"] == {"median": 1.5, "lower": 1.25, "upper": 1.75}


def test_reading_is_taken_out_of_decoding() -> None:
    watch = Stopwatch()
    watch.spent = {"decode": Duration(5.0, 4.0), "read": Duration(1.0, 0.5), "warp": Duration(2.0, 2.0)}
    steps = loading._step_times(watch, [Duration(6.0, 5.5), Duration(4.0, 2.5)], 5)
    assert {name: step["wall"] for name, step in steps.items()} == pytest.approx(
        {"read": 100, "decode": 400, "warp": 200, "colour": 0, "rest": 300}
    )
    assert sum(step["processor"] for step in steps.values()) == pytest.approx(800)


def test_everybody_is_shown_once_an_epoch_without_end() -> None:
    draws = list(itertools.islice(EndlessOrder(7, seed=1), 21))
    for epoch in range(3):
        part = draws[7 * epoch : 7 * epoch + 7]
        assert {draw.epoch for draw in part} == {epoch}
        assert sorted(draw.person for draw in part) == list(range(7))
    assert draws == list(itertools.islice(EndlessOrder(7, seed=1), 21))


def test_every_way_of_loading_sees_the_same_people(on_disk: Coco) -> None:
    samples = Crops(on_disk.split("train"), SKELETON, RULE, Augment(), seed=5)
    chunk = Chunk(samples, 3)
    for start in (0, 3):
        chunk.advance()
        expected = [samples.place(draw) for draw in itertools.islice(EndlessOrder(4), start, start + 3)]
        for one, other in zip(chunk._placed, expected, strict=True):
            np.testing.assert_array_equal(one.matrix, other.matrix)


def test_kinds_of_pictures_are_told_apart(on_disk: Coco, tmp_path: Path) -> None:
    split = on_disk.split("train")
    assert picture_kind(Crops(split, SKELETON, RULE)) == PictureKind(drawn=False, cached=False, on_disk=True)
    assert picture_kind(Crops(Drawn(), SKELETON, RULE)) == PictureKind(drawn=True, cached=False, on_disk=False)
    assert picture_kind(LabelledPictures(Labelled(), PaddedCut())) is None
    module = PoseDataModule(
        source=on_disk, crops=CropPlan(SKELETON, Augment()), input_size=(48, 32), cache=str(tmp_path / "cache")
    )
    cached = module.samples("train", augment=True)
    assert picture_kind(cached) == PictureKind(drawn=False, cached=True, on_disk=True)
    found = measure_one_core(cached, 4, THRICE)
    assert found["ms_a_sample"]["read"]["wall"] == 0
    assert set(found["baselines"]) == {"imread", "imread_and_warp"}


@pytest.mark.parametrize("workers", [0, 1])
def test_the_loaders_rate_is_that_of_its_batches(workers: int) -> None:
    data = PoseDataModule(
        source=Still(Drawn(0.01)), crops=CropPlan(SKELETON), input_size=(48, 32), batch_size=2, workers=workers
    )
    found = measure_loader(data, data.samples("train"), 0.1)
    assert found["workers"] == workers
    assert found["batches"] >= 1
    # Each sample takes a hundredth of a second at least, but a worker may be ahead by the batches it has prepared.
    assert found["samples_per_second"] <= 100 * (1 if workers == 0 else (found["batches"] + 4) / found["batches"])
    assert found["samples_per_second_a_worker"] == found["samples_per_second"]
