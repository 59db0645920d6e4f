"""Pictures from disk, or from the zip archive that they came in, decoded or by their headers alone."""

import os
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np

from posepyr import geometry
from posepyr.data.formats import zips
from posepyr.records import Pixels, View

Decode = Literal["fitting", "full"]
"""``fitting``: a JPEG that is at least twice as large as the crop needs is decoded at a half, a quarter or an eighth.

That leaves out work, not only pixels, and shows the crop means of pixels where one affine over the whole picture would
skip most of them. On photographs at the crops of HRNet and the hourglass the two differ by 2 of 255 on average, and
from the mean of all the picture's pixels below each of the crop's the reduced one by 1, the full one by 1.8. Keypoints
stay where they are. What is predicted and scored is decoded ``full``, as the papers' releases do.
"""

_REDUCED = {
    1: 0,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
"""OpenCV's bits for a reduction; which colours are asked for is another bit."""

_JPEG = b"\xff\xd8\xff"


def read_picture(file: str | Path, upright: bool = False) -> Pixels:
    """Read the pixels of a picture file, ``H W 3`` in RGB.

    ``upright`` turns the picture as its camera's orientation tag says. Annotations refer to the pixels as they are
    stored, so data sets leave it off.
    """
    return _decoded(read_bytes(file), file, cv2.IMREAD_COLOR_RGB | (0 if upright else cv2.IMREAD_IGNORE_ORIENTATION))


def read_view(file: str | Path, scale: float = 1.0) -> View:
    """Read a picture file in the smallest size that a crop at ``scale`` of its pixels can do with; see :data:`Decode`.

    Only JPEGs come in other sizes than their own.
    """
    content = read_bytes(file)
    reduction = _reduction(scale) if content.startswith(_JPEG) else 1
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION | _REDUCED[reduction]
    return View(_decoded(content, file, flags), _MATRICES[reduction])


def stored_size(file: str | Path) -> int | None:
    """Return the size of a picture's file in bytes; None where there is no file, as of a drawn picture."""
    try:
        return Path(file).stat().st_size
    except (OSError, ValueError):
        return zips.size(Path(file))


def _reduction(scale: float) -> int:
    return next((times for times in (8, 4, 2) if times * scale <= 1), 1)


_MATRICES = {times: geometry.shrink(times) for times in _REDUCED}


def read_bytes(file: str | Path) -> bytes:
    """Read the encoded picture, from disk or out of an archive."""
    try:
        # Unbuffered: the whole file in one read, without a copy.
        with Path(file).open("rb", buffering=0) as stream:
            content = stream.read()
    except (OSError, ValueError) as error:
        inside = zips.read(Path(file)) if isinstance(error, FileNotFoundError | NotADirectoryError) else None
        if inside is None:
            # A name with a zero byte is a ValueError, everything else has the system's own words.
            reason = getattr(error, "strerror", error)
            raise ValueError(f"picture must be a readable file, got {file} ({reason})") from error
        content = inside
    if not content:
        raise ValueError(f"picture must hold an image, got {file} with zero bytes; fetch the file again")
    return content


def _decoded(content: bytes, file: str | Path, flags: int) -> Pixels:
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as error:
        raise ValueError(f"picture must be decodable, got {file} ({error.err or 'OpenCV refuses it'})") from error
    # OpenCV answers None both for a broken image and for what never was one.
    if pixels is None:
        raise ValueError(
            f"picture must be a whole JPEG, PNG or other image, got {file} with {len(content)} bytes, "
            "which is damaged, cut short or no picture; fetch the file again"
        )
    return pixels  # type: ignore[return-value]  # OpenCV's stubs know no dtype


_HEAD, _TAIL = 2**16, 64
"""Bytes that are looked at. A camera's preview may push the size further back: then decoding has to tell."""

_JPEG_START, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's markers of frames, whose headers have the size."""


class Header(NamedTuple):
    """The size of a file's picture and the file's end, before anything is decoded."""

    size: tuple[int, int] | None
    """``(height, width)`` as stored; None where only decoding tells."""
    whole: bool
    """Whether it ends as its format does. Where not, or where the format is another, decoding tells."""


def read_header(file: str | Path) -> Header:
    """Read the header of a picture on disk or in an archive."""
    head, tail = _ends(file)
    if head.startswith(_JPEG_START):
        return Header(_jpeg_size(head), b"\xff\xd9" in tail)
    if head.startswith(_PNG):
        return Header(_png_size(head), b"IEND" in tail)
    return Header(None, whole=False)


def _ends(file: str | Path) -> tuple[bytes, bytes]:
    try:
        with Path(file).open("rb", buffering=0) as stream:
            head = stream.read(_HEAD)
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL))
            if head:
                return head, stream.read(_TAIL)
    except (OSError, ValueError):
        pass
    # In an archive; or else it says what is wrong.
    content = read_bytes(file)
    return content[:_HEAD], content[-_TAIL:]


def _png_size(head: bytes) -> tuple[int, int] | None:
    if head[12:16] != b"IHDR" or len(head) < 24:
        return None
    return int.from_bytes(head[20:24]), int.from_bytes(head[16:20])


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Find the first frame's header, going from marker to marker, and return its size."""
    # ff d8 | ff e0 00 10 (16 bytes to skip) | ff db 00 43 ... | ff c0 00 11 08 01 e0 02 80: a frame of 480 x 640.
    offset = 2
    while offset + 9 <= len(head) and head[offset] == 0xFF:
        marker = head[offset + 1]
        if marker in _FRAMES:
            return int.from_bytes(head[offset + 5 : offset + 7]), int.from_bytes(head[offset + 7 : offset + 9])
        # Fill bytes and markers without content have no length.
        alone = marker in (0xFF, 0x01) or 0xD0 <= marker <= 0xD8
        offset += (1 if marker == 0xFF else 2) if alone else 2 + int.from_bytes(head[offset + 2 : offset + 4])
    return None
