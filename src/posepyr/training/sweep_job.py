"""The place of a run in a sweep. The launcher leaves it in the job's folder, and the run's record takes it up."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from posepyr.files import write_json

FILE = "sweep_job.json"


class SweepPlace(NamedTuple):
    """The place of a run in a sweep."""

    sweep: str
    """The sweep's name: the last two parts of its folder, as ``demo/multirun_2026-01-31_12-00-00``."""
    number: int
    varies: list[str]
    """The job's own overrides, as ``posepyr.configuration.varying`` finds them."""


def write_sweep_job(folder: Path, sweep_folder: Path, number: int, varies: Sequence[str]) -> None:
    """Leave in a job's folder, before it starts, which job of which sweep it is."""
    whole = sweep_folder.absolute()
    job = SweepPlace(f"{whole.parent.name}/{whole.name}", number, list(varies))
    write_json(folder / FILE, job._asdict())


def read_sweep_job(folder: Path) -> dict[str, Any] | None:
    """Return what the launcher left in a run folder, as plain data; None outside of a sweep."""
    path = folder / FILE
    if not path.is_file():
        return None
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
