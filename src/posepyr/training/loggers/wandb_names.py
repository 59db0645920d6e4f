"""Names, group and tags of a W&B run: explicit settings first, then the user's environment, then our own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from posepyr.configuration.varying import key_of, shortened

PROJECT = "posepyr"

LONGEST_TAG = 64
"""W&B takes tags of up to so many characters."""


class Names(NamedTuple):
    """The settings of a W&B run that tell it from others."""

    project: str
    entity: str | None
    name: str
    group: str | None
    tags: list[str]

    @classmethod
    def of(
        cls,
        record: Mapping[str, Any],
        config: Mapping[str, Any],
        name: str,
        project: str | None = None,
        entity: str | None = None,
        group: str | None = None,
        tags: list[str] | None = None,
    ) -> "Names":
        """Return the settings of the run with a record and a configuration.

        What is not given is taken from ``WANDB_PROJECT``, ``WANDB_ENTITY``, ``WANDB_NAME`` and ``WANDB_RUN_GROUP``. A
        job of a sweep is named by what it varies, and grouped by its sweep. Tags add up: the experiment's and the
        network's names, those given and those of ``WANDB_TAGS``.
        """
        sweep = record.get("sweep") or {}
        varies = " ".join(shortened(sweep.get("varies", [])))
        words = [*_parts(record, config), *(tags or []), *os.environ.get("WANDB_TAGS", "").split(",")]
        return cls(
            project=project or os.environ.get("WANDB_PROJECT") or PROJECT,
            entity=entity or os.environ.get("WANDB_ENTITY") or None,
            name=os.environ.get("WANDB_NAME") or varies or name,
            group=group or os.environ.get("WANDB_RUN_GROUP") or sweep.get("sweep"),
            tags=list(dict.fromkeys(word.strip()[:LONGEST_TAG] for word in words if word.strip())),
        )


def _parts(record: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """Return the names of the experiment, if one was chosen, and of the network: its choice, or else its class."""
    chosen = {key_of(line): line.partition("=")[2] for line in record.get("overrides", ())}
    kind = "classifier" if config.get("classifier") else "model"
    target = str((config.get(kind) or {}).get("_target_", ""))
    return [chosen.get("experiment", ""), chosen.get(kind) or target.rpartition(".")[2]]


def run_config(folder: Path, record: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what W&B's table of runs can show and sort by: the configuration, and where the run comes from."""
    return {
        **config,
        "overrides": list(record.get("overrides", ())),
        "git_commit": record.get("git", {}).get("commit"),
        "run_folder": str(folder.absolute()),
    }
