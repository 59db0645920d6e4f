"""From a composed configuration to the parts of a run. What can be swapped is a node; how it is joined is here."""

import dataclasses
from typing import Any

import pytorch_lightning as pl

from posepyr.checkpoints.recipe import Recipe, build
from posepyr.codec import Codec
from posepyr.data.module import ClassificationDataModule, OrderedData, PoseDataModule
from posepyr.skeleton import Skeleton
from posepyr.training.classification import ClassificationTask, ClassifierRecipe
from posepyr.training.learner import Learner
from posepyr.training.task import PoseTask

Config = dict[str, Any]


def make_run(config: Config) -> tuple[Learner, OrderedData]:
    """The task and the data of a run: a pose network's, or a classifier's where one is chosen."""
    return make_classification(config) if config.get("classifier") else make_pose(config)


def make_pose(config: Config) -> tuple[PoseTask, PoseDataModule]:
    """A freshly initialised pose network with all that its training takes; data cut on its codec's grid."""
    skeleton: Skeleton = build(config["skeleton"])
    codec: Codec = build(config["codec"])
    augment = build(config["augment"]) if config.get("augment") else None
    data = build(config["data"], skeleton=skeleton, augment=augment, grid=codec.grid, seed=config["seed"])
    model = build(config["model"], joints=len(skeleton))
    build(config["init"])(model)
    task = PoseTask(
        model,
        codec,
        skeleton,
        build(config["loss"]),
        build(config["metrics"], skeleton=skeleton),
        build(config["protocol"]),
        make_recipe(config, skeleton, data),
        build(config["optimizer"]),
        build(config["scheduler"]),
        config["seed"],
    )
    return task, data


def make_classification(config: Config) -> tuple[ClassificationTask, ClassificationDataModule]:
    """A freshly initialised classifier, with the classes that the data set names."""
    data: ClassificationDataModule = build(config["data"], seed=config["seed"])
    classes = data.source.classes
    model = build(config["classifier"], classes=len(classes))
    build(config["init"])(model)
    recipe = ClassifierRecipe({**config["classifier"], "classes": len(classes)}, classes, data.cut.size)
    optimizer, schedule = build(config["optimizer"]), build(config["scheduler"])
    return ClassificationTask(model, recipe, optimizer, schedule, seed=config["seed"]), data


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


def make_callbacks(config: Config) -> list[pl.Callback]:
    """The callbacks by name; one set to null is left out."""
    return [build(node) for node in (config.get("callbacks") or {}).values() if node]
