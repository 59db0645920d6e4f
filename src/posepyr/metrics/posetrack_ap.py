"""Average precision of joints by the rules of PoseTrack's benchmark."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.metrics.functional import Mask
from posepyr.metrics.posetrack_frames import THRESHOLD, ScoredFrame, distances
from posepyr.records import FloatArray


class _Labelled(NamedTuple):
    """Everybody found in a frame, ``M``."""

    present: Mask
    """``M K``."""
    scores: FloatArray
    """``M K``."""
    right: Mask
    """``M K``."""


def average_precision(frames: Sequence[ScoredFrame], joints: int) -> FloatArray:
    """AP of each joint ``K``, not a number where it is never annotated. Takes what ``counted`` gives.

    Whoever is found stands for one annotated person at most; a joint is right if it lies within the threshold of that
    person's, and wrong if that person's is not annotated. The curve goes over all joints of all frames, by score.
    """
    labelled = [_label(frame) for frame in frames]
    none = np.zeros((0, joints))
    nobody = _Labelled(none.astype(np.bool_), none, none.astype(np.bool_))
    everybody = _Labelled._make(np.concatenate(fields) for fields in zip(nobody, *labelled, strict=True))
    annotated = sum((frame.truth.present.sum(axis=0) for frame in frames), np.zeros(joints, np.int64))
    areas = []
    for joint in range(joints):
        present = everybody.present[:, joint]
        scores, right = everybody.scores[present, joint], everybody.right[present, joint]
        areas.append(area_under_curve(scores, right, int(annotated[joint])))
    return np.array(areas)


def _label(frame: ScoredFrame) -> _Labelled:
    near = distances(frame) <= THRESHOLD  # M N K
    person = assigned(near, frame.truth.present)
    right = np.zeros(frame.found.present.shape, np.bool_)
    taken = person >= 0
    right[taken] = near[taken, person[taken]]
    return _Labelled(frame.found.present, frame.found.scores, right)


def assigned(near: Mask, annotated: Mask) -> npt.NDArray[np.intp]:
    """Whom each of ``M`` found people stands for among ``N`` annotated ones, -1 for nobody.

    ``near`` ``M N K`` says which joints agree, ``annotated`` ``N K`` which there are. By the share of joints that
    agree, everybody found picks the best annotated person, and everybody annotated the best of those who picked them;
    who is turned down gets no second choice. Of equals the first is the better.
    """
    people = np.full(len(near), -1, np.intp)
    if not near.size:
        return people
    share = near.sum(axis=2) / np.maximum(annotated.sum(axis=1), 1)
    picked = np.arange(len(annotated)) == share.argmax(axis=1)[:, None]
    share = np.where(picked, share, 0.0)
    claimed = np.flatnonzero(share.max(axis=0) > 0)
    people[share.argmax(axis=0)[claimed]] = claimed
    return people


def area_under_curve(scores: FloatArray, right: Mask, annotated: int) -> float:
    """Area under the precision that is still reached at any recall, over ``N`` scored joints.

    Joints with the same score are taken together, since nothing puts one before the other.
    """
    if not annotated:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    falls = np.append(scores[order][1:] != scores[order][:-1], True)[: len(order)]
    taken = np.flatnonzero(falls) + 1
    found = right[order].cumsum()[falls]
    precision = np.maximum.accumulate((found / taken)[::-1])[::-1]
    return float((np.diff(found, prepend=0) * precision).sum() / annotated)
