"""The joints of Leeds Sports Pose and of its extension, whose files differ in the order of axes and in joint states."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.data.formats.archive import LARGEST, Record
from posepyr.data.formats.containers import read_mat
from posepyr.data.formats.people import Visibility
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, FloatArray
from posepyr.skeleton import LSP_JOINTS


class Layout(NamedTuple):
    """One of the two archives: its names and its ways of writing what both have."""

    name: str
    picture: str
    """Its file, by its number from 1."""
    states: tuple[int, int]
    """What a joint is whose third number is 0, and whose is 1."""
    splits: dict[str, tuple[int, int | None]]
    """The first person of each, and the one after its last; None for the end of the file."""
    cut: bool
    """Whether its pictures are cut to their people."""


LSP = Layout(
    name="LSP",
    picture="images/im{:04d}.jpg",
    states=(VISIBLE, OCCLUDED),
    splits={"train": (0, 1000), "val": (1000, 2000), "test": (1000, 2000)},
    cut=True,
)
EXTENDED = Layout(
    name="LSP-extended",
    picture="images/im{:05d}.jpg",
    states=(NOT_LABELLED, VISIBLE),
    splits={"train": (0, None)},
    cut=False,
)


class Labels(NamedTuple):
    """Everybody in an archive."""

    layout: Layout
    keypoints: FloatArray
    """``N 14 2``."""
    visibility: Visibility
    """``N 14``."""


def read_joints(file: Path) -> Labels:
    """Read everybody's joints, whichever way round the axes are, counted from 0.

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
    """Return the array ``3 14 n`` or ``14 3 n``; MATLAB drops the last axis of a single person."""
    joints = np.asarray(value)
    if joints.dtype.kind not in "iuf":
        raise record.error("joints", "be numbers", str(joints.dtype))
    joints = joints[:, :, None] if joints.ndim == 2 else joints
    if joints.ndim != 3 or joints.shape[:2] not in ((3, 14), (14, 3)) or not joints.shape[2]:
        raise record.error("joints", "be of 3 x 14 x n numbers (LSP) or 14 x 3 x n (LSP-extended)", list(joints.shape))
    return joints.astype(np.float64)


def _check(people: FloatArray, record: Record) -> None:
    """Raise for the first joint ``N 14 3`` that is no position or has no known state."""
    fine = (np.abs(people[:, :, :2]) <= LARGEST).all(axis=-1)
    known = np.isin(people[:, :, 2], (0, 1))
    for wrong, part, rule in (
        (~fine, slice(0, 2), f"be a finite position of at most {LARGEST:.0e}"),
        (~known, 2, "be marked by 0 or 1 in the third number"),
    ):
        if wrong.any():
            person, joint = (int(index) for index in np.argwhere(wrong)[0])
            where = record._replace(name=f"joints of person {person}")
            raise where.error(LSP_JOINTS[joint], rule, people[person, joint, part].tolist())
