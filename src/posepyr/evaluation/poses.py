"""The scores of a pose network's checkpoint on people, and files that show how they came about."""

from pathlib import Path
from typing import Any

import numpy as np

from posepyr.checkpoints.recipe import Recipe, build_part, read_recipe
from posepyr.codec import Codec
from posepyr.data.module import CropPlan, PoseDataModule
from posepyr.data.results.posepyr_file import Saved, write_saved
from posepyr.errors import UsageError
from posepyr.evaluation.classifier import has_classes
from posepyr.evaluation.error_curve import relative_errors, save_error_curve
from posepyr.evaluation.single_pass import Evaluation, scores_of
from posepyr.inference.estimator import load_model
from posepyr.inference.protocol import Protocol
from posepyr.nodes import build
from posepyr.ranks import is_first
from posepyr.records import Source
from posepyr.skeleton import Skeleton
from posepyr.training.build import Config, make_scorers
from posepyr.training.callbacks.pictures import PredictionSheet
from posepyr.training.task import PoseTask

ROW_OF_BOXES = {"annotated": "gtbox", "detected": "detbox"}
"""Ends of the names of rows of scores, by the kind of boxes that people are cut out by."""

REFINED = {
    "none": "joints are where the heatmap is highest",
    "quarter": "joints are where the heatmap is highest, moved a quarter of a cell towards the higher neighbour",
    "dark": "joints are at the heatmap's peak, found between its cells by DARK (Zhang et al. 2020)",
}
"""Ways of reading joints off heatmaps, in words."""


def evaluate_poses(config: Config, content: dict[str, Any], evaluation: Evaluation) -> dict[str, float]:
    """Score a pose network, and write what it found, error curves and the worst of its predictions.

    Where the data has a detector's boxes, people are scored in them and in the annotated ones, as two rows.
    """
    if has_classes(config):
        raise UsageError(
            f"data must have people for a pose network, as data=mpii or data=coco: {evaluation.checkpoint} is one; "
            f"got pictures of classes, {config['data']['source']['_target_']}"
        )
    recipe = read_recipe(content, str(evaluation.checkpoint))
    sources = sources_by_row(make_data(config, recipe, evaluation.split).source, evaluation.split)
    if evaluation.submission is not None:
        # Before anything is computed. It is made of the last row: of a detector's boxes, where there are any.
        skeleton: Skeleton = build_part(recipe.skeleton, ("posepyr",))
        list(sources.values())[-1].check_submission(evaluation.split, skeleton, evaluation.submission)
    scores: dict[str, float] = {}
    reports: list[dict[str, Any]] = []
    for name, source in sources.items():
        data = make_data(config, recipe, evaluation.split, source)
        task = make_task(config, recipe, content, str(evaluation.checkpoint))
        found = scores_of(config, evaluation, name, task=task, data=data, callbacks=[PredictionSheet()])
        scores |= found
        protocol = protocol_of(config, task, data)
        # The rows differ in boxes alone: the rest is printed once.
        evaluation.tell("\n  ".join([heading(name, protocol), *([] if reports else details(protocol, task.codec))]))
        row = {"name": name, "checkpoint": str(evaluation.checkpoint), "split": evaluation.split}
        reports.append({**row, **protocol, "scores": found})
        if is_first():
            evaluation.write_reports(reports)
            write_predictions(config, task, data, protocol=protocol, start=evaluation.folder / name)
    if evaluation.submission is not None and is_first():
        write_submission(task, data, evaluation)
    return scores


def sources_by_row(source: Source, split: str) -> dict[str, Source]:
    """Return the data sets to score on by the name of their row: one for each kind of boxes that a split has."""
    scored = source.scored(split)
    rows = {f"{split}_{ROW_OF_BOXES[kind]}": scored.in_boxes(kind) for kind in scored.box_kinds(split)}
    return rows or {split: scored}


