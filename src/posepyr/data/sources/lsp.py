"""Leeds Sports Pose and its extension as downloaded."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from posepyr.data.formats.archive import data_folder, require
from posepyr.data.formats.lsp import EXTENDED, LSP, Labels, Layout, read_joints
from posepyr.data.formats.people import People, Visibility, box_around, describe_left_out
from posepyr.data.formats.pictures import read_header, read_picture
from posepyr.records import NOT_LABELLED, OCCLUDED, FloatArray, PublishedCount, Source
from posepyr.skeleton import LSP_JOINTS

BoxRule = Literal["picture", "joints"]

_PUBLISHED = {
    (LSP.name, "train"): (PublishedCount(1000, "people", "Johnson and Everingham 2010"),),
    (LSP.name, "test"): (PublishedCount(1000, "people", "Johnson and Everingham 2010"),),
    (EXTENDED.name, "train"): (PublishedCount(10000, "people", "Johnson and Everingham 2011"),),
}

_log = logging.getLogger(__name__)


class Lsp(Source):
    """People of LSP or of LSP-extended, one a picture.

    ``folder`` is looked up under ``POSEPYR_DATA`` (or ``./data``) unless absolute; which of the two it holds is told
    by the order of the axes in ``joints.mat``. ``splits`` has for each split the first person, counted from 0, and the
    one after its last. By default the first 1,000 of LSP train and its last 1,000 are tested on and, since the archive
    sets nobody else aside, validate as well; of LSP-extended everybody trains.

    Nobody has a box. ``box`` chooses: ``picture`` takes the whole picture, which asks for nothing that a test person
    may not have (PyraNet's paper, section 5.1.1: position from the picture's centre, scale from its size; of a picture
    higher than wide, the padding of 1.25 makes the square that Wei et al. 2016 take); ``joints`` draws it about the
    joints. LSP's pictures are cut to their people, those of LSP-extended are not: there, test with ``joints``.

    ``train_box`` is the same for training. By default LSP trains in the boxes that it is tested in, so that both have
    one scale, which PyraNet's paper asks for (section 1), and LSP-extended in boxes about the joints. Deviation: in
    training the release of Wei et al., and PyraNet's after it, takes the scale of everybody from the lengths of limbs.
    """

    def __init__(
        self,
        folder: str = "lsp",
        *,
        splits: dict[str, tuple[int, int]] | None = None,
        box: BoxRule = "picture",
        train_box: BoxRule | None = None,
    ) -> None:
        for name, rule in (("box", box), ("train_box", train_box or box)):
            if rule not in ("picture", "joints"):
                raise ValueError(f"{name} must be picture or joints, got {rule!r}")
        self.folder = data_folder(folder)
        self.splits, self.box, self.train_box = splits or {}, box, train_box
        self._labels: Labels | None = None
        self._read: dict[str, People] = {}

    def split(self, name: str) -> People:
        """Return ``train``, ``val`` or ``test``, read once."""
        if name not in self._read:
            labels = self._everybody()
            first, end = _range(name, labels.layout.splits | self.splits, len(labels.keypoints), self.folder)
            self._read[name] = self._people(labels, name, first, end)
        return self._read[name]

    def require_files(self, name: str) -> None:
        require(self.folder, ["joints.mat", "images/"], "Leeds Sports Pose")

    @property
    def layout(self) -> Layout:
        """Return which of the two archives the folder holds."""
        return self._everybody().layout

    def lacks_occlusion(self, name: str) -> str | None:
        return None if OCCLUDED in self.layout.states else ""

    def published(self, name: str) -> Sequence[PublishedCount]:
        return () if self.splits else _PUBLISHED.get((self.layout.name, name), ())

    def boxes(self, name: str) -> str:
        return {"picture": "whole-picture", "joints": "joint-enclosing"}[self._rule(name)]

    def _rule(self, name: str) -> BoxRule:
        if name != "train":
            return self.box
        return self.train_box or (self.box if self.layout.cut else "joints")

    def _everybody(self) -> Labels:
        if self._labels is None:
            self.require_files("train")
            self._labels = read_joints(self.folder / "joints.mat")
        return self._labels

    def _people(self, labels: Labels, name: str, first: int, end: int) -> People:
        keypoints, visibility = labels.keypoints[first:end], labels.visibility[first:end]
        pictures = [labels.layout.picture.format(number) for number in range(first + 1, end + 1)]
        if self._rule(name) == "picture":
            boxes = _whole_pictures(self.folder, pictures)
        else:
            boxes = np.array([_about(*person) for person in zip(keypoints, visibility, strict=True)])
        labelled, boxed = (visibility != NOT_LABELLED).any(axis=1), (boxes[:, 2:] > 0).any(axis=1)
        kept = np.flatnonzero(labelled & boxed)
        skipped = {
            "without labelled joints": int((~labelled).sum()),
            "with joints that span no box": int((labelled & ~boxed).sum()),
        }
        left_out = describe_left_out(skipped)
        if not len(kept):
            raise ValueError(
                f"{self.folder / 'joints.mat'} must hold a person with labelled joints for {name!r}, got none; "
                f"left out: {left_out}"
            )
        missing = int((visibility[kept] == NOT_LABELLED).sum())
        _log.info("%s: %d people, %d joints not labelled; left out: %s", self.folder, len(kept), missing, left_out)
        names = [pictures[index] for index in kept]
        return People(
            self.folder, LSP_JOINTS, names, boxes=boxes[kept], keypoints=keypoints[kept], visibility=visibility[kept],
            measures={"image": kept + first + 1}, skipped=skipped,
        )  # fmt: skip


def _range(name: str, splits: dict[str, Any], count: int, folder: Path) -> tuple[int, int]:
    """Return the first person of a split and the one after its last."""
    if name not in splits:
        raise ValueError(
            f"split must be one of {', '.join(splits)}, got {name!r}; say which of the {count} people it has, as in "
            f"splits.{name}=[{count * 9 // 10},{count}]"
        )
    first, end = splits[name]
    end = count if end is None else end
    if not 0 <= first < end <= count:
        raise ValueError(
            f"splits.{name} must lie within the {count} people of {folder / 'joints.mat'}, "
            f"got [{first}, {end}]; give the first person, counted from 0, and the one after the last"
        )
    return first, end


def _whole_pictures(folder: Path, pictures: Sequence[str]) -> FloatArray:
    """Return boxes from the first pixel of each picture to its last."""
    files = [folder / picture for picture in pictures]
    # Most headers tell the size; a header that does not leaves it to decoding.
    sizes = np.array([read_header(file).size or read_picture(file).shape[:2] for file in files])
    return np.concatenate([np.zeros((len(sizes), 2)), sizes[:, ::-1] - 1.0], axis=1)


def _about(keypoints: FloatArray, visibility: Visibility) -> FloatArray:
    box = box_around(keypoints, visibility)
    return np.zeros(4) if box is None else box
