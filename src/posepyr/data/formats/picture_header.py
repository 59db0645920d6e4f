"""What the first and last bytes of a picture file tell: its size, and whether it is all there."""

import os
from pathlib import Path
from typing import NamedTuple

from posepyr.data.formats.pictures import read_bytes

_HEAD, _TAIL = 2**16, 64
"""Bytes that are looked at. A camera's preview may push the size further back: then decoding has to tell."""

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's markers of frames, whose headers have the size."""


class Header(NamedTuple):
    """What a file says of its picture before anything is decoded."""

    size: tuple[int, int] | None
    """``(height, width)`` as stored; None where only decoding tells."""
    whole: bool
    """Whether it ends as its format does. Where not, or where the format is another, decoding tells."""


def read_header(file: str | Path) -> Header:
    """The header of a picture on disk or in an archive."""
    head, tail = _ends(file)
    if head.startswith(_JPEG):
        return Header(_jpeg_size(head), b"\xff\xd9" in tail)
    if head.startswith(_PNG):
        return Header(_png_size(head), b"IEND" in tail)
    return Header(None, whole=False)


def _ends(file: str | Path) -> tuple[bytes, bytes]:
    try:
        with open(file, "rb", buffering=0) as stream:  # noqa: PTH123
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
    """From the first frame's header, found by going from marker to marker."""
    place = 2
    while place + 9 <= len(head) and head[place] == 0xFF:
        marker = head[place + 1]
        if marker in _FRAMES:
            return int.from_bytes(head[place + 5 : place + 7]), int.from_bytes(head[place + 7 : place + 9])
        # Fill bytes and markers without content have no length.
        alone = marker in (0xFF, 0x01) or 0xD0 <= marker <= 0xD8
        place += (1 if marker == 0xFF else 2) if alone else 2 + int.from_bytes(head[place + 2 : place + 4])
    return None
