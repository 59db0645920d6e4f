"""PoseTrack's two layouts, spoilt in every field."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from posepyr.data.sources.posetrack import PoseTrack
from support.malformed import LONG, MISSING, Case, Format, Row, of_formats

NAN = float("nan")
COUNTED = True


def posetrack_2018() -> dict[str, Any]:
    names = ["nose", "head_bottom", "head_top", "left_ear", "right_ear"]
    names += [f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
              for side in ("left", "right")]  # fmt: skip
    person = {
        "image_id": 5, "category_id": 1, "bbox": [1, 2, 50, 60], "bbox_head": [1, 2, 5, 6],
        "keypoints": [value for joint in range(17) for value in (10 + joint, 20 + joint, 1)],
    }  # fmt: skip
    return {
        "categories": [{"id": 1, "name": "person", "keypoints": names}],
        "images": [{"id": 5, "file_name": "images/val/v/0.jpg", "is_labeled": True}],
        "annotations": [{**person, "id": 1, "track_id": 0}, {**person, "id": 2, "track_id": 1}],
    }


def write_2018(folder: Path) -> None:
    (folder / "annotations" / "val").mkdir(parents=True)
    (folder / "annotations" / "val" / "v.json").write_text(json.dumps(posetrack_2018()))


ONE = r"v\.json: annotations\[0\] \(id 1\): "

POSETRACK_2018: list[Row] = [
    ("wrong type", "", [], "the file must map"),
    ("missing", "images", MISSING, "images must be given"),
    ("missing", "categories", MISSING, "categories must be given"),
    ("empty", "annotations", [], "must hold a person with a labelled joint"),
    ("missing", "images.0.file_name", MISSING, r"images\[0\]: file_name must be given"),
    ("wrong type", "images.0.id", None, r"images\[0\]: id must be"),
    ("wrong type", "images.0.ignore_regions_x", 5, r"images\[0\]: ignore_regions_x must be"),
    ("missing", "annotations.0.track_id", MISSING, ONE + "track_id must be given"),
    ("wrong type", "annotations.0.track_id", "a", ONE + "track_id must be a whole number"),
    ("not a number", "annotations.0.track_id", NAN, ONE + "track_id must be a whole number"),
    ("huge", "annotations.0.track_id", LONG, ONE + "track_id must be a whole number"),
    ("count", "annotations.0.keypoints.50", MISSING, ONE + "keypoints must be a list of 51"),
    ("not a number", "annotations.0.keypoints.0", NAN, ONE + "keypoints must hold finite"),
    ("huge", "annotations.0.keypoints.0", 1e300, ONE + "keypoints must hold finite"),
    ("negative", "annotations.0.keypoints.2", -1, ONE + "keypoints must be x, y, visibility"),
    ("wrong type", "annotations.0.keypoints.0", None, ONE + "keypoints must hold finite"),
    ("empty", "annotations.0.keypoints", [0] * 51, "without labelled joints", COUNTED),
    ("not a number", "annotations.0.bbox.0", NAN, ONE + "bbox must hold finite"),
    ("negative", "annotations.0.bbox.2", -1, "with boxes that have no area", COUNTED),
    ("wrong type", "annotations.0.bbox_head", [1, "2", 3, 4], ONE + "bbox_head must hold finite"),
    ("count", "annotations.0.bbox_head", [1, 2, 3], ONE + "bbox_head must be a list of 4"),
]


def write_2017(folder: Path) -> None:
    points = [{"id": [joint], "x": [10 + joint], "y": [20 + 2 * joint], "is_visible": [1]} for joint in range(15)]
    person = {"x1": [1], "y1": [2], "x2": [5], "y2": [6], "annopoints": [{"point": points}]}
    frame = {
        "image": [{"name": "images/val/v/0.jpg"}], "is_labeled": [1],
        "annorect": [{**person, "track_id": [0]}, {**person, "track_id": [1]}],
    }  # fmt: skip
    (folder / "annotations" / "val").mkdir(parents=True)
    (folder / "annotations" / "val" / "v.json").write_text(json.dumps({"annolist": [frame]}))


PERSON, POINT = "annolist.0.annorect.0", "annolist.0.annorect.0.annopoints.0.point"
RECTANGLE = r"v\.json: annolist\[0\]\.annorect\[0\]: "

POSETRACK_2017: list[Row] = [
    ("wrong type", "annolist", {}, "annolist must be a list"),
    ("empty", "annolist", [], "must hold a person with a labelled joint"),
    ("wrong type", "annolist.0", 3, r"annolist\[0\]: it must map"),
    ("missing", "annolist.0.image", MISSING, r"annolist\[0\]: image must be given"),
    ("empty", "annolist.0.image", [], r"annolist\[0\]: image must be a list of a single"),
    ("wrong type", "annolist.0.image.0.name", 7, r"annolist\[0\]: image\.name must name"),
    ("wrong type", "annolist.0.annorect", {}, r"annolist\[0\]: annorect must be a list"),
    ("wrong type", PERSON, 1, RECTANGLE + "it must map"),
    ("missing", PERSON + ".track_id", MISSING, RECTANGLE + "track_id must be given"),
    ("not a number", PERSON + ".track_id.0", NAN, RECTANGLE + "track_id must hold finite"),
    ("wrong type", PERSON + ".track_id.0", 0.5, RECTANGLE + "track_id must be a whole number"),
    ("wrong type", PERSON + ".x1", 5, RECTANGLE + "x1 must be a list"),
    ("huge", PERSON + ".x1.0", LONG, RECTANGLE + "x1 must hold finite"),
    ("empty", POINT, [], "without labelled joints", COUNTED),
    ("wrong type", POINT, {}, RECTANGLE + "point must be a list"),
    ("wrong type", POINT + ".0", None, RECTANGLE + r"annopoints\.point must map"),
    ("missing", POINT + ".0.x", MISSING, RECTANGLE + "x must be given"),
    ("not a number", POINT + ".0.x.0", NAN, RECTANGLE + r"(annopoints\.point\.)?x must hold finite"),
    ("huge", POINT + ".0.y.0", 1e300, RECTANGLE + r"(annopoints\.point\.)?y must hold finite"),
    ("negative", POINT + ".0.id.0", -1, RECTANGLE + r"annopoints\.point\.id must be"),
    ("count", POINT + ".0.id.0", 15, RECTANGLE + r"annopoints\.point\.id must be"),
    ("count", POINT + ".0.id.0", 1, RECTANGLE + r"annopoints\.point\.id must be"),
]

FORMATS = [
    (
        Format(
            "PoseTrack 2018", "annotations/val/v.json", write_2018, lambda folder: PoseTrack(str(folder)).split("val"),
            named="annotations/val",
        ),
        POSETRACK_2018,
    ),
    (
        Format(
            "PoseTrack 2017", "annotations/val/v.json", write_2017, lambda folder: PoseTrack(str(folder)).split("val"),
            named="annotations/val",
        ),
        POSETRACK_2017,
    ),
]  # fmt: skip


def cases() -> Iterator[Case]:
    return of_formats(FORMATS)


def formats() -> list[Format]:
    return [one for one, _ in FORMATS]
