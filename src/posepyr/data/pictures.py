"""Pictures from disk."""

from pathlib import Path

import cv2
import numpy as np

from posepyr.records import Pixels


def read_picture(file: str | Path, upright: bool = False) -> Pixels:
    """The pixels of a picture file, ``H W 3`` in RGB.

    ``upright`` turns the picture as its camera's orientation tag says. Annotations refer to the pixels as they are
    stored, so data sets leave it off.
    """
    path = Path(file)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"picture must be a readable file, got {path} ({error.strerror})") from error
    if not content:
        raise ValueError(f"picture must hold an image, got {path} with zero bytes; fetch the file again")
    return _decoded(content, path, upright)


def _decoded(content: bytes, path: Path, upright: bool) -> Pixels:
    flags = cv2.IMREAD_COLOR if upright else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as error:
        raise ValueError(f"picture must be decodable, got {path} ({error.err or 'OpenCV refuses it'})") from error
    # OpenCV answers None both for a broken image and for what never was one.
    if pixels is None:
        raise ValueError(
            f"picture must be a whole JPEG, PNG or other image, got {path} with {len(content)} bytes, "
            "which is damaged, cut short or no picture; fetch the file again"
        )
    rgb: Pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)  # type: ignore[assignment]
    return rgb
