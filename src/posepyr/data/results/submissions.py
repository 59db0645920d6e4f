"""Predictions of a whole split as the servers of COCO, MPII and PoseTrack take them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posepyr.data.export.writing import Struct, start, structs, write_mat
from posepyr.data.formats.coco_people import PERSON
from posepyr.data.formats.containers import read_mat
from posepyr.data.formats.mpii_official import read_release
from posepyr.data.formats.posetrack_clip import Frame
from posepyr.errors import UsageError
from posepyr.files import write_text
from posepyr.records import FloatArray, Predictions, Truth
from posepyr.skeleton import COCO_JOINTS, MPII_JOINTS, POSETRACK_JOINTS, Skeleton

Pair = tuple[int, int]

LARGEST_TRACK = 999
"""Numbers of tracks that the server takes, within a video."""

NAMES = (*POSETRACK_JOINTS[:3], "left_ear", "right_ear", *POSETRACK_JOINTS[3:])
"""The joints of the annotation files, which name two that nobody labels: they are written as nothing."""

_COLUMNS = [NAMES.index(joint) for joint in POSETRACK_JOINTS]
_DECIMALS = 3


def check_joints(benchmark: str, joints: Sequence[str], skeleton: Skeleton) -> None:
    """Raise unless a network's skeleton has all joints of a benchmark."""
    lacking = [joint for joint in joints if joint not in skeleton.joints]
    if lacking:
        raise UsageError(
            f"submission must have all {len(joints)} joints of {benchmark}, whose server takes nothing less, but the "
            f"network's skeleton {skeleton.name!r} lacks {', '.join(lacking)}"
        )


def check_file(path: Path) -> None:
    """Raise unless a file can be written to ``path``."""
    if path.is_dir():
        raise UsageError(f"submission must name a file, got {path}, a folder")


def check_folder(path: Path) -> None:
    """Raise unless a new folder can be made at ``path``, or an empty one is there."""
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UsageError(f"submission must name a new folder, for a file a video, got {path}, which is there already")


def check_complete(found: Predictions, people: int, split: str) -> None:
    """Raise unless everybody of a split was found once, with numbers everywhere: a server takes nothing less."""
    lacking = np.setdiff1d(np.arange(people), found.sample)
    if len(lacking):
        raise ValueError(
            f"predictions must be of all {people} people of {split}, got {len(np.unique(found.sample))}: "
            f"the first that is missing is {lacking[0]}"
        )
    if len(found.sample) != people:
        raise ValueError(f"predictions must be of the {people} people of {split}, each once, got {len(found.sample)}")
    wrong = np.flatnonzero(~(np.isfinite(found.keypoints).all(axis=(1, 2)) & np.isfinite(found.scores).all(axis=1)))
    if len(wrong):
        raise ValueError(
            f"predictions must be finite numbers, got others for person {found.sample[wrong[0]]} of {split}"
        )


def write_mpii_submission(
    path: Path,
    official: Path,
    found: Predictions,
    measures: Mapping[str, npt.NDArray[Any]],
    joints: tuple[str, ...] = MPII_JOINTS,
) -> int:
    """Write ``pred``, the elements of ``RELEASE.annolist`` that are no training pictures; how many people are in it.

    Every person of the test set that has a position and a scale gets ``annopoints.point`` with ``id``, ``x`` and ``y``
    of all 16 joints, counted from 1; the others stay as they are. ``official`` is ``mpii_human_pose_v1_u12_1.mat``;
    ``measures`` are those of the split that ``found`` numbers, whose ``image`` and ``person`` say who is who. The
    server scores the 7,247 that stand apart, which some lists have alone; it still takes the list of all 11,731.
    """
    lacking = [joint for joint in MPII_JOINTS if joint not in joints]
    if lacking:
        raise ValueError(f"joints must be all of MPII's for its server, got none for {', '.join(lacking)}")
    poses = _poses(found, measures, [joints.index(joint) for joint in MPII_JOINTS])
    release = read_release(official)
    tested = ~release.training & release.rectangles.placed
    numbers = release.rectangles.measures
    wanted = set(zip(numbers["image"][tested].tolist(), numbers["person"][tested].tolist(), strict=True))
    if wanted != set(poses):
        missing, strange = len(wanted - set(poses)), len(set(poses) - wanted)
        raise ValueError(
            f"predictions must be of the {len(wanted)} people whom {official} has for testing, got {len(poses)}: "
            f"{missing} are missing and {strange} are none of them"
        )
    write_mat(path, {"pred": _filled(official, poses)})
    return len(poses)


