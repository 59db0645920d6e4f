"""Leeds Sports Pose and its extension as downloaded."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.data.formats.archive import LARGEST, Record, data_folder, require
from posepyr.data.formats.matlab import read_mat
from posepyr.data.formats.people import People, Visibility, around, spelled
from posepyr.data.formats.pictures import read_picture
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, FloatArray

JOINTS = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist",
    "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck", "head_top",
)  # fmt: skip
"""In the order of the archives' README."""

BoxRule = Literal["picture", "joints"]

_log = logging.getLogger(__name__)


class Layout(NamedTuple):
    """How one of the two archives writes what both have."""

    name: str
    picture: str
    """Its file, by its number from 1."""
    states: tuple[int, int]
    """What a joint is whose third number is 0, and whose is 1."""
    splits: dict[str, tuple[int, int | None]]
    """The first person of each, and the one after its last; None for the end of the file."""


LSP = Layout(
    "LSP", "images/im{:04d}.jpg", (VISIBLE, OCCLUDED), {"train": (0, 1000), "val": (1000, 2000), "test": (1000, 2000)}
)
EXTENDED = Layout("LSP-extended", "images/im{:05d}.jpg", (NOT_LABELLED, VISIBLE), {"train": (0, None)})


class Labels(NamedTuple):
    """Everybody in an archive."""

    layout: Layout
    keypoints: FloatArray
    """``N 14 2``."""
    visibility: Visibility
    """``N 14``."""


class Lsp:
    """People of LSP or of LSP-extended, one a picture.

    ``folder`` is looked up under ``POSEPYR_DATA`` (or ``./data``) unless absolute; which of the two it holds is told
    by the order of the axes in ``joints.mat``. ``splits`` has for each split the first person, counted from 0, and the
    one after its last. By default the first 1,000 of LSP train and its last 1,000 are tested on and, since the archive
    sets nobody else aside, validate as well; of LSP-extended everybody trains.

    Nobody has a box. In training it is drawn about the joints. In validation and testing ``box`` chooses: ``picture``
    takes the whole picture, which asks for nothing that a test person may not have (PyraNet's paper, section 5.1.1:
    position from the picture's centre, scale from its size; of a picture higher than wide, the padding of 1.25 makes
    the square that Wei et al. 2016 take). LSP's pictures are cut to their people, those of LSP-extended are not: there,
    test with ``joints``.
    """

    def __init__(
        self, folder: str = "lsp", splits: dict[str, tuple[int, int]] | None = None, box: BoxRule = "picture"
    ) -> None:
        if box not in ("picture", "joints"):
            raise ValueError(f"data.source.box must be picture or joints, got {box!r}")
        self.folder = data_folder(folder)
        self.splits, self.box = splits or {}, box
        self._labels: Labels | None = None
        self._read: dict[str, People] = {}

    def split(self, name: str) -> People:
        """``train``, ``val`` or ``test``; read once."""
        if name not in self._read:
            labels = self._everybody()
            first, end = _range(name, labels.layout.splits | self.splits, len(labels.keypoints), self.folder)
            self._read[name] = self._people(labels, name, first, end)
        return self._read[name]

    @property
    def layout(self) -> Layout:
        """Which of the two archives the folder holds."""
        return self._everybody().layout

    def _everybody(self) -> Labels:
        if self._labels is None:
            require(self.folder, ["joints.mat", "images/"], "Leeds Sports Pose")
            self._labels = read_joints(self.folder / "joints.mat")
        return self._labels

    def _people(self, labels: Labels, name: str, first: int, end: int) -> People:
        keypoints, visibility = labels.keypoints[first:end], labels.visibility[first:end]
        pictures = [labels.layout.picture.format(number) for number in range(first + 1, end + 1)]
        if self.box == "picture" and name != "train":
            boxes = _whole_pictures(self.folder, pictures)
        else:
            boxes = np.array([_about(*person) for person in zip(keypoints, visibility, strict=True)])
        labelled, boxed = (visibility != NOT_LABELLED).any(axis=1), (boxes[:, 2:] > 0).any(axis=1)
        kept = np.flatnonzero(labelled & boxed)
        skipped = {
            "without labelled joints": int((~labelled).sum()),
            "with joints that span no box": int((labelled & ~boxed).sum()),
        }
        left_out = spelled(skipped)
        if not len(kept):
            raise ValueError(
                f"{self.folder / 'joints.mat'} must hold a person with labelled joints for {name!r}, got none; "
                f"left out: {left_out}"
            )
        missing = int((visibility[kept] == NOT_LABELLED).sum())
        _log.info("%s: %d people, %d joints not labelled; left out: %s", self.folder, len(kept), missing, left_out)
        names = [pictures[index] for index in kept]
        measures = {"image": kept + first + 1}
        return People(self.folder, JOINTS, names, boxes[kept], keypoints[kept], visibility[kept], measures, skipped)


