"""How large a network is and what it costs, by Torch's own counter, without computing anything."""

from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


def on_meta(make: Callable[..., nn.Module], *arguments: object, **settings: object) -> nn.Module:
    with torch.device("meta"):
        return make(*arguments, **settings)


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def multiply_adds(model: nn.Module, height: int, width: int) -> int:
    """Of convolutions and linear layers, for one picture."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.eval()(torch.zeros(1, 3, height, width, device="meta"))
    return int(counter.get_total_flops()) // 2
