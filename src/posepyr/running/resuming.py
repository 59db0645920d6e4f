"""Runs that go on: whether there is anything left to train."""

import json
from pathlib import Path
from typing import Any

from posepyr.checkpoints.storage import read_checkpoint
from posepyr.configuration.stored import changes, read_stored
from posepyr.ranks import is_first
from posepyr.training.record import read_state

Config = dict[str, Any]


def scores_if_complete(folder: Path, config: Config) -> dict[str, float] | None:
    """Return the scores of a finished run, with a line that says so; None for one that has anything left to train.

    ``config`` is the run's configuration with what the user has changed: perhaps it asks for more steps.
    """
    if read_state(folder) != "finished" or not (folder / "metrics.json").is_file() or _asks_for_more(folder, config):
        return None
    if is_first():
        hint = f"to train longer: posepyr train --resume {folder} trainer.max_epochs=N"
        print(f"the run in {folder} is complete, nothing is changed; {hint}", flush=True)
    scores: dict[str, float] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return scores


def _asks_for_more(folder: Path, config: Config) -> bool:
    """Return whether a finished run would train on: not if nothing is changed, whatever has ended it."""
    changed = changes(read_stored(folder), config)
    changed.pop("progress", None)
    last = folder / "checkpoints" / "last.ckpt"
    if not changed or not last.is_file():
        return bool(changed)
    content = read_checkpoint(last)
    progress = content["loops"]["fit_loop"]
    epochs: int = progress["epoch_progress"]["current"]["processed"]
    if not progress["epoch_loop.batch_progress"]["is_last_batch"]:
        epochs -= 1
    trainer = config["trainer"]
    return _is_below(content["global_step"], trainer.get("max_steps")) and _is_below(epochs, trainer.get("max_epochs"))


def _is_below(done: int, limit: int | None) -> bool:
    return limit in (None, -1) or done < limit
