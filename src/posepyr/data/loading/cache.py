"""Crops' parts of pictures, kept on disk as pixels: read and decoded once, for data that fits."""

import hashlib
import logging
import math
import mmap
import shutil
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from posepyr import geometry
from posepyr.data.formats.pictures import Decode, stored_size
from posepyr.data.loading.augment import Augment
from posepyr.files import format_bytes
from posepyr.geometry import CropRule, Reach
from posepyr.records import Annotation, FloatArray, Pixels, Split, View
from posepyr.skeleton import Skeleton

VERSION = 1
"""Raised whenever other pixels are kept, or otherwise."""

SAMPLED = 64
"""People whose parts tell how large the rest will be."""

_FIELDS = struct.Struct("<6dII")
"""Of a record: the affine from image pixels, height and width."""

_RECORD = struct.Struct("<6dIIQ")
"""The same, and a checksum of it and of the pixels. It is 0 until both are written."""

_log = logging.getLogger("posepyr")


class CropCache:
    """A split's people with their pictures' parts in one file, which fills as they are shown for the first time.

    Of each person the file keeps the rectangle that augmentation can reach, as large as its largest crop needs. A
    crop from it differs from one out of the picture by interpolation: 1 of 255 on average. The file's name is a
    fingerprint of everything that its content follows from, so that other data or another augmentation starts
    another one; workers, processes and runs of the same share it. Where two of them keep the same person at once, they
    write the same bytes. A record counts from the moment that its checksum is written, after the pixels, and each
    process checks each record once: what a killed run or a crashed machine has left half written is written again.

    The file has room for every rectangle, wherever pictures end, but takes space for what is written only.
    """

    def __init__(
        self,
        split: Split,
        skeleton: Skeleton,
        rule: CropRule,
        augment: Augment | None,
        *,
        folder: Path,
        decode: Decode = "fitting",
    ) -> None:
        self._split, self._rule, self._decode = split, rule, decode
        images, reaches = [], []
        for index in range(len(split)):
            person = split[index]
            images.append(person.image)
            reaches.append(augment.reach(person, skeleton, rule) if augment else geometry.reach(person.box, rule))
        self._reaches = np.array(reaches, np.float64).reshape(-1, 5)
        # Nothing is kept larger than it is in the picture.
        self._reaches[:, 4] = np.minimum(self._reaches[:, 4], 1.0)
        # A record for each person, then each person's room for pixels:
        #   record 0 | record 1 | record 2 | pixels of 0 ....| pixels of 1 ..| pixels of 2 ......|
        # A part of 100 x 80 pixels fills 24,000 bytes of its room; the rest of it is a hole in the file.
        self._room = _room(self._reaches)
        self._starts = len(split) * _RECORD.size + np.cumsum(self._room) - self._room
        self._end = len(split) * _RECORD.size + int(self._room.sum())
        self.file = folder / f"{self._fingerprint(images)}.crops"
        self._checked = bytearray(len(split))
        self._content: mmap.mmap | None = None
        self._prepare()

    @property
    def joints(self) -> tuple[str, ...]:
        return self._split.joints

    @property
    def measures(self) -> Any:
        return self._split.measures

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, index: int, /) -> Annotation:
        return self._split[index]

    def __getstate__(self) -> dict[str, Any]:
        # Another process opens the file by itself.
        return {**self.__dict__, "_content": None}

    def view(self, annotation: Annotation, scale: float = 1.0) -> View:
        """Return the part of the picture that is kept, or the picture where the crop shows more than that."""
        person = annotation.sample
        if not self._covers(person, annotation):
            return self._split.view(annotation, scale)
        kept = self._kept(person)
        return self._keep(person, annotation) if kept is None else kept

    def _covers(self, person: int, annotation: Annotation) -> bool:
        reach = Reach(*self._reaches[person].tolist())
        shown = geometry.reach(annotation.box, self._rule, rotation=abs(annotation.rotation))
        slack = 1e-6 * (reach.right - reach.left)
        return (
            shown.left >= reach.left - slack
            and shown.top >= reach.top - slack
            and shown.right <= reach.right + slack
            and shown.bottom <= reach.bottom + slack
            and (reach.scale == 1.0 or shown.scale <= reach.scale * (1 + 1e-6))
        )

    def _kept(self, person: int) -> View | None:
        content = self._open()
        *affine, height, width, checksum = _RECORD.unpack_from(content, person * _RECORD.size)
        count = 3 * height * width
        if not checksum or count > self._room[person]:
            return None
        flat = np.frombuffer(content, np.uint8, count, int(self._starts[person]))
        if not self._checked[person]:
            if checksum != _checksum(_FIELDS.pack(*affine, height, width), flat):
                return None
            self._checked[person] = 1
        return View(flat.reshape(height, width, 3), np.array(affine).reshape(2, 3))

    def _keep(self, person: int, annotation: Annotation) -> View:
        scale = float(self._reaches[person, 4])
        whole = self._split.view(annotation, 1.0 if self._decode == "full" else scale)
        part = _part(whole, Reach(*self._reaches[person].tolist()))
        height, width = part.pixels.shape[:2]
        flat = part.pixels.reshape(-1)
        if flat.size > self._room[person]:
            return part
        fields = _FIELDS.pack(*part.matrix.ravel().tolist(), height, width)
        record = fields + _checksum(fields, flat).to_bytes(8, "little")
        try:
            # Not through the map: on a full disk that would end the process instead of raising.
            with self.file.open("r+b") as stream:
                for place, content in ((int(self._starts[person]), flat.data), (person * _RECORD.size, record)):
                    stream.seek(place)
                    stream.write(content)
                    stream.flush()
        except OSError as error:
            raise ValueError(
                f"cache must be writable and have room, got {error.strerror!r} when {self.file} was written; "
                "free some, name another folder, or set cache=null"
            ) from error
        self._checked[person] = 1
        return part

    def _open(self) -> mmap.mmap:
        if self._content is None:
            try:
                self.file.parent.mkdir(parents=True, exist_ok=True)
                with self.file.open("ab") as stream:
                    stream.truncate(self._end)
                with self.file.open("rb") as stream:
                    self._content = mmap.mmap(stream.fileno(), self._end, access=mmap.ACCESS_READ)
            except OSError as error:
                raise ValueError(f"cache must be a folder to write in, got {error}; name another") from error
        return self._content

    def _fingerprint(self, images: list[str]) -> str:
        sizes = {image: stored_size(image) for image in dict.fromkeys(images)}
        content = hashlib.sha256(repr((VERSION, cv2.__version__, self._decode, sizes)).encode())
        content.update("\0".join(images).encode())
        content.update(self._reaches.tobytes())
        return content.hexdigest()[:16]

    def _prepare(self) -> None:
        """Keep a few people, from whom to tell the size of all, and see that the disk has room for them."""
        sampled = np.linspace(0, len(self) - 1, min(SAMPLED, len(self))).astype(int)
        shown = [self.view(self[index]).pixels.size for index in sampled.tolist()]
        share = sum(shown) / float(self._room[sampled].sum())
        there = self._filled()
        size, missing = share * float(self._room.sum()), share * float(self._room[~there].sum())
        free = shutil.disk_usage(self.file.parent).free
        _log.info("crop cache %s: %s, %.0f%% of it written", self.file, format_bytes(round(size)), 100 * there.mean())
        if missing > free:
            raise ValueError(
                f"cache must have room for {format_bytes(round(missing))}, got {format_bytes(free)} free in "
                f"{self.file.parent}; name a folder on another disk, or set cache=null"
            )

    def _filled(self) -> npt.NDArray[np.bool_]:
        records = np.frombuffer(self._open(), np.uint8, len(self) * _RECORD.size).reshape(len(self), _RECORD.size)
        filled: npt.NDArray[np.bool_] = (records[:, _FIELDS.size :] != 0).any(axis=1)
        return filled


