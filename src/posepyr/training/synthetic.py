"""Networks under measurement: a configuration's network and loss on synthetic pictures and people."""

import torch
from torch import Tensor
from torch.nn import functional as F

from posepyr.checkpoints.recipe import Recipe
from posepyr.configuration.networks import Config, is_classification
from posepyr.measurement.timing import NetworkWork, Settings
from posepyr.nodes import build
from posepyr.records import VISIBLE, PoseBatch
from posepyr.training.task import PoseTask


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
    return PoseBatch(image, keypoints, visibility, to_image, keypoints, visibility, torch.arange(len(image)))


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
