"""PoseTrack's files of 2017, which the benchmark's scorer takes as well: MPII's layout as JSON, a file a video."""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from posepyr.data.formats.archive import LARGEST, Record
from posepyr.data.formats.people import Visibility
from posepyr.data.formats.posetrack_clip import BoxRule, Clip, Frame, boxes_around, head_sizes, polygon
from posepyr.metrics.posetrack_frames import NOT_FOLLOWED
from posepyr.records import OCCLUDED, VISIBLE, FloatArray
from posepyr.skeleton import POSETRACK_JOINTS

_IDS = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow",
    "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "head_bottom", "nose", "head_top",
)  # fmt: skip
"""The joints by the ids of points."""

_CORNERS = ("x1", "y1", "x2", "y2")

_COLUMNS = {float(identity): POSETRACK_JOINTS.index(joint) for identity, joint in enumerate(_IDS)}


class _Person(NamedTuple):
    frame: int
    number: int
    """Place among the frame's rectangles."""
    track: int
    head: FloatArray
    """Width and height."""
    keypoints: FloatArray
    visibility: Visibility
    scores: FloatArray


def read_annolist(content: dict[str, Any], file: Path, rule: BoxRule, first: int = 0, predicted: bool = False) -> Clip:
    """Read the video of a file. Nearly every value of this layout stands in a list of one.

    People have no boxes: theirs are drawn about the joints. Pictures have no numbers: they are counted from ``first``.
    In ``predicted`` files people need no track.
    """
    frames: list[Frame] = []
    people: list[_Person] = []
    for number, entry in enumerate(Record(file).items(content, "annolist")):
        record = Record(file, f"annolist[{number}]")
        rectangles = _optional(record.mapping(entry), "annorect", record)
        frames.append(_frame(entry, record, file, bool(rectangles))._replace(number=number, image=first + number))
        people += [
            _person(rectangle, Record(file, f"annolist[{number}].annorect[{index}]"), number, index, predicted)
            for index, rectangle in enumerate(rectangles)
        ]
    keypoints = np.array([person.keypoints for person in people]).reshape(-1, len(POSETRACK_JOINTS), 2)
    visibility = np.array([person.visibility for person in people], np.uint8).reshape(-1, len(POSETRACK_JOINTS))
    boxes, boxed = boxes_around(keypoints, visibility, rule.margin)
    return Clip(
        frames=frames,
        frame=np.array([person.frame for person in people], np.intp),
        boxes=boxes,
        boxed=boxed,
        keypoints=keypoints,
        visibility=visibility,
        track=np.array([person.track for person in people], np.int64),
        person=np.array([person.number for person in people], np.int64),
        head_size=head_sizes(np.array([person.head for person in people]).reshape(-1, 2)),
        scores=np.array([person.scores for person in people]).reshape(-1, len(POSETRACK_JOINTS)),
        skipped=Counter(),
    )


def _frame(entry: dict[str, Any], record: Record, file: Path, peopled: bool) -> Frame:
    image = record.mapping(_single(entry, "image", record), "image")
    name = record.value(image, "name")
    if not isinstance(name, str) or not name:
        raise record.error("image.name", "name the picture's file", name)
    labelled = bool(_single(entry, "is_labeled", record)) if "is_labeled" in entry else peopled
    regions = _optional(entry, "ignore_regions", record)
    ignored = tuple(_region(region, record) for region in regions)
    return Frame(file.stem, 0, 0, name, (LARGEST, LARGEST), labelled, ignored)


def _region(region: Any, record: Record) -> FloatArray:
    points = _optional(record.mapping(region, "ignore_regions"), "point", record)
    corners = [record.mapping(point, "ignore_regions.point") for point in points]
    x, y = ([_single(corner, axis, record) for corner in corners] for axis in "xy")
    return polygon(x, y, record, "ignore_regions")


def _person(rectangle: Any, record: Record, frame: int, number: int, predicted: bool) -> _Person:
    record.mapping(rectangle)
    corners = [_number(rectangle, corner, record) if corner in rectangle else np.nan for corner in _CORNERS]
    keypoints, visibility, scores = _joints(rectangle, record)
    head = np.array(corners[2:]) - np.array(corners[:2])
    followed = not predicted or "track_id" in rectangle
    track = _whole(rectangle, "track_id", record) if followed else NOT_FOLLOWED
    return _Person(frame, number, track, head, keypoints, visibility, scores)


def _joints(rectangle: dict[str, Any], record: Record) -> tuple[FloatArray, Visibility, FloatArray]:
    holders = _optional(rectangle, "annopoints", record)
    listed = _optional(record.mapping(holders[0], "annopoints"), "point", record) if holders else []
    points = [record.mapping(point, "annopoints.point") for point in listed]
    identities, x, y = (
        record.numbers([_single(point, field, record) for point in points], f"annopoints.point.{field}", len(points))
        for field in ("id", "x", "y")
    )
    hidden = ["is_visible" in point and not _single(point, "is_visible", record) for point in points]
    numbers = identities.tolist()
    if not _COLUMNS.keys() >= set(numbers) or len(set(numbers)) != len(numbers):
        rule = f"be different numbers of joints, 0 to {len(_IDS) - 1}"
        raise record.error("annopoints.point.id", rule, numbers)
    columns = [_COLUMNS[number] for number in numbers]
    keypoints, visibility = np.zeros((len(POSETRACK_JOINTS), 2)), np.zeros(len(POSETRACK_JOINTS), np.uint8)
    scores = np.full(len(POSETRACK_JOINTS), np.nan)
    keypoints[columns] = np.stack([x, y], axis=-1)
    visibility[columns] = np.where(hidden, OCCLUDED, VISIBLE)
    scores[columns] = [_number(point, "score", record) if "score" in point else np.nan for point in points]
    return keypoints, visibility, scores


def _optional(content: dict[str, Any], field: str, record: Record) -> list[Any]:
    """Return the list under a name; an empty one where there is none."""
    return record.items(content, field) if content.get(field) is not None else []


def _single(content: dict[str, Any], field: str, record: Record) -> Any:
    """Return the value that stands under a name in a list of one."""
    values = record.items(content, field)
    if len(values) != 1:
        raise record.error(field, "be a list of a single entry", values)
    return values[0]


def _number(content: dict[str, Any], field: str, record: Record) -> float:
    return float(record.numbers([_single(content, field, record)], field, 1)[0])


def _whole(content: dict[str, Any], field: str, record: Record) -> int:
    number = _number(content, field, record)
    if number != int(number):
        raise record.error(field, "be a whole number", number)
    return int(number)
