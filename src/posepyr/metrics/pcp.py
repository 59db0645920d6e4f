"""PCP: the share of limbs found, LSP's older score."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from posepyr.metrics.functional import Mask, correct_keypoints, distances, hits, mean_over_joints, within, without_nan
from posepyr.metrics.scorer import Scorer, labelled
from posepyr.records import FloatArray, Predictions, Truth
from posepyr.skeleton import Skeleton

LIMBS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "torso": (("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")),
    "head": (("head_top",), ("neck",)),
    "upper_leg": (("hip",), ("knee",)),
    "lower_leg": (("knee",), ("ankle",)),
    "upper_arm": (("shoulder",), ("elbow",)),
    "forearm": (("elbow",), ("wrist",)),
}
"""Joints at both ends, of whose middle an end is; a limb whose joints bear no side is there once for each side."""


class Limb(NamedTuple):
    """A limb: its kind, and the joints at its two ends."""

    kind: str
    start: list[int]
    end: list[int]


class PCP(Scorer):
    """Share of limbs both of whose ends lie within ``threshold`` times the limb's length of the truth (strict PCP).

    MSSH, section 5.1. Gives ``pcp``, the mean over LSP's ten limbs, and ``pcp/<limb>`` with left and right taken
    together. The torso goes from the middle of the shoulders to the middle of the hips, a reading: the paper does not
    say. A limb with a joint that is not labelled does not count.
    """

    def __init__(self, skeleton: Skeleton, threshold: float = 0.5) -> None:
        if threshold <= 0:
            raise ValueError(f"threshold must be positive, got {threshold}")
        self.threshold = threshold
        self.limbs = limbs_of(skeleton)
        if not self.limbs:
            raise ValueError(
                f"skeleton {skeleton.name!r} must have both ends of a limb for PCP, as hip and knee, "
                f"got {', '.join(skeleton.joints)}"
            )

    def __call__(self, predictions: Predictions, truth: Truth, mask: Mask | None = None) -> dict[str, float]:
        measured = self._measured(predictions, truth, labelled(predictions, truth, mask))
        shares = np.array([correct_keypoints(*limb, [self.threshold]).shares[0, 0] for limb in measured])
        kinds = {limb.kind: [other.kind == limb.kind for other in self.limbs] for limb in self.limbs}
        scores = {f"pcp/{kind}": mean_over_joints(shares[members]) for kind, members in kinds.items()}
        return without_nan({"pcp": mean_over_joints(shares), **scores})

    @property
    def score_names(self) -> tuple[str, ...]:
        return ("pcp", *dict.fromkeys(f"pcp/{limb.kind}" for limb in self.limbs))

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(limb.kind for limb in self.limbs)

    def hits(self, predictions: Predictions, truth: Truth) -> FloatArray:
        """Return 1 where a limb was found ``N L``, 0 where it was not, NaN where it does not count."""
        measured = self._measured(predictions, truth, labelled(predictions, truth))
        return np.concatenate([hits(*limb, self.threshold) for limb in measured], axis=1)

    @property
    def protocol(self) -> str:
        return (
            f"PCP@{self.threshold:g}, strict: share of limbs both of whose ends have a distance from the annotation of "
            f"{within()} {self.threshold:g} times the limb's length; mean: average over the limbs"
        )

    def _measured(
        self, predictions: Predictions, truth: Truth, mask: Mask
    ) -> Iterator[tuple[FloatArray, FloatArray, Mask]]:
        """Yield for each limb how far off its worse end is ``N 1``, its length ``N``, and whether it counts ``N 1``."""
        predicted, positions = predictions.keypoints, truth.keypoints[predictions.sample]
        for limb in self.limbs:
            ends = [(middle(predicted, end), middle(positions, end)) for end in (limb.start, limb.end)]
            farther = np.maximum(*(distances(ours, theirs) for ours, theirs in ends))
            length = distances(ends[0][1], ends[1][1])
            # A limb of no length has no size to measure by: it does not count, as one that is not labelled.
            complete = mask[:, limb.start + limb.end].all(axis=1) & (length > 0)
            yield farther[:, None], np.where(complete, length, np.nan), complete[:, None]


def middle(keypoints: FloatArray, joints: Sequence[int]) -> FloatArray:
    """Return the middle ``N 2`` of some joints of keypoints ``N K 2``."""
    return np.asarray(keypoints[:, list(joints)].mean(axis=1), np.float64)


def limbs_of(skeleton: Skeleton) -> list[Limb]:
    """Return the limbs that a skeleton has both ends of."""
    limbs = []
    for kind, ends in LIMBS.items():
        sides = ("",) if set(ends[0]) <= set(skeleton.joints) else ("left_", "right_")
        for side in sides:
            start, end = ([f"{side}{joint}" for joint in joints] for joints in ends)
            if set(start + end) <= set(skeleton.joints):
                limbs.append(Limb(kind, [skeleton.index(joint) for joint in start], [skeleton.index(j) for j in end]))
    return limbs
