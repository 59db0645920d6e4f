"""The manifest of a sweep: what its jobs are, enough to go on with those that are not complete."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from posepyr.configuration.varying import varying
from posepyr.errors import UsageError
from posepyr.files import write_json

NAME = "sweep.json"
VERSION = 1


@dataclass(frozen=True)
class PlannedJob:
    """A job as it was composed."""

    number: int
    overrides: list[str]
    folder: str
    """Below the sweep's folder."""
    config: dict[str, Any]


@dataclass(frozen=True)
class Manifest:
    """A sweep: how it was started, and its jobs."""

    overrides: list[str]
    """Those of the command line, swept values and Hydra's settings included."""
    working_folder: str
    """Where it was started: paths in configurations are relative to it."""
    config_dir: str | None
    config_name: str
    base: str | None = None
    """The folder of the run that the sweep repeats with other values."""
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    jobs: list[PlannedJob] = field(default_factory=list)
    version: int = VERSION

    def with_jobs(self, jobs: Sequence[PlannedJob]) -> "Manifest":
        """Return the manifest with further jobs; one whose number is there already takes its place."""
        by_number = {job.number: job for job in [*self.jobs, *jobs]}
        return replace(self, jobs=[by_number[number] for number in sorted(by_number)])

    def varies(self) -> dict[int, list[str]]:
        """Return the overrides in which each job differs from the others, by number."""
        varies = varying([job.overrides for job in self.jobs])
        return {job.number: lines for job, lines in zip(self.jobs, varies, strict=True)}

    def write(self, folder: Path) -> None:
        """Write the manifest into the sweep's folder, whole or not at all."""
        write_json(folder / NAME, asdict(self))


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a sweep's folder."""
    path = folder / NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"DIR must be the folder of a sweep, but {path} cannot be read: {error.strerror}; "
            "posepyr train --resume DIR goes on with a single run"
        ) from error
    except ValueError as error:
        raise UsageError(f"{path} must be JSON: {error}") from error
    if not isinstance(content, dict) or content.get("version") != VERSION:
        found = content.get("version") if isinstance(content, dict) else None
        raise UsageError(f"{path} must be a manifest of version {VERSION}, got {found}; this is another posepyr's")
    try:
        jobs = [PlannedJob(**job) for job in content.pop("jobs")]
        return Manifest(**content, jobs=jobs)
    except (KeyError, TypeError) as error:
        raise UsageError(f"{path} must be a manifest as posepyr writes it: {error}") from error
