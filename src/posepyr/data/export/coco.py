"""Data in COCO's layout: keypoint JSON beside folders of pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posepyr.data.export import writing
from posepyr.records import NOT_LABELLED, Annotation, Source
from posepyr.skeleton import Skeleton

_DECIMALS = 2
"""As of COCO's own boxes; its keypoints are whole pixels, ours keep hundredths."""


def write_coco(source: Source, skeleton: Skeleton, folder: str | Path, splits: Sequence[str]) -> dict[str, int]:
    """Write splits as ``{split}2017/`` and ``annotations/person_keypoints_{split}2017.json``; people by split.

    Pictures and people are numbered from 1 across all splits. A joint that is not labelled is ``0, 0, 0``. There are
    no outlines, so ``area``, which key-point similarity scales with, is the box's.
    """
    chosen = writing.splits(source, splits)
    root = writing.start(folder, "annotations", *(f"{split}2017" for split in splits))
    written, pictures, people = {}, 0, 0
    for split, everybody in chosen.items():
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for picture in writing.pictures(everybody):
            pictures += 1
            image = _image(pictures, picture.pixels.shape[:2])
            writing.write_jpeg(root / f"{split}2017" / image["file_name"], picture.pixels)
            images.append(image)
            annotations += [_annotation(person, pictures, people + i) for i, person in enumerate(picture.people, 1)]
            people += len(picture.people)
        content = {**_head(skeleton), "images": images, "annotations": annotations}
        writing.write_json(root / "annotations" / f"person_keypoints_{split}2017.json", content)
        written[split] = len(annotations)
    return written


def _head(skeleton: Skeleton) -> dict[str, Any]:
    category = {
        "supercategory": "person",
        "id": 1,
        "name": "person",
        "keypoints": list(skeleton.joints),
        "skeleton": [[first + 1, second + 1] for first, second in skeleton.limb_indices],
    }
    info = {
        "description": f"{skeleton.name} people in COCO's layout",
        "url": "",
        "version": "1.0",
        "year": 2017,
        "contributor": "posepyr",
        "date_created": "",
    }
    return {"info": info, "licenses": [{"id": 1, "name": "unspecified", "url": ""}], "categories": [category]}


def _image(identity: int, size: tuple[int, ...]) -> dict[str, Any]:
    height, width = size
    name = f"{identity:012d}.jpg"
    return {"id": identity, "file_name": name, "height": height, "width": width, "license": 1}


def _annotation(person: Annotation, image: int, identity: int) -> dict[str, Any]:
    labelled = person.visibility != NOT_LABELLED
    positions = np.where(labelled[:, None], person.keypoints, 0.0).round(_DECIMALS).tolist()
    triples = zip(positions, person.visibility.tolist(), strict=True)
    box = person.box.round(_DECIMALS).tolist()
    return {
        "id": identity,
        "image_id": image,
        "category_id": 1,
        "keypoints": [number for (x, y), state in triples for number in (x, y, state)],
        "num_keypoints": int(labelled.sum()),
        "bbox": box,
        "area": round(box[2] * box[3], _DECIMALS),
        "iscrowd": 0,
        "segmentation": [],
    }
