"""The record in a run folder: enough to know the run, to repeat it, and to tell whether and how it ended."""

import json
import os
import platform
import sys
import time
import traceback
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import yaml

from posepyr import errors
from posepyr.files import write_json, write_text
from posepyr.measurement.machine import describe, git_state, versions
from posepyr.ranks import is_first
from posepyr.training.sweep_job import read_sweep_job

End = Literal["finished", "stopped", "failed"]
"""How a run ended: ``stopped`` was asked to end by a signal, ``failed`` raised an error."""

State = End | Literal["waiting", "running", "killed"]
"""How a run stands: ``waiting`` has not begun, ``killed`` is gone without a word."""

SILENT_SECONDS = 300
"""For how long a run on another machine may write nothing until it counts as killed."""


def write_record(folder: Path, config: dict[str, Any], overrides: Sequence[str]) -> None:
    """Write ``config.yaml``, resolved; ``run.json``; and ``git.diff`` where the code differs from its commit.

    What :func:`record_origin` has recorded stays.
    """
    write_config(folder, config)
    commit, difference = git_state()
    if difference:
        write_text(folder / "git.diff", difference)
    record = _recorded(folder) | {
        "id": uuid.uuid4().hex[:12],
        "started": _written(datetime.now(UTC)),
        "command": sys.argv,
        "overrides": list(overrides),
        "seed": config.get("seed"),
        "git": {"commit": commit, "dirty": bool(difference)},
        "packages": versions(),
        "machine": describe(),
        "process": this_process(),
    }
    if sweep := read_sweep_job(folder):
        record["sweep"] = sweep
    write_json(folder / "run.json", record)


def record_origin(folder: Path, rerun_of: Path) -> None:
    """Record, before a run begins, the folder of the run that it repeats."""
    write_json(folder / "run.json", {"rerun_of": str(rerun_of)})


def _recorded(folder: Path) -> dict[str, Any]:
    return read_record(folder) if (folder / "run.json").is_file() else {}


def overrides_with(folder: Path, new: Sequence[str]) -> list[str]:
    """Return the overrides of a run and those with which it went on, followed by ``new`` ones.

    A later one takes the place of those of the same key or of keys in it: ``model=cpn`` that of ``model.stacks=2``.
    """
    record = _recorded(folder)
    resumes = [resume["overrides"] for resume in record.get("resumes", ())]
    lines: list[str] = list(record.get("overrides", ()))
    for later in [*resumes, new]:
        keys = [_key(line) for line in later]
        lines = [line for line in lines if not any(f"{_key(line)}.".startswith(f"{key}.") for key in keys)]
        lines += later
    return lines


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Write ``config.yaml``."""
    write_text(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False, default_flow_style=None, width=120))


def record_resume(folder: Path, step: int, overrides: Sequence[str], changed: dict[str, list[Any]]) -> None:
    """Record that a run goes on after a step, with ``changed`` keys: the values before and after."""
    record = read_record(folder)
    record.pop("end", None)
    resume = {"time": _written(datetime.now(UTC)), "step": step, "overrides": list(overrides), "changed": changed}
    resumes = [*record.get("resumes", ()), resume]
    write_json(folder / "run.json", record | {"process": this_process(), "resumes": resumes})


@contextmanager
def recorded_end(folder: Path) -> Iterator[None]:
    """Record how a run ended, if this is the first of its processes; errors go on to the caller."""
    try:
        yield
    except BaseException as error:
        stopped = isinstance(error, SystemExit | KeyboardInterrupt)
        # A full disk may be the error: that this cannot be recorded must not hide it.
        with suppress(OSError):
            # One that never began leaves nothing, so that its folder can go.
            if is_first() and (folder / "run.json").is_file():
                record_end(folder, "stopped" if stopped else "failed", None if stopped else in_short(error))
        raise
    if is_first():
        record_end(folder, "finished")


def in_short(error: BaseException) -> str:
    """Return an error in a line or a few, without a traceback."""
    return errors.message(error) or traceback.format_exception_only(error)[-1].strip()


def record_end(folder: Path, state: End, error: str | None = None) -> None:
    """Record that a run has ended, as its own process does and any other may that saw it die.

    ``seconds`` are those since the run began or last went on; null where that is not known.
    """
    record = _recorded(folder)
    begun = record["resumes"][-1]["time"] if record.get("resumes") else record.get("started")
    ended = datetime.now(UTC)
    seconds = None if begun is None else (ended - datetime.fromisoformat(begun)).total_seconds()
    end = {"state": state, "time": _written(ended), "seconds": seconds, "error": error}
    write_json(folder / "run.json", record | {"end": end})


def read_state(folder: Path) -> State:
    """Return how the run in a folder stands."""
    if not (folder / "run.json").is_file():
        return "waiting"
    record = read_record(folder)
    if record.keys() == {"rerun_of"}:
        return "waiting"
    if "end" in record:
        state: End = record["end"]["state"]
        return state
    if "process" not in record:
        # Written before runs recorded their end.
        return "finished" if (folder / "metrics.json").is_file() else "killed"
    process = record["process"]
    here = process["host"] == platform.node() and os.name == "posix"
    alive = _is_alive(process) if here else time.time() - _last_written(folder) < SILENT_SECONDS
    return "running" if alive else "killed"


def this_process() -> dict[str, Any]:
    """Return what tells this process from any other, also from a later one with its number."""
    return {"host": platform.node(), "pid": os.getpid(), "started": _start_ticks(os.getpid())}


def _start_ticks(pid: int) -> int | None:
    """Return when a process started, in Linux's clock ticks; None on other systems, and for one that has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    # The second field is the program's name in brackets, with any characters: the third follows the last of them.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _is_alive(process: dict[str, Any]) -> bool:
    number: int = process["pid"]
    started: int | None = process["started"]
    if started is not None:
        return _start_ticks(number) == started
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _last_written(folder: Path) -> float:
    names = ("run.json", "metrics.csv", "progress.json", "checkpoints/*")
    return max((path.stat().st_mtime for name in names for path in folder.glob(name)), default=0.0)


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def add_to_record(folder: Path, key: str, value: Any) -> None:
    """Add to ``run.json`` what is known only once the parts of the run are built, or at its end."""
    write_json(folder / "run.json", read_record(folder) | {key: value})


def best_epoch(folder: Path) -> str:
    """Return a line on the epoch whose weights are kept, empty where none was chosen."""
    if not (folder / "run.json").is_file():
        return ""
    best = read_record(folder).get("best")
    if best is None:
        return ""
    value = "" if best["value"] is None else f" {best['value']:.4g}"
    return f"best epoch {best['epoch']} of {best['epochs']}, by {best['monitor']}{value}"


def run_id(folder: Path) -> str:
    """Return the run's own name, the same after a resume."""
    return str(read_record(folder)["id"])


def read_record(folder: Path) -> dict[str, Any]:
    """Return the content of ``run.json``."""
    record: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return record
