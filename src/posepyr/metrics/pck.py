"""PCK and MPII's PCKh: the share of joints found within a share of the body's or the head's size."""

from collections.abc import Mapping, Sequence

import numpy as np

from posepyr.metrics.functional import (
    Counts,
    Mask,
    by_kind,
    correct_keypoints,
    distances,
    hits,
    joint_kinds,
    mean_over_joints,
    unit_length,
    within,
    without_nan,
)
from posepyr.metrics.scorer import By, Scorer, check_groups, group_names, groups, labelled
from posepyr.records import FloatArray, Predictions, Truth
from posepyr.skeleton import Skeleton

CURVE = np.arange(51) / 100
"""Thresholds whose curve the AUC is the area under."""

NOT_SCORED = "people_not_scored"
"""Ends the name under which PCK and PCKh count the people whose size is not known: ``pck_people_not_scored``."""


class PCK(Scorer):
    """Share of labelled joints found within ``threshold`` times the skeleton's unit length.

    PCK@0.2 on LSP takes left hip to right shoulder as the unit (MSSH eq. 7). Gives ``pck``, the mean over joints, and
    ``pck/<joint>`` with left and right taken together. People whose unit cannot be measured, because one of its two
    joints is not labelled, are not scored; ``pck_people_not_scored`` counts them. The unit is at least ``floor``
    pixels. ``by`` adds means over some joints or people, as ``pck_by_visibility/occluded``: see
    :func:`~posepyr.metrics.scorer.groups`. ``together`` adds the mean of some joints under a name of its own, as a
    table's column has it: ``{"head": ["neck", "head_top"]}`` gives ``pck/head``, PyraNet's table 2.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        *,
        threshold: float = 0.2,
        floor: float = 5.0,
        by: Sequence[By] = (),
        together: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        pair = skeleton.unit_indices
        if pair is None:
            raise ValueError(
                f"skeleton {skeleton.name!r} must name a unit for PCK: the two joints whose distance the threshold "
                "is a share of, as unit: [left_hip, right_shoulder]"
            )
        if threshold <= 0:
            raise ValueError(f"threshold must be positive, got {threshold}")
        check_groups(by)
        self.skeleton, self.threshold, self.floor, self.pair, self.by = skeleton, threshold, floor, pair, by
        self.columns = {name: _indices(skeleton, name, joints) for name, joints in (together or {}).items()}

    def __call__(self, predictions: Predictions, truth: Truth, mask: Mask | None = None) -> dict[str, float]:
        counts = self._count(predictions, truth, mask)
        [shares] = counts.shares
        kinds = {f"pck/{kind}": share for kind, share in by_kind(shares, self.skeleton.joints).items()}
        kinds |= {f"pck/{name}": mean_over_joints(shares[members]) for name, members in self.columns.items()}
        parts = {
            f"pck_by_{name}": mean_over_joints(self._count(predictions, truth, group).shares[0])
            for name, group in groups(predictions, truth, self.by).items()
        }
        not_scored = {f"pck_{NOT_SCORED}": float(counts.people_not_scored)}
        return without_nan({"pck": mean_over_joints(shares), **kinds, **parts, **not_scored})

    @property
    def score_names(self) -> tuple[str, ...]:
        kinds = [f"pck/{kind}" for kind in (*joint_kinds(self.skeleton.joints), *self.columns)]
        return ("pck", *kinds, *(f"pck_by_{name}" for name in group_names(self.by)), f"pck_{NOT_SCORED}")

    def _count(self, predictions: Predictions, truth: Truth, mask: Mask | None) -> Counts:
        distance, unit = self.measure(predictions, truth)
        return correct_keypoints(distance, unit, labelled(predictions, truth, mask), [self.threshold])

    @property
    def targets(self) -> tuple[str, ...]:
        return self.skeleton.joints

    def hits(self, predictions: Predictions, truth: Truth) -> FloatArray:
        """Return 1 where a joint was found ``N K``, 0 where it was not, NaN where it does not count."""
        distance, unit = self.measure(predictions, truth)
        return hits(distance, unit, labelled(predictions, truth), self.threshold)

    @property
    def protocol(self) -> str:
        first, second = self.skeleton.unit or ("", "")
        return (
            f"PCK@{self.threshold:g}: share of joints whose distance from the annotation is {within()} "
            f"{self.threshold:g} times that from {first} to {second} ({self.floor:g} pixels at least); "
            "mean: average over the joints"
        )

    @property
    def unit(self) -> str:
        first, second = (self.skeleton.joints[index].replace("_", " ") for index in self.pair)
        return f"distance from {first} to {second}"

    def measure(self, predictions: Predictions, truth: Truth) -> tuple[FloatArray, FloatArray]:
        """Return distances ``N K`` from the truth in pixels, and each person's unit ``N``."""
        positions = truth.keypoints[predictions.sample]
        unit = unit_length(positions, truth.visibility[predictions.sample], self.pair, self.floor)
        return distances(predictions.keypoints, positions), unit


def _indices(skeleton: Skeleton, name: str, joints: Sequence[str]) -> list[int]:
    """Return the places of the joints of a column."""
    unknown = [joint for joint in joints if joint not in skeleton.joints]
    if unknown or not joints:
        raise ValueError(
            f"together must name joints of skeleton {skeleton.name!r}, got {', '.join(unknown) or 'none'} under {name}"
        )
    return [skeleton.joints.index(joint) for joint in joints]


