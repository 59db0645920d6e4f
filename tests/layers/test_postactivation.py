"""ResNet's residuals against their formulas, written with Torch's plain functions."""

import pytest
import torch
from torch.nn import functional as F

from posepyr.layers.postactivation import BareBottleneck, BasicBlock, Bottleneck, PostactivationBlocks, convolution
from support.normalised import normalised


def test_basic_block(randomised):
    block = randomised(BasicBlock(6))
    x = torch.randn(2, 6, 5, 4, dtype=torch.float64)
    state = [normalised(normalised(x, block.main[0]).relu(), block.main[1]), x]
    torch.testing.assert_close(block(x.clone()), sum(state).relu())


@pytest.mark.parametrize(("inputs", "stride"), [(8, 1), (6, 1), (8, 2)])
def test_bottleneck(inputs, stride, randomised):
    block = randomised(Bottleneck(inputs, 2, 8, stride))
    x = torch.randn(2, inputs, 6, 4, dtype=torch.float64)
    main = normalised(x, block.main[0]).relu()
    main = normalised(normalised(main, block.main[1], stride).relu(), block.main[2])
    beside = x if (inputs, stride) == (8, 1) else normalised(x, block.shortcut, stride)
    torch.testing.assert_close(block(x.clone()), (main + beside).relu())


@pytest.mark.parametrize(("inputs", "changed"), [(8, False), (6, False), (8, True)])
def test_bare_bottleneck(inputs, changed, randomised):
    block = randomised(PostactivationBlocks()(inputs, 8, convolution=changed))
    x = torch.randn(2, inputs, 6, 4, dtype=torch.float64)
    main = normalised(normalised(x, block.main[0]).relu(), block.main[1]).relu()
    beside = F.conv2d(x, block.shortcut.weight) if changed or inputs != 8 else x
    torch.testing.assert_close(block(x.clone()), (normalised(main, block.main[2]) + beside).relu())
    assert len(list(block.shortcut.parameters())) == (changed or inputs != 8)


@pytest.mark.parametrize(("kernel", "stride", "size"), [(1, 1, (6, 9)), (1, 2, (3, 5)), (3, 3, (2, 3)), (7, 2, (3, 5))])
def test_sizes(kernel, stride, size):
    assert convolution(3, 4, kernel, stride)(torch.zeros(2, 3, 6, 9)).shape == (2, 4, *size)


def test_the_input_is_left_as_it_is():
    x = torch.randn(2, 4, 3, 3)
    kept = x.clone()
    BasicBlock(4)(x)
    Bottleneck(4, 1, 4)(x)
    BareBottleneck(4, 4)(x)
    assert torch.equal(x, kept)
