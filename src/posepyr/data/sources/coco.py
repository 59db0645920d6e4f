"""COCO keypoints as downloaded, and every data set whose annotation file looks like COCO's."""

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt

from posepyr.data.formats import coco_file
from posepyr.data.formats.archive import data_folder, require
from posepyr.data.formats.detections import read_detections
from posepyr.data.formats.people import People, around, sanitised, spelled
from posepyr.records import FloatArray

SPLITS = {"train": "train2017", "val": "val2017", "test": "val2017"}
"""COCO keeps the labels of its test pictures, so the published numbers that one can repeat are on ``val2017``."""

JOINTS = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
"""Of files that list pictures alone, as those of the test pictures do; all others name theirs."""

_log = logging.getLogger(__name__)


class Coco:
    """People of COCO, in their ground-truth boxes or in those of a detector.

    ``folder`` is looked up under ``POSEPYR_DATA`` (or ``./data``) unless absolute. In ``annotations`` and ``images``,
    ``{split}`` stands for the name that ``splits`` gives a split; those it does not mention are called as in
    ``SPLITS``. Left out and counted, as in the HRNet release: crowds, people without a labelled joint, boxes without
    area inside the picture.

    ``detections`` names a detector's file inside the folder: every box in it that scores ``threshold`` or more is then
    a person of ``val`` and ``test``, without labelled joints. Training keeps to ground truth.
    """

    def __init__(
        self,
        folder: str = "coco",
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
        """``train``, ``val`` or ``test``; read once."""
        file, images = self.annotation_file(name), self.folder / self._named(self.images, name)
        detections = None if name == "train" else self.detections
        place = (self.splits[name], detections)
        if place not in self._read:
            needed = [self._named(self.annotations, name), f"{self._named(self.images, name)}/"]
            require(self.folder, needed + ([detections] if detections else []), "COCO")
            self._read[place] = self._detected(file, images, detections) if detections else read_coco(file, images)
        return self._read[place]

    def annotation_file(self, name: str) -> Path:
        """The file of a split, which has all that scores of whole pictures take: crowds and unlabelled people too."""
        return self.folder / self._named(self.annotations, name)

    def labelled(self, name: str) -> bool:
        """Whether anybody in a split is annotated; whom COCO's test pictures show is not public."""
        return bool(coco_file.load(self.annotation_file(name)).get("annotations"))

    def _named(self, path: str, name: str) -> str:
        if name not in self.splits:
            raise ValueError(
                f"split must be one of {', '.join(self.splits)}, got {name!r}; name it in data.source.splits"
            )
        return path.replace("{split}", self.splits[name])

    def _detected(self, file: Path, images: Path, detections: str) -> People:
        content = coco_file.load(file)
        joints = coco_file.layout(content, file, None).joints if coco_file.names_joints(content) else JOINTS
        listed = coco_file.pictures(content, file)
        return read_detections(self.folder / detections, listed, images, joints, self.threshold)


def read_coco(file: Path, images: Path, joints: tuple[str, ...] | None = None) -> People:
    """The people of a COCO-style keypoint file whose pictures lie in a folder.

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
    left_out = spelled(skipped)
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
    return People(images, layout.joints, names, boxes[kept], keypoints, visibility, measures, skipped)


def _boxes(
    found: list[coco_file.Found], triples: FloatArray, areas: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """The people's boxes, and which of them have an area inside the picture."""
    stated, given = coco_file.boxes(found)
    boxes, remains = sanitised(stated, np.array([person.picture.size for person in found]).reshape(-1, 2))
    remains &= ~(areas <= 0)
    for index in np.flatnonzero(~given):
        box = around(triples[index, :, :2], triples[index, :, 2].astype(np.uint8))
        boxes[index], remains[index] = (np.zeros(4), False) if box is None else (box, True)
    return boxes, remains
