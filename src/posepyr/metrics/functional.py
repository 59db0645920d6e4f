"""Scores as pure functions of keypoints in image pixels."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.records import NOT_LABELLED, FloatArray

Visibility = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class Counts(NamedTuple):
    """Joints found at each of ``T`` thresholds, joints asked for, and people that could not be measured."""

    correct: npt.NDArray[np.int64]
    """``T K``."""
    counted: npt.NDArray[np.int64]
    """``K``."""
    left_out: int

    @property
    def shares(self) -> FloatArray:
        """Found of asked for, ``T K``; NaN where nothing was asked for."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.correct / self.counted, np.float64)


def distances(predicted: FloatArray, truth: FloatArray) -> FloatArray:
    """Pixels ``... K`` between keypoints ``... K 2``."""
    return np.asarray(np.linalg.norm(predicted - truth, axis=-1), np.float64)


def unit_length(truth: FloatArray, visibility: Visibility, pair: tuple[int, int], floor: float) -> FloatArray:
    """Distance ``N`` between the two joints of ``pair``, at least ``floor`` pixels; NaN where either is unlabelled."""
    first, second = pair
    length = np.maximum(distances(truth[:, first], truth[:, second]), floor)
    known = (visibility[:, [first, second]] != NOT_LABELLED).all(axis=1)
    return np.where(known, length, np.nan)


def hits(distance: FloatArray, unit: FloatArray, asked: Mask, threshold: float, strict: bool = False) -> FloatArray:
    """1 where an ``asked`` joint ``N K`` lies within ``threshold`` times ``unit`` ``N`` of the truth, else 0.

    ``distance`` is ``N K`` in pixels; NaN where nothing is asked, or the unit is NaN. With ``strict`` a joint must lie
    nearer than the threshold; without, a joint at the threshold is found as well.
    """
    measurable = asked & ~np.isnan(unit)[:, None]
    # A prediction that is no number compares as false: it finds nothing.
    relative = distance / unit[:, None]
    near = relative < threshold if strict else relative <= threshold
    return np.where(measurable, near, np.nan)


def within(strict: bool = False) -> str:
    """What :func:`hits` asks of distances, in words."""
    return "nearer than (<)" if strict else "no farther than (<=)"


def correct_keypoints(
    distance: FloatArray, unit: FloatArray, asked: Mask, thresholds: Sequence[float], strict: bool = False
) -> Counts:
    """The hits at some thresholds, counted by joint; people whose unit is NaN are left out and counted."""
    found = [hits(distance, unit, asked, threshold, strict) for threshold in thresholds]
    correct = np.stack([np.nansum(each, axis=0) for each in found]).astype(np.int64)
    return Counts(correct, (~np.isnan(found[0])).sum(axis=0), int(np.isnan(unit).sum()))


def mean_over_joints(shares: FloatArray) -> float:
    """Mean of the joints' shares ``K``, each of which counts the same; NaN without any."""
    known = shares[~np.isnan(shares)]
    return float(known.mean()) if len(known) else float("nan")


def by_kind(shares: FloatArray, joints: tuple[str, ...]) -> dict[str, float]:
    """Shares ``K`` of joints as means over left and right, by the joint's name without its side; no NaN."""
    means = {kind: mean_over_joints(shares[members]) for kind, members in joint_kinds(joints).items()}
    return {kind: mean for kind, mean in means.items() if not np.isnan(mean)}


def joint_kinds(joints: tuple[str, ...]) -> dict[str, list[int]]:
    """Joints grouped under their name without its side."""
    kinds: dict[str, list[int]] = {}
    for index, joint in enumerate(joints):
        kinds.setdefault(joint.removeprefix("left_").removeprefix("right_"), []).append(index)
    return kinds


def known(scores: dict[str, float]) -> dict[str, float]:
    """The scores that are numbers."""
    return {name: value for name, value in scores.items() if not np.isnan(value)}
