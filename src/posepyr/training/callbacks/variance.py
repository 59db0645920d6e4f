"""Variances of responses and gradients through the depth of a network while it is trained."""

from contextlib import ExitStack
from typing import Any, get_args

import pytorch_lightning as pl

from posepyr.training.callbacks.sheets import log_picture, picture_path
from posepyr.training.learner import Learner
from posepyr.variance.curves import Measured, curves, draw_variances
from posepyr.variance.probe import At, OutputMoments, Place, Profile, places, watched


class VarianceProfile(pl.Callback):
    """Logs what ``posepyr audit`` measures, at the first step of a run and every ``every_n_steps`` after it.

    ``train/response_variance/<output>`` and ``train/gradient_variance/<output>`` are of the batch that the first
    process is trained on at that step, by the names of the modules that ``at`` selects. After each epoch a figure
    compares the newest with the first: ``pictures/variances.png``, and ``variances`` on W&B. The training is the same
    as without, except that a compiled network takes these steps as it was written.
    """

    def __init__(self, every_n_steps: int = 100, at: At = "blocks") -> None:
        if every_n_steps < 1:
            raise ValueError(f"every_n_steps must be positive, got {every_n_steps}")
        if at not in get_args(At):
            raise ValueError(f"at must be one of {', '.join(get_args(At))}, got {at}")
        self.every_n_steps, self.at = every_n_steps, at
        self._places: dict[str, Place] = {}
        self._watching = ExitStack()
        self._profile: Profile | None = None
        self._step = -1
        self._drawn: list[Measured] = []

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        # Of a batch in several passes, the first.
        due = step % self.every_n_steps == 0 and step != self._step
        if not due or not trainer.is_global_zero or not isinstance(pl_module, Learner):
            return
        model, self._step = pl_module.model, step
        self._places = self._places or places(model, [batch.image], self.at)
        self._profile = self._watching.enter_context(watched(model, self._places))

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._watching.close()
        if self._profile is None:
            return
        rows = _unscaled(self._profile.rows(), trainer)
        self._profile = None
        self._drawn = [*self._drawn[:1], Measured(f"step {self._step}", 0, 0, rows)]
        values = {f"train/response_variance/{row.name}": row.response.variance for row in rows}
        values |= {f"train/gradient_variance/{row.name}": row.gradient.variance for row in rows if row.gradient}
        for logger in trainer.loggers:
            logger.log_metrics({"epoch": trainer.current_epoch, **values}, step=self._step)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._drawn:
            path = picture_path(trainer, "variances")
            draw_variances(curves(self._drawn), path)
            log_picture(trainer, path, "variances")

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._watching.close()


def _unscaled(rows: list[OutputMoments], trainer: pl.Trainer) -> list[OutputMoments]:
    """Divide the gradients by the scale with which mixed precision in float16 multiplies the loss."""
    scaler: Any = getattr(trainer.precision_plugin, "scaler", None)
    if scaler is None:
        return rows
    factor = 1 / float(scaler.get_scale())
    return [row._replace(gradient=row.gradient.scaled(factor) if row.gradient else None) for row in rows]
