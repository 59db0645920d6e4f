"""PCP: the share of limbs found, LSP's older score."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from posepyr.metrics.functional import correct_keypoints, distances, hits, known, mean_over_joints, within
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
        measured = self._measured(found.keypoints, positions, wanted)
        shares = np.array([correct_keypoints(*one, [self.threshold]).shares[0, 0] for one in measured])
        kinds = {part.kind: [other.kind == part.kind for other in self.parts] for part in self.parts}
        scores = {f"pcp/{kind}": mean_over_joints(shares[members]) for kind, members in kinds.items()}
        return known({"pcp": mean_over_joints(shares), **scores})

    def hits(self, found: Predictions, truth: Truth) -> FloatArray:
        """``N P`` of :attr:`parts`: 1 where a part was found, 0 where it was not, NaN where it is not asked for."""
        measured = self._measured(found.keypoints, truth.keypoints[found.sample], asked_for(found, truth, None))
        return np.concatenate([hits(*one, self.threshold) for one in measured], axis=1)

    @property
    def protocol(self) -> str:
        """How the score is taken, in words."""
        return (
            f"PCP@{self.threshold:g}, strict: limbs both of whose ends are {within()} {self.threshold:g} of their "
            "length; mean: every limb counts the same"
        )

    def _measured(
        self, predicted: FloatArray, truth: FloatArray, wanted: Asked
    ) -> Iterator[tuple[FloatArray, FloatArray, Asked]]:
        """Of each part: how far off its worse end is ``N 1``, its length ``N``, and whether it is asked for ``N 1``."""
        for part in self.parts:
            ends = [(middle(predicted, end), middle(truth, end)) for end in (part.start, part.end)]
            farther = np.maximum(*(distances(ours, theirs) for ours, theirs in ends))
            length = distances(ends[0][1], ends[1][1])
            # A limb of no length has no size to measure by: it is left out, as one that is not labelled.
            complete = wanted[:, part.start + part.end].all(axis=1) & (length > 0)
            yield farther[:, None], np.where(complete, length, np.nan), complete[:, None]


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
