"""Predictions of any program, read from a file whose layout is recognised by its content."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.data.formats.archive import LARGEST, Record, table
from posepyr.data.formats.coco_people import PERSON
from posepyr.data.formats.containers import kind_of, read_datasets, read_json, read_mat
from posepyr.data.formats.mpii_layout import order_of
from posepyr.data.results.posepyr_file import read_saved
from posepyr.records import FloatArray, Predictions, Truth
from posepyr.skeleton import MPII_JOINTS

NAMES = ("preds", "pred", "pos_pred_src")
"""What the array is called: by the hourglass and HRNet releases, for LSP's evaluation, and by Tompson et al."""

_AXES = {"n x joints x 2": (0, 1, 2), "2 x joints x n": (2, 1, 0), "joints x 2 x n": (2, 0, 1)}
"""The orders of axes in use, and where people, joints and coordinates are in each."""


class PredictionFile(NamedTuple):
    """Predictions of a file, one for each person of a split. Coordinates count from 0."""

    file: Path
    layout: str
    """As a report names it."""
    predictions: Predictions
    joints: tuple[str, ...] | None = None
    """None where the file does not tell: those of the truth, in its order."""
    images: npt.NDArray[np.str_] | None = None
    """``N``: names of the pictures, where the file tells."""
    truth: Truth | None = None
    """What the people's numbers refer to, where the file has that too; its joints are the predictions'."""

    @property
    def not_found(self) -> int:
        """Return the number of joints without a position: they count as missed."""
        return int((~np.isfinite(self.predictions.keypoints).all(axis=2)).sum())


class CocoResults(NamedTuple):
    """Poses ``N`` of a file in COCO's results format, whose people are matched by the evaluation."""

    file: Path
    images: list[Any]
    """``N`` ids of the pictures."""
    triples: FloatArray
    """``N K 3``: x, y and whatever the file has third; of joints in the truth's order."""
    scores: FloatArray
    """``N``."""

    def results(self, columns: Sequence[int]) -> list[dict[str, Any]]:
        """Return the poses as evaluations take them, with some of the joints in another order."""
        chosen = self.triples[:, list(columns)].reshape(len(self.images), -1).tolist()
        return [
            {"image_id": image, "category_id": PERSON, "keypoints": keypoints, "score": score}
            for image, keypoints, score in zip(self.images, chosen, self.scores.tolist(), strict=True)
        ]


def in_order(keypoints: FloatArray) -> Predictions:
    """Return keypoints ``N K 2`` of everybody, in the order of the split, as predictions of equal scores."""
    return Predictions(np.arange(len(keypoints)), keypoints, np.ones(keypoints.shape[:2]))


def read_predictions(file: Path, joints: int) -> PredictionFile | CocoResults:
    """Read the predictions of a file; ``joints`` is the number that the truth has, which tells arrays' axes apart."""
    kind = kind_of(file)
    if kind == "MATLAB":
        return read_arrays(read_mat(file), file, joints)
    if kind == "HDF5":
        return read_arrays(read_datasets(file), file, joints)
    if kind == "NumPy":
        saved = read_saved(file)
        images = saved.truth.images[saved.predictions.sample]
        return PredictionFile(file, "saved by posepyr", saved.predictions, saved.joints, images, saved.truth)
    return _json(read_json(file), file, joints)


def _json(content: Any, file: Path, joints: int) -> PredictionFile | CocoResults:
    record = Record(file)
    if isinstance(content, dict):
        if "preds" in content:
            return read_preds(content, file, joints)
        raise record.error("the file", "be a list of people, COCO's results or preds", ", ".join(map(str, content)))
    if not content:
        raise record.error("the file", "hold somebody's pose", content)
    first = record._replace(name="[0]").mapping(content[0])
    if "image_id" in first:
        return read_coco_results(content, file, joints)
    return read_people_list(content, file, joints)


def read_arrays(content: Mapping[str, Any], file: Path, joints: int) -> PredictionFile:
    """Find the predictions among a file's arrays, of people in the order of the truth.

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
        return PredictionFile(file, layout, in_order(keypoints[:, order] - 1), MPII_JOINTS)
    return PredictionFile(file, layout, in_order(keypoints - 1))


def _people_first(value: Any, record: Record, field: str, joints: int) -> tuple[FloatArray, str]:
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise record.error(field, "hold numbers", str(array.dtype))
    for axes, places in _AXES.items():
        if array.ndim == 3 and (array.shape[places[1]], array.shape[places[2]]) == (joints, 2):
            return array.transpose(places).astype(np.float64), axes
    raise record.error(field, f"have the shape {' or '.join(_AXES)}, with the truth's {joints} joints", array.shape)


def read_people_list(content: list[Any], file: Path, joints: int) -> PredictionFile:
    """Read a list of mappings with ``joints`` (pairs of x and y, counted from 1) and, where all have it, ``image``."""
    records = [Record(file, f"[{index}]") for index in range(len(content))]
    people = [record.mapping(person) for person, record in zip(content, records, strict=True)]
    rows = [
        _flat_pairs(record.value(person, "joints"), record, joints)
        for person, record in zip(people, records, strict=True)
    ]
    keypoints = table(rows, records, "joints", 2 * joints, LARGEST).reshape(-1, joints, 2)
    names = [person.get("image") for person in people]
    images = np.array(names, np.str_) if names and all(isinstance(name, str) for name in names) else None
    return PredictionFile(file, "joints of a list of people, counted from 1", in_order(keypoints - 1), None, images)


def _flat_pairs(value: Any, record: Record, joints: int) -> list[Any]:
    pairs = isinstance(value, list) and all(isinstance(joint, list) and len(joint) == 2 for joint in value)
    if not pairs or len(value) != joints:
        raise record.error("joints", f"be {joints} pairs of x and y, as many as the truth has", value)
    return [coordinate for joint in value for coordinate in joint]


def read_preds(content: dict[str, Any], file: Path, joints: int) -> PredictionFile:
    """Read ``preds``: a list with the ``joints`` pairs of each person, counted from 1."""
    record = Record(file)
    people = [{"joints": person} for person in record.items(content, "preds")]
    return read_people_list(people, file, joints)._replace(layout="preds, n x joints x 2, counted from 1")


def read_coco_results(content: list[Any], file: Path, joints: int) -> CocoResults:
    """Read COCO's results: ``image_id``, ``category_id`` 1, ``keypoints`` (three numbers a joint) and ``score``."""
    records = [Record(file, f"[{index}]") for index in range(len(content))]
    poses = [record.mapping(pose) for pose, record in zip(content, records, strict=True)]
    images = [record.value(pose, "image_id") for pose, record in zip(poses, records, strict=True)]
    for pose, image, record in zip(poses, images, records, strict=True):
        if type(image) not in (int, str):
            raise record.error("image_id", "be a whole number or a text", image)
        if record.value(pose, "category_id") != PERSON:
            raise record.error("category_id", f"be {PERSON}, the people's", pose["category_id"])
    rows = [record.value(pose, "keypoints") for pose, record in zip(poses, records, strict=True)]
    stated = [[record.value(pose, "score")] for pose, record in zip(poses, records, strict=True)]
    triples = table(rows, records, "keypoints", 3 * joints).reshape(-1, joints, 3)
    return CocoResults(file, images, triples, table(stated, records, "score", 1, LARGEST)[:, 0])
