"""PoseTrack's scores: mAP of poses in single frames, and MOTA of poses followed through videos."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.metrics import functional
from posepyr.metrics.average_precision import grouped
from posepyr.metrics.functional import Mask, by_kind, joint_kinds, mean_over_joints, within, without_nan
from posepyr.metrics.posetrack_frames import (
    NOT_FOLLOWED,
    THRESHOLD,
    FoundPeople,
    ScoredFrame,
    counted,
    distances,
)
from posepyr.metrics.posetrack_mota import track
from posepyr.metrics.scorer import Scorer
from posepyr.records import FloatArray, Predictions, Truth
from posepyr.skeleton import POSETRACK_JOINTS, Skeleton

HEAD = ("nose", "head_bottom", "head_top")
"""Joints that the benchmark's tables call the head."""

RULES = (
    f"PoseTrack: a joint is found if its distance from the annotation is {within()} {THRESHOLD:g} times the size of "
    "the head; regions to ignore do not count"
)
"""The rule that both scores share, in words."""


class PoseTrackAP(Scorer):
    """Average precision of joints in single frames of videos, by the rules of PoseTrack's benchmark.

    Gives ``map``, the mean over PoseTrack's joints, and ``map/<joint>``, as :func:`scores` does, against all that the
    annotation files hold: regions to ignore, and people without a box to look into. A joint that the skeleton lacks is
    never found. MOTA is not given, because people are not followed here: the tracks of annotated boxes are the truth's
    own.
    """

    def __init__(self, skeleton: Skeleton) -> None:
        self._columns = np.array(
            [skeleton.index(joint) if joint in skeleton.joints else -1 for joint in POSETRACK_JOINTS]
        )
        if (self._columns < 0).all():
            raise ValueError(
                f"skeleton {skeleton.name!r} must have joints of PoseTrack for its average precision, got "
                f"{', '.join(skeleton.joints)}; PoseTrack has {', '.join(POSETRACK_JOINTS)}"
            )

    def __call__(self, predictions: Predictions, truth: Truth, mask: Mask | None = None) -> dict[str, float]:
        frames = self._frames(predictions, truth, _videos(truth)())
        return mean_average_precision(counted(frames), POSETRACK_JOINTS)

    def check_truth(self, truth: Truth) -> None:
        _videos(truth)

    @property
    def score_names(self) -> tuple[str, ...]:
        return ("map", *(f"map/{kind}" for kind in joint_kinds(_with_one_head(POSETRACK_JOINTS))))

    def _frames(
        self, predictions: Predictions, truth: Truth, annotated: Mapping[str, ScoredFrame]
    ) -> list[ScoredFrame]:
        """Put the predictions into their frames; those of a part of the people count in these frames alone."""
        images = truth.measures["image"].astype(np.str_)[predictions.sample]
        keypoints, scores = predictions.keypoints[:, self._columns], predictions.scores[:, self._columns]
        present = np.isfinite(keypoints).all(axis=2) & (self._columns >= 0)
        people = FoundPeople(keypoints, present, np.full(len(images), NOT_FOLLOWED), scores)
        members = dict(zip(np.unique(images).tolist(), grouped(images), strict=True)) if len(images) else {}
        unknown = sorted(set(members) - set(annotated))
        if unknown:
            raise ValueError(
                f"the annotation files must have the frames that people were found in, got none for {unknown[0]}"
            )
        complete = len(predictions.sample) == len(truth.boxes)
        frames = dict(annotated) if complete else {name: annotated[name] for name in members}
        for name, rows in members.items():
            frames[name] = frames[name]._replace(found=FoundPeople._make(field[rows] for field in people))
        return list(frames.values())

    @property
    def protocol(self) -> str:
        return f"{RULES}; mAP in single frames; mean: average over the joints"

    @property
    def unit(self) -> str:
        return "size of the head"

    def measure(self, predictions: Predictions, truth: Truth) -> tuple[FloatArray, FloatArray]:
        """Return distances ``N K`` from the truth in pixels, and each person's head size ``N``: NaN in found boxes."""
        unknown = np.full(len(truth.boxes), np.nan)
        size = np.asarray(truth.measures.get("head_size", unknown), np.float64)[predictions.sample]
        return functional.distances(predictions.keypoints, truth.keypoints[predictions.sample]), size


