"""The file ``progress.json`` of a run folder: how far a training is. Read without Torch, by whoever watches runs."""

import json
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from posepyr.files import write_json

FILE = "progress.json"


class Progress(NamedTuple):
    """The state of a training; None for what is not known."""

    epoch: int
    """The present epoch, from 1."""
    epochs: int | None
    step: int
    """Steps of the optimizer that are taken, those of earlier starts included."""
    steps: int | None
    monitor: str
    """The score that the best weights are chosen by."""
    value: float | None
    """That score at the last validation."""
    best: float | None
    best_epoch: int | None
    seconds_left: float | None
    """From the speed of this start, with validations; the test that follows the training is not counted."""
    updated: str
    """The time of writing, in ISO format."""


def write_progress(folder: Path, progress: Progress) -> None:
    """Write ``progress.json``, whole; the next one is soon to come, so that it is not forced onto the disk."""
    write_json(folder / FILE, progress._asdict(), durable=False)


def read_progress(folder: Path) -> Progress | None:
    """Return how far the training in a run folder is; None if it has not begun or was left by an older version."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return Progress(**{key: content[key] for key in Progress._fields})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def format_left(seconds: float | None) -> str:
    """Return a time for reading, as ``1:23:45``, or ``unknown``."""
    return "unknown" if seconds is None else str(timedelta(seconds=round(seconds)))
