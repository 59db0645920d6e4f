"""Networks that are drawn by a function, as on paper: ``lambda n, x: n.b(F.relu(n.a(x)))``."""

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from posepyr.initialisation.multibranch import count_branches

CHANNELS = 4


class Drawn(nn.Module):
    """Layers by name, joined by a function of them and of the input."""

    def __init__(self, draw: Callable[[Any, Tensor], Any], layers: dict[str, nn.Module]) -> None:
        super().__init__()
        self.draw = draw
        self.layers = nn.ModuleDict(layers)

    def forward(self, x: Tensor) -> Any:
        return self.draw(SimpleNamespace(**self.layers), x)


def drawn(draw: Callable[[Any, Tensor], Any], names: Iterable[str], **others: nn.Module) -> Drawn:
    """All layers are 1x1 convolutions of four channels, but those that are given."""
    return Drawn(draw, {name: nn.Conv2d(CHANNELS, CHANNELS, 1) for name in names} | others)


def counts(model: nn.Module, **options: Any) -> dict[str, tuple[int, int]]:
    """Of every layer ``(C_i, C_o)``, for an input of four channels and 8 x 8 pixels."""
    found = count_branches(model, [torch.zeros(2, CHANNELS, 8, 8)], **options)
    return {name.removeprefix("layers."): tuple(branches) for name, branches in found.items()}
