"""COCO keypoints as downloaded, and every data set whose annotation file looks like COCO's."""

import contextlib
import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.data.archive import LARGEST, Record, data_folder, nearest, require
from posepyr.data.people import People, around, sanitised
from posepyr.records import FloatArray

SPLITS = {"train": "train2017", "val": "val2017", "test": "val2017"}
"""COCO keeps the labels of its test pictures, so the published numbers that one can repeat are on ``val2017``."""

_log = logging.getLogger(__name__)


class Coco:
    """People of COCO with their ground-truth boxes.

    ``folder`` is looked up under ``POSEPYR_DATA`` (or ``./data``) unless absolute. In ``annotations`` and ``images``,
    ``{split}`` stands for the name that ``splits`` gives a split; those it does not mention are called as in
    ``SPLITS``. Left out and counted, as in the HRNet release: crowds, people without a labelled joint, boxes without
    area inside the picture.
    """

    def __init__(
        self,
        folder: str = "coco",
        annotations: str = "annotations/person_keypoints_{split}.json",
        images: str = "{split}",
        splits: dict[str, str] | None = None,
    ) -> None:
        self.folder = data_folder(folder)
        self.annotations, self.images = annotations, images
        self.splits = SPLITS | (splits or {})
        self._read: dict[str, People] = {}

    def split(self, name: str) -> People:
        """``train``, ``val`` or ``test``; read once."""
        if name not in self.splits:
            raise ValueError(
                f"split must be one of {', '.join(self.splits)}, got {name!r}; name it in data.source.splits"
            )
        stem = self.splits[name]
        if stem not in self._read:
            annotations, images = (path.replace("{split}", stem) for path in (self.annotations, self.images))
            require(self.folder, [annotations, f"{images}/"], "COCO")
            self._read[stem] = read_coco(self.folder / annotations, self.folder / images)
        return self._read[stem]


class Layout(NamedTuple):
    """What a COCO file says about its keypoints, against the joints that are asked for."""

    categories: frozenset[Any]
    """The categories whose annotations have these keypoints."""
    names: tuple[str, ...]
    """The joints of the file."""
    columns: list[int]
    """Where each joint that is asked for stands among them."""


class Picture(NamedTuple):
    """A picture as the file lists it."""

    name: str
    size: tuple[float, float]
    """``(height, width)``; larger than any picture where the file does not tell."""


def read_coco(file: Path, images: Path, joints: tuple[str, ...] | None = None) -> People:
    """The people of a COCO-style keypoint file whose pictures lie in a folder.

    Needed are ``categories`` with ``keypoints``; ``images`` with ``id`` and ``file_name``; ``annotations`` with
    ``image_id``, ``category_id`` and ``keypoints``. Boxes are clipped where images have ``width`` and ``height``; a
    person without ``bbox`` gets a box from the joints.
    """
    content = _load(file)
    layout = _layout(content, file, joints)
    pictures = _pictures(content, file)
    found, skipped = _find(content, file, layout, pictures)
    triples = _triples(found, layout)
    labelled = triples[:, :, 2].any(axis=1)
    boxes, remains = _boxes(found, triples)
    skipped["without labelled joints"] = int((~labelled).sum())
    skipped["with boxes that have no area"] = int((labelled & ~remains).sum())
    left_out = ", ".join(f"{count} {reason}" for reason, count in skipped.items() if count) or "none"
    kept = np.flatnonzero(labelled & remains)
    if not len(kept):
        raise ValueError(
            f"{file}: annotations must hold a person with a labelled joint, got none; left out: {left_out}"
        )
    _log.info("%s: %d people; left out: %s", file, len(kept), left_out)
    names = [found[index].picture.name for index in kept]
    keypoints, visibility = triples[kept, :, :2], triples[kept, :, 2].astype(np.uint8)
    asked = tuple(layout.names[column] for column in layout.columns)
    measures = _measures([found[index] for index in kept])
    return People(images, asked, names, boxes[kept], keypoints, visibility, measures, skipped)


def _measures(people: list["_Found"]) -> dict[str, npt.NDArray[Any]]:
    """What scores are taken with; an area that the file does not state is not a number."""
    return {
        "image": np.array([person.annotation["image_id"] for person in people]),
        "person": np.array([person.annotation.get("id", -1) for person in people]),
        "area": np.array([person.annotation.get("area", np.nan) for person in people], np.float64),
    }


def _load(file: Path) -> dict[str, Any]:
    try:
        with file.open(encoding="utf-8") as stream:
            content = json.load(stream, object_hook=_without_outlines)
    except OSError as error:
        raise ValueError(f"{file} must be a readable file ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} must be whole, valid JSON, got {error}; fetch or write the file again") from error
    return Record(file).mapping(content, "the file")


def _without_outlines(entry: dict[str, Any]) -> dict[str, Any]:
    # Outlines are nine tenths of COCO's file and no pose model looks at them: dropped while parsing, not after.
    entry.pop("segmentation", None)
    return entry


def _layout(content: dict[str, Any], file: Path, joints: tuple[str, ...] | None) -> Layout:
    names: list[str] | None = None
    chosen = set()
    for index, category in enumerate(Record(file).items(content, "categories")):
        record = Record(file, f"categories[{index}]")
        if not record.mapping(category).get("keypoints"):
            continue
        found = record.items(category, "keypoints")
        if not all(isinstance(name, str) for name in found) or len(set(found)) != len(found):
            raise record.error("keypoints", "hold distinct names of joints", found)
        names = found if names is None else names
        if found == names:
            chosen.add(_key(record.value(category, "id"), record, "id"))
    if names is None:
        raise Record(file).error(
            "categories", "hold one with keypoints, the names of the joints", content["categories"]
        )
    return Layout(frozenset(chosen), tuple(names), _columns(names, joints, file))


