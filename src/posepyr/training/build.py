"""From a composed configuration to the parts of a run. What can be swapped is a node; how it is joined is here."""

import dataclasses
from typing import Any, NamedTuple

import pytorch_lightning as pl
from torch import nn

from posepyr.checkpoints.recipe import ClassifierRecipe, Recipe
from posepyr.codec import Codec
from posepyr.data.module import ClassificationDataModule, OrderedData, PoseDataModule
from posepyr.metrics.scorer import Scorer
from posepyr.nodes import build, find
from posepyr.skeleton import Skeleton
from posepyr.training.classification import ClassificationTask
from posepyr.training.learner import Learner
from posepyr.training.task import PoseTask

Config = dict[str, Any]


class Run(NamedTuple):
    """The live parts of a run."""

    task: Learner
    data: OrderedData
    beginning: str
    """What there is to say of the first weights, as which of them were trained elsewhere; mostly nothing."""


def make_run(config: Config, fresh: bool = True) -> Run:
    """A pose network or, where one is chosen, a classifier, with all that its training takes.

    Without ``fresh`` the weights are left as they are built: a checkpoint's will take their place.
    """
    return make_classification(config, fresh) if config.get("classifier") else make_pose(config, fresh)


def make_pose(config: Config, fresh: bool) -> Run:
    """A pose network's."""
    skeleton: Skeleton = build(config["skeleton"])
    codec: Codec = build(config["codec"])
    data = make_crops(config, skeleton, codec)
    model = build(config["model"], joints=len(skeleton))
    beginning = initialise(model, config) if fresh else ""
    task = PoseTask(
        model,
        codec,
        skeleton,
        build(config["loss"]),
        make_scorers(config, skeleton),
        build(config["protocol"]),
        make_recipe(config, skeleton, data),
        build(config["optimizer"]),
        build(config["scheduler"]),
        config["seed"],
        build(config["visibility"]),
    )
    return Run(task, data, beginning)


def make_data(config: Config) -> OrderedData:
    """The data of a run, without its network."""
    target = find(config["data"])
    if isinstance(target, type) and issubclass(target, ClassificationDataModule):
        pictures: OrderedData = build(config["data"], seed=config["seed"])
        return pictures
    return make_crops(config, build(config["skeleton"]), build(config["codec"]))


def make_crops(config: Config, skeleton: Skeleton, codec: Codec) -> PoseDataModule:
    """The people that a pose network is shown, cut on its codec's grid."""
    augment = build(config["augment"]) if config.get("augment") else None
    data: PoseDataModule = build(
        config["data"], skeleton=skeleton, augment=augment, grid=codec.grid, seed=config["seed"]
    )
    return data


def make_classification(config: Config, fresh: bool) -> Run:
    """A classifier's, with the classes that the data set names."""
    data: ClassificationDataModule = build(config["data"], seed=config["seed"])
    classes = data.source.classes
    model = build(config["classifier"], classes=len(classes))
    beginning = initialise(model, config) if fresh else ""
    recipe = ClassifierRecipe({**config["classifier"], "classes": len(classes)}, classes, data.cut.size)
    optimizer, schedule = build(config["optimizer"]), build(config["scheduler"])
    task = ClassificationTask(model, recipe, optimizer, schedule, seed=config["seed"])
    return Run(task, data, beginning)


def initialise(model: nn.Module, config: Config) -> str:
    """Give a network its first weights; what the scheme reports, if anything."""
    report = build(config["init"])(model)
    return "" if report is None else str(report)


def make_recipe(config: Config, skeleton: Skeleton, data: PoseDataModule) -> Recipe:
    """What the checkpoint has to know to predict."""
    return Recipe(
        model={**config["model"], "joints": len(skeleton)},
        codec=config["codec"],
        skeleton=skeleton_node(skeleton),
        input_size=data.rule.input_size,
        padding=data.rule.padding,
    )


def skeleton_node(skeleton: Skeleton) -> dict[str, Any]:
    """A node that builds an equal skeleton, whatever file it came from."""
    fields = {field.name: getattr(skeleton, field.name) for field in dataclasses.fields(skeleton)}
    return {"_target_": "posepyr.skeleton.Skeleton"} | {key: _plain(value) for key, value in fields.items()}


def _plain(value: Any) -> Any:
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value


def make_scorers(config: Config, skeleton: Skeleton) -> list[Scorer]:
    """The scores by name; one set to null is left out."""
    return [build(node, skeleton=skeleton) for node in (config.get("metrics") or {}).values() if node]


def make_callbacks(config: Config) -> list[pl.Callback]:
    """The callbacks by name; one set to null is left out."""
    return [build(node) for node in (config.get("callbacks") or {}).values() if node]
