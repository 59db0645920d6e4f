"""What every network of conf/model promises; a new yaml is tested from the moment it exists."""

import copy
import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from posepyr.layers.pooling import FractionalMaxPools, redraw_regions
from posepyr.nodes import build
from support.reduced import DISTINCT, JOINTS, NAMES, SMALL, loss_of, network, node_of, pixels, reduced, single

FULL = (256, 256)
FAMILIES = ("hourglass", "hourglass_prm", "hrnet_w32", "mssh", "ppnet_m1_d8_w32", "simple_baseline_r101")
"""One of each, for what takes long."""
BFLOAT16 = 2**-8
"""The largest relative error of rounding to bfloat16, which has eight digits."""


@pytest.fixture(params=NAMES)
def full(request) -> dict[str, Any]:
    return node_of(request.param)


@pytest.fixture(params=DISTINCT)
def node(request) -> dict[str, Any]:
    return reduced(request.param)


@pytest.fixture
def model(node) -> nn.Module:
    return network(node)


@pytest.fixture
def image() -> torch.Tensor:
    return pixels()


def test_full_size_builds_and_runs_on_meta(full):
    with torch.device("meta"):
        model = build(full, joints=JOINTS)
        heatmaps = model(torch.zeros(2, 3, *FULL, dtype=torch.uint8))
    assert isinstance(heatmaps, tuple)
    expected = [(2, JOINTS, FULL[0] // stride, FULL[1] // stride) for stride in model.strides]
    assert [tuple(heatmap.shape) for heatmap in heatmaps] == expected
    loss_of(heatmaps).backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_bytes_go_in_and_heatmaps_of_the_models_type_come_out(model, image):
    heatmaps = model(image)
    assert len(heatmaps) == len(model.strides)
    for heatmap, stride in zip(heatmaps, model.strides, strict=True):
        assert heatmap.shape == (3, JOINTS, SMALL[0] // stride, SMALL[1] // stride)
        assert heatmap.dtype == torch.float32
        assert heatmap.isfinite().all()


def test_every_parameter_gets_a_gradient(model, image):
    loss_of(model(image)).backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_state_dict_round_trip(node, model, image):
    loss_of(model(image)).backward()  # running statistics are no longer those of a new model
    other = build(node, joints=JOINTS)
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    assert all(torch.equal(a, b) for a, b in zip(model.eval()(image), other.eval()(image), strict=True))


def test_evaluation_is_repeatable_and_each_picture_stands_alone(model, image):
    model(image)
    model.eval()
    together = model(image)
    redraw_regions(model, torch.Generator().manual_seed(3))
    assert all(torch.equal(a, b) for a, b in zip(together, model(image), strict=True))
    for mixed, alone in zip(together, model(image[1:2]), strict=True):
        torch.testing.assert_close(mixed[1:2], alone, rtol=1e-4, atol=1e-5)


def test_memory_layout_of_the_image_changes_nothing(model, image):
    model.eval()
    for a, b in zip(model(image), model(image.contiguous(memory_format=torch.channels_last)), strict=True):
        torch.testing.assert_close(a, b)


def test_activation_checkpointing_equals_none(model, image):
    twin = copy.deepcopy(model)
    plain, recomputed = model(image), checkpoint(twin, image, use_reentrant=False)
    assert all(torch.equal(a, b) for a, b in zip(plain, recomputed, strict=True))
    loss_of(plain).backward()
    loss_of(recomputed).backward()
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


@pytest.mark.parametrize(
    "name", [name if name in FAMILIES else pytest.param(name, marks=pytest.mark.long) for name in DISTINCT]
)
def test_compiled_equals_eager(name, image):
    # In double precision, where only a difference of meaning is left.
    model = network(single(reduced(name))).double()
    twin = copy.deepcopy(model)
    torch.compiler.reset()
    twin.compile(backend="aot_eager", fullgraph=True)
    eager, compiled = model(image), twin(image)
    for a, b in zip(eager, compiled, strict=True):
        torch.testing.assert_close(a, b)
    loss_of(eager).backward()
    loss_of(compiled).backward()
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
    assert list(model.state_dict()) == list(twin.state_dict())


def gradients(model: nn.Module) -> list[torch.Tensor]:
    return [parameter.grad for parameter in model.parameters()]


def settled(model: nn.Module, image: torch.Tensor) -> nn.Module:
    """With running statistics that are those of what it sees, for evaluation."""
    with torch.no_grad():
        for _ in range(20):
            model.train()(image)
    return model.eval()


@pytest.mark.parametrize("cast", ["autocast", "weights"])
def test_bfloat16_differs_by_its_rounding_alone(model, image, cast):
    settled(model, image)
    half = copy.deepcopy(model).to(torch.bfloat16 if cast == "weights" else torch.float32)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=cast == "autocast"):
        rounded = half(image)
    # A rounding after each convolution and norm: as many steps of a random walk, were all of them in one row.
    layers = sum(isinstance(module, nn.modules.conv._ConvNd | nn.BatchNorm2d) for module in model.modules())
    with torch.no_grad():
        exact = model(image)
    for found, expected in zip(rounded, exact, strict=True):
        assert found.dtype == torch.bfloat16
        assert (found.float() - expected).norm() < math.sqrt(layers) * BFLOAT16 * expected.norm()


@pytest.mark.parametrize("cast", ["autocast", "weights"])
def test_bfloat16_trains_with_finite_gradients(model, image, cast):
    model.to(torch.bfloat16 if cast == "weights" else torch.float32)
    with torch.autocast("cpu", torch.bfloat16, enabled=cast == "autocast"):
        heatmaps = model(image)
    loss_of(tuple(heatmap.float() for heatmap in heatmaps)).backward()
    assert all(gradient.isfinite().all() for gradient in gradients(model))


def test_a_training_step_of_deterministic_algorithms_repeats_to_the_last_bit(model, image):
    twin = copy.deepcopy(model)
    torch.use_deterministic_algorithms(True)
    try:
        for copied in (model, twin):
            loss_of(copied(image)).backward()
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(a, b) for a, b in zip(gradients(model), gradients(twin), strict=True))


def test_training_follows_the_drawn_regions_and_nothing_else(model, image):
    def seen(seed: int) -> torch.Tensor:
        redraw_regions(model, torch.Generator().manual_seed(seed))
        return model(image)[-1]

    first, again, other = seen(4), seen(4), seen(5)
    assert torch.equal(first, again)
    drawn = any(isinstance(module, FractionalMaxPools) for module in model.modules())
    assert torch.equal(first, other) != drawn
