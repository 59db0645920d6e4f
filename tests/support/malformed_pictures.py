"""Pictures and zip archives, spoilt."""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from posepyr.data.formats.archive import require
from posepyr.data.formats.pictures import read_picture, read_view
from support.malformed import Case, Format, of_file

PIXELS = cv2.resize(np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8), (96, 72))


def encoded(suffix: str) -> bytes:
    return cv2.imencode(suffix, PIXELS)[1].tobytes()


def jpeg_size(height: int, width: int) -> bytes:
    content = bytearray(encoded(".jpg"))
    place = content.index(b"\xff\xc0") + 5
    content[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def png_header(width: int, height: int, depth: int = 8, colours: int = 2) -> bytes:
    """A PNG with another header, whose checksum is right."""
    content = encoded(".png")
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    return content[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[33:]


def without(content: bytes, marker: bytes) -> bytes:
    place = content.index(marker)
    return content[:place] + content[place + len(marker) :]


JPEGS: list[tuple[str, str, bytes]] = [
    ("empty", "no height and no width", jpeg_size(0, 0)),
    ("empty", "no width", jpeg_size(72, 0)),
    ("count", "no tables", encoded(".jpg").replace(b"\xff\xdb", b"\xff\xe5")),
    ("count", "no frame", without(encoded(".jpg"), b"\xff\xc0")),
    ("missing", "no pixels", encoded(".jpg")[: encoded(".jpg").index(b"\xff\xda")] + b"\xff\xd9"),
    ("truncated", "two bytes", encoded(".jpg")[:2]),
    ("wrong type", "the beginning of a PNG", encoded(".png")[:8] + encoded(".jpg")[8:]),
]

HUGE = [("huge", "65,500 a side", jpeg_size(65500, 65500))]
"""Which is no more than any other picture when it is decoded at an eighth."""

PNGS: list[tuple[str, str, bytes]] = [
    ("empty", "no width", png_header(0, 72)),
    ("huge", "2^31 a side", png_header(2**31 - 1, 2**31 - 1)),
    ("huge", "a billion pixels and more", png_header(60000, 60000)),
    ("negative", "a width of -96", png_header(2**32 - 96, 72)),
    ("wrong type", "three bits a colour", png_header(96, 72, depth=3)),
    ("wrong type", "an unknown kind of colours", png_header(96, 72, colours=9)),
    ("count", "more rows than there are pixels", png_header(96, 200)),
    ("missing", "no header", encoded(".png")[:8] + encoded(".png")[33:]),
    ("truncated", "eight bytes", encoded(".png")[:8]),
    ("wrong type", "the beginning of a JPEG", encoded(".jpg")[:4] + encoded(".png")[4:]),
]


def of_pictures(one: Format, rows: list[tuple[str, str, bytes]]) -> Iterator[Case]:
    for fault, where, content in rows:
        yield Case(
            one.name, fault, where,
            lambda folder, content=content: (folder / one.file).write_bytes(content), "picture must",
        )  # fmt: skip


MEMBER = "train/one.jpg"


def write_zip(folder: Path, member: str = MEMBER, method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(folder / "train.zip", "w", method) as archive:
        archive.writestr("train/other.jpg", encoded(".jpg"))
        archive.writestr(member, encoded(".jpg"))


def listed(folder: Path, offset: int, value: bytes) -> None:
    """Change the entry that the archive's list has for the picture."""
    _change(folder, lambda content: content.rindex(b"PK\x01\x02") + offset, value)


def _change(folder: Path, place: Callable[[bytes], int], value: bytes) -> None:
    path = folder / "train.zip"
    content = path.read_bytes()
    start = place(content)
    path.write_bytes(content[:start] + value + content[start + len(value) :])


def damage(folder: Path) -> None:
    """Change what the picture is packed to."""
    _change(folder, lambda content: content.rindex(b"PK\x03\x04") + 30 + len(MEMBER) + 200, bytes(40))


LISTED: list[tuple[str, str, int, bytes, str]] = [
    ("wrong type", "a password", 8, b"\1", "must be stored or deflated .*password"),
    ("wrong type", "stored, it says", 10, b"\0", "must be whole in"),
    ("wrong type", "a checksum", 16, b"\1\2\3\4", "must be whole in"),
    ("truncated", "a size of 10", 20, b"\x0a\0\0\0", "must be whole in"),
    ("huge", "a place", 42, b"\xfe\xff\xff\x7f", "must be whole in"),
    ("negative", "a place", 42, b"\xf0\xff\xff\xff", "must be a? ?whole"),
]


def of_zip(one: Format) -> Iterator[Case]:
    for fault, where, offset, value, says in LISTED:
        yield Case(
            one.name, fault, where,
            lambda folder, offset=offset, value=value: listed(folder, offset, value), says,
        )  # fmt: skip
    yield Case(one.name, "wrong type", "pixels", damage, "must be whole in")
    for fault, where, more, says in (
        ("missing", "the picture", {"member": "train/two.jpg"}, "must be a file in .*train.zip"),
        ("wrong type", "another compression", {"method": zipfile.ZIP_LZMA}, "must be stored or deflated"),
    ):
        yield Case(one.name, fault, where, lambda folder, more=more: write_zip(folder, **more), says)
    yield Case(
        one.name, "empty", "no files",
        lambda folder: zipfile.ZipFile(folder / "train.zip", "w").close(), "MISSING|0 files",
    )  # fmt: skip


def read_archive(folder: Path) -> None:
    require(folder, ["train/"], "an archive")
    read_picture(folder / MEMBER)


def write_picture(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(encoded(Path(name).suffix)) and None


def reader(name: str, scale: float) -> Callable[[Path], object]:
    return lambda folder: read_view(folder / name, scale)


FORMATS: list[tuple[Format, Callable[[Format], Iterator[Case]]]] = [
    (
        Format("JPEG", "one.jpg", write_picture("one.jpg"), reader("one.jpg", 1.0)),
        lambda one: of_pictures(one, JPEGS + HUGE),
    ),
    (
        Format("smaller JPEG", "one.jpg", write_picture("one.jpg"), reader("one.jpg", 0.125)),
        lambda one: of_pictures(one, JPEGS),
    ),
    (Format("PNG", "one.png", write_picture("one.png"), reader("one.png", 1.0)), lambda one: of_pictures(one, PNGS)),
    (Format("zip", "train.zip", write_zip, read_archive, named="train"), of_zip),
]


def cases() -> Iterator[Case]:
    for one, own in FORMATS:
        yield from of_file(one)
        yield from own(one)


def formats() -> list[Format]:
    return [one for one, _ in FORMATS]
