"""From a configuration to a network that can be timed, on pictures and targets that are made up."""

from typing import Any

import torch
from torch.nn import functional as F

from posepyr.checkpoints.recipe import Recipe, build
from posepyr.records import VISIBLE, PoseBatch
from posepyr.studies.benchmark import NetworkWork, Settings
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
    corner = torch.tensor([size[1], size[0]])
    keypoints = (torch.rand(count, len(task.skeleton), 2, generator=generator) * corner).to(device)
    visibility = torch.full(keypoints.shape[:2], VISIBLE, dtype=torch.uint8, device=device)
    batch = PoseBatch(
        image, keypoints, visibility, torch.eye(2, 3).expand(count, 2, 3), keypoints, visibility, torch.arange(count)
    )
    return NetworkWork(task.model, image, lambda: task.losses(batch).sum(), settings)


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
    )
