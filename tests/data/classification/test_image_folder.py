from pathlib import Path

import cv2
import numpy as np
import pytest

from posepyr.data.classification.image_folder import ImageFolder

COLOURS = {"cat": (200, 10, 30), "dog": (20, 180, 60), "eel": (5, 15, 250)}


def write(path: Path, colour: tuple[int, int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((6, 8, 3), colour[::-1], np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label, colour in COLOURS.items():
        write(tmp_path / "train" / label / "b.png", colour)
        write(tmp_path / "train" / label / "a.PNG", colour)
        (tmp_path / "train" / label / "notes.txt").write_text("no picture")
    write(tmp_path / "val" / "eel" / "1.png", COLOURS["eel"])
    write(tmp_path / "val" / "cat" / "2.png", COLOURS["cat"])
    return tmp_path


def test_folders_are_classes_in_the_order_of_their_names(folder):
    source = ImageFolder(str(folder))
    assert source.classes == ("cat", "dog", "eel")
    train = source.split("train")
    assert [train.label(index) for index in range(len(train))] == [0, 0, 1, 1, 2, 2]
    for index in range(len(train)):
        picture = train.picture(index)
        assert picture.shape == (6, 8, 3)
        assert tuple(picture[0, 0]) == COLOURS[source.classes[train.label(index)]]


@pytest.mark.parametrize("name", ["val", "test"])
def test_a_split_without_some_classes_keeps_their_numbers(folder, name):
    split = ImageFolder(str(folder)).split(name)
    assert [split.label(index) for index in range(len(split))] == [0, 2]


def test_a_test_folder_of_its_own_is_taken(folder):
    write(folder / "test" / "dog" / "x.png", COLOURS["dog"])
    split = ImageFolder(str(folder)).split("test")
    assert [split.label(index) for index in range(len(split))] == [1]


def test_a_class_that_was_not_trained_on_is_refused(folder):
    write(folder / "val" / "catt" / "1.png", COLOURS["cat"])
    with pytest.raises(ValueError, match=r"must be named as one of the classes .* got catt; did you mean cat\?"):
        ImageFolder(str(folder)).split("val")


def test_an_empty_class_is_refused(folder):
    (folder / "train" / "fox").mkdir()
    with pytest.raises(ValueError, match=r"fox must hold at least one picture"):
        ImageFolder(str(folder)).split("train")


def test_a_missing_folder_is_named(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(ValueError, match=r"(?s)must lie complete.*val/ +MISSING"):
        ImageFolder(str(tmp_path)).split("train")
