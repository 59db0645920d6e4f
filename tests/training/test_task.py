"""The pose task: what it asks of the network, joint by joint."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from posepyr.checkpoints.recipe import Recipe
from posepyr.codec import Codec
from posepyr.data.loading.augment import Augment
from posepyr.data.loading.dataset import Crops
from posepyr.data.loading.loader import SampleIndex
from posepyr.data.module import CropPlan, PoseDataModule
from posepyr.data.sources.mpii import Mpii
from posepyr.geometry import IDENTITY, CropRule
from posepyr.inference.protocol import Protocol
from posepyr.losses import Loss, StagedMSE
from posepyr.nodes import build
from posepyr.records import NOT_LABELLED, OCCLUDED, VISIBLE, Annotation, PoseBatch, View
from posepyr.skeleton import Skeleton
from posepyr.training.task import PoseTask
from posepyr.visibility import VisibilityPolicy
from support.presets import read_preset

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


def batch(states: list[int], neck: tuple[float, float] = (16.0, 24.0)) -> PoseBatch:
    keypoints = torch.tensor([[(8.0, 8.0), (20.0, 12.0), neck]])
    return PoseBatch(
        image=torch.zeros(1, 3, 32, 32, dtype=torch.uint8),
        keypoints=keypoints,
        visibility=torch.tensor([states], dtype=torch.uint8),
        inside=torch.tensor([[True, True, neck[1] < 32]]),
        to_image=torch.eye(2, 3)[None],
        truth=keypoints,
        labelled=torch.tensor([states], dtype=torch.uint8),
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
    sample = batch([VISIBLE, OCCLUDED, VISIBLE], neck=(16.0, 240.0))
    losses = task(policy).losses(sample)
    for loss, size in zip(losses, ((8, 8), (16, 16)), strict=True):
        squares = CODEC.encode(sample.keypoints, (32, 32), size).square().mean(dim=(0, 2, 3))
        assert loss.item() == pytest.approx(float(squares @ torch.tensor(energies, dtype=torch.float32)) / 3, rel=1e-6)


def test_what_is_resumed_goes_on_whatever_its_annotations_tell() -> None:
    source = Mpii(annotations="annot/{split}.json")
    data = PoseDataModule(source=source, crops=CropPlan(SKELETON))
    signed = task(VisibilityPolicy(occluded=-1))
    trainer: Any = SimpleNamespace(ckpt_path=None, datamodule=data)
    signed.trainer = trainer
    with pytest.raises(ValueError, match="source must tell occluded joints from visible ones in train"):
        signed.on_fit_start()
    trainer.ckpt_path = "last.ckpt"
    signed.on_fit_start()


def test_signed_targets_ask_for_a_valley() -> None:
    sample = batch([VISIBLE, OCCLUDED, VISIBLE])
    signed = task(VisibilityPolicy(occluded=-1))

    class Right(Silent):
        def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
            signs = torch.tensor([1.0, -1.0, 1.0])[:, None, None]
            return tuple(CODEC.encode(sample.keypoints, (32, 32), size) * signs for size in ((8, 8), (16, 16)))

    signed.model = Right()
    assert signed.losses(sample).sum() == 0


def test_an_empty_map_can_be_asked_for_where_nothing_is_labelled() -> None:
    sample = batch([VISIBLE, VISIBLE, NOT_LABELLED])

    class Loud(Silent):
        def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
            maps = CODEC.encode(sample.keypoints, (32, 32), (8, 8))
            maps[:, 2] = 1.0
            return (maps,)

    for weight in (0.0, 1.0):
        asked = task(VisibilityPolicy(unlabelled_weight=weight))
        asked.model = Loud()
        assert asked.losses(sample).sum().item() == pytest.approx(weight / 3)


class Asked(Loss):
    """Keeps what training asks for."""

    def stage_losses(
        self, outputs: Sequence[torch.Tensor], targets: Sequence[torch.Tensor], weights: torch.Tensor
    ) -> torch.Tensor:
        self.targets, self.weights = [target[0].double().numpy() for target in targets], weights[0].tolist()
        return torch.zeros(len(outputs))


class Placed:
    """One person whose box is the picture, 64 pixels high and 48 wide, with joints inside and outside it."""

    def __init__(self, keypoints: npt.NDArray[np.float64], states: Sequence[int]) -> None:
        self.keypoints, self.states = keypoints, np.array(states, np.uint8)

    def __len__(self) -> int:
        return 1

    def __getitem__(self, _index: int) -> Annotation:
        return Annotation(0, "", np.array([0.0, 0.0, 48.0, 64.0]), self.keypoints, self.states)

    def view(self, annotation: Annotation, scale: float = 1.0) -> View:
        return View(np.zeros((64, 48, 3), np.uint8), IDENTITY)


def asked(
    split: Placed, policy: VisibilityPolicy, codec: Codec, strides: Sequence[int] = (4,), augment: Augment | None = None
) -> Asked:
    """What training asks of a network with outputs of these strides, of the crop that is the picture."""
    count = len(split.states)
    skeleton = Skeleton("many", tuple(f"joint_{number}" for number in range(count)))
    if count == 2:
        skeleton = Skeleton("two", ("left_wrist", "right_wrist"), flip_pairs=(("left_wrist", "right_wrist"),))

    class Outputs(nn.Module):
        def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(torch.zeros(1, count, 64 // stride, 48 // stride) for stride in strides)

    loss = Asked()
    training = PoseTask(
        Outputs(), codec=codec, skeleton=skeleton, loss=loss, scorers=[], protocol=Protocol(),
        recipe=Recipe({}, {}, {}, (64, 48), 1.0), visibility=policy,
    )  # fmt: skip
    sample = Crops(split, skeleton, CropRule((64, 48), 1.0), augment)[SampleIndex(0, 0)]
    training.losses(PoseBatch(*(field[None] for field in sample)))
    return loss


def released(x: float, y: float, sigma: int, *, down: bool) -> tuple[npt.NDArray[np.float64], float]:
    """The target ``16 12`` and the weight of a labelled joint at stride 4, by the rule of the releases.

    The peak's cell is x / 4 + 1/2 with its fraction cut off (HRNet), or x / 4 with its fraction cut off
    (pytorch-pose, ``down``). Cells from three sigma before it to three sigma behind it are drawn. The joint is left out
    if the first of them lies behind the map, or if the one behind the last lies before the map.
    """
    target = np.zeros((16, 12))
    column, row = (int(value / 4 + (0.0 if down else 0.5)) for value in (x, y))
    left, top, right, bottom = column - 3 * sigma, row - 3 * sigma, column + 3 * sigma + 1, row + 3 * sigma + 1
    if left >= 12 or top >= 16 or right < 0 or bottom < 0:
        return target, 0.0
    for j in range(max(top, 0), min(bottom, 16)):
        for i in range(max(left, 0), min(right, 12)):
            target[j, i] = np.exp(-((i - column) ** 2 + (j - row) ** 2) / (2 * sigma**2))
    return target, 1.0


@pytest.mark.parametrize(("preset", "sigma"), [("quarter", 1), ("quarter", 2), ("pytorch_pose", 1)])
@pytest.mark.parametrize("policy", ["masked", "empty"])
def test_joints_outside_the_crop_are_drawn_and_weighed_as_in_the_releases(preset: str, sigma: int, policy: str) -> None:
    generator = np.random.default_rng(0)
    keypoints = generator.uniform(-50, (98, 114), (1500, 2))
    codec = build({**read_preset("codec", preset), "sigma": float(sigma)})
    loss = asked(Placed(keypoints, [VISIBLE] * 1500), build(read_preset("visibility", policy)), codec)
    expected = [released(x, y, sigma, down=preset == "pytorch_pose") for x, y in keypoints.tolist()]
    np.testing.assert_allclose(loss.targets[0], [target for target, _ in expected], atol=1e-6)
    # pytorch-pose's first release, whose policy "empty" is, asks for an empty map where nothing can be drawn.
    weights = [1.0 if policy == "empty" else weight for _, weight in expected]
    assert loss.weights == weights
    assert 0.2 < np.mean([weight for _, weight in expected]) < 0.8


def test_states_go_on_outside_the_crop() -> None:
    """Beside the left border: visible, occluded, not labelled; then two whose Gaussians do not reach the map."""
    keypoints = np.array([[-8.0, 30.0], [-8.0, 30.0], [-8.0, 30.0], [-60.0, 30.0], [30.0, 200.0]])
    states = [VISIBLE, OCCLUDED, NOT_LABELLED, VISIBLE, OCCLUDED]
    policy = VisibilityPolicy(occluded=-1, occluded_weight=3, unlabelled_weight=0.25, outside_weight=0.5)
    loss = asked(Placed(keypoints, states), policy, Codec())
    assert loss.weights == [1, 3, 0.25, 0.5, 0.5]
    first, second, *others = loss.targets[0]
    assert first.max() == pytest.approx(np.exp(-(2**2 + 0.5**2) / 8), rel=1e-6)
    np.testing.assert_array_equal(second, -first)
    assert not np.any(others)


def test_joints_outside_the_crop_can_be_left_out_of_the_targets() -> None:
    keypoints = np.array([[-8.0, 30.0], [-0.4, 30.0], [20.0, 70.0]])
    policy = VisibilityPolicy(outside_weight=0.5, drawn="inside")
    loss = asked(Placed(keypoints, [VISIBLE] * 3), policy, Codec())
    assert loss.weights == [0.5, 1, 0.5]
    assert not loss.targets[0][[0, 2]].any()
    assert loss.targets[0][1].max() > 0.9


def test_with_several_resolutions_a_joint_counts_where_its_gaussian_reaches_every_output() -> None:
    """Six cells are 24 pixels at stride 4, and 48 at stride 8."""
    keypoints = np.array([[-20.0, 30.0], [-40.0, 30.0], [20.0, 30.0]])
    loss = asked(Placed(keypoints, [VISIBLE] * 3), VisibilityPolicy(), Codec(), strides=(8, 4))
    assert loss.weights == [1, 0, 1]
    for targets in loss.targets:
        assert targets.any(axis=(1, 2)).tolist() == [True, False, True]


def test_in_the_mirror_a_joint_keeps_its_own_state() -> None:
    """The left wrist is not labelled, the right one lies far outside: also where the crop is mirrored."""
    split = Placed(np.array([[20.0, 30.0], [200.0, 30.0]]), [NOT_LABELLED, VISIBLE])
    policy = VisibilityPolicy(unlabelled_weight=0.25, outside_weight=0.5)
    augment = Augment(scale=0, rotation=0, rotation_probability=0, flip_probability=1.0)
    assert asked(split, policy, Codec()).weights == [0.25, 0.5]
    assert asked(split, policy, Codec(), augment=augment).weights == [0.5, 0.25]
