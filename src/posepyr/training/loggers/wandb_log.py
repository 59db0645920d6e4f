"""Weights & Biases as a log that never stops a training: no prompts, and no waiting for a missing network."""

import logging
import netrc
import os
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import wandb
from pytorch_lightning.loggers import WandbLogger

from posepyr.training.loggers.wandb_names import Names, run_config
from posepyr.training.record import read_record, run_id

log = logging.getLogger("posepyr")

Mode = Literal["online", "offline", "disabled"]

STEP = "trainer/global_step"
"""Lightning's name of the step."""


def wandb_mode() -> tuple[Mode, str]:
    """Return W&B's mode on this machine, and the reason: ``WANDB_MODE`` if set, online with a key, offline without."""
    variable = os.environ.get("WANDB_MODE", "")
    for mode in ("online", "offline", "disabled"):
        if variable == mode:
            return mode, "WANDB_MODE is set"
    if os.environ.get("WANDB_API_KEY"):
        return "online", "WANDB_API_KEY is set"
    host = urlsplit(os.environ.get("WANDB_BASE_URL") or wandb.Settings().base_url).netloc
    try:
        if netrc.netrc().authenticators(host):
            return "online", f"the netrc file has a key for {host}"
    except (OSError, netrc.NetrcParseError):
        pass
    return "offline", "no key is configured: set WANDB_API_KEY or run `wandb login`"


def make_wandb(
    folder: Path,
    name: str,
    config: dict[str, Any],
    project: str | None = None,
    entity: str | None = None,
    group: str | None = None,
    tags: list[str] | None = None,
    timeout: float = 30.0,
    finish_timeout: float = 600.0,
) -> WandbLogger:
    """Start a W&B run and return its logger: online if that works within ``timeout`` seconds, else offline.

    At the end of the training, data not sent within ``finish_timeout`` seconds is left to ``wandb sync``.

    Explicit settings win over the user's ``WANDB_PROJECT``, ``WANDB_ENTITY`` and ``WANDB_RUN_GROUP``, and these over
    our own; ``WANDB_NAME`` and ``WANDB_TAGS`` hold too. A job of a sweep is named by what it varies.

    The run's id is the run folder's, so that a resumed training goes on in the same W&B run; ``wandb sync`` joins the
    offline logs of several starts. Charts go by the training's own steps: those that are taken again after a kill are
    logged again, with the same values.
    """
    mode, reason = wandb_mode()
    log.info("W&B is %s: %s", mode, reason)
    record = read_record(folder)
    settings: dict[str, Any] = {
        **Names.of(record, config, name, project, entity, group, tags)._asdict(), "id": run_id(folder),
        "dir": str(folder), "resume": "allow", "config": run_config(folder, record, config),
        "reinit": "finish_previous",
    }  # fmt: skip
    run = _start(settings, mode, timeout, finish_timeout)
    # W&B's own count of steps would go on where the killed run stopped, not where its checkpoint was.
    run.define_metric(STEP)
    run.define_metric("*", step_metric=STEP, step_sync=True)
    if chosen := config.get("checkpoint"):
        # In the table of runs, the best and not the last.
        run.define_metric(chosen["monitor"], step_metric=STEP, step_sync=True, summary=chosen["mode"])
    return WandbLogger(experiment=run)


def _start(settings: dict[str, Any], mode: Mode, timeout: float, finish_timeout: float) -> Any:
    """Start a run in this mode, or offline where that fails."""
    timeouts: dict[str, Any] = {"init_timeout": timeout}
    # Older versions have no such setting.
    if "finish_timeout" in wandb.Settings.model_fields:
        timeouts["finish_timeout"] = finish_timeout
    try:
        return wandb.init(**settings, mode=mode, settings=wandb.Settings(**timeouts, silent=True))
    except (wandb.errors.Error, OSError) as error:
        log.warning("W&B could not start online (%s); logging offline to %s/wandb", error, settings["dir"])
        wandb.teardown()  # Otherwise its service keeps the run's id occupied.
        return wandb.init(**settings, mode="offline", settings=wandb.Settings(silent=True))
