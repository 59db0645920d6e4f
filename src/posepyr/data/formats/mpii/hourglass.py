"""MPII's people from the HDF5 files of the stacked hourglass release."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from posepyr.data.formats.archive import Record
from posepyr.data.formats.mpii.layout import Rectangles, companions, numbers, whole_numbers
from posepyr.data.formats.people import Visibility
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, FloatArray
from posepyr.skeleton import MPII_JOINTS

_ENLARGED = 1.25
"""By how much the file's ``scale`` is larger than the data set's own."""


def read_hourglass(file: Path, unlabelled: bool = False) -> Rectangles:
    """Everybody in the file; without joints where the people are ``unlabelled`` in the data set.

    The file's ``center`` is 15 scale below the position and its ``scale`` 1.25 times the data set's: both are undone.
    Its coordinates were cut to whole numbers. A joint is missing if and only if both coordinates are 0, or -1 for the
    whole person; ``visible`` is 0 for missing and for occluded joints alike.
    """
    record = Record(file)
    names = ["center", "scale", "imgname", "index", "person"]
    data = _datasets(file, names if unlabelled else [*names, "part", "visible", "normalize"])
    position = numbers(data["center"], record, "center", -1, 2)
    count = len(position)
    scale = numbers(data["scale"], record, "scale", count) / _ENLARGED
    position[:, 1] -= 15 * scale
    images = _texts(data["imgname"], record, count)
    pairs = _pairs(data, record, count)
    joints, visibility = (
        np.zeros((count, len(MPII_JOINTS), 2)),
        np.full((count, len(MPII_JOINTS)), NOT_LABELLED, np.uint8),
    )
    head = np.full(count, np.nan)
    if not unlabelled:
        joints, visibility = _joints(data, record, count)
        head = numbers(data["normalize"], record, "normalize", count)
    measures: dict[str, npt.NDArray[Any]] = {
        "head_size": np.where(head > 0, head, np.nan),
        "image": pairs[:, 0],
        "person": pairs[:, 1],
        "people": companions(images),
    }
    return Rectangles(images, position, scale, joints, visibility, measures)


def read_pairs(file: Path) -> npt.NDArray[np.int64]:
    """The numbers ``N 2`` of everybody's picture and rectangle in it, from 0."""
    data = _datasets(file, ["index", "person"])
    return _pairs(data, Record(file), -1)


def _pairs(data: dict[str, npt.NDArray[Any]], record: Record, count: int) -> npt.NDArray[np.int64]:
    index = whole_numbers(data["index"], record, "index", count, least=0)
    return np.stack([index, whole_numbers(data["person"], record, "person", len(index), least=0)], axis=-1)


def _datasets(file: Path, names: list[str]) -> dict[str, npt.NDArray[Any]]:
    try:
        with h5py.File(file, "r") as content:
            found = {name: np.asarray(content[name][()]) for name in names if name in content}
            known = [str(name) for name in content]
    # HDF5 reports damage in many ways; whichever, the file cannot be used.
    except Exception as error:
        raise ValueError(f"{file} must be a whole, readable HDF5 file, got {error}; fetch the file again") from error
    for name in names:
        if name not in found:
            raise ValueError(f"{file}: {name} must be given, but is missing; it holds {', '.join(known) or 'nothing'}")
    return found


def _texts(values: npt.NDArray[Any], record: Record, count: int) -> list[str]:
    found = values.reshape(-1).tolist()
    texts = [value.decode(errors="replace") if isinstance(value, bytes) else value for value in found]
    if values.shape != (count,) or not all(isinstance(text, str) and text for text in texts):
        raise record.error("imgname", f"name the pictures of {count} people", f"{values.dtype} {values.shape}")
    return texts


def _joints(data: dict[str, npt.NDArray[Any]], record: Record, count: int) -> tuple[FloatArray, Visibility]:
    joints = numbers(data["part"], record, "part", count, len(MPII_JOINTS), 2)
    visible = numbers(data["visible"], record, "visible", count, len(MPII_JOINTS))
    wrong = np.argwhere(~np.isin(visible, (-1, 0, 1)))
    if len(wrong):
        place = tuple(wrong[0].tolist())
        rule = "be 0 or 1, or -1 for a person without joints"
        raise record.error(f"visible{list(place)}", rule, visible[place].item())
    missing = (joints == 0).all(axis=2) | (joints == -1).all(axis=(1, 2))[:, None]
    visibility = np.where(missing, NOT_LABELLED, np.where(visible > 0, VISIBLE, OCCLUDED))
    return joints, visibility.astype(np.uint8)
