"""What PoseTrack's server takes: a file a video, in the layout of 2018 and named as the annotations are."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posepyr.data.export.writing import start
from posepyr.data.formats.posetrack.clip import JOINTS, Frame
from posepyr.data.results.found import check_complete
from posepyr.files import write_text
from posepyr.records import Predictions

LARGEST_TRACK = 999
"""Numbers of tracks that the server takes, within a video."""

NAMES = (*JOINTS[:3], "left_ear", "right_ear", *JOINTS[3:])
"""The joints of the annotation files, which name two that nobody labels: they are written as nothing."""

_COLUMNS = [NAMES.index(joint) for joint in JOINTS]
_DECIMALS = 3


def write_posetrack_videos(
    folder: Path,
    frames: Sequence[Frame],
    found: Predictions,
    images: npt.NDArray[Any],
    tracks: npt.NDArray[np.int64],
) -> list[Path]:
    """Write each video of ``frames`` to a new folder, pictures without anybody among them; the files.

    ``found`` are joints as in :data:`~posepyr.data.formats.posetrack.clip.JOINTS` of everybody ``N`` in the split,
    ``images`` their pictures ``N`` and ``tracks`` numbers ``N`` by which people are the same within a video.
    """
    check_complete(found, len(images), "the split")
    if found.keypoints.shape[1:] != (len(JOINTS), 2):
        raise ValueError(
            f"predictions must be of the {len(JOINTS)} joints of PoseTrack, got {found.keypoints.shape[1]}"
        )
    if len(tracks) != len(images) or (tracks < 0).any() or (tracks > LARGEST_TRACK).any():
        raise ValueError(
            f"tracks must number each of {len(images)} people from 0 to {LARGEST_TRACK}, got {len(tracks)} from "
            f"{tracks.min(initial=0)} to {tracks.max(initial=0)}; count them anew in each video"
        )
    people = _people(found, images[found.sample], tracks[found.sample])
    strange = sorted(set(people) - {str(frame.image) for frame in frames})
    if strange:
        raise ValueError(f"images must be among the {len(frames)} frames, got {strange[0]}")
    root = start(folder)
    videos: dict[str, list[Frame]] = {}
    for frame in frames:
        videos.setdefault(frame.video, []).append(frame)
    written = []
    for video, members in videos.items():
        written.append(root / f"{video}.json")
        write_text(written[-1], json.dumps(_content(members, people)))
    return written


def _people(
    found: Predictions, images: npt.NDArray[Any], tracks: npt.NDArray[np.int64]
) -> dict[str, list[dict[str, Any]]]:
    """Everybody's record, by picture."""
    triples = np.zeros((len(images), len(NAMES), 3))
    triples[:, _COLUMNS] = np.concatenate([found.keypoints, np.ones((*found.scores.shape, 1))], axis=2)
    scores = np.zeros((len(images), len(NAMES)))
    scores[:, _COLUMNS] = found.scores
    records: dict[str, list[dict[str, Any]]] = {}
    for image, joints, heights, track in zip(images.tolist(), triples, scores, tracks.tolist(), strict=True):
        record = {
            "image_id": image,
            "category_id": 1,
            "track_id": track,
            "keypoints": joints.round(_DECIMALS).ravel().tolist(),
            "scores": heights.tolist(),
        }
        records.setdefault(str(image), []).append(record)
    for image, members in records.items():
        numbers = [member["track_id"] for member in members]
        if len(set(numbers)) < len(numbers):
            raise ValueError(f"tracks must differ between the people of a picture, got {numbers} in {image}")
    return records


def _content(frames: Sequence[Frame], people: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    annotations = [dict(record) for frame in frames for record in people.get(str(frame.image), [])]
    for number, annotation in enumerate(annotations):
        annotation["id"] = number
    return {
        "images": [{"id": frame.image, "file_name": frame.file} for frame in frames],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person", "supercategory": "person", "keypoints": list(NAMES)}],
    }