def read_joints(file: Path) -> Labels:
    """Everybody's joints, whichever way round the axes are, counted from 0.

    ``3 14 n`` is LSP, where the third number is 1 for hidden joints; ``14 3 n`` is LSP-extended, where it is 1 for
    joints that are labelled. A joint left of or above the picture is not labelled, whatever its number says: 18 of the
    123,213 that LSP-extended marks, none of them by three pixels.
    """
    record = Record(file)
    joints = _numbers(record.value(read_mat(file), "joints"), record)
    layout = LSP if joints.shape[:2] == (3, 14) else EXTENDED
    people = joints.transpose(2, 1, 0) if layout is LSP else joints.transpose(2, 0, 1)
    _check(people, record)
    visibility = np.array(layout.states, np.uint8)[people[:, :, 2].astype(np.intp)]
    # MATLAB counts pixels from 1.
    keypoints = people[:, :, :2] - 1
    visibility[(keypoints < -0.5).any(axis=-1)] = NOT_LABELLED
    return Labels(layout, np.where(visibility[:, :, None] == NOT_LABELLED, 0.0, keypoints), visibility)


def _numbers(value: Any, record: Record) -> npt.NDArray[np.float64]:
    """The array ``3 14 n`` or ``14 3 n``; MATLAB drops the last axis of a single person."""
    joints = np.asarray(value)
    if joints.dtype.kind not in "iuf":
        raise record.error("joints", "be numbers", str(joints.dtype))
    joints = joints[:, :, None] if joints.ndim == 2 else joints
    if joints.ndim != 3 or joints.shape[:2] not in ((3, 14), (14, 3)) or not joints.shape[2]:
        raise record.error("joints", "be of 3 x 14 x n numbers (LSP) or 14 x 3 x n (LSP-extended)", list(joints.shape))
    return joints.astype(np.float64)


def _check(people: FloatArray, record: Record) -> None:
    """Raises for the first joint ``N 14 3`` that is no position or has no known state."""
    fine = (np.abs(people[:, :, :2]) <= LARGEST).all(axis=-1)
    known = np.isin(people[:, :, 2], (0, 1))
    for wrong, part, rule in (
        (~fine, slice(0, 2), f"be a finite position of at most {LARGEST:.0e}"),
        (~known, 2, "be marked by 0 or 1 in the third number"),
    ):
        if wrong.any():
            person, joint = (int(index) for index in np.argwhere(wrong)[0])
            where = record._replace(name=f"joints of person {person}")
            raise where.error(JOINTS[joint], rule, people[person, joint, part].tolist())


def _range(name: str, splits: dict[str, Any], count: int, folder: Path) -> tuple[int, int]:
    """The first person of a split and the one after its last."""
    if name not in splits:
        raise ValueError(
            f"split must be one of {', '.join(splits)}, got {name!r}; say which of the {count} people it has, as in "
            f"data.source.splits.{name}=[{count * 9 // 10},{count}]"
        )
    first, end = splits[name]
    end = count if end is None else end
    if not 0 <= first < end <= count:
        raise ValueError(
            f"data.source.splits.{name} must lie within the {count} people of {folder / 'joints.mat'}, "
            f"got [{first}, {end}]; give the first person, counted from 0, and the one after the last"
        )
    return first, end


def _whole_pictures(folder: Path, pictures: Sequence[str]) -> FloatArray:
    """Boxes from the first pixel of each picture to its last."""
    sizes = np.array([read_picture(folder / picture).shape[:2] for picture in pictures])
    return np.concatenate([np.zeros((len(sizes), 2)), sizes[:, ::-1] - 1.0], axis=1)


def _about(keypoints: FloatArray, visibility: Visibility) -> FloatArray:
    box = around(keypoints, visibility)
    return np.zeros(4) if box is None else box
