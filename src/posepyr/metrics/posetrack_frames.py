"""Frames of videos with the people in them and the people found, ready for PoseTrack's two scores."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.metrics import functional
from posepyr.metrics.functional import Mask
from posepyr.records import FloatArray

Tracks = npt.NDArray[np.int64]

THRESHOLD = 0.5
"""How far from the truth a joint may be found, in head sizes; at the threshold it is found."""

NOT_FOLLOWED = -1
"""The track of somebody who was found without being followed."""


class TruePeople(NamedTuple):
    """``N`` annotated people of a frame."""

    keypoints: FloatArray
    """``N K 2`` in image pixels."""
    present: Mask
    """``N K``: which joints are annotated."""
    track: Tracks
    """``N``: numbers by which people are the same within a video."""
    head_size: FloatArray
    """``N``: 0.6 times the diagonal of the head's rectangle, in pixels. Where it is NaN, nothing counts as found."""


class FoundPeople(NamedTuple):
    """``M`` people that were found in a frame."""

    keypoints: FloatArray
    """``M K 2`` in image pixels."""
    present: Mask
    """``M K``: which joints were found at all."""
    track: Tracks
    """``M``: numbers by which people are the same within a video, or NOT_FOLLOWED."""
    scores: FloatArray
    """``M K`` of any range: only their order counts."""


def nobody(joints: int) -> FoundPeople:
    """The people of a frame in which none were found."""
    none = np.zeros((0, joints))
    return FoundPeople(np.zeros((0, joints, 2)), none.astype(np.bool_), np.zeros(0, np.int64), none)


class ScoredFrame(NamedTuple):
    """A picture of a video, with who is in it and who was found in it."""

    video: str
    name: str
    """The picture, for messages."""
    truth: TruePeople
    found: FoundPeople
    ignored: tuple[FloatArray, ...] = ()
    """Polygons, corners ``P 2``: neither annotated nor found joints inside them count."""


def counted(frames: Iterable[ScoredFrame]) -> list[ScoredFrame]:
    """The frames that scores are taken on, without the joints in regions to ignore and people left without any.

    A frame in which nobody is annotated was passed over by annotators and counts for nothing; one whose people all
    stand in regions to ignore counts, and everybody found elsewhere in it is wrong.
    """
    return [_without_ignored(frame) for frame in frames if len(frame.truth.keypoints)]


def _without_ignored(frame: ScoredFrame) -> ScoredFrame:
    truth, found = frame.truth, frame.found
    annotated = truth.present & ~_ignored(truth.keypoints, frame.ignored)
    predicted = found.present & ~_ignored(found.keypoints, frame.ignored)
    someone, anyone = annotated.any(axis=1), predicted.any(axis=1)
    return frame._replace(
        truth=TruePeople._make(field[someone] for field in truth._replace(present=annotated)),
        found=FoundPeople._make(field[anyone] for field in found._replace(present=predicted)),
    )


def _ignored(keypoints: FloatArray, regions: tuple[FloatArray, ...]) -> Mask:
    points, shape = keypoints.reshape(-1, 2), keypoints.shape[:2]
    within = [inside(points, region).reshape(shape) for region in regions]
    return np.any(within, axis=0) if within else np.zeros(shape, np.bool_)


def inside(points: FloatArray, corners: FloatArray) -> Mask:
    """Which points ``N 2`` lie inside a polygon with corners ``P 2``; those on its edges do not.

    A line from the point to the right crosses the edges an odd number of times.
    """
    ends = np.roll(corners, -1, axis=0)
    from_start, from_end = points[:, None] - corners, points[:, None] - ends  # N P 2
    edge = ends - corners
    side = edge[:, 0] * from_start[..., 1] - edge[:, 1] * from_start[..., 0]  # above 0 left of the edge
    spans = (from_start[..., 1] >= 0) != (from_end[..., 1] >= 0)
    crossed = spans & ((side > 0) == (edge[:, 1] > 0))
    on_edge = (side == 0) & ((from_start * from_end).sum(axis=-1) <= 0)
    return np.asarray((crossed.sum(axis=1) % 2 == 1) & ~on_edge.any(axis=1), np.bool_)


def distances(frame: ScoredFrame) -> FloatArray:
    """Distances ``M N K`` of found from annotated joints in head sizes; infinite where either is missing."""
    truth, found = frame.truth, frame.found
    pixels = functional.distances(found.keypoints[:, None], truth.keypoints[None])
    measurable = truth.head_size > 0
    unit = np.where(measurable, truth.head_size, 1.0)[:, None]
    both = found.present[:, None] & truth.present[None] & measurable[:, None]
    return np.where(both, pixels / unit, np.inf)
