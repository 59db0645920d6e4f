"""PCP: the share of limbs found, LSP's older score."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from posepyr.metrics.functional import Counts, correct_keypoints, distances, known, mean_over_joints
from posepyr.metrics.scorer import Asked, asked_for
from posepyr.records import FloatArray, Predictions, Truth
from posepyr.skeleton import Skeleton

PARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "torso": (("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")),
    "head": (("head_top",), ("neck",)),
    "upper_leg": (("hip",), ("knee",)),
    "lower_leg": (("knee",), ("ankle",)),
    "upper_arm": (("shoulder",), ("elbow",)),
    "forearm": (("elbow",), ("wrist",)),
}
"""Ends of the parts of a body, whose joints' middle is meant; without a side, the part is there once for each."""


class Part(NamedTuple):
    """A limb: its kind, and the joints at its two ends."""

    kind: str
    start: list[int]
    end: list[int]


class PCP:
    """Share of limbs both of whose ends lie within ``threshold`` times the limb's length of the truth (strict PCP).

    MSSH, section 5.1. Gives ``pcp``, the mean over LSP's ten parts, and ``pcp/<part>`` with left and right taken
    together. The torso goes from the middle of the shoulders to the middle of the hips, a reading: the paper does not
    say. A part that has a joint which is not labelled is not asked for.
    """

    def __init__(self, skeleton: Skeleton, threshold: float = 0.5) -> None:
        if threshold <= 0:
            raise ValueError(f"metrics.pcp.threshold must be positive, got {threshold}")
        self.threshold = threshold
        self.parts = parts_of(skeleton)
        if not self.parts:
            raise ValueError(
                f"skeleton {skeleton.name!r} must have both ends of a limb for PCP, as hip and knee, "
                f"got {', '.join(skeleton.joints)}"
            )

    def __call__(self, found: Predictions, truth: Truth, asked: Asked | None = None) -> dict[str, float]:
        wanted = asked_for(found, truth, asked)
        positions = truth.keypoints[found.sample]
        counts = [self._count(part, found.keypoints, positions, wanted) for part in self.parts]
        shares = np.array([count.shares[0, 0] for count in counts])
        kinds = {part.kind: [other.kind == part.kind for other in self.parts] for part in self.parts}
        scores = {f"pcp/{kind}": mean_over_joints(shares[members]) for kind, members in kinds.items()}
        return known({"pcp": mean_over_joints(shares), **scores})

    def _count(self, part: Part, predicted: FloatArray, truth: FloatArray, wanted: Asked) -> Counts:
        ends = [(middle(predicted, end), middle(truth, end)) for end in (part.start, part.end)]
        farther = np.maximum(*(distances(ours, theirs) for ours, theirs in ends))
        length = distances(ends[0][1], ends[1][1])
        # A limb of no length has no size to measure by: it is left out, as one that is not labelled.
        complete = wanted[:, part.start + part.end].all(axis=1) & (length > 0)
        return correct_keypoints(
            farther[:, None], np.where(complete, length, np.nan), complete[:, None], [self.threshold]
        )


def middle(keypoints: FloatArray, joints: Sequence[int]) -> FloatArray:
    """The middle ``N 2`` of some joints of keypoints ``N K 2``."""
    return np.asarray(keypoints[:, list(joints)].mean(axis=1), np.float64)


def parts_of(skeleton: Skeleton) -> list[Part]:
    """The parts of a body that a skeleton has both ends of."""
    found = []
    for kind, ends in PARTS.items():
        sides = ("",) if set(ends[0]) <= set(skeleton.joints) else ("left_", "right_")
        for side in sides:
            start, end = ([f"{side}{joint}" for joint in joints] for joints in ends)
            if set(start + end) <= set(skeleton.joints):
                found.append(Part(kind, [skeleton.index(joint) for joint in start], [skeleton.index(j) for j in end]))
    return found
