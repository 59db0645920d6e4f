"""The pictures of a data set: whether they are there, how large they are, and whether they can be decoded."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from posepyr.data.classification.labelled import LabelledSplit
from posepyr.data.formats.pictures import read_bytes, read_header, read_view, stored_size
from posepyr.records import Pixels
from posepyr.studies.datasets.findings import Finding, Offender

DecodeLimit = int | Literal["all", "none"]
"""How many pictures are decoded; with ``none`` no picture is looked at."""

DECODED = 500
"""Pictures that are decoded unless more are asked for."""

_COARSE = 1 / 8
"""Scale at which pictures are decoded to see whether they can be: of a JPEG all bytes are looked at all the same."""


class Progress(Protocol):
    """Goes through items and shows how far it is."""

    def __call__(self, items: Sequence[Any], what: str, /) -> Iterable[Any]: ...


def no_progress(items: Sequence[Any], _what: str, /) -> Iterable[Any]:
    """Shows nothing."""
    return items


class CheckedPictures(NamedTuple):
    """What became of the pictures, by the name that annotations have for them."""

    sizes: dict[str, tuple[int, int]]
    """``(height, width)``."""
    missing: dict[str, str]
    """What is said of those that are not there."""
    unreadable: dict[str, str]
    number: int
    """How many were looked at."""
    decoded: int


def check_pictures(pictures: Mapping[str, Callable[[], Pixels]], most: DecodeLimit = DECODED, track: Progress = no_progress) -> CheckedPictures:
    """Opens every file; decodes ``most`` of all pictures, chosen by chance, and draws those that are no files.

    Also decoded is every file whose first and last bytes do not tell its size or that it is whole. ``pictures`` has for
    each name what gives its pixels, which is asked where the name is no file's.
    """
    found = CheckedPictures({}, {}, {}, 0, 0)
    if most == "none":
        return found
    names = sorted(pictures)
    order = np.random.default_rng(0).permutation(len(names))
    chosen = set((order if most == "all" else order[:most]).tolist())
    files = [Path(name).is_absolute() for name in names]
    asked = [place for place, is_file in enumerate(files) if is_file or place in chosen]
    decoded = 0
    for place in track(asked, "pictures"):
        name = names[place]
        if files[place]:
            decoded += _look_at_file(name, place in chosen, found)
        else:
            decoded += _look_at_drawn(name, pictures[name], found)
    return found._replace(number=len(asked), decoded=decoded)


def _look_at_drawn(name: str, pixels: Callable[[], Pixels], found: CheckedPictures) -> bool:
    """Note down how large a picture is that its split makes; whether it could."""
    try:
        found.sizes[name] = _size(pixels())
    except ValueError as error:
        found.unreadable[name] = str(error)
    return name in found.sizes


def _look_at_file(name: str, decode: bool, found: CheckedPictures) -> bool:
    """Note down what a file is like; whether it had to be decoded for that."""
    try:
        if stored_size(name) is None:
            read_bytes(name)  # Which says why.
    except ValueError as error:
        found.missing[name] = str(error)
        return False
    try:
        size, whole = read_header(name)
        decode = decode or size is None or not whole
        if decode:
            pixels = read_view(name, 1.0 if size is None else _COARSE).pixels
            size = _size(pixels) if size is None else size
    except ValueError as error:
        found.unreadable[name] = str(error)
        return False
    if size is not None:
        found.sizes[name] = size
    return decode


def _size(pixels: Pixels) -> tuple[int, int]:
    return pixels.shape[0], pixels.shape[1]


def class_counts(split: LabelledSplit, classes: Sequence[str]) -> dict[str, int]:
    """How many pictures each class has."""
    labels = [split.label(index) for index in range(len(split))]
    return dict(zip(classes, np.bincount(labels, minlength=len(classes)).tolist(), strict=True))


def check_split_pictures(split: LabelledSplit, most: DecodeLimit, track: Progress) -> CheckedPictures:
    """What becomes of a split's pictures: those in files by their paths, others by their numbers."""
    files: Sequence[tuple[Any, int]] = getattr(split, "files", ())
    names = [str(path) for path, _ in files] or [str(index) for index in range(len(split))]
    return check_pictures({name: partial(split.picture, index) for index, name in enumerate(names)}, most, track)


def check_labelled_split(
    name: str, split: LabelledSplit, classes: Sequence[str], looked: CheckedPictures
) -> tuple[Mapping[str, Any], list[Finding]]:
    """What a split holds, and what is found in it."""
    counts = class_counts(split, classes)
    empty = [Offender(name, label) for label, count in counts.items() if not count]
    findings = [
        Finding("splits without pictures", True, [Offender(name, "nothing")] if not len(split) else []),
        Finding("pictures that are missing", True, _faults(name, looked.missing)),
        Finding("pictures that cannot be read", True, _faults(name, looked.unreadable)),
        # Whatever is never shown is never learnt; what is not tested on is not scored.
        Finding("classes without pictures", name == "train", empty if len(split) else []),
    ]
    return {"pictures": len(split), "classes": counts}, findings


def _faults(name: str, faults: Mapping[str, str]) -> list[Offender]:
    return [Offender(name, fault, picture=picture) for picture, fault in faults.items()]
