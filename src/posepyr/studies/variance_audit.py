"""From a configuration to a network at its first weights, and to the batches that its training begins with."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from posepyr.data.classification.labelled import LabelledBatch
from posepyr.data.loading.loader import join
from posepyr.data.loading.sampler import TrainingOrder
from posepyr.data.module import ClassificationDataModule
from posepyr.nodes import build
from posepyr.records import PoseBatch
from posepyr.training.build import Config, initialise, make_data
from posepyr.training.synthetic import synthetic_people, task_without_data
from posepyr.variance.curves import Trial
from posepyr.variance.probe import remove_norms


class Material(NamedTuple):
    """What a network is trained on here."""

    batch: Callable[[int], Any]
    """Of each step, from 0."""
    what: str
    classes: int | None = None
    """Of a classifier's data."""


def make_trial(config: Config, seed: int, size: tuple[int, int], material: Material, norms: bool, device: str) -> Trial:
    """The network that training with this seed begins with, its loss and its optimizer."""
    torch.manual_seed(seed)
    model, loss = _classifier(config, material) if config.get("classifier") else _pose_network(config, size)
    if not norms:
        remove_norms(model)
    # Weights are drawn in the order of the memory, for training before they lie channels last.
    initialise(model.to(memory_format=torch.contiguous_format), config)  # type: ignore[call-overload]
    model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = build(config["optimizer"])(model.parameters())
    return Trial(model, optimizer, loss, lambda step: _moved(material.batch(step), device))


def _classifier(config: Config, material: Material) -> tuple[nn.Module, Callable[[LabelledBatch], Tensor]]:
    classes: dict[str, Any] = {} if material.classes is None else {"classes": material.classes}
    model: nn.Module = build(config["classifier"], **classes)
    return model, lambda batch: F.cross_entropy(model(batch.image), batch.label)


def _pose_network(config: Config, size: tuple[int, int]) -> tuple[nn.Module, Callable[[PoseBatch], Tensor]]:
    task = task_without_data(config, size)
    return task.model, lambda batch: task.losses(batch).sum()


def _moved(batch: Any, device: str) -> Any:
    return type(batch)(*(tensor.to(device) for tensor in batch))


def make_material(config: Config, size: tuple[int, int], count: int) -> Material:
    """The batches of a configuration's training.

    Where the data is not on this machine, they are made up, so that a network can be looked at all the same.
    """
    if config.get("classifier") and "cut" not in config["data"]:
        return made_up_material(config, size, count)
    try:
        return training_material(config, count)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        return made_up_material(config, size, count)._replace(what=f"made-up pictures, for {reason}")


def training_material(config: Config, count: int) -> Material:
    """Augmented samples in the order of the first epoch, which is gone through again when it is over."""
    data = make_data(config)
    samples = data.samples("train", augment=True)
    order = list(TrainingOrder(len(samples), count, config["seed"]))

    def batch(step: int) -> Any:
        start = step * count % len(order)
        return join([samples[draw] for draw in order[start : start + count]])

    batch(0)  # Here, where it is known what to do if a picture is missing.
    classes = len(data.source.classes) if isinstance(data, ClassificationDataModule) else None
    return Material(batch, "pictures of its training data", classes)


def made_up_material(config: Config, size: tuple[int, int], count: int) -> Material:
    """Noise, with joints anywhere, or of the first class."""

    def batch(step: int) -> Any:
        generator = torch.Generator().manual_seed(step)
        image = torch.randint(256, (count, 3, *size), generator=generator, dtype=torch.uint8)
        if config.get("classifier"):
            return LabelledBatch(image, torch.zeros(count, dtype=torch.long), torch.arange(count))
        return synthetic_people(image, len(build(config["skeleton"])), generator)

    return Material(batch, "made-up pictures")
