"""The crop cache: the same crops as without, whatever happens to the file."""

import logging
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from posepyr import geometry
from posepyr.data.loading import cache as cache_module
from posepyr.data.loading.augment import Augment
from posepyr.data.loading.cache import CropCache
from posepyr.data.loading.dataset import Crops
from posepyr.data.loading.loader import SampleIndex
from posepyr.data.module import CropPlan, PoseDataModule
from posepyr.data.sources.coco import Coco
from posepyr.files import format_bytes
from posepyr.geometry import CropRule
from posepyr.records import Annotation, View
from posepyr.skeleton import Skeleton
from support.dots import SKELETON, Dots, DotSplit

RULE = CropRule((64, 48))
AUGMENT = Augment(scale=0.3, rotation=40.0, rotation_probability=0.7, shift=0.1)


class Photographs(DotSplit):
    """Smooth pictures of 240 x 200 with people of many sizes, some beyond the edge; counts how often it is asked."""

    def __init__(self, people: int = 8) -> None:
        super().__init__(0, people, 200)
        self.asked = 0

    def __getitem__(self, index: int) -> Annotation:
        annotation = super().__getitem__(index)
        generator = np.random.default_rng(index)
        side = 15.0 * (index + 2)
        return annotation._replace(box=np.array([*generator.uniform(-20, 150, 2), side, 1.3 * side]))

    def view(self, annotation: Annotation, scale: float = 1.0) -> View:
        self.asked += 1
        rows, columns = np.mgrid[:240, :200]
        waves = [np.sin(rows / (9 + wave) + annotation.sample) * np.cos(columns / (11 - wave)) for wave in range(3)]
        return View((127 + 100 * np.stack(waves, -1)).astype(np.uint8), geometry.IDENTITY)


def cached(split: Photographs, folder: Path, augment: Augment | None = AUGMENT, rule: CropRule = RULE) -> CropCache:
    return CropCache(split, SKELETON, rule, augment, folder=folder)


def draws(people: int = 8, epochs: int = 3) -> list[SampleIndex]:
    return [SampleIndex(epoch, person) for epoch in range(epochs) for person in range(people)]


@pytest.mark.parametrize("augment", [AUGMENT, None])
def test_crops_are_the_same_as_without(tmp_path: Path, augment: Augment | None) -> None:
    split = Photographs()
    plain = Crops(split, SKELETON, RULE, augment)
    kept = Crops(cached(split, tmp_path, augment), SKELETON, RULE, augment)
    for draw in draws():
        one, other = plain[draw], kept[draw]
        for left, right in zip(one[1:], other[1:], strict=True):
            assert torch.equal(left, right)
        assert (one.image.float() - other.image.float()).abs().mean() < 2


def test_what_is_not_made_smaller_is_the_same_but_for_rounding(tmp_path: Path) -> None:
    split, rule = Photographs(), CropRule((512, 384))
    plain, kept = (
        Crops(split, SKELETON, rule, AUGMENT),
        Crops(cached(split, tmp_path, rule=rule), SKELETON, rule, AUGMENT),
    )
    for draw in draws(epochs=1):
        difference = (plain[draw].image.int() - kept[draw].image.int()).abs()
        # OpenCV's places have five fractional bits, and parts have other coordinates: a wave's slope times a 32nd.
        assert difference.max() <= 2


def test_on_real_pictures_the_difference_is_small(shared: Path, tmp_path: Path) -> None:
    source = Coco(str(shared / "data" / "coco_mini"), splits={"train": "train2017"})
    split = source.split("train")
    skeleton = Skeleton("coco", split.joints, lower_body=("left_hip", "left_knee", "left_ankle"))
    rule, augment = CropRule((64, 48)), Augment(scale=0.35, rotation=40.0, half_body=0.3)
    plain = Crops(split, skeleton, rule, augment, decode="fitting")
    store = CropCache(split, skeleton, rule, augment, folder=tmp_path)
    kept = Crops(store, skeleton, rule, augment, decode="fitting")
    differences = [
        float((plain[draw].image.float() - kept[draw].image.float()).abs().mean())
        for draw in [SampleIndex(epoch, person) for epoch in range(2) for person in range(0, 86, 3)]
    ]
    assert np.mean(differences) < 4.5


def test_the_picture_is_asked_for_once(tmp_path: Path) -> None:
    split = Photographs()
    crops = Crops(cached(split, tmp_path), SKELETON, RULE, AUGMENT)
    assert split.asked == 8  # all of a data set that is smaller than the sample
    for draw in draws():
        crops[draw]
    again = Photographs()
    crops = Crops(cached(again, tmp_path), SKELETON, RULE, AUGMENT)
    for draw in draws():
        crops[draw]
    assert (split.asked, again.asked) == (8, 0)


