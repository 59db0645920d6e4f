"""Files inside the zip archives that they came in.

A path leads into an archive where one of its folders is a zip (``coco/train2017.zip/train2017/1.jpg``), and where a
folder that is not there has its namesake beside where it would be (``coco/train2017/1.jpg`` for the same picture).
"""

import os
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

_DEFLATED = zipfile.ZIP_DEFLATED
_READABLE = (zipfile.ZIP_STORED, _DEFLATED)

_HEADER = 30
"""Bytes of a member's own header before its name, whose length and whose extra field's length end it."""


class _Member(NamedTuple):
    """A file's place in an archive, and how it is stored."""

    header: int
    packed: int
    method: int
    encrypted: bool
    checksum: int


def holds_folder(folder: Path) -> bool:
    """Return True if a folder that is not on disk is in an archive, with something in it."""
    try:
        archive, prefixes = _archive(str(folder))
    except FileNotFoundError:
        return False
    members = _members(archive)
    return any(not prefix or any(name.startswith(prefix) for name in members) for prefix in prefixes)


def read(file: Path) -> bytes | None:
    """Read a file that is not on disk from the archive that it is in; return None where there is no archive."""
    found = _find(file)
    return None if found is None else _content(*found, file)


def size(file: Path) -> int | None:
    """Return the bytes that the archive spends on a file that is not on disk; None where there is no archive."""
    found = _find(file)
    return None if found is None else found[1].packed


def _find(file: Path) -> tuple[str, _Member] | None:
    try:
        archive, prefixes = _archive(str(file.parent))
    except FileNotFoundError:
        return None
    members = _members(archive)
    for prefix in prefixes:
        if prefix + file.name in members:
            return archive, members[prefix + file.name]
    raise ValueError(f"{file} must be a file in {archive}, which has {len(members)} files, got none of this name")


@lru_cache(maxsize=256)
def _archive(folder: str) -> tuple[str, tuple[str, ...]]:
    """Find the archive of a folder, and where its files may be in there: with the archive's own name before or without.

    Raises where there is none, so that nothing of it is remembered: the archive may yet come.
    """
    path = Path(folder)
    for above in (path, *path.parents):
        inner = path.relative_to(above).as_posix()
        prefix = "" if inner == "." else f"{inner}/"
        if above.suffix.lower() == ".zip" and above.is_file():
            return str(above), (prefix,)
        if above.is_dir():
            break
        namesake = above.with_name(f"{above.name}.zip")
        if namesake.is_file():
            return str(namesake), (f"{above.name}/{prefix}", prefix)
    raise FileNotFoundError(folder)


def _members(archive: str) -> dict[str, _Member]:
    status = Path(archive).stat()
    return _listed(archive, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _listed(archive: str, _size: int, _changed: int) -> dict[str, _Member]:
    """List the files of an archive by name, once, before the workers part."""
    try:
        with zipfile.ZipFile(archive) as opened:
            infos = opened.infolist()
    # A damaged list makes zipfile raise whatever it stumbles over.
    except Exception as error:
        raise ValueError(f"{archive} must be a whole zip archive, got {error}; fetch it again or unpack it") from error
    return {
        info.filename: _Member(
            info.header_offset, info.compress_size, info.compress_type, bool(info.flag_bits & 1), info.CRC
        )
        for info in infos
        if not info.is_dir()
    }


def _content(archive: str, member: _Member, file: Path) -> bytes:
    if member.encrypted or member.method not in _READABLE:
        how = "a password" if member.encrypted else f"compression method {member.method}"
        raise ValueError(f"{file} must be stored or deflated in {archive}, got {how}; unpack the archive")
    # Opened anew for every file, as a file of its own would be: no place in it is shared by threads or processes.
    with Path(archive).open("rb") as stream:
        # The archive's list says where a file's own header begins. Its bytes come after that, after a name and an
        # extra field whose lengths only this header has: 30 + 22 + 28 bytes on for "train2017/00000009.jpg".
        stream.seek(member.header)
        header = stream.read(_HEADER)
        stream.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:], "little"), os.SEEK_CUR)
        packed = stream.read(member.packed)
    try:
        content = zlib.decompress(packed, -zlib.MAX_WBITS) if member.method == _DEFLATED else packed
    except zlib.error as error:
        raise _damaged(archive, file, str(error)) from error
    if zlib.crc32(content) != member.checksum:
        raise _damaged(archive, file, "another checksum than the archive states")
    return content


def _damaged(archive: str, file: Path, reason: str) -> ValueError:
    return ValueError(f"{file} must be whole in {archive}, got {reason}; fetch the archive again")
