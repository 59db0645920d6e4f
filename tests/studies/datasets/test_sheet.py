"""Sheets: what is on them is what a network is shown."""

import numpy as np
import pytest
import torch

from posepyr import draw, geometry
from posepyr.codec import Codec
from posepyr.data.loading.augment import Augment
from posepyr.data.loading.dataset import Crops
from posepyr.data.loading.loader import SampleIndex
from posepyr.data.sources.figures import Figures
from posepyr.geometry import CropRule
from posepyr.skeleton import Skeleton
from posepyr.studies.datasets.sheet import SheetOptions, mirrored, pose_sheet, sample_numbers

JOINTS = Figures(size=64).split("train").joints
PAIRS = tuple((joint, joint.replace("left", "right")) for joint in JOINTS if joint.startswith("left"))
SKELETON = Skeleton("drawn", JOINTS, flip_pairs=PAIRS, limbs=(("neck", "head_top"),))
SIDE, GAP, BAND = 64, 6, 22


def crops(augment: Augment | None = None, grid: geometry.Grid = "udp") -> Crops:
    split = Figures(train=30, size=64).split("train")
    return Crops(split, SKELETON, CropRule((64, 64), 1.25, grid), augment)


def tile(sheet: np.ndarray, column: int, row: int = 0) -> np.ndarray:
    top, left = GAP + row * (SIDE + BAND + GAP), GAP + column * (SIDE + GAP)
    return sheet[top : top + SIDE, left : left + SIDE]


def test_a_tile_is_the_sample_with_its_joints() -> None:
    sheet = pose_sheet(crops(), [3], Codec(), "train", SheetOptions(SIDE))
    sample = crops()[SampleIndex(0, 3)]
    expected = draw.draw_pose(
        sample.image.permute(1, 2, 0).numpy(), sample.keypoints.numpy(), SKELETON, (sample.visibility > 0).numpy()
    )
    np.testing.assert_array_equal(tile(sheet, 0), expected)


@pytest.mark.parametrize("augment", [None, Augment(rotation_probability=1.0, shift=0.1)])
def test_mirrored_people_are_mirror_images(augment: Augment | None) -> None:
    """On the UDP grid mirroring is exact: pixels turn round, and joints trade places with their partners."""
    for person in range(4):
        sample, mirror = crops(augment)[SampleIndex(0, person)], mirrored(crops(augment), person)
        apart = (mirror.image.flip(-1).int() - sample.image.int()).abs()
        assert apart.float().mean() < 1
        order = list(SKELETON.flip_order)
        torch.testing.assert_close(mirror.visibility, sample.visibility[order])
        torch.testing.assert_close(mirror.keypoints[:, 1], sample.keypoints[order, 1], atol=1e-3, rtol=0)
        torch.testing.assert_close(mirror.keypoints[:, 0], 63 - sample.keypoints[order, 0], atol=1e-3, rtol=0)


def test_targets_glow_where_the_joints_are() -> None:
    sheet = pose_sheet(crops(), [0], Codec(sigma=1), "train", SheetOptions(SIDE, targets=True))
    sample = crops()[SampleIndex(0, 0)]
    glow = tile(sheet, 1).astype(int) - (sample.image.permute(1, 2, 0).numpy() * 0.45).astype(int)
    places = sample.keypoints[sample.visibility > 0].round().int().tolist()
    assert min(glow[y, x].max() for x, y in places) > 60
    far = np.ones((SIDE, SIDE), bool)
    for x, y in places:
        far[max(0, y - 20) : y + 21, max(0, x - 20) : x + 21] = False
    assert far.any()
    assert np.abs(glow[far]).max() <= 1


def test_joints_that_are_not_labelled_have_no_target() -> None:
    blind = crops()
    blind.split = _Unlabelled(blind.split)
    sheet = pose_sheet(blind, [0], Codec(), "train", SheetOptions(SIDE, targets=True, names=True))
    pixels = blind[SampleIndex(0, 0)].image.permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(tile(sheet, 0), pixels)
    assert np.abs(tile(sheet, 1).astype(int) - pixels * 0.45).max() <= 1


class _Unlabelled:
    def __init__(self, split: object) -> None:
        self._split = split

    def __getattr__(self, name: str) -> object:
        return getattr(self._split, name)

    def __getitem__(self, index: int) -> object:
        annotation = self._split[index]  # type: ignore[index]
        return annotation._replace(visibility=np.zeros_like(annotation.visibility))


def test_names_are_written_beside_joints() -> None:
    plain, named = (
        pose_sheet(crops(), [2], Codec(), "train", SheetOptions(256, names=names)).astype(int)
        for names in (False, True)
    )
    assert plain.shape == named.shape
    assert (plain != named).any(axis=-1).mean() > 0.01


def test_people_of_a_row_stay_together() -> None:
    wish = SheetOptions(SIDE, mirrored=True, targets=True)
    one = pose_sheet(crops(), [4], Codec(), "train", wish)
    several = pose_sheet(crops(), [1, 2, 4, 5], Codec(), "train", wish)
    assert several.shape == (2 * (SIDE + BAND + GAP) + GAP, 6 * (SIDE + GAP) + GAP, 3)
    for column in range(3):
        np.testing.assert_array_equal(tile(several, column, row=1), tile(one, column))


def test_some_are_chosen_by_the_seed_and_in_order() -> None:
    assert sample_numbers(5, 9, 0) == [0, 1, 2, 3, 4]
    assert sample_numbers(1000, 5, 0) == sorted(set(sample_numbers(1000, 5, 0)))
    assert sample_numbers(1000, 5, 0) == sample_numbers(1000, 5, 0) != sample_numbers(1000, 5, 1)
