"""PoseTrack's scores: mAP of poses in single frames, and MOTA of poses followed through videos."""

from collections.abc import Sequence

import numpy as np

from posepyr.metrics.functional import by_kind, known, mean_over_joints
from posepyr.metrics.posetrack_ap import average_precision
from posepyr.metrics.posetrack_frames import NOT_FOLLOWED, THRESHOLD, ScoredFrame, counted
from posepyr.metrics.posetrack_mota import track
from posepyr.records import FloatArray

HEAD = ("nose", "head_bottom", "head_top")
"""What the benchmark's tables call the head."""

TAKEN = f"PoseTrack: joints no farther than (<=) {THRESHOLD:g} of the head's size, regions to ignore left out"
"""What both scores count as found, in words."""


def scores(frames: Sequence[ScoredFrame], joints: tuple[str, ...], compat: bool = False) -> dict[str, float]:
    """PoseTrack's scores as shares of 1: people are found where joints lie within half a head size of the truth.

    Gives ``map``, the mean over joints of :func:`~posepyr.metrics.posetrack_ap.average_precision`, and
    ``map/<joint>`` with left and right, and nose, head top and head bottom, taken together. Where everybody found is
    followed, ``mota``, ``mota/<joint>``, ``motp``, ``precision`` and ``recall`` come with it, means over joints as
    well. ``frames`` are all frames of some videos, one video after the other.

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
    means = known({name: mean_over_joints(shares) for name, shares in totals.items()})
    return found | _means("mota", tracking.accuracy, joints) | means


def mean_average_precision(frames: Sequence[ScoredFrame], joints: tuple[str, ...]) -> dict[str, float]:
    """``map`` and ``map/<joint>`` alone, whether or not anybody is followed. Takes what ``counted`` gives."""
    return _means("map", average_precision(frames, len(joints)), joints)


def _followed(frames: Sequence[ScoredFrame]) -> bool:
    """Whether people were followed, rather than found in each frame for itself."""
    lost = [frame for frame in frames if (frame.found.track == NOT_FOLLOWED).any()]
    if lost and any((frame.found.track != NOT_FOLLOWED).any() for frame in frames):
        raise ValueError(
            f"{lost[0].name}: track_id must be given for everybody who was found, or for nobody, got it for some; "
            f"{NOT_FOLLOWED} stands for none"
        )
    return not lost


def _means(name: str, shares: FloatArray, joints: tuple[str, ...]) -> dict[str, float]:
    grouped = tuple("head" if joint in HEAD else joint for joint in joints)
    kinds = {f"{name}/{kind}": mean for kind, mean in by_kind(np.asarray(shares), grouped).items()}
    return known({name: mean_over_joints(shares)}) | kinds
