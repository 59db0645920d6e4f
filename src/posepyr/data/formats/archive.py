"""Folders of data sets on disk, and errors that name the file, the record and the field at fault."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from posepyr.data.formats import zips
from posepyr.errors import suggestion
from posepyr.records import FloatArray

ROOT = "POSEPYR_DATA"
"""Environment variable naming the folder that holds the data sets; ``./data`` without it."""

LARGEST = 1e6
"""No picture is this many pixels wide: coordinates beyond it are mistakes."""


def data_folder(folder: str | Path) -> Path:
    """Return a data set's folder: as it stands if absolute, else under the folder of all data sets."""
    return Path(os.environ.get(ROOT) or "data").expanduser().absolute() / Path(folder).expanduser()


def require(root: Path, needed: Sequence[str], name: str, unpacked: bool = False) -> None:
    """Raise unless ``root`` holds everything ``needed`` (a final ``/`` marks a folder), showing both trees.

    Unless folders must be ``unpacked``, they may lie in zip archives: see :mod:`posepyr.data.formats.zips`.
    """
    present = {entry: _is_there(root / entry, entry, unpacked) for entry in needed}
    if all(present.values()):
        return
    looked = [f"  {entry:<50} {'there' if there else 'MISSING'}" for entry, there in present.items()]
    raise ValueError(
        "\n".join(
            [
                f"{name} must lie complete in {root}, got only a part of it. Looked for",
                *looked,
                "and found",
                *_tree(root),
                f"Put the files there, name their folder in the configuration, or set {ROOT} to the folder above it.",
            ]
        )
    )


def _is_there(path: Path, entry: str, unpacked: bool) -> bool:
    if not entry.endswith("/"):
        return path.is_file()
    return path.is_dir() if unpacked else is_folder(path)


def is_folder(path: Path) -> bool:
    """Return True if a folder is there, unpacked or in a zip archive."""
    return path.is_dir() or zips.holds_folder(path)


def _tree(root: Path, most: int = 8) -> list[str]:
    if not root.is_dir():
        above = next((parent for parent in root.parents if parent.is_dir()), root.parent)
        return [f"  no folder {root}; the nearest that exists is {above}, with", *_listing(above, most)]
    lines = []
    for entry in sorted(root.iterdir())[:most]:
        lines += _listing(entry, 3, f"  {entry.name}/") if entry.is_dir() else [f"  {entry.name}"]
    return lines or [f"  nothing: {root} is empty"]


def _listing(folder: Path, most: int, prefix: str = "  ") -> list[str]:
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        return [f"{prefix} (unreadable: {error.strerror})"]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return [f"{prefix} {', '.join(names[:most]) or '(empty)'}{more}"]


class Record(NamedTuple):
    """One record of an annotation file, so that a complaint can name it."""

    file: Path
    name: str = ""
    """As in ``annotations[3] (id 17)``; empty for the file as a whole."""

    def error(self, field: str, rule: str, got: Any, advice: str = "") -> ValueError:
        """Return the error that a field of it must follow a rule."""
        where = f"{self.file}: {self.name}: " if self.name else f"{self.file}: "
        text = repr(got)
        # Beginning and end: of a long path the end tells more.
        text = text if len(text) <= 120 else f"{text[:58]}...{text[-58:]}"
        return ValueError(f"{where}{field} must {rule}, got {text}{f'; {advice}' if advice else ''}")

    def mapping(self, value: Any, field: str = "it") -> dict[str, Any]:
        """Return the value, or raise unless it maps names to values."""
        if not isinstance(value, dict):
            raise self.error(field, "map names to values", value)
        return value

    def items(self, content: dict[str, Any], field: str) -> list[Any]:
        """Return the list under a name, or raise unless there is one."""
        value = self.value(content, field)
        if not isinstance(value, list):
            raise self.error(field, "be a list", value)
        return value

    def value(self, content: dict[str, Any], field: str) -> Any:
        """Return the value under a name, or raise if there is none."""
        if field not in content:
            where = f"{self.file}: {self.name}: " if self.name else f"{self.file}: "
            raise ValueError(f"{where}{field} must be given, but is missing; {suggestion(field, map(str, content))}")
        return content[field]

    def numbers(self, value: Any, field: str, count: int, largest: float = LARGEST) -> FloatArray:
        """Return a list of exactly ``count`` numbers as an array, or raise; none may be beyond ``largest``."""
        if not isinstance(value, list) or len(value) != count:
            got = f"{len(value)} entries" if isinstance(value, list) else value
            raise self.error(field, f"be a list of {count} numbers", got)
        wrong = [entry for entry in value if type(entry) not in (int, float) or not abs(entry) <= largest]
        if wrong:
            raise self.error(field, f"hold finite numbers of at most {largest:.0e} in size", wrong[0])
        return np.array(value, np.float64)


def table(
    rows: Sequence[Any], records: Sequence[Record], field: str, count: int, largest: float = LARGEST
) -> FloatArray:
    """Return a field of many records as one array ``N count``, or raise unless each is a list of so many numbers."""
    if all(type(row) is list and len(row) == count and set(map(type, row)) <= {int, float} for row in rows):
        with contextlib.suppress(OverflowError):
            values = np.array(rows, np.float64).reshape(-1, count)
            if (np.abs(values) <= largest).all():
                return values
    # Something is wrong: row by row, to say which. An honest table comes through as well.
    checked = [record.numbers(row, field, count, largest) for row, record in zip(rows, records, strict=True)]
    return np.array(checked).reshape(-1, count)
