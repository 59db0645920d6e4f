"""Variances while a network is trained: when they are taken, where they go, and that the training does not notice."""

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from posepyr.layers.residual import PreactivationResidual
from posepyr.training.callbacks import variance
from posepyr.training.callbacks.variance import VarianceProfile, _unscaled
from posepyr.training.learner import Learner
from posepyr.training.loggers.csv_log import CSVLog
from posepyr.training.process_state import quiet
from posepyr.training.schedule import Constant
from posepyr.variance.probe import Moments, OutputMoments, places, watched

WIDTH = 6


class Pictures:
    """A batch a number."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> SimpleNamespace:
        return SimpleNamespace(image=torch.randn(2, WIDTH, 8, 8, generator=torch.Generator().manual_seed(index)))


class Squares(Learner):
    """Two residuals that learn to be silent."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        model = nn.Sequential(*(PreactivationResidual(WIDTH, WIDTH) for _ in range(2)))
        super().__init__(model, optimizer=lambda parameters: torch.optim.SGD(parameters, lr=0.05), schedule=Constant())
        self.fails_at = -1

    def training_step(self, batch: Any, index: int) -> Tensor:
        if index == self.fails_at:
            self.model(batch.image)
            raise RuntimeError("on purpose")
        return self.model(batch.image).square().mean()


def fit(folder: Path, callback: VarianceProfile | None, learner: Squares | None = None, **settings: Any) -> Squares:
    learner = learner or Squares()
    with quiet():
        trainer = pl.Trainer(
            logger=CSVLog(folder), callbacks=[callback] if callback else [], accelerator="cpu", max_epochs=2,
            default_root_dir=folder, enable_progress_bar=False, enable_checkpointing=False, enable_model_summary=False,
            **settings,
        )  # fmt: skip
        trainer.fit(learner, DataLoader(Pictures(), batch_size=None))  # type: ignore[arg-type]
    return learner


def rows(folder: Path) -> dict[int, dict[str, str]]:
    """What was logged of variances, by step."""
    with (folder / "metrics.csv").open(newline="") as file:
        return {int(row["step"]): row for row in csv.DictReader(file) if row["train/response_variance/0"]}


def test_they_are_taken_every_so_many_steps_and_are_those_of_the_step(tmp_path: Path) -> None:
    fit(tmp_path, VarianceProfile(every_n_steps=3))
    logged = rows(tmp_path)
    assert list(logged) == [0, 3, 6, 9]
    assert [int(row["epoch"]) for row in logged.values()] == [0, 0, 1, 1]
    other = Squares()
    optimizer = torch.optim.SGD(other.parameters(), lr=0.05)
    for step in range(4):
        image = Pictures()[step].image
        with watched(other.model, places(other.model, [image], "blocks")) as profile:
            optimizer.zero_grad()
            other.model(image).square().mean().backward()
            optimizer.step()
        if step in (0, 3):
            for row in profile.rows():
                assert row.gradient is not None
                assert float(logged[step][f"train/response_variance/{row.name}"]) == row.response.variance
                assert float(logged[step][f"train/gradient_variance/{row.name}"]) == row.gradient.variance


def test_the_training_is_the_same_with_them_and_without(tmp_path: Path) -> None:
    watched_one = fit(tmp_path / "with", VarianceProfile(every_n_steps=1, at="all"))
    alone = fit(tmp_path / "without", None)
    for one, other in zip(watched_one.parameters(), alone.parameters(), strict=True):
        assert torch.equal(one, other)
    assert not any(module._forward_hooks for module in watched_one.modules())
    assert not (tmp_path / "without" / "pictures").exists()
    with (tmp_path / "with" / "metrics.csv").open(newline="") as file:
        columns = csv.DictReader(file).fieldnames or []
    assert {"train/response_variance/1.main.5", "train/gradient_variance/1"} <= set(columns)


def test_a_batch_in_several_goes_is_measured_once(tmp_path: Path) -> None:
    measured: list[int] = []

    class Counting(VarianceProfile):
        def on_train_batch_start(self, trainer: Any, *arguments: Any) -> None:
            super().on_train_batch_start(trainer, *arguments)
            if self._profile is not None:
                measured.append(trainer.fit_loop.total_batch_idx)

    fit(tmp_path, Counting(every_n_steps=1), accumulate_grad_batches=2)
    # Of five batches an epoch three steps are taken.
    assert measured == [0, 2, 4, 5, 7, 9]


def test_each_epoch_the_newest_is_drawn_against_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[list[str]] = []
    shown: list[tuple[str, str]] = []
    draw = variance.draw_variances

    def note(curves: list[Any], path: Path) -> None:
        drawn.append([curve.label for curve in curves])
        draw(curves, path)

    monkeypatch.setattr(variance, "draw_variances", note)
    monkeypatch.setattr(variance, "log_picture", lambda _, path, name: shown.append((path.name, name)))
    fit(tmp_path, VarianceProfile(every_n_steps=5))
    assert drawn == [["step 0"], ["step 0", "step 5"]]
    assert shown == [("variances.png", "variances")] * 2
    assert cv2.imread(str(tmp_path / "pictures" / "variances.png")) is not None


def test_an_error_in_the_middle_leaves_no_hooks(tmp_path: Path) -> None:
    learner = Squares()
    learner.fails_at = 2
    with pytest.raises(RuntimeError, match="on purpose"):
        fit(tmp_path, VarianceProfile(every_n_steps=1), learner)
    assert not any(module._forward_hooks for module in learner.modules())


def test_gradients_that_were_made_larger_are_made_as_they_were() -> None:
    scaled = [
        OutputMoments("a", "block", Moments(1.0, 2.0), Moments(8.0, 64.0)),
        OutputMoments("b", "block", Moments(1.0, 2.0), None),
    ]
    trainer: Any = SimpleNamespace(precision_plugin=SimpleNamespace(scaler=SimpleNamespace(get_scale=lambda: 4.0)))
    assert _unscaled(scaled, trainer) == [scaled[0]._replace(gradient=Moments(2.0, 4.0)), scaled[1]]
    trainer.precision_plugin = SimpleNamespace()
    assert _unscaled(scaled, trainer) == scaled


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every_n_steps": 0}, r"every_n_steps must be positive, got 0"),
        ({"at": "sums"}, r"at must be one of blocks, convolutions, all, got sums"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VarianceProfile(**arguments)
