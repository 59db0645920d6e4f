import cv2
import numpy as np
import pytest
import torch

from posepyr import geometry
from posepyr.data.loading.augment import Augment
from posepyr.data.loading.dataset import Crops
from posepyr.data.loading.loader import SampleIndex, TrainingOrder
from posepyr.data.module import CropPlan, PoseDataModule
from posepyr.geometry import CropRule
from posepyr.nodes import build
from posepyr.records import PoseBatch, View
from posepyr.skeleton import Skeleton
from support.dots import SKELETON, Dots

RULE = CropRule((64, 48))
COLOUR = {"_target_": "albumentations.MultiplicativeNoise", "multiplier": [0.6, 1.4], "per_channel": True, "p": 1.0}


def augment(**changes: float) -> Augment:
    return Augment(colour=[build(COLOUR)], **changes)


def module(workers: int, **changes: object) -> PoseDataModule:
    turned = augment(rotation_probability=1.0)
    return PoseDataModule(
        source=Dots(),
        crops=CropPlan(SKELETON, turned),
        input_size=(64, 48),
        batch_size=4,
        workers=workers,
        seed=7,
        **changes,
    )


def epochs(workers: int, count: int = 3) -> list[list[PoseBatch]]:
    loader = module(workers).train_dataloader()
    sampler = loader.sampler
    assert isinstance(sampler, TrainingOrder)
    seen = []
    for epoch in range(count):
        sampler.set_epoch(epoch)
        seen.append(list(loader))
    return seen


def test_samples_depend_on_neither_workers_nor_repetition() -> None:
    alone, pair = epochs(0), epochs(2)
    for first, second in zip(alone, pair, strict=True):
        for one, other in zip(first, second, strict=True):
            for left, right in zip(one, other, strict=True):
                assert torch.equal(left, right)