def _columns(names: list[str], joints: tuple[str, ...] | None, file: Path) -> list[int]:
    wanted = tuple(names) if joints is None else joints
    lacking = [joint for joint in wanted if joint not in names]
    if lacking:
        raise ValueError(
            f"{file}: categories[0].keypoints must name every joint of the skeleton, but lacks {', '.join(lacking)}"
            f"{nearest(lacking[0], names)}; it names {', '.join(names)}"
        )
    return [names.index(joint) for joint in wanted]


def _pictures(content: dict[str, Any], file: Path) -> dict[int | str, Picture]:
    """The pictures by id."""
    pictures: dict[int | str, Picture] = {}
    for index, picture in enumerate(Record(file).items(content, "images")):
        record = Record(file, f"images[{index}]")
        identity = _key(record.value(record.mapping(picture), "id"), record, "id")
        if identity in pictures:
            raise record.error("id", "differ from every other image's", identity)
        name = record.value(picture, "file_name")
        if not isinstance(name, str) or not name:
            raise record.error("file_name", "name the picture's file", name)
        pictures[identity] = Picture(name, (_side(picture, record, "height"), _side(picture, record, "width")))
    return pictures


def _side(picture: dict[str, Any], record: Record, field: str) -> float:
    side = picture.get(field, LARGEST)
    if type(side) not in (int, float) or not 0 < side <= LARGEST:
        raise record.error(field, "be a positive number of pixels", side)
    return float(side)


class _Found(NamedTuple):
    """A person of the file whose keypoints and box are still to be checked, all at once."""

    record: Record
    annotation: dict[str, Any]
    picture: Picture


def _find(
    content: dict[str, Any], file: Path, layout: Layout, pictures: dict[int | str, Picture]
) -> tuple[list[_Found], Counter[str]]:
    """The people, and how many others there are, by what keeps them out."""
    found, skipped = [], Counter[str]()
    for index, annotation in enumerate(Record(file).items(content, "annotations")):
        identity = f" (id {annotation['id']!r})" if isinstance(annotation, dict) and "id" in annotation else ""
        record = Record(file, f"annotations[{index}]{identity}")
        picture = _picture_of(annotation, record, layout, pictures)
        if isinstance(picture, Picture):
            found.append(_Found(record, annotation, picture))
        else:
            skipped[picture] += 1
    return found, skipped


def _picture_of(annotation: Any, record: Record, layout: Layout, pictures: dict[int | str, Picture]) -> Picture | str:
    """The picture that an annotation lies in, or why it is left out."""
    if _key(record.value(record.mapping(annotation), "category_id"), record, "category_id") not in layout.categories:
        return "of other categories"
    if annotation.get("iscrowd"):
        return "crowds"
    image = _key(record.value(annotation, "image_id"), record, "image_id")
    if image not in pictures:
        raise record.error("image_id", "be the id of one of the file's images", image)
    return pictures[image]


def _triples(found: list[_Found], layout: Layout) -> FloatArray:
    """x, y and visibility ``N K 3`` of the joints that are asked for."""
    rows = [person.record.value(person.annotation, "keypoints") for person in found]
    count = len(layout.names)
    triples = _table(rows, found, "keypoints", 3 * count).reshape(len(found), count, 3)
    wrong = np.flatnonzero(~np.isin(triples[:, :, 2], (0, 1, 2)).all(axis=1))
    if len(wrong):
        states = triples[wrong[0], :, 2].tolist()
        raise found[wrong[0]].record.error("keypoints", "be x, y, visibility with visibility 0, 1 or 2", states)
    return triples[:, layout.columns]


def _boxes(found: list[_Found], triples: FloatArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """The people's boxes, and which of them have an area inside the picture."""
    boxes, remains = np.zeros((len(found), 4)), np.zeros(len(found), np.bool_)
    given = [index for index, person in enumerate(found) if person.annotation.get("bbox") is not None]
    boxed = [found[index] for index in given]
    areas = _table([[person.annotation.get("area", 1)] for person in boxed], boxed, "area", 1)
    stated = _table([person.annotation["bbox"] for person in boxed], boxed, "bbox", 4)
    boxes[given], inside = sanitised(stated, np.array([person.picture.size for person in boxed]).reshape(-1, 2))
    remains[given] = inside & (areas[:, 0] > 0)
    for index in set(range(len(found))).difference(given):
        box = around(triples[index, :, :2], triples[index, :, 2].astype(np.uint8))
        if box is not None:
            boxes[index], remains[index] = box, True
    return boxes, remains


def _table(rows: list[Any], found: list[_Found], field: str, count: int) -> FloatArray:
    """Rows of exactly ``count`` finite numbers as one array ``N count``."""
    if all(type(row) is list and len(row) == count and set(map(type, row)) <= {int, float} for row in rows):
        with contextlib.suppress(OverflowError):
            table = np.array(rows, np.float64).reshape(-1, count)
            if (np.abs(table) <= LARGEST).all():
                return table
    # Something is wrong: row by row, to say which. An honest table comes through as well.
    checked = [person.record.numbers(row, field, count) for row, person in zip(rows, found, strict=True)]
    return np.array(checked).reshape(-1, count)


def _key(value: Any, record: Record, field: str) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise record.error(field, "be a whole number or a text", value)
    return value
