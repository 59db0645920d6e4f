import pytest
import torch

import posepyr
from posepyr.errors import UsageError
from posepyr.layers.residual import ResidualBlocks

SMALL = {"stacks": 2, "width": 32, "depth": 2}


def size(network: torch.nn.Module) -> int:
    return sum(map(torch.numel, network.parameters()))


def test_a_network_is_built_by_its_name_without_hydra() -> None:
    network = posepyr.model("hourglass_prm", joints=5, **SMALL)
    heatmaps = network(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    assert [tuple(output.shape) for output in heatmaps] == [(1, 5, 16, 16)] * 2


def test_a_part_is_changed_by_a_mapping_or_replaced() -> None:
    changed = posepyr.model("hourglass_prm", joints=5, **SMALL, block={"variant": "B"})
    whole = posepyr.model("hourglass_prm", joints=5, **SMALL)
    assert size(changed) > size(whole), "each level has a filter of its own"
    replaced = posepyr.model("hourglass_prm", joints=5, **SMALL, block=ResidualBlocks())
    assert not any("Pyramid" in type(module).__name__ for module in replaced.modules())


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("hourglas_prm", {}, "name must be a model of posepyr, got 'hourglas_prm'; did you mean hourglass_prm"),
        ("hourglass_prm", {"stcks": 2}, "stcks is no argument of .*StackedHourglass, got 2; did you mean stacks?"),
        ("hourglass_prm", {"stacks": "two"}, "stacks must be int, got 'two'"),
        ("hourglass_prm", {"joints": "16"}, "joints must be int, got '16'"),
    ],
)
def test_what_is_wrong_is_named(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        posepyr.model(name, **{"joints": 5, **arguments})
