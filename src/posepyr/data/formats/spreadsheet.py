"""People from a CSV table: one row per person."""

import csv
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from posepyr.data.formats.archive import LARGEST, Record
from posepyr.data.formats.people import People, Visibility, box_around, clip_boxes
from posepyr.errors import suggestion
from posepyr.records import NOT_LABELLED, VISIBLE, FloatArray

BOX = ("x", "y", "width", "height")
"""The columns of the person's box. All four or none; a row that leaves them empty gets a box from its joints."""

Row = dict[str, str]

_log = logging.getLogger(__name__)


def read_csv(file: Path, images: Path, joints: Sequence[str]) -> People:
    """Read the people of a CSV table whose pictures lie in a folder.

    Columns, in any order: ``image``; ``x, y, width, height`` (optional, the box); for every joint ``<joint>_x``,
    ``<joint>_y`` and, optionally, ``<joint>_visibility`` (0 not labelled, 1 occluded, 2 visible). Empty coordinates
    mean a joint that is not labelled; coordinates without visibility, one that is visible. Left out and counted:
    people without a labelled joint.
    """
    people = []
    rows = _rows(file, joints)
    for line, row in rows:
        person = _person(row, Record(file, f"line {line}"), joints)
        if person is not None:
            people.append(person)
    left_out = len(rows) - len(people)
    if not people:
        raise ValueError(f"{file} must hold a person with a labelled joint, got none in {left_out} rows")
    _log.info("%s: %d people; without labelled joints: %d", file, len(people), left_out)
    names, boxes, keypoints, visibility = zip(*people, strict=True)
    skipped = {"without labelled joints": left_out}
    return People(
        images, tuple(joints), names, boxes=np.array(boxes), keypoints=np.array(keypoints),
        visibility=np.array(visibility), skipped=skipped,
    )  # fmt: skip


def _rows(file: Path, joints: Sequence[str]) -> list[tuple[int, Row]]:
    try:
        # Spreadsheet programs begin their files with a byte order mark; utf-8-sig reads both kinds.
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = next(reader, [])
            _check_header(header, Record(file, "line 1"), joints)
            return [
                (reader.line_num, _row(header, cells, Record(file, f"line {reader.line_num}")))
                for cells in reader
                if cells
            ]
    except OSError as error:
        raise ValueError(f"{file} must be a readable file ({error.strerror})") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{file} must be a comma-separated table in UTF-8, got {error}") from error


def _check_header(header: list[str], record: Record, joints: Sequence[str]) -> None:
    needed = ["image", *(f"{joint}_{axis}" for joint in joints for axis in "xy")]
    known = [*needed, *BOX, *(f"{joint}_visibility" for joint in joints)]
    if len(set(header)) != len(header):
        raise record.error("header", "name every column once", header)
    if set(BOX) & set(header) and not set(BOX) <= set(header):
        raise record.error("header", f"name all of {', '.join(BOX)} for the box, or none", header)
    missing = [name for name in needed if name not in header]
    if missing:
        raise record.error("header", f"name the column {missing[0]}", header, "see the joints of the data set's YAML")
    for name in header:
        if name not in known:
            raise record.error(
                "header", "name only known columns", name, f"remove the column, or rename it: {suggestion(name, known)}"
            )


def _row(header: list[str], cells: list[str], record: Record) -> Row:
    if len(cells) != len(header):
        raise record.error("the row", f"have {len(header)} cells like the header", len(cells))
    return {name: cell.strip() for name, cell in zip(header, cells, strict=True)}


class _Person(NamedTuple):
    image: str
    box: FloatArray
    keypoints: FloatArray
    visibility: Visibility


def _person(row: Row, record: Record, joints: Sequence[str]) -> _Person | None:
    if not row["image"]:
        raise record.error("image", "name the picture's file", row["image"])
    found = [_joint(row, record, joint) for joint in joints]
    keypoints = np.array([(x, y) for x, y, _ in found])
    visibility = np.array([state for _, _, state in found], np.uint8)
    if not visibility.any():
        return None
    return _Person(row["image"], _box(row, record, keypoints, visibility), keypoints, visibility)


def _joint(row: Row, record: Record, joint: str) -> tuple[float, float, int]:
    x, y = row[f"{joint}_x"], row[f"{joint}_y"]
    state = row.get(f"{joint}_visibility", "")
    if state not in ("", "0", "1", "2"):
        raise record.error(f"{joint}_visibility", "be 0, 1 or 2", state)
    if not x and not y:
        if state in ("1", "2"):
            raise record.error(f"{joint}_x", "be given, since the joint's visibility says it is labelled", x)
        return 0.0, 0.0, NOT_LABELLED
    return _number(x, record, f"{joint}_x"), _number(y, record, f"{joint}_y"), int(state or VISIBLE)


def _box(row: Row, record: Record, keypoints: FloatArray, visibility: Visibility) -> FloatArray:
    cells = [row.get(name, "") for name in BOX]
    if any(cells):
        given = np.array([_number(cell, record, name) for name, cell in zip(BOX, cells, strict=True)])
        [box], [remains] = clip_boxes(given[None], np.full((1, 2), LARGEST))
        if not remains or given[2:].min() <= 0:
            raise record.error("width, height", "span more than one pixel of the picture", given.tolist())
        return np.asarray(box)
    box = box_around(keypoints, visibility)
    if box is None:
        raise record.error("x, y, width, height", "be given where the labelled joints span no box", "empty cells")
    return box


def _number(cell: str, record: Record, field: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not abs(number) <= LARGEST:
        raise record.error(
            field,
            f"be a finite number of at most {LARGEST:.0e} in size",
            cell,
            "leave both cells of an unlabelled joint empty",
        )
    return number
