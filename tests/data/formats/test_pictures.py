from pathlib import Path

import cv2
import numpy as np
import pytest

from posepyr import geometry
from posepyr.data.formats.pictures import read_bytes, read_picture, read_view, stored_size
from posepyr.geometry import CropRule


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
    with pytest.raises(ValueError, match=r"readable file.*\(embedded null byte\)"):
        read_picture(f"{tmp_path}/no\0.jpg")


def test_the_size_of_a_file_is_told_and_none_where_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"12345")
    assert stored_size(tmp_path / "a.jpg") == len(read_bytes(tmp_path / "a.jpg")) == 5
    assert stored_size("figures/train/000001") is None


def photograph(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Noise whose amplitudes fall with frequency as those of photographs do, ``H W 3``."""
    generator = np.random.default_rng(seed)
    height, width = size
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1.0
    planes = []
    for _ in range(3):
        spectrum = np.fft.rfft2(generator.standard_normal(size)) / frequency**1.3
        spectrum[0, 0] = 0.0
        plane = np.fft.irfft2(spectrum, size)
        planes.append(np.clip(128 + 45 * plane / plane.std(), 0, 255))
    return np.stack(planes, axis=-1).astype(np.uint8)


@pytest.mark.parametrize(
    ("scale", "times"), [(3.0, 1), (0.51, 1), (0.5, 2), (0.26, 2), (0.25, 4), (0.13, 4), (0.125, 8), (0.001, 8)]
)
def test_a_jpeg_is_decoded_in_the_smallest_size_that_suffices(tmp_path: Path, scale: float, times: int) -> None:
    path = tmp_path / "large.jpg"
    path.write_bytes(encoded(photograph((101, 67)), ".jpg"))
    view = read_view(path, scale)
    # libjpeg rounds up: the last column and row may stand for fewer pixels.
    assert view.pixels.shape == (-(-101 // times), -(-67 // times), 3)
    assert geometry.magnification(view.matrix) == pytest.approx(1 / times)
    if times == 1:
        np.testing.assert_array_equal(view.pixels, read_picture(path))
        np.testing.assert_array_equal(view.matrix, geometry.IDENTITY)


def test_what_is_no_jpeg_is_decoded_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(photograph((40, 50)), ".png"))
    view = read_view(path, 0.1)
    np.testing.assert_array_equal(view.pixels, photograph((40, 50)))
    np.testing.assert_array_equal(view.matrix, geometry.IDENTITY)


@pytest.mark.parametrize("times", [2, 4, 8])
@pytest.mark.parametrize("size", [(96, 128), (101, 131)])
def test_nothing_moves_in_a_smaller_size(tmp_path: Path, times: int, size: tuple[int, int]) -> None:
    """Blobs of light have their centres of mass where the view's affine says, to a tenth of an image pixel."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    path = tmp_path / "blob.jpg"
    for x, y in ((40.0, 40.0), (61.3, 52.8), (77.6, 35.1)):
        blob = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 8.0**2))
        path.write_bytes(encoded(np.repeat(blob[..., None], 3, 2).astype(np.uint8), ".jpg"))
        view = read_view(path, 1 / times)
        light = np.maximum(view.pixels.mean(2) - 8, 0)
        down, across = np.mgrid[: light.shape[0], : light.shape[1]]
        centre = np.array([[(across * light).sum(), (down * light).sum()]]) / light.sum()
        found = geometry.apply(geometry.invert(view.matrix), centre)
        np.testing.assert_allclose(found, [[x, y]], atol=0.1)


def test_colours_keep_their_order_in_a_smaller_size(tmp_path: Path, colours: np.ndarray) -> None:
    path = tmp_path / "turned.jpg"
    path.write_bytes(with_orientation(encoded(np.kron(colours, np.ones((4, 4, 1), np.uint8)), ".jpg"), 6))
    pixels = read_view(path, 0.5).pixels
    assert pixels.shape == (40, 60, 3)  # as stored, not as the camera was held
    np.testing.assert_allclose(pixels[:, :28], np.broadcast_to([255, 0, 0], (40, 28, 3)), atol=5)
    np.testing.assert_allclose(pixels[:, 32:], np.broadcast_to([0, 0, 255], (40, 28, 3)), atol=5)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_picture_is_named_in_a_smaller_size_too(tmp_path: Path, share: float) -> None:
    path = tmp_path / "cut.jpg"
    content = encoded(photograph((160, 160)), ".jpg")
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"whole JPEG.*cut\.jpg.*cut short"):
        read_view(path, 0.25)


def differences(path: Path, box: np.ndarray, rule: CropRule) -> tuple[float, float, float]:
    """Mean differences of a crop from the reduced picture to one from the whole, and of either to the ideal crop.

    Of the ideal crop each pixel is the mean of what it covers.
    """
    matrix = geometry.crop_matrix(box, rule, rotation=15.0)
    view, whole = read_view(path, geometry.magnification(matrix)), read_picture(path)
    assert len(view.pixels) < len(whole)
    reduced = geometry.warp(view.pixels, geometry.compose(matrix, geometry.invert(view.matrix)), rule.input_size)
    full = geometry.warp(whole, matrix, rule.input_size)
    height, width = rule.input_size
    fine = geometry.warp(whole, geometry.compose(geometry.shrink(1 / 8), matrix), (8 * height, 8 * width))
    ideal = fine.reshape(height, 8, width, 8, 3).mean((1, 3))
    pairs = ((reduced, full), (reduced, ideal), (full, ideal))
    first, second, third = (float(np.abs(one.astype(float) - other).mean()) for one, other in pairs)
    return first, second, third


@pytest.mark.parametrize("pixels", [2.7, 3.3, 4.7, 6.5, 9.0])
def test_a_smaller_size_differs_little_and_is_nearer_to_the_mean_of_the_pixels(tmp_path: Path, pixels: float) -> None:
    """However many pixels a side the crop has one for."""
    path = tmp_path / "photograph.jpg"
    inner = 64 * pixels
    size = round(1.5 * inner)
    path.write_bytes(encoded(photograph((size, size)), ".jpg"))
    apart, reduced, full = differences(path, np.array([inner / 4, inner / 4, inner, inner]), CropRule((64, 64), 1.0))
    assert reduced < full
    assert apart < 9


def test_on_real_photographs_the_sizes_differ_by_two_of_255(shared: Path) -> None:
    found = []
    for path in sorted((shared / "data" / "mpii_mini" / "images").iterdir()):
        height, width = read_picture(path).shape[:2]
        box = np.array([width / 2 - height / 2, 0.0, height, height])
        found.append(differences(path, box, CropRule((240, 240), 1.0)))
    apart, reduced, full = np.mean(found, axis=0)
    assert apart < 3
    assert reduced < 0.75 * full
