"""JSON, MATLAB and HDF5 files, read so that a damaged one is named."""

import io
import json
import math
import struct
import warnings
import zlib
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any, Literal, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt
import scipy.io


def read_mat(file: Path, squeeze: bool = False) -> dict[str, Any]:
    """Read the variables of a file in MATLAB 5's format, by name.

    ``squeeze`` drops axes of length one, so that single numbers and texts are Python's own: a file of nested
    structures then takes a third of the memory.
    """
    try:
        content = file.read_bytes()
        verify(content)
        stream: Any = io.BytesIO(content)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return dict(scipy.io.loadmat(stream, squeeze_me=squeeze))
    except OSError as error:
        raise ValueError(f"{file} must be a readable file ({error.strerror or error})") from error
    except NotImplementedError as error:
        raise ValueError(f"{file} must be in MATLAB 5's format, got 7.3; save it again with '-v7'") from error
    # SciPy lets through whatever its parser stumbles over: from zlib, struct, NumPy, and errors of its own.
    except Exception as error:
        raise ValueError(
            f"{file} must be a whole file in MATLAB 5's format, got {error or type(error).__name__}; "
            "fetch the file again"
        ) from error


_MATLAB_HEADER = 128
_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED, _UTF8 = 1, 5, 6, 14, 15, 16
_NUMBERS = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
"""Types that numbers are stored in, and their bytes."""
_CHARACTERS = (_INT8, 2, 4, _UTF8, 17, 18)
_CELL, _STRUCTURE, _TEXT, _NUMERIC = 1, 2, 4, range(6, 16)
"""Classes of arrays."""
_COMPLEX = 0x0800
_DEEPEST = 100
_PIECE = 2**20


class _Element(NamedTuple):
    """A tagged piece of the file: its type, where its content lies, and where the next one begins."""

    type: int
    start: int
    stop: int
    next: int


def verify(content: bytes) -> None:
    """Raise ValueError unless a file's elements lie inside each other as the format has it.

    Of compressed elements the checksum is looked at, of others every part: they may hold numbers, texts, cells and
    structures. Version 7.3 is another format and passes, for its reader to judge.
    """
    if content[126:128] not in (b"IM", b"MI"):
        raise ValueError("a file without the format's header")
    walk = _Walk(content, "<" if content[126:128] == b"IM" else ">")
    if walk.version == 0x0200:
        return
    offset = _MATLAB_HEADER
    while offset < len(content):
        element = walk.element(offset, len(content))
        if element.type == _COMPRESSED:
            _unpack(memoryview(content)[element.start : element.stop])
        else:
            walk.array(element)
        offset = element.next


def _unpack(content: memoryview) -> None:
    unpacking = zlib.decompressobj()
    for start in range(0, len(content), _PIECE):
        unpacking.decompress(content[start : start + _PIECE])
    if not unpacking.eof:
        raise ValueError("compressed content that is cut short")


