"""The pools of a pyramid's levels against Torch's and plain tensor operations, and their promises."""

import copy
from typing import get_args

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from posepyr.layers.pooling import (
    FixedPools,
    FractionalMaxPools,
    LevelPools,
    Pool,
    adaptive_max_pool_by_selection,
    level_pools,
    redraw_regions,
)
from support.naive_layers import adaptive_max_pool as naive_adaptive_max_pool
from support.naive_layers import bilinear, fractional_max_pool

SELECTION = "adaptive, by selection"
WAYS = [*get_args(Pool), SELECTION]


def drawn(pools: LevelPools, seed: int = 0) -> LevelPools:
    redraw_regions(pools, torch.Generator().manual_seed(seed))
    return pools


def pools_by(way: str, levels: int = 4, exponent: float = 1.0) -> LevelPools:
    if way == SELECTION:
        return FixedPools(levels, exponent, adaptive_max_pool_by_selection)
    return drawn(level_pools(way, levels, exponent))


@pytest.fixture
def deterministic(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else Torch refuses matrix products on CUDA
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


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
        assert torch.equal(pooled, fractional_max_pool(x, pooled.shape[-2:], offsets.tolist()))


@pytest.mark.parametrize("size", [(64, 64), (16, 12), (5, 4), (3, 2), (2, 2), (1, 6)])
@pytest.mark.parametrize("exponent", [1.0, 2.5])
def test_levels_are_as_large_whatever_makes_them(size, exponent):
    shapes = {way: [pooled.shape for pooled in pools_by(way, 3, exponent)(torch.zeros(2, 3, *size))] for way in WAYS}
    assert all(shapes[way] == shapes["fractional"] for way in WAYS)


@pytest.mark.parametrize("size", [(20, 20), (16, 13), (5, 4), (3, 2), (1, 6)])
@pytest.mark.parametrize("exponent", [1.0, 2.5])
@pytest.mark.parametrize(
    ("way", "naive"),
    [("adaptive", naive_adaptive_max_pool), (SELECTION, naive_adaptive_max_pool), ("bilinear", bilinear)],
)
def test_equals_its_oracle(way, naive, exponent, size):
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    for pooled in pools_by(way, 4, exponent)(x):
        torch.testing.assert_close(pooled, naive(x, pooled.shape[-2:]), rtol=0, atol=1e-6 if way == "bilinear" else 0)


@pytest.mark.parametrize("way", WAYS)
def test_each_level_may_have_a_map_of_its_own(way):
    maps = [torch.randn(1, 2, 9, 12) for _ in range(3)]
    pools = pools_by(way, 3)
    for level, pooled in enumerate(pools(*maps)):
        assert torch.equal(pooled, pools(maps[level])[level])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("exponent", [1.0, 2.5])
def test_gradients_are_exact(way, exponent):
    x = torch.randn(1, 1, 7, 6, dtype=torch.float64, requires_grad=True)
    pools = pools_by(way, 3, exponent)
    assert torch.autograd.gradcheck(lambda x: tuple(pools(x)), (x,))


@pytest.mark.parametrize("size", [(13, 11), (8, 8), (7, 3), (1, 1)])
def test_selection_has_the_gradient_of_torchs_kernel(size):
    x = torch.randn(2, 3, 13, 11, requires_grad=True)
    weights = torch.randn(2, 3, *size)
    ours, theirs = (
        torch.autograd.grad((pool(x, size) * weights).sum(), x)[0]
        for pool in (adaptive_max_pool_by_selection, F.adaptive_max_pool2d)
    )
    torch.testing.assert_close(ours, theirs)


def test_selection_loses_no_gradient_among_equals():
    x = torch.zeros(1, 1, 9, 7, requires_grad=True)
    adaptive_max_pool_by_selection(x, (6, 5)).sum().backward()
    assert x.grad.sum() == 30


class Selections(TorchDispatchMode):
    """Keeps the places that were selected, call by call."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[torch.Tensor] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.index_select.default:
            self.places.append(args[2])
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("size", [(64, 64), (17, 9), (5, 4), (3, 2), (2, 2)])
@pytest.mark.parametrize(
    ("way", "exponent"), [("fractional", 1.0), ("fractional", 2.5), (SELECTION, 1.0), (SELECTION, 2.5)]
)
def test_no_place_is_selected_twice(way, exponent, size):
    # Else the backward pass would add up several gradients there, on CUDA in any order.
    pools = pools_by(way, 4, exponent)
    for seed in range(3):
        with Selections() as selections:
            drawn(pools, seed)(torch.zeros(1, 1, *size))
        assert len(selections.places) == {"fractional": 4, SELECTION: 16}[way]
        assert all(len(places.unique()) == len(places) for places in selections.places)


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


@pytest.mark.parametrize("way", WAYS)
def test_forward_draws_nothing(way):
    before = torch.get_rng_state()
    pools_by(way)(torch.zeros(1, 1, 16, 16))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("pool", ["adaptive", "bilinear"])
def test_fixed_pools_hold_nothing_and_train_as_they_evaluate(pool):
    x = torch.randn(1, 4, 32, 32)
    pools = level_pools(pool, 4, 1.0)
    assert not list(pools.buffers())
    before = pools.train()(x)
    assert all(torch.equal(a, b) for a, b in zip(before, drawn(pools.eval())(x), strict=True))


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


@pytest.mark.parametrize("way", WAYS)
def test_compiled_equals_eager(way):
    x = torch.randn(2, 3, 16, 16, requires_grad=True)
    pools = pools_by(way)
    torch.compiler.reset()
    compiled = torch.compile(pools, backend="aot_eager", fullgraph=True)
    for seed, stance in enumerate(["default", "fail_on_recompile"]):
        drawn(pools, seed)
        with torch.compiler.set_stance(stance):
            ours, theirs = (sum(level.square().sum() for level in way(x)) for way in (pools, compiled))
        torch.testing.assert_close(ours, theirs)
        torch.testing.assert_close(*(torch.autograd.grad(total, x)[0] for total in (ours, theirs)))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("pool", get_args(Pool))
def test_exported_equals_eager(pool, training):
    x = torch.randn(2, 3, 16, 13)
    pools = pools_by(pool).train(training)
    exported = torch.export.export(pools, (x,))
    again = torch.randn_like(x)
    assert all(torch.equal(a, b) for a, b in zip(pools(again), exported.module()(again), strict=True))
    # Exchange formats know neither of the two.
    assert not any(name in str(node.target) for node in exported.graph.nodes for name in ("adaptive", "fractional"))


@pytest.mark.parametrize(
    "device", ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("way", WAYS)
def test_runs_where_only_deterministic_algorithms_are_allowed(way, layout, device, deterministic):
    x = torch.randn(2, 3, 16, 16, device=device).contiguous(memory_format=layout).requires_grad_()
    pools = pools_by(way).to(device)
    first, again = (torch.autograd.grad(sum(pooled.square().sum() for pooled in pools(x)), x)[0] for _ in range(2))
    assert first.abs().sum() > 0
    assert torch.equal(first, again)


@pytest.mark.parametrize("way", WAYS)
def test_half_precision_chooses_the_same_pixels(way):
    x = torch.randn(2, 3, 16, 13).bfloat16().requires_grad_()
    pools = pools_by(way)
    for ours, exact in zip(pools(x), pools(x.double()), strict=True):
        assert ours.dtype == torch.bfloat16
        tolerance = {"rtol": 2**-7, "atol": 2**-7} if way == "bilinear" else {"rtol": 0, "atol": 0}
        torch.testing.assert_close(ours.double(), exact, **tolerance)
    sum(pooled.sum() for pooled in pools(x)).backward()
    assert x.grad.dtype == torch.bfloat16
    assert x.grad.isfinite().all()
