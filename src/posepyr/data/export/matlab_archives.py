"""Data in the layouts of archives in MATLAB files: MPII Human Pose and Leeds Sports Pose."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.data.export import writing
from posepyr.data.formats.mpii_layout import CODES
from posepyr.records import NOT_LABELLED, VISIBLE, Annotation, FloatArray, Source
from posepyr.skeleton import LSP_JOINTS, MPII_JOINTS, Skeleton

_PARTS = {"train": "train", "val": "valid", "test": "test"}


class Rectangle(NamedTuple):
    """A person as MPII annotates one: 16 joints, and position and size of body and head. Coordinates count from 1."""

    image: str
    objpos: FloatArray
    """A point a little above the middle of the body."""
    scale: float
    """Height of the body as a share of 200 pixels."""
    head: FloatArray
    """``2 2``: top left and bottom right corner of the head."""
    joints: FloatArray
    """``16 2``."""
    visibility: npt.NDArray[np.uint8]


def write_mpii(source: Source, skeleton: Skeleton, folder: str | Path, splits: Sequence[str]) -> dict[str, int]:
    """Write splits as ``images/``, the official ``.mat`` and the HRNet release's ``annot/``; people by split.

    Coordinates count from 1, as in both originals. ``scale`` and ``objpos`` are such that the crop which both releases
    take, ``250 scale`` wide about ``objpos + (0, 15 scale)``, is the padded square about the person's box. ``train``
    and ``val`` have ``img_train`` 1; ``test`` has 0 and neither joints nor heads. ``annot`` has ``train``, ``valid``
    and ``test.json``, where ``joints_vis`` is 1 for every labelled joint, and ``gt_valid.mat``, for PCKh.
    """
    columns = writing.columns(skeleton, MPII_JOINTS, "MPII")
    chosen = writing.splits(source, splits)
    root = writing.start(folder, "images", "annot")
    people: dict[str, list[list[Rectangle]]] = {}
    count = 0
    for split, everybody in chosen.items():
        people[split] = []
        for picture in writing.pictures(everybody):
            count += 1
            name = f"{count:09d}.jpg"
            writing.write_jpeg(root / "images" / name, picture.pixels)
            people[split].append([_rectangle(person, name, columns) for person in picture.people])
    for split, groups in people.items():
        _write_annot(root / "annot", split, [person for group in groups for person in group])
    writing.write_mat(root / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": _release(people)})
    return {split: sum(len(group) for group in groups) for split, groups in people.items()}


def _rectangle(person: Annotation, image: str, columns: list[int]) -> Rectangle:
    x, y, width, height = person.box
    scale = float(max(width, height)) / 200
    objpos = np.array([x + width / 2, y + height / 2 - 15 * scale])
    joints, visibility = person.keypoints[columns], person.visibility[columns]
    return Rectangle(image, objpos + 1, scale, _head(person, joints, visibility) + 1, joints + 1, visibility)


def _head(person: Annotation, joints: FloatArray, visibility: npt.NDArray[np.uint8]) -> FloatArray:
    """Return the head's rectangle, from the top of the neck and of the head.

    In the archive the two joints lie about the middle of the rectangle, whose diagonal is 1.25 times their distance.
    So it is for the box of an ellipse whose long axis joins them and which is 3/4 as wide, at any tilt. Where either
    joint is not labelled the head is upright at the top of the person's box, and as long as in the archive: a sixth of
    the height ``200 scale``.
    """
    ends = joints[[MPII_JOINTS.index("neck"), MPII_JOINTS.index("head_top")]]
    if (visibility[[MPII_JOINTS.index("neck"), MPII_JOINTS.index("head_top")]] == NOT_LABELLED).any():
        x, y, width, height = person.box
        ends = np.array([[x + width / 2, y + max(width, height) / 6], [x + width / 2, y]])
    axis = (ends[1] - ends[0]) / 2
    across = 0.75 * axis[::-1]
    reach = np.hypot(axis, across)
    corners: FloatArray = ends.mean(axis=0) + np.stack([-reach, reach])
    return corners


def _write_annot(folder: Path, split: str, people: list[Rectangle]) -> None:
    records = [_record(person, labelled=split != "test") for person in people]
    writing.write_json(folder / f"{_PARTS[split]}.json", records)
    if split == "val":
        writing.write_mat(folder / "gt_valid.mat", _truth(people))


def _record(person: Rectangle, labelled: bool) -> dict[str, Any]:
    record: dict[str, Any] = {"image": person.image, "center": person.objpos.tolist(), "scale": person.scale}
    if labelled:
        known = person.visibility != NOT_LABELLED
        record["joints"] = np.where(known[:, None], person.joints, -1.0).tolist()
        record["joints_vis"] = known.astype(int).tolist()
    return record


def _truth(people: list[Rectangle]) -> dict[str, Any]:
    missing = np.stack([person.visibility == NOT_LABELLED for person in people], axis=-1)
    joints = np.stack([person.joints for person in people], axis=-1)
    return {
        "dataset_joints": np.array([CODES], dtype=object),
        "jnt_missing": missing.astype(np.uint8),  # 16 n
        "pos_gt_src": np.where(missing[:, None], 0.0, joints),  # 16 2 n
        "headboxes_src": np.stack([person.head for person in people], axis=-1),  # 2 2 n
    }


def _release(people: dict[str, list[list[Rectangle]]]) -> writing.Struct:
    pictures = [(group, split != "test") for split, groups in people.items() for group in groups]
    everybody = np.empty((len(pictures), 1), dtype=object)
    for index, (group, _) in enumerate(pictures):
        everybody[index, 0] = np.arange(1.0, len(group) + 1)[:, None]
    unknown = {"cat_name": np.zeros(0), "act_name": np.zeros(0), "act_id": -1.0}
    fields = {
        "annolist": writing.structs([_picture(group, labelled) for group, labelled in pictures]),
        "img_train": np.array([[float(labelled) for _, labelled in pictures]]),
        "version": "12",
        "single_person": everybody,
        "act": writing.structs([unknown] * len(pictures)).T,
        "video_list": np.empty((1, 0), dtype=object),
    }
    return writing.structs([fields])


def _picture(group: list[Rectangle], labelled: bool) -> dict[str, Any]:
    return {
        "image": writing.structs([{"name": group[0].image}]),
        "annorect": writing.structs([_person(person, labelled) for person in group]),
        "frame_sec": np.zeros((0, 0)),
        "vididx": np.zeros((0, 0)),
    }


def _person(person: Rectangle, labelled: bool) -> dict[str, Any]:
    x, y = person.objpos
    place = {"scale": person.scale, "objpos": writing.structs([{"x": x, "y": y}])}
    if not labelled:
        return place
    (x1, y1), (x2, y2) = person.head
    points = [
        {"x": x, "y": y, "id": float(identity), "is_visible": float(state == VISIBLE)}
        for identity, ((x, y), state) in enumerate(zip(person.joints, person.visibility, strict=True))
        if state != NOT_LABELLED
    ]
    annopoints = writing.structs([{"point": writing.structs(points)}]) if points else np.zeros((0, 0))
    return {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "annopoints": annopoints, **place}


def write_lsp(source: Source, skeleton: Skeleton, folder: str | Path, splits: Sequence[str]) -> dict[str, int]:
    """Write splits as one numbered sequence of pictures, in the order given; people by split.

    The archive has no file that splits it: its first 1,000 pictures train and its last 1,000 test. Here the splits
    follow each other in the same way. One picture per person. ``joints`` is ``3 14 n`` as in LSP, not ``14 3 n`` as in
    LSP-extended: x, y, and 1 where the joint is *occluded* (in LSP-extended 1 is visible). Coordinates count from 1.
    LSP labels every joint; one that is not labelled here is 0, 0, outside the picture, and marked as occluded.
    """
    columns = writing.columns(skeleton, LSP_JOINTS, "LSP")
    chosen = writing.splits(source, splits)
    root = writing.start(folder, "images")
    joints: list[FloatArray] = []
    written = {}
    for name, split in chosen.items():
        for index in range(len(split)):
            person = split[index]
            joints.append(_joints(person, columns))
            writing.write_jpeg(root / "images" / f"im{len(joints):04d}.jpg", split.view(person).pixels)
        written[name] = len(split)
    writing.write_mat(root / "joints.mat", {"joints": np.stack(joints, axis=-1)})
    return written


def _joints(person: Annotation, columns: list[int]) -> FloatArray:
    visibility = person.visibility[columns]
    positions = np.where((visibility == NOT_LABELLED)[:, None], 0.0, person.keypoints[columns] + 1)
    return np.concatenate([positions.T, (visibility != VISIBLE)[None].astype(np.float64)])
