"""PoseTrack's files of 2018: COCO's layout, a file a video, with tracks, heads and regions to ignore."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posepyr.data.formats import coco_file
from posepyr.data.formats.archive import Record, table
from posepyr.data.formats.people import Visibility, has_extent
from posepyr.data.formats.posetrack_clip import BoxRule, Clip, Frame, boxes_around, folder_of, head_sizes, polygon
from posepyr.metrics.posetrack_frames import NOT_FOLLOWED
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, FloatArray
from posepyr.skeleton import POSETRACK_JOINTS

_NUMBERLESS = -1
"""The number of somebody whom the file gives none."""

_NOBODY = coco_file.Layout(frozenset(), POSETRACK_JOINTS, list(range(len(POSETRACK_JOINTS))))


def read_coco_style(content: dict[str, Any], file: Path, rule: BoxRule, several: bool, predicted: bool = False) -> Clip:
    """Read the video of a file, or its videos one after the other where it holds ``several``, as conversions do.

    The third number of a joint is 1 where it is visible, unlike COCO's, and 0 where it is hidden or not labelled;
    what is not labelled lies at 0, 0. In ``predicted`` files it may be any number, and people need neither
    track nor number.
    """
    content = {"annotations": [], **content}
    listed = coco_file.pictures(content, file)
    layout = coco_file.layout(content, file, POSETRACK_JOINTS) if content["annotations"] else _NOBODY
    found, skipped = coco_file.people(content, file, layout.categories, listed)
    keypoints, visibility = _joints(_predicted(found, layout) if predicted else coco_file.triples(found, layout))
    frames = _frames(content, file, listed, {person.image for person in found}, several)
    boxes, boxed = boxes_around(keypoints, visibility, rule.margin)
    if rule.stated:
        stated, mask = coco_file.boxes(found)
        boxes[mask], boxed[mask] = stated[mask], has_extent(stated[mask])
    numbers = {frame.image: number for number, frame in enumerate(frames)}
    return Clip(
        frames=frames,
        frame=np.array([numbers[person.image] for person in found], np.intp),
        boxes=boxes,
        boxed=boxed,
        keypoints=keypoints,
        visibility=visibility,
        track=_whole(found, "track_id", NOT_FOLLOWED if predicted else None),
        person=_whole(found, "id", _NUMBERLESS if predicted else None),
        head_size=_head_sizes(found),
        scores=_scores(found, layout, predicted),
        skipped=skipped,
    )


def _frames(
    content: dict[str, Any],
    file: Path,
    listed: dict[int | str, coco_file.Picture],
    peopled: set[int | str],
    several: bool,
) -> list[Frame]:
    frames: list[Frame] = []
    lengths = Counter[str]()
    for index, (identity, picture) in enumerate(listed.items()):
        entry, record = content["images"][index], Record(file, f"images[{index}]")
        video = folder_of(picture.name) if several else file.stem
        labelled = bool(entry.get("is_labeled", identity in peopled))
        ignored = _ignored(entry, record)
        frames.append(Frame(video, lengths[video], identity, picture.name, picture.size, labelled, ignored))
        lengths[video] += 1
    return frames


def _ignored(entry: dict[str, Any], record: Record) -> tuple[FloatArray, ...]:
    across, down = (entry.get(f"ignore_regions_{axis}") or [] for axis in "xy")
    if not isinstance(across, list) or not isinstance(down, list) or len(across) != len(down):
        raise record.error("ignore_regions_x", "be a list as long as ignore_regions_y", across)
    return tuple(polygon(x, y, record, "ignore_regions_x") for x, y in zip(across, down, strict=True))


def _joints(triples: FloatArray) -> tuple[FloatArray, Visibility]:
    keypoints, seen = triples[:, :, :2], triples[:, :, 2] > 0
    hidden = np.where(keypoints.any(axis=-1), OCCLUDED, NOT_LABELLED)
    return keypoints, np.where(seen, VISIBLE, hidden).astype(np.uint8)


def _predicted(found: list[coco_file.CocoPerson], layout: coco_file.Layout) -> FloatArray:
    """Return triples ``N 15 3``, whatever the third number is: many write the score there."""
    rows = [person.record.value(person.annotation, "keypoints") for person in found]
    count = len(layout.names)
    return table(rows, coco_file.records(found), "keypoints", 3 * count).reshape(-1, count, 3)[:, layout.columns]


def _scores(found: list[coco_file.CocoPerson], layout: coco_file.Layout, predicted: bool) -> FloatArray:
    mask = np.array([predicted and bool(person.annotation.get("scores")) for person in found], np.bool_)
    scored = [person for person, has_scores in zip(found, mask, strict=True) if has_scores]
    scores = np.full((len(found), len(layout.names)), np.nan)
    rows = [person.annotation["scores"] for person in scored]
    scores[mask] = table(rows, coco_file.records(scored), "scores", len(layout.names))
    return scores[:, layout.columns]


def _whole(found: list[coco_file.CocoPerson], field: str, lacking: int | None = None) -> npt.NDArray[np.int64]:
    """Return a field of everybody, with ``lacking`` in place of a missing one, if it may be missing."""
    values = []
    for person in found:
        optional = lacking is not None and field not in person.annotation
        value = lacking if optional else person.record.value(person.annotation, field)
        if type(value) is not int or abs(value) >= 2**63:
            raise person.record.error(field, "be a whole number", value)
        values.append(value)
    return np.array(values, np.int64)


def _head_sizes(found: list[coco_file.CocoPerson]) -> FloatArray:
    mask = np.array([person.annotation.get("bbox_head") is not None for person in found], np.bool_)
    stated = [person for person, has_head in zip(found, mask, strict=True) if has_head]
    sizes = np.full(len(found), np.nan)
    heads = table([person.annotation["bbox_head"] for person in stated], coco_file.records(stated), "bbox_head", 4)
    sizes[mask] = head_sizes(heads[:, 2:])
    return sizes
