"""A data set of one's own: one YAML file that names the joints, the pictures and the annotation files."""

import zlib
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from posepyr.data.formats.archive import Record, is_folder
from posepyr.data.formats.coco_people import read_coco
from posepyr.data.formats.people import People
from posepyr.data.formats.spreadsheet import read_csv
from posepyr.errors import suggestion
from posepyr.records import Source
from posepyr.skeleton import Skeleton

HOLDOUT = 0.1
"""Share of the training pictures that validate where the file names no annotations for validation."""

_KNOWN = ("name", "joints", "flip_pairs", "limbs", "sigmas", "unit", "lower_body", "images", "annotations", "holdout")
_SPLITS = ("train", "val", "test")


class Custom(Source):
    """People of a data set that a YAML file describes.

    ``name`` and ``joints`` are needed, ``flip_pairs``, ``limbs``, ``sigmas``, ``unit`` and ``lower_body`` are
    optional: the arguments of :class:`~posepyr.skeleton.Skeleton`. ``images`` is the folder of the pictures, or one
    folder for each split. ``annotations`` names a COCO-style ``.json`` or a ``.csv`` (see
    :func:`~posepyr.data.formats.spreadsheet.read_csv`) for ``train``, ``val`` and ``test``. Paths are relative to the
    YAML file. Without ``val``, a share ``holdout`` of the training pictures validates, everybody in them together:
    those whose names have the smallest checksums, so that the choice depends on nothing but the names. Without
    ``test``, the validation people are tested on.
    """

    def __init__(self, file: str) -> None:
        self.file = Path(file).expanduser().absolute()
        self._definition = _read(self.file)
        self._splits: dict[str, People] = {}

    @property
    def skeleton(self) -> Skeleton:
        """Return the joints that the file names."""
        return self._definition.skeleton

    def split(self, name: str) -> People:
        """Return ``train``, ``val`` or ``test``, read once."""
        if name not in _SPLITS:
            raise ValueError(f"split must be one of {', '.join(_SPLITS)}, got {name!r}")
        if name == "test" and "test" not in self._definition.annotations:
            return self.split("val")
        if name not in self._splits:
            self._splits[name] = self._held(name) if "val" not in self._definition.annotations else self._people(name)
        return self._splits[name]

    def require_files(self, name: str) -> None:
        of = {"test": "val"} if "test" not in self._definition.annotations else {}
        listed = of.get(name, name)
        self._files(listed if listed in self._definition.annotations else "train")

    def _held(self, name: str) -> People:
        if name == "test":
            return self._people(name)
        everybody = self._people("train")
        held = held_out(everybody.pictures, self._definition.holdout, self.file)
        return everybody.within(held if name == "val" else set(everybody.pictures) - held)

    def _people(self, name: str) -> People:
        file, images = self._files(name)
        read = read_csv if file.suffix.lower() == ".csv" else read_coco
        return read(file, images, self.skeleton.joints)

    def _files(self, name: str) -> tuple[Path, Path]:
        """Return the annotations that the file names for a split, and the folder of its pictures; both are there."""
        file = self.file.parent / self._definition.annotations[name]
        images = self.file.parent / self._definition.images[name]
        if not is_folder(images):
            raise Record(self.file).error("images", "name a folder, relative to this file", str(images))
        if not file.is_file():
            raise Record(self.file).error(f"annotations.{name}", "name a file, relative to this file", str(file))
        return file, images


def skeleton(file: str) -> Skeleton:
    """Read the joints that a data set's YAML file names."""
    return _read(Path(file).expanduser().absolute()).skeleton


def held_out(pictures: list[str], share: float, file: Path) -> set[str]:
    """Return the pictures that validate: a share of them, chosen by nothing but their names, at least one."""
    if len(pictures) < 2:
        raise Record(file).error("annotations.val", "be given, since a single training picture cannot be shared", None)
    count = min(len(pictures) - 1, max(1, round(share * len(pictures))))
    return set(sorted(pictures, key=lambda name: (zlib.crc32(name.encode()), name))[:count])


class _Definition(NamedTuple):
    skeleton: Skeleton
    images: dict[str, str]
    annotations: dict[str, str]
    holdout: float


def _read(file: Path) -> _Definition:
    record = Record(file)
    content = record.mapping(_yaml(file), "the file")
    for key in content:
        if key not in _KNOWN:
            raise record.error("key", f"be one of {', '.join(_KNOWN)}", key, suggestion(str(key), _KNOWN))
    annotations = _paths(record.value(content, "annotations"), record, "annotations")
    if "train" not in annotations:
        raise record.error("annotations", "name a file for train", content["annotations"])
    images = record.value(content, "images")
    folders = dict.fromkeys(_SPLITS, images) if isinstance(images, str) else _paths(images, record, "images")
    lacking = [split for split in annotations if split not in folders]
    if lacking:
        raise record.error("images", f"name a folder for {lacking[0]}", images)
    return _Definition(
        _skeleton(content, record), folders, annotations, _holdout(content, record, "val" in annotations)
    )


def _yaml(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"file must be a readable YAML file, got {file} ({error.strerror})") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{file} must be valid YAML, got {error}") from error


def _paths(value: Any, record: Record, field: str) -> dict[str, str]:
    for split, path in record.mapping(value, field).items():
        if split not in _SPLITS:
            raise record.error(field, f"name splits among {', '.join(_SPLITS)}", split)
        if not isinstance(path, str) or not path:
            raise record.error(f"{field}.{split}", "be a path", path)
        if field == "annotations" and Path(path).suffix.lower() not in (".json", ".csv"):
            raise record.error(f"{field}.{split}", "end in .json (COCO-style) or .csv", path)
    return dict(value)


def _holdout(content: dict[str, Any], record: Record, has_validation: bool) -> float:
    if "holdout" in content and has_validation:
        raise record.error("holdout", "be left out where annotations name a file for val", content["holdout"])
    share = content.get("holdout", HOLDOUT)
    if type(share) is not float or not 0 < share < 1:
        raise record.error("holdout", "be a share between 0 and 1", share)
    return share


def _skeleton(content: dict[str, Any], record: Record) -> Skeleton:
    name, joints = record.value(content, "name"), record.items(content, "joints")
    if not isinstance(name, str):
        raise record.error("name", "be a text", name)
    for joint in joints:
        if not isinstance(joint, str):
            raise record.error("joints", "be names", joint, "write it in quotes")
    sigmas = content.get("sigmas") or []
    if not isinstance(sigmas, list) or not all(type(sigma) in (int, float) and 0 < sigma < 10 for sigma in sigmas):
        raise record.error("sigmas", "be a list of numbers between 0 and 10, one for each joint", sigmas)
    pairs = {key: _pairs(content.get(key) or [], record, key) for key in ("flip_pairs", "limbs")}
    lower_body = content.get("lower_body") or []
    if not isinstance(lower_body, list):
        raise record.error("lower_body", "be a list of joints", lower_body)
    unit = content.get("unit")
    try:
        return Skeleton(name, tuple(joints), **pairs, sigmas=tuple(sigmas), unit=unit, lower_body=tuple(lower_body))
    except ValueError as error:
        raise ValueError(f"{record.file}: {error}") from error


def _pairs(value: Any, record: Record, field: str) -> Any:
    if not isinstance(value, list):
        raise record.error(field, "be a list of pairs of joints", value)
    return value
