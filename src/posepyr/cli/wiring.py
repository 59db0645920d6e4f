"""From a composed configuration to the parts of a run. What can be swapped is a node; how it is joined is here."""

import dataclasses
from typing import Any

import pytorch_lightning as pl

from posepyr.checkpoints.recipe import Recipe, build
from posepyr.codec import Codec
from posepyr.data.module import PoseDataModule
from posepyr.skeleton import Skeleton
from posepyr.training.task import PoseTask

Config = dict[str, Any]


def make_skeleton(config: Config) -> Skeleton:
    """The skeleton of the data and of the model's joints."""
    skeleton: Skeleton = build(config["skeleton"])
    return skeleton


def make_data(config: Config, skeleton: Skeleton, codec: Codec) -> PoseDataModule:
    """The data set, cut on the grid that the codec reads."""
    augment = build(config["augment"]) if config.get("augment") else None
    data: PoseDataModule = build(
        config["data"], skeleton=skeleton, augment=augment, grid=codec.grid, seed=config["seed"]
    )
    return data


def make_task(config: Config, skeleton: Skeleton, codec: Codec, data: PoseDataModule) -> PoseTask:
    """A freshly initialised model and all that its training takes."""
    model = build(config["model"], joints=len(skeleton))
    build(config["init"])(model)
    return PoseTask(
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
