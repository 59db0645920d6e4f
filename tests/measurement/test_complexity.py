"""Counting: equal to Torch's own counter, and by hand where that has no word for it."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from posepyr.layers.pyramid import PyramidBlocks
from posepyr.layers.pyramid_path import PyramidPaths
from posepyr.measurement.complexity import count, training_memory
from posepyr.models.hourglass import StackedHourglass
from posepyr.models.hrnet import HRNet
from posepyr.models.resnext import ResNeXt
from posepyr.models.simple_baseline import SimpleBaseline
from support.counting import multiply_adds_by_torch

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "hrnet": lambda: HRNet(5, width=4, modules=(1, 1, 1)),
    "prm": lambda: StackedHourglass(5, PyramidBlocks(), stacks=1, depth=3, width=32),
    "simple_baseline": lambda: SimpleBaseline(5, width=8, upsampling=(8, 8)),
    "resnext": lambda: ResNeXt(depth=11, cardinality=4, width=4, pyramid=PyramidPaths()),
}


def meta(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.device("meta"):
        return make()


@pytest.mark.parametrize("name", NETWORKS)
def test_multiply_adds_are_those_of_torch(name: str) -> None:
    network = meta(NETWORKS[name])
    cost = count(network, (3, 64, 128))
    assert cost.multiply_adds == multiply_adds_by_torch(network, 64, 128)
    assert sum(cost.stages.values()) == cost.multiply_adds
    assert set(cost.stages) <= {child for child, _ in network.named_children()}
    assert count(network, (3, 64, 128), depth=2)._replace(stages={}) == cost._replace(stages={})


def test_counting_leaves_no_trace() -> None:
    network = meta(NETWORKS["prm"])
    before = [set(module.__dict__) for module in network.modules()]
    count(network, (3, 64, 64))
    assert [set(module.__dict__) for module in network.modules()] == before
    assert not any(module._forward_hooks for module in network.modules())
    with pytest.raises(ValueError, match="divisible by 32"):
        count(network, (3, 60, 64))
    assert [set(module.__dict__) for module in network.modules()] == before


def test_the_papers_conventions() -> None:
    transposed = meta(lambda: nn.ConvTranspose2d(3, 5, 4, stride=2, padding=1, bias=False))
    cost = count(transposed, (3, 6, 8))
    assert (cost.multiply_adds, cost.at_output) == (3 * 5 * 16 * 48, 3 * 5 * 16 * 192)
    assert cost.gflops("HRNet") == cost.at_output / 2**30

    grouped = meta(lambda: nn.Conv2d(8, 12, 3, padding=1, groups=4, bias=False))
    cost = count(grouped, (8, 5, 5))
    assert (cost.multiply_adds, cost.dense) == (2 * 12 * 9 * 25, 8 * 12 * 9 * 25)
    assert cost.gflops("PyraNet CIFAR") == 2 * cost.dense / 1e9

    row = meta(lambda: nn.Sequential(nn.Conv2d(3, 7, 1), nn.BatchNorm2d(7), nn.ReLU()))
    cost = count(row, (3, 4, 4))
    assert (cost.parameters, cost.elementwise, cost.activations) == (3 * 7 + 7 + 14, 3 * 7 * 16, 7 * 16)
    assert cost.gflops("PyraNet") == (2 * 3 * 7 * 16 + 3 * 7 * 16) / 1e9


def test_memory_is_what_the_backward_pass_needs_each_piece_once() -> None:
    network = meta(
        lambda: nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), nn.ReLU(inplace=True), nn.Conv2d(8, 4, 1, bias=False))
    )
    memory = training_memory(network, (3, 4, 4), batch=5)
    # The picture for the first convolution, and one map that ReLU and the second convolution share.
    assert memory.activations == 5 * 16 * (3 + 8) * 4
    assert memory.weights == memory.gradients == (24 + 32) * 4
    assert memory.peak == memory.weights + memory.gradients + memory.activations


def test_memory_grows_by_the_same_with_each_picture() -> None:
    network = meta(NETWORKS["resnext"]).eval()
    one, two, three = (training_memory(network, (3, 16, 16), batch) for batch in (1, 2, 3))
    assert not network.training
    assert three.weights == one.weights
    assert three.activations - two.activations == two.activations - one.activations > 0
