"""What counts in a frame, and how far apart joints are."""

import numpy as np
import pytest

from posepyr.metrics.posetrack_frames import counted, distances, inside
from support.followed import found, true, video
from support.naive_posetrack import turns

SQUARE = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]])
# A square with a notch from above.
NOTCHED = np.array([[0.0, 0.0], [5.0, 5.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]])


@pytest.mark.parametrize("corners", [SQUARE, SQUARE[::-1], np.roll(SQUARE, 1, axis=0)])
def test_the_edge_of_a_polygon_is_outside(corners: np.ndarray) -> None:
    within = np.array([[5.0, 5.0], [0.1, 9.9], [9.0, 1.0]])
    without = np.array([[0.0, 0.0], [10.0, 10.0], [10.0, 5.0], [5.0, 0.0], [3.0, 10.0], [-1.0, 0.0], [11.0, 10.0]])
    assert inside(within, corners).all()
    assert not inside(without, corners).any()


def test_a_line_through_corners_crosses_once() -> None:
    points = np.array([[5.0, 5.0], [5.0, 6.0], [2.0, 5.0], [5.0, 4.0], [-1.0, 5.0], [-3.0, 0.0], [4.0, 4.0]])
    assert inside(points, NOTCHED).tolist() == [False, True, True, False, False, False, False]


def test_polygons_agree_with_the_angle_they_go_around() -> None:
    generator = np.random.default_rng(0)
    for corners in (3, 4, 7, 12):
        polygon, points = generator.uniform(0, 1, (corners, 2)), generator.uniform(0, 1, (200, 2))
        around = [turns((x, y), [(a, b) for a, b in polygon.tolist()]) % 2 == 1 for x, y in points.tolist()]
        assert inside(points, polygon).tolist() == around
        assert any(around)
        assert not all(around)


def test_a_polygon_without_corners_ignores_nothing() -> None:
    assert not inside(np.zeros((2, 2)), np.zeros((0, 2))).any()


def test_joints_in_ignored_regions_go_and_people_without_joints_with_them() -> None:
    frame = video((true((4, 100), (5, 300)), found((7, 102), (8, 301), (9, 101))))[0]
    # The wrists of those at 100, at y = 200; and all of those at 300.
    regions = (
        np.array([[70.0, 190.0], [130.0, 190.0], [130.0, 210.0], [70.0, 210.0]]),
        np.array([[250.0, 0.0], [350.0, 0.0], [350.0, 300.0], [250.0, 300.0]]),
    )
    left = counted([frame._replace(ignored=regions)])[0]
    assert left.truth.track.tolist() == [4]
    assert left.found.track.tolist() == [7, 9]
    assert left.truth.present.tolist() == [[True, False, False]]
    assert left.found.present.tolist() == [[True, False, False]] * 2
    assert left.truth.head_size.shape == (1,)
    assert left.found.scores.shape == left.found.present.shape
    assert frame.truth.present.all()


def test_frames_that_nobody_was_annotated_in_do_not_count() -> None:
    everywhere = (np.array([[0.0, 0.0], [999.0, 0.0], [999.0, 999.0], [0.0, 999.0]]),)
    passed_over, ignored, seen = video((true(), found((1, 50))), (true((1, 50)), found()), (true((1, 50)), found()))
    assert [frame.name for frame in counted([passed_over, ignored._replace(ignored=everywhere), seen])] == [
        "v/1.jpg",
        "v/2.jpg",
    ]


def test_distances_are_in_the_heads_of_the_annotated() -> None:
    truth = true((1, 100), (2, 200), (3, 100), (4, 100))
    truth = truth._replace(head_size=np.array([10.0, 20.0, np.nan, 0.0]))
    truth.present[1, 2] = False
    guess = found((1, 104))
    guess.present[0, 1] = False
    between = distances(video((truth, guess))[0])
    assert between.shape == (1, 4, 3)
    np.testing.assert_allclose(between[0, 0], [0.4, np.inf, 0.4])
    np.testing.assert_allclose(between[0, 1], [4.8, np.inf, np.inf])
    # Without the size of a head nothing can be found.
    assert np.isinf(between[0, 2:]).all()
