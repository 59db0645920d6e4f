"""What a file holds, told by its first bytes: names of files are anybody's."""

from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import numpy.typing as npt

Kind = Literal["MATLAB", "HDF5", "NumPy", "JSON"]

_HEADER = 128
"""Bytes of a MATLAB 5 file's header, which ends with the order of its bytes."""


def kind_of(file: Path) -> Kind:
    """The format of a file; MATLAB's 7.3 is HDF5."""
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
    """The arrays at the top of an HDF5 file."""
    try:
        with h5py.File(file, "r") as content:
            return {
                str(name): np.asarray(value[()]) for name, value in content.items() if isinstance(value, h5py.Dataset)
            }
    # HDF5 reports damage in many ways; whichever, the file cannot be used.
    except Exception as error:
        raise ValueError(f"{file} must be a whole, readable HDF5 file, got {error}; fetch the file again") from error
