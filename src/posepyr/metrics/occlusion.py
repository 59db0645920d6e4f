"""The score of visibility: whether a joint is hidden, as networks with signed heatmaps tell it."""

from collections.abc import Sequence

import numpy as np

from posepyr.metrics.functional import Mask, by_kind, joint_kinds, mean_over_joints, without_nan
from posepyr.metrics.scorer import By, Scorer, check_groups, group_names, groups, labelled
from posepyr.records import FloatArray, Predictions, Truth
from posepyr.skeleton import Skeleton


class Occlusion(Scorer):
    """Share of labelled joints whose visibility is predicted as it is annotated, wherever they were found.

    It is read off the sign of a joint's peak (MSSH, section 4.1), by a codec that is ``signed``. Gives ``occlusion``,
    the mean over joints, and ``occlusion/<joint>`` with left and right taken together. Most joints are visible: by
    default ``occlusion_by_visibility/visible`` and ``/occluded`` are given too, which tell what always answering the
    same is worth. See :func:`~posepyr.metrics.scorer.groups` for other ways ``by`` which to break it down.
    """

    def __init__(self, skeleton: Skeleton, by: Sequence[By] = ("visibility",)) -> None:
        check_groups(by)
        self.skeleton, self.by = skeleton, by

    def __call__(self, predictions: Predictions, truth: Truth, mask: Mask | None = None) -> dict[str, float]:
        shares = self._shares(predictions, truth, mask)
        kinds = {f"occlusion/{kind}": share for kind, share in by_kind(shares, self.skeleton.joints).items()}
        parts = {
            f"occlusion_by_{name}": mean_over_joints(self._shares(predictions, truth, group))
            for name, group in groups(predictions, truth, self.by).items()
        }
        return without_nan({"occlusion": mean_over_joints(shares), **kinds, **parts})

    @property
    def score_names(self) -> tuple[str, ...]:
        kinds = [f"occlusion/{kind}" for kind in joint_kinds(self.skeleton.joints)]
        return ("occlusion", *kinds, *(f"occlusion_by_{name}" for name in group_names(self.by)))

    @property
    def needs_occlusion(self) -> bool:
        return True

    @property
    def protocol(self) -> str:
        return "occlusion: share of annotated joints whose visibility is predicted right; mean: average over the joints"

    def _shares(self, predictions: Predictions, truth: Truth, mask: Mask | None) -> FloatArray:
        """Return the share of each joint ``K``; NaN where none counts."""
        if predictions.visibility is None:
            raise ValueError(
                "the occlusion score must have predictions that tell visible joints from occluded ones, as a codec "
                "with signed=true reads them, got others"
            )
        counted = labelled(predictions, truth, mask)
        right = (predictions.visibility == truth.visibility[predictions.sample]) & counted
        with np.errstate(invalid="ignore"):
            return np.asarray(right.sum(axis=0) / counted.sum(axis=0), np.float64)
