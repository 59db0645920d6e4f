"""The scores of a pose network's checkpoint on people, and files that show how they came about."""

from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from posepyr.checkpoints.parts import build_part
from posepyr.checkpoints.recipe import Recipe, read_recipe
from posepyr.checkpoints.weights import load_model
from posepyr.codec import Codec
from posepyr.configuration.networks import Config
from posepyr.data.module import CropPlan, PoseDataModule
from posepyr.data.results.posepyr_file import SavedPredictions, write_saved
from posepyr.errors import UsageError
from posepyr.evaluation.classifier import has_classes
from posepyr.evaluation.single_pass import Evaluation, scores_of, trusted_packages
from posepyr.files import whole
from posepyr.inference.protocol import Protocol
from posepyr.metrics.functional import joint_kinds
from posepyr.metrics.scorer import Scorer
from posepyr.nodes import build
from posepyr.ranks import is_first
from posepyr.records import NOT_LABELLED, FloatArray, Predictions, Source, Truth
from posepyr.skeleton import Skeleton
from posepyr.training.build import make_scorers
from posepyr.training.callbacks.sheets import PredictionSheet
from posepyr.training.task import PoseTask

ROW_OF_BOXES = {"annotated": "gtbox", "detected": "detbox"}
"""Ends of the names of rows of scores, by the kind of boxes that people are cut out by."""

REFINED = {
    "none": "joints are where the heatmap is highest",
    "quarter": "joints are where the heatmap is highest, moved a quarter of a cell towards the higher neighbour",
    "dark": "joints are at the heatmap's peak, found between its cells by DARK (Zhang et al. 2020)",
}
"""Ways of reading joints off heatmaps, in words."""

CURVE_END = 0.5
"""The distance at which the curve of errors ends, as a share of the metric's unit."""


class Parts(NamedTuple):
    """The parts of a checkpoint beside its network."""

    recipe: Recipe
    codec: Codec
    skeleton: Skeleton


def evaluate_poses(config: Config, content: dict[str, Any], evaluation: Evaluation) -> dict[str, float]:
    """Score a pose network, and write its predictions, error curves and the worst of the predictions.

    Where the data has a detector's boxes, people are scored in them and in the annotated ones, as two rows.
    """
    parts = read_parts(config, content, str(evaluation.checkpoint))
    sources = sources_by_row(make_data(config, parts, evaluation.split).source, evaluation.split)
    if evaluation.submission is not None:
        # Before anything is computed. It is made of the last row: of a detector's boxes, where there are any.
        *_, last = sources.values()
        last.check_submission(evaluation.split, parts.skeleton, evaluation.submission)
    scores: dict[str, float] = {}
    reports: list[dict[str, Any]] = []
    for name, source in sources.items():
        data = make_data(config, parts, evaluation.split, source)
        task = make_task(config, parts, content, str(evaluation.checkpoint))
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
        write_submission(task, data, evaluation.submission)
        evaluation.tell(f"submission: {evaluation.submission}")
    return scores


def read_parts(config: Config, content: dict[str, Any], where: str) -> Parts:
    """Build the parts that a checkpoint's recipe names, if the configuration's data suit them."""
    if has_classes(config):
        raise UsageError(
            f"data must have people for a pose network, as data=mpii or data=coco: {where} is one; "
            f"got pictures of classes, {config['data']['source']['_target_']}"
        )
    recipe, trust = read_recipe(content, where), trusted_packages(config)
    codec, skeleton = (build_part(getattr(recipe, part), part, where, trust) for part in ("codec", "skeleton"))
    return Parts(recipe, codec, skeleton)


def sources_by_row(source: Source, split: str) -> dict[str, Source]:
    """Return the data sets to score on by the name of their row: one for each kind of boxes that a split has."""
    scored = source.scored(split)
    rows = {f"{split}_{ROW_OF_BOXES[kind]}": scored.in_boxes(kind) for kind in scored.box_kinds(split)}
    return rows or {split: scored}


