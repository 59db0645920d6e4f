"""CIFAR-10 from its binary files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from posepyr.data.classification.labelled import LabelledSource
from posepyr.data.formats.archive import data_folder, require
from posepyr.records import Pixels, PublishedCount

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE = 32
RECORD = 1 + 3 * SIDE * SIDE
"""Bytes of a picture in a file: its class, then its red, green and blue pixels row by row."""

TRAINING = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = ("test_batch.bin",)


class Cifar10(LabelledSource):
    """50,000 pictures of 32 x 32 to train on and 10,000 to test on, each of one of ten classes.

    ``folder`` is that of the unpacked binary version, relative to the folder of all data sets. ``held_out`` of the
    training pictures, the last ones, are validated on; none by default, as in the papers, and validation sees the test
    pictures.
    """

    def __init__(self, folder: str = "cifar-10-batches-bin", held_out: int = 0) -> None:
        if held_out < 0:
            raise ValueError(f"held_out must not be negative, got {held_out}")
        self.folder, self.held_out = data_folder(folder), held_out

    def published(self, name: str) -> Sequence[PublishedCount]:
        if self.held_out and name != "test":
            return ()
        count = {"train": 50000, "test": 10000}.get(name)
        return () if count is None else (PublishedCount(count, "pictures", "Krizhevsky 2009"),)

    @property
    def classes(self) -> tuple[str, ...]:
        return CLASSES

    def require_files(self, name: str) -> None:
        if name not in ("train", "val", "test"):
            raise ValueError(f"split must be train, val or test, got {name!r}")
        require(self.folder, [*TRAINING, *TEST], "CIFAR-10")

    def split(self, name: str) -> "Cifar10Split":
        self.require_files(name)
        if name == "test" or (name == "val" and not self.held_out):
            return Cifar10Split(_records(self.folder, TEST))
        records = _records(self.folder, TRAINING)
        if self.held_out >= len(records):
            raise ValueError(f"held_out must leave some of the {len(records)} training pictures, got {self.held_out}")
        middle = len(records) - self.held_out
        return Cifar10Split(records[:middle] if name == "train" else records[middle:])


class Cifar10Split:
    """Some of the pictures; see :class:`posepyr.data.classification.labelled.LabelledSplit`."""

    def __init__(self, records: npt.NDArray[np.uint8]) -> None:
        self.records = records  # N RECORD

    def __len__(self) -> int:
        return len(self.records)

    def picture(self, index: int) -> Pixels:
        return self.records[index, 1:].reshape(3, SIDE, SIDE).transpose(1, 2, 0)

    def label(self, index: int) -> int:
        return int(self.records[index, 0])


def _records(folder: Path, names: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    return np.concatenate([_read(folder / name) for name in names])


def _read(path: Path) -> npt.NDArray[np.uint8]:
    content = np.fromfile(path, np.uint8)
    if not len(content) or len(content) % RECORD:
        raise ValueError(
            f"{path} must consist of records of {RECORD} bytes, got {len(content)} bytes; it is cut short or no binary "
            "version of CIFAR-10: fetch cifar-10-binary.tar.gz again"
        )
    records = content.reshape(-1, RECORD)
    wrong = np.flatnonzero(records[:, 0] >= len(CLASSES))
    if len(wrong):
        raise ValueError(
            f"{path}: record {wrong[0]} must begin with a class from 0 to 9, got {records[wrong[0], 0]}; "
            "CIFAR-100 has other files"
        )
    return records
