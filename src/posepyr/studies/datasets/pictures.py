"""Checks of a data set's pictures: those that are missing or damaged, the sizes of the others, and classes."""

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
"""The number of pictures to decode; with ``none`` no picture is looked at."""

DECODED = 500
"""Pictures that are decoded unless more are asked for."""

_COARSE = 1 / 8
"""Scale at which pictures are decoded to see whether they can be: all bytes of a JPEG are read all the same."""


class Progress(Protocol):
    """An iteration over items that shows how far it is."""

    def __call__(self, items: Sequence[Any], what: str, /) -> Iterable[Any]: ...


def no_progress(items: Sequence[Any], _what: str, /) -> Iterable[Any]:
    """Go through items and show nothing."""
    return items


class CheckedPictures(NamedTuple):
    """The states of pictures, by the name that annotations have for them."""

    sizes: dict[str, tuple[int, int]]
    """``(height, width)``."""
    missing: dict[str, str]
    """The errors of those that are not there."""
    unreadable: dict[str, str]
    number: int
    """Pictures that were looked at."""
    decoded: int


def check_pictures(
    pictures: Mapping[str, Callable[[], Pixels]], decode: DecodeLimit = DECODED, progress: Progress = no_progress
) -> CheckedPictures:
    """Open every file and decode some of all pictures, chosen at random; those that are no files are drawn.

    Also decoded is every file whose first and last bytes do not tell its size or that it is whole. ``pictures`` has for
    each name the function that reads its pixels, which is called where the name is no file's.
    """
    found = CheckedPictures({}, {}, {}, 0, 0)
    if decode == "none":
        return found
    names = sorted(pictures)
    order = np.random.default_rng(0).permutation(len(names))
    chosen = set((order if decode == "all" else order[:decode]).tolist())
    files = [Path(name).is_absolute() for name in names]
    opened = [number for number, is_file in enumerate(files) if is_file or number in chosen]
    decoded = 0
    for number in progress(opened, "pictures"):
        name = names[number]
        if files[number]:
            decoded += _check_file(name, number in chosen, found)
        else:
            decoded += _check_drawn(name, pictures[name], found)
    return found._replace(number=len(opened), decoded=decoded)


def _check_drawn(name: str, pixels: Callable[[], Pixels], found: CheckedPictures) -> bool:
    """Note the size of a picture that its split draws; return True if it could."""
    try:
        found.sizes[name] = _size(pixels())
    except ValueError as error:
        found.unreadable[name] = str(error)
    return name in found.sizes


def _check_file(name: str, decode: bool, found: CheckedPictures) -> bool:
    """Note the size of a file's picture, or its fault; return True if it had to be decoded for that."""
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
    """Count the pictures of each class."""
    labels = [split.label(index) for index in range(len(split))]
    return dict(zip(classes, np.bincount(labels, minlength=len(classes)).tolist(), strict=True))


def check_split_pictures(split: LabelledSplit, decode: DecodeLimit, progress: Progress) -> CheckedPictures:
    """Check a split's pictures: those in files by their paths, others by their numbers."""
    files: Sequence[tuple[Any, int]] = getattr(split, "files", ())
    names = [str(path) for path, _ in files] or [str(index) for index in range(len(split))]
    return check_pictures({name: partial(split.picture, index) for index, name in enumerate(names)}, decode, progress)


def check_labelled_split(
    name: str, split: LabelledSplit, classes: Sequence[str], checked: CheckedPictures
) -> tuple[Mapping[str, Any], list[Finding]]:
    """Return the content of a split, and the findings in it."""
    counts = class_counts(split, classes)
    empty = [Offender(name, label) for label, count in counts.items() if not count]
    findings = [
        Finding("splits without pictures", True, [Offender(name, "nothing")] if not len(split) else []),
        Finding("pictures that are missing", True, _faults(name, checked.missing)),
        Finding("pictures that cannot be read", True, _faults(name, checked.unreadable)),
        # Whatever is never shown is never learnt; what is not tested on is not scored.
        Finding("classes without pictures", name == "train", empty if len(split) else []),
    ]
    return {"pictures": len(split), "classes": counts}, findings


def _faults(name: str, faults: Mapping[str, str]) -> list[Offender]:
    return [Offender(name, fault, picture=picture) for picture, fault in faults.items()]
