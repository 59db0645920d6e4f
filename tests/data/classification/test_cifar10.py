"""CIFAR-10's binary files, written here byte by byte."""

from pathlib import Path

import numpy as np
import pytest

from posepyr.data.classification.cifar10 import Cifar10


def record(label: int, red: int, green: int, blue: int) -> bytes:
    """A picture of one colour, with its second row and third column marked."""
    planes = np.array([red, green, blue], np.uint8)[:, None, None].repeat(32, 1).repeat(32, 2)
    planes[:, 1, 2] = 255
    return bytes([label]) + planes.tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(1, 6):
        content = b"".join(record(number, 10 * number, place, 99) for place in range(4))
        (tmp_path / f"data_batch_{number}.bin").write_bytes(content)
    (tmp_path / "test_batch.bin").write_bytes(record(9, 1, 2, 3) + record(0, 4, 5, 6))
    return tmp_path


def test_files_are_read_in_order(folder):
    train = Cifar10(str(folder)).split("train")
    assert len(train) == 20
    assert [train.label(index) for index in range(20)] == [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4 + [5] * 4
    picture = train.picture(6)
    assert picture.shape == (32, 32, 3)
    assert picture[0, 0].tolist() == [20, 2, 99]
    assert picture[1, 2].tolist() == [255, 255, 255]
    assert picture[2, 1].tolist() == [20, 2, 99]


def test_validation_sees_the_test_pictures_unless_some_are_held_out(folder):
    whole, held = Cifar10(str(folder)), Cifar10(str(folder), held_out=3)
    assert [whole.split("val").label(index) for index in range(2)] == [9, 0]
    assert len(held.split("train")) == 17
    assert [held.split("val").picture(index)[0, 0, 1] for index in range(3)] == [1, 2, 3]
    assert len(held.split("test")) == 2
    assert len(whole.classes) == 10


def test_a_file_that_is_cut_short_is_refused(folder):
    (folder / "data_batch_3.bin").write_bytes(record(1, 0, 0, 0)[:-1])
    with pytest.raises(ValueError, match=r"data_batch_3\.bin must consist of records of 3073 bytes, got 3072"):
        Cifar10(str(folder)).split("train")


def test_a_class_beyond_ten_is_refused(folder):
    (folder / "data_batch_3.bin").write_bytes(record(1, 0, 0, 0) + record(17, 0, 0, 0))
    with pytest.raises(ValueError, match=r"data_batch_3\.bin: record 1 must begin with a class from 0 to 9, got 17"):
        Cifar10(str(folder)).split("train")


def test_missing_files_are_named(folder):
    (folder / "data_batch_4.bin").unlink()
    with pytest.raises(ValueError, match=r"(?s)CIFAR-10 must lie complete.*data_batch_4\.bin +MISSING"):
        Cifar10(str(folder)).split("val")


def test_impossible_wishes_are_refused(folder):
    with pytest.raises(ValueError, match=r"held_out must not be negative, got -1"):
        Cifar10(held_out=-1)
    with pytest.raises(ValueError, match=r"held_out must leave some of the 20 training pictures, got 20"):
        Cifar10(str(folder), held_out=20).split("train")
    with pytest.raises(ValueError, match=r"split must be train, val or test, got 'all'"):
        Cifar10(str(folder)).split("all")
