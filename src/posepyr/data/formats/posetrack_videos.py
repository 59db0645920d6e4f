"""Annotation files of videos, whatever their layout: the people of a split, and frames ready for scores."""

from pathlib import Path, PurePosixPath

import numpy as np

from posepyr.data.formats import coco_file
from posepyr.data.formats.posetrack_annolist import read_annolist
from posepyr.data.formats.posetrack_clip import BoxRule, Clip
from posepyr.data.formats.posetrack_coco_style import read_coco_style
from posepyr.metrics.posetrack_frames import FoundPeople, ScoredFrame, TruePeople, none_found
from posepyr.records import NOT_LABELLED
from posepyr.skeleton import POSETRACK_JOINTS


def read_clips(path: Path, rule: BoxRule) -> list[Clip]:
    """Read the videos of a folder with a file for each, by the files' names, or of one file that holds them all."""
    several = path.suffix == ".json"
    files = [path] if several else sorted(path.glob("*.json"))
    if not files:
        raise ValueError(f"{path} must hold annotation files that end in .json, got none")
    clips: list[Clip] = []
    for file in files:
        content = coco_file.load(file)
        if "annolist" in content:
            clips.append(read_annolist(content, file, rule, sum(len(clip.frames) for clip in clips)))
        else:
            clips.append(read_coco_style(content, file, rule, several))
    return clips


def read_frames(truth: Path, predictions: Path) -> list[ScoredFrame]:
    """Read all frames of some videos with annotated and predicted people, joints as in ``POSETRACK_JOINTS``.

    Both are folders with a file a video, in the layout of 2018 or of 2017; or two such files. A file of results bears
    the name of the video's annotation file, has its pictures in the same order, and scores joint by joint, in
    ``scores`` or ``annopoints.point.score``; a joint without a score comes after all others.
    """
    return [frame for known, found in _pairs(truth, predictions) for frame in _frames(known, found)]


def read_annotated(path: Path) -> dict[str, ScoredFrame]:
    """Read all frames of a split by the numbers of their pictures, with everybody annotated and nobody predicted yet.

    ``path`` is a folder with a file a video, or a single file of all videos.
    """
    frames: dict[str, ScoredFrame] = {}
    for clip in read_clips(path, BoxRule()):
        _require_heads(clip, path)
        for number, frame in enumerate(clip.frames):
            people = _annotated(clip, number)
            frames[str(frame.image)] = ScoredFrame(
                frame.video, frame.file, people, none_found(len(POSETRACK_JOINTS)), frame.ignored
            )
    return frames


def _pairs(truth: Path, predictions: Path) -> list[tuple[Path, Path]]:
    if truth.is_file() and predictions.is_file():
        return [(truth, predictions)]
    for path in (truth, predictions):
        if not path.is_dir():
            raise ValueError(f"{path} must be a folder with a file a video, as must be the other, got none")
    files = sorted(truth.glob("*.json"))
    if not files:
        raise ValueError(f"{truth} must hold annotation files that end in .json, got none")
    lacking = [file.name for file in files if not (predictions / file.name).is_file()]
    if lacking:
        raise ValueError(
            f"{predictions} must hold a file for each of the {len(files)} videos of {truth}, "
            f"but lacks {len(lacking)} of them, first {lacking[0]}"
        )
    return [(file, predictions / file.name) for file in files]


def _clip(file: Path, predicted: bool) -> Clip:
    content = coco_file.load(file)
    if "annolist" in content:
        return read_annolist(content, file, BoxRule(), predicted=predicted)
    return read_coco_style(content, file, BoxRule(), several=False, predicted=predicted)


def _frames(truth: Path, predictions: Path) -> list[ScoredFrame]:
    known, found = _clip(truth, predicted=False), _clip(predictions, predicted=True)
    _require_heads(known, truth)
    _require_same_pictures(known, found, predictions)
    return [
        ScoredFrame(frame.video, frame.file, _annotated(known, number), _found(found, number), frame.ignored)
        for number, frame in enumerate(known.frames)
    ]


def _annotated(clip: Clip, number: int) -> TruePeople:
    people = clip.frame == number
    present = clip.visibility[people] != NOT_LABELLED
    return TruePeople(clip.keypoints[people], present, clip.track[people], clip.head_size[people])


def _found(clip: Clip, number: int) -> FoundPeople:
    people = clip.frame == number
    present = clip.visibility[people] != NOT_LABELLED
    scores = np.nan_to_num(clip.scores[people], nan=-np.inf)
    return FoundPeople(clip.keypoints[people], present, clip.track[people], scores)


def _require_heads(clip: Clip, file: Path) -> None:
    headless = np.flatnonzero((clip.visibility != NOT_LABELLED).any(axis=1) & ~(clip.head_size > 0))
    if len(headless):
        first = headless[0]
        raise ValueError(
            f"{file}: bbox_head (x1 to y2 in the layout of 2017) must be given for everybody, being the unit of "
            f"distances, but is missing or without extent of {len(headless)} people, first person "
            f"{clip.person[first]} in {clip.frames[clip.frame[first]].file}"
        )


def _require_same_pictures(known: Clip, found: Clip, file: Path) -> None:
    ours, theirs = (
        [PurePosixPath(frame.file.replace("\\", "/")).name for frame in clip.frames] for clip in (known, found)
    )
    if len(ours) != len(theirs):
        raise ValueError(f"{file} must list all {len(ours)} pictures of its video, got {len(theirs)}")
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        if one != other:
            raise ValueError(
                f"{file} must list its video's pictures in the order of the annotation file, "
                f"got {other} for {one} at place {number}"
            )
