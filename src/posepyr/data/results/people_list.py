"""Predictions as JSON: a list of people with ``joints``, as the HRNet release writes people, or ``preds`` alone."""

from pathlib import Path
from typing import Any

import numpy as np

from posepyr.data.formats.archive import LARGEST, Record, table
from posepyr.data.results.found import Found, in_order


def read_people_list(content: list[Any], file: Path, joints: int) -> Found:
    """A list of mappings with ``joints`` (pairs of x and y, counted from 1) and, where all have it, ``image``."""
    records = [Record(file, f"[{index}]") for index in range(len(content))]
    people = [record.mapping(person) for person, record in zip(content, records, strict=True)]
    rows = [
        _pairs(record.value(person, "joints"), record, joints) for person, record in zip(people, records, strict=True)
    ]
    keypoints = table(rows, records, "joints", 2 * joints, LARGEST).reshape(-1, joints, 2)
    names = [person.get("image") for person in people]
    images = np.array(names, np.str_) if names and all(isinstance(name, str) for name in names) else None
    return Found(file, "joints of a list of people, counted from 1", in_order(keypoints - 1), None, images)


def _pairs(value: Any, record: Record, joints: int) -> list[Any]:
    pairs = isinstance(value, list) and all(isinstance(joint, list) and len(joint) == 2 for joint in value)
    if not pairs or len(value) != joints:
        raise record.error("joints", f"be {joints} pairs of x and y, as many as the truth has", value)
    return [coordinate for joint in value for coordinate in joint]


def read_preds(content: dict[str, Any], file: Path, joints: int) -> Found:
    """``preds``: a list with the ``joints`` pairs of each person, counted from 1."""
    record = Record(file)
    people = [{"joints": person} for person in record.items(content, "preds")]
    return read_people_list(people, file, joints)._replace(layout="preds, n x joints x 2, counted from 1")
