"""Files cut short, or with a few of their bytes changed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np


def damaged(whole: bytes, cuts: int = 50, changes: int = 60) -> Iterator[bytes]:
    """A file's content, cut short in many places, and with up to four bytes or single bits changed."""
    generator = np.random.default_rng(0)
    for length in np.linspace(0, len(whole), cuts, endpoint=False).astype(int):
        yield whole[:length]
    for _ in range(changes):
        content = bytearray(whole)
        for place in generator.integers(0, len(whole), generator.integers(1, 5)):
            content[place] ^= (
                int(1 << generator.integers(8)) if generator.random() < 0.5 else int(generator.integers(256))
            )
        yield bytes(content)


def complaints(read: Callable[[Path], Any], file: Path) -> list[str | None]:
    """What is said of each damaged copy of a file; None where it can be read all the same."""
    said: list[str | None] = []
    for content in damaged(file.read_bytes()):
        file.write_bytes(content)
        try:
            read(file)
        except ValueError as error:
            said.append(str(error))
        else:
            said.append(None)
    return said