def make_data(config: Config, recipe: Recipe, split: str, source: Source | None = None) -> PoseDataModule:
    """Build the configuration's data, or that of another source, with people cut as the recipe says."""
    node = {**config["data"], "input_size": list(recipe.input_size), "padding": recipe.padding}
    own_source = {} if source is None else {"source": source}
    if source is not None:
        del node["source"]
    packages = trusted_packages(config)
    codec: Codec = build_part(recipe.codec, packages)
    protocol: Protocol = build(config["protocol"])
    plan = CropPlan(
        build_part(recipe.skeleton, packages), None, codec.grid, protocol.single_scale().scales, protocol.scales
    )
    data: PoseDataModule = build(node, crops=plan, seed=config["seed"], test_split=split, **own_source)
    return data


def make_task(config: Config, recipe: Recipe, content: dict[str, Any], where: str) -> PoseTask:
    """Build the checkpoint's network with the configuration's metrics and protocol."""
    packages = trusted_packages(config)
    skeleton: Skeleton = build_part(recipe.skeleton, packages)
    return PoseTask(
        load_model(recipe, content["state_dict"], where, packages),
        codec=build_part(recipe.codec, packages),
        skeleton=skeleton,
        loss=build(config["loss"]),
        scorers=make_scorers(config, skeleton),
        protocol=build(config["protocol"]),
        recipe=recipe,
    )


def trusted_packages(config: Config) -> tuple[str, ...]:
    """Return the packages that a checkpoint may name classes of: posepyr, and that of the configuration's network."""
    return ("posepyr", str(config["model"]["_target_"]).partition(".")[0])


def protocol_of(config: Config, task: PoseTask, data: PoseDataModule) -> dict[str, Any]:
    """Return how scores were taken, as plain data."""
    return {
        "people": len(data.samples(data.test_split)),
        "data": config["data"]["source"],
        "boxes": data.source.boxes(data.test_split),
        "input_size": list(data.rule.input_size),
        "padding": data.rule.padding,
        "protocol": config["protocol"],
        "codec": task.recipe.codec,
        "weights": task.recipe.weights,
        "metrics": config["metrics"],
        "rules": [scorer.protocol for scorer in task.scorers if scorer.protocol],
    }


def heading(name: str, protocol: dict[str, Any]) -> str:
    """Return in words who was scored: "val: 5 people in annotated boxes, each resized to 256x192 pixels"."""
    kind, space, file = protocol["boxes"].partition(" ")
    height, width = protocol["input_size"]
    return f"{name}: {protocol['people']} people in {kind} boxes{space}{file}, each resized to {height}x{width} pixels"


def details(protocol: dict[str, Any], codec: Codec) -> list[str]:
    """Return in words, line by line, how joints were predicted and what the scores mean."""
    flip, scales = protocol["protocol"]["flip"], protocol["protocol"]["scales"]
    if len(scales) > 1:
        sizes = ", ".join(f"{scale:g}" for scale in scales)
        crops = f"crops of {len(scales)} sizes, {sizes} times the box" + (
            ", and of their mirror images" if flip else ""
        )
        lines = [f"the heatmaps of {crops} are averaged; joints are where the average is highest"]
    else:
        crops = "the heatmaps of a crop and of its mirror image are averaged" if flip else "one prediction a crop"
        lines = [f"{crops}; {REFINED[codec.refine]}"]
    if codec.grid == "udp":
        lines.append("pixels of crops and cells of heatmaps are aligned by UDP (Huang et al. 2020)")
    if protocol["weights"] == "averaged":
        lines.append("the network's weights are averages over the steps of its training")
    return [*lines, *protocol["rules"]]


def write_predictions(
    config: Config, task: PoseTask, data: PoseDataModule, *, protocol: dict[str, Any], start: Path
) -> None:
    """Write everybody's predictions, and the error curve of every score that measures distances.

    ``start`` is the path that the files' names begin with.
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


def write_submission(task: PoseTask, data: PoseDataModule, evaluation: Evaluation) -> None:
    """Write the latest predictions as the benchmark's server takes them."""
    path, split = evaluation.submission, evaluation.split
    if path is None:
        return
    if task.latest is None:
        raise UsageError(f"submission must come with people to find: the {split} split has none")
    data.source.write_submission(split, task.skeleton, path, task.latest, data.truth(split))
    evaluation.tell(f"submission: {path}")