class PCKh(Scorer):
    """Share of labelled joints found within thresholds times the head size, 0.6 times the head box's diagonal.

    Gives ``pckh`` at the first threshold, ``pckh@0.1`` at another, ``pckh/<joint>`` with left and right taken together,
    and ``pckh_auc``, the area under the curve up to 0.5 as a share of the whole. Two means are in use: ``pckh`` counts
    every joint the same, as the hourglass releases do, and ``pckh_weighted`` every annotated joint, as HRNet's does.
    Joints that ``left_out`` names are in neither, nor in the AUC.

    With ``strict`` a joint must lie nearer than the threshold (``<``, PyraNet's release), without it may lie at it
    (``<=``, HRNet's and MPII's own). ``compat`` repeats a slip of the releases of HRNet and PPNet, whose PCKh@0.1 is
    taken at 0.11. People without a head size are not scored; ``pckh_people_not_scored`` counts them. ``by`` adds means
    over some joints or people, as ``pckh_by_visibility/occluded``: see :func:`~posepyr.metrics.scorer.groups`.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        *,
        thresholds: Sequence[float] = (0.5, 0.1),
        strict: bool = False,
        left_out: Sequence[str] = ("pelvis", "thorax"),
        compat: bool = False,
        by: Sequence[By] = (),
    ) -> None:
        check_groups(by)
        if not thresholds or min(thresholds) <= 0:
            raise ValueError(f"thresholds must be one or more positive numbers, got {list(thresholds)}")
        self.skeleton, self.thresholds, self.by = skeleton, list(thresholds), by
        self.strict, self.compat = strict, compat
        self._in_mean = np.array([joint not in left_out for joint in skeleton.joints])

    def __call__(self, predictions: Predictions, truth: Truth, mask: Mask | None = None) -> dict[str, float]:
        self.check_truth(truth)
        counts = self._count(predictions, truth, mask)
        scores: dict[str, float] = {}
        for number in range(len(self.thresholds)):
            name = self._name(number)
            scores |= {name: self._mean(counts, number), f"{name}_weighted": self._weighted(counts, number)}
        scores["pckh_auc"] = self._area(counts)
        kinds = {f"pckh/{kind}": score for kind, score in by_kind(counts.shares[0], self.skeleton.joints).items()}
        parts = {
            f"pckh_by_{name}": self._mean(self._count(predictions, truth, group), 0)
            for name, group in groups(predictions, truth, self.by).items()
        }
        not_scored = {f"pckh_{NOT_SCORED}": float(counts.people_not_scored)}
        return without_nan({**scores, **kinds, **parts, **not_scored})

    def check_truth(self, truth: Truth) -> None:
        if "head_size" not in truth.measures:
            raise ValueError(
                "PCKh must have data that knows the size of heads, as MPII does, got data without; "
                "score with metrics=pck instead"
            )

    @property
    def score_names(self) -> tuple[str, ...]:
        means = [f"{self._name(number)}{end}" for number in range(len(self.thresholds)) for end in ("", "_weighted")]
        kinds = [f"pckh/{kind}" for kind in joint_kinds(self.skeleton.joints)]
        parts = [f"pckh_by_{name}" for name in group_names(self.by)]
        return (*means, "pckh_auc", *kinds, *parts, f"pckh_{NOT_SCORED}")

    def _name(self, number: int) -> str:
        """Return the name of the mean at one of the thresholds."""
        return f"pckh@{self.thresholds[number]:g}" if number else "pckh"

    def _count(self, predictions: Predictions, truth: Truth, mask: Mask | None = None) -> Counts:
        """Count the joints found at each of the thresholds, and then along the curve."""
        distance, size = self.measure(predictions, truth)
        thresholds = [*self._measured_thresholds, *CURVE.tolist()]
        return correct_keypoints(distance, size, labelled(predictions, truth, mask), thresholds, self.strict)

    @property
    def targets(self) -> tuple[str, ...]:
        return self.skeleton.joints

    def hits(self, predictions: Predictions, truth: Truth) -> FloatArray:
        """Return 1 where a joint was found at the first threshold ``N K``, 0 where not, NaN where it is in no mean."""
        distance, size = self.measure(predictions, truth)
        mask = labelled(predictions, truth) & self._in_mean
        return hits(distance, size, mask, self._measured_thresholds[0], self.strict)

    def measure(self, predictions: Predictions, truth: Truth) -> tuple[FloatArray, FloatArray]:
        """Return distances ``N K`` from the truth in pixels, and each person's head size ``N``."""
        size = np.asarray(truth.measures["head_size"], np.float64)[predictions.sample]
        return distances(predictions.keypoints, truth.keypoints[predictions.sample]), size

    @property
    def protocol(self) -> str:
        first = self.thresholds[0]
        left_out = [joint for joint, counts in zip(self.skeleton.joints, self._in_mean, strict=True) if not counts]
        slip = "; PCKh@0.1 is measured at 0.11, as by the releases of HRNet and PPNet" if self.compat else ""
        return (
            f"PCKh@{first:g}: share of joints whose distance from the annotation is {within(self.strict)} {first:g} "
            "times the size of the head, which is 0.6 times the diagonal of its box; mean: average over the joints, "
            "weighted: average over all annotated joints"
            f"{', both without ' + ' and '.join(left_out) if left_out else ''}{slip}"
        )

    @property
    def unit(self) -> str:
        return "size of the head"

    @property
    def _measured_thresholds(self) -> list[float]:
        return [0.11 if self.compat and threshold == 0.1 else threshold for threshold in self.thresholds]

    def _mean(self, counts: Counts, number: int) -> float:
        return mean_over_joints(np.where(self._in_mean, counts.shares[number], np.nan))

    def _weighted(self, counts: Counts, number: int) -> float:
        joints = int(counts.counted[self._in_mean].sum())
        return float(counts.correct[number][self._in_mean].sum() / joints) if joints else float("nan")

    def _area(self, counts: Counts) -> float:
        curve = [self._mean(counts, len(self.thresholds) + number) for number in range(len(CURVE))]
        return float(np.trapezoid(curve, CURVE) / CURVE[-1])
