"""The parts of a run built from its configuration: nodes are what can be swapped, how they are joined is here."""

import dataclasses
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posepyr.checkpoints.recipe import ClassifierRecipe, Recipe
from posepyr.codec import Codec
from posepyr.configuration.networks import Config, is_classification
from posepyr.data.module import ClassificationDataModule, CropPlan, OrderedData, PoseDataModule
from posepyr.inference.protocol import Protocol
from posepyr.measurement.timing import NetworkWork, Settings
from posepyr.metrics.scorer import Scorer
from posepyr.nodes import build, find, put_in_front
from posepyr.records import VISIBLE, PoseBatch
from posepyr.skeleton import Skeleton
from posepyr.training.classification import ClassificationTask
from posepyr.training.learner import Learner
from posepyr.training.task import PoseTask


class Run(NamedTuple):
    """The live parts of a run."""

    task: Learner
    data: OrderedData
    init_report: str
    """A remark on the first weights, as which of them were trained elsewhere; mostly empty."""


def make_run(config: Config, fresh: bool = True) -> Run:
    """Build a pose network or, where one is chosen, a classifier, with all that its training takes.

    Without ``fresh`` the weights are left as they are built: a checkpoint's will take their place.
    """
    return make_classification(config, fresh) if is_classification(config) else make_pose(config, fresh)


def make_pose(config: Config, fresh: bool) -> Run:
    """Build the run of a pose network."""
    skeleton: Skeleton = build(config["skeleton"], "skeleton")
    codec: Codec = build(config["codec"], "codec")
    data = make_crops(config, skeleton, codec)
    model = build(config["model"], "model", joints=len(skeleton))
    init_report = initialise(model, config) if fresh else ""
    task = PoseTask(
        model,
        codec=codec,
        skeleton=skeleton,
        loss=build(config["loss"], "loss"),
        scorers=make_scorers(config, skeleton),
        protocol=build(config["protocol"], "protocol"),
        recipe=make_recipe(config, skeleton, data),
        optimizer=build(config["optimizer"], "optimizer"),
        schedule=build(config["scheduler"], "scheduler"),
        seed=config["seed"],
        visibility=build(config["visibility"], "visibility"),
    )
    return Run(task, data, init_report)


def make_data(config: Config) -> OrderedData:
    """Build the data of a run without its network."""
    target = find(config["data"])
    if isinstance(target, type) and issubclass(target, ClassificationDataModule):
        pictures: OrderedData = build(config["data"], "data", seed=config["seed"])
        return pictures
    return make_crops(config, build(config["skeleton"], "skeleton"), build(config["codec"], "codec"))


def make_crops(config: Config, skeleton: Skeleton, codec: Codec) -> PoseDataModule:
    """Build the data of people, cropped on the codec's grid and at the scales of the protocol."""
    augment = build(config["augment"], "augment") if config.get("augment") else None
    protocol: Protocol = build(config["protocol"], "protocol")
    plan = CropPlan(skeleton, augment, codec.grid, protocol.single_scale().scales, protocol.scales)
    data: PoseDataModule = build(config["data"], "data", crops=plan, seed=config["seed"])
    return data


def make_classification(config: Config, fresh: bool) -> Run:
    """Build the run of a classifier, with the classes that the data set names."""
    data: ClassificationDataModule = build(config["data"], "data", seed=config["seed"])
    classes = data.source.classes
    model = build(config["classifier"], "classifier", classes=len(classes))
    init_report = initialise(model, config) if fresh else ""
    recipe = ClassifierRecipe({**config["classifier"], "classes": len(classes)}, classes, data.cut.size)
    optimizer, schedule = build(config["optimizer"], "optimizer"), build(config["scheduler"], "scheduler")
    task = ClassificationTask(model, recipe=recipe, optimizer=optimizer, schedule=schedule, seed=config["seed"])
    return Run(task, data, init_report)


