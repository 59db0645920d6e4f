"""What the machine may do to a run: libraries' words for it, and what helps."""

import errno
import re

MISHAPS = {
    r"DataLoader worker .* killed by signal: Bus error|unable to .*</torch_": (
        "the loaders' workers hand pictures over in /dev/shm, which is too small or full: give a container more by "
        "docker run --shm-size=8g or --ipc=host, or lower data.workers or data.device_batch; data.workers=0 needs none"
    ),
    r"DataLoader worker .* killed by signal: Killed|DataLoader worker .* exited unexpectedly": (
        "the system ends a worker when the machine's memory runs out (dmesg tells): lower data.workers"
    ),
    r"Too many open files|received 0 items of ancdata": (
        "raise the limit by ulimit -n 65536, or lower data.workers: each batch on its way takes several open files"
    ),
    r"CUDA error: (?:uncorrectable ECC|hardware stack|unknown)|GPU is lost|fallen off the bus": (
        "the GPU or its driver failed, nvidia-smi and dmesg tell more; what was saved before is untouched: go on with "
        "posepyr train --resume once it works again"
    ),
}
"""What helps, by a regular expression for what is said."""

FULL = (errno.ENOSPC, errno.EDQUOT)


def remedy(error: BaseException) -> str | None:
    """An error of the machine's in one line, with what helps; None of any other error."""
    if isinstance(error, OSError) and error.errno in FULL and error.filename:
        return f"{error.filename} cannot be written ({error.strerror}): make room; what was saved before is untouched"
    # How a worker ended is said by the error that Torch's own comes from.
    for said in (str(error.__cause__), str(error)):
        for words, advice in MISHAPS.items():
            found = re.search(words, said)
            if found:
                return f"{_line(said, found.start())}\n  {advice}"
    return None


def _line(text: str, place: int) -> str:
    """The line of a text that a place is in."""
    return text[text.rfind("\n", 0, place) + 1 :].partition("\n")[0].strip()
