from pathlib import Path

import cv2
import numpy as np
import pytest

from posepyr.data.pictures import read_picture


@pytest.fixture
def colours() -> np.ndarray:
    """Red on the left, blue on the right, ``20 30 3`` in RGB."""
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, :15, 0] = 255
    pixels[:, 15:, 2] = 255
    return pixels


def encoded(pixels: np.ndarray, suffix: str) -> bytes:
    return cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()


@pytest.mark.parametrize("suffix", [".png", ".bmp"])
def test_pixels_come_back_in_rgb(tmp_path: Path, colours: np.ndarray, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(encoded(colours, suffix))
    np.testing.assert_array_equal(read_picture(path), colours)
    np.testing.assert_array_equal(read_picture(str(path)), colours)


def test_grey_and_deep_pictures_become_rgb_bytes(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), np.full((4, 5), 65535, np.uint16))
    np.testing.assert_array_equal(read_picture(path), np.full((4, 5, 3), 255, np.uint8))


def test_a_name_that_is_not_ascii(tmp_path: Path, colours: np.ndarray) -> None:
    path = tmp_path / "människa 人.png"
    path.write_bytes(encoded(colours, ".png"))
    np.testing.assert_array_equal(read_picture(path), colours)


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF tag that says how the camera was held."""
    tag = b"\x01\x12\x00\x03\x00\x00\x00\x01" + orientation.to_bytes(2, "big") + b"\x00\x00"
    body = b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01" + tag + b"\x00\x00\x00\x00"
    return jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:]


def test_the_orientation_tag_counts_only_where_asked_for(tmp_path: Path, colours: np.ndarray) -> None:
    path = tmp_path / "turned.jpg"
    path.write_bytes(with_orientation(encoded(colours, ".jpg"), 6))
    stored, upright = read_picture(path), read_picture(path, upright=True)
    assert stored.shape == (20, 30, 3)
    # 6: the camera was held so that the stored picture has to be turned clockwise.
    np.testing.assert_array_equal(upright, np.rot90(stored, -1))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_picture_is_named(tmp_path: Path, colours: np.ndarray, suffix: str, share: float) -> None:
    path = tmp_path / f"cut{suffix}"
    content = encoded(np.kron(colours, np.ones((4, 4, 1), np.uint8)), suffix)
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=rf"picture must be a whole JPEG.*cut\{suffix}.*cut short"):
        read_picture(path)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(ValueError, match=r"empty\.jpg with zero bytes"):
        read_picture(tmp_path / "empty.jpg")
    (tmp_path / "page.jpg").write_text("<html>404 Not Found</html>")
    with pytest.raises(ValueError, match=r"page\.jpg with 26 bytes.*no picture"):
        read_picture(tmp_path / "page.jpg")


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"readable file.*none\.jpg \(No such file"):
        read_picture(tmp_path / "none.jpg")
    with pytest.raises(ValueError, match=r"\(Is a directory\)"):
        read_picture(tmp_path)
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    with pytest.raises(ValueError, match=r"loop\.jpg \(Too many levels"):
        read_picture(tmp_path / "loop.jpg")
