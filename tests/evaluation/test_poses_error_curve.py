"""Errors at every threshold at once."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from posepyr.evaluation.poses import curve, relative_errors, save_error_curve
from posepyr.metrics.average_precision import AveragePrecision
from posepyr.metrics.pck import PCK, PCKh
from posepyr.metrics.posetrack import PoseTrackAP
from posepyr.records import Predictions, Truth
from posepyr.skeleton import Skeleton

SKELETON = Skeleton("three", ("left_hip", "right_shoulder", "neck"), unit=("left_hip", "right_shoulder"))


def case(people: int = 40) -> tuple[Predictions, Truth]:
    generator = np.random.default_rng(0)
    truth = generator.uniform(0, 200, (people, 3, 2))
    visibility = (generator.random((people, 3)) > 0.2).astype(np.uint8)
    found = truth + generator.normal(0, 20, truth.shape)
    measures = {"head_size": generator.uniform(20, 60, people)}
    images = np.array(["a"] * people)
    return (
        Predictions(np.arange(people), found, np.ones((people, 3))),
        Truth(truth, visibility, np.zeros((people, 4)), images, measures),
    )


@pytest.mark.parametrize(("kind", "quantity", "threshold"), [(PCK, "pck/neck", 0.2), (PCKh, "pckh/neck", 0.5)])
def test_the_curve_goes_through_the_score(kind, quantity: str, threshold: float) -> None:
    found, truth = case()
    scorer = kind(SKELETON)
    errors = relative_errors(scorer, found, truth)
    assert curve(errors[:, 2], np.array([threshold]))[0] == pytest.approx(scorer(found, truth)[quantity])


@pytest.mark.parametrize("kind", [AveragePrecision, PCK, PCKh, PoseTrackAP])
def test_every_score_that_measures_says_by_what(kind) -> None:
    joints = ("left_hip", "right_shoulder", "nose")
    scorer = kind(Skeleton("three", joints, sigmas=(0.1, 0.1, 0.1), unit=("left_hip", "right_shoulder")))
    found, truth = case()
    truth = truth._replace(boxes=np.tile([0.0, 0, 30, 40], (len(truth.boxes), 1)))
    assert scorer.protocol
    assert scorer.unit in ("root of the person's area", "distance from left hip to right shoulder", "size of the head")
    unit = scorer.measure(found, truth)[1]
    if kind is AveragePrecision:
        np.testing.assert_allclose(unit, np.sqrt(1200))
        stated = truth._replace(measures={"area": np.where(np.arange(len(unit)), 400.0, np.nan)})
        np.testing.assert_allclose(scorer.measure(found, stated)[1], [np.sqrt(1200), *[20] * (len(unit) - 1)])
    elif kind is not PCK:
        np.testing.assert_array_equal(unit, truth.measures["head_size"])


def test_people_without_a_unit_have_no_errors() -> None:
    found, truth = case(2)
    none = truth._replace(measures={"head_size": np.array([0.0, np.nan])})
    assert np.isnan(relative_errors(PCKh(SKELETON), found, none)).all()


def test_the_curve_rises_from_exact_hits_to_one() -> None:
    errors = np.array([0.0, 0.1, 0.1, 0.4, np.nan])
    assert curve(errors, np.array([0.0, 0.1, 0.2, 0.4, 9.0])).tolist() == [0.25, 0.75, 0.75, 1.0, 1.0]
    assert curve(np.array([np.nan]), np.array([1.0])).tolist() == [0.0]


def test_the_picture_is_a_picture(tmp_path: Path) -> None:
    found, truth = case()
    path = tmp_path / "curve.png"
    save_error_curve(path, relative_errors(PCK(SKELETON), found, truth), SKELETON.joints, "PCK", "unit")
    pixels = cv2.imread(str(path))
    assert pixels is not None
    assert pixels.std() > 10
    assert [*tmp_path.iterdir()] == [path]
