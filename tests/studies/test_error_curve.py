"""Errors at every threshold at once."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from posepyr.metrics.pck import PCK
from posepyr.metrics.pckh import PCKh
from posepyr.records import Predictions, Truth
from posepyr.skeleton import Skeleton
from posepyr.studies.error_curve import Measuring, curve, relative_errors, save_error_curve

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
    assert isinstance(scorer, Measuring)
    errors = relative_errors(scorer, found, truth)
    assert curve(errors[:, 2], np.array([threshold]))[0] == pytest.approx(scorer(found, truth)[quantity])


def test_the_curve_rises_from_exact_hits_to_one() -> None:
    errors = np.array([0.0, 0.1, 0.1, 0.4, np.nan])
    assert curve(errors, np.array([0.0, 0.1, 0.2, 0.4, 9.0])).tolist() == [0.25, 0.75, 0.75, 1.0, 1.0]
    assert curve(np.array([np.nan]), np.array([1.0])).tolist() == [0.0]


def test_the_picture_is_a_picture(tmp_path: Path) -> None:
    found, truth = case()
    path = tmp_path / "curve.png"
    save_error_curve(path, relative_errors(PCK(SKELETON), found, truth), SKELETON.joints, "PCK")
    pixels = cv2.imread(str(path))
    assert pixels is not None
    assert pixels.std() > 10
    assert [*tmp_path.iterdir()] == [path]
