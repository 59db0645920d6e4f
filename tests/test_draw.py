from pathlib import Path

import cv2
import numpy as np
import pytest

from posepyr import draw
from posepyr.skeleton import Skeleton

SKELETON = Skeleton("arm", ("right_elbow", "right_wrist", "left_wrist"), limbs=(("right_elbow", "right_wrist"),))
POINTS = np.array([[10.0, 10.0], [30.0, 10.0], [20.0, 30.0]])


def blank() -> np.ndarray:
    return np.zeros((40, 40, 3), np.uint8)


def test_limbs_and_joints_are_drawn_where_they_are_in_the_colour_of_their_side() -> None:
    picture = draw.draw_pose(blank(), POINTS, SKELETON)
    # A thin line's edges are mixed with what is under them.
    np.testing.assert_allclose(picture[10, 20], draw.RIGHT, atol=30)
    np.testing.assert_allclose(picture[30, 20], draw.LEFT, atol=30)
    assert not picture[20:28].any()


def test_the_picture_given_is_left_alone() -> None:
    picture = blank()
    draw.draw_pose(picture, POINTS, SKELETON)
    assert not picture.any()


def test_hidden_and_unknown_joints_take_their_limbs_with_them() -> None:
    assert not draw.draw_pose(blank(), POINTS, SKELETON, np.array([True, False, False]))[10, 15:35].any()
    broken = POINTS.copy()
    broken[1] = np.nan
    assert not draw.draw_pose(blank(), broken, SKELETON)[10, 15:35].any()
    draw.draw_pose(blank(), POINTS * 1e9, SKELETON)


def test_enlarging_keeps_keypoints_on_their_pixels() -> None:
    picture = blank()
    picture[12, 7] = 255
    large, factor = draw.enlarge(picture, 400)
    rows, columns = np.mgrid[: large.shape[0], : large.shape[1]]
    weight = large[..., 0].astype(float)
    centre = [(columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()]
    np.testing.assert_allclose(draw.place(np.array([7.0, 12.0]), factor), centre, atol=0.2)


def test_a_sheet_holds_every_tile_unchanged() -> None:
    tiles = [np.full((10, 12, 3), value, np.uint8) for value in (50, 100, 150, 200, 250)]
    paper = draw.sheet(tiles, ["a"] * 5, columns=2)
    for value in (50, 100, 150, 200, 250):
        assert (paper == value).all(-1).sum() >= 120
    with pytest.raises(ValueError, match="at least one picture"):
        draw.sheet([])


def test_saved_pictures_come_back(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 8, 3), np.uint8)
    draw.save(picture, tmp_path / "new" / "a.png")
    read = cv2.imread(str(tmp_path / "new" / "a.png"))
    assert read is not None
    assert np.array_equal(read[..., ::-1], picture)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]


def test_heat_glows_where_it_is() -> None:
    heatmaps = np.zeros((1, 10, 10), np.float32)
    heatmaps[0, 2, 7] = 1
    picture = draw.overlay(np.full((40, 40, 3), 100, np.uint8), heatmaps)
    assert picture[10, 30].max() > 150
    assert picture[35, 5].max() < 60


def test_names_stand_beside_their_joints_and_inside_the_picture() -> None:
    paper = np.full((60, 200, 3), 90, np.uint8)
    places = np.array([[40.0, 30], [190, 30], [100, 30]])
    named = draw.name_joints(paper, places, ["left_hip", "right_hip", "hidden"], np.array([True, True, False]))
    written = (named != paper).any(axis=(0, 2))
    assert written[45:70].any()
    assert written[150:185].any(), "to the left of a joint at the right border"
    assert not written[:43].any()
    assert not written[105:130].any(), "no name for a joint that is not shown"
    assert (paper == 90).all()
