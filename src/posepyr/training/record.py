"""The record in a run folder: enough to know the run and to repeat it."""

import json
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from posepyr.files import write_json, write_text
from posepyr.measurement.machine import describe, git_state, versions


def write_record(folder: Path, config: dict[str, Any], overrides: Sequence[str]) -> None:
    """Write ``config.yaml``, resolved; ``run.json``; and ``git.diff`` where the code differs from its commit."""
    write_text(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False, default_flow_style=None, width=120))
    commit, difference = git_state()
    if difference:
        write_text(folder / "git.diff", difference)
    record = {
        "id": uuid.uuid4().hex[:12],
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "overrides": list(overrides),
        "seed": config.get("seed"),
        "git": {"commit": commit, "dirty": bool(difference)},
        "packages": versions(),
        "machine": describe(),
    }
    write_json(folder / "run.json", record)


def add_to_record(folder: Path, key: str, value: str) -> None:
    """Add to ``run.json`` what is known only once the parts of the run are built."""
    write_json(folder / "run.json", read_record(folder) | {key: value})


def run_id(folder: Path) -> str:
    """Return the run's own name, the same after a resume."""
    return str(read_record(folder)["id"])


def read_record(folder: Path) -> dict[str, Any]:
    """Return the content of ``run.json``."""
    record: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return record
