"""How far a command is, where somebody watches it."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import Progress


def progress_bar() -> Progress:
    """A bar on the error stream, which vanishes at the end; none where that is no terminal."""
    return Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


@contextmanager
def tracking() -> Iterator[Callable[[Sequence[Any], str], Iterable[Any]]]:
    """What goes through items and shows how far it is with them."""
    with progress_bar() as progress:
        yield lambda items, what: progress.track(items, description=what)