def initialise(model: nn.Module, config: Config) -> str:
    """Give a network its first weights; return the scheme's report, if it makes one."""
    scheme = build(config["init"], "init")
    try:
        report = scheme(model)
    except ValueError as error:
        put_in_front("init", error, set(config["init"]))
        raise
    return "" if report is None else str(report)


def make_recipe(config: Config, skeleton: Skeleton, data: PoseDataModule) -> Recipe:
    """Return what a checkpoint needs in order to predict."""
    return Recipe(
        model={**config["model"], "joints": len(skeleton)},
        codec=config["codec"],
        skeleton=skeleton_node(skeleton),
        input_size=data.rule.input_size,
        padding=data.rule.padding,
    )


def skeleton_node(skeleton: Skeleton) -> dict[str, Any]:
    """Return a node that builds an equal skeleton without the file that it came from."""
    fields = {field.name: getattr(skeleton, field.name) for field in dataclasses.fields(skeleton)}
    return {"_target_": "posepyr.skeleton.Skeleton"} | {key: _plain(value) for key, value in fields.items()}


def _plain(value: Any) -> Any:
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value


def make_scorers(config: Config, skeleton: Skeleton) -> list[Scorer]:
    """Build the scores; one that is set to null is left out."""
    nodes = {name: node for name, node in (config.get("metrics") or {}).items() if node}
    scorers = [build(node, f"metrics.{name}", skeleton=skeleton) for name, node in nodes.items()]
    for name, scorer in zip(nodes, scorers, strict=True):
        if not isinstance(scorer, Scorer):
            raise ValueError(f"metrics.{name} must derive from posepyr.metrics.scorer.Scorer, got {scorer!r}")
    return scorers


def make_callbacks(config: Config) -> list[pl.Callback]:
    """Build the callbacks; one that is set to null is left out."""
    return [build(node, f"callbacks.{name}") for name, node in (config.get("callbacks") or {}).items() if node]


def network_work(config: Config, settings: Settings, device: str) -> NetworkWork:
    """Build a configuration's network with random weights, to be measured on a synthetic batch."""
    generator = torch.Generator().manual_seed(0)
    size, count = settings.input_size, settings.batch
    image = torch.randint(256, (count, 3, *size), generator=generator, dtype=torch.uint8).to(device)
    if is_classification(config):
        classifier = build(config["classifier"])
        label = torch.zeros(count, dtype=torch.long, device=device)
        return NetworkWork(classifier, image, lambda: F.cross_entropy(classifier(image), label), settings)
    task = task_without_data(config, size)
    batch = synthetic_people(image, len(task.skeleton), generator)
    return NetworkWork(task.model, image, lambda: task.losses(batch).sum(), settings)


def synthetic_people(image: Tensor, joints: int, generator: torch.Generator) -> PoseBatch:
    """Return a batch of crops ``B 3 H W`` whose people have all joints visible, at random places."""
    corner = torch.tensor([image.shape[-1], image.shape[-2]])
    keypoints = (torch.rand(len(image), joints, 2, generator=generator) * corner).to(image.device)
    visibility = torch.full(keypoints.shape[:2], VISIBLE, dtype=torch.uint8, device=image.device)
    to_image = torch.eye(2, 3).expand(len(image), 2, 3)
    inside = torch.ones_like(visibility, dtype=torch.bool)
    sample = torch.arange(len(image))
    return PoseBatch(image, keypoints, visibility, inside, to_image, keypoints, visibility, sample)


def task_without_data(config: Config, input_size: tuple[int, int]) -> PoseTask:
    """Build a configuration's task for its network and loss alone: neither scored, saved nor trained on data."""
    skeleton = build(config["skeleton"])
    return PoseTask(
        build(config["model"], joints=len(skeleton)),
        codec=build(config["codec"]),
        skeleton=skeleton,
        loss=build(config["loss"]),
        scorers=[],
        protocol=build(config["protocol"]),
        recipe=Recipe(config["model"], config["codec"], config["skeleton"], input_size, padding=1.0),
        visibility=build(config["visibility"]),
    )
