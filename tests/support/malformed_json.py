"""COCO, detections, AI Challenger, and MPII's JSON, spoilt in every field."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from posepyr.data.sources.ai_challenger import AIChallenger
from posepyr.data.sources.coco import Coco
from posepyr.data.sources.mpii import Mpii
from support import mpii_files
from support.malformed import LONG, MISSING, Case, Format, Row, of_formats

NAN, ENDLESS = float("nan"), float("inf")
COUNTED = True


def coco_content() -> dict[str, Any]:
    person = {
        "image_id": 7, "category_id": 1, "iscrowd": 0, "area": 200.0, "bbox": [10, 20, 30, 40],
        "keypoints": [12, 22, 2, 0, 0, 0, 30.5, 50, 1],
    }  # fmt: skip
    return {
        "categories": [{"id": 1, "name": "person", "keypoints": ["nose", "left_hand", "right_hand"]}],
        "images": [{"id": 7, "file_name": "one.png", "height": 80, "width": 100}],
        "annotations": [{**person, "id": 3}, {**person, "id": 4}],
    }


def write_coco(folder: Path) -> None:
    for name in ("annotations", "val2017", "train2017"):
        (folder / name).mkdir()
    text = json.dumps(coco_content())
    for name in ("val2017", "train2017"):
        (folder / "annotations" / f"person_keypoints_{name}.json").write_text(text)
    boxes = [{"image_id": 7, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.5 + share / 10} for share in (1, 2)]
    (folder / "boxes.json").write_text(json.dumps(boxes))


FIRST = r"annotations\[0\] \(id 3\): "

COCO: list[Row] = [
    ("wrong type", "", [], "the file must map"),
    ("wrong type", "", None, "the file must map"),
    ("empty", "", {}, "images must be given|categories must be given"),
    ("missing", "categories", MISSING, "categories must be given"),
    ("wrong type", "categories", {}, "categories must be a list"),
    ("empty", "categories", [], "categories must hold one with keypoints"),
    ("wrong type", "categories.0", 1, r"categories\[0\]: it must map"),
    ("wrong type", "categories.0.keypoints", "nose", r"categories\[0\]: keypoints must be a list"),
    ("wrong type", "categories.0.keypoints.1", 3, r"categories\[0\]: keypoints must hold distinct names"),
    ("count", "categories.0.keypoints", ["nose", "left_hand"], FIRST + "keypoints must be a list of 6 numbers"),
    ("missing", "categories.0.id", MISSING, r"categories\[0\]: id must be given"),
    ("wrong type", "categories.0.id", [1], r"categories\[0\]: id must be"),
    ("missing", "images", MISSING, "images must be given"),
    ("wrong type", "images", "one.png", "images must be a list"),
    ("wrong type", "images.0", None, r"images\[0\]: it must map"),
    ("missing", "images.0.id", MISSING, r"images\[0\]: id must be given"),
    ("not a number", "images.0.id", NAN, r"images\[0\]: id must be"),
    ("huge", "images.0.id", LONG, r"images\[0\]: id must be"),
    ("missing", "images.0.file_name", MISSING, r"images\[0\]: file_name must be given"),
    ("empty", "images.0.file_name", "", r"images\[0\]: file_name must name"),
    ("wrong type", "images.0.file_name", 5, r"images\[0\]: file_name must name"),
    ("negative", "images.0.height", -80, r"images\[0\]: height must be"),
    ("not a number", "images.0.width", NAN, r"images\[0\]: width must be"),
    ("huge", "images.0.width", 1e300, r"images\[0\]: width must be"),
    ("huge", "images.0.height", LONG, r"images\[0\]: height must be"),
    ("wrong type", "images.0.height", "80", r"images\[0\]: height must be"),
    ("wrong type", "annotations", None, "annotations must be a list"),
    ("empty", "annotations", [], "annotations must hold a person"),
    ("wrong type", "annotations.0", [], r"annotations\[0\]: it must map"),
    ("missing", "annotations.0.image_id", MISSING, FIRST + "image_id must be given"),
    ("wrong type", "annotations.0.image_id", 8, FIRST + "image_id must be the id of one of the file's images"),
    ("wrong type", "annotations.0.image_id", {}, FIRST + "image_id must be"),
    ("missing", "annotations.0.category_id", MISSING, FIRST + "category_id must be given"),
    ("wrong type", "annotations.0.category_id", 2, "of other categories", COUNTED),
    ("wrong type", "annotations.0.category_id", [], FIRST + "category_id must be"),
    ("missing", "annotations.0.keypoints", MISSING, FIRST + "keypoints must be given"),
    ("wrong type", "annotations.0.keypoints", None, FIRST + "keypoints must be a list of 9"),
    ("wrong type", "annotations.0.keypoints.4", "0", FIRST + "keypoints must hold finite numbers"),
    ("wrong type", "annotations.0.keypoints.4", True, FIRST + "keypoints must hold finite numbers"),
    ("wrong type", "annotations.0.keypoints.4", [0], FIRST + "keypoints must hold finite numbers"),
    ("not a number", "annotations.0.keypoints.0", NAN, FIRST + "keypoints must hold finite numbers"),
    ("huge", "annotations.0.keypoints.1", ENDLESS, FIRST + "keypoints must hold finite numbers"),
    ("huge", "annotations.0.keypoints.1", LONG, FIRST + "keypoints must hold finite numbers"),
    ("huge", "annotations.0.keypoints.1", -1e7, FIRST + "keypoints must hold finite numbers"),
    ("negative", "annotations.0.keypoints.2", -1, FIRST + "keypoints must be x, y, visibility"),
    ("wrong type", "annotations.0.keypoints.2", 1.5, FIRST + "keypoints must be x, y, visibility"),
    ("count", "annotations.0.keypoints.8", MISSING, FIRST + "keypoints must be a list of 9 numbers"),
    ("empty", "annotations.0.keypoints", [], FIRST + "keypoints must be a list of 9 numbers"),
    ("empty", "annotations.0.keypoints", [0] * 9, "without labelled joints", COUNTED),
    ("count", "annotations.0.bbox", [1, 2, 3], FIRST + "bbox must be a list of 4"),
    ("wrong type", "annotations.0.bbox", "1 2 3 4", FIRST + "bbox must be a list of 4"),
    ("not a number", "annotations.0.bbox.2", NAN, FIRST + "bbox must hold finite"),
    ("huge", "annotations.0.bbox.3", 1e300, FIRST + "bbox must hold finite"),
    ("negative", "annotations.0.bbox.2", -30, "with boxes that have no area", COUNTED),
    ("empty", "annotations.0.bbox", [0, 0, 0, 0], "with boxes that have no area", COUNTED),
    ("not a number", "annotations.0.area", NAN, FIRST + "area must hold finite"),
    ("wrong type", "annotations.0.area", "large", FIRST + "area must hold finite"),
    ("negative", "annotations.0.area", -3, "with boxes that have no area", COUNTED),
    ("wrong type", "annotations.0.id", [3], r"annotations\[0\] .*id must be"),
]  # fmt: skip

DETECTIONS: list[Row] = [
    ("wrong type", "", {}, "the file must be a list of detections"),
    ("empty", "", [], "must hold a person with a box"),
    ("wrong type", "0", "box", "detection 0: it must map"),
    ("missing", "0.image_id", MISSING, "detection 0: image_id must be given"),
    ("wrong type", "0.image_id", 8, "detection 0: image_id must be the id"),
    ("missing", "0.category_id", MISSING, "detection 0: category_id must be given"),
    ("wrong type", "0.category_id", 3, "of other categories", COUNTED),
    ("missing", "0.bbox", MISSING, "detection 0: bbox must be given"),
    ("count", "0.bbox", [1, 2, 3, 4, 5], "detection 0: bbox must be a list of 4"),
    ("not a number", "0.bbox.0", NAN, "detection 0: bbox must hold finite"),
    ("huge", "0.bbox.0", LONG, "detection 0: bbox must hold finite"),
    ("negative", "0.bbox.2", -3, "with boxes that have no area", COUNTED),
    ("missing", "0.score", MISSING, "detection 0: score must be given"),
    ("not a number", "0.score", NAN, "detection 0: score must hold finite"),
    ("wrong type", "0.score", "high", "detection 0: score must hold finite"),
    ("negative", "0.score", -0.5, "below the threshold", COUNTED),
]


def write_ai_challenger(folder: Path) -> None:
    joints = [value for joint in range(14) for value in (10 + joint, 20 + joint, 1)]
    content = [
        {
            "image_id": "beef",
            "human_annotations": {"human1": [1, 2, 30, 40], "human2": [1, 2, 30, 50]},
            "keypoint_annotations": {"human1": joints, "human2": joints},
        }
    ]
    place = folder / "ai_challenger_keypoint_validation_20170911"
    (place / "keypoint_validation_images_20170911").mkdir(parents=True)
    (place / "keypoint_validation_annotations_20170911.json").write_text(json.dumps(content))


JOINTS, BOX = "0.keypoint_annotations.human1", "0.human_annotations.human1"
HUMAN = r"\[0\]\.human1 \(image_id 'beef'\): "

AI_CHALLENGER: list[Row] = [
    ("wrong type", "", {}, "the file must be a list of pictures"),
    ("empty", "", [], "must hold a person with a labelled joint"),
    ("wrong type", "0", [], r"\[0\]: it must map"),
    ("missing", "0.image_id", MISSING, r"\[0\]: image_id must be given"),
    ("wrong type", "0.image_id", 4, r"\[0\]: image_id must name"),
    ("empty", "0.image_id", "", r"\[0\]: image_id must name"),
    ("missing", "0.human_annotations", MISSING, r"image_id 'beef'\): human_annotations must be given"),
    ("wrong type", "0.human_annotations", [], r"image_id 'beef'\): human_annotations must map"),
    ("wrong type", "0.keypoint_annotations", None, r"image_id 'beef'\): keypoint_annotations must map"),
    ("missing", JOINTS, MISSING, "without labelled joints", COUNTED),
    ("missing", BOX, MISSING, HUMAN + "human1 must be given"),
    ("count", JOINTS + ".41", MISSING, HUMAN + "keypoint_annotations must be a list of 42"),
    ("empty", JOINTS, [], HUMAN + "keypoint_annotations must be a list of 42"),
    ("empty", JOINTS, [0, 0, 3] * 14, "without labelled joints", COUNTED),
    ("not a number", JOINTS + ".0", NAN, HUMAN + "keypoint_annotations must hold finite"),
    ("huge", JOINTS + ".0", 1e9, HUMAN + "keypoint_annotations must hold finite"),
    ("huge", JOINTS + ".0", LONG, HUMAN + "keypoint_annotations must hold finite"),
    ("wrong type", JOINTS + ".3", "12", HUMAN + "keypoint_annotations must hold finite"),
    ("negative", JOINTS + ".2", -1, HUMAN + "keypoint_annotations must be x, y, state"),
    ("wrong type", JOINTS + ".2", 0, HUMAN + "keypoint_annotations must be x, y, state"),
    ("count", BOX + ".3", MISSING, HUMAN + "human_annotations must be a list of 4"),
    ("wrong type", BOX, {"x": 1}, HUMAN + "human_annotations must be a list of 4"),
    ("not a number", BOX + ".0", NAN, HUMAN + "human_annotations must hold finite"),
    ("negative", BOX, [30, 40, 1, 2], "with boxes that have no area", COUNTED),
]  # fmt: skip


def write_mpii_json(folder: Path) -> None:
    (folder / "images").mkdir()
    mpii_files.write_entries(folder / "annot" / "valid.json", [mpii_files.entry("a.jpg", at) for at in (100, 200)])


MPII_JSON: list[Row] = [
    ("wrong type", "", {}, "the file must be a list of people"),
    ("empty", "", [], "must hold somebody"),
    ("wrong type", "0", None, r"\[0\]: it must map"),
    ("missing", "0.image", MISSING, r"\[0\]: image must be given"),
    ("empty", "0.image", "", r"\[0\]: image must name"),
    ("wrong type", "0.image", 3, r"\[0\]: image must name"),
    ("missing", "0.center", MISSING, r"\[0\]: center must be given"),
    ("count", "0.center", [1], r"\[0\]: center must be a list of 2"),
    ("not a number", "0.center.0", NAN, r"\[0\]: center must hold finite"),
    ("negative", "0.center", [-1, -1], "without position or scale", COUNTED),
    ("wrong type", "0.scale", "1.5", r"\[0\]: scale must hold finite"),
    ("negative", "0.scale", -1, "without position or scale", COUNTED),
    ("huge", "0.scale", LONG, r"\[0\]: scale must hold finite"),
    ("missing", "0.joints", MISSING, r"\[0\]: joints must be given"),
    ("count", "0.joints.15", MISSING, r"\[0\]: joints must be 16 pairs"),
    ("count", "0.joints.3", [1, 2, 3], r"\[0\]: joints must be 16 pairs"),
    ("empty", "0.joints", [], r"\[0\]: joints must be 16 pairs"),
    ("wrong type", "0.joints.3.0", {}, r"\[0\]: joints must hold finite"),
    ("not a number", "0.joints.3.0", NAN, r"\[0\]: joints must hold finite"),
    ("huge", "0.joints.3.0", 1e300, r"\[0\]: joints must hold finite"),
    ("count", "0.joints_vis", [1] * 15, r"\[0\]: joints_vis must be a list of 16"),
    ("negative", "0.joints_vis.0", -1, r"\[0\]: joints_vis must hold 0 or 1"),
    ("empty", "0.joints_vis", [0] * 16, "without labelled joints", COUNTED),
]

FORMATS = [
    (
        Format(
            "COCO", "annotations/person_keypoints_val2017.json", write_coco,
            lambda folder: Coco(str(folder)).split("val"),
        ),
        COCO,
    ),
    (
        Format(
            "detections", "boxes.json", write_coco,
            lambda folder: Coco(str(folder), detections="boxes.json").split("val"),
        ),
        DETECTIONS,
    ),
    (
        Format(
            "AI Challenger",
            "ai_challenger_keypoint_validation_20170911/keypoint_validation_annotations_20170911.json",
            write_ai_challenger, lambda folder: AIChallenger(str(folder)).split("val"),
        ),
        AI_CHALLENGER,
    ),
    (
        Format(
            "MPII JSON", "annot/valid.json", write_mpii_json,
            lambda folder: Mpii(str(folder), annotations="annot/{split}.json").split("val"),
        ),
        MPII_JSON,
    ),
]  # fmt: skip


def cases() -> Iterator[Case]:
    return of_formats(FORMATS)


def formats() -> list[Format]:
    return [one for one, _ in FORMATS]
