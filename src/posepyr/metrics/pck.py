"""PCK: the share of joints found within a share of the body's size."""

from collections.abc import Sequence

from posepyr.metrics.breakdown import By, check, groups
from posepyr.metrics.functional import (
    by_kind,
    correct_keypoints,
    distances,
    hits,
    known,
    mean_over_joints,
    unit_length,
    within,
)
from posepyr.metrics.scorer import Asked, asked_for
from posepyr.records import FloatArray, Predictions, Truth
from posepyr.skeleton import Skeleton


class PCK:
    """Share of labelled joints found within ``threshold`` times the skeleton's unit length.

    PCK@0.2 on LSP takes left hip to right shoulder as the unit (MSSH eq. 7). Gives ``pck``, the mean over joints, and
    ``pck/<joint>`` with left and right taken together. People whose unit cannot be measured are left out;
    ``pck_left_out`` counts them. The unit is at least ``floor`` pixels. ``by`` adds means over some joints or people,
    as ``pck_by_visibility/occluded``: see :func:`~posepyr.metrics.breakdown.groups`.
    """

    def __init__(self, skeleton: Skeleton, threshold: float = 0.2, floor: float = 5.0, by: Sequence[By] = ()) -> None:
        pair = skeleton.unit_indices
        if pair is None:
            raise ValueError(
                f"skeleton {skeleton.name!r} must name a unit for PCK: the two joints whose distance the threshold "
                "is a share of, as unit: [left_hip, right_shoulder]"
            )
        if threshold <= 0:
            raise ValueError(f"metrics.pck.threshold must be positive, got {threshold}")
        check(by, "metrics.pck.by")
        self.skeleton, self.threshold, self.floor, self.pair, self.by = skeleton, threshold, floor, pair, by

    def __call__(self, found: Predictions, truth: Truth, asked: Asked | None = None) -> dict[str, float]:
        [shares], left_out = self._shares(found, truth, asked)
        kinds = {f"pck/{kind}": score for kind, score in by_kind(shares, self.skeleton.joints).items()}
        parts = {
            f"pck_by_{name}": mean_over_joints(self._shares(found, truth, mask)[0][0])
            for name, mask in groups(found, truth, self.by).items()
        }
        return known({"pck": mean_over_joints(shares), **kinds, **parts, "pck_left_out": float(left_out)})

    def _shares(self, found: Predictions, truth: Truth, asked: Asked | None) -> tuple[FloatArray, int]:
        distance, unit = self.measure(found, truth)
        counts = correct_keypoints(distance, unit, asked_for(found, truth, asked), [self.threshold])
        return counts.shares, counts.left_out

    def hits(self, found: Predictions, truth: Truth) -> FloatArray:
        """``N K``: 1 where a joint was found, 0 where it was not, NaN where it is not asked for."""
        distance, unit = self.measure(found, truth)
        return hits(distance, unit, asked_for(found, truth, None), self.threshold)

    @property
    def protocol(self) -> str:
        """How the score is taken, in words."""
        first, second = self.skeleton.unit or ("", "")
        return (
            f"PCK@{self.threshold:g}: joints {within()} {self.threshold:g} of the distance from {first} to {second}, "
            f"taken as {self.floor:g} pixels at least; mean: every joint counts the same"
        )

    @property
    def unit(self) -> str:
        """What distances are shares of, in words."""
        first, second = (self.skeleton.joints[index].replace("_", " ") for index in self.pair)
        return f"distance from {first} to {second}"

    def measure(self, found: Predictions, truth: Truth) -> tuple[FloatArray, FloatArray]:
        """Distances ``N K`` from the truth in pixels, and each person's unit ``N``."""
        positions = truth.keypoints[found.sample]
        unit = unit_length(positions, truth.visibility[found.sample], self.pair, self.floor)
        return distances(found.keypoints, positions), unit