def make_data(config: Config, parts: Parts, split: str, source: Source | None = None) -> PoseDataModule:
    """Build the configuration's data, or that of another source, with people cut as the recipe says."""
    recipe = parts.recipe
    node = {**config["data"], "input_size": list(recipe.input_size), "padding": recipe.padding}
    injected: dict[str, Any] = {}
    if source is not None:
        del node["source"]
        injected["source"] = source
    protocol: Protocol = build(config["protocol"], "protocol")
    plan = CropPlan(parts.skeleton, None, parts.codec.grid, protocol.single_scale().scales, protocol.scales)
    data: PoseDataModule = build(node, "data", crops=plan, seed=config["seed"], test_split=split, **injected)
    return data


def make_task(config: Config, parts: Parts, content: dict[str, Any], where: str) -> PoseTask:
    """Build the checkpoint's network with the configuration's metrics and protocol."""
    return PoseTask(
        load_model(content, trusted_packages(config), where),
        codec=parts.codec,
        skeleton=parts.skeleton,
        loss=build(config["loss"], "loss"),
        scorers=make_scorers(config, parts.skeleton),
        protocol=build(config["protocol"], "protocol"),
        recipe=parts.recipe,
    )


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
    saved = SavedPredictions(task.latest, task.skeleton.joints, protocol, truth)
    write_saved(start.with_name(f"{start.name}_predictions.npz"), saved)
    names = [metric for metric, node in config["metrics"].items() if node]
    for metric, scorer in zip(names, task.scorers, strict=True):
        errors = relative_errors(scorer, task.latest, truth)
        if errors is not None and np.isfinite(errors).any():
            path = start.with_name(f"{start.name}_{metric}_curve.png")
            save_error_curve(path, errors, task.skeleton.joints, start.name, scorer.unit)


def write_submission(task: PoseTask, data: PoseDataModule, path: Path) -> None:
    """Write the latest predictions as the benchmark's server takes them."""
    split = data.test_split
    if task.latest is None:
        raise UsageError(f"submission must come with people to find: the {split} split has none")
    data.source.write_submission(split, task.skeleton, path, task.latest, data.truth(split))


def relative_errors(scorer: Scorer, predictions: Predictions, truth: Truth) -> FloatArray | None:
    """Return distances ``N K`` in the score's unit, or None where it measures no distances.

    They are NaN where a joint is not labelled or a person's unit is not known.
    """
    measured = scorer.measure(predictions, truth)
    if measured is None:
        return None
    distance, unit = measured
    labelled = truth.visibility[predictions.sample] != NOT_LABELLED
    known = np.where(unit > 0, unit, np.nan)
    return np.where(labelled, distance / known[:, None], np.nan)


def curve(errors: FloatArray, thresholds: FloatArray) -> FloatArray:
    """Return the share of errors within each threshold, of those that are numbers."""
    known = np.sort(errors[~np.isnan(errors)])
    return np.searchsorted(known, thresholds, side="right") / max(1, len(known))


def save_error_curve(path: Path, errors: FloatArray, joints: tuple[str, ...], title: str, unit: str) -> None:
    """Draw the curve of each kind of joint ``N K``, and that of all together; ``unit`` is what errors are shares of."""
    thresholds = np.linspace(0, CURVE_END, 201)
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    colours = mpl.colormaps["tab10"].colors  # type: ignore[attr-defined]  # of a listed colour map
    for number, (kind, members) in enumerate(joint_kinds(joints).items()):
        if not np.isnan(errors[:, members]).all():
            shares = curve(errors[:, members], thresholds)
            style = "--" if number >= len(colours) else "-"
            axes.plot(thresholds, shares, style, color=colours[number % len(colours)], label=kind, linewidth=1.2)
    axes.plot(thresholds, curve(errors, thresholds), color="black", linewidth=2.4, label="all joints")
    axes.set(
        xlim=(0, CURVE_END), ylim=(0, 1), xlabel=f"distance from the truth / {unit}", ylabel="share of joints found"
    )
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize="small", frameon=False)
    with whole(path) as part:
        figure.savefig(part, dpi=130)