def test_it_fills_as_people_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "SAMPLED", 2)
    split = Photographs()
    store = cached(split, tmp_path)
    assert split.asked == store._filled().sum() == 2
    crops = Crops(store, SKELETON, RULE, AUGMENT)
    for person in range(5):
        crops[SampleIndex(0, person)]
    assert split.asked == store._filled().sum() == 6  # the first and the last were there


@pytest.mark.parametrize("seed", range(3))
def test_augmentation_keeps_within_its_reach(seed: int) -> None:
    skeleton = Skeleton("nine", tuple("abcdefghi"), lower_body=tuple("ghi"))
    generator = np.random.default_rng(seed)
    settings = generator.uniform([0.1, 10, 0], [0.6, 100, 0.3])
    augment = Augment(
        scale=settings[0],
        rotation=settings[1],
        rotation_probability=0.8,
        shift=settings[2],
        half_body=0.5,
        half_centre="middle" if seed == 2 else "mean",
        rotation_limit=170 * seed / 2,
    )
    for _ in range(300):
        points = generator.uniform(0, 300, (9, 2))
        person = Annotation(
            0, "", np.array([*points.min(0), *np.ptp(points, 0)]), points, np.full(9, 2, np.uint8)
        )  # fmt: skip
        reach = augment.reach(person, skeleton, RULE)
        drawn = augment(person, skeleton, generator)
        matrix = geometry.crop_matrix(drawn.box, RULE, drawn.rotation, drawn.flip)
        corners = np.array([[0.0, 0], [47, 0], [0, 63], [47, 63]])
        places = geometry.apply(geometry.invert(matrix), corners)
        assert (places >= np.array(reach[:2]) - 1e-9).all()
        assert (places <= np.array(reach[2:4]) + 1e-9).all()
        assert geometry.magnification(matrix) <= reach.scale * (1 + 1e-9)


@pytest.mark.parametrize(
    ("move", "grow", "rotation"), [([0, 0], 1.3, 20.0), ([-1, 0], 1.0, 0.0), ([0, 0.5], 1.0, 0.0), ([0, 0], 0.4, 0.0),
    ([0, 0], 1.6, 0.0), ([0, 0], 1.3, 50.0)],
)  # fmt: skip
def test_crops_beyond_the_reach_come_from_the_picture(
    tmp_path: Path, move: list[float], grow: float, rotation: float
) -> None:
    split = Photographs()
    store = cached(split, tmp_path, Augment(scale=0.3, rotation=10.0, rotation_probability=1.0))
    person = split[5]
    box = np.concatenate([person.box[:2] + np.array(move) * person.box[2:], grow * person.box[2:]])
    box[:2] += (1 - grow) / 2 * person.box[2:]
    within = rotation == 20.0
    view = store.view(person._replace(box=box, rotation=rotation))
    assert (view.pixels.shape[:2] == (240, 200)) is not within
    assert split.asked == 8 + (not within)


@pytest.mark.parametrize("hurt", ["pixels", "affine", "checksum"])
def test_what_was_half_written_is_written_again(tmp_path: Path, hurt: str) -> None:
    split = Photographs()
    expected = Crops(cached(split, tmp_path), SKELETON, RULE, AUGMENT)[SampleIndex(0, 3)].image
    [file] = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    record = 3 * cache_module._RECORD.size
    if hurt == "pixels":
        # As after a loss of power: a page that never reached the disk reads as zeros.
        start = int(cached(split, tmp_path)._starts[3])
        content[start + 64 : start + 600] = bytes(536)
    else:
        place = record + (8 if hurt == "affine" else cache_module._FIELDS.size)
        content[place] ^= 1
    file.write_bytes(bytes(content))
    again = Photographs()
    crops = Crops(cached(again, tmp_path), SKELETON, RULE, AUGMENT)
    assert again.asked == 1
    assert torch.equal(crops[SampleIndex(0, 3)].image, expected)
    assert file.read_bytes() != bytes(content)


def test_a_record_without_its_checksum_is_none(tmp_path: Path) -> None:
    """A process that is killed between the pixels and the checksum leaves an empty record."""
    split = Photographs()
    store = cached(split, tmp_path)
    with store.file.open("r+b") as stream:
        stream.seek(4 * cache_module._RECORD.size - 8)
        stream.write(bytes(8))
    assert store._filled().tolist() == [True, True, True, False, True, True, True, True]
    assert store._kept(3) is None


