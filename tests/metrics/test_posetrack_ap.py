"""PoseTrack's AP: cases by hand, and random ones by loops."""

import numpy as np
import pytest

from posepyr.metrics.posetrack import area_under_curve, assigned, average_precision
from posepyr.metrics.posetrack_frames import ScoredFrame, counted
from support.followed import found, random_videos, true, video
from support.naive_posetrack import naive_ap


def ap(frames: list[ScoredFrame]) -> list[float]:
    return average_precision(counted(frames), 3).tolist()


def test_everybody_found_is_everything() -> None:
    assert ap(video((true((1, 100), (2, 300)), found((1, 300), (2, 100))))) == [1, 1, 1]


def test_half_found_is_half() -> None:
    assert ap(video((true((1, 100), (2, 300)), found((1, 100))))) == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(("score", "expected"), [(0.5, 1.0), (1.0, 0.5), (2.0, 0.5)])
def test_somebody_who_is_not_there_costs_by_his_score(score: float, expected: float) -> None:
    """After the right one nothing; with it or before it half of the precision."""
    assert ap(video((true((1, 100)), found((1, 100), (2, 500, score))))) == [expected] * 3


def test_the_threshold_is_half_a_head_and_belongs_to_it() -> None:
    for offset, expected in ((5.0, 1.0), (5.001, 0.0)):
        assert ap(video((true((1, 100)), found((1, 100 + offset))))) == [expected] * 3


def test_joints_that_are_not_annotated_are_wrong_where_they_are_found() -> None:
    truth = true((1, 100), (2, 300))
    truth.present[1, 2] = False
    guess = found((1, 100, 0.1), (2, 300, 0.9))
    assert ap(video((truth, guess))) == [1, 1, 0.5]


def test_joints_that_are_never_annotated_have_no_score() -> None:
    truth = true((1, 100))
    truth.present[0, 2] = False
    scores = ap(video((truth, found((1, 100)))))
    assert scores[:2] == [1, 1]
    assert np.isnan(scores[2])


def test_the_second_on_the_same_person_is_wrong() -> None:
    assert ap(video((true((1, 100)), found((1, 100, 0.5), (2, 100, 0.9))))) == [1 / 2] * 3


def test_who_is_turned_down_gets_no_second_choice() -> None:
    """Both are nearest the first person; the second, who is within reach of one of them, is found by nobody."""
    near = np.zeros((2, 2, 3), np.bool_)
    near[:, 0] = True
    near[1, 1, :2] = True
    annotated = np.ones((2, 3), np.bool_)
    assert assigned(near, annotated).tolist() == [0, -1]


def test_people_are_picked_by_shares_not_by_counts() -> None:
    """Two joints of three are less than one of one."""
    near = np.array([[[1, 1, 0], [1, 0, 0]]], np.bool_)
    annotated = np.array([[1, 1, 1], [1, 0, 0]], np.bool_)
    assert assigned(near, annotated).tolist() == [1]


def test_whoever_stands_nowhere_near_stands_for_nobody() -> None:
    assert assigned(np.zeros((2, 1, 3), np.bool_), np.ones((1, 3), np.bool_)).tolist() == [-1, -1]
    assert assigned(np.zeros((2, 0, 3), np.bool_), np.ones((0, 3), np.bool_)).tolist() == [-1, -1]


def test_precision_is_the_best_that_is_still_reached() -> None:
    # Right, wrong, right, right, of five: precision 1, 1/2, 2/3, 3/4, of which the last is reached from the second on.
    right = np.array([True, False, True, True])
    assert area_under_curve(np.array([4.0, 3, 2, 1]), right, 5) == pytest.approx((1 + 3 / 4 + 3 / 4) / 5)


def test_only_the_order_of_scores_counts() -> None:
    generator = np.random.default_rng(0)
    scores, right = generator.integers(0, 9, 40) / 8, generator.random(40) > 0.5
    area = area_under_curve(scores, right, 50)
    assert 0 < area < 1
    assert area_under_curve(np.exp(5 * scores), right, 50) == area
    shuffled = generator.permutation(40)
    assert area_under_curve(scores[shuffled], right[shuffled], 50) == pytest.approx(area, abs=1e-12)


def test_joints_without_a_score_come_last() -> None:
    assert area_under_curve(np.array([-np.inf, -5.0, -np.inf]), np.array([False, True, False]), 1) == 1


def test_nobody_found_is_nothing() -> None:
    assert ap(video((true((1, 100)), found()))) == [0, 0, 0]
    assert np.isnan(ap([])).all()


@pytest.mark.parametrize("seed", range(12))
def test_equals_loops(seed: int) -> None:
    frames = random_videos(seed)
    expected = [naive_ap(frames, joint) for joint in range(3)]
    assert ap(frames) == pytest.approx(expected, abs=1e-12)
    assert 0 < sum(expected) < 3
