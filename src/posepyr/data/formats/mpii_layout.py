"""People as every file of MPII Human Pose describes them: by a position, a scale and 16 joints, counted from 1."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.data.formats.archive import LARGEST, Record
from posepyr.data.formats.containers import read_mat
from posepyr.data.formats.people import People, Visibility
from posepyr.records import NOT_LABELLED, FloatArray
from posepyr.skeleton import MPII_JOINTS

CODES = (
    "rank", "rkne", "rhip", "lhip", "lkne", "lank", "pelv", "thor", "neck", "head",
    "rwri", "relb", "rsho", "lsho", "lelb", "lwri",
)  # fmt: skip
"""What the files that scores are made of call them."""

HEAD_SHARE = 0.6
"""PCKh's unit as a share of the diagonal of the head's rectangle, in the data set's own evaluation."""

BoolArray = npt.NDArray[np.bool_]

_log = logging.getLogger(__name__)


class Rectangles(NamedTuple):
    """People ``N`` as a file has them. Coordinates count from 1; what the file does not say is not a number."""

    images: list[str]
    """The picture that each is in."""
    position: FloatArray
    """``N 2``: a point a little above the middle of the body."""
    scale: FloatArray
    """``N``: the body's height as a share of 200 pixels."""
    joints: FloatArray
    """``N 16 2``."""
    visibility: Visibility
    """``N 16``."""
    measures: Mapping[str, npt.NDArray[Any]]
    """As :class:`~posepyr.records.Split` has them."""

    def only(self, chosen: BoolArray) -> "Rectangles":
        """Return some of the people ``N``."""
        return Rectangles(
            [name for name, kept in zip(self.images, chosen, strict=True) if kept],
            self.position[chosen],
            self.scale[chosen],
            self.joints[chosen],
            self.visibility[chosen],
            {name: values[chosen] for name, values in self.measures.items()},
        )

    @property
    def placed(self) -> BoolArray:
        """Return a mask ``N`` of the people with a position and a scale, who can be cropped."""
        return ~np.isnan(self.position).any(axis=1) & (self.scale > 0)

    @property
    def labelled(self) -> BoolArray:
        """Return a mask ``N`` of the people with a joint that is annotated."""
        return np.asarray((self.visibility != NOT_LABELLED).any(axis=1))


def people(
    rectangles: Rectangles, file: Path, folder: Path, unlabelled: bool = False, skipped: Mapping[str, int] | None = None
) -> People:
    """Keep everybody who can be cropped and, unless the ``unlabelled`` may stay, has a labelled joint.

    The box is a square of ``200 scale`` about ``position + (0, 15 scale)``: padded by 1.25, it is the crop of the
    hourglass and of the HRNet release, which move down and enlarge alike so that fewer feet are cut off.
    """
    placed, labelled = rectangles.placed, rectangles.labelled | unlabelled
    counts = {
        **(skipped or {}),
        "without position or scale": int((~placed).sum()),
        "without labelled joints": int((placed & ~labelled).sum()),
    }
    left_out = ", ".join(f"{count} {reason}" for reason, count in counts.items() if count) or "none"
    kept = rectangles.only(placed & labelled)
    if not kept.images:
        raise ValueError(f"{file} must hold somebody with position, scale and joints, got nobody; left out: {left_out}")
    _log.info("%s: %d people; left out: %s", file, len(kept.images), left_out)
    known = kept.visibility != NOT_LABELLED
    keypoints = np.where(known[:, :, None], kept.joints - 1, 0.0)
    measures = {**kept.measures, "scale": kept.scale}
    return People(
        folder, MPII_JOINTS, kept.images, boxes=_boxes(kept), keypoints=keypoints, visibility=kept.visibility,
        measures=measures, skipped=counts,
    )  # fmt: skip


def _boxes(rectangles: Rectangles) -> FloatArray:
    side = 200 * rectangles.scale[:, None]
    centre = rectangles.position - 1
    centre[:, 1] += 15 * rectangles.scale
    return np.concatenate([centre - side / 2, np.repeat(side, 2, axis=1)], axis=1)


def companions(images: list[str]) -> npt.NDArray[np.int64]:
    """Count the people in everybody's picture ``N``, oneself included."""
    _, picture, counts = np.unique(np.asarray(images, np.str_), return_inverse=True, return_counts=True)
    return np.asarray(counts[picture], np.int64)


