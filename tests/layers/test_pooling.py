"""Fractional max pooling against Torch's own with given samples, and its promises."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from naive_layers import array, fractional_max_pool
from posepyr.layers.pooling import FractionalMaxPools, redraw_regions


def drawn(pools: FractionalMaxPools, seed: int = 0) -> FractionalMaxPools:
    redraw_regions(pools, torch.Generator().manual_seed(seed))
    return pools


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(64, 64), (16, 12), (5, 4), (3, 2), (2, 2)])
@pytest.mark.parametrize(("levels", "exponent"), [(4, 1.0), (3, 2.0), (1, 1.0)])
def test_equals_torch_given_the_same_samples(size, levels, exponent, layout):
    x = torch.randn(2, 3, *size).contiguous(memory_format=layout).requires_grad_()
    pools = drawn(FractionalMaxPools(levels, exponent))
    for pooled, offsets in zip(pools(x), pools.regions, strict=True):
        samples = offsets.expand(2, 3, 2)
        reference = F.fractional_max_pool2d(x, 2, output_size=pooled.shape[-2:], _random_samples=samples)
        torch.testing.assert_close(pooled, reference, rtol=0, atol=0)
        weights = torch.randn_like(pooled)
        (gradient,) = torch.autograd.grad((pooled * weights).sum(), x, retain_graph=True)
        (expected,) = torch.autograd.grad((reference * weights).sum(), x)
        torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (128, [107, 90, 76, 64]),
        (64, [53, 45, 38, 32]),
        (32, [26, 22, 19, 16]),
        (16, [13, 11, 9, 8]),
        (8, [6, 5, 4, 4]),
        (4, [3, 2, 2, 2]),
    ],
)
def test_sizes_are_the_papers(length, expected):
    assert FractionalMaxPools(4).sizes(length) == expected


@pytest.mark.parametrize("levels", range(1, 9))
def test_the_last_level_is_exactly_half(levels):
    assert [FractionalMaxPools(levels).sizes(length)[-1] for length in (4, 16, 64)] == [2, 8, 32]


def test_a_map_of_single_pixels_is_kept():
    row = torch.randn(1, 1, 1, 6)
    for pooled, width in zip(drawn(FractionalMaxPools(4))(row), FractionalMaxPools(4).sizes(6), strict=True):
        assert pooled.shape == (1, 1, 1, width)
        assert set(pooled.flatten().tolist()) <= set(row.flatten().tolist())
    pixel = torch.randn(2, 3, 1, 1)
    assert all(torch.equal(pooled, pixel) for pooled in FractionalMaxPools(2)(pixel))


def test_regions_cover_both_ends_and_hold_their_maxima():
    x = torch.randn(1, 2, 32, 32, dtype=torch.float64)
    pools = drawn(FractionalMaxPools(4), seed=3)
    for pooled, offsets in zip(pools(x), pools.regions, strict=True):
        expected = fractional_max_pool(array(x), pooled.shape[-2:], tuple(array(offsets)))
        assert (array(pooled) == expected).all()


def test_gradients_are_exact():
    x = torch.randn(1, 1, 7, 6, dtype=torch.float64, requires_grad=True)
    pools = drawn(FractionalMaxPools(3))
    assert torch.autograd.gradcheck(lambda x: tuple(pools(x)), (x,))


def test_evaluation_never_changes_and_training_follows_the_draws():
    x = torch.randn(1, 4, 32, 32)
    pools = FractionalMaxPools(4)
    before = [pools.eval()(x), drawn(pools, seed=1)(x), drawn(pools, seed=2)(x)]
    for level in range(4):
        assert torch.equal(before[0][level], before[1][level])
        assert torch.equal(before[0][level], before[2][level])
    pools.train()
    first, again, other = drawn(pools, seed=1)(x), drawn(pools, seed=1)(x), drawn(pools, seed=2)(x)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])
    # At exactly half the size a whole number of pixels lies between two windows: nothing is left to draw.
    assert torch.equal(first[3], other[3])


def test_undrawn_training_equals_evaluation():
    x = torch.randn(1, 4, 32, 32)
    pools = FractionalMaxPools(4)
    for training, evaluation in zip(pools.train()(x), copy.deepcopy(pools).eval()(x), strict=True):
        assert torch.equal(training, evaluation)


def test_forward_draws_nothing():
    before = torch.get_rng_state()
    FractionalMaxPools(4)(torch.zeros(1, 1, 16, 16))
    assert torch.equal(torch.get_rng_state(), before)


def test_every_pooling_of_a_model_gets_regions_of_its_own_and_no_state_grows():
    model = nn.Sequential(FractionalMaxPools(4), nn.ModuleList([FractionalMaxPools(2)]))
    redraw_regions(model, torch.Generator().manual_seed(0))
    offsets = torch.cat([model[0].regions, model[1][0].regions])
    assert len(offsets.unique()) == offsets.numel()
    assert ((offsets >= 0) & (offsets < 1)).all()
    assert not model.state_dict()


def test_redrawing_goes_on_where_the_generator_stands():
    pools, generator = FractionalMaxPools(4), torch.Generator().manual_seed(0)
    redraw_regions(pools, generator)
    state = generator.get_state()
    redraw_regions(pools, generator)
    expected = pools.regions.clone()
    redraw_regions(pools, torch.Generator().set_state(state))
    assert torch.equal(pools.regions, expected)


def test_compiled_equals_eager():
    x = torch.randn(2, 3, 16, 16, requires_grad=True)
    pools = drawn(FractionalMaxPools(4))
    compiled = torch.compile(pools, backend="aot_eager", fullgraph=True)
    for seed in (0, 1):  # the second draw without a second compilation
        drawn(pools, seed)
        ours, theirs = sum(p.sum() for p in pools(x)), sum(p.sum() for p in compiled(x))
        assert torch.equal(ours, theirs)
        assert torch.equal(*(torch.autograd.grad(total, x)[0] for total in (ours, theirs)))


def test_runs_where_only_deterministic_algorithms_are_allowed():
    x = torch.randn(2, 3, 16, 16, requires_grad=True)
    pools = drawn(FractionalMaxPools(4))
    torch.use_deterministic_algorithms(True)
    try:
        sum(pooled.square().sum() for pooled in pools(x)).backward()
    finally:
        torch.use_deterministic_algorithms(False)
    assert x.grad.abs().sum() > 0
