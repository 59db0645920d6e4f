"""COCO keypoints as downloaded, and every data set whose annotation file looks like COCO's."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from posepyr.data.formats import coco_file
from posepyr.data.formats.archive import data_folder, require
from posepyr.data.formats.coco_people import read_coco, read_detections
from posepyr.data.formats.people import People, against_file
from posepyr.data.results.submissions import check_file, check_joints, write_coco_results
from posepyr.metrics.average_precision import AveragePrecision
from posepyr.records import BoxKind, Predictions, PublishedCount, Source, Truth
from posepyr.skeleton import COCO_JOINTS, Skeleton

SPLITS = {"train": "train2017", "val": "val2017", "test": "val2017"}
"""COCO keeps the labels of its test pictures, so the published numbers that one can repeat are on ``val2017``."""

_HRNET = "the HRNet release, which leaves out the same people"
_PUBLISHED = {
    "train2017": (PublishedCount(149813, "people", _HRNET),),
    "val2017": (PublishedCount(6352, "people", _HRNET),),
}


class Detectable(Source):
    """A data set whose people may be looked for in the boxes of a detector; training keeps to the annotated ones.

    ``splits`` has the part of the archive that each split is; ``detections`` is the detector's file, None for annotated
    boxes. ``counts`` are published, by part.
    """

    splits: dict[str, str]
    detections: str | None
    counts: ClassVar[Mapping[str, Sequence[PublishedCount]]] = {}

    def part(self, name: str) -> str:
        """Return the part of the archive that a split is."""
        if name not in self.splits:
            raise ValueError(f"split must be one of {', '.join(self.splits)}, got {name!r}; name it in splits")
        return self.splits[name]

    def detector(self, name: str) -> str | None:
        """Return the detector's file that a split's boxes are from; None where they are annotated."""
        return None if name == "train" else self.detections

    def published(self, name: str) -> Sequence[PublishedCount]:
        return () if self.detector(name) else self.counts.get(self.splits.get(name, name), ())

    def box_kinds(self, name: str) -> tuple[BoxKind, ...]:
        if self.detections is None:
            return ("annotated",)
        return ("annotated", "detected") if self.labelled(name) else ("detected",)

    def in_boxes(self, kind: BoxKind) -> Source:
        if kind == "detected" or self.detections is None:
            return self
        # What was read already is shared.
        annotated = copy.copy(self)
        annotated.detections = None
        return annotated

    def boxes(self, name: str) -> str:
        detector = self.detector(name)
        return f"detected ({detector})" if detector else "annotated"


class Coco(Detectable):
    """People of COCO, in their ground-truth boxes or in those of a detector.

    ``folder`` is looked up under ``POSEPYR_DATA`` (or ``./data``) unless absolute. In ``annotations`` and ``images``,
    ``{split}`` stands for the name that ``splits`` gives a split; those it does not mention are called as in
    ``SPLITS``. Left out and counted, as in the HRNet release: crowds, people without a labelled joint, boxes without
    area inside the picture.

    ``detections`` names a detector's file inside the folder: every box in it that scores ``threshold`` or more is then
    a person of ``val`` and ``test``, without labelled joints. Training keeps to ground truth.
    """

    counts = _PUBLISHED

    def __init__(
        self,
        folder: str = "coco",
        *,
        annotations: str = "annotations/person_keypoints_{split}.json",
        images: str = "{split}",
        splits: dict[str, str] | None = None,
        detections: str | None = None,
        threshold: float = 0.0,
    ) -> None:
        self.folder = data_folder(folder)
        self.annotations, self.images = annotations, images
        self.splits = SPLITS | (splits or {})
        self.detections, self.threshold = detections, threshold
        self._read: dict[tuple[str, str | None], People] = {}

    def split(self, name: str) -> People:
        """Return ``train``, ``val`` or ``test``, read once."""
        file, images = self.annotation_file(name), self.folder / self._named(self.images, name)
        detections = self.detector(name)
        key = (self.part(name), detections)
        if key not in self._read:
            self.require_files(name)
            self._read[key] = self._detected(file, images, detections) if detections else read_coco(file, images)
        return self._read[key]

    def require_files(self, name: str) -> None:
        needed = [self._named(self.annotations, name), f"{self._named(self.images, name)}/"]
        detections = self.detector(name)
        require(self.folder, needed + ([detections] if detections else []), "COCO")

    def annotation_file(self, name: str) -> Path:
        """Return the file of a split, which has crowds and unlabelled people too."""
        return self.folder / self._named(self.annotations, name)

    def labelled(self, name: str) -> bool:
        """Return True if anybody in a split is annotated: the people in COCO's test pictures are not public."""
        return bool(coco_file.load(self.annotation_file(name)).get("annotations"))

    def complete(self, name: str, truth: Truth) -> Truth:
        return against_file(truth, self.annotation_file(name))

    def check_submission(self, name: str, skeleton: Skeleton, path: Path) -> None:
        check_joints("COCO", COCO_JOINTS, skeleton)
        check_file(path)

    def write_submission(
        self, name: str, skeleton: Skeleton, path: Path, predictions: Predictions, truth: Truth
    ) -> None:
        results = AveragePrecision(skeleton).results(predictions, truth)
        columns = [skeleton.index(joint) for joint in COCO_JOINTS]
        write_coco_results(path, [_in_order(result, columns) for result in results], predictions, truth)

    def _named(self, path: str, name: str) -> str:
        return path.replace("{split}", self.part(name))

    def _detected(self, file: Path, images: Path, detections: str) -> People:
        content = coco_file.load(file)
        joints = coco_file.layout(content, file, None).joints if coco_file.names_joints(content) else COCO_JOINTS
        listed = coco_file.pictures(content, file)
        return read_detections(self.folder / detections, listed, images, joints, self.threshold)


def _in_order(result: dict[str, Any], columns: list[int]) -> dict[str, Any]:
    """Return a COCO result with some of the joints, in another order."""
    triples = np.reshape(result["keypoints"], (-1, 3))[columns]
    return {**result, "keypoints": triples.ravel().tolist()}
