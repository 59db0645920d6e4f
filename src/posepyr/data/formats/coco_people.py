"""People of files in COCO's layouts: those whom annotators marked, and those whom a detector found."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posepyr.data.formats import coco_file
from posepyr.data.formats.archive import Record, table
from posepyr.data.formats.containers import read_json
from posepyr.data.formats.people import People, box_around, clip_boxes, describe_left_out, has_extent
from posepyr.records import FloatArray

PERSON = 1
"""The category that people have in detectors' files, as in COCO."""

_log = logging.getLogger(__name__)


def read_coco(file: Path, images: Path, joints: tuple[str, ...] | None = None) -> People:
    """Read the people of a COCO-style keypoint file whose pictures lie in a folder.

    Needed are ``categories`` with ``keypoints``; ``images`` with ``id`` and ``file_name``; ``annotations`` with
    ``image_id``, ``category_id`` and ``keypoints``. Boxes are clipped where images have ``width`` and ``height``; a
    person without ``bbox`` gets a box from the joints.
    """
    content = coco_file.load(file)
    layout = coco_file.layout(content, file, joints)
    found, skipped = coco_file.people(content, file, layout.categories, coco_file.pictures(content, file))
    triples, areas = coco_file.triples(found, layout), coco_file.areas(found)
    boxes, remains = _boxes(found, triples, areas)
    labelled = triples[:, :, 2].any(axis=1)
    skipped["without labelled joints"] = int((~labelled).sum())
    skipped["with boxes that have no area"] = int((labelled & ~remains).sum())
    left_out = describe_left_out(skipped)
    kept = np.flatnonzero(labelled & remains)
    if not len(kept):
        raise ValueError(
            f"{file}: annotations must hold a person with a labelled joint, got none; left out: {left_out}"
        )
    _log.info("%s: %d people; left out: %s", file, len(kept), left_out)
    measures = {
        "image": np.array([person.image for person in found])[kept],
        "person": coco_file.identities(found)[kept],
        "area": areas[kept],
    }
    names = [found[index].picture.name for index in kept]
    keypoints, visibility = triples[kept, :, :2], triples[kept, :, 2].astype(np.uint8)
    return People(
        images, layout.joints, names, boxes=boxes[kept], keypoints=keypoints, visibility=visibility, measures=measures,
        skipped=skipped,
    )  # fmt: skip


def _boxes(
    found: list[coco_file.CocoPerson], triples: FloatArray, areas: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return people's boxes, and a mask of those with an area inside the picture."""
    stated, mask = coco_file.boxes(found)
    boxes, remains = clip_boxes(stated, np.array([person.picture.size for person in found]).reshape(-1, 2))
    remains &= ~(areas <= 0)
    for index in np.flatnonzero(~mask):
        box = box_around(triples[index, :, :2], triples[index, :, 2].astype(np.uint8))
        boxes[index], remains[index] = (np.zeros(4), False) if box is None else (box, True)
    return boxes, remains


def read_detections(
    file: Path,
    listed: dict[int | str, coco_file.Picture],
    images: Path,
    joints: tuple[str, ...],
    threshold: float = 0.0,
) -> People:
    """Read the boxes of a detector's file in COCO's results format, none of their joints labelled.

    The file is a list; needed are ``image_id``, ``category_id``, ``bbox`` and ``score``. ``listed`` are the pictures
    that may be referred to; people come in their order. Boxes are taken as they stand, as in the HRNet release; those
    that score below the threshold are left out and counted. ``measures`` has ``image`` and ``score``.
    """
    found, skipped = _find(file, listed, threshold)
    order = {image: place for place, image in enumerate(listed)}
    found.sort(key=lambda detection: order[detection.image])
    boxes = table([detection.annotation["bbox"] for detection in found], coco_file.records(found), "bbox", 4)
    extended = has_extent(boxes)
    skipped["with boxes that have no area"] = int((~extended).sum())
    kept = [found[index] for index in np.flatnonzero(extended)]
    left_out = describe_left_out(skipped)
    if not kept:
        raise ValueError(f"{file} must hold a person with a box, got none; left out: {left_out}")
    _log.info("%s: %d detections; left out: %s", file, len(kept), left_out)
    return People(
        images,
        joints,
        [detection.picture.name for detection in kept],
        boxes=boxes[extended],
        keypoints=np.zeros((len(kept), len(joints), 2)),
        visibility=np.zeros((len(kept), len(joints)), np.uint8),
        measures={
            "image": np.array([detection.image for detection in kept]),
            "score": np.array([detection.annotation["score"] for detection in kept], np.float64),
        },
        skipped=skipped,
    )


def _find(
    file: Path, listed: dict[int | str, coco_file.Picture], threshold: float
) -> tuple[list[coco_file.CocoPerson], Counter[str]]:
    content = read_json(file)
    if not isinstance(content, list):
        raise Record(file).error("the file", "be a list of detections", content)
    found, skipped = [], Counter[str]()
    for index, detection in enumerate(content):
        record = Record(file, f"detection {index}")
        if record.value(record.mapping(detection), "category_id") != PERSON:
            skipped["of other categories"] += 1
        elif _score(detection, record) < threshold:
            skipped["below the threshold"] += 1
        else:
            record.value(detection, "bbox")
            found.append(coco_file.CocoPerson(record, detection, *coco_file.picture_of(detection, record, listed)))
    return found, skipped


def _score(detection: dict[str, Any], record: Record) -> float:
    return float(record.numbers([record.value(detection, "score")], "score", 1)[0])
