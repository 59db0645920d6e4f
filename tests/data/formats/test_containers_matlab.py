"""MATLAB files: whole ones come through, damaged ones are refused before SciPy's reader sees them."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io

from posepyr.data.formats.containers import read_mat
from support.damage import complaints

CONTENT: dict[str, Any] = {
    "reals": np.arange(24.0).reshape(2, 3, 4),
    "small": np.array([[1]], np.uint8),
    "flags": np.array([[True, False]]),
    "complex": np.array([[1 + 2j]]),
    "nothing": np.zeros((0, 0)),
    "text": "left ankle",
    "accents": "é",
    "texts": np.array(["ab", "cd"]),
    "cells": np.array([[1.0, "two", np.zeros((0, 3))]], dtype=object),
    "structure": {"inner": {"x": 1.0, "y": [1.0, 2.0]}, "name": "a"},
    "structures": np.array([[(1.0, "a"), (2.0, "b")]], dtype=[("number", object), ("text", object)]),
}


@pytest.mark.parametrize("compressed", [False, True])
def test_whole_files_come_through(tmp_path: Path, compressed: bool) -> None:
    file = tmp_path / "all.mat"
    scipy.io.savemat(file, CONTENT, do_compression=compressed)
    content = read_mat(file)
    assert set(CONTENT) <= set(content)
    np.testing.assert_array_equal(content["reals"], CONTENT["reals"])
    assert content["complex"] == 1 + 2j
    assert content["structures"]["text"][0, 1] == "b"
    squeezed = read_mat(file, squeeze=True)
    assert squeezed["small"] == 1
    assert squeezed["text"] == "left ankle"
    assert squeezed["structure"]["inner"].item()["x"] == 1.0


@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_files_are_refused(tmp_path: Path, compressed: bool) -> None:
    """Without bringing Python down, which SciPy's reader alone does for every hundredth byte of a plain file."""
    file = tmp_path / "damaged.mat"
    scipy.io.savemat(file, CONTENT, do_compression=compressed)
    said = complaints(read_mat, file)
    refused = [complaint for complaint in said if complaint]
    assert all(complaint.startswith(str(file)) for complaint in refused)
    assert len(refused) > len(said) / 2


def patched(file: Path, old: bytes, new: bytes) -> None:
    content = file.read_bytes()
    assert content.count(old) >= 1
    file.write_bytes(content.replace(old, new, 1))


def tag(kind: int, size: int) -> bytes:
    return kind.to_bytes(4, "little") + size.to_bytes(4, "little")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (tag(9, 48), tag(8, 48), "an element of type 8 that does not belong there"),
        (tag(9, 48), tag(200, 48), "an element of type 200 that does not belong there"),
        (tag(9, 48), tag(9, 40), "40 bytes for 6 values"),
        (tag(9, 48), tag(9, 4800), "an element of 4800 bytes that does not fit"),
        (tag(5, 8), tag(5 + (2 << 16), 8), "an array whose sizes take 2 bytes"),
        (tag(6, 8) + b"\6", tag(6, 8) + b"\21", "an array of class 17"),
        (b"IM", b"XX", "a file without the format's header"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, old: bytes, new: bytes, message: str) -> None:
    file = tmp_path / "six.mat"
    scipy.io.savemat(file, {"six": np.arange(6.0).reshape(2, 3)})
    patched(file, old, new)
    with pytest.raises(ValueError, match=message) as error:
        read_mat(file)
    assert str(file) in str(error.value)


def test_the_newer_format_is_named(tmp_path: Path) -> None:
    """It is HDF5 behind a header of MATLAB's."""
    file = tmp_path / "new.mat"
    with h5py.File(file, "w", userblock_size=512) as content:
        content["six"] = np.arange(6.0)
    with file.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM")
    with pytest.raises(ValueError, match=r"must be in MATLAB 5's format, got 7\.3; save it again with '-v7'"):
        read_mat(file)


def test_cells_that_do_not_fit(tmp_path: Path) -> None:
    """The number of cells is not believed before there is room for them."""
    file = tmp_path / "cells.mat"
    scipy.io.savemat(file, {"cells": np.array([[1.0, 2.0]], dtype=object)})
    patched(file, tag(1, 2), tag(2**30, 2**30))
    with pytest.raises(ValueError, match="arrays that do not fit"):
        read_mat(file)


def test_compressed_content_cut_short(tmp_path: Path) -> None:
    file = tmp_path / "cut.mat"
    scipy.io.savemat(file, {"many": np.random.default_rng(0).random((50, 50))}, do_compression=True)
    content = file.read_bytes()
    size = int.from_bytes(content[132:136], "little")
    file.write_bytes(content[:132] + (size - 100).to_bytes(4, "little") + content[136:-100])
    with pytest.raises(ValueError, match="compressed content that is cut short"):
        read_mat(file)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.mat must be a readable file \(No such file"):
        read_mat(tmp_path / "none.mat")


def test_real_files_come_through(shared: Path) -> None:
    for path in ("mpii_val/detections_our_format.mat", "mpii_val/bearpaw-hg_s2_b1.mat", "lspet_mini/joints.mat"):
        assert read_mat(shared / "data" / path)
