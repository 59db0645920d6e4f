"""OKS between predictions, suppression and rescoring, against naive routes."""

import math

import numpy as np
import pytest

from posepyr.metrics.average_precision import remaining, rescored, similarity

SIGMAS = np.array([0.026, 0.107, 0.05])


def naive_oks(a: list, b: list, area_a: float, area_b: float) -> float:
    total = 0.0
    for (x, y), (u, v), sigma in zip(a, b, SIGMAS.tolist(), strict=True):
        total += math.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * sigma) ** 2 / ((area_a + area_b) / 2) / 2)
    return total / 3


def naive_remaining(poses: list, scores: list, areas: list, threshold: float) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(poses)), key=lambda i: -scores[i]):
        if all(naive_oks(poses[index], poses[k], areas[index], areas[k]) <= threshold for k in kept):
            kept.append(index)
    return sorted(kept)


@pytest.mark.parametrize("seed", range(5))
def test_suppression_equals_the_naive_route(seed: int) -> None:
    generator = np.random.default_rng(seed)
    people = generator.uniform(0, 100, (4, 3, 2))
    poses = np.concatenate([people + generator.normal(0, spread, people.shape) for spread in (0, 0.5, 2, 5)])
    scores, areas = generator.integers(0, 5, 16) / 5, generator.uniform(500, 3000, 16)
    for threshold in (0.3, 0.9):
        got = np.flatnonzero(remaining(poses, scores, areas, sigmas=SIGMAS, threshold=threshold)).tolist()
        assert got == naive_remaining(poses.tolist(), scores.tolist(), areas.tolist(), threshold)
        assert 0 < len(got) < 16


def test_a_pose_is_as_similar_as_can_be_to_itself() -> None:
    pose = np.random.default_rng(0).uniform(0, 100, (3, 2))
    assert similarity(pose, pose[None], area=900.0, other_areas=np.array([900.0]), sigmas=SIGMAS).tolist() == [1.0]


def test_whoever_goes_takes_nobody_along() -> None:
    # The second is like the first, the third is like the second alone.
    poses = np.array([[[0.0, 0.0]] * 3, [[4.0, 0.0]] * 3, [[8.0, 0.0]] * 3])
    sigmas, areas = np.full(3, 0.1), np.full(3, 900.0)
    near = similarity(poses[0], poses[1:], area=900.0, other_areas=areas[1:], sigmas=sigmas)
    threshold = float(near.mean())
    remain = remaining(poses, np.array([0.9, 0.8, 0.7]), areas, sigmas=sigmas, threshold=threshold)
    assert remain.tolist() == [True, False, True]


def test_scores_of_joints_that_are_hardly_seen_do_not_count() -> None:
    joints = np.array([[0.8, 0.4, 0.2], [0.1, 0.2, 0.0]])
    assert rescored(np.array([0.5, 0.9]), joints, 0.2).tolist() == pytest.approx([0.5 * 0.6, 0.0])
