"""PoseTrack's average precision of the people whom a network was shown, as training and evaluation take it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from posepyr.data.formats.posetrack.clip import JOINTS
from posepyr.data.formats.posetrack.results import read_annotated
from posepyr.metrics.average_precision import grouped
from posepyr.metrics.functional import distances
from posepyr.metrics.posetrack import TAKEN, mean_average_precision
from posepyr.metrics.posetrack_frames import NOT_FOLLOWED, FoundPeople, ScoredFrame, counted
from posepyr.metrics.scorer import Asked
from posepyr.records import FloatArray, Predictions, Truth
from posepyr.skeleton import Skeleton


class PoseTrackAP:
    """Average precision of joints in single frames of videos, by the rules of PoseTrack's benchmark.

    Gives ``map``, the mean over PoseTrack's joints, and ``map/<joint>``, as :func:`~posepyr.metrics.posetrack.scores`
    does, against all that the annotation files hold: regions to ignore, and people without a box to look into. A joint
    that the skeleton lacks is never found. MOTA is not given, because nobody is followed here: the tracks of annotated
    boxes are the truth's own.
    """

    def __init__(self, skeleton: Skeleton) -> None:
        self._annotated: dict[str, dict[str, ScoredFrame]] = {}
        self._columns = np.array([skeleton.index(joint) if joint in skeleton.joints else -1 for joint in JOINTS])
        if (self._columns < 0).all():
            raise ValueError(
                f"skeleton {skeleton.name!r} must have joints of PoseTrack for its average precision, got "
                f"{', '.join(skeleton.joints)}; PoseTrack has {', '.join(JOINTS)}"
            )

    def __call__(self, found: Predictions, truth: Truth, asked: Asked | None = None) -> dict[str, float]:
        if truth.videos is None:
            raise ValueError(
                "metrics.map must have data of videos with PoseTrack's annotation files, as data=posetrack, got data "
                "without; drop it with metrics.map=null or score with metrics=pck"
            )
        if truth.videos not in self._annotated:
            # Every epoch is scored against the same files.
            self._annotated[truth.videos] = read_annotated(Path(truth.videos))
        frames = self._placed(found, truth, self._annotated[truth.videos])
        return mean_average_precision(counted(frames), JOINTS)

    def _placed(self, found: Predictions, truth: Truth, annotated: Mapping[str, ScoredFrame]) -> list[ScoredFrame]:
        """The frames with those who were found in them: of a part of the people, only frames that these are in."""
        images = truth.measures["image"].astype(np.str_)[found.sample]
        keypoints, scores = found.keypoints[:, self._columns], found.scores[:, self._columns]
        present = np.isfinite(keypoints).all(axis=2) & (self._columns >= 0)
        people = FoundPeople(keypoints, present, np.full(len(images), NOT_FOLLOWED), scores)
        members = dict(zip(np.unique(images).tolist(), grouped(images), strict=True)) if len(images) else {}
        strange = sorted(set(members) - set(annotated))
        if strange:
            raise ValueError(
                f"{truth.videos} must have the frames that people were found in, got none for {strange[0]}"
            )
        everybody = len(found.sample) == len(truth.boxes)
        frames = dict(annotated) if everybody else {name: annotated[name] for name in members}
        for name, places in members.items():
            frames[name] = frames[name]._replace(found=FoundPeople._make(field[places] for field in people))
        return list(frames.values())

    @property
    def protocol(self) -> str:
        """How the score is taken, in words."""
        return f"{TAKEN}; mAP in single frames, mean: every joint counts the same"

    @property
    def unit(self) -> str:
        """What distances are shares of, in words."""
        return "size of the head"

    def measure(self, found: Predictions, truth: Truth) -> tuple[FloatArray, FloatArray]:
        """Distances ``N K`` from the truth in pixels, and each person's head size ``N``: unknown in found boxes."""
        none = np.full(len(truth.boxes), np.nan)
        size = np.asarray(truth.measures.get("head_size", none), np.float64)[found.sample]
        return distances(found.keypoints, truth.keypoints[found.sample]), size
