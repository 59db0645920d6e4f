"""PoseTrack as downloaded."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from posepyr.data.formats import coco_file
from posepyr.data.formats.archive import data_folder, require
from posepyr.data.formats.coco_people import read_detections
from posepyr.data.formats.people import People, describe_left_out
from posepyr.data.formats.posetrack_clip import MARGIN, PER_PERSON, BoxRule, Clip, Frame, usable
from posepyr.data.formats.posetrack_videos import read_annotated, read_clips
from posepyr.data.results.submissions import check_folder, check_joints, write_posetrack_videos
from posepyr.data.sources.coco import Detectable
from posepyr.errors import UsageError
from posepyr.records import Annotation, Predictions, PublishedCount, Truth, View
from posepyr.skeleton import POSETRACK_JOINTS, Skeleton

SPLITS = {"train": "train", "val": "val", "test": "val"}
"""The labels of the test videos are not public."""

_VIDEOS = "PoseTrack 2018, as of Liu et al. 2021 (DCPose), section 4.1"
_EARLIER = "PoseTrack 2017, as of HRNet, section 4.3"
_PUBLISHED = {
    "train": (PublishedCount(593, "videos", _VIDEOS), PublishedCount(292, "videos", _EARLIER)),
    "val": (PublishedCount(170, "videos", _VIDEOS), PublishedCount(50, "videos", _EARLIER)),
}

_log = logging.getLogger(__name__)


class Videos:
    """People of videos, in the order of ``frames``, which also has the pictures that nobody is in.

    ``measures`` has ``video`` (counted from 0), ``image``, ``track`` (the same person within a video), ``person`` and
    ``head_size``; of a detector's people ``video``, ``image`` and ``score``.
    """

    def __init__(self, people: People, frames: Sequence[Frame]) -> None:
        self._people, self.frames = people, tuple(frames)
        self.joints, self.skipped = people.joints, people.skipped
        numbers = {name: number for number, name in enumerate(dict.fromkeys(frame.video for frame in frames))}
        video = {str(frame.image): numbers[frame.video] for frame in frames}
        videos = np.array([video[str(image)] for image in people.measures["image"].tolist()])
        self.measures: Mapping[str, npt.NDArray[Any]] = {"video": videos, **people.measures}

    def __len__(self) -> int:
        return len(self._people)

    def __getitem__(self, index: int, /) -> Annotation:
        return self._people[index]

    def view(self, annotation: Annotation, scale: float = 1.0) -> View:
        """Read the frame that the annotation lies in."""
        return self._people.view(annotation, scale)


class PoseTrack(Detectable):
    """People of PoseTrack's videos, with their tracks.

    ``folder`` is looked up under ``POSEPYR_DATA`` (or ``./data``) unless absolute; pictures are named relative to it.
    ``annotations`` is the folder of a split's files, one a video, in the layout of 2018 or of 2017; or a single file
    that holds the videos of 2018, as conversions do. ``{split}`` stands for the name that ``splits`` gives a split;
    ``train+val`` names two, to train on both.
    ``box`` takes the boxes that the files of 2018 state, or draws all about the ``joints``; the files of 2017 have
    none. A drawn box reaches beyond the joints by a ``margin`` of their extent at either end. HRNet was trained in
    such boxes, extended "by 15% in length" (section 4.3): 0.15 makes them 1.30 times as long, as the boxes of the
    archive are; the other reading, 1.15 times, is 0.075. ``detections`` and ``threshold`` are those of
    :class:`~posepyr.data.sources.coco.Coco`; :meth:`truth` has the annotated people all the same.
    """

    counts = _PUBLISHED

    def __init__(
        self,
        folder: str = "posetrack18",
        *,
        annotations: str = "annotations/{split}",
        splits: dict[str, str] | None = None,
        box: Literal["stated", "joints"] = "stated",
        margin: float = MARGIN,
        detections: str | None = None,
        threshold: float = 0.0,
    ) -> None:
        if box not in ("stated", "joints"):
            raise ValueError(f"box must be stated or joints, got {box!r}")
        if margin < 0:
            raise ValueError(f"margin must not be negative, got {margin}")
        self.folder = data_folder(folder)
        self.annotations, self.box, self.margin = annotations, box, margin
        self.splits = SPLITS | (splits or {})
        self.detections, self.threshold = detections, threshold
        self._truth: dict[str, Videos] = {}
        self._detected: dict[str, Videos] = {}

    def split(self, name: str) -> Videos:
        """Return ``train``, ``val`` or ``test``, read once."""
        detector = self.detector(name)
        if detector is None:
            return self.truth(name)
        stem = self.part(name)
        if stem not in self._detected:
            self.require_files(name)
            self._detected[stem] = self._found(self._clips(stem), stem, detector)
        return self._detected[stem]

    def require_files(self, name: str) -> None:
        detector = self.detector(name)
        self._require(self.part(name), [detector] if detector else [])

    def truth(self, name: str) -> Videos:
        """Return the annotated people of a split, whatever boxes it is tested in."""
        stem = self.part(name)
        if stem not in self._truth:
            self._truth[stem] = self._annotated(self._clips(stem), self.folder / self._path(stem))
        return self._truth[stem]

    def videos(self, name: str) -> Path:
        """Return the annotation files of a split: a folder of them, or a single one."""
        return self.folder / self._path(self.part(name))

    def labelled(self, name: str) -> bool:
        """Return True if anybody in a split is annotated: the people in the test videos are not public."""
        return any(len(clip.frame) for clip in self._clips(self.part(name)))

    def complete(self, name: str, truth: Truth) -> Truth:
        return truth._replace(videos=cache(partial(read_annotated, self.videos(name))))

    def boxes(self, name: str) -> str:
        return "joint-enclosing" if self.box == "joints" and not self.detector(name) else super().boxes(name)

    def check_submission(self, name: str, skeleton: Skeleton, path: Path) -> None:
        check_joints("PoseTrack", POSETRACK_JOINTS, skeleton)
        if self.detections is not None:
            raise UsageError(
                "submission must have a track for everybody in PoseTrack's videos, and people in the boxes of "
                f"{self.detections} are not tracked; set detections=null to use the annotated boxes, whose tracks are "
                "known"
            )
        check_folder(path)

    def write_submission(
        self, name: str, skeleton: Skeleton, path: Path, predictions: Predictions, truth: Truth
    ) -> None:
        columns = [skeleton.index(joint) for joint in POSETRACK_JOINTS]
        ordered = predictions._replace(
            keypoints=predictions.keypoints[:, columns], scores=predictions.scores[:, columns]
        )
        frames = self.split(name).frames
        write_posetrack_videos(path, frames, ordered, truth.measures["image"], truth.measures["track"])

    def _path(self, stem: str) -> str:
        return self.annotations.replace("{split}", stem)

    def _require(self, stem: str, others: Sequence[str] = ()) -> list[str]:
        """Return the paths of a part's annotations; raise unless they and ``others`` are there."""
        paths = [self._path(part) for part in stem.split("+")]
        needed = [path if path.endswith(".json") else f"{path}/" for path in paths]
        require(self.folder, [*needed, *others], "PoseTrack")
        return paths

    def _clips(self, stem: str) -> list[Clip]:
        paths = self._require(stem)
        rule = BoxRule(self.box == "stated", self.margin)
        return [usable(clip) for path in paths for clip in read_clips(self.folder / path, rule)]

    def _annotated(self, clips: list[Clip], path: Path) -> Videos:
        frames = _frames(clips, path)
        firsts = np.cumsum([0, *(len(clip.frames) for clip in clips[:-1])])
        places = np.concatenate([clip.frame + first for clip, first in zip(clips, firsts, strict=True)])
        skipped = sum((clip.skipped for clip in clips), Counter[str]())
        left_out = describe_left_out(skipped)
        if not len(places):
            raise ValueError(f"{path} must hold a person with a labelled joint, got none; left out: {left_out}")
        _log.info("%s: %d people in %d frames; left out: %s", path, len(places), len(frames), left_out)
        of = {name: np.concatenate([getattr(clip, name) for clip in clips]) for name in PER_PERSON}
        measures = {
            "image": np.array([frames[index].image for index in places]),
            **{name: of[name] for name in ("track", "person", "head_size")},
        }
        names = [frames[index].file for index in places]
        people = People(
            self.folder, POSETRACK_JOINTS, names, boxes=of["boxes"], keypoints=of["keypoints"],
            visibility=of["visibility"], measures=measures, skipped=skipped,
        )  # fmt: skip
        return Videos(people, frames)

    def _found(self, clips: list[Clip], stem: str, detections: str) -> Videos:
        frames = _frames(clips, self.folder / self._path(stem))
        listed = {frame.image: coco_file.Picture(frame.file, frame.size) for frame in frames}
        people = read_detections(self.folder / detections, listed, self.folder, POSETRACK_JOINTS, self.threshold)
        return Videos(people, frames)


def _frames(clips: Sequence[Clip], path: Path) -> list[Frame]:
    frames = [frame for clip in clips for frame in clip.frames]
    twice = [image for image, count in Counter(str(frame.image) for frame in frames).items() if count > 1]
    if twice:
        raise ValueError(f"{path}: images.id must differ from every other image's, got {twice[0]} in two files")
    return frames
