"""The files of MPII's three layouts, written from plain data by nothing but what others wrote them with."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io

EMPTY = np.zeros((0, 0))
"""What MATLAB has where a field was never set."""

Entry = dict[str, Any]


def structure(*entries: Entry) -> np.ndarray:
    """A structure array ``1 n``: elements that lack a field of the others have it empty."""
    fields = list(dict.fromkeys(name for entry in entries for name in entry))
    array = np.empty((1, len(entries)), dtype=[(name, object) for name in fields])
    for index, entry in enumerate(entries):
        array[0, index] = tuple(entry.get(name, EMPTY) for name in fields)
    return array


def points(*entries: Entry) -> np.ndarray:
    return structure({"point": structure(*entries)})


def joints(offset: float) -> list[list[float]]:
    """Sixteen places, none of them whole."""
    return [[offset + 10 * index + 0.25, offset + 5 * index + 0.75] for index in range(16)]


def complete(offset: float, **changes: Any) -> Entry:
    """Somebody with everything; the odd joints are occluded."""
    entry = {
        "x1": np.uint16(offset), "y1": np.uint16(10), "x2": np.uint16(offset + 30), "y2": np.uint16(50),
        "annopoints": points(*(
            {"x": x, "y": y, "id": np.uint8(index), "is_visible": np.uint8(1 - index % 2)}
            for index, (x, y) in enumerate(joints(offset))
        )),
        "scale": 1.5,
        "objpos": structure({"x": np.uint16(offset + 80), "y": 60.5}),
    }  # fmt: skip
    return {name: value for name, value in (entry | changes).items() if value is not None}


def picture(name: str, *people: Entry) -> Entry:
    return {
        "image": structure({"name": name}),
        "annorect": structure(*people) if people else EMPTY,
        "frame_sec": EMPTY,
        "vididx": EMPTY,
    }


def write_official(file: Path, pictures: list[Entry], training: list[int], **changes: Any) -> Path:
    content = {
        "annolist": structure(*pictures),
        "img_train": np.array([training], np.uint8),
        "version": "12",
        "single_person": np.array([[EMPTY]] * len(pictures), dtype=object),
    } | changes
    file.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(file, {"RELEASE": structure(content)}, do_compression=True)
    return file


def write_list(file: Path, pairs: list[tuple[int, int]]) -> Path:
    """Tompson's list: numbers of picture and person, from 1."""
    file.parent.mkdir(parents=True, exist_ok=True)
    image, person = np.array(pairs, np.uint16).reshape(-1, 2).T
    scipy.io.savemat(file, {"RELEASE_img_index": image[None], "RELEASE_person_index": person[None]})
    return file


def entry(image: str, offset: float, **changes: Any) -> Entry:
    """Somebody of :func:`complete` in the JSON of the HRNet release."""
    person = {
        "image": image,
        "center": [offset + 80, 60.5],
        "scale": 1.5,
        "joints": joints(offset),
        "joints_vis": [1] * 16,
    }
    return person | changes


def write_entries(file: Path, people: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(people if isinstance(people, str) else json.dumps(people))
    return file


def table(images: list[str], offsets: list[float], pairs: list[tuple[int, int]], **changes: Any) -> Entry:
    """People of :func:`complete` in the HDF5 of the hourglass release, which moves, enlarges and cuts off fractions."""
    count = len(images)
    content = {
        "imgname": np.array(images, "S"),
        "center": np.array([[offset + 80, 60.5 + 15 * 1.5] for offset in offsets]).reshape(count, 2),
        "scale": np.full(count, 1.5 * 1.25),
        "part": np.floor([joints(offset) for offset in offsets]).reshape(count, 16, 2),
        "visible": np.tile([1.0, 0.0], (count, 8)),
        "normalize": np.full(count, 0.6 * 50),
        "index": np.array([pair[0] for pair in pairs], np.float64),
        "person": np.array([pair[1] for pair in pairs], np.float64),
    } | changes
    return {name: value for name, value in content.items() if value is not None}


def write_table(file: Path, content: Entry) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(file, "w") as stream:
        for name, value in content.items():
            stream[name] = value
    return file


CODES = ["rank", "rkne", "rhip", "lhip", "lkne", "lank", "pelv", "thor", "neck", "head",
         "rwri", "relb", "rsho", "lsho", "lelb", "lwri"]  # fmt: skip


def truth(offsets: list[float], **changes: Any) -> Entry:
    """People of :func:`complete` in the layout that they are scored in."""
    content = {
        "dataset_joints": np.array([CODES], dtype=object),
        "jnt_missing": np.zeros((16, len(offsets)), np.uint8),
        "pos_gt_src": np.moveaxis(np.array([joints(offset) for offset in offsets]), 0, -1),
        "headboxes_src": np.moveaxis(np.array([[[o, 10.0], [o + 30, 50.0]] for o in offsets]), 0, -1),
    } | changes
    return {name: value for name, value in content.items() if value is not None}


def write_truth(file: Path, content: Entry) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(file, content)
    return file
