"""A network of each family learns eight drawn people by heart, and knows them in evaluation too."""

from functools import cache
from typing import Any, NamedTuple

import pytest
import torch
import yaml

from posepyr import geometry
from posepyr.codec import Codec
from posepyr.data.module import CropPlan, PoseDataModule
from posepyr.data.sources.figures import Figures
from posepyr.initialisation.schemes import Normal
from posepyr.losses import StagedMSE
from posepyr.nodes import build
from posepyr.records import PoseBatch
from posepyr.skeleton import Skeleton
from posepyr.training.schedule import OneCycle
from posepyr.training.task import PoseTask
from support.places import CONF
from support.reduced import JOINTS, node_of

SIZE = (64, 64)
PEOPLE = 8
# A wide enough Gaussian to be found by, on 16 cells a side.
CODEC = Codec(sigma=1.5, grid="udp")


class Lesson(NamedTuple):
    """What makes a network small, how it begins and how often it sees the batch."""

    overrides: dict[str, Any]
    std: float
    steps: int


LESSONS = {
    "cpn_r50": Lesson({"width": 8, "channels": 64}, 0.02, 250),
    "hourglass": Lesson({"width": 64, "stacks": 1, "depth": 3}, 0.01, 100),
    "hourglass_prm": Lesson({"width": 64, "stacks": 1, "depth": 3}, 0.01, 100),
    "simple_baseline_r50": Lesson({"width": 16, "upsampling": [64, 64, 64]}, 0.02, 160),
    "hrnet_w32": Lesson({"width": 16, "modules": [1, 1, 1], "blocks": 1}, 0.01, 110),
    "ppnet_m2_d2_w32": Lesson({"width": 16, "modules": 2, "blocks": 1}, 0.02, 100),
    "mssh": Lesson({"width": 48, "stages": 2, "depth": 1}, 0.01, 100),
}
SLOW = ("cpn_r50", "hrnet_w32", "ppnet_m2_d2_w32", "mssh")
"""More than ten seconds each."""


@cache
def skeleton() -> Skeleton:
    found: Skeleton = build(yaml.safe_load((CONF / "skeleton" / "mpii.yaml").read_text()))
    return found


@cache
def people() -> PoseBatch:
    source = Figures(size=128, train=PEOPLE)
    data = PoseDataModule(
        source=source, crops=CropPlan(skeleton(), grid=CODEC.grid), input_size=SIZE, batch_size=PEOPLE, workers=0
    )
    batch: PoseBatch = next(iter(data.evaluation_loader("train")))
    return batch


def learn(lesson: Lesson, node: dict[str, Any]) -> PoseTask:
    """Training as the trainer does it, step by step on the same batch."""
    model = build({**node, **lesson.overrides}, joints=JOINTS)
    Normal(lesson.std)(model, torch.Generator().manual_seed(0))
    task = PoseTask(
        model, codec=CODEC, skeleton=skeleton(), loss=StagedMSE(), scorers=[], protocol=None, recipe=None,
    )  # fmt: skip
    rate, schedule = 3e-3, OneCycle()
    optimizer = torch.optim.Adam(model.parameters())
    task.train()
    for step in range(lesson.steps):
        optimizer.param_groups[0]["lr"] = rate * schedule(step, lesson.steps, lesson.steps)
        task.on_train_batch_start(people(), step)
        optimizer.zero_grad()
        task.losses(people()).sum().backward()
        optimizer.step()
    return task


@torch.no_grad()
def share_found(task: PoseTask) -> float:
    """PCK@0.2 in evaluation."""
    batch = people()
    keypoints, _ = CODEC.decode(task.eval()(batch.image)[-1], SIZE)
    distance = (geometry.apply(batch.to_image, keypoints.double()) - batch.truth).norm(dim=-1)  # B K
    hip, shoulder = (skeleton().joints.index(joint) for joint in ("left_hip", "right_shoulder"))
    torso = (batch.truth[:, hip] - batch.truth[:, shoulder]).norm(dim=-1, keepdim=True)
    return float((distance <= 0.2 * torso)[batch.labelled > 0].double().mean())


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.long] * (n in SLOW)) for n in LESSONS])
def test_eight_people_are_learnt_by_heart(name: str) -> None:
    task = learn(LESSONS[name], node_of(name))
    assert share_found(task) >= 0.95


def test_what_was_never_learnt_is_not_found() -> None:
    assert share_found(learn(LESSONS["hourglass"]._replace(steps=1), node_of("hourglass"))) < 0.2
