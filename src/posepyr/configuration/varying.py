"""In which overrides jobs differ."""

from collections.abc import Sequence


def varying(jobs: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return of each job's overrides those that not all jobs have; all of them where the jobs are the same."""
    shared = set(jobs[0]).intersection(*jobs) if len(jobs) > 1 else set()
    return [[line for line in job if line not in shared] or list(job) for job in jobs]
