"""Pictures in archives: the same pixels as unpacked, and errors that name the archive."""

import multiprocessing
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from posepyr.data.formats import zips
from posepyr.data.formats.archive import is_folder, require
from posepyr.data.formats.pictures import read_picture, read_view, stored_size
from posepyr.data.sources.coco import Coco

NAMES = [f"{number:012d}.png" for number in range(6)]


def pixels(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (20 + number, 30, 3), np.uint8)


def packed(archive: Path, prefix: str, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """An archive of pictures, each under ``prefix``."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", method) as target:
        if prefix:
            target.mkdir(prefix.rstrip("/"))
        for number, name in enumerate(NAMES):
            coded = cv2.imencode(".png", cv2.cvtColor(pixels(number), cv2.COLOR_RGB2BGR))[1]
            target.writestr(prefix + name, coded.tobytes())
    return archive


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(
    ("archive", "prefix", "folder"),
    [
        ("train2017.zip", "train2017/", "train2017"),
        ("train2017.zip", "", "train2017"),
        ("train2017.zip", "train2017/", "train2017.zip/train2017"),
        ("train2017.zip", "", "train2017.zip"),
        ("images.zip", "images/val/a/", "images/val/a"),
        ("images.zip", "val/a/", "images/val/a"),
        ("images.ZIP", "val/", "images.ZIP/val"),
    ],
)
def test_a_picture_is_found_wherever_the_archive_has_it(
    tmp_path: Path, method: int, archive: str, prefix: str, folder: str
) -> None:
    packed(tmp_path / archive, prefix, method)
    require(tmp_path, [f"{folder}/"], "pictures")
    for number, name in enumerate(NAMES):
        np.testing.assert_array_equal(read_picture(tmp_path / folder / name), pixels(number))
        assert stored_size(tmp_path / folder / name)
    np.testing.assert_array_equal(read_view(f"{tmp_path}/{folder}/{NAMES[2]}").pixels, pixels(2))


def test_a_folder_on_disk_comes_before_its_archive(tmp_path: Path) -> None:
    packed(tmp_path / "a.zip", "a/")
    (tmp_path / "a").mkdir()
    cv2.imwrite(str(tmp_path / "a" / NAMES[0]), np.full((3, 4, 3), 7, np.uint8))
    assert read_picture(tmp_path / "a" / NAMES[0]).shape == (3, 4, 3)
    with pytest.raises(ValueError, match="No such file"):
        read_picture(tmp_path / "a" / NAMES[1])


def test_a_folder_is_there_only_if_the_archive_has_it(tmp_path: Path) -> None:
    packed(tmp_path / "images.zip", "images/val/")
    for folder, there in (("images", True), ("images/val", True), ("images/train", False), ("other", False)):
        assert is_folder(tmp_path / folder) is there
    with pytest.raises(ValueError, match="MISSING"):
        require(tmp_path, ["images/"], "pictures", unpacked=True)


def test_an_archive_that_comes_later_is_found(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        read_picture(tmp_path / "late" / NAMES[0])
    packed(tmp_path / "late.zip", "")
    np.testing.assert_array_equal(read_picture(tmp_path / "late" / NAMES[0]), pixels(0))


def test_an_archive_that_changes_is_read_anew(tmp_path: Path) -> None:
    packed(tmp_path / "a.zip", "a/")
    read_picture(tmp_path / "a" / NAMES[0])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as target:
        target.writestr(NAMES[0], cv2.imencode(".png", np.zeros((2, 2, 3), np.uint8))[1].tobytes())
    assert read_picture(tmp_path / "a" / NAMES[0]).shape == (2, 2, 3)


def _sum(path: Path) -> int:
    return int(read_picture(path).sum())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_and_threads_read_at_once(tmp_path: Path, method: str) -> None:
    packed(tmp_path / "a.zip", "a/")
    paths = [tmp_path / "a" / NAMES[number % 6] for number in range(60)]
    expected = [int(pixels(number % 6).sum()) for number in range(60)]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(_sum, paths)) == expected
    with multiprocessing.get_context(method).Pool(2) as processes:
        assert processes.map(_sum, paths, chunksize=5) == expected


def test_a_data_set_is_read_with_its_pictures_packed(tmp_path: Path, coco_content: dict) -> None:
    import json

    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "person_keypoints_train2017.json").write_text(json.dumps(coco_content))
    with zipfile.ZipFile(tmp_path / "train2017.zip", "w") as target:
        picture = np.full((80, 100, 3), (0, 0, 255), np.uint8)
        target.writestr("train2017/one.png", cv2.imencode(".png", picture)[1].tobytes())
    split = Coco(str(tmp_path)).split("train")
    np.testing.assert_array_equal(split.view(split[0]).pixels, np.full((80, 100, 3), (255, 0, 0), np.uint8))


def test_a_member_that_is_missing_is_named(tmp_path: Path) -> None:
    packed(tmp_path / "a.zip", "a/")
    with pytest.raises(ValueError, match=r"a/none\.png must be a file in .*a\.zip, which has 6 files"):
        read_picture(tmp_path / "a" / "none.png")


@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
def test_an_archive_cut_short_is_named(tmp_path: Path, share: float) -> None:
    path = packed(tmp_path / "a.zip", "a/")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match=r"a\.zip must be a whole zip archive"):
        read_picture(tmp_path / "a" / NAMES[0])


def damaged(path: Path, place: bytes, offset: int, value: int) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(place) + offset] ^= value
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_is_named(tmp_path: Path, method: int) -> None:
    path = packed(tmp_path / "a.zip", "", method)
    damaged(path, NAMES[0].encode(), len(NAMES[0]) + 60, 0xFF)
    with pytest.raises(ValueError, match=rf"{NAMES[0]} must be whole in .*a\.zip, got .*; fetch the archive again"):
        read_picture(tmp_path / "a" / NAMES[0])
    np.testing.assert_array_equal(read_picture(tmp_path / "a" / NAMES[1]), pixels(1))


def test_a_member_packed_in_another_way_is_named(tmp_path: Path) -> None:
    packed(tmp_path / "a.zip", "", zipfile.ZIP_LZMA)
    with pytest.raises(ValueError, match=r"stored or deflated in .*got compression method 14; unpack the archive"):
        read_picture(tmp_path / "a" / NAMES[0])
    locked = packed(tmp_path / "b.zip", "")
    # The first bit of a directory entry's flags, which stand eight bytes after its signature.
    damaged(locked, b"PK\x01\x02", 8, 1)
    with pytest.raises(ValueError, match="got a password"):
        read_picture(tmp_path / "b" / NAMES[0])


def test_no_damage_gets_past(tmp_path: Path) -> None:
    """Whatever byte of an archive is changed, the pictures are the right ones or the error names them."""
    whole = packed(tmp_path / "a.zip", "a/").read_bytes()
    generator = np.random.default_rng(0)
    raised = named = 0
    for trial in range(300):
        content = bytearray(whole)
        place = int(generator.integers(len(content)) if trial % 2 else len(content) - 1 - generator.integers(700))
        content[place] ^= int(generator.integers(1, 256))
        (tmp_path / f"{trial}.zip").write_bytes(bytes(content))
        for number, name in enumerate(NAMES):
            try:
                found = read_picture(tmp_path / f"{trial}.zip" / "a" / name)
            except ValueError as error:
                named += f"{trial}.zip" in str(error)
                raised += 1
            else:
                np.testing.assert_array_equal(found, pixels(number))
        zips._listed.cache_clear()
    assert named == raised > 100
