"""What a joint's state means for its target and its weight."""

import pytest
import torch

from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE
from posepyr.skeleton import Skeleton
from posepyr.visibility import VisibilityPolicy

SKELETON = Skeleton("four", ("left_wrist", "right_wrist", "left_knee", "neck"))
# Visible, occluded, not labelled, labelled but outside the crop.
INSIDE = torch.tensor([[VISIBLE, OCCLUDED, NOT_LABELLED, NOT_LABELLED]], dtype=torch.uint8)
LABELLED = torch.tensor([[VISIBLE, OCCLUDED, NOT_LABELLED, VISIBLE]], dtype=torch.uint8)


@pytest.mark.parametrize(
    ("policy", "peaks", "weights"),
    [
        (VisibilityPolicy(), [1, 1, 0, 0], [1, 1, 0, 0]),
        (VisibilityPolicy(occluded=-1), [1, -1, 0, 0], [1, 1, 0, 0]),
        (VisibilityPolicy(occluded_weight=0), [1, 1, 0, 0], [1, 0, 0, 0]),
        (VisibilityPolicy(unlabelled_weight=1), [1, 1, 0, 0], [1, 1, 1, 0]),
        (VisibilityPolicy(outside_weight=0.5), [1, 1, 0, 0], [1, 1, 0, 0.5]),
        (VisibilityPolicy(unlabelled_weight=1, outside_weight=1), [1, 1, 0, 0], [1, 1, 1, 1]),
    ],
)
def test_each_state_has_its_peak_and_weight(policy: VisibilityPolicy, peaks: list, weights: list) -> None:
    assert policy.peaks(INSIDE).tolist() == [peaks]
    assert policy.weights(INSIDE, LABELLED, SKELETON).tolist() == [weights]


def test_weights_by_joint_with_and_without_a_side() -> None:
    policy = VisibilityPolicy(outside_weight=1, joints={"wrist": 2.0, "right_wrist": 3.0, "neck": 0.5})
    assert policy.weights(INSIDE, LABELLED, SKELETON).tolist() == [[2, 3, 0, 0.5]]


def test_unknown_joints_are_named() -> None:
    with pytest.raises(ValueError, match=r"joints must name joints of skeleton 'four', got 'ankle'"):
        VisibilityPolicy(joints={"ankle": 1.0}).weights(INSIDE, LABELLED, SKELETON)


@pytest.mark.parametrize(("drawn", "expected"), [("reaching", [2, 1, 0, 0, 0]), ("inside", [2, 0, 0, 0, 0])])
def test_joints_are_drawn_inside_or_as_far_as_they_reach(drawn: str, expected: list[int]) -> None:
    """Visible inside, occluded outside and reaching in, too far out, not labelled inside, and outside."""
    states = torch.tensor([[VISIBLE, OCCLUDED, VISIBLE, NOT_LABELLED, NOT_LABELLED]], dtype=torch.uint8)
    inside = torch.tensor([[True, False, False, True, False]])
    reaching = torch.tensor([[True, True, False, True, True]])
    assert VisibilityPolicy(drawn=drawn).drawn_states(states, inside, reaching).tolist() == [expected]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"occluded": -2}, r"occluded must lie between -1 and 1, got -2"),
        ({"outside_weight": -1}, r"outside_weight must not be negative, got -1"),
        ({"joints": {"neck": -0.5}}, r"joints\.neck must not be negative, got -0\.5"),
    ],
)
def test_impossible_policies_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VisibilityPolicy(**changes)