def head_size(diagonal: FloatArray) -> FloatArray:
    """Return PCKh's unit from the diagonal of the head's rectangle; not a number where it has no extent."""
    return np.where(diagonal > 0, HEAD_SHARE * diagonal, np.nan)


def numbers(value: Any, record: Record, field: str, *shape: int) -> FloatArray:
    """Return finite numbers in a ``shape`` as an array, or raise; -1 stands for any length."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise record.error(field, "hold numbers", str(array.dtype))
    if array.ndim != len(shape) or any(asked not in (-1, got) for asked, got in zip(shape, array.shape, strict=True)):
        wanted = " x ".join("n" if length < 0 else str(length) for length in shape)
        raise record.error(field, f"have the shape {wanted}", array.shape)
    array = array.astype(np.float64)
    wrong = np.argwhere(~(np.abs(array) <= LARGEST))
    if len(wrong):
        place = tuple(int(axis) for axis in wrong[0])
        rule = f"hold finite numbers of at most {LARGEST:.0e} in size"
        raise record.error(f"{field}{list(place)}", rule, float(array[place]))
    return array


def whole_numbers(value: Any, record: Record, field: str, length: int, least: int) -> npt.NDArray[np.int64]:
    """Return whole numbers from ``least`` as an array, or raise; -1 stands for any length."""
    array = numbers(value, record, field, length)
    wrong = np.flatnonzero((array < least) | (array != np.round(array)))
    if len(wrong):
        raise record.error(f"{field}[{wrong[0]}]", f"be a whole number from {least}", float(array[wrong[0]]))
    return array.astype(np.int64)


class GroundTruth(NamedTuple):
    """Annotated people ``N``, in the order of the validation set. Coordinates count from 0, unlike the file's."""

    keypoints: FloatArray
    """``N 16 2`` in the order of :data:`~posepyr.skeleton.MPII_JOINTS`; 0 where missing."""
    missing: BoolArray
    """``N 16``: joints that nothing is scored on."""
    heads: FloatArray
    """``N 2 2``: top left and bottom right corner of each head's rectangle."""

    @property
    def head_size(self) -> FloatArray:
        """Return PCKh's unit ``N`` in pixels."""
        return head_size(np.linalg.norm(self.heads[:, 1] - self.heads[:, 0], axis=1))


def read_ground_truth(file: Path) -> GroundTruth:
    """Read ``detections_our_format.mat`` of Tompson et al., or ``gt_valid.mat`` of the HRNet release.

    Needed are ``dataset_joints`` (the joints' names, in any order), ``pos_gt_src`` ``16 2 N``, ``jnt_missing`` ``16 N``
    and ``headboxes_src`` ``2 2 N``. Coordinates count from 1 there and are brought to 0, as everywhere in posepyr.
    """
    record, content = Record(file), read_mat(file)
    order = order_of(record.value(content, "dataset_joints"), record)
    keypoints, missing, heads = (
        _last_axis_first(record.value(content, name), record, name, *shape)
        for name, shape in (("pos_gt_src", (16, 2)), ("jnt_missing", (16,)), ("headboxes_src", (2, 2)))
    )
    if not len(keypoints) == len(missing) == len(heads):
        got = f"{len(keypoints)}, {len(missing)} and {len(heads)}"
        raise record.error("pos_gt_src, jnt_missing and headboxes_src", "hold equally many people", got)
    if not np.isin(missing, (0, 1)).all():
        raise record.error("jnt_missing", "hold 0 or 1", np.unique(missing)[:5].tolist())
    absent = missing[:, order] > 0
    return GroundTruth(np.where(absent[:, :, None], 0.0, keypoints[:, order] - 1), absent, heads - 1)


def order_of(value: Any, record: Record) -> list[int]:
    """Return the places of ``MPII_JOINTS`` among the file's joints."""
    codes = [str(np.asarray(cell).reshape(-1)[0]) for cell in np.asarray(value).reshape(-1) if np.size(cell)]
    if sorted(codes) != sorted(CODES):
        raise record.error("dataset_joints", f"name the {len(MPII_JOINTS)} joints {', '.join(CODES)}", ", ".join(codes))
    return [codes.index(code) for code in CODES]


def _last_axis_first(value: Any, record: Record, field: str, *shape: int) -> npt.NDArray[np.float64]:
    array = np.asarray(value)
    if array.shape == shape:  # MATLAB drops the last axis of a single person.
        array = array[..., None]
    return np.moveaxis(numbers(array, record, field, *shape, -1), -1, 0)
