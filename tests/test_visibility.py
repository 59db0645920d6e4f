"""What a joint's state means for its target and its weight."""

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch

from posepyr.data.sources.lsp import Lsp
from posepyr.data.sources.mixture import Mixture
from posepyr.data.sources.mpii import Mpii
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, Source
from posepyr.skeleton import LSP_JOINTS, Skeleton
from posepyr.visibility import VisibilityPolicy, require_occlusion

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


def leeds(folder: Path, extended: bool) -> Lsp:
    (folder / "images").mkdir(parents=True)
    scipy.io.savemat(folder / "joints.mat", {"joints": np.ones((14, 3, 2) if extended else (3, 14, 2))})
    return Lsp(str(folder))


def test_targets_that_need_occlusion_need_annotations_that_tell_it(tmp_path: Path) -> None:
    lsp, lspet = leeds(tmp_path / "lsp", extended=False), leeds(tmp_path / "lspet", extended=True)
    mpii, hourglass, hrnet = Mpii(), Mpii(annotations="annot/{split}.h5"), Mpii(annotations="annot/{split}.json")

    def mixed(*sources: Source) -> Mixture:
        return Mixture({str(number): source for number, source in enumerate(sources)}, LSP_JOINTS)

    for source in (mpii, hourglass, lsp, mixed(lsp, lspet, mpii)):
        require_occlusion(source, "train", "visibility")
    # A data set of which another file tells is no help for a mixture in which others do.
    for source in (hrnet, mixed(lsp, lspet, hrnet)):
        with pytest.raises(
            ValueError, match=r"tell occluded joints.* visibility .*mpii_human_pose_v1_u12_1\.mat.*\.h5"
        ):
            require_occlusion(source, "train", "visibility")
    require_occlusion(mixed(lsp, hrnet), "val", "the score")
    with pytest.raises(ValueError, match=r"source must tell occluded .* in train, .*: no file of the data set does"):
        require_occlusion(lspet, "train", "visibility")


@pytest.mark.parametrize(
    ("policy", "needed"),
    [
        (VisibilityPolicy(unlabelled_weight=1, outside_weight=1, joints={"wrist": 2}), False),
        (VisibilityPolicy(occluded=-1), True),
        (VisibilityPolicy(occluded=0), True),
        (VisibilityPolicy(occluded_weight=0.5), True),
    ],
)
def test_occlusion_is_needed_where_an_occluded_joint_differs_from_a_visible_one(
    policy: VisibilityPolicy, needed: bool
) -> None:
    assert policy.needs_occlusion == needed
