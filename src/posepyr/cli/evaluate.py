"""``posepyr evaluate``: the scores of a checkpoint on a split, by the protocol of its training or another."""

import json
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from posepyr.checkpoints.recipe import build, read_recipe
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.cli.wiring import Config, make_scorers
from posepyr.data.module import PoseDataModule
from posepyr.files import write_text
from posepyr.inference.estimator import load_model
from posepyr.training.callbacks import PredictionSheet
from posepyr.training.csv_log import CSVLog
from posepyr.training.quiet import quiet
from posepyr.training.task import PoseTask


def evaluate(config: Config, checkpoint: Path, split: str, folder: Path) -> dict[str, float]:
    """Score a checkpoint on ``config``'s data; scores and pictures go to ``folder``."""
    content = read_checkpoint(checkpoint)
    task, data = evaluation_parts(config, content, str(checkpoint))
    data.test_split = split
    with quiet():
        trainer: pl.Trainer = build(
            config["trainer"],
            logger=CSVLog(folder),
            callbacks=[PredictionSheet()],
            default_root_dir=str(folder),
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=bool(config["progress"]),
        )
        trainer.test(task, datamodule=data, verbose=False)
    scores = {name.replace("test/", f"{split}/", 1): float(value) for name, value in trainer.callback_metrics.items()}
    report: dict[str, Any] = {
        "checkpoint": str(checkpoint), "split": split, "protocol": config["protocol"], "people": len(data.crops(split)),
        "scores": scores,
    }  # fmt: skip
    write_text(folder / f"{split}_scores.json", json.dumps(report, indent=2) + "\n")
    return scores


def evaluation_parts(config: Config, content: dict[str, Any], where: str) -> tuple[PoseTask, PoseDataModule]:
    """The checkpoint's network, cut and read as its recipe says, on the configuration's data and metrics."""
    recipe = read_recipe(content, where)
    packages = ("posepyr", str(config["model"]["_target_"]).partition(".")[0])
    codec = build(recipe.codec, only=packages)
    skeleton = build(recipe.skeleton, only=packages)
    crop = {"input_size": list(recipe.input_size), "padding": recipe.padding}
    data: PoseDataModule = build(
        {**config["data"], **crop}, skeleton=skeleton, augment=None, grid=codec.grid, seed=config["seed"]
    )
    task = PoseTask(
        load_model(recipe, content["state_dict"], where, packages),
        codec,
        skeleton,
        build(config["loss"]),
        make_scorers(config, skeleton),
        build(config["protocol"]),
        recipe,
    )
    return task, data
