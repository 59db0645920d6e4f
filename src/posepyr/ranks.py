"""Which of a run's processes this one is, and who started it."""

import os


def is_first() -> bool:
    """Whether this process writes what a run writes once: always, unless a launcher gave it a higher rank."""
    return rank() == 0


def rank() -> int:
    """The number of this process among all of the run's."""
    for name in ("RANK", "SLURM_PROCID" if in_slurm() else "RANK", "LOCAL_RANK"):
        if os.environ.get(name):
            return int(os.environ[name])
    return 0


def in_torchrun() -> bool:
    """Whether Torch's elastic launcher started this process: ``torchrun``, or posepyr itself."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def in_slurm() -> bool:
    """Whether this process is one of several that ``srun`` started."""
    interactive = os.environ.get("SLURM_JOB_NAME") in ("bash", "interactive")
    return "SLURM_PROCID" in os.environ and int(os.environ.get("SLURM_NTASKS") or 1) > 1 and not interactive


def launched() -> bool:
    """Whether this process is one of a run's several already."""
    return in_torchrun() or in_slurm() or int(os.environ.get("WORLD_SIZE") or 1) > 1