@pytest.mark.parametrize(
    "change",
    ["rule", "augment", "people", "box", "decode", "version"],
)
def test_other_content_is_another_file(tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    split = Photographs()
    first = cached(split, tmp_path).file
    assert cached(Photographs(), tmp_path).file == first
    if change == "version":
        monkeypatch.setattr(cache_module, "VERSION", 0)
        other = cached(split, tmp_path)
    elif change == "rule":
        other = cached(split, tmp_path, rule=CropRule((64, 48), 1.3))
    elif change == "augment":
        other = cached(split, tmp_path, Augment(scale=0.31, rotation=40.0, rotation_probability=0.7, shift=0.1))
    elif change == "people":
        other = cached(Photographs(7), tmp_path)
    elif change == "decode":
        other = CropCache(split, SKELETON, RULE, AUGMENT, folder=tmp_path, decode="full")
    else:
        boxed = Photographs.__getitem__
        monkeypatch.setattr(Photographs, "__getitem__", lambda *at: boxed(*at)._replace(box=boxed(*at).box + 1))
        other = cached(Photographs(), tmp_path)
    assert other.file != first


def test_a_picture_file_of_another_size_is_other_content(tmp_path: Path, picture_folder: Path) -> None:
    class OnDisk(Photographs):
        def __getitem__(self, index: int) -> Annotation:
            return super().__getitem__(index)._replace(image=str(picture_folder / "one.png"))

    first = cached(OnDisk(), tmp_path / "cache").file
    with (picture_folder / "one.png").open("ab") as stream:
        stream.write(b"more")
    assert cached(OnDisk(), tmp_path / "cache").file != first


def test_workers_share_one_file(tmp_path: Path) -> None:
    def module(folder: str | None, workers: int) -> PoseDataModule:
        return PoseDataModule(
            source=Dots(),
            crops=CropPlan(SKELETON, AUGMENT),
            input_size=(64, 48),
            batch_size=4,
            workers=workers,
            cache=folder,
        )

    batches = [list(module(folder, workers).train_dataloader()) for folder, workers in
               ((None, 0), (str(tmp_path), 2), (str(tmp_path), 0))]  # fmt: skip
    assert len(list(tmp_path.iterdir())) == 1
    for plain, filling, filled in zip(*batches, strict=True):
        assert torch.equal(filling.image, filled.image)
        # Noise, pixel by pixel: what is kept smaller shows other noise.
        assert (plain.image.float() - filled.image.float()).abs().mean() < 8
        assert torch.equal(plain.keypoints, filled.keypoints)


def test_another_process_opens_the_file_by_itself(tmp_path: Path) -> None:
    store = cached(Photographs(), tmp_path)
    sent = pickle.dumps(store)
    assert len(sent) < 10_000
    other = pickle.loads(sent)
    np.testing.assert_array_equal(other.view(store[2]).pixels, store.view(store[2]).pixels)
    assert other._split.asked == 8  # as it was when it was sent: nothing was asked of it since


def test_only_training_is_kept(tmp_path: Path) -> None:
    module = PoseDataModule(
        source=Dots(), crops=CropPlan(SKELETON, AUGMENT), input_size=(64, 48), workers=0, cache=str(tmp_path)
    )
    assert not isinstance(module.samples("val").split, CropCache)
    assert not list(tmp_path.iterdir())
    assert module.samples("train", augment=True).split is module.samples("train", augment=True).split


def test_its_size_is_told_and_must_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "posepyr"):
        store = cached(Photographs(), tmp_path)
    stored = sum(store.view(store[index]).pixels.size for index in range(8))
    assert f"{format_bytes(stored)}, 100% of it written" in caplog.text
    # The file has room for what lies outside of pictures, but the disk has not been charged for it.
    assert store.file.stat().st_size > stored
    assert store.file.stat().st_blocks * 512 < stored + 9 * 4096
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 0))
    cached(Photographs(), tmp_path)  # nothing is missing
    monkeypatch.setattr(cache_module, "SAMPLED", 1)
    with pytest.raises(ValueError, match=r"cache must have room for .* KiB, got 0 bytes free in .*other"):
        cached(Photographs(), tmp_path / "other")


def test_a_full_disk_and_a_closed_folder_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"cache must be a folder to write in.*file"):
        cached(Photographs(), tmp_path / "file" / "inner")

    class Full:
        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def seek(self, place: int) -> None:
            raise OSError(28, "No space left on device")

    opening = Path.open
    monkeypatch.setattr(Path, "open", lambda self, mode="r": Full() if mode == "r+b" else opening(self, mode))
    with pytest.raises(ValueError, match=r"cache must be writable and have room, got 'No space left on device'"):
        cached(Photographs(), tmp_path)
