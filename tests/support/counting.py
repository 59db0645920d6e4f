"""How large a network is and what it costs, without computing anything."""

from collections.abc import Callable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

Convolution = nn.Conv2d | nn.ConvTranspose2d


def on_meta(make: Callable[..., nn.Module], *arguments: object, **settings: object) -> nn.Module:
    with torch.device("meta"):
        return make(*arguments, **settings)


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def multiply_adds(model: nn.Module, height: int, width: int) -> int:
    """Of the convolutions, for one picture: a kernel's weights once for each output pixel.

    A transposed convolution has its kernel once for each input pixel. What costs nothing here is taken out of
    the network first: a meta device spends most of its time on it.
    """
    total = 0

    def count(layer: Convolution, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        nonlocal total
        pixels = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
        total += layer.weight.numel() * pixels[0, 0].numel()

    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d | nn.ReLU):
                setattr(module, name, nn.Identity())
            elif isinstance(child, Convolution):
                child.register_forward_hook(count)
    with torch.no_grad():
        model(torch.zeros(1, 3, height, width, device="meta"))
    return total


def multiply_adds_by_torch(model: nn.Module, height: int, width: int) -> int:
    """The same by Torch's own counter of floating-point operations."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.eval()(torch.zeros(1, 3, height, width, device="meta"))
    return int(counter.get_total_flops()) // 2
