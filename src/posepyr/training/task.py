"""Training of a pose network: forward pass, targets and loss; predictions and their scores."""

from collections.abc import Sequence
from typing import Any, Literal, TypedDict

import torch
from torch import Tensor, nn

from posepyr.checkpoints.recipe import Recipe
from posepyr.codec import Codec, Size
from posepyr.data.module import PoseDataModule
from posepyr.inference.protocol import Protocol
from posepyr.losses import Loss
from posepyr.metrics.scorer import Collected, Scorer
from posepyr.records import PoseBatch, Predictions, Source
from posepyr.skeleton import Skeleton
from posepyr.training.checkpointing import averages_weights
from posepyr.training.learner import Learner, MakeOptimizer
from posepyr.training.schedule import Schedule
from posepyr.visibility import VisibilityPolicy, require_occlusion


class BatchPredictions(TypedDict):
    """Predictions of a batch in validation and testing, for callbacks: ``B`` people with ``K`` joints each."""

    sample: Tensor
    """``B``: the people's numbers in the split."""
    keypoints: Tensor
    """``B K 2`` in image pixels."""
    scores: Tensor
    """``B K``."""
    truth: Tensor
    """``B K 2`` as annotated, in image pixels."""
    labelled: Tensor
    """``B K`` as annotated."""


def require_annotations(source: Source, visibility: VisibilityPolicy, scorers: Sequence[Scorer]) -> None:
    """Raise where targets or scores take what a data set's annotations cannot tell."""
    if visibility.needs_occlusion:
        require_occlusion(source, "train", "visibility")
    for scorer in scorers:
        if scorer.needs_occlusion:
            require_occlusion(source, "val", f"the score {type(scorer).__name__}")


