"""Recomputed blocks: the same training step, statistics included, out of less memory."""

import copy
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from posepyr.layers.pooling import redraw_regions
from posepyr.nodes import build
from posepyr.training.memory.recompute import recompute
from support.places import CONF

MODELS: dict[str, dict[str, Any]] = {
    "hourglass_prm": {"width": 20, "stacks": 2, "depth": 2},
    "hrnet_w32": {"width": 8, "modules": [1, 1, 1], "blocks": 2},
    "ppnet_m2_d2_w32": {"width": 8, "blocks": 1},
    "mssh": {"width": 16, "stages": 2, "depth": 1},
    "cpn_r50": {"width": 8, "channels": 16},
    "simple_baseline_r50": {"width": 8, "upsampling": [8, 8, 8]},
}


def network(name: str) -> nn.Module:
    node = yaml.safe_load((CONF / "model" / f"{name}.yaml").read_text())
    torch.manual_seed(0)
    model: nn.Module = build({**node, **MODELS[name]}, joints=4)
    redraw_regions(model, torch.Generator().manual_seed(1))
    return model.double()


def step(model: nn.Module) -> tuple[float, int]:
    """Loss of one training step, and the bytes that it kept for its backward pass."""
    image = torch.randint(0, 256, (2, 3, 64, 64), generator=torch.Generator().manual_seed(2), dtype=torch.uint8)
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = torch.stack([heatmaps.square().mean() for heatmaps in model(image)]).sum()
    held = sum(kept.values())
    loss.backward()
    return loss.item(), held


@pytest.mark.parametrize("name", MODELS)
def test_the_step_is_the_same_and_keeps_less(name: str) -> None:
    plain = network(name)
    saving = copy.deepcopy(plain)
    keys = list(saving.state_dict())
    assert recompute(saving) > 2
    assert list(saving.state_dict()) == keys
    whole, part = step(plain), step(saving)
    assert part[0] == whole[0]
    assert part[1] < 0.7 * whole[1]
    for one, other in zip(plain.parameters(), saving.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-9, atol=1e-12)
    # Batch norms have counted the batch once.
    for one, other in zip(plain.buffers(), saving.buffers(), strict=True):
        assert torch.equal(one, other)


def test_evaluation_and_copies_are_not_touched() -> None:
    model = network("hourglass_prm")
    image = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    expected = model.eval()(image)[-1]
    recompute(model)
    assert torch.equal(model(image)[-1], expected)
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert torch.equal(twin(image)[-1], expected)


def test_a_module_of_ones_own_is_recomputed_if_it_says_so() -> None:
    class Own(nn.Module):
        recomputed = True

        def __init__(self) -> None:
            super().__init__()
            self.seen = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.seen += 1
            return x.sin().exp()

    model = nn.Sequential(Own())
    assert recompute(model) == 1
    model(torch.ones(3, requires_grad=True)).sum().backward()
    assert model[0].seen == 2


def test_a_network_without_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="recompute must be false for a network without blocks"):
        recompute(nn.Linear(2, 2))
