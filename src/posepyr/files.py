"""Files that are written whole or not at all, and sizes in words."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


@contextmanager
def whole(path: Path, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` at the end, remove it on an error.

    Without ``durable`` the file is left to the system's memory, which is faster: whole after a kill, but not after a
    failure of the machine.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        if durable:
            with part.open("rb+") as file:
                os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files below ``folder`` that a killed process left."""
    for part in folder.rglob(".*.part*"):
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str, durable: bool = True) -> None:
    """Write a text file."""
    with whole(path, durable) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any, durable: bool = True) -> None:
    """Write plain data as indented JSON."""
    write_text(path, json.dumps(content, indent=2) + "\n", durable)


def format_bytes(count: int) -> str:
    """Return a number of bytes for reading, as ``512 bytes``, ``1.50 MiB`` or ``12.0 GiB``."""
    value, unit = float(count), 0
    while value >= 1024 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    if unit == 0:
        return f"{count} bytes"
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f} {UNITS[unit]}"
