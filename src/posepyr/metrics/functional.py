"""Scores as pure functions of keypoints in image pixels."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.records import NOT_LABELLED, FloatArray

Visibility = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class Counts(NamedTuple):
    """Joints found at each of ``T`` thresholds, joints that count, and people whose size is not known."""

    correct: npt.NDArray[np.int64]
    """``T K``."""
    counted: npt.NDArray[np.int64]
    """``K``."""
    people_not_scored: int

    @property
    def shares(self) -> FloatArray:
        """Return the found among the counted joints, ``T K``; NaN where none counts."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.correct / self.counted, np.float64)


def distances(predicted: FloatArray, truth: FloatArray) -> FloatArray:
    """Return the pixels ``... K`` between keypoints ``... K 2``."""
    return np.asarray(np.linalg.norm(predicted - truth, axis=-1), np.float64)


def unit_length(truth: FloatArray, visibility: Visibility, pair: tuple[int, int], floor: float) -> FloatArray:
    """Return the distance ``N`` between two joints, at least ``floor`` pixels; NaN where either is unlabelled."""
    first, second = pair
    length = np.maximum(distances(truth[:, first], truth[:, second]), floor)
    both = (visibility[:, [first, second]] != NOT_LABELLED).all(axis=1)
    return np.where(both, length, np.nan)


def hits(distance: FloatArray, unit: FloatArray, mask: Mask, threshold: float, strict: bool = False) -> FloatArray:
    """Return 1 where a joint lies within ``threshold`` times ``unit`` ``N`` of the truth, else 0.

    ``distance`` is ``N K`` in pixels. The result is NaN outside of ``mask`` ``N K``, and where the unit is NaN. With
    ``strict`` a joint must lie nearer than the threshold; without, a joint at the threshold is found as well.
    """
    measurable = mask & ~np.isnan(unit)[:, None]
    # A prediction that is no number compares as false: it finds nothing.
    relative = distance / unit[:, None]
    near = relative < threshold if strict else relative <= threshold
    return np.where(measurable, near, np.nan)


def within(strict: bool = False) -> str:
    """Return in words what :func:`hits` asks of distances."""
    return "below (<)" if strict else "at most (<=)"


def correct_keypoints(
    distance: FloatArray, unit: FloatArray, mask: Mask, thresholds: Sequence[float], strict: bool = False
) -> Counts:
    """Count the hits at some thresholds by joint, and the people whose unit is NaN, who are not scored."""
    found = [hits(distance, unit, mask, threshold, strict) for threshold in thresholds]
    correct = np.stack([np.nansum(each, axis=0) for each in found]).astype(np.int64)
    return Counts(correct, (~np.isnan(found[0])).sum(axis=0), int(np.isnan(unit).sum()))


def mean_over_joints(shares: FloatArray) -> float:
    """Return the mean of the joints' shares ``K``, each of which counts the same; NaN without any."""
    numbers = shares[~np.isnan(shares)]
    return float(numbers.mean()) if len(numbers) else float("nan")


def by_kind(shares: FloatArray, joints: tuple[str, ...]) -> dict[str, float]:
    """Return shares ``K`` of joints as means over left and right, by the joint's name without its side; no NaN."""
    return without_nan({kind: mean_over_joints(shares[members]) for kind, members in joint_kinds(joints).items()})


def joint_kinds(joints: tuple[str, ...]) -> dict[str, list[int]]:
    """Group joints under their name without its side: ``{"wrist": [10, 15]}``."""
    kinds: dict[str, list[int]] = {}
    for index, joint in enumerate(joints):
        kinds.setdefault(joint.removeprefix("left_").removeprefix("right_"), []).append(index)
    return kinds


def without_nan(scores: dict[str, float]) -> dict[str, float]:
    """Return the scores that are numbers."""
    return {name: value for name, value in scores.items() if not np.isnan(value)}
