"""SLURM: which of a job's tasks this process is, and jobs that SLURM starts again."""

import os
import subprocess
from pathlib import Path

from posepyr.files import write_text


def is_task() -> bool:
    """Return whether this process is one of several that ``srun`` started."""
    interactive = os.environ.get("SLURM_JOB_NAME") in ("bash", "interactive")
    return "SLURM_PROCID" in os.environ and task_count() > 1 and not interactive


def task_rank() -> int:
    """Return the number of this process among the job's tasks."""
    return int(os.environ["SLURM_PROCID"])


def task_count() -> int:
    """Return how many tasks the job step has; 1 outside of SLURM."""
    return int(os.environ.get("SLURM_NTASKS") or 1)


def remember(folder: Path) -> None:
    """Record a run folder as that of the SLURM job which this process belongs to, if it belongs to one."""
    file = _folder_file()
    if file is not None:
        write_text(file, str(folder.absolute()))


def recall() -> Path | None:
    """Return the run folder to go on in if SLURM has started this job before and it has saved something there."""
    file = _folder_file()
    if file is None or not file.is_file() or int(os.environ.get("SLURM_RESTART_COUNT") or 0) < 1:
        return None
    folder = Path(file.read_text(encoding="utf-8"))
    return folder if (folder / "checkpoints" / "last.ckpt").is_file() else None


def requeue() -> None:
    """Ask SLURM to start this job again, if it is a job that SLURM may."""
    job = os.environ.get("SLURM_JOB_ID")
    if job and os.environ.get("SLURM_PROCID"):
        subprocess.run(["scontrol", "requeue", job], check=False)


def _folder_file() -> Path | None:
    # The jobs of an array have numbers of their own.
    job = os.environ.get("SLURM_JOB_ID")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "posepyr" / "slurm" / job if job else None
