"""AI Challenger's key points, the extra data that HRNet's best results on COCO are trained with."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from posepyr.data.formats.archive import Record, data_folder, require, table
from posepyr.data.formats.containers import read_json
from posepyr.data.formats.people import People, describe_left_out, has_extent
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, PublishedCount, Source
from posepyr.skeleton import AI_CHALLENGER_JOINTS

_TRAIN, _VALIDATION = "ai_challenger_keypoint_train_20170902", "ai_challenger_keypoint_validation_20170911"

ANNOTATIONS = {
    "train": (
        # The training labels were corrected once, and went from hand to hand both ways.
        "ai_challenger_keypoint_train_annotations_20170909/keypoint_train_annotations_20170909.json",
        f"{_TRAIN}/keypoint_train_annotations_20170909.json",
        f"{_TRAIN}/keypoint_train_annotations_20170902.json",
    ),
    "val": (f"{_VALIDATION}/keypoint_validation_annotations_20170911.json",),
}
"""Where the labels of a split may lie inside the folder, the best first."""

IMAGES = {
    "train": f"{_TRAIN}/keypoint_train_images_20170902",
    "val": f"{_VALIDATION}/keypoint_validation_images_20170911",
}

_STATES = np.array([NOT_LABELLED, VISIBLE, OCCLUDED, NOT_LABELLED], np.uint8)
"""By the third number of a joint: 1 visible, 2 labelled but hidden, 3 not labelled."""

_WU = "Wu et al. 2017: of 300,000, 70% to train on, 10% to validate on"
_PUBLISHED = {
    "train": (PublishedCount(210000, "pictures", _WU),),
    "val": (PublishedCount(30000, "pictures", _WU),),
}

_log = logging.getLogger(__name__)


class AIChallenger(Source):
    """People of AI Challenger.

    ``folder`` is looked up under ``POSEPYR_DATA`` (or ``./data``) unless absolute. ``annotations`` and ``images`` name
    the file and the folder of a split inside it where they are not called as in the archives. The labels of the test
    pictures are not public: ``test`` has the people of ``val``.
    """

    def __init__(
        self,
        folder: str = "ai_challenger",
        annotations: dict[str, str] | None = None,
        images: dict[str, str] | None = None,
    ) -> None:
        self.folder = data_folder(folder)
        self.annotations = ANNOTATIONS | {name: (path,) for name, path in (annotations or {}).items()}
        self.images = IMAGES | (images or {})
        self._read: dict[str, People] = {}

    def split(self, name: str) -> People:
        """Return ``train``, ``val`` or ``test``, read once."""
        part = self._part(name)
        if part not in self._read:
            self.require_files(part)
            self._read[part] = read_ai_challenger(self._annotations(part), self.folder / self.images[part])
        return self._read[part]

    def require_files(self, name: str) -> None:
        part = self._part(name)
        annotations = self._annotations(part).relative_to(self.folder)
        require(self.folder, [str(annotations), f"{self.images[part]}/"], "AI Challenger")

    def published(self, name: str) -> Sequence[PublishedCount]:
        return _PUBLISHED.get(name, ())

    def _part(self, name: str) -> str:
        """Return the split that a split's people are those of: ``val`` for ``test``, unless it has files of its own."""
        if name == "test" and name not in self.annotations:
            return "val"
        if name not in self.annotations or name not in self.images:
            raise ValueError(f"split must be one of {', '.join(self.annotations)}, got {name!r}")
        return name

    def _annotations(self, name: str) -> Path:
        """Return the best of a split's files of labels that are there, the first of the candidates if none is."""
        candidates = [self.folder / path for path in self.annotations[name]]
        return next((path for path in candidates if path.is_file()), candidates[0])


class _Person(NamedTuple):
    record: Record
    image: str
    box: Any
    """Left, top, right and bottom: both corners are pixels."""
    joints: Any


def read_ai_challenger(file: Path, images: Path) -> People:
    """Read the people of a file: a list with, for every picture, a box and 14 joints by the person's name.

    ``measures`` has ``image`` (the picture's name), ``person`` (its place in the picture) and ``area``, the box's, by
    which the benchmark scores. Left out and counted: people without a labelled joint, boxes without area.
    """
    found, skipped = _find(file)
    corners = table([person.box for person in found], [person.record for person in found], "human_annotations", 4)
    triples = _triples(found)
    low = np.maximum(corners[:, :2], 0)
    boxes = np.concatenate([low, corners[:, 2:] - low], axis=1)
    remains = has_extent(boxes)
    visibility = _STATES[triples[:, :, 2].astype(np.intp)]
    labelled = (visibility != NOT_LABELLED).any(axis=1)
    kept = np.flatnonzero(labelled & remains)
    skipped["without labelled joints"] += int((~labelled).sum())
    skipped["with boxes that have no area"] = int((labelled & ~remains).sum())
    left_out = describe_left_out(skipped)
    if not len(kept):
        raise ValueError(f"{file} must hold a person with a labelled joint, got none; left out: {left_out}")
    _log.info("%s: %d people; left out: %s", file, len(kept), left_out)
    names = np.array([person.image for person in found])
    measures = {"image": names[kept], "person": _places(found)[kept], "area": boxes[kept, 2:].prod(axis=1)}
    keypoints = np.where(visibility[:, :, None] != NOT_LABELLED, triples[:, :, :2], 0.0)
    pictures = [f"{name}.jpg" for name in names[kept]]
    return People(
        images, AI_CHALLENGER_JOINTS, pictures, boxes=boxes[kept], keypoints=keypoints[kept],
        visibility=visibility[kept], measures=measures, skipped=skipped,
    )  # fmt: skip


def _find(file: Path) -> tuple[list[_Person], Counter[str]]:
    content = read_json(file)
    if not isinstance(content, list):
        raise Record(file).error("the file", "be a list of pictures", content)
    found: list[_Person] = []
    skipped = Counter[str]()
    for index, picture in enumerate(content):
        record = Record(file, f"[{index}]")
        name = record.value(record.mapping(picture), "image_id")
        if not isinstance(name, str) or not name:
            raise record.error("image_id", "name the picture's file without its ending", name)
        record = record._replace(name=f"[{index}] (image_id {name!r})")
        boxes, joints = (
            record.mapping(record.value(picture, field), field)
            for field in ("human_annotations", "keypoint_annotations")
        )
        skipped["without labelled joints"] += len(boxes.keys() - joints.keys())
        for person, values in joints.items():
            whose = Record(file, f"[{index}].{person} (image_id {name!r})")
            found.append(_Person(whose, name, whose.value(boxes, person), values))
    return found, skipped


def _triples(found: list[_Person]) -> Any:
    records = [person.record for person in found]
    rows = [person.joints for person in found]
    triples = table(rows, records, "keypoint_annotations", 3 * len(AI_CHALLENGER_JOINTS)).reshape(
        len(found), len(AI_CHALLENGER_JOINTS), 3
    )
    wrong = np.flatnonzero(~np.isin(triples[:, :, 2], (1, 2, 3)).all(axis=1))
    if len(wrong):
        states = triples[wrong[0], :, 2].tolist()
        raise records[wrong[0]].error("keypoint_annotations", "be x, y, state with states 1, 2 or 3", states)
    return triples


def _places(found: list[_Person]) -> Any:
    counted, numbers = Counter[str](), []
    for person in found:
        numbers.append(counted[person.image])
        counted[person.image] += 1
    return np.array(numbers, np.int64)