@pytest.mark.parametrize("workers", [0, 2])
def test_processes_see_together_what_one_sees(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = epochs(0)
    shares = []
    for rank in range(2):
        monkeypatch.setattr(PoseDataModule, "_rank_and_world", lambda _, rank=rank: (rank, 2))
        shares.append(epochs(workers))
    monkeypatch.undo()
    for number, epoch in enumerate(whole):
        for batch, *parts in zip(epoch, *(share[number] for share in shares), strict=True):
            for field, *fields in zip(batch, *parts, strict=True):
                assert torch.equal(field, torch.cat(fields))


def test_no_draw_comes_back_in_another_epoch_or_sample() -> None:
    """Scale, angle and colours of every sample of three epochs are all different."""
    seen = [batch for epoch in epochs(0) for batch in epoch]
    affines = torch.cat([batch.to_image[..., :2].flatten(1) for batch in seen])
    assert len(affines.unique(dim=0)) == len(affines) == 36
    colours = torch.cat([batch.image.float().mean((2, 3)) for batch in seen])
    assert len(colours.unique(dim=0)) == 36


def test_a_sample_lies_where_its_affine_says() -> None:
    crops = Crops(Dots().split("train"), SKELETON, RULE, augment(), seed=1)
    for index in range(12):
        sample = crops[SampleIndex(0, index)]
        back = geometry.apply(sample.to_image, sample.keypoints.double())
        assert torch.allclose(back, sample.truth, atol=1e-4)


def test_mirrored_samples_swap_left_and_right() -> None:
    skeleton = Skeleton("sided", ("left_hip", "right_hip", "head_top"), flip_pairs=(("left_hip", "right_hip"),))
    crops = Crops(
        Dots().split("train"),
        skeleton,
        RULE,
        Augment(scale=0, rotation=0, rotation_probability=0, flip_probability=1.0),
    )
    plain = Crops(Dots().split("train"), skeleton, RULE)
    for index in range(12):
        sample, straight = crops[SampleIndex(0, index)], plain[SampleIndex(0, index)]
        expected = straight.keypoints[[1, 0, 2]] * torch.tensor([-1.0, 1.0]) + torch.tensor([47.0, 0.0])
        assert torch.allclose(sample.keypoints, expected, atol=1e-4)
        assert torch.equal(sample.visibility, straight.visibility[[1, 0, 2]])


def test_joints_outside_the_crop_are_told_from_those_inside() -> None:
    split = Dots().split("train")
    person = split[1]._replace(box=np.array([60.0, 60.0, 10.0, 10.0]))

    class Shifted:
        def __len__(self) -> int:
            return 1

        def __getitem__(self, _index: int):
            return person

        def view(self, annotation, scale):
            return split.view(annotation, scale)

    sample = Crops(Shifted(), SKELETON, RULE)[SampleIndex(0, 0)]
    assert not sample.inside.any()
    assert torch.equal(sample.visibility, torch.from_numpy(person.visibility))
    assert torch.equal(sample.labelled, torch.from_numpy(person.visibility))


def test_without_augmentation_every_showing_is_the_same() -> None:
    crops = Crops(Dots().split("val"), SKELETON, RULE)
    for left, right in zip(crops[SampleIndex(0, 3)], crops[SampleIndex(5, 3)], strict=True):
        assert torch.equal(left, right)


def test_evaluation_sees_everybody_once_in_order() -> None:
    batches = list(module(0).val_dataloader())
    assert torch.cat([batch.sample for batch in batches]).tolist() == list(range(12))


def test_one_setting_does_not_change_anothers_draws() -> None:
    person = Dots().split("train")[0]
    wide = augment(scale=0.4)(person, SKELETON, np.random.default_rng(3))
    narrow = augment(scale=0.1)(person, SKELETON, np.random.default_rng(3))
    assert (wide.rotation, wide.flip) == (narrow.rotation, narrow.flip)
    assert not np.array_equal(wide.box, narrow.box)


def test_augmentation_keeps_to_its_limits() -> None:
    person = Dots().split("train")[0]
    generator = np.random.default_rng(0)
    drawn = [augment()(person, SKELETON, generator) for _ in range(2000)]
    scales = np.array([one.box[2] / person.box[2] for one in drawn])
    angles = np.array([one.rotation for one in drawn])
    assert scales.min() == pytest.approx(0.75)
    assert scales.max() == pytest.approx(1.25)
    assert np.abs(angles).max() <= 60
    assert np.mean(angles != 0) == pytest.approx(0.4, abs=0.05)
    assert np.mean([one.flip for one in drawn]) == pytest.approx(0.5, abs=0.05)
    centres = np.array([one.box[:2] + one.box[2:] / 2 for one in drawn])
    np.testing.assert_allclose(centres, np.tile(person.box[:2] + person.box[2:] / 2, (2000, 1)))


def test_a_skeleton_without_a_joint_of_the_data_is_refused() -> None:
    other = Skeleton("two", ("a", "b"))
    with pytest.raises(ValueError, match="has a, b; choose the skeleton of the data with skeleton="):
        PoseDataModule(source=Dots(), crops=CropPlan(other)).samples("val")


def test_a_part_of_a_picture_in_another_size_gives_the_same_crop() -> None:
    split = Dots().split("train")

    class Doubled:
        """Shows all but the left edge of every picture, each pixel four times as large."""

        def __len__(self) -> int:
            return len(split)

        def __getitem__(self, index: int):
            return split[index]

        def view(self, annotation, scale):
            pixels = split.view(annotation).pixels[:, 5:]
            return View(pixels.repeat(2, 0).repeat(2, 1), np.array([[2.0, 0, -9.5], [0, 2.0, 0.5]]))

    def smooth(crops: Crops) -> np.ndarray:
        return cv2.GaussianBlur(crops[SampleIndex(0, 4)].image.permute(1, 2, 0).numpy(), (0, 0), 2)

    # Repeated pixels are no linear interpolation, but the dots must not move.
    part, whole = smooth(Crops(Doubled(), SKELETON, RULE)), smooth(Crops(split, SKELETON, RULE))
    for joint in range(3):
        np.testing.assert_allclose(
            np.unravel_index(part[..., joint].argmax(), part.shape[:2]),
            np.unravel_index(whole[..., joint].argmax(), whole.shape[:2]),
            atol=1,
        )
    assert np.abs(part.astype(int) - whole).mean() < 2


def test_a_batch_is_made_of_its_samples() -> None:
    crops = Crops(Dots().split("train"), SKELETON, RULE, augment(), seed=4)
    draws = [SampleIndex(epoch, person) for epoch in range(2) for person in (3, 0, 7, 3)]
    for sample, draw in zip(crops.__getitems__(draws), draws, strict=True):
        for left, right in zip(sample, crops[draw], strict=True):
            assert torch.equal(left, right)


def test_pictures_are_asked_for_at_the_crops_scale_only_where_they_may_be_smaller() -> None:
    split, asked = Dots().split("train"), []

    class Noted:
        def __len__(self) -> int:
            return len(split)

        def __getitem__(self, index: int):
            return split[index]

        def view(self, annotation, scale):
            asked.append(scale)
            return split.view(annotation, scale)

    for decode in ("full", "fitting"):
        Crops(Noted(), SKELETON, RULE, decode=decode)[SampleIndex(0, 2)]
    # Boxes are 48 x 48, widened to 48 x 64 and padded by a quarter: 48 crop pixels of 48 x 1.25, 64 of 64 x 1.25.
    assert asked == [1.0, pytest.approx(0.8)]
    made = PoseDataModule(source=Dots(), crops=CropPlan(SKELETON, augment()), input_size=(64, 48))
    assert made.samples("train", augment=True).decode == "fitting"
    assert made.samples("val").decode == made.samples("train").decode == "full"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flip_probability": 1.5}, r"flip_probability must lie between 0 and 1, got 1\.5"),
        ({"scale": 1.0}, r"scale must lie between 0 and 1, got 1\.0"),
    ],
)
def test_impossible_augmentation_is_refused(changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        Augment(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, r"batch_size must be positive, got 0"),
        ({"workers": -1}, r"workers must not be negative, got -1"),
        ({"decode": "half"}, r"decode must be fitting or full, got half"),
        ({"input_size": (0, 5)}, r"input_size must be \(height, width\)"),
    ],
)
def test_impossible_loading_is_refused(changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        PoseDataModule(source=Dots(), crops=CropPlan(SKELETON), **changes)
