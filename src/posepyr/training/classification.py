"""Training of an image classifier: cross entropy; accuracy of the first class and of the first five."""

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MeanMetric, Metric
from torchmetrics.classification import MulticlassAccuracy

from posepyr.checkpoints.recipe import ClassifierRecipe
from posepyr.data.classification.labelled import LabelledBatch
from posepyr.training.learner import Learner, MakeOptimizer
from posepyr.training.schedule import Schedule


class ClassificationTask(Learner):
    """A classifier with everything that training adds to it.

    ``model`` takes pixels ``B 3 H W`` and gives logits ``B classes``. Logged are ``loss``, ``top1`` and ``top5``, the
    latter two as shares from 0 to 1; with fewer than five classes, ``top5`` is 1.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        recipe: ClassifierRecipe,
        optimizer: MakeOptimizer | None = None,
        schedule: Schedule | None = None,
        label_smoothing: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(model, optimizer=optimizer, schedule=schedule, seed=seed)
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing must be from 0 to less than 1, got {label_smoothing}")
        self.recipe, self.label_smoothing = recipe, label_smoothing
        classes = len(recipe.classes)
        self.loss = MeanMetric()
        self.top1 = MulticlassAccuracy(classes, top_k=1, average="micro")
        self.top5 = MulticlassAccuracy(classes, top_k=min(5, classes), average="micro")

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.model(image)
        return logits

    def training_step(self, batch: LabelledBatch, _index: int) -> Tensor:
        loss = F.cross_entropy(self(batch.image), batch.label, label_smoothing=self.label_smoothing)
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch.image), sync_dist=True)
        return loss

    def validation_step(self, batch: LabelledBatch, _index: int) -> None:
        self._score(batch)

    def test_step(self, batch: LabelledBatch, _index: int) -> None:
        self._score(batch)

    def _score(self, batch: LabelledBatch) -> None:
        logits = self(batch.image).float()
        self.loss.update(F.cross_entropy(logits, batch.label, reduction="none"))
        self.top1.update(logits, batch.label)
        self.top5.update(logits, batch.label)

    def on_validation_epoch_end(self) -> None:
        self._log_scores("val")

    def on_test_epoch_end(self) -> None:
        self._log_scores("test")

    def _log_scores(self, split: str) -> None:
        metrics: dict[str, Metric] = {"loss": self.loss, "top1": self.top1, "top5": self.top5}
        for name, metric in metrics.items():
            # Already reduced over processes by the metric itself.
            self.log(f"{split}/{name}", metric.compute(), prog_bar=name == "top1", rank_zero_only=True)
            metric.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["posepyr_classifier"] = self.recipe.to_dict()
