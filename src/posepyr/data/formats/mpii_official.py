"""The official file of MPII Human Pose: one MATLAB structure, nested and with gaps as its makers left it."""

import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from posepyr.data.formats.archive import LARGEST, Record
from posepyr.data.formats.containers import read_mat
from posepyr.data.formats.mpii_layout import BoolArray, Rectangles, head_size
from posepyr.data.formats.people import Visibility
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, FloatArray
from posepyr.skeleton import MPII_JOINTS

_HEAD = ("x1", "y1", "x2", "y2")
_STATES = {0: OCCLUDED, 1: VISIBLE, "0": OCCLUDED, "1": VISIBLE}
"""``is_visible`` is a number in some pictures and a character in others."""

_log = logging.getLogger(__name__)


class Release(NamedTuple):
    """Everybody in the file, in its order, and who is there to train on.

    Of the measures, ``image`` and ``person`` are the numbers of the picture and of the rectangle in it, from 0.
    """

    file: Path
    pictures: int
    rectangles: Rectangles
    training: BoolArray
    """Whose picture belongs to the training set ``N``."""

    def name(self, row: int) -> str:
        """Return the name that MATLAB has for a rectangle."""
        measures = self.rectangles.measures
        return _name(int(measures["image"][row]), int(measures["person"][row]))


class _Person(NamedTuple):
    """One rectangle, its points aside."""

    image: int
    person: int
    companions: int
    picture: str
    position: tuple[float, float]
    scale: float
    head: list[float]
    points: int
    """How many points it has."""


class _Points(NamedTuple):
    """The points of everybody, one after the other, as they stand in the file."""

    x: list[Any]
    y: list[Any]
    identity: list[Any]
    state: list[Any]


def read_release(file: Path) -> Release:
    """Read all rectangles of the official file, incomplete ones as well.

    A point without ``is_visible`` counts as visible, as in the hourglass release; of points that share their ``id``
    the first counts, as there.
    """
    record = Record(file)
    release = _structure(record.value(read_mat(file, squeeze=True), "RELEASE"), record, "RELEASE")
    for field in ("annolist", "img_train"):
        record.value(dict.fromkeys(release.dtype.names), field)
    annolist = _structures(_field(release, "annolist"), record, "RELEASE.annolist")
    training = _training(_field(release, "img_train"), record, len(annolist))
    people: list[_Person] = []
    points = _Points([], [], [], [])
    for image, picture in enumerate(annolist):
        people += _people(picture, image, file, points)
    rectangles = _rectangles(people, points, file)
    return Release(file, len(annolist), rectangles, training[rectangles.measures["image"]])


def _structures(value: Any, record: Record, field: str) -> Any:
    """Return the elements of a structure array; none where the field is missing or empty."""
    if value is None or (isinstance(value, np.ndarray) and not value.size):
        return ()
    if not isinstance(value, np.ndarray) or not value.dtype.names:
        raise record.error(field, "be a structure array", value)
    return value.reshape(-1)


def _structure(value: Any, record: Record, field: str) -> Any:
    found = _structures(value, record, field)
    if len(found) != 1:
        raise record.error(field, "be one structure", f"{len(found)} of them")
    return found[0]


def _field(structure: Any, field: str) -> Any:
    """Return a structure's field; None where it is missing or empty, which comes to the same here."""
    if field not in structure.dtype.names:
        return None
    value = structure[field]
    return None if isinstance(value, np.ndarray) and not value.size else value


def _training(value: Any, record: Record, pictures: int) -> BoolArray:
    flags = np.atleast_1d(np.asarray(value))
    if flags.shape != (pictures,) or flags.dtype.kind not in "biuf" or not np.isin(flags, (0, 1)).all():
        rule = f"hold 0 or 1 for each of the {pictures} pictures of annolist"
        raise record.error("RELEASE.img_train", rule, value)
    return flags.astype(np.bool_)


def _name(image: int, person: int | None = None) -> str:
    return f"annolist({image + 1})" + ("" if person is None else f".annorect({person + 1})")


def _people(picture: Any, image: int, file: Path, points: _Points) -> list[_Person]:
    record = Record(file, _name(image))
    rectangles = _structures(_field(picture, "annorect"), record, "annorect")
    if not len(rectangles):
        return []
    name = _field(_structure(_field(picture, "image"), record, "image"), "name")
    if not isinstance(name, str):
        raise record.error("image.name", "name the picture's file", name)
    found = []
    for person, rectangle in enumerate(rectangles):
        own = Record(file, _name(image, person))
        position, scale, head = _place(rectangle, own)
        count = _collect(rectangle, own, points)
        found.append(_Person(image, person, len(rectangles), name, position, scale, head, count))
    return found


