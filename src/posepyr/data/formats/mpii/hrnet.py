"""MPII's people from the JSON files of the HRNet release."""

from pathlib import Path
from typing import Any

import numpy as np

from posepyr.data.formats.archive import Record, table
from posepyr.data.formats.json_file import read_json
from posepyr.data.formats.mpii.ground_truth import read_ground_truth
from posepyr.data.formats.mpii.layout import Rectangles, companions
from posepyr.data.formats.people import Visibility
from posepyr.records import NOT_LABELLED, VISIBLE, FloatArray
from posepyr.skeleton import MPII_JOINTS

_NEAR = 1.0
"""Pixels by which a joint may differ between the two files that the release has of its validation people."""


def read_hrnet(file: Path, unlabelled: bool = False) -> Rectangles:
    """Everybody in the file; joints are needed unless the people are ``unlabelled`` in the data set.

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
    joints, visibility = _joints(people, records, unlabelled)
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


def _joints(people: list[dict[str, Any]], records: list[Record], unlabelled: bool) -> tuple[FloatArray, Visibility]:
    """Joints ``N 16 2`` and visibility ``N 16``."""
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
    """The size of everybody's head ``N``, after making sure that the file that says so is about the same people."""
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
