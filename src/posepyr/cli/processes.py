"""Which of a run's processes this one is."""

import os


def is_first() -> bool:
    """Whether this process writes what a run writes once: always, unless a launcher gave it a higher rank."""
    return int(os.environ.get("RANK") or os.environ.get("LOCAL_RANK") or 0) == 0
