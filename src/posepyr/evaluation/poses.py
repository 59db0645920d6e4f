"""``posepyr evaluate``: the scores of a checkpoint on a split, by the protocol of its training or another."""

from pathlib import Path
from typing import Any

import numpy as np

from posepyr.checkpoints.recipe import build_part, is_classifier, read_recipe
from posepyr.checkpoints.storage import read_checkpoint
from posepyr.data.module import PoseDataModule
from posepyr.data.results.posepyr_file import Saved, write_saved
from posepyr.data.sources.coco import Coco
from posepyr.data.sources.mixture import Mixture
from posepyr.data.sources.posetrack import PoseTrack
from posepyr.errors import UsageError
from posepyr.evaluation.classifier import evaluate_classifier, takes_pictures
from posepyr.evaluation.error_curve import relative_errors, save_error_curve
from posepyr.evaluation.single_pass import scores_of, write_reports
from posepyr.inference.estimator import load_model
from posepyr.nodes import build, find
from posepyr.ranks import is_first
from posepyr.training.build import Config, make_scorers
from posepyr.training.callbacks.pictures import PredictionSheet
from posepyr.training.task import PoseTask

DRAWN = {"picture": "whole-picture", "joints": "joint-enclosing"}
"""Boxes that no annotator drew, by the rule that they are made by."""


def evaluate(
    config: Config, checkpoint: Path, split: str, folder: Path, submission: Path | None = None
) -> dict[str, float]:
    """Score a checkpoint on ``config``'s data; scores and what shows how they came about go to ``folder``."""
    content = read_checkpoint(checkpoint)
    if not is_classifier(content):
        return evaluate_poses(config, content, checkpoint, split, folder, submission)
    if submission is not None:
        raise UsageError(f"--submission must come with a pose network, got {checkpoint}, a classifier's checkpoint")
    return evaluate_classifier(config, content, checkpoint, split, folder)


def evaluate_poses(
    config: Config, content: dict[str, Any], checkpoint: Path, split: str, folder: Path, submission: Path | None
) -> dict[str, float]:
    """Score a pose network, and write what it found, error curves and the worst of its predictions.

    Where the data has a detector's boxes, people are scored in them and in the annotated ones, as two rows.
    """
    if takes_pictures(config):
        raise UsageError(
            f"data must have people for a pose network, as data=mpii or data=coco: {checkpoint} is one; "
            f"got pictures of classes, {config['data']['source']['_target_']}"
        )
    variants = box_variants(config, split)
    if submission is not None:
        # Before anything is computed. It is made of the last row: of a detector's boxes, where there are any.
        *_, last = variants.values()
        skeleton = build_part(read_recipe(content, str(checkpoint)).skeleton, ("posepyr",))
        build(last["data"]["source"]).check_submission(split, skeleton, submission)
    scores: dict[str, float] = {}
    reports: list[dict[str, Any]] = []
    for name, variant in variants.items():
        task, data = evaluation_parts(variant, content, str(checkpoint))
        data.test_split = split
        found = scores_of(variant, task, data, name, folder, [PredictionSheet()])
        scores |= found
        if is_first():
            protocol = protocol_of(variant, task, data)
            # The rows differ in boxes alone: what counts as found is said once.
            rules = [] if reports else protocol["rules"]
            print("\n  ".join([f"{name}: {describe(protocol)}", *rules]), flush=True)
            reports.append({"name": name, "checkpoint": str(checkpoint), "split": split, **protocol, "scores": found})
            write_reports(folder, split, reports)
            write_found(variant, task, data, protocol, folder / name)
    if submission is not None and is_first():
        if task.latest is None:
            raise UsageError("submission must come with people to find: the split has none")
        data.source.write_submission(split, task.skeleton, submission, task.latest, data.truth(split))
        print(f"submission: {submission}", flush=True)
    return scores


def box_variants(config: Config, split: str) -> dict[str, Config]:
    """The configurations to score under, by the name of their row: one for each kind of box that the data has."""
    source = config["data"]["source"]
    if find(source) is Mixture:
        # What it is scored on is one of its data sets.
        source = source["sources"][source.get("evaluate_on") or next(iter(source["sources"]))]
    if "detections" not in source:
        return {split: with_source(config, source)}
    annotated = {**source, "detections": None}
    rows = {f"{split}_gtbox": with_source(config, annotated)}
    if source["detections"] is None:
        return rows
    data_set = build(annotated)
    if isinstance(data_set, Coco | PoseTrack) and not data_set.labelled(split):
        rows = {}  # Pictures whose people are known to their benchmark's server alone.
    return {**rows, f"{split}_detbox": with_source(config, source)}


def with_source(config: Config, source: dict[str, Any]) -> Config:
    """The configuration with another data set."""
    return {**config, "data": {**config["data"], "source": source}}


def write_found(config: Config, task: PoseTask, data: PoseDataModule, protocol: dict[str, Any], start: Path) -> None:
    """Write everybody's predictions, and the error curve of every score that measures distances of somebody.

    ``start`` is what the files' names begin with.
    """
    if task.latest is None:
        return
    truth = data.truth(data.test_split)
    saved = Saved(task.latest, task.skeleton.joints, protocol, truth)
    write_saved(start.with_name(f"{start.name}_predictions.npz"), saved)
    names = [metric for metric, node in config["metrics"].items() if node]
    for metric, scorer in zip(names, task.scorers, strict=True):
        errors = relative_errors(scorer, task.latest, truth)
        if errors is not None and np.isfinite(errors).any():
            path = start.with_name(f"{start.name}_{metric}_curve.png")
            save_error_curve(path, errors, task.skeleton.joints, start.name, scorer.unit)


def protocol_of(config: Config, task: PoseTask, data: PoseDataModule) -> dict[str, Any]:
    """How a score was taken, as plain data."""
    source = config["data"]["source"]
    detected = source.get("detections")
    return {
        "people": len(data.crops(data.test_split)),
        "data": source,
        "boxes": DRAWN.get(source.get("box"), "annotated") if detected is None else f"detected ({detected})",
        "input_size": list(data.rule.input_size),
        "padding": data.rule.padding,
        "protocol": config["protocol"],
        "codec": task.recipe.codec,
        "weights": task.recipe.weights,
        "metrics": config["metrics"],
        "rules": [scorer.protocol for scorer in task.scorers if scorer.protocol],
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
        *(["averaged weights"] if protocol["weights"] == "averaged" else []),
    ]
    return ", ".join(parts)


def evaluation_parts(config: Config, content: dict[str, Any], where: str) -> tuple[PoseTask, PoseDataModule]:
    """The checkpoint's network, cut and read as its recipe says, on the configuration's data and metrics."""
    recipe = read_recipe(content, where)
    packages = ("posepyr", str(config["model"]["_target_"]).partition(".")[0])
    codec = build_part(recipe.codec, packages)
    skeleton = build_part(recipe.skeleton, packages)
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