def _room(reaches: FloatArray) -> npt.NDArray[np.int64]:
    """Return the most bytes that each person's part can have, ``N``: multiples of 64."""
    sides = np.ceil((reaches[:, 2:4] - np.maximum(reaches[:, :2], 0)).clip(min=0) * reaches[:, 4:] + 8)
    room: npt.NDArray[np.int64] = (3 * sides.prod(axis=1)).astype(np.int64) // 64 * 64 + 64
    return room


def _part(whole: View, reach: Reach) -> View:
    """Cut the rectangle of a view that crops can reach, no larger than they need it."""
    a, _, x, _, d, y = whole.matrix.ravel().tolist()
    # A crop's outermost pixels are interpolated with their neighbours.
    margin = 2 / reach.scale
    height, width = whole.pixels.shape[:2]
    left, right = _span(a * (reach.left - margin) + x, a * (reach.right + margin) + x, width)
    top, bottom = _span(d * (reach.top - margin) + y, d * (reach.bottom + margin) + y, height)
    matrix = geometry.compose(np.array([[1.0, 0, -left], [0, 1.0, -top]]), whole.matrix)
    pixels = whole.pixels[top:bottom, left:right]
    times = geometry.magnification(whole.matrix) / reach.scale
    if times <= 1:
        return View(np.ascontiguousarray(pixels), matrix)
    size = math.ceil((right - left) / times), math.ceil((bottom - top) / times)
    smaller: Pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]  # OpenCV's stubs know no dtype
    resize = np.array([[0.0] * 3] * 2)
    for axis, (after, before) in enumerate(zip(size, (right - left, bottom - top), strict=True)):
        resize[axis, axis], resize[axis, 2] = after / before, (after / before - 1) / 2
    return View(smaller, geometry.compose(resize, matrix))


def _span(first: float, last: float, size: int) -> tuple[int, int]:
    """Return the first pixel of a span along a side and the one after its last: at least one pixel, even outside."""
    start = min(max(math.floor(first), 0), size - 1)
    return start, min(max(math.ceil(last) + 1, start + 1), size)


def _checksum(fields: bytes, flat: npt.NDArray[np.uint8]) -> int:
    # A plain sum, at the speed of memory: it is to find pages that never came to the disk, which read as zeros.
    whole = flat.size // 8 * 8
    total = int(flat[:whole].view(np.uint64).sum()) + int(flat[whole:].sum())
    return zlib.crc32(fields + (total % 2**64).to_bytes(8, "little")) + 1
