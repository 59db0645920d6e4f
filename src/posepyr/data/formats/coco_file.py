"""COCO-style files, part by part: joints, pictures, people and their boxes."""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from posepyr.data.formats.archive import LARGEST, Record, table
from posepyr.data.formats.containers import read_json
from posepyr.errors import suggestion
from posepyr.records import AnnotatedPictures, FloatArray


class Layout(NamedTuple):
    """The joints of a file, against those that are asked for."""

    categories: frozenset[Any]
    """The categories whose annotations have these keypoints."""
    names: tuple[str, ...]
    """The joints of the file."""
    columns: list[int]
    """Where each joint that is asked for stands among them."""

    @property
    def joints(self) -> tuple[str, ...]:
        """Return the joints that are asked for."""
        return tuple(self.names[column] for column in self.columns)


class Picture(NamedTuple):
    """A picture as the file lists it."""

    name: str
    size: tuple[float, float]
    """``(height, width)``; larger than any picture where the file does not tell."""


class CocoPerson(NamedTuple):
    """A person of the file whose keypoints and box are still to be checked, all at once."""

    record: Record
    annotation: dict[str, Any]
    image: int | str
    """Id of the picture."""
    picture: Picture


def load(file: Path) -> dict[str, Any]:
    """Return the file's content, but for the outlines of people and objects."""
    return Record(file).mapping(read_json(file, _without_outlines), "the file")


def _without_outlines(entry: dict[str, Any]) -> dict[str, Any]:
    # Outlines are nine tenths of COCO's file and no pose model looks at them: dropped while parsing, not after.
    entry.pop("segmentation", None)
    return entry


def annotated_pictures(file: Path) -> AnnotatedPictures:
    """Read all that scores of whole pictures take: every picture, and every annotation of the category with joints."""
    content = load(file)
    images = [image["id"] for image in content["images"]]
    if not content.get("annotations"):
        return AnnotatedPictures((), images, [])
    category = next(one for one in content["categories"] if one.get("keypoints"))
    people = [annotation for annotation in content["annotations"] if annotation["category_id"] == category["id"]]
    return AnnotatedPictures(tuple(category["keypoints"]), images, people)


def names_joints(content: dict[str, Any]) -> bool:
    """Return True if a category has keypoints."""
    categories = content.get("categories")
    return isinstance(categories, list) and any(isinstance(one, dict) and one.get("keypoints") for one in categories)


def layout(content: dict[str, Any], file: Path, joints: tuple[str, ...] | None) -> Layout:
    """Return the categories with keypoints, and the joints that are asked for: all of them for None."""
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
            chosen.add(checked_id(record.value(category, "id"), record, "id"))
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
            f"; {suggestion(lacking[0], names)}"
        )
    return [names.index(joint) for joint in wanted]


def pictures(content: dict[str, Any], file: Path) -> dict[int | str, Picture]:
    """Return the pictures by id, in the order of the file."""
    listed: dict[int | str, Picture] = {}
    for index, picture in enumerate(Record(file).items(content, "images")):
        record = Record(file, f"images[{index}]")
        identity = checked_id(record.value(record.mapping(picture), "id"), record, "id")
        if identity in listed:
            raise record.error("id", "differ from every other image's", identity)
        name = record.value(picture, "file_name")
        if not isinstance(name, str) or not name:
            raise record.error("file_name", "name the picture's file", name)
        listed[identity] = Picture(name, (_side(picture, record, "height"), _side(picture, record, "width")))
    return listed


def _side(picture: dict[str, Any], record: Record, field: str) -> float:
    side = picture.get(field, LARGEST)
    if type(side) not in (int, float) or not 0 < side <= LARGEST:
        raise record.error(field, "be a positive number of pixels", side)
    return float(side)


def people(
    content: dict[str, Any], file: Path, categories: frozenset[Any], listed: dict[int | str, Picture]
) -> tuple[list[CocoPerson], Counter[str]]:
    """Return the people, and the number of annotations that are left out, by reason."""
    found, skipped = [], Counter[str]()
    for index, annotation in enumerate(Record(file).items(content, "annotations")):
        identity = f" (id {annotation['id']!r})" if isinstance(annotation, dict) and "id" in annotation else ""
        record = Record(file, f"annotations[{index}]{identity}")
        person = _person(annotation, record, categories, listed)
        if isinstance(person, CocoPerson):
            found.append(person)
        else:
            skipped[person] += 1
    return found, skipped


def _person(
    annotation: Any, record: Record, categories: frozenset[Any], listed: dict[int | str, Picture]
) -> CocoPerson | str:
    """Return a person in one of the pictures, or the reason why the annotation is left out."""
    if checked_id(record.value(record.mapping(annotation), "category_id"), record, "category_id") not in categories:
        return "of other categories"
    if annotation.get("iscrowd"):
        return "crowds"
    image, picture = picture_of(annotation, record, listed)
    return CocoPerson(record, annotation, image, picture)


def picture_of(
    annotation: dict[str, Any], record: Record, listed: dict[int | str, Picture]
) -> tuple[int | str, Picture]:
    """Return the id of the picture that an annotation refers to, and the picture."""
    image = checked_id(record.value(annotation, "image_id"), record, "image_id")
    if image not in listed:
        raise record.error("image_id", "be the id of one of the file's images", image)
    return image, listed[image]


def triples(found: list[CocoPerson], layout: Layout) -> FloatArray:
    """Return x, y and visibility ``N K 3`` of the joints that are asked for."""
    rows = [person.record.value(person.annotation, "keypoints") for person in found]
    count = len(layout.names)
    joints = table(rows, records(found), "keypoints", 3 * count).reshape(len(found), count, 3)
    wrong = np.flatnonzero(~np.isin(joints[:, :, 2], (0, 1, 2)).all(axis=1))
    if len(wrong):
        states = joints[wrong[0], :, 2].tolist()
        raise found[wrong[0]].record.error("keypoints", "be x, y, visibility with visibility 0, 1 or 2", states)
    return joints[:, layout.columns]


def boxes(found: list[CocoPerson]) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return people's boxes ``N 4`` as they stand, and a mask ``N`` of those who have one."""
    mask = np.array([person.annotation.get("bbox") is not None for person in found], np.bool_)
    boxed = [person for person, has_box in zip(found, mask, strict=True) if has_box]
    stated = np.zeros((len(found), 4))
    stated[mask] = table([person.annotation["bbox"] for person in boxed], records(boxed), "bbox", 4)
    return stated, mask


def areas(found: list[CocoPerson]) -> FloatArray:
    """Return people's areas ``N`` in square pixels, not a number where the file states none."""
    mask = np.array(["area" in person.annotation for person in found], np.bool_)
    stated = [person for person, has_area in zip(found, mask, strict=True) if has_area]
    sizes = np.full(len(found), np.nan)
    rows = [[person.annotation["area"]] for person in stated]
    sizes[mask] = table(rows, records(stated), "area", 1, LARGEST**2)[:, 0]
    return sizes


def records(found: list[CocoPerson]) -> list[Record]:
    """Return the records that errors name, person by person."""
    return [person.record for person in found]


def identities(found: list[CocoPerson]) -> npt.NDArray[Any]:
    """Return the people's ids ``N``, -1 where the file gives none."""
    return np.array([checked_id(person.annotation.get("id", -1), person.record, "id") for person in found])


def checked_id(value: Any, record: Record, field: str) -> int | str:
    """Return the value, or raise unless it can be an id."""
    if isinstance(value, bool) or not isinstance(value, int | str) or (isinstance(value, int) and abs(value) >= 2**63):
        raise record.error(field, "be a whole number or a text", value)
    return value