class PoseTask(Learner):
    """A pose network with everything that training adds to it.

    ``schedule`` and ``optimizer`` may be left out of a task that only evaluates. ``scorers`` see the predictions of a
    whole split in image pixels; ``recipe`` is written into every checkpoint.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        codec: Codec,
        skeleton: Skeleton,
        loss: Loss,
        scorers: Sequence[Scorer],
        protocol: Protocol,
        recipe: Recipe,
        optimizer: MakeOptimizer | None = None,
        schedule: Schedule | None = None,
        seed: int = 0,
        visibility: VisibilityPolicy | None = None,
    ) -> None:
        super().__init__(model, optimizer=optimizer, schedule=schedule, seed=seed)
        if not isinstance(loss, Loss):
            raise ValueError(f"loss must derive from posepyr.losses.Loss, got {type(loss).__name__}")
        self.codec, self.skeleton, self.protocol, self.recipe = codec, skeleton, protocol, recipe
        self.loss, self.visibility, self.scorers = loss, visibility or VisibilityPolicy(), scorers
        self.latest: Predictions | None = None
        """Predictions of the latest validation or test, of the whole split."""
        self._collected, self._collected_train = Collected(), Collected()

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = self.model(image)
        return outputs

    def on_fit_start(self) -> None:
        """Raise where targets or scores take what the annotations cannot tell; what is resumed goes on as it began."""
        if self.trainer.ckpt_path is not None:
            return
        require_annotations(self._data().source, self.visibility, self.scorers)

    def training_step(self, batch: PoseBatch, _index: int) -> Tensor:
        losses = self.losses(batch)
        loss = losses.sum()
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.image), sync_dist=True)
        self._log_stages(losses, len(batch.image))
        return loss

    def _log_stages(self, losses: Tensor, people: int) -> None:
        """Log means over the epoch: each stage's loss, and its joints' weights where the loss adapts them."""
        means = {f"train/loss/stage_{number}": loss for number, loss in enumerate(losses.detach(), start=1)}
        for number, weights in enumerate(self.loss.joint_weights, start=1):
            for joint, weight in zip(self.skeleton.joints, weights, strict=True):
                means[f"train/weight_stage_{number}/{joint}"] = weight
        if len(losses) > 1:
            self.log_dict(means, on_step=False, on_epoch=True, batch_size=people, sync_dist=True)

    def losses(self, batch: PoseBatch) -> Tensor:
        """Return the losses ``S`` by stage; targets are encoded on the device, once per resolution."""
        outputs = self(batch.image)
        height, width = batch.image.shape[-2:]
        sizes = [(int(output.shape[-2]), int(output.shape[-1])) for output in outputs]
        states = self.drawn_states(batch, sizes)
        peaks = self.visibility.peaks(states)[..., None, None]
        targets = {size: self.codec.encode(batch.keypoints, (height, width), size) * peaks for size in set(sizes)}
        weights = self.visibility.weights(states, batch.visibility, self.skeleton)
        losses: Tensor = self.loss(outputs, [targets[size] for size in sizes], weights)
        return losses

    def drawn_states(self, batch: PoseBatch, sizes: Sequence[Size]) -> Tensor:
        """Return the states ``B K`` of joints that have a target in outputs of these sizes, NOT_LABELLED of the others.

        A joint weighs the same in all outputs: it counts if its Gaussian reaches every one. A coarser map's Gaussians
        reach farther, so that the finest decides, which is the prediction in all recipes of several resolutions.
        """
        height, width = batch.image.shape[-2:]
        reaching = [self.codec.reaches(batch.keypoints, (height, width), size) for size in set(sizes)]
        return self.visibility.drawn_states(batch.visibility, batch.inside, torch.stack(reaching).all(0))

    def validation_step(self, batch: PoseBatch, _index: int, dataloader_idx: int = 0) -> BatchPredictions:
        # The second loader, where there is one, has people of the training split.
        collected = self._collected_train if dataloader_idx else self._collected
        return self._predict(batch, self.protocol.single_scale(), collected)

    def test_step(self, batch: PoseBatch, _index: int) -> BatchPredictions:
        return self._predict(batch, self.protocol, self._collected)

    def _predict(self, batch: PoseBatch, protocol: Protocol, collected: Collected) -> BatchPredictions:
        outputs = protocol.find(self.model, self.codec, batch.image, batch.to_image, self.skeleton.flip_order)
        # A person's crops at several scales stand one after the other.
        first_crops = slice(None, None, len(protocol.scales))
        sample = batch.sample[first_crops]
        keypoints = torch.stack([output.keypoints for output in outputs], dim=1)
        scores = torch.stack([output.scores for output in outputs], dim=1)
        states = [output.visibility for output in outputs if output.visibility is not None]
        collected.update(sample, keypoints, scores, torch.stack(states, dim=1) if states else None)
        prediction = outputs[-1]
        return BatchPredictions(
            sample=sample,
            keypoints=prediction.keypoints,
            scores=prediction.scores,
            truth=batch.truth[first_crops],
            labelled=batch.labelled[first_crops],
        )

    def on_validation_epoch_end(self) -> None:
        self.latest = self._log_scores("val", "val", self._collected)
        if self._data().train_scored:
            self._log_scores("train", "train", self._collected_train)

    def on_test_epoch_end(self) -> None:
        self.latest = self._log_scores("test", self._data().test_split, self._collected)

    def _log_scores(self, name: str, split: str, collected: Collected) -> Predictions:
        """Score the collected predictions of a split, stage by stage; return those of the last stage."""
        truth = self._data().truth(split)
        stages = collected.compute()
        collected.reset()
        for number, predictions in enumerate(stages, start=1):
            prefix = name if number == len(stages) else f"{name}_stage_{number}"
            for scorer in self.scorers:
                for quantity, value in scorer(predictions, truth).items():
                    # Every process has collected the whole split, and computes the same score.
                    self.log(f"{prefix}/{quantity}", value, rank_zero_only=True)
        return stages[-1]

    def _data(self) -> PoseDataModule:
        data: Any = getattr(self.trainer, "datamodule", None)
        if not isinstance(data, PoseDataModule):
            raise ValueError("scores are taken against a PoseDataModule: hand one to the trainer as datamodule=")
        return data

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        weights: Literal["raw", "averaged"] = "averaged" if averages_weights(self.trainer) else "raw"
        checkpoint["posepyr"] = self.recipe._replace(weights=weights).to_dict()
