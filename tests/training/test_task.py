"""The pose task: what it asks of the network, joint by joint."""

import pytest
import torch
from torch import nn

from posepyr.checkpoints.recipe import Recipe
from posepyr.codec import Codec
from posepyr.inference.protocol import Protocol
from posepyr.losses import StagedMSE
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, PoseBatch
from posepyr.skeleton import Skeleton
from posepyr.training.task import PoseTask
from posepyr.visibility import VisibilityPolicy

SKELETON = Skeleton("three", ("left_hip", "right_shoulder", "neck"), unit=("left_hip", "right_shoulder"))
CODEC = Codec(sigma=1.0)


class Silent(nn.Module):
    """Two outputs of zeros, in two resolutions."""

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return torch.zeros(len(image), 3, 8, 8), torch.zeros(len(image), 3, 16, 16)


def task(policy: VisibilityPolicy) -> PoseTask:
    return PoseTask(
        Silent(), codec=CODEC, skeleton=SKELETON, loss=StagedMSE(), scorers=[], protocol=Protocol(),
        recipe=Recipe({}, {}, {}, (32, 32), 1.25), visibility=policy,
    )  # fmt: skip


def batch(visibility: list[int], labelled: list[int]) -> PoseBatch:
    keypoints = torch.tensor([[[8.0, 8.0], [20.0, 12.0], [16.0, 24.0]]])
    return PoseBatch(
        image=torch.zeros(1, 3, 32, 32, dtype=torch.uint8),
        keypoints=keypoints,
        visibility=torch.tensor([visibility], dtype=torch.uint8),
        to_image=torch.eye(2, 3)[None],
        truth=keypoints,
        labelled=torch.tensor([labelled], dtype=torch.uint8),
        sample=torch.tensor([0]),
    )


@pytest.mark.parametrize(
    ("policy", "energies"),
    [
        (VisibilityPolicy(), [1, 1, 0]),
        (VisibilityPolicy(occluded=0.5), [1, 0.25, 0]),
        (VisibilityPolicy(occluded=-1, occluded_weight=3), [1, 3, 0]),
        # An empty map is what a silent network draws: asking for it costs nothing here.
        (VisibilityPolicy(outside_weight=1), [1, 1, 0]),
    ],
)
def test_the_loss_of_silence_is_the_energy_of_the_targets(policy: VisibilityPolicy, energies: list[float]) -> None:
    sample = batch([VISIBLE, OCCLUDED, NOT_LABELLED], [VISIBLE, OCCLUDED, VISIBLE])
    losses = task(policy).losses(sample)
    for loss, size in zip(losses, ((8, 8), (16, 16)), strict=True):
        squares = CODEC.encode(sample.keypoints, (32, 32), size).square().mean(dim=(0, 2, 3))
        assert loss.item() == pytest.approx(float(squares @ torch.tensor(energies, dtype=torch.float32)) / 3, rel=1e-6)


def test_signed_targets_ask_for_a_valley() -> None:
    sample = batch([VISIBLE, OCCLUDED, VISIBLE], [VISIBLE, OCCLUDED, VISIBLE])
    signed = task(VisibilityPolicy(occluded=-1))

    class Right(Silent):
        def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
            signs = torch.tensor([1.0, -1.0, 1.0])[:, None, None]
            return tuple(CODEC.encode(sample.keypoints, (32, 32), size) * signs for size in ((8, 8), (16, 16)))

    signed.model = Right()
    assert signed.losses(sample).sum() == 0


def test_an_empty_map_can_be_asked_for_where_nothing_is_labelled() -> None:
    sample = batch([VISIBLE, VISIBLE, NOT_LABELLED], [VISIBLE, VISIBLE, NOT_LABELLED])

    class Loud(Silent):
        def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
            maps = CODEC.encode(sample.keypoints, (32, 32), (8, 8))
            maps[:, 2] = 1.0
            return (maps,)

    for weight in (0.0, 1.0):
        asked = task(VisibilityPolicy(unlabelled_weight=weight))
        asked.model = Loud()
        assert asked.losses(sample).sum().item() == pytest.approx(weight / 3)
