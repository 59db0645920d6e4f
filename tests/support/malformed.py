"""Cases of malformed files: what each format looks like when whole, and how it is spoilt."""

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

MISSING = object()
"""In place of a value: what stands there is taken away."""

LONG = 10**400
"""A whole number that no float can hold."""


class Case(NamedTuple):
    """A malformed file."""

    format: str
    fault: str
    """Its class: truncated, wrong type, not a number, negative, empty, huge, count, missing, link, ..."""
    where: str
    spoil: Callable[[Path], Any]
    """Spoils the file in a folder that holds a whole one."""
    says: str
    """Pattern of what is said: the record and the field; or the reason of a skip."""
    counted: bool = False
    """Whether the record is left out and counted, instead of refused."""


class Format(NamedTuple):
    """A format of files."""

    name: str
    file: str
    """The one that is spoilt, relative to the folder."""
    write: Callable[[Path], Any]
    """Writes a whole data set in a folder, of at least two people."""
    read: Callable[[Path], Any]
    """Reads the folder: gives people, or whatever the file holds."""
    named: str = ""
    """What messages have instead of the file's name, where it is one of several."""


def of_file(one: Format, cuts: Sequence[float] = (0.1, 0.5, 0.9)) -> Iterator[Case]:
    """The faults that every file can have, whatever is in it."""

    def case(fault: str, where: str, spoil: Callable[[Path], Any], says: str = "must") -> Case:
        return Case(one.name, fault, where, lambda folder: spoil(folder / one.file), says)

    for share in cuts:
        yield case("truncated", f"after {share:.0%}", lambda path, share=share: _cut(path, share))
    yield case("empty", "no bytes", lambda path: path.write_bytes(b""))
    yield case("wrong type", "other bytes", lambda path: path.write_bytes(bytes(range(128, 256)) * 3))
    yield case("wrong type", "a web page", lambda path: path.write_text("<html><body>404</body></html>"))
    yield case("link", "a loop", _loop)
    yield case("link", "to nothing", _dangling)
    yield case("missing", "the file", Path.unlink)
    yield case("wrong type", "a folder", _folder)


def _cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("gone"))


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


Row = tuple[str, str, Any, str] | tuple[str, str, Any, str, bool]
"""Class of the fault, dotted place in the content, what is put there, what is said, whether it is only counted."""


def of_json(one: Format, rows: Sequence[Row]) -> Iterator[Case]:
    """Values put in the wrong places of a JSON file."""
    for fault, place, value, says, *counted in rows:
        shown = "taken away" if value is MISSING else repr(value)[:24]
        yield Case(
            one.name, fault, f"{place} {shown}",
            lambda folder, place=place, value=value: _change(folder / one.file, place, value), says, bool(counted),
        )  # fmt: skip


def _change(path: Path, place: str, value: Any) -> None:
    content = json.loads(path.read_text())
    path.write_text(json.dumps(put(content, place, value)))


def put(content: Any, place: str, value: Any) -> Any:
    """Content with another value in a place, or with none there."""
    content = copy.deepcopy(content)
    if not place:
        return value
    *way, last = (int(part) if part.isdecimal() else part for part in place.split("."))
    inner = content
    for part in way:
        inner = inner[part]
    if value is MISSING:
        del inner[last]
    else:
        inner[last] = value
    return content


def of_formats(formats: Sequence[tuple[Format, Sequence[Row]]]) -> Iterator[Case]:
    """All cases of JSON formats."""
    for one, rows in formats:
        yield from of_file(one)
        yield from of_json(one, rows)
        yield Case(
            one.name, "huge", "nesting", lambda folder, one=one: _nest(folder / one.file), "must be whole, valid"
        )


def _nest(path: Path) -> None:
    path.write_text("[" * 10**5)
