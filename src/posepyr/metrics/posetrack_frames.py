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
"""Distance from the truth within which a joint is found, in head sizes; at the threshold it is found."""

NOT_FOLLOWED = -1
"""The track of a person who was found without being followed."""


class TruePeople(NamedTuple):
    """``N`` annotated people of a frame."""

    keypoints: FloatArray
    """``N K 2`` in image pixels."""
    present: Mask
    """``N K``: True for annotated joints."""
    track: Tracks
    """``N``: numbers by which people are the same within a video."""
    head_size: FloatArray
    """``N``: 0.6 times the diagonal of the head's rectangle, in pixels. Where it is NaN, nothing counts as found."""


class FoundPeople(NamedTuple):
    """``M`` people that were found in a frame."""

    keypoints: FloatArray
    """``M K 2`` in image pixels."""
    present: Mask
    """``M K``: True for joints that were found at all."""
    track: Tracks
    """``M``: numbers by which people are the same within a video, or NOT_FOLLOWED."""
    scores: FloatArray
    """``M K`` of any range: only their order counts."""


def none_found(joints: int) -> FoundPeople:
    """Return the people of a frame in which none were found."""
    none = np.zeros((0, joints))
    return FoundPeople(np.zeros((0, joints, 2)), none.astype(np.bool_), np.zeros(0, np.int64), none)


class ScoredFrame(NamedTuple):
    """A picture of a video, with the annotated and the found people."""

    video: str
    name: str
    """The picture, for messages."""
    truth: TruePeople
    found: FoundPeople
    ignored: tuple[FloatArray, ...] = ()
    """Polygons, corners ``P 2``: neither annotated nor found joints inside them count."""


def counted(frames: Iterable[ScoredFrame]) -> list[ScoredFrame]:
    """Return the frames that count, without the joints in regions to ignore and people left without any.

    A frame without annotated people was passed over by annotators and does not count; one whose people all stand in
    regions to ignore counts, and everybody found elsewhere in it is wrong.
    """
    return [_without_ignored(frame) for frame in frames if len(frame.truth.keypoints)]


def _without_ignored(frame: ScoredFrame) -> ScoredFrame:
    truth, found = frame.truth, frame.found
    true = truth._replace(present=truth.present & ~_ignored(truth.keypoints, frame.ignored))
    predicted = found._replace(present=found.present & ~_ignored(found.keypoints, frame.ignored))
    return frame._replace(
        truth=TruePeople._make(field[true.present.any(axis=1)] for field in true),
        found=FoundPeople._make(field[predicted.present.any(axis=1)] for field in predicted),
    )


def _ignored(keypoints: FloatArray, regions: tuple[FloatArray, ...]) -> Mask:
    points, shape = keypoints.reshape(-1, 2), keypoints.shape[:2]
    within = [inside(points, region).reshape(shape) for region in regions]
    return np.any(within, axis=0) if within else np.zeros(shape, np.bool_)


def inside(points: FloatArray, corners: FloatArray) -> Mask:
    """Return True for points ``N 2`` inside a polygon with corners ``P 2``, False for those on its edges.

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
    """Return distances ``M N K`` of found from annotated joints in head sizes; infinite where either is missing."""
    truth, found = frame.truth, frame.found
    pixels = functional.distances(found.keypoints[:, None], truth.keypoints[None])
    measurable = truth.head_size > 0
    unit = np.where(measurable, truth.head_size, 1.0)[:, None]
    both = found.present[:, None] & truth.present[None] & measurable[:, None]
    return np.where(both, pixels / unit, np.inf)
