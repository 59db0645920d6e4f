"""Predictions and truth meet by person and by joint."""

from pathlib import Path

import numpy as np
import pytest

from posepyr.data.results.predictions import PredictionFile, in_order
from posepyr.data.results.truths import TruthFile, match
from posepyr.records import Truth

JOINTS = ("nose", "left_hand", "right_hand")


def known(people: int = 6, file: str | None = None, tested: slice = slice(None)) -> TruthFile:
    places = np.arange(people * 6, dtype=np.float64).reshape(people, 3, 2)
    images = np.array([f"folder/{index}.jpg" for index in range(people)])
    measures = {"head_size": np.arange(people) + 1.0}
    truth = Truth(places, np.full((people, 3), 2, np.uint8), np.ones((people, 4)), images, measures, file)
    return TruthFile(Path("truth.mat"), "a layout", JOINTS, truth, (), tested)


def found(people: int, **changes: object) -> PredictionFile:
    places = np.arange(people * 6, dtype=np.float64).reshape(people, 3, 2)
    return PredictionFile(Path("found.mat"), "a layout", in_order(places))._replace(**changes)


def test_joints_come_in_the_order_of_the_skeleton() -> None:
    swapped = ("right_hand", "nose", "left_hand")
    ours, truth = match(found(6, joints=swapped), known(), ("left_hand", "nose", "tail"))
    np.testing.assert_array_equal(ours.keypoints[:, 0], found(6).predictions.keypoints[:, 2])
    np.testing.assert_array_equal(ours.keypoints[:, 1], found(6).predictions.keypoints[:, 1])
    np.testing.assert_array_equal(truth.keypoints[:, 1], known().truth.keypoints[:, 0])
    # What the truth does not have is asked for of nobody.
    assert (truth.visibility == [2, 2, 0]).all()
    assert np.isnan(ours.keypoints[:, 2]).all()


def test_joints_that_the_truth_labels_must_be_found() -> None:
    few = found(6, joints=("nose", "left_hand", "tail"))
    with pytest.raises(ValueError, match=r"found\.mat must have the joints that truth\.mat labels, got none for"):
        match(few, known(), JOINTS)
    assert match(few, known(), ("nose", "left_hand"))[0].keypoints.shape == (6, 2, 2)
    with pytest.raises(ValueError, match=r"truth\.mat must have joints of the skeleton"):
        match(few, known(), ("tail",))


def test_the_tested_people_alone() -> None:
    _, truth = match(found(2), known(tested=slice(4, 6)), JOINTS)
    np.testing.assert_array_equal(truth.keypoints, known().truth.keypoints[4:])
    assert truth.measures["head_size"].tolist() == [5.0, 6.0]
    with pytest.raises(ValueError, match=r"each of the 6 people \(or the 2 tested\) of truth\.mat, in order, got 3"):
        match(found(3), known(tested=slice(4, 6)), JOINTS)
    with pytest.raises(ValueError, match=r"each of the 6 people of truth\.mat, in order, got 5"):
        match(found(5), known(), JOINTS)


def test_people_in_other_pictures_are_refused() -> None:
    images = np.array([f"elsewhere/{index}.jpg" for index in range(6)])
    match(found(6, images=images), known(), JOINTS)
    images[3] = "elsewhere/7.jpg"
    with pytest.raises(ValueError, match=r"\[3\]: image must be 'folder/3\.jpg', .*got 'elsewhere/7\.jpg'"):
        match(found(6, images=images), known(), JOINTS)


def test_people_of_a_detector_are_numbered_by_their_own_file() -> None:
    own = known(2).truth
    _, truth = match(found(2, joints=JOINTS, truth=own), known(6, file="people.json"), JOINTS)
    assert len(truth.boxes) == 2
    assert truth.file == "people.json"