def _place(rectangle: Any, record: Record) -> tuple[tuple[float, float], float, list[float]]:
    """Return position, scale and the head's rectangle."""
    position = _field(rectangle, "objpos")
    x, y = np.nan, np.nan
    if position is not None:
        point = _structure(position, record, "objpos")
        x, y = _number(point, "x", record), _number(point, "y", record)
    return (x, y), _number(rectangle, "scale", record), [_number(rectangle, side, record) for side in _HEAD]


def _number(structure: Any, field: str, record: Record) -> float:
    value = _field(structure, field)
    if value is None:
        return np.nan
    if not isinstance(value, int | float) or not abs(value) <= LARGEST:
        raise record.error(field, f"be a finite number of at most {LARGEST:.0e} in size", value)
    return float(value)


def _collect(rectangle: Any, record: Record, points: _Points) -> int:
    """Append the rectangle's points to those of the others, and return their number."""
    annotated = _field(rectangle, "annopoints")
    if annotated is None:
        return 0
    own = _structures(_field(_structure(annotated, record, "annopoints"), "point"), record, "annopoints.point")
    if not len(own):
        return 0
    names = own.dtype.names
    for field, values in (("x", points.x), ("y", points.y), ("id", points.identity)):
        if field not in names:
            raise record.error("annopoints.point", f"have the field {field}", ", ".join(names))
        values.extend(own[field].tolist())
    points.state.extend(own["is_visible"].tolist() if "is_visible" in names else [1] * len(own))
    return len(own)


def _rectangles(people: list[_Person], points: _Points, file: Path) -> Rectangles:
    if not people:
        raise Record(file).error("RELEASE.annolist", "hold somebody", "nobody")
    joints, visibility = _joints(people, points, file)
    head = np.array([person.head for person in people])
    return Rectangles(
        [person.picture for person in people],
        np.array([person.position for person in people]),
        np.array([person.scale for person in people]),
        joints,
        visibility,
        {
            "head_size": head_size(np.hypot(head[:, 2] - head[:, 0], head[:, 3] - head[:, 1])),
            "image": np.array([person.image for person in people]),
            "person": np.array([person.person for person in people]),
            "people": np.array([person.companions for person in people]),
        },
    )


def _joints(people: list[_Person], points: _Points, file: Path) -> tuple[FloatArray, Visibility]:
    """Return joints ``N 16 2`` and visibility ``N 16`` from everybody's points, checked all at once."""
    owners = np.repeat(np.arange(len(people)), [person.points for person in people])
    records = _Owners(people, owners, file)
    x, y, identity = (
        _column(values, field, records) for field, values in zip(("x", "y", "id"), points[:3], strict=True)
    )
    wrong = np.flatnonzero(~np.isin(identity, np.arange(len(MPII_JOINTS))))
    if len(wrong):
        raise records[wrong[0]].error("point.id", "be a whole number from 0 to 15", float(identity[wrong[0]]))
    states = np.array([_state(value, records, index) for index, value in enumerate(points.state)], np.uint8)
    # The first point of each joint: NumPy's unique promises just that.
    slot, first = np.unique(owners * len(MPII_JOINTS) + identity.astype(np.int64), return_index=True)
    joints, visibility = (
        np.zeros((len(people) * len(MPII_JOINTS), 2)),
        np.full(len(people) * len(MPII_JOINTS), NOT_LABELLED),
    )
    joints[slot], visibility[slot] = np.stack([x, y], axis=-1)[first], states[first]
    if len(first) < len(owners):
        twice = len(owners) - len(first)
        _log.warning("%s: %d points left out, whose person has an earlier one of the same id", file, twice)
    return joints.reshape(-1, len(MPII_JOINTS), 2), visibility.reshape(-1, len(MPII_JOINTS)).astype(np.uint8)


class _Owners:
    """The record that each point belongs to, made when an error has to name it."""

    def __init__(self, people: list[_Person], owners: Any, file: Path) -> None:
        self._people, self._owners, self._file = people, owners, file

    def __getitem__(self, point: Any) -> Record:
        person = self._people[int(self._owners[point])]
        return Record(self._file, _name(person.image, person.person))


def _column(values: list[Any], field: str, records: _Owners) -> FloatArray:
    if not set(map(type, values)) <= {int, float}:
        index = next(index for index, value in enumerate(values) if type(value) not in (int, float))
        raise records[index].error(f"point.{field}", "be a number", values[index])
    column = np.array(values, np.float64)
    wrong = np.flatnonzero(~(np.abs(column) <= LARGEST))
    if len(wrong):
        rule = f"be a finite number of at most {LARGEST:.0e} in size"
        raise records[wrong[0]].error(f"point.{field}", rule, values[wrong[0]])
    return column


def _state(value: Any, records: _Owners, index: int) -> int:
    if isinstance(value, np.ndarray) and not value.size:
        return VISIBLE
    state = None if isinstance(value, np.ndarray) else _STATES.get(value)
    if state is None:
        raise records[index].error("point.is_visible", "be 0 or 1", value)
    return state
