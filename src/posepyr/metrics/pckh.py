"""PCKh: MPII's score, the share of joints found within a share of the head's size."""

from collections.abc import Sequence

import numpy as np

from posepyr.metrics.breakdown import By, check, groups
from posepyr.metrics.functional import (
    Counts,
    by_kind,
    correct_keypoints,
    distances,
    hits,
    known,
    mean_over_joints,
    within,
)
from posepyr.metrics.scorer import Asked, asked_for
from posepyr.records import FloatArray, Predictions, Truth
from posepyr.skeleton import Skeleton

CURVE = np.arange(51) / 100
"""Thresholds whose curve the AUC is the area under."""


class PCKh:
    """Share of labelled joints found within thresholds times the head size, 0.6 times the head box's diagonal.

    Gives ``pckh`` at the first threshold, ``pckh@0.1`` at another, ``pckh/<joint>`` with left and right taken together,
    and ``pckh_auc``, the area under the curve up to 0.5 as a share of the whole. Two means are in use: ``pckh`` counts
    every joint the same, as the hourglass releases do, and ``pckh_weighted`` every annotated joint, as HRNet's does.
    Joints that ``left_out`` names are in neither, nor in the AUC.

    With ``strict`` a joint must lie nearer than the threshold (``<``, PyraNet's release), without it may lie at it
    (``<=``, HRNet's and MPII's own). ``compat`` repeats a slip of the releases of HRNet and PPNet, whose PCKh@0.1 is
    taken at 0.11. People without a head size are left out; ``pckh_left_out`` counts them. ``by`` adds means over some
    joints or people, as ``pckh_by_visibility/occluded``: see :func:`~posepyr.metrics.breakdown.groups`.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        thresholds: Sequence[float] = (0.5, 0.1),
        strict: bool = False,
        left_out: Sequence[str] = ("pelvis", "thorax"),
        compat: bool = False,
        by: Sequence[By] = (),
    ) -> None:
        check(by, "metrics.pckh.by")
        if not thresholds or min(thresholds) <= 0:
            raise ValueError(f"metrics.pckh.thresholds must be one or more positive numbers, got {list(thresholds)}")
        self.skeleton, self.thresholds, self.by = skeleton, list(thresholds), by
        self.strict, self.compat = strict, compat
        self._counts = np.array([joint not in left_out for joint in skeleton.joints])

    def __call__(self, found: Predictions, truth: Truth, asked: Asked | None = None) -> dict[str, float]:
        if "head_size" not in truth.measures:
            raise ValueError(
                "metrics.pckh must have data that knows the size of heads, as MPII does, got data without; "
                "drop it with metrics.pckh=null or score with metrics=pck"
            )
        counts = self.count(found, truth, asked)
        scores: dict[str, float] = {}
        for number, threshold in enumerate(self.thresholds):
            name = f"pckh@{threshold:g}" if number else "pckh"
            scores |= {name: self._mean(counts, number), f"{name}_weighted": self._weighted(counts, number)}
        scores["pckh_auc"] = self._area(counts)
        kinds = {f"pckh/{kind}": score for kind, score in by_kind(counts.shares[0], self.skeleton.joints).items()}
        parts = {
            f"pckh_by_{name}": self._mean(self.count(found, truth, mask), 0)
            for name, mask in groups(found, truth, self.by).items()
        }
        return known({**scores, **kinds, **parts, "pckh_left_out": float(counts.left_out)})

    def count(self, found: Predictions, truth: Truth, asked: Asked | None = None) -> Counts:
        """Joints found at each of the thresholds, and then along the curve."""
        distance, size = self.measure(found, truth)
        wanted = asked_for(found, truth, asked)
        return correct_keypoints(distance, size, wanted, [*self._distances, *CURVE.tolist()], self.strict)

    def hits(self, found: Predictions, truth: Truth) -> FloatArray:
        """``N K`` at the first threshold: 1 where a joint was found, 0 where not, NaN where it is in no mean."""
        distance, size = self.measure(found, truth)
        wanted = asked_for(found, truth, None) & self._counts
        return hits(distance, size, wanted, self._distances[0], self.strict)

    def measure(self, found: Predictions, truth: Truth) -> tuple[FloatArray, FloatArray]:
        """Distances ``N K`` from the truth in pixels, and each person's head size ``N``."""
        size = np.asarray(truth.measures["head_size"], np.float64)[found.sample]
        return distances(found.keypoints, truth.keypoints[found.sample]), size

    @property
    def protocol(self) -> str:
        """How the score is taken, in words."""
        first = self.thresholds[0]
        left_out = [joint for joint, counts in zip(self.skeleton.joints, self._counts, strict=True) if not counts]
        slip = "; what is said of 0.1 is measured at 0.11, as by the releases of HRNet and PPNet" if self.compat else ""
        return (
            f"PCKh@{first:g}: joints {within(self.strict)} {first:g} of the head's size, 0.6 times the diagonal of its "
            "box; mean: every joint counts the same, weighted: every annotated joint"
            f"{', both without ' + ' and '.join(left_out) if left_out else ''}{slip}"
        )

    @property
    def unit(self) -> str:
        """What distances are shares of, in words."""
        return "size of the head"

    @property
    def _distances(self) -> list[float]:
        """The thresholds as they are measured at."""
        return [0.11 if self.compat and threshold == 0.1 else threshold for threshold in self.thresholds]

    def _mean(self, counts: Counts, number: int) -> float:
        return mean_over_joints(np.where(self._counts, counts.shares[number], np.nan))

    def _weighted(self, counts: Counts, number: int) -> float:
        asked = int(counts.counted[self._counts].sum())
        return float(counts.correct[number][self._counts].sum() / asked) if asked else float("nan")

    def _area(self, counts: Counts) -> float:
        curve = [self._mean(counts, len(self.thresholds) + number) for number in range(len(CURVE))]
        return float(np.trapezoid(curve, CURVE) / CURVE[-1])
