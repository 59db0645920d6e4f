"""Training a pose network: forward, targets, loss; predictions and their scores."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypedDict

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from posepyr.checkpoints.recipe import Recipe
from posepyr.codec import Codec
from posepyr.data.module import PoseDataModule
from posepyr.inference.protocol import Protocol
from posepyr.losses import AdaptiveMSE, Loss
from posepyr.metrics.collected import Collected
from posepyr.metrics.scorer import Scorer
from posepyr.records import PoseBatch, Predictions
from posepyr.skeleton import Skeleton
from posepyr.training.checkpointing import averages_weights
from posepyr.training.learner import Learner
from posepyr.training.schedule import Schedule
from posepyr.visibility import VisibilityPolicy


class Seen(TypedDict):
    """What validation found in a batch: people by number, their keypoints in image pixels, and the truth."""

    sample: Tensor
    keypoints: Tensor
    scores: Tensor
    truth: Tensor
    labelled: Tensor


class PoseTask(Learner):
    """A pose network with everything that training adds to it."""

    def __init__(
        self,
        model: nn.Module,
        codec: Codec,
        skeleton: Skeleton,
        loss: Loss,
        scorers: Sequence[Scorer],
        protocol: Protocol,
        recipe: Recipe,
        optimizer: Callable[[Iterable[nn.Parameter]], Optimizer] | None = None,
        schedule: Schedule | None = None,
        seed: int = 0,
        visibility: VisibilityPolicy | None = None,
    ) -> None:
        super().__init__(model, optimizer, schedule, seed)
        self.loss, self.visibility = loss, visibility or VisibilityPolicy()
        self.found, self.found_in_training, self.scorers = Collected(), Collected(), scorers
        self.latest: Predictions | None = None
        """What the latest validation or test found, of everybody."""
        self.codec, self.skeleton, self.protocol, self.recipe = codec, skeleton, protocol, recipe

    def setup(self, stage: str) -> None:
        # What the protocol looks at is the data's to cut.
        data = self._data()
        data.val_scales, data.test_scales = tuple(self.protocol.glance().scales), tuple(self.protocol.scales)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = self.model(image)
        return outputs

    def training_step(self, batch: PoseBatch, _index: int) -> Tensor:
        losses = self.losses(batch)
        loss = losses.sum()
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.image), sync_dist=True)
        self._log_stages(losses, len(batch.image))
        return loss

    def _log_stages(self, losses: Tensor, people: int) -> None:
        """Means over the epoch: each stage's loss, and its joints' weights where the loss adapts them."""
        means = {f"train/loss/stage_{number}": loss for number, loss in enumerate(losses.detach(), start=1)}
        if isinstance(self.loss, AdaptiveMSE):
            for number, weights in enumerate(self.loss.joint_weights, start=1):
                for joint, weight in zip(self.skeleton.joints, weights, strict=True):
                    means[f"train/weight_stage_{number}/{joint}"] = weight
        if len(losses) > 1:
            self.log_dict(means, on_step=False, on_epoch=True, batch_size=people, sync_dist=True)

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

    def validation_step(self, batch: PoseBatch, _index: int, dataloader_idx: int = 0) -> Seen:
        # The second loader, where there is one, has people of the training split.
        return self._score(batch, self.protocol.glance(), self.found_in_training if dataloader_idx else self.found)

    def test_step(self, batch: PoseBatch, _index: int) -> Seen:
        return self._score(batch, self.protocol, self.found)

    def _score(self, batch: PoseBatch, protocol: Protocol, collected: Collected) -> Seen:
        outputs = protocol.find(self.model, self.codec, batch.image, batch.to_image, self.skeleton.flip_order)
        # A person's crops at several scales stand one after the other.
        each = slice(None, None, len(protocol.scales))
        sample = batch.sample[each]
        keypoints = torch.stack([output.keypoints for output in outputs], dim=1)
        scores = torch.stack([output.scores for output in outputs], dim=1)
        told = [output.visibility for output in outputs if output.visibility is not None]
        collected.update(sample, keypoints, scores, torch.stack(told, dim=1) if told else None)
        prediction = outputs[-1]
        return Seen(
            sample=sample,
            keypoints=prediction.keypoints,
            scores=prediction.scores,
            truth=batch.truth[each],
            labelled=batch.labelled[each],
        )

    def on_validation_epoch_end(self) -> None:
        self.latest = self._log_scores("val", "val", self.found)
        if self._data().train_scored:
            self._log_scores("train", "train", self.found_in_training)

    def on_test_epoch_end(self) -> None:
        self.latest = self._log_scores("test", self._data().test_split, self.found)

    def _log_scores(self, name: str, split: str, collected: Collected) -> Predictions:
        """Score what was collected, stage by stage; gives the prediction."""
        truth = self._data().truth(split)
        stages = collected.compute()
        collected.reset()
        for number, found in enumerate(stages, start=1):
            where = name if number == len(stages) else f"{name}_stage_{number}"
            for scorer in self.scorers:
                for quantity, value in scorer(found, truth).items():
                    # Of everybody's predictions, so that every process has it.
                    self.log(f"{where}/{quantity}", value, rank_zero_only=True)
        return stages[-1]

    def _data(self) -> PoseDataModule:
        data: Any = getattr(self.trainer, "datamodule", None)
        if not isinstance(data, PoseDataModule):
            raise ValueError("scores are taken against a PoseDataModule: hand one to the trainer as datamodule=")
        return data

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        weights = "averaged" if averages_weights(self.trainer) else "raw"
        checkpoint["posepyr"] = self.recipe._replace(weights=weights).to_dict()