class _Walk:
    """Goes through a file's elements, in the byte order of the machine that wrote it."""

    def __init__(self, content: bytes, order: str) -> None:
        self._content, self._order = content, order
        [self.version] = struct.unpack_from(f"{order}H", content, 124)

    def element(self, offset: int, stop: int, types: Container[int] | None = None) -> _Element:
        """Return the element at a byte, which must end before ``stop`` and be of one of the ``types``."""
        # A tag of 8 bytes has the type and the size of what follows, padded to a multiple of 8: 05 00 00 00 0c 00 00 00
        # begins 12 bytes of int32 and 4 of padding. Compressed elements are not padded.
        first, size = self._integers(offset, 2, stop)
        start, following = offset + 8, offset + 8 + size
        # A small one has size and type in the tag's first half and its content in the other: 01 00 03 00 78 79 7a 00
        # are the three bytes "xyz".
        if first >> 16:
            first, size, start, following = first & 0xFFFF, first >> 16, offset + 4, offset + 8
        elif first != _COMPRESSED:
            following += -size % 8
        if start + size > min(stop, following):
            raise ValueError(f"an element of {size} bytes that does not fit, at byte {offset}")
        if types is not None and first not in types:
            raise ValueError(f"an element of type {first} that does not belong there, at byte {offset}")
        return _Element(first, start, start + size, following)

    def array(self, element: _Element, depth: int = 0) -> None:
        """Raise unless an array is whole, with all that is in it."""
        start, stop = element.start, element.stop
        if element.type != _MATRIX or depth > _DEEPEST:
            raise ValueError(f"an element of type {element.type} that does not belong there, at byte {start}")
        if start == stop:
            return
        flags = self.element(start, stop, (_UINT32,))
        sizes = self.element(flags.next, stop, (_INT32, _UINT32))
        length = sizes.stop - sizes.start
        if length < 8 or length % 4:  # Two axes at least.
            raise ValueError(f"an array whose sizes take {length} bytes, at byte {start}")
        name = self.element(sizes.next, stop, (_INT8, _UTF8))
        [flag, _] = self._integers(flags.start, 2, flags.stop)
        count = math.prod(self._integers(sizes.start, length // 4, sizes.stop))
        if flag & 0xFF == _CELL:
            self._arrays(count, name.next, stop, depth)
        elif flag & 0xFF == _STRUCTURE:
            width = self.element(name.next, stop, (_INT32,))
            fields = self.element(width.next, stop, (_INT8,))
            [longest] = self._integers(width.start, 1, width.stop)
            self._arrays(count * ((fields.stop - fields.start) // max(1, longest)), fields.next, stop, depth)
        else:
            self._values(flag, count, name.next, stop)

    def _arrays(self, count: int, offset: int, stop: int, depth: int) -> None:
        if 8 * count > stop - offset:
            raise ValueError(f"{count} arrays that do not fit, at byte {offset}")
        for _ in range(count):
            element = self.element(offset, stop)
            self.array(element, depth + 1)
            offset = element.next

    def _values(self, flag: int, count: int, offset: int, stop: int) -> None:
        text = flag & 0xFF == _TEXT
        if not text and flag & 0xFF not in _NUMERIC:
            raise ValueError(f"an array of class {flag & 0xFF}, at byte {offset}")
        for _ in range(2 if flag & _COMPLEX else 1):
            element = self.element(offset, stop, _CHARACTERS if text else _NUMBERS)
            size = element.stop - element.start
            # Characters take one byte or more, as the text's code has it.
            if size < count if text else size != count * _NUMBERS[element.type]:
                raise ValueError(f"{size} bytes for {count} values, at byte {offset}")
            offset = element.next

    def _integers(self, offset: int, count: int, stop: int) -> tuple[int, ...]:
        if offset + 4 * count > stop:
            raise ValueError(f"an end in the middle of an element, at byte {stop}")
        return struct.unpack_from(f"{self._order}{count}I", self._content, offset)


def read_json(file: Path, object_hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """Read a JSON file. ``object_hook`` is called with every mapping while it is read."""
    try:
        with file.open(encoding="utf-8") as stream:
            return json.load(stream, object_hook=object_hook)
    except OSError as error:
        raise ValueError(f"{file} must be a readable file ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} must be whole, valid JSON, got {error}; fetch or write the file again") from error


Kind = Literal["MATLAB", "HDF5", "NumPy", "JSON"]

_HEADER = 128
"""Bytes of a MATLAB 5 file's header, which ends with the order of its bytes."""


def kind_of(file: Path) -> Kind:
    """Return the format of a file, told by its first bytes: names of files are anybody's. MATLAB's 7.3 is HDF5."""
    try:
        with file.open("rb") as stream:
            start = stream.read(_HEADER)
    except OSError as error:
        raise ValueError(f"{file} must be a readable file ({error.strerror})") from error
    if start.startswith((b"\x89HDF", b"MATLAB 7.3")):
        return "HDF5"
    if start[126:128] in (b"IM", b"MI"):
        return "MATLAB"
    if start.startswith(b"PK"):
        return "NumPy"
    if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{"):
        return "JSON"
    raise ValueError(
        f"{file} must be a MATLAB, HDF5, JSON or posepyr .npz file, got one that begins with {start[:16]!r}"
    )


def read_datasets(file: Path) -> dict[str, npt.NDArray[Any]]:
    """Read the arrays at the top of an HDF5 file."""
    try:
        with h5py.File(file, "r") as content:
            return {
                str(name): np.asarray(value[()]) for name, value in content.items() if isinstance(value, h5py.Dataset)
            }
    # HDF5 reports damage in many ways; whichever, the file cannot be used.
    except Exception as error:
        raise ValueError(f"{file} must be a whole, readable HDF5 file, got {error}; fetch the file again") from error
