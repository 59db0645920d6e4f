"""From a configuration to a network that can be timed, on pictures and targets that are made up."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from posepyr.checkpoints.recipe import Recipe
from posepyr.measurement.timing import NetworkWork, Settings
from posepyr.nodes import build
from posepyr.records import VISIBLE, PoseBatch
from posepyr.training.task import PoseTask

Config = dict[str, Any]


def make_work(config: Config, settings: Settings, device: str) -> NetworkWork:
    """A configuration's network, freshly made, with pictures and targets that are made up."""
    generator = torch.Generator().manual_seed(0)
    size, count = settings.input_size, settings.batch
    image = torch.randint(256, (count, 3, *size), generator=generator, dtype=torch.uint8).to(device)
    if config.get("classifier"):
        classifier = build(config["classifier"])
        label = torch.zeros(count, dtype=torch.long, device=device)
        return NetworkWork(classifier, image, lambda: F.cross_entropy(classifier(image), label), settings)
    task = make_task(config, size)
    batch = made_up_people(image, len(task.skeleton), generator)
    return NetworkWork(task.model, image, lambda: task.losses(batch).sum(), settings)


def made_up_people(image: Tensor, joints: int, generator: torch.Generator) -> PoseBatch:
    """A batch of pictures ``B 3 H W`` in which people have their joints anywhere."""
    corner = torch.tensor([image.shape[-1], image.shape[-2]])
    keypoints = (torch.rand(len(image), joints, 2, generator=generator) * corner).to(image.device)
    visibility = torch.full(keypoints.shape[:2], VISIBLE, dtype=torch.uint8, device=image.device)
    to_image = torch.eye(2, 3).expand(len(image), 2, 3)
    return PoseBatch(image, keypoints, visibility, to_image, keypoints, visibility, torch.arange(len(image)))


def make_task(config: Config, input_size: tuple[int, int]) -> PoseTask:
    """A configuration's task without its data, which need not be on this machine."""
    skeleton = build(config["skeleton"])
    return PoseTask(
        model=build(config["model"], joints=len(skeleton)),
        codec=build(config["codec"]),
        skeleton=skeleton,
        loss=build(config["loss"]),
        scorers=[],
        protocol=build(config["protocol"]),
        # Of a checkpoint that nobody will write.
        recipe=Recipe(config["model"], config["codec"], config["skeleton"], input_size, padding=1.0),
        visibility=build(config["visibility"]),
    )
