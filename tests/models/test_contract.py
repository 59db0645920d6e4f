"""What every network of conf/model promises; a new yaml is tested from the moment it exists."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn
from torch.utils.checkpoint import checkpoint

from posepyr.checkpoints.recipe import build
from posepyr.layers.pooling import redraw_regions

CONFIGS = sorted((Path(__file__).parents[2] / "conf" / "model").glob("*.yaml"))
JOINTS = 16
FULL = (256, 256)
REDUCED: dict[str, dict[str, Any]] = {
    "posepyr.models.hourglass.StackedHourglass": {"width": 20, "stacks": 2, "depth": 2},
    "posepyr.models.hrnet.HRNet": {"width": 8, "modules": [1, 1, 1], "blocks": 1},
    "posepyr.models.mssh.MSSH": {"width": 16, "stages": 3, "depth": 1},
    "posepyr.models.ppnet.PPNet": {"width": 8, "modules": 2, "blocks": 1},
    "posepyr.models.simple_baseline.SimpleBaseline": {"width": 8, "depth": 50, "upsampling": [8, 8, 8]},
}
"""By network: overrides that make it small enough to run here. Networks without an entry run as they are."""
SINGLE: dict[str, dict[str, Any]] = {
    "posepyr.models.hourglass.StackedHourglass": {"stacks": 1, "depth": 1},
    "posepyr.models.mssh.MSSH": {"stages": 1},
}
"""By network: further overrides where compiling would take long."""
SMALL = (32, 64)


def reduced(path: Path) -> dict[str, Any]:
    node = yaml.safe_load(path.read_text())
    return {**node, **REDUCED.get(node["_target_"], {})}


DISTINCT = [
    path
    for number, path in enumerate(CONFIGS)
    if reduced(path) not in [reduced(earlier) for earlier in CONFIGS[:number]]
]
"""The files that still differ when their networks are reduced."""


@pytest.fixture(params=CONFIGS, ids=lambda path: path.stem)
def full(request) -> dict[str, Any]:
    return yaml.safe_load(request.param.read_text())


@pytest.fixture(params=DISTINCT, ids=lambda path: path.stem)
def node(request) -> dict[str, Any]:
    return reduced(request.param)


@pytest.fixture
def model(node) -> nn.Module:
    torch.manual_seed(0)
    model = build(node, joints=JOINTS)
    redraw_regions(model, torch.Generator().manual_seed(1))
    return model


@pytest.fixture
def image() -> torch.Tensor:
    return torch.randint(0, 256, (3, 3, *SMALL), generator=torch.Generator().manual_seed(2), dtype=torch.uint8)


def loss_of(heatmaps: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return torch.stack([heatmap.square().mean() for heatmap in heatmaps]).sum()


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


def test_compiled_equals_eager(node, image):
    # In double precision, where only a difference of meaning is left.
    model = build({**node, **SINGLE.get(node["_target_"], {})}, joints=JOINTS).double()
    redraw_regions(model, torch.Generator().manual_seed(1))
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
