"""Some joints and people apart."""

import numpy as np
import pytest

from posepyr.metrics.average_precision import AveragePrecision
from posepyr.metrics.occlusion import Occlusion
from posepyr.metrics.pck import PCK, PCKh
from posepyr.metrics.pcp import PCP
from posepyr.metrics.scorer import Scorer, groups
from posepyr.records import Predictions, Truth
from posepyr.skeleton import Skeleton

SKELETON = Skeleton("three", ("left_hip", "right_shoulder", "neck"), unit=("left_hip", "right_shoulder"))


def case() -> tuple[Predictions, Truth]:
    """Six people in three pictures, whose boxes grow; every odd person is missed, hidden necks too."""
    truth = np.tile([[0.0, 0.0], [0.0, 50.0], [10.0, 60.0]], (6, 1, 1))
    found = truth.copy()
    found[1::2] += 100
    visibility = np.full((6, 3), 2, np.uint8)
    visibility[[0, 2], 2] = 1
    found[[0, 2], 2] += 100
    boxes = np.array([[0, 0, size, size] for size in (10, 20, 30, 40, 50, 60)], np.float64)
    images = np.array(["a", "b", "b", "c", "c", "c"])
    measures = {"head_size": np.full(6, 10.0)}
    return Predictions(np.arange(6), found, np.ones((6, 3))), Truth(truth, visibility, boxes, images, measures)


@pytest.mark.parametrize(
    "scorer",
    [
        PCK(SKELETON, by=("visibility", "size", "people"), together={"body": ["left_hip", "neck"]}),
        PCKh(SKELETON, by=("visibility", "size", "people"), thresholds=(0.5, 0.2, 0.1)),
        Occlusion(SKELETON, by=("visibility", "size")),
        PCP(Skeleton("legs", ("left_hip", "left_knee", "right_hip")), threshold=0.2),
        AveragePrecision(Skeleton("three", SKELETON.joints, sigmas=(0.1, 0.1, 0.1)), by=("people",)),
    ],
    ids=lambda scorer: type(scorer).__name__,
)
def test_scores_are_known_by_name_before_they_are_taken(scorer: Scorer) -> None:
    found, truth = case()
    scores = scorer(found._replace(visibility=truth.visibility), truth)
    assert set(scores) <= set(scorer.score_names or ())
    # Of these people nobody is medium or large by COCO's areas.
    rare = {name for name in scorer.score_names or () if name.startswith(("ap_", "ar_"))}
    assert set(scorer.score_names or ()) - set(scores) <= rare


def test_masks_are_a_partition_of_the_labelled_joints() -> None:
    found, truth = case()
    masks = groups(found, truth, ["visibility", "size", "people"])
    assert list(masks) == [
        "visibility/visible", "visibility/occluded", "size/small", "size/medium", "size/large",
        "people/1", "people/2", "people/3+",
    ]  # fmt: skip
    for name in ("visibility", "size", "people"):
        parts = [mask.astype(int) for key, mask in masks.items() if key.startswith(name)]
        np.testing.assert_array_equal(sum(parts), 1)
    assert masks["size/small"][:, 0].tolist() == [True, True, False, False, False, False]
    assert masks["people/1"][:, 0].tolist() == [True, False, False, False, False, False]
    assert masks["people/3+"][:, 0].tolist() == [False, False, False, True, True, True]


def test_people_count_whom_the_data_knows_in_the_picture() -> None:
    found, truth = case()
    # Some are trained on, or not annotated well enough for any split.
    known = truth._replace(measures={**truth.measures, "people": np.array([1, 4, 4, 3, 3, 3])})
    masks = groups(found, known, ["people"])
    assert masks["people/1"][:, 0].tolist() == [True, *[False] * 5]
    assert not masks["people/2"].any()
    assert masks["people/3+"][:, 0].tolist() == [False, *[True] * 5]


@pytest.mark.parametrize("kind", ["pck", "pckh"])
def test_scores_of_the_parts(kind: str) -> None:
    scorer = {"pck": PCK, "pckh": PCKh}[kind](SKELETON, by=["visibility", "people"])
    scores = scorer(*case())
    assert scores[f"{kind}_by_visibility/occluded"] == 0.0
    # Hips and shoulders of three of six people, necks of one of four that are not hidden.
    assert scores[f"{kind}_by_visibility/visible"] == pytest.approx((0.5 + 0.5 + 0.25) / 3)
    assert scores[f"{kind}_by_people/1"] == pytest.approx(2 / 3)
    assert scores[f"{kind}_by_people/2"] == pytest.approx((0.5 + 0.5 + 0) / 3)


def test_an_unknown_way_is_named() -> None:
    with pytest.raises(ValueError, match=r"^by must hold some of visibility, size, people, got 'age'"):
        PCKh(SKELETON, by=["age"])  # type: ignore[list-item]