def scores(frames: Sequence[ScoredFrame], joints: tuple[str, ...], compat: bool = False) -> dict[str, float]:
    """Return PoseTrack's scores as shares of 1: joints are found within half a head size of the truth.

    Gives ``map``, the mean over joints of :func:`average_precision`, and ``map/<joint>`` with left and right, and
    nose, head top and head bottom, taken together. Where all found people are followed, ``mota``, ``mota/<joint>``,
    ``motp``, ``precision`` and ``recall`` come with it, means over joints as well. ``frames`` are all frames of some
    videos, one video after the other.

    ``compat`` gives the MOTA of the benchmark's own tables, down to its slips: see
    :func:`~posepyr.metrics.posetrack_mota.track`. Its MOTP is not repeated: it also sums the distances of pairs that
    were not matched.
    """
    frames = counted(frames)
    found = mean_average_precision(frames, joints)
    if not _followed(frames):
        return found
    tracking = track(frames, len(joints), compat)
    totals = {"motp": tracking.nearness, "precision": tracking.precision, "recall": tracking.recall}
    means = without_nan({name: mean_over_joints(shares) for name, shares in totals.items()})
    return found | _means("mota", tracking.accuracy, joints) | means


def mean_average_precision(frames: Sequence[ScoredFrame], joints: tuple[str, ...]) -> dict[str, float]:
    """Return ``map`` and ``map/<joint>`` of frames from ``counted``, whether or not people are followed."""
    return _means("map", average_precision(frames, len(joints)), joints)


def _followed(frames: Sequence[ScoredFrame]) -> bool:
    """Return True where people were followed through videos, False where each frame was looked at alone."""
    alone = [frame for frame in frames if (frame.found.track == NOT_FOLLOWED).any()]
    if alone and any((frame.found.track != NOT_FOLLOWED).any() for frame in frames):
        raise ValueError(
            f"{alone[0].name}: track_id must be given for all found people or for none, got it for some; "
            f"{NOT_FOLLOWED} stands for none"
        )
    return not alone


def _means(name: str, shares: FloatArray, joints: tuple[str, ...]) -> dict[str, float]:
    kinds = by_kind(np.asarray(shares), _with_one_head(joints))
    return without_nan({name: mean_over_joints(shares)}) | {f"{name}/{kind}": mean for kind, mean in kinds.items()}


def _with_one_head(joints: tuple[str, ...]) -> tuple[str, ...]:
    """Return the joints' names with those of the head's joints taken together."""
    return tuple("head" if joint in HEAD else joint for joint in joints)


def _videos(truth: Truth) -> Callable[[], Mapping[str, ScoredFrame]]:
    """Return what reads all frames of the videos; raise where there are none."""
    if truth.videos is None:
        raise ValueError(
            "PoseTrack's average precision must have data of videos with PoseTrack's annotation files, as "
            "data=posetrack, got data without; score with metrics=pck instead"
        )
    return truth.videos


class _Labelled(NamedTuple):
    """The ``M`` people found in a frame, joint by joint."""

    present: Mask
    """``M K``."""
    scores: FloatArray
    """``M K``."""
    right: Mask
    """``M K``."""


def average_precision(frames: Sequence[ScoredFrame], joints: int) -> FloatArray:
    """Return the AP of each joint ``K`` of frames from ``counted``; NaN where it is never annotated.

    A found person stands for one annotated person at most; a joint is right if it lies within the threshold of that
    person's, and wrong if that person's is not annotated. The curve goes over all joints of all frames, by score.
    """
    empty = np.zeros((0, joints))
    start = _Labelled(empty.astype(np.bool_), empty, empty.astype(np.bool_))
    people = _Labelled._make(np.concatenate(fields) for fields in zip(start, *map(_label, frames), strict=True))
    annotated = sum((frame.truth.present.sum(axis=0) for frame in frames), np.zeros(joints, np.int64))
    areas = []
    for joint in range(joints):
        present = people.present[:, joint]
        areas.append(
            area_under_curve(people.scores[present, joint], people.right[present, joint], int(annotated[joint]))
        )
    return np.array(areas)


def _label(frame: ScoredFrame) -> _Labelled:
    near = distances(frame) <= THRESHOLD  # M N K
    person = assigned(near, frame.truth.present)
    right = np.zeros(frame.found.present.shape, np.bool_)
    taken = person >= 0
    right[taken] = near[taken, person[taken]]
    return _Labelled(frame.found.present, frame.found.scores, right)


def assigned(near: Mask, annotated: Mask) -> npt.NDArray[np.intp]:
    """Return the annotated person, of ``N``, that each of ``M`` found people stands for; -1 for none.

    ``near`` ``M N K`` is True where joints agree, ``annotated`` ``N K`` where they are annotated. By the share of
    joints that agree, every found person picks the best annotated one, and every annotated person the best of those;
    the others get no second choice. Of equals the first is the better.
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
    """Return the area under the precision that is still reached at any recall, over ``N`` scored joints.

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
