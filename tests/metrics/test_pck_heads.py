"""PCKh: published rows from published predictions, and laws."""

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import yaml

from posepyr.metrics.pck import PCKh
from posepyr.nodes import build
from posepyr.records import Predictions, Truth
from posepyr.skeleton import Skeleton
from support.places import CONF

MPII: Skeleton = build(yaml.safe_load((CONF / "skeleton" / "mpii.yaml").read_text()))
SMALL = Skeleton("small", ("left_wrist", "right_wrist", "pelvis"))


def case() -> tuple[Predictions, Truth]:
    """Two people with heads of 10 and 20 pixels; distances of 0 to 10 pixels."""
    distance = np.array([[5.0, 1.05, 0.0], [10.0, 2.1, 99.0]])
    truth = np.full((2, 3, 2), 50.0)
    found = truth + np.stack([distance, np.zeros_like(distance)], axis=-1)
    visibility = np.array([[2, 1, 2], [2, 2, 0]], np.uint8)
    measures = {"head_size": np.array([10.0, 20.0])}
    return (
        Predictions(np.arange(2), found, np.ones((2, 3))),
        Truth(truth, visibility, np.zeros((2, 4)), np.array(["a", "b"]), measures),
    )


def test_by_hand() -> None:
    scores = PCKh(SMALL, left_out=["pelvis"])(*case())
    # Left wrists at 0.5 and 0.5 of a head, right ones at 0.105, the pelvis at 0.
    assert scores["pckh"] == 1.0
    assert scores["pckh@0.1"] == 0.0
    assert scores["pckh/pelvis"] == 1.0
    # Of the thresholds 0, 0.01, ... 0.5 left wrists are found at the last alone, right ones from 0.11 on (40 of 51).
    left, right = [0.0] * 50 + [1.0], [0.0] * 11 + [1.0] * 40
    curve = (np.array(left) + np.array(right)) / 2
    assert scores["pckh_auc"] == pytest.approx(((curve[1:] + curve[:-1]) / 2).sum() / 50)


def test_nearer_than_the_threshold_or_at_it() -> None:
    assert PCKh(SMALL)(*case())["pckh/wrist"] == 1.0
    assert PCKh(SMALL, strict=True)(*case())["pckh/wrist"] == 0.5


def test_the_slip_of_two_releases_is_a_switch() -> None:
    assert PCKh(SMALL, left_out=["pelvis"], compat=True)(*case())["pckh@0.1"] == 0.5


def test_the_two_means() -> None:
    found, truth = case()
    truth.visibility[1, 1] = 0
    found.keypoints[:, 0] += 100
    scores = PCKh(SMALL, left_out=[])(found, truth)
    assert scores["pckh"] == pytest.approx((0 / 2 + 1 / 1 + 1 / 1) / 3)
    assert scores["pckh_weighted"] == pytest.approx((0 + 1 + 1) / 4)


def test_people_without_a_head_are_not_scored_but_counted() -> None:
    found, truth = case()
    truth.measures["head_size"][0] = np.nan
    scores = PCKh(SMALL)(found, truth)
    assert scores["pckh_people_not_scored"] == 1
    assert "pckh/pelvis" not in scores


def test_data_without_heads_is_refused() -> None:
    found, truth = case()
    with pytest.raises(ValueError, match=r"PCKh must have data that knows the size of heads"):
        PCKh(SMALL)(found, truth._replace(measures={}))


def published(shared: Path, predictions: np.ndarray) -> dict[str, float]:
    content = scipy.io.loadmat(shared / "data" / "mpii_val" / "detections_our_format.mat")
    corners = content["headboxes_src"]
    people = corners.shape[-1]
    truth = Truth(
        content["pos_gt_src"].transpose(2, 0, 1),
        np.where(content["jnt_missing"].T, 0, 2).astype(np.uint8),
        np.zeros((people, 4)),
        np.array([""] * people),
        {"head_size": 0.6 * np.linalg.norm(corners[1] - corners[0], axis=0)},
    )
    found = Predictions(np.arange(people), predictions.astype(np.float64), np.ones((people, 16)))
    return {name: 100 * score for name, score in PCKh(MPII)(found, truth).items()}


PRINTED = 0.005 + 1e-6
"""How far a number may be from its two printed decimals."""
COLUMNS = ("head_top", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")


def test_the_released_hourglass_scores_its_published_row(shared: Path) -> None:
    content = scipy.io.loadmat(shared / "data" / "mpii_val" / "bearpaw-hg_s2_b1.mat")
    scores = published(shared, content["preds"])
    row = [scores[f"pckh/{joint}"] for joint in COLUMNS]
    assert row == pytest.approx([95.80, 94.57, 88.12, 83.31, 86.24, 80.88, 77.44], abs=PRINTED)
    assert scores["pckh"] == pytest.approx(86.76, abs=PRINTED)
    assert scores["pckh_weighted"] == pytest.approx(87.30, abs=PRINTED)


def test_tompsons_own_predictions(shared: Path) -> None:
    content = scipy.io.loadmat(shared / "data" / "mpii_val" / "detections_our_format.mat")
    scores = published(shared, content["pos_pred_src"].transpose(2, 0, 1))
    row = [scores[f"pckh/{joint}"] for joint in COLUMNS]
    assert row == pytest.approx([95.60, 92.71, 83.36, 76.74, 81.93, 73.36, 65.45], abs=PRINTED)


def test_the_mean_of_the_hits_is_the_score_and_has_the_same_joints() -> None:
    for scorer in (PCKh(SMALL), PCKh(SMALL, strict=True), PCKh(SMALL, thresholds=[0.1], compat=True)):
        hits = scorer.hits(*case())
        assert np.isnan(hits[:, 2]).all(), "the pelvis is in no mean"
        assert np.nanmean(hits[:, :2]) == pytest.approx(scorer(*case())["pckh"])
