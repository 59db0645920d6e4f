"""PCK against a count by hand."""

import math

import numpy as np
import pytest

from posepyr.metrics.functional import correct_keypoints, distances, unit_length
from posepyr.metrics.pck import PCK
from posepyr.records import Predictions, Truth
from posepyr.skeleton import Skeleton

SKELETON = Skeleton(
    "five",
    ("left_hip", "right_shoulder", "left_wrist", "right_wrist", "head_top"),
    unit=("left_hip", "right_shoulder"),
)


def people(count: int, seed: int = 0) -> tuple[Predictions, Truth]:
    generator = np.random.default_rng(seed)
    truth = generator.uniform(0, 200, (count, 5, 2))
    visibility = np.where(generator.random((count, 5)) > 0.2, generator.integers(1, 3, (count, 5)), 0).astype(np.uint8)
    found = truth + generator.normal(0, 15, truth.shape)
    images = np.array(["picture"] * count)
    return (
        Predictions(np.arange(count), found, np.ones((count, 5))),
        Truth(truth, visibility, np.zeros((count, 4)), images, {}),
    )


def naive(found: Predictions, truth: Truth) -> tuple[list[int], list[int], int]:
    correct, counted, not_scored = [0] * 5, [0] * 5, 0
    for number, keypoints in zip(found.sample.tolist(), found.keypoints.tolist(), strict=True):
        real, known = truth.keypoints[number].tolist(), truth.visibility[number]
        if not (known[0] and known[1]):
            not_scored += 1
            continue
        unit = max(5.0, math.dist(real[0], real[1]))
        for joint in range(5):
            if known[joint]:
                counted[joint] += 1
                correct[joint] += math.dist(keypoints[joint], real[joint]) <= 0.2 * unit
    return correct, counted, not_scored


def test_pck_equals_a_count_by_hand() -> None:
    found, truth = people(200)
    unit = unit_length(truth.keypoints, truth.visibility, (0, 1), 5.0)
    distance = distances(found.keypoints, truth.keypoints)
    counts = correct_keypoints(distance, unit, truth.visibility > 0, [0.2, 1e9])
    correct, counted, not_scored = naive(found, truth)
    assert counts.correct.tolist() == [correct, counted]
    assert counts.counted.tolist() == counted
    assert counts.people_not_scored == not_scored
    assert 0 < not_scored < 200


def test_the_mean_is_over_joints_and_names_have_no_side() -> None:
    found, truth = people(200)
    scores = PCK(SKELETON)(found, truth)
    correct, counted, not_scored = naive(found, truth)
    shares = [a / b for a, b in zip(correct, counted, strict=True)]
    assert scores["pck"] == pytest.approx(sum(shares) / 5)
    assert scores["pck/wrist"] == pytest.approx((shares[2] + shares[3]) / 2)
    assert scores["pck_people_not_scored"] == not_scored
    assert set(scores) == {"pck", "pck/hip", "pck/shoulder", "pck/wrist", "pck/head_top", "pck_people_not_scored"}


def test_joints_can_share_a_column_as_the_head_in_lsps_table() -> None:
    found, truth = people(200)
    wrist, head_top = SKELETON.joints[2], SKELETON.joints[4]
    plain = PCK(SKELETON)(found, truth)
    scores = PCK(SKELETON, together={"head": [wrist, head_top]})(found, truth)
    correct, counted, _ = naive(found, truth)
    assert scores["pck/head"] == pytest.approx((correct[2] / counted[2] + correct[4] / counted[4]) / 2)
    assert {name: score for name, score in scores.items() if name != "pck/head"} == plain
    with pytest.raises(ValueError, match=r"together must name joints of skeleton .*, got chin under head"):
        PCK(SKELETON, together={"head": [wrist, "chin"]})


def test_whoever_was_not_looked_at_is_not_scored() -> None:
    found, truth = people(60)
    some = Predictions(*(array[10:30] for array in found[:3]))
    alone = Truth(*(array[10:30] for array in truth[:4]), {})
    assert PCK(SKELETON)(some, truth) == PCK(SKELETON)(some._replace(sample=np.arange(20)), alone)


def test_some_joints_can_be_asked_for_alone() -> None:
    found, truth = people(200)
    wrists = np.zeros((200, 5), np.bool_)
    wrists[:, 2] = True
    correct, counted, _ = naive(found, truth)
    scores = PCK(SKELETON)(found, truth, wrists)
    # The unit is still that of all labelled joints.
    assert scores["pck"] == scores["pck/wrist"] == pytest.approx(correct[2] / counted[2])


def test_the_unit_has_a_floor() -> None:
    truth, visibility = np.zeros((1, 5, 2)), np.full((1, 5), 2, np.uint8)
    assert unit_length(truth, visibility, (0, 1), 5.0).tolist() == [5.0]


def test_nobody_gives_no_number_rather_than_zero() -> None:
    found, truth = people(3)
    assert PCK(SKELETON)(found, truth._replace(visibility=np.zeros((3, 5), np.uint8))) == {"pck_people_not_scored": 3.0}


def test_a_skeleton_without_a_unit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'bare' must name a unit for PCK.*unit: \[left_hip, right_shoulder\]"):
        PCK(Skeleton("bare", ("a", "b")))


def test_the_hits_are_those_that_are_counted() -> None:
    found, truth = people(50)
    hits = PCK(SKELETON).hits(found, truth)
    correct, counted, _ = naive(found, truth)
    assert np.nansum(hits, axis=0).tolist() == correct
    assert (~np.isnan(hits)).sum(axis=0).tolist() == counted
