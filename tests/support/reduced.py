"""The networks of conf/model, and each family small enough to run in a test."""

from typing import Any

import torch
import yaml
from torch import nn

from posepyr.layers.pooling import redraw_regions
from posepyr.nodes import build
from support.places import CONF

CONFIGS = sorted((CONF / "model").glob("*.yaml"))
JOINTS = 16
SMALL = (32, 64)
REDUCED: dict[str, dict[str, Any]] = {
    "posepyr.models.cpn.CPN": {"width": 4, "channels": 8},
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
FAMILIES = ("cpn_r50", "hourglass", "hourglass_prm", "hrnet_w32", "mssh", "ppnet_m2_d2_w32", "simple_baseline_r50")
"""One file of each family, and the hourglass also with pyramids."""


def node_of(name: str) -> dict[str, Any]:
    """A file of conf/model."""
    node: dict[str, Any] = yaml.safe_load(next(path for path in CONFIGS if path.stem == name).read_text())
    return node


def reduced(name: str) -> dict[str, Any]:
    node = node_of(name)
    return {**node, **REDUCED.get(node["_target_"], {})}


def single(node: dict[str, Any]) -> dict[str, Any]:
    """A reduced network with one stack or stage."""
    return {**node, **SINGLE.get(node["_target_"], {})}


NAMES = [path.stem for path in CONFIGS]
DISTINCT = [
    name for number, name in enumerate(NAMES) if reduced(name) not in [reduced(earlier) for earlier in NAMES[:number]]
]
"""The files that still differ when their networks are reduced."""


def network(node: dict[str, Any]) -> nn.Module:
    """With weights and regions that are the same each time."""
    torch.manual_seed(0)
    model: nn.Module = build(node, joints=JOINTS)
    redraw_regions(model, torch.Generator().manual_seed(1))
    return model


def pixels(seed: int = 2, size: tuple[int, int] = SMALL) -> torch.Tensor:
    """Three small pictures of noise."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, 3, *size), generator=generator, dtype=torch.uint8)


def loss_of(heatmaps: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return torch.stack([heatmap.square().mean() for heatmap in heatmaps]).sum()
