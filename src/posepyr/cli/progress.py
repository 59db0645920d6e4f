"""Progress of a command, shown where a terminal is watched."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import Progress


def progress_bar() -> Progress:
    """Return a bar on the error stream that vanishes at the end; it shows nothing where that is no terminal."""
    return Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


@contextmanager
def tracking() -> Iterator[Callable[[Sequence[Any], str], Iterable[Any]]]:
    """Yield a function that iterates over items and shows the progress under a label."""
    with progress_bar() as progress:
        yield lambda items, label: progress.track(items, description=label)
