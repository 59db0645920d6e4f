"""Pictures looked at: which are opened, which are decoded, and what is said of those that are no pictures."""

from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from posepyr.records import Pixels
from posepyr.studies.datasets.pictures import CheckedPictures, check_pictures


def pixels(height: int = 20) -> Pixels:
    return np.random.default_rng(height).integers(0, 256, (height, 30, 3), np.uint8)


def no_file() -> Pixels:
    raise AssertionError("files are opened by their names")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(20, 30):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), pixels(number))
    return tmp_path


def look(folder: Path, *names: str, **asked: Any) -> CheckedPictures:
    return check_pictures({str(folder / name): no_file for name in names}, **asked)


ALL = [f"{number}.jpg" for number in range(20, 30)]


@pytest.mark.parametrize(("most", "decoded"), [(0, 0), (3, 3), (500, 10), ("all", 10)])
def test_every_file_is_opened_and_some_are_decoded(folder: Path, most: Any, decoded: int) -> None:
    looked = look(folder, *ALL, decode=most)
    assert looked.sizes == {str(folder / f"{height}.jpg"): (height, 30) for height in range(20, 30)}
    assert (looked.number, looked.decoded, looked.missing, looked.unreadable) == (10, decoded, {}, {})


def test_no_file_is_opened_where_none_is_asked_for(folder: Path) -> None:
    assert look(folder, *ALL, "gone.jpg", decode="none") == CheckedPictures({}, {}, {}, 0, 0)


def test_a_picture_whose_middle_is_damaged_is_found_by_decoding(folder: Path) -> None:
    path = folder / "20.jpg"
    content = path.read_bytes()
    # Its size is there and its end, but no pixels.
    path.write_bytes(content[: content.index(b"\xff\xda")] + b"\xff\xd9")
    assert look(folder, *ALL, decode=0).unreadable == {}
    assert list(look(folder, *ALL, decode="all").unreadable) == [str(path)]


@pytest.mark.parametrize("cut", [1, 40])
def test_a_picture_that_does_not_end_is_decoded_in_any_case(folder: Path, cut: int) -> None:
    path = folder / "20.jpg"
    path.write_bytes(path.read_bytes()[:-cut])
    [message] = look(folder, *ALL, decode=0).unreadable.values()
    assert str(path) in message
    assert "cut short" in message


def test_what_is_missing_is_told_from_what_cannot_be_read(folder: Path) -> None:
    (folder / "empty.jpg").touch()
    (folder / "folder.jpg").mkdir()
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    (folder / "text.jpg").write_text("<html>not found</html>")
    looked = look(folder, "empty.jpg", "folder.jpg", "loop.jpg", "text.jpg", "gone.jpg", decode=0)
    assert {Path(name).stem for name in looked.missing} == {"gone", "loop"}
    assert {Path(name).stem for name in looked.unreadable} == {"empty", "folder", "text"}
    told = looked.missing | looked.unreadable
    assert all(name in message for name, message in told.items())
    said = {Path(name).stem: message for name, message in told.items()}
    assert "No such file" in said["gone"]
    assert "zero bytes" in said["empty"]
    assert "Is a directory" in said["folder"]
    assert "symbolic links" in said["loop"]
    assert "no picture" in said["text"]
    assert looked.sizes == {}


def test_formats_without_a_known_header_are_decoded(folder: Path) -> None:
    cv2.imwrite(str(folder / "a.bmp"), pixels(44))
    looked = look(folder, "a.bmp", decode=0)
    assert looked.sizes == {str(folder / "a.bmp"): (44, 30)}
    assert looked.decoded == 1


def test_drawn_pictures_are_drawn_where_they_are_chosen() -> None:
    looked = check_pictures({f"drawn/{height}": partial(pixels, height) for height in range(1, 9)}, decode=3)
    assert looked.number == looked.decoded == len(looked.sizes) == 3
    assert all(size == (int(name.rpartition("/")[2]), 30) for name, size in looked.sizes.items())


def test_what_a_split_cannot_draw_is_told() -> None:
    def broken() -> Pixels:
        raise ValueError("no paint")

    looked = check_pictures({"drawn/1": partial(pixels, 1), "drawn/2": broken}, decode="all")
    assert looked == CheckedPictures({"drawn/1": (1, 30)}, {}, {"drawn/2": "no paint"}, 2, 1)


def test_all_that_is_looked_at_is_tracked(folder: Path) -> None:
    seen: list[str] = []

    def track(items: Any, what: str, /) -> Any:
        seen.append(what)
        return iter(items)

    assert look(folder, *ALL, progress=track).number == 10
    assert seen == ["pictures"]
