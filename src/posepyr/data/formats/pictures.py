"""Pictures from disk, or from the zip archive that they came in."""

import os
from pathlib import Path
from typing import Literal

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
    """The pixels of a picture file, ``H W 3`` in RGB.

    ``upright`` turns the picture as its camera's orientation tag says. Annotations refer to the pixels as they are
    stored, so data sets leave it off.
    """
    return _decoded(read_bytes(file), file, cv2.IMREAD_COLOR_RGB | (0 if upright else cv2.IMREAD_IGNORE_ORIENTATION))


def read_view(file: str | Path, scale: float = 1.0) -> View:
    """A picture file for a crop at ``scale`` of its pixels: in the smallest size that has as many; see :data:`Decode`.

    Only JPEGs come in other sizes than their own.
    """
    content = read_bytes(file)
    reduction = _reduction(scale) if content.startswith(_JPEG) else 1
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION | _REDUCED[reduction]
    return View(_decoded(content, file, flags), _MATRICES[reduction])


def stored_size(file: str | Path) -> int | None:
    """How many bytes a picture's file has; None where there is no file, as of a drawn picture."""
    try:
        return os.stat(file).st_size  # noqa: PTH116
    except (OSError, ValueError):
        return zips.size(Path(file))


def _reduction(scale: float) -> int:
    return next((times for times in (8, 4, 2) if times * scale <= 1), 1)


_MATRICES = {times: geometry.shrink(times) for times in _REDUCED}


def read_bytes(file: str | Path) -> bytes:
    """The encoded picture, from disk or out of an archive."""
    try:
        # Unbuffered: the whole file in one read, without a copy.
        with open(file, "rb", buffering=0) as stream:  # noqa: PTH123
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
    return pixels  # type: ignore[return-value]