def _poses(found: Predictions, measures: Mapping[str, npt.NDArray[Any]], columns: list[int]) -> dict[Pair, FloatArray]:
    """Return joints ``16 2`` by the numbers of picture and rectangle."""
    for name in ("image", "person"):
        if name not in measures:
            raise ValueError(
                f"measures must have {name}, the number in the official file, got {', '.join(measures) or 'none'}; "
                "read the test people from the official .mat or from test.h5"
            )
    check_complete(found, len(measures["image"]), "the test set")
    image, person = (measures[name][found.sample].tolist() for name in ("image", "person"))
    return dict(zip(zip(image, person, strict=True), found.keypoints[:, columns], strict=True))


def _filled(official: Path, poses: Mapping[Pair, FloatArray]) -> Struct:
    """Return the test pictures of the official file, with joints filled in and all else as it is."""
    release = read_mat(official)["RELEASE"][0, 0]
    pictures = release["annolist"].reshape(-1)
    numbers = np.flatnonzero(np.ravel(release["img_train"]) == 0)
    tested: Struct = pictures[numbers].copy()
    for place, number in enumerate(numbers.tolist()):
        people = tested[place]["annorect"]
        if people.dtype.names:
            tested[place]["annorect"] = _rectangles(people.reshape(-1), number, poses)
    return tested.reshape(1, -1)


def _rectangles(people: Struct, image: int, poses: Mapping[Pair, FloatArray]) -> Struct:
    names = people.dtype.names or ()
    found = []
    for person, rectangle in enumerate(people):
        entry = {name: rectangle[name] for name in names} | {"annopoints": np.zeros((0, 0))}
        if (image, person) in poses:
            entry["annopoints"] = structs([{"point": structs(_points(poses[image, person]))}])
        found.append(entry)
    return structs(found)


def _points(keypoints: FloatArray) -> list[dict[str, float]]:
    return [{"x": x, "y": y, "id": float(identity)} for identity, (x, y) in enumerate((keypoints + 1).tolist())]


def write_posetrack_videos(
    folder: Path,
    frames: Sequence[Frame],
    found: Predictions,
    images: npt.NDArray[Any],
    tracks: npt.NDArray[np.int64],
) -> list[Path]:
    """Write each video of ``frames`` to a new folder, pictures without anybody among them; the files.

    ``found`` are joints as in :data:`~posepyr.skeleton.POSETRACK_JOINTS` of everybody ``N`` in the split,
    ``images`` their pictures ``N`` and ``tracks`` numbers ``N`` by which people are the same within a video.
    """
    check_complete(found, len(images), "the split")
    if found.keypoints.shape[1:] != (len(POSETRACK_JOINTS), 2):
        raise ValueError(
            f"predictions must be of the {len(POSETRACK_JOINTS)} joints of PoseTrack, got {found.keypoints.shape[1]}"
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
    """Return everybody's record, by picture."""
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


def write_coco_results(path: Path, results: Sequence[Mapping[str, Any]], found: Predictions, truth: Truth) -> None:
    """Write a file for COCO's server, whole or not at all.

    ``results`` are what :meth:`~posepyr.metrics.average_precision.AveragePrecision.results` makes of ``found``, which
    must be of everybody in ``truth``: the suppression leaves somebody in every picture that anybody was looked at in.
    """
    check_complete(found, len(truth.boxes), "the split")
    allowed = set(truth.measures["image"].tolist())
    lacking = sorted(allowed - {result["image_id"] for result in results}, key=str)
    if lacking:
        raise ValueError(f"results must have a pose in each of {len(allowed)} pictures, got none in {lacking[0]!r}")
    poses = [_pose(result, allowed, number) for number, result in enumerate(results)]
    write_text(path, json.dumps(poses))


def _pose(result: Mapping[str, Any], allowed: set[Any], number: int) -> dict[str, Any]:
    keypoints, score = np.array(result["keypoints"], np.float64), float(result["score"])
    where = f"results[{number}]"
    if result["image_id"] not in allowed:
        raise ValueError(f"{where}.image_id must be a picture of the split, got {result['image_id']!r}")
    if keypoints.shape != (3 * len(COCO_JOINTS),):
        raise ValueError(f"{where}.keypoints must be {3 * len(COCO_JOINTS)} numbers, got {keypoints.size}")
    if not (np.isfinite(keypoints).all() and np.isfinite(score)):
        raise ValueError(f"{where} must hold finite numbers, got others")
    return {
        "image_id": result["image_id"],
        "category_id": PERSON,
        "keypoints": keypoints.round(_DECIMALS).tolist(),
        "score": score,
    }
