"""Joints of one skeleton seen as another's."""

import logging

import numpy as np
import pytest

from posepyr.data.formats.people import matched
from posepyr.records import NOT_LABELLED
from support.dots import SKELETON, Dots


def test_the_same_joints_are_the_same_split() -> None:
    split = Dots().split("val")
    assert matched(split, SKELETON.joints) is split


def test_joints_go_by_name_and_those_lacking_are_not_labelled(caplog: pytest.LogCaptureFixture) -> None:
    split = Dots().split("val")
    with caplog.at_level(logging.WARNING):
        other = matched(split, ("head_top", "tail", "left_hip"))
    assert "2 of the skeleton's 3 joints; it lacks ['tail']" in caplog.text
    assert len(other) == len(split)
    assert other.joints == ("head_top", "tail", "left_hip")
    for index in range(len(split)):
        got, truth = other[index], split[index]
        np.testing.assert_array_equal(got.keypoints[[0, 2]], truth.keypoints[[2, 0]])
        np.testing.assert_array_equal(got.visibility[[0, 2]], truth.visibility[[2, 0]])
        assert got.visibility[1] == NOT_LABELLED
        np.testing.assert_array_equal(got.box, truth.box)
    np.testing.assert_array_equal(other.view(split[3]).pixels, split.view(split[3]).pixels)


def test_nothing_in_common_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"must have joints of the skeleton, got left_hip, .*has tail; choose"):
        matched(Dots().split("val"), ("tail",))
