"""The overrides that tell the jobs of a sweep apart, for headlines, tables and logs."""

from collections import Counter
from collections.abc import Mapping, Sequence


def varying(jobs: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return, for each job, those of its overrides that some other job has differently or not at all.

    Where nothing varies, as with a single job, all of them are returned.

    >>> varying([["trainer=cpu", "model.width=8", "seed=0"], ["trainer=cpu", "model.width=8", "seed=1"]])
    [['seed=0'], ['seed=1']]
    """
    # Of a key that is given twice the last counts, as in the configuration.
    values = [{key_of(line): line for line in lines} for lines in jobs]
    lines_of = {key: {job.get(key) for job in values} for job in values for key in job}
    varies = {key for key, lines in lines_of.items() if len(lines) > 1}
    return [[line for key, line in job.items() if not varies or key in varies] for job in values]


def key_of(override: str) -> str:
    """Return the key of an override, as ``model.width`` of ``+model.width=8``, or ``callbacks`` of ``~callbacks``."""
    return override.partition("=")[0].lstrip("+~")


def shortened(overrides: Sequence[str]) -> list[str]:
    """Return overrides for reading: of each key the last part, unless two keys share it.

    >>> shortened(["model.block.variant=Bstar", "seed=2"])
    ['variant=Bstar', 'seed=2']
    """
    keys = [key_of(line) for line in overrides]
    shared = Counter(key.rpartition(".")[2] for key in keys)
    short = [key if shared[key.rpartition(".")[2]] > 1 else key.rpartition(".")[2] for key in keys]
    return [line.replace(key, name, 1) for line, key, name in zip(overrides, keys, short, strict=True)]


def faults_of_jobs(faults: Mapping[int, str], jobs: Mapping[int, Sequence[str]]) -> str:
    """Return the faults of jobs by number as one message: what is wrong with all of them once, else job by job."""
    texts = list(faults.values())
    if len(faults) == len(jobs) and len(set(texts)) == 1:
        return texts[0]
    varies = dict(zip(jobs, varying(list(jobs.values())), strict=True))
    return "\n".join(f"job {number} ({' '.join(varies[number])}): {text}" for number, text in faults.items())
