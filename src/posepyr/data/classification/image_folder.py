"""Pictures in folders, one folder a class, as ImageNet is usually unpacked."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from posepyr.data.classification.labelled import LabelledSource
from posepyr.data.formats.archive import data_folder, require
from posepyr.data.formats.pictures import read_picture
from posepyr.errors import suggestion
from posepyr.records import Pixels, PublishedCount

SUFFIXES = frozenset({".jpeg", ".jpg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff"})

_ILSVRC = "Russakovsky et al. 2015, ILSVRC 2012"


class ImageFolder(LabelledSource):
    """``folder/train/<class>/<picture>`` and ``folder/val/<class>/<picture>``; classes in the order of their names.

    ``folder`` is relative to the folder of all data sets. Testing sees ``folder/test`` where there is one, and
    ``folder/val`` otherwise, since the labels of ImageNet's test pictures are not public.
    """

    def __init__(self, folder: str = "imagenet") -> None:
        self.folder = data_folder(folder)

    def published(self, name: str) -> Sequence[PublishedCount]:
        count = {"train": 1281167, "val": 50000}.get(name)
        return () if count is None else (PublishedCount(count, "pictures", _ILSVRC),)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        require(self.folder, ["train/", "val/"], "a folder of pictures", unpacked=True)
        names = tuple(sorted(entry.name for entry in (self.folder / "train").iterdir() if entry.is_dir()))
        if len(names) < 2:
            raise ValueError(f"{self.folder / 'train'} must hold at least two folders, one a class, got {len(names)}")
        return names

    def require_files(self, name: str) -> None:
        if name not in ("train", "val", "test"):
            raise ValueError(f"split must be train, val or test, got {name!r}")
        require(self.folder, ["train/", "val/"], "a folder of pictures", unpacked=True)

    def split(self, name: str) -> "FolderSplit":
        self.require_files(name)
        numbers = {label: number for number, label in enumerate(self.classes)}
        root = self.folder / name
        if name == "test" and not root.is_dir():
            root = self.folder / "val"
        files: list[tuple[Path, int]] = []
        for entry in sorted(root.iterdir()):
            if entry.is_dir():
                files += [(path, _number(entry, numbers)) for path in _pictures(entry)]
        if not files:
            raise ValueError(f"{root} must hold pictures in folders named by their class, got none")
        return FolderSplit(files)


class FolderSplit:
    """Pictures and the numbers of their classes; see :class:`posepyr.data.classification.labelled.LabelledSplit`."""

    def __init__(self, files: list[tuple[Path, int]]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def picture(self, index: int) -> Pixels:
        return read_picture(self.files[index][0])

    def label(self, index: int) -> int:
        return self.files[index][1]


def _number(folder: Path, numbers: dict[str, int]) -> int:
    if folder.name not in numbers:
        raise ValueError(
            f"{folder} must be named as one of the classes in {folder.parent.parent / 'train'}, got {folder.name}"
            f"; {suggestion(folder.name, numbers)}"
        )
    return numbers[folder.name]


def _pictures(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not found:
        raise ValueError(
            f"{folder} must hold at least one picture, got none with a suffix {', '.join(sorted(SUFFIXES))}"
        )
    return found
