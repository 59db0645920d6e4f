"""The scores of a run: those of the weights that are kept, those of the last epoch, and the one that sweeps go by."""

import math
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from posepyr.configuration.networks import Config

Scores = dict[str, float]

SCORED = ("val/", "test/", "val_stage_", "test_stage_")
"""Beginnings of the names of scores, among all that is logged."""

SCORES_KEY = "scores"
"""Key of checkpoints: the scores of the latest validation when it was saved, in ``best.ckpt`` those of its weights."""


class KeptScores(pl.Callback):
    """Writes the scores of the latest validation into every checkpoint, so that they come and go with its weights."""

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor
        self._before: Scores = {}

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[SCORES_KEY] = self.latest(trainer)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._before = dict(checkpoint.get(SCORES_KEY, {}))

    def latest(self, trainer: pl.Trainer) -> Scores:
        """Return the scores of the latest validation, which may have been that of an earlier start."""
        return measured(trainer.callback_metrics, self.monitor) or self._before


def measured(metrics: Mapping[str, Tensor], monitor: str = "") -> Scores:
    """Return the scores among what was logged, ``monitor`` with them; one that is not finite is left out."""
    values = {name: float(value) for name, value in metrics.items() if name.startswith(SCORED) or name == monitor}
    return {name: value for name, value in sorted(values.items()) if math.isfinite(value)}


def best_scores(checkpoint: Mapping[str, Any], monitor: str) -> Scores:
    """Return the scores of the weights in ``best.ckpt``; an older version wrote only that of ``monitor``."""
    if SCORES_KEY in checkpoint:
        return dict(checkpoint[SCORES_KEY])
    states = checkpoint.get("callbacks", {}).values()
    scores = [state.get("best_model_score") for state in states if state.get("monitor") == monitor]
    return {} if not scores or scores[0] is None else measured({monitor: scores[0]}, monitor)


def objective(scores: Mapping[str, float], config: Config) -> float | None:
    """Return what a sweep makes large or small, as ``checkpoint.mode`` says: ``checkpoint.monitor`` of the best epoch.

    It is None where a run was not validated.
    """
    return scores.get(f"best/{config['checkpoint']['monitor']}")
