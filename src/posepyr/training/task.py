"""Training a pose network: forward, targets, loss; predictions and their scores."""

from collections.abc import Callable, Iterable
from typing import Any, TypedDict

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torchmetrics import Metric

from posepyr.checkpoints.recipe import Recipe
from posepyr.codec import Codec
from posepyr.inference.protocol import Protocol
from posepyr.layers.pooling import redraw_regions
from posepyr.losses import StagedMSE
from posepyr.records import PoseBatch
from posepyr.skeleton import Skeleton
from posepyr.training.schedule import Schedule


class Seen(TypedDict):
    """What validation found in a batch: people by number, their keypoints in image pixels, and the scores."""

    sample: Tensor
    keypoints: Tensor
    scores: Tensor


class PoseTask(pl.LightningModule):
    """A model with everything that training adds to it. Holds no state of its own but a generator."""

    def __init__(
        self,
        model: nn.Module,
        codec: Codec,
        skeleton: Skeleton,
        loss: StagedMSE,
        metric: Metric,
        protocol: Protocol,
        recipe: Recipe,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] | None = None,
        schedule: Schedule | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        # The layout that convolutions are fastest in, on CPUs and on GPUs.
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.loss, self.metric = loss, metric
        self.codec, self.skeleton, self.protocol, self.recipe = codec, skeleton, protocol, recipe
        self._optimizer, self._schedule = optimizer, schedule
        self.regions = torch.Generator().manual_seed(seed)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = self.model(image)
        return outputs

    def training_step(self, batch: PoseBatch, _index: int) -> Tensor:
        # Outside of anything that is compiled or recomputed: see layers/pooling.
        redraw_regions(self.model, self.regions)
        losses = self.losses(batch)
        loss = losses.sum()
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.image))
        return loss

    def losses(self, batch: PoseBatch) -> Tensor:
        """The losses by stage; targets are drawn on the device, once per resolution."""
        outputs = self(batch.image)
        height, width = batch.image.shape[-2:]
        sizes = [(int(output.shape[-2]), int(output.shape[-1])) for output in outputs]
        drawn = {size: self.codec.encode(batch.keypoints, (height, width), size) for size in set(sizes)}
        losses: Tensor = self.loss(outputs, [drawn[size] for size in sizes], (batch.visibility > 0).float())
        return losses

    def validation_step(self, batch: PoseBatch, _index: int) -> Seen:
        return self._score(batch)

    def test_step(self, batch: PoseBatch, _index: int) -> Seen:
        return self._score(batch)

    def _score(self, batch: PoseBatch) -> Seen:
        found = self.protocol.find(self.model, self.codec, batch.image, batch.to_image, self.skeleton.flip_order)
        self.metric.update(found.keypoints, batch.truth, batch.labelled)
        return Seen(sample=batch.sample, keypoints=found.keypoints, scores=found.scores)

    def on_validation_epoch_end(self) -> None:
        self._log_scores("val")

    def on_test_epoch_end(self) -> None:
        self._log_scores("test")

    def _log_scores(self, split: str) -> None:
        for name, value in self.metric.compute().items():
            # Already reduced over processes by the metric itself.
            self.log(f"{split}/{name}", value.float(), prog_bar="/" not in name, rank_zero_only=True)
        self.metric.reset()

    def configure_optimizers(self) -> Any:
        if self._optimizer is None or self._schedule is None:
            raise ValueError("this task was made for evaluation; training it takes an optimizer and a schedule")
        optimizer, schedule = self._optimizer(self.model.parameters()), self._schedule
        steps = int(self.trainer.estimated_stepping_batches)
        per_epoch = max(1, steps // max(1, self.trainer.max_epochs or 1))
        scheduler = LambdaLR(optimizer, lambda step: schedule(step, steps, per_epoch))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["posepyr"] = self.recipe.to_dict()
        checkpoint["generators"] = {"regions": self.regions.get_state(), "torch": torch.get_rng_state()}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        generators = checkpoint.get("generators")
        if generators is not None:
            self.regions.set_state(generators["regions"].cpu())
            torch.set_rng_state(generators["torch"].cpu())
