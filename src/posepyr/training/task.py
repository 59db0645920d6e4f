"""Training a pose network: forward, targets, loss; predictions and their scores."""

from collections.abc import Callable, Iterable
from typing import Any, TypedDict

from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from posepyr.checkpoints.recipe import Recipe
from posepyr.codec import Codec
from posepyr.inference.protocol import Protocol
from posepyr.losses import StagedMSE
from posepyr.records import PoseBatch
from posepyr.skeleton import Skeleton
from posepyr.training.learner import Learner
from posepyr.training.schedule import Schedule
from posepyr.visibility import VisibilityPolicy


class Seen(TypedDict):
    """What validation found in a batch: people by number, their keypoints in image pixels, and the scores."""

    sample: Tensor
    keypoints: Tensor
    scores: Tensor


class PoseTask(Learner):
    """A pose network with everything that training adds to it."""

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
        visibility: VisibilityPolicy | None = None,
    ) -> None:
        super().__init__(model, optimizer, schedule, seed)
        self.loss, self.metric, self.visibility = loss, metric, visibility or VisibilityPolicy()
        self.codec, self.skeleton, self.protocol, self.recipe = codec, skeleton, protocol, recipe

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = self.model(image)
        return outputs

    def training_step(self, batch: PoseBatch, _index: int) -> Tensor:
        losses = self.losses(batch)
        loss = losses.sum()
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.image))
        return loss

    def losses(self, batch: PoseBatch) -> Tensor:
        """The losses by stage; targets are drawn on the device, once per resolution."""
        outputs = self(batch.image)
        height, width = batch.image.shape[-2:]
        sizes = [(int(output.shape[-2]), int(output.shape[-1])) for output in outputs]
        peaks = self.visibility.peaks(batch.visibility)[..., None, None]
        drawn = {size: self.codec.encode(batch.keypoints, (height, width), size) * peaks for size in set(sizes)}
        weights = self.visibility.weights(batch.visibility, batch.labelled, self.skeleton)
        losses: Tensor = self.loss(outputs, [drawn[size] for size in sizes], weights)
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

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["posepyr"] = self.recipe.to_dict()
