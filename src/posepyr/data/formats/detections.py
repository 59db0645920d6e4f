"""People that a detector found, for the networks that look into its boxes."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from posepyr.data.formats import coco_file
from posepyr.data.formats.archive import Record, table
from posepyr.data.formats.json_file import read_json
from posepyr.data.formats.people import People, has_extent, spelled

PERSON = 1
"""The category that people have in detectors' files, as in COCO."""

_log = logging.getLogger(__name__)


def read_detections(
    file: Path,
    listed: dict[int | str, coco_file.Picture],
    images: Path,
    joints: tuple[str, ...],
    threshold: float = 0.0,
) -> People:
    """The boxes of a detector's file in COCO's results format, none of their joints labelled.

    The file is a list; needed are ``image_id``, ``category_id``, ``bbox`` and ``score``. ``listed`` are the pictures
    that may be referred to; people come in their order. Boxes are taken as they stand, as in the HRNet release; those
    that score below the threshold are left out and counted. ``measures`` has ``image`` and ``score``.
    """
    found, skipped = _find(file, listed, threshold)
    places = {image: place for place, image in enumerate(listed)}
    found.sort(key=lambda detection: places[detection.image])
    boxes = table([detection.annotation["bbox"] for detection in found], coco_file.records(found), "bbox", 4)
    extended = has_extent(boxes)
    skipped["with boxes that have no area"] = int((~extended).sum())
    kept = [found[index] for index in np.flatnonzero(extended)]
    left_out = spelled(skipped)
    if not kept:
        raise ValueError(f"{file} must hold a person with a box, got none; left out: {left_out}")
    _log.info("%s: %d detections; left out: %s", file, len(kept), left_out)
    return People(
        images,
        joints,
        [detection.picture.name for detection in kept],
        boxes[extended],
        np.zeros((len(kept), len(joints), 2)),
        np.zeros((len(kept), len(joints)), np.uint8),
        {
            "image": np.array([detection.image for detection in kept]),
            "score": np.array([detection.annotation["score"] for detection in kept], np.float64),
        },
        skipped,
    )


def _find(
    file: Path, listed: dict[int | str, coco_file.Picture], threshold: float
) -> tuple[list[coco_file.Found], Counter[str]]:
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
            found.append(coco_file.Found(record, detection, *coco_file.picture_of(detection, record, listed)))
    return found, skipped


def _score(detection: dict[str, Any], record: Record) -> float:
    return float(record.numbers([record.value(detection, "score")], "score", 1)[0])
