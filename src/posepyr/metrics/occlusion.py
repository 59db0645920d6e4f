"""Whether a joint is hidden, as networks with signed heatmaps say it."""

from collections.abc import Sequence

import numpy as np

from posepyr.metrics.breakdown import By, check, groups
from posepyr.metrics.functional import by_kind, known, mean_over_joints
from posepyr.metrics.scorer import Asked, asked_for
from posepyr.records import FloatArray, Predictions, Truth
from posepyr.skeleton import Skeleton


class Occlusion:
    """Share of labelled joints whose visibility is read as it is annotated, wherever they were found.

    It is read off the sign of a joint's peak (MSSH, section 4.1), by a codec that is ``signed``. Gives ``occlusion``,
    the mean over joints, and ``occlusion/<joint>`` with left and right taken together. Most joints are visible: by
    default ``occlusion_by_visibility/visible`` and ``/occluded`` are given too, which say what always answering the
    same is worth. See :func:`~posepyr.metrics.breakdown.groups` for other ways ``by`` which to break it down.
    """

    def __init__(self, skeleton: Skeleton, by: Sequence[By] = ("visibility",)) -> None:
        check(by, "metrics.occlusion.by")
        self.skeleton, self.by = skeleton, by

    def __call__(self, found: Predictions, truth: Truth, asked: Asked | None = None) -> dict[str, float]:
        shares = self._shares(found, truth, asked)
        kinds = {f"occlusion/{kind}": share for kind, share in by_kind(shares, self.skeleton.joints).items()}
        parts = {
            f"occlusion_by_{name}": mean_over_joints(self._shares(found, truth, mask))
            for name, mask in groups(found, truth, self.by).items()
        }
        return known({"occlusion": mean_over_joints(shares), **kinds, **parts})

    @property
    def protocol(self) -> str:
        """How the score is taken, in words."""
        return "occlusion: labelled joints whose visibility is read as annotated; mean: every joint counts the same"

    def _shares(self, found: Predictions, truth: Truth, asked: Asked | None) -> FloatArray:
        """Of each joint ``K``; NaN where nothing is asked."""
        if found.visibility is None:
            raise ValueError(
                "metrics.occlusion must have predictions that tell visible joints from occluded ones, as "
                "codec.signed=true reads them, got others; drop it with metrics.occlusion=null"
            )
        wanted = asked_for(found, truth, asked)
        right = (found.visibility == truth.visibility[found.sample]) & wanted
        with np.errstate(invalid="ignore"):
            return np.asarray(right.sum(axis=0) / wanted.sum(axis=0), np.float64)
