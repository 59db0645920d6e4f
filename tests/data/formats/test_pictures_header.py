"""Sizes and ends of picture files, told without decoding them."""

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from posepyr.data.formats.pictures import Header, read_header

PIXELS = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)


def write(path: Path, *parameters: int) -> Path:
    assert cv2.imwrite(str(path), PIXELS, parameters)
    return path


@pytest.mark.parametrize("parameters", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)])
def test_jpegs_of_all_kinds(tmp_path: Path, parameters: tuple[int, ...]) -> None:
    assert read_header(write(tmp_path / "a.jpg", *parameters)) == Header((37, 53), whole=True)


def test_a_png(tmp_path: Path) -> None:
    assert read_header(write(tmp_path / "a.png")) == Header((37, 53), whole=True)


@pytest.mark.parametrize("suffix", [".bmp", ".webp", ".tiff"])
def test_other_formats_are_left_to_the_decoder(tmp_path: Path, suffix: str) -> None:
    assert read_header(write(tmp_path / f"a{suffix}")) == Header(None, whole=False)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_file_that_is_cut_short_does_not_end(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}")
    path.write_bytes(path.read_bytes()[:-20])
    assert read_header(path) == Header((37, 53), whole=False)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 10, 20, 25])
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_the_beginning_of_a_header_is_no_size(tmp_path: Path, suffix: str, length: int) -> None:
    path = write(tmp_path / f"a{suffix}")
    path.write_bytes(path.read_bytes()[:length])
    assert read_header(path) in (Header(None, whole=False), Header((37, 53), whole=False))
    assert read_header(path).size is None or length > 23


def test_a_preview_before_the_size(tmp_path: Path) -> None:
    """Segments with other JPEGs in them are stepped over; where they are too long, the decoder has to tell."""
    path = write(tmp_path / "a.jpg")
    content = path.read_bytes()
    preview = cv2.imencode(".jpg", PIXELS[:8, :8])[1].tobytes()
    segment = b"\xff\xe1" + (len(preview) + 2).to_bytes(2) + preview
    path.write_bytes(content[:2] + segment + content[2:])
    assert read_header(path) == Header((37, 53), whole=True)
    path.write_bytes(content[:2] + (b"\xff\xe1\xff\xff" + bytes(65533)) * 2 + content[2:])
    assert read_header(path) == Header(None, whole=True)


def test_fill_bytes_between_the_markers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg")
    content = path.read_bytes()
    path.write_bytes(content[:2] + b"\xff" + content[2:])
    assert read_header(path).size == (37, 53)


def test_tables_before_the_frame(tmp_path: Path) -> None:
    """Their markers lie among those of frames."""
    path = write(tmp_path / "a.jpg")
    content = path.read_bytes()
    start = content.index(b"\xff\xc4")
    length = 2 + int.from_bytes(content[start + 2 : start + 4])
    path.write_bytes(content[:2] + content[start : start + length] + content[2:])
    assert read_header(path).size == (37, 53)


def test_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "train.zip", "w") as archive:
        archive.write(write(tmp_path / "a.jpg"), "train/a.jpg")
    assert read_header(tmp_path / "train" / "a.jpg") == Header((37, 53), whole=True)


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    for name, message in (("none.jpg", "No such file"), ("empty.jpg", "zero bytes"), ("", "Is a directory")):
        with pytest.raises(ValueError, match=message):
            read_header(tmp_path / name)
