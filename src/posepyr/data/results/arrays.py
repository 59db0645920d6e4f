"""Predictions as releases of networks keep them: one array of coordinates that count from 1, in MATLAB or HDF5."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from posepyr.data.formats.archive import Record
from posepyr.data.formats.mpii.ground_truth import order_of
from posepyr.data.formats.mpii.layout import JOINTS
from posepyr.data.results.found import Found, in_order
from posepyr.records import FloatArray

NAMES = ("preds", "pred", "pos_pred_src")
"""What the array is called: by the hourglass and HRNet releases, for LSP's evaluation, and by Tompson et al."""

_AXES = {"n x joints x 2": (0, 1, 2), "2 x joints x n": (2, 1, 0), "joints x 2 x n": (2, 0, 1)}
"""The orders of axes in use, and where people, joints and coordinates are in each."""


def read_arrays(content: Mapping[str, Any], file: Path, joints: int) -> Found:
    """The predictions among a file's arrays, of people in the order of the truth.

    The array has ``n x joints x 2`` numbers, or the axes as MATLAB's users put them. Where the file names its joints,
    as Tompson's does in ``dataset_joints``, they come in MPII's order. What is not a number was not found.
    """
    record = Record(file)
    name = next((name for name in NAMES if name in content), None)
    if name is None:
        known = ", ".join(key for key in content if not key.startswith("__"))
        raise record.error("one of its arrays", f"be called {' or '.join(NAMES)}", known or "nothing")
    keypoints, axes = _people_first(content[name], record, name, joints)
    layout = f"{name}, {axes}, counted from 1"
    if "dataset_joints" in content:
        order = order_of(content["dataset_joints"], record)
        return Found(file, layout, in_order(keypoints[:, order] - 1), JOINTS)
    return Found(file, layout, in_order(keypoints - 1))


def _people_first(value: Any, record: Record, field: str, joints: int) -> tuple[FloatArray, str]:
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise record.error(field, "hold numbers", str(array.dtype))
    for axes, places in _AXES.items():
        if array.ndim == 3 and (array.shape[places[1]], array.shape[places[2]]) == (joints, 2):
            return array.transpose(places).astype(np.float64), axes
    raise record.error(field, f"have the shape {' or '.join(_AXES)}, with the truth's {joints} joints", array.shape)
