"""Tracking accuracy of joints by the rules of PoseTrack's benchmark: CLEAR MOT, joint by joint."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from posepyr.metrics.posetrack_frames import THRESHOLD, ScoredFrame, Tracks, distances
from posepyr.records import FloatArray

Counts = npt.NDArray[np.int64]


class Tracking(NamedTuple):
    """Counts of the joints that were annotated, missed, switched and wrong, ``K`` each."""

    annotated: Counts
    missed: Counts
    switched: Counts
    """Found, but under another track than the last time."""
    wrong: Counts
    """Found, but of no annotated person."""
    distance: FloatArray
    """Sum over those found, in head sizes."""

    @property
    def accuracy(self) -> FloatArray:
        """Return MOTA: 1 less the missed, switched and wrong joints for each annotated one. It can be below 0."""
        return 1 - _share(self.missed + self.switched + self.wrong, self.annotated)

    @property
    def nearness(self) -> FloatArray:
        """Return MOTP: 1 less the mean distance in head sizes."""
        return 1 - _share(self.distance, self.annotated - self.missed)

    @property
    def precision(self) -> FloatArray:
        """Return the share of the found joints that belong to an annotated person."""
        matched = self.annotated - self.missed
        return _share(matched, matched + self.wrong)

    @property
    def recall(self) -> FloatArray:
        """Return the share of the annotated joints that are found."""
        return _share(self.annotated - self.missed, self.annotated)


def _share(part: npt.NDArray[np.number], whole: Counts) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, np.nan), np.float64)


def track(frames: Sequence[ScoredFrame], joints: int, compat: bool = False) -> Tracking:
    """Count over all videos. ``frames`` come from ``counted``, a video's frames one after the other.

    ``compat`` repeats two slips of the released evaluation: the last frame of each video is left out, and a frame
    without annotated or without found people counts as one miss and one wrong joint of each kind, whatever it shows.
    """
    annotated, missed, switched, wrong = np.zeros((4, joints), np.int64)
    totals = Tracking(annotated, missed, switched, wrong, np.zeros(joints))
    for _, video in groupby(frames, lambda frame: frame.video):
        in_order = list(video)
        pairings: list[dict[int, int]] = [{} for _ in range(joints)]
        for frame in in_order[:-1] if compat else in_order:
            _require_distinct(frame)
            _count(frame, pairings, totals, compat)
    return totals


def _require_distinct(frame: ScoredFrame) -> None:
    tracks, times = np.unique(frame.found.track, return_counts=True)
    if (times > 1).any():
        raise ValueError(
            f"{frame.name}: track_id must differ between the people found in a frame, got {tracks[times > 1][0]} twice"
        )


def _count(frame: ScoredFrame, pairings: list[dict[int, int]], totals: Tracking, compat: bool) -> None:
    """Add a frame to the totals, and to ``pairings``: the track under which each person's joint was last found."""
    if compat and not (len(frame.truth.track) and len(frame.found.track)):
        for total in (totals.annotated, totals.missed, totals.wrong):
            total += 1
        return
    distance = distances(frame)
    for joint, last in enumerate(pairings):
        real, seen = frame.truth.present[:, joint], frame.found.present[:, joint]
        people, tracks = frame.truth.track[real], frame.found.track[seen]
        between = distance[:, :, joint][np.ix_(seen, real)].T
        rows, columns = matched(between, people, tracks, last)
        pairs = list(zip(people[rows].tolist(), tracks[columns].tolist(), strict=True))
        totals.annotated[joint] += len(people)
        totals.missed[joint] += len(people) - len(pairs)
        totals.switched[joint] += sum(last.get(person, number) != number for person, number in pairs)
        totals.wrong[joint] += len(tracks) - len(pairs)
        totals.distance[joint] += between[rows, columns].sum()
        last.update(pairs)


def matched(
    distance: FloatArray, people: Tracks, tracks: Tracks, last: dict[int, int]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Pair people with tracks: return rows and columns of ``distance``, which is in head sizes.

    The last frame's pairs hold as long as they are within the threshold, even where another track is nearer. Of the
    rest, as many are paired as can be, at the least total distance.
    """
    allowed = distance <= THRESHOLD
    held = _held(allowed, people, tracks, last)
    free_rows = np.setdiff1d(np.arange(len(people)), [row for row, _ in held])
    free_columns = np.setdiff1d(np.arange(len(tracks)), [column for _, column in held])
    free = np.ix_(free_rows, free_columns)
    # A forbidden pair costs more than all allowed ones together, so that no allowed pair is given up for a lesser
    # distance: with two people and thresholds of 0.5, one forbidden pair at 3 is worse than two pairs at 0.5.
    cost = np.where(allowed[free], distance[free], 1.0 + len(people))
    rows, columns = linear_sum_assignment(cost)
    kept = allowed[free][rows, columns]
    pairs = [*held, *zip(free_rows[rows[kept]].tolist(), free_columns[columns[kept]].tolist(), strict=True)]
    both = np.array(pairs, np.intp).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _held(
    allowed: npt.NDArray[np.bool_], people: Tracks, tracks: Tracks, last: dict[int, int]
) -> list[tuple[int, int]]:
    """Return rows and columns of pairs that still hold; of two people last found by one track, the first has it."""
    columns = {number: column for column, number in enumerate(tracks.tolist())}
    held: dict[int, int] = {}
    for row, person in enumerate(people.tolist()):
        column = columns.get(last[person]) if person in last else None
        if column is not None and column not in held and allowed[row, column]:
            held[column] = row
    return [(row, column) for column, row in held.items()]
