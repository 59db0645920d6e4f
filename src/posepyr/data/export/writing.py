"""Files written whole or not at all, and the people of a split by picture: for every writer of archives."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import scipy.io

from posepyr.files import whole, write_text
from posepyr.records import Annotation, Pixels, Source, Split
from posepyr.skeleton import Skeleton

Struct = npt.NDArray[np.void]

QUALITY = 95
"""Of the JPEGs, from 0 to 100."""


class Picture(NamedTuple):
    """A picture and everybody annotated in it."""

    pixels: Pixels
    people: list[Annotation]


def splits(source: Source, names: Sequence[str]) -> dict[str, Split]:
    """Return the splits to write, by name, or raise where nobody is in one."""
    if not names or len(set(names)) != len(names):
        raise ValueError(f"splits must be one or more different names, got {list(names)}")
    found = {name: source.split(name) for name in names}
    for name, split in found.items():
        if not len(split):
            raise ValueError(f"splits must have people in them, got {name!r} with nobody; leave it out")
    return found


def pictures(split: Split) -> Iterator[Picture]:
    """Yield the pictures of a split, each once, in the order in which they first appear."""
    people: dict[str, list[Annotation]] = {}
    for index in range(len(split)):
        annotation = split[index]
        people.setdefault(annotation.image, []).append(annotation)
    for group in people.values():
        yield Picture(split.view(group[0]).pixels, group)


def start(folder: str | Path, *inner: str) -> Path:
    """Make a new folder to write to, with folders in it; one that holds anything already is refused."""
    root = Path(folder).expanduser()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ValueError(
            f"output must be a new or an empty folder, got {root}, which holds files; name another or empty it"
        )
    for name in inner:
        (root / name).mkdir(parents=True, exist_ok=True)
    return root


def write_jpeg(path: Path, pixels: Pixels) -> None:
    """Write RGB pixels ``H W 3`` as a JPEG."""
    _, content = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    # Not posepyr.files.whole, which waits for the disk after every file: there are thousands of pictures, and the
    # annotations that refer to them are written last.
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content.tobytes())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write plain data as JSON, on one line as the archives do."""
    write_text(path, json.dumps(content))


def write_mat(path: Path, variables: Mapping[str, Any]) -> None:
    """Write variables as a MATLAB 5 file."""
    with whole(path) as part:
        scipy.io.savemat(part, dict(variables), do_compression=True)


def structs(entries: Sequence[Mapping[str, Any]]) -> Struct:
    """Return a MATLAB struct array ``1 n`` of entries that share their fields."""
    fields = [(name, object) for name in (entries[0] if entries else ())]
    array = np.empty((1, len(entries)), dtype=fields)
    for index, entry in enumerate(entries):
        array[0, index] = tuple(entry.values())
    return array


def columns(skeleton: Skeleton, joints: tuple[str, ...], layout: str) -> list[int]:
    """Return the places of a layout's joints in the joint axis of a skeleton."""
    lacking = [joint for joint in joints if joint not in skeleton.joints]
    if lacking:
        raise ValueError(
            f"skeleton must have the joints of {layout}, got {skeleton.name!r} without {', '.join(lacking)}; "
            "write the data as COCO, which takes any joints"
        )
    return [skeleton.index(joint) for joint in joints]
