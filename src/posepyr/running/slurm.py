"""Jobs that SLURM starts again: they go on in the folder that they had."""

import os
from pathlib import Path

from posepyr.files import write_text


def remember(folder: Path) -> None:
    """Note a run folder as that of the SLURM job which this is, if it is one."""
    note = _note()
    if note is not None:
        write_text(note, str(folder.absolute()))


def recall() -> Path | None:
    """The folder to go on in: where SLURM has started this job before, and it has saved something there."""
    note = _note()
    if note is None or not note.is_file() or int(os.environ.get("SLURM_RESTART_COUNT") or 0) < 1:
        return None
    folder = Path(note.read_text(encoding="utf-8"))
    return folder if (folder / "checkpoints" / "last.ckpt").is_file() else None


def _note() -> Path | None:
    # An array's jobs have numbers of their own.
    job = os.environ.get("SLURM_JOB_ID")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "posepyr" / "slurm" / job if job else None
