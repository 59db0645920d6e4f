"""``posepyr evaluate``: the scores of a checkpoint on a split, by the protocol of its training or another."""

import json
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from posepyr.checkpoints.recipe import build, read_recipe
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.cli.submission import write_submission
from posepyr.cli.wiring import Config, make_scorers
from posepyr.data.module import PoseDataModule
from posepyr.data.results.posepyr_file import Saved, write_saved
from posepyr.files import write_text
from posepyr.inference.estimator import load_model
from posepyr.studies.error_curve import Measuring, relative_errors, save_error_curve
from posepyr.training.callbacks import PredictionSheet
from posepyr.training.csv_log import CSVLog
from posepyr.training.quiet import quiet
from posepyr.training.task import PoseTask


def evaluate(
    config: Config, checkpoint: Path, split: str, folder: Path, submission: Path | None = None
) -> dict[str, float]:
    """Score a checkpoint on ``config``'s data; scores, predictions, curves and pictures go to ``folder``.

    Where the data has a detector's boxes, people are scored in them and in the annotated ones, as two rows.
    """
    content = read_checkpoint(checkpoint)
    scores: dict[str, float] = {}
    reports = []
    for name, variant in box_variants(config, split).items():
        task, data = evaluation_parts(variant, content, str(checkpoint))
        data.test_split = split
        found = score(variant, task, data, name, folder)
        protocol = protocol_of(variant, task, data)
        print(f"{name}: {describe(protocol)}", flush=True)
        reports.append({"name": name, "checkpoint": str(checkpoint), "split": split, **protocol, "scores": found})
        scores |= found
        if task.latest is not None:
            truth = data.truth(split)
            saved = Saved(task.latest, task.skeleton.joints, protocol, truth)
            write_saved(folder / f"{name}_predictions.npz", saved)
    write_text(folder / f"{split}_scores.json", json.dumps(reports, indent=2) + "\n")
    if submission is not None:
        # Of the last row: a detector's boxes, where there are any.
        write_submission(submission, task, data)
    return scores


def box_variants(config: Config, split: str) -> dict[str, Config]:
    """The configurations to score under, by the name of their row: one for each kind of box that the data has."""
    source = config["data"]["source"]
    if "detections" not in source:
        return {split: config}
    plain = {**config, "data": {**config["data"], "source": {**source, "detections": None}}}
    rows = {f"{split}_gtbox": plain}
    return rows if source["detections"] is None else {**rows, f"{split}_detbox": config}


def score(config: Config, task: PoseTask, data: PoseDataModule, name: str, folder: Path) -> dict[str, float]:
    """The scores of a task on its data's test split, under a name, and what shows how they came about."""
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
    if task.latest is not None and trainer.is_global_zero:
        truth = data.truth(data.test_split)
        for scorer in task.scorers:
            if isinstance(scorer, Measuring):
                errors = relative_errors(scorer, task.latest, truth)
                kind = type(scorer).__name__
                save_error_curve(folder / f"{name}_{kind.lower()}_curve.png", errors, task.skeleton.joints, kind)
    found = {key: float(value) for key, value in trainer.callback_metrics.items() if key.startswith("test")}
    return {name + key.removeprefix("test"): value for key, value in found.items()}


def protocol_of(config: Config, task: PoseTask, data: PoseDataModule) -> dict[str, Any]:
    """How a score was taken, as plain data."""
    source = config["data"]["source"]
    boxes = "annotated" if source.get("detections") is None else f"detected ({source['detections']})"
    return {
        "people": len(data.crops(data.test_split)),
        "data": source,
        "boxes": boxes,
        "input_size": list(data.rule.input_size),
        "padding": data.rule.padding,
        "protocol": config["protocol"],
        "codec": task.recipe.codec,
        "weights": task.recipe.weights,
        "metrics": config["metrics"],
    }


def describe(protocol: dict[str, Any]) -> str:
    """A protocol on one line."""
    height, width = protocol["input_size"]
    scales = protocol["protocol"]["scales"]
    codec = protocol["codec"]
    parts = [
        f"{protocol['people']} people in {protocol['boxes']} boxes",
        f"{height}x{width}",
        "flipped" if protocol["protocol"]["flip"] else "not flipped",
        f"scales {', '.join(f'{scale:g}' for scale in scales)}" if len(scales) > 1 else "one scale",
        f"decoded by {codec.get('refine', 'dark')} on the {codec.get('grid', 'plain')} grid",
    ]
    return ", ".join(parts)


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
