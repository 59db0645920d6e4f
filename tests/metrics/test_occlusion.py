"""Whether hidden joints are known to be hidden."""

import numpy as np
import pytest

from posepyr.metrics.occlusion import Occlusion
from posepyr.records import Predictions, Truth
from posepyr.skeleton import Skeleton

SKELETON = Skeleton("three", ("left_hip", "right_hip", "neck"))


def case() -> tuple[Predictions, Truth]:
    """Four people of five were looked at; 0 is not labelled, 1 occluded, 2 visible."""
    truth = np.array([[2, 1, 0], [2, 2, 1], [1, 1, 1], [2, 2, 2], [0, 2, 0]], np.uint8)
    told = np.array([[2, 2, 1], [1, 2, 1], [2, 2, 2], [2, 2, 2]], np.uint8)
    places = np.zeros((5, 3, 2))
    images = np.array(["a", "a", "b", "c", "d"])
    found = Predictions(np.array([0, 1, 3, 4]), places[:4] + 1e3, np.ones((4, 3)), told)
    return found, Truth(places, truth, np.zeros((5, 4)), images, {})


def test_shares_of_labelled_joints() -> None:
    scores = Occlusion(SKELETON)(*case())
    # Left hips: right, wrong, right, not labelled. Right hips: wrong and three times right. Necks: twice right of two.
    assert scores == pytest.approx({
        "occlusion": (2 / 3 + 3 / 4 + 1) / 3, "occlusion/hip": (2 / 3 + 3 / 4) / 2, "occlusion/neck": 1.0,
        "occlusion_by_visibility/visible": (2 / 3 + 1 + 1) / 3, "occlusion_by_visibility/occluded": (0 + 1) / 2,
    })  # fmt: skip


def test_only_some_joints_and_other_ways() -> None:
    found, truth = case()
    asked = np.zeros((4, 3), np.bool_)
    asked[1] = True
    scores = Occlusion(SKELETON, by=["people"])(found, truth, asked)
    assert scores["occlusion"] == pytest.approx((0 + 1 + 1) / 3)
    assert scores["occlusion_by_people/2"] == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    assert "occlusion_by_visibility/visible" not in scores


def test_nothing_labelled_gives_no_score() -> None:
    found, truth = case()
    assert Occlusion(SKELETON)(found, truth._replace(visibility=np.zeros((5, 3), np.uint8))) == {}


def test_predictions_must_tell() -> None:
    found, truth = case()
    with pytest.raises(ValueError, match=r"the occlusion score must have predictions that tell"):
        Occlusion(SKELETON)(found._replace(visibility=None), truth)
    with pytest.raises(ValueError, match=r"^by must hold some of"):
        Occlusion(SKELETON, by=["age"])  # type: ignore[list-item]
