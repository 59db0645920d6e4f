"""MPII people from the files of two releases: the HDF5 of the stacked hourglass and the JSON of HRNet."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from posepyr.data.formats.archive import Record, table
from posepyr.data.formats.containers import read_json
from posepyr.data.formats.mpii_layout import Rectangles, companions, numbers, read_ground_truth, whole_numbers
from posepyr.data.formats.people import Visibility
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, FloatArray
from posepyr.skeleton import MPII_JOINTS

_ENLARGED = 1.25
"""By how much the file's ``scale`` is larger than the data set's own."""


def read_hourglass(file: Path, unlabelled: bool = False) -> Rectangles:
    """Read everybody in the file, without joints where the people are ``unlabelled`` in the data set.

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
    """Read the numbers ``N 2`` of everybody's picture and rectangle in it, from 0."""
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


_NEAR = 1.0
"""Pixels by which a joint may differ between the two files that the release has of its validation people."""


def read_hrnet(file: Path, unlabelled: bool = False) -> Rectangles:
    """Read everybody in the file; joints are needed unless the people are ``unlabelled`` in the data set.

    ``joints_vis`` tells labelled joints from missing ones, nothing of occlusion: labelled joints count as visible. A
    ``center`` of -1 says that there is none. The size of heads is in ``gt_<name of the file>.mat`` beside it, if
    anywhere.
    """
    content = read_json(file)
    if not isinstance(content, list):
        raise Record(file).error("the file", "be a list of people", content)
    records = [Record(file, f"[{index}]") for index in range(len(content))]
    people = [record.mapping(person) for person, record in zip(content, records, strict=True)]
    images = _images(people, records)
    position = table(_column(people, records, "center"), records, "center", 2)
    position[position[:, 0] == -1] = np.nan
    scale = table([[value] for value in _column(people, records, "scale")], records, "scale", 1)[:, 0]
    joints, visibility = _json_joints(people, records, unlabelled)
    measures = {"head_size": _heads(file, joints, visibility), "people": companions(images)}
    return Rectangles(images, position, scale, joints, visibility, measures)


def _images(people: list[dict[str, Any]], records: list[Record]) -> list[str]:
    images = _column(people, records, "image")
    for image, record in zip(images, records, strict=True):
        if not isinstance(image, str) or not image:
            raise record.error("image", "name the picture's file", image)
    return images


def _column(people: list[dict[str, Any]], records: list[Record], field: str) -> list[Any]:
    return [record.value(person, field) for person, record in zip(people, records, strict=True)]


def _json_joints(
    people: list[dict[str, Any]], records: list[Record], unlabelled: bool
) -> tuple[FloatArray, Visibility]:
    """Return joints ``N 16 2`` and visibility ``N 16``."""
    if unlabelled and not any("joints" in person for person in people):
        shape = (len(people), len(MPII_JOINTS))
        return np.zeros((*shape, 2)), np.full(shape, NOT_LABELLED, np.uint8)
    pairs = zip(_column(people, records, "joints"), records, strict=True)
    rows = [_flat(joints, record) for joints, record in pairs]
    joints = table(rows, records, "joints", 2 * len(MPII_JOINTS)).reshape(-1, len(MPII_JOINTS), 2)
    labelled = table(_column(people, records, "joints_vis"), records, "joints_vis", len(MPII_JOINTS))
    wrong = np.flatnonzero(~np.isin(labelled, (0, 1)).all(axis=1))
    if len(wrong):
        raise records[wrong[0]].error("joints_vis", "hold 0 or 1 for each joint", labelled[wrong[0]].tolist())
    return joints, np.where(labelled > 0, VISIBLE, NOT_LABELLED).astype(np.uint8)


def _flat(joints: Any, record: Record) -> list[Any]:
    pairs = isinstance(joints, list) and all(isinstance(joint, list) and len(joint) == 2 for joint in joints)
    if not pairs or len(joints) != len(MPII_JOINTS):
        raise record.error("joints", f"be {len(MPII_JOINTS)} pairs of x and y", joints)
    return [value for joint in joints for value in joint]


def _heads(people: Path, joints: FloatArray, visibility: Visibility) -> FloatArray:
    """Return the size of everybody's head ``N``, from a file that is made sure to be about the same people."""
    file = people.with_name(f"gt_{people.stem}.mat")
    if not file.is_file():
        return np.full(len(joints), np.nan)
    truth = read_ground_truth(file)
    if len(truth.keypoints) != len(joints):
        raise Record(file).error("pos_gt_src", f"hold the {len(joints)} people of {people}", len(truth.keypoints))
    shared = (visibility != NOT_LABELLED) & ~truth.missing
    apart = np.linalg.norm(truth.keypoints + 1 - joints, axis=2) > _NEAR
    # The archive's two files differ in single joints; other people differ in all of theirs.
    wrong = np.flatnonzero((apart & shared).sum(axis=1) > shared.sum(axis=1) / 2)
    if len(wrong):
        got = truth.keypoints[wrong[0]].tolist()
        raise Record(file, f"person {wrong[0]}").error("pos_gt_src", f"be where {people} has them", got)
    return truth.head_size
