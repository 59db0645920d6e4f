"""The positions that MPII's validation people are scored against, in the layout that the evaluations share."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.data.formats.archive import Record
from posepyr.data.formats.matlab import read_mat
from posepyr.data.formats.mpii.layout import CODES, BoolArray, head_size, numbers
from posepyr.records import FloatArray
from posepyr.skeleton import MPII_JOINTS


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
        """PCKh's unit ``N`` in pixels."""
        return head_size(np.linalg.norm(self.heads[:, 1] - self.heads[:, 0], axis=1))


def read_ground_truth(file: Path) -> GroundTruth:
    """``detections_our_format.mat`` of Tompson et al., or ``gt_valid.mat`` of the HRNet release.

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
    """Where each of ``MPII_JOINTS`` stands among the file's joints."""
    codes = [str(np.asarray(cell).reshape(-1)[0]) for cell in np.asarray(value).reshape(-1) if np.size(cell)]
    if sorted(codes) != sorted(CODES):
        raise record.error("dataset_joints", f"name the {len(MPII_JOINTS)} joints {', '.join(CODES)}", ", ".join(codes))
    return [codes.index(code) for code in CODES]


def _last_axis_first(value: Any, record: Record, field: str, *shape: int) -> npt.NDArray[np.float64]:
    array = np.asarray(value)
    if array.shape == shape:  # MATLAB drops the last axis of a single person.
        array = array[..., None]
    return np.moveaxis(numbers(array, record, field, *shape, -1), -1, 0)
