"""Predictions as ``posepyr evaluate`` saves them: one ``.npz`` with the poses, the truth and the protocol."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.data.formats.archive import Record
from posepyr.data.formats.mpii_layout import numbers, whole_numbers
from posepyr.data.formats.people import against_file
from posepyr.files import whole
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, Predictions, Truth

VERSION = 1
"""Of the layout. A file of a later one is refused."""

_MEASURE = "measure/"
_VISIBILITY = "found_visibility"


class SavedPredictions(NamedTuple):
    """Everything that a file holds: what is needed to score it again, or against another, without any data set."""

    predictions: Predictions
    joints: tuple[str, ...]
    protocol: dict[str, Any]
    """How the predictions were made, as plain data."""
    truth: Truth
    """Of the whole split, whose people ``predictions.sample`` numbers."""


def write_saved(path: Path, saved: SavedPredictions) -> None:
    """Write a file, whose name should end in ``.npz``. Its arrays, for who reads them with NumPy alone:

    ``sample`` ``N`` numbers the people in their split, ``keypoints`` ``N K 2`` are ``(x, y)`` in image pixels counted
    from 0, ``scores`` ``N K`` the peaks' heights (not cut to 1: poses are ranked by them), ``joints`` ``K`` names and,
    where they were predicted, ``found_visibility`` ``N K`` (1 occluded, 2 visible); ``images`` ``M`` are the pictures
    of the split's people, ``truth`` ``M K 2``, ``visibility`` ``M K`` (0 not labelled, 1 occluded, 2 visible),
    ``boxes`` ``M 4`` and ``measure/...`` ``M`` what is known of them; ``about`` is JSON with ``version``, ``protocol``
    and the annotation ``file``, if scores are taken against all that it holds.
    """
    found, truth = saved.predictions, saved.truth
    about = {"version": VERSION, "protocol": saved.protocol, "file": truth.file}
    content: dict[str, npt.NDArray[Any]] = {
        "about": np.array(json.dumps(about)),
        "joints": np.array(saved.joints),
        "sample": found.sample,
        "keypoints": found.keypoints,
        "scores": found.scores,
        **({} if found.visibility is None else {_VISIBILITY: found.visibility}),
        "images": np.asarray(truth.images, np.str_),
        "truth": truth.keypoints,
        "visibility": truth.visibility,
        "boxes": truth.boxes,
        **{f"{_MEASURE}{name}": np.array(np.asarray(values).tolist()) for name, values in truth.measures.items()},
    }
    with whole(path) as part, part.open("wb") as stream:
        np.savez_compressed(stream, **content)  # type: ignore[arg-type]  # an array may be called as an option of NumPy's


def read_saved(file: Path) -> SavedPredictions:
    """Read and check a file that :func:`write_saved` wrote."""
    content = _arrays(file)
    record = Record(file)
    about = _about(content, record)
    joints = tuple(str(name) for name in _texts(content, record, "joints"))
    images = _texts(content, record, "images")
    people, count = len(images), len(joints)
    sample = whole_numbers(record.value(content, "sample"), record, "sample", -1, least=0)
    wrong = np.flatnonzero((sample >= people) | (np.diff(sample, prepend=-1) <= 0))
    if len(wrong):
        raise record.error(f"sample[{wrong[0]}]", f"rise, and be below {people}", int(sample[wrong[0]]))
    found = Predictions(
        sample,
        _floats(content, record, "keypoints", (len(sample), count, 2)),
        _floats(content, record, "scores", (len(sample), count)),
        _predicted_visibility(content, record, (len(sample), count)),
    )
    visibility = numbers(record.value(content, "visibility"), record, "visibility", people, count)
    if not np.isin(visibility, (NOT_LABELLED, OCCLUDED, VISIBLE)).all():
        raise record.error("visibility", "hold 0, 1 or 2", np.unique(visibility)[:5].astype(int).tolist())
    truth = Truth(
        numbers(record.value(content, "truth"), record, "truth", people, count, 2),
        visibility.astype(np.uint8),
        numbers(record.value(content, "boxes"), record, "boxes", people, 4),
        images,
        _measures(content, record, people),
    )
    if about["file"] is not None:
        truth = against_file(truth, Path(about["file"]))
    return SavedPredictions(found, joints, about["protocol"], truth)


def _arrays(file: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        # Of a damaged archive NumPy would leave the file open.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    # Archives, their compression and NumPy's headers report damage each in its own way.
    except Exception as error:
        raise ValueError(f"{file} must be a whole .npz file that posepyr wrote, got {error}; write it again") from error


def _about(content: Mapping[str, Any], record: Record) -> dict[str, Any]:
    text = record.value(dict(content), "about")
    try:
        about = record.mapping(json.loads(str(text)), "about")
    except json.JSONDecodeError as error:
        raise record.error("about", "be JSON", str(text)) from error
    if about.get("version") != VERSION:
        raise record.error(
            "about.version", f"be {VERSION}", about.get("version"), "a later posepyr may have written it"
        )
    record.mapping(record.value(about, "protocol"), "about.protocol")
    if not isinstance(about.setdefault("file", None), str | None):
        raise record.error("about.file", "be a path or null", about["file"])
    return about


def _texts(content: dict[str, npt.NDArray[Any]], record: Record, field: str) -> npt.NDArray[np.str_]:
    values = record.value(content, field)
    if values.ndim != 1 or values.dtype.kind != "U":
        raise record.error(field, "be a list of texts", f"{values.dtype} {values.shape}")
    return np.asarray(values, np.str_)


def _floats(
    content: dict[str, npt.NDArray[Any]], record: Record, field: str, shape: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """Return an array of numbers, which may be not a number for somebody who was not found."""
    values = record.value(content, field)
    if values.dtype.kind not in "iuf" or values.shape != shape:
        raise record.error(field, f"have the shape {' x '.join(map(str, shape))}", f"{values.dtype} {values.shape}")
    return np.asarray(values, np.float64)


def _predicted_visibility(
    content: dict[str, npt.NDArray[Any]], record: Record, shape: tuple[int, int]
) -> npt.NDArray[np.uint8] | None:
    """Return the predicted states of joints, if the file has them."""
    if _VISIBILITY not in content:
        return None
    states = numbers(content[_VISIBILITY], record, _VISIBILITY, *shape)
    if not np.isin(states, (OCCLUDED, VISIBLE)).all():
        raise record.error(_VISIBILITY, "hold 1 or 2", np.unique(states)[:5].astype(int).tolist())
    return states.astype(np.uint8)


def _measures(content: Mapping[str, npt.NDArray[Any]], record: Record, people: int) -> dict[str, npt.NDArray[Any]]:
    found = {name.removeprefix(_MEASURE): values for name, values in content.items() if name.startswith(_MEASURE)}
    for name, values in found.items():
        if values.shape != (people,):
            raise record.error(f"{_MEASURE}{name}", f"hold one for each of {people} people", values.shape)
    return found
