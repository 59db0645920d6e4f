"""The 1x1 convolution."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Pointwise(nn.Conv2d):
    """A 1x1 convolution, ``B inputs H W`` to ``B outputs H W``, as one matrix product where it can be.

    On a channels-last map the product needs no copy, and on small maps it is several times faster than a
    convolution. A compiled or exported graph keeps the convolution: compilers choose their own kernels, and
    while tracing, the layout of a map with a single channel is not yet the one it will have.
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__(inputs, outputs, kernel_size=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_compiling() or not x.is_contiguous(memory_format=torch.channels_last):
            return super().forward(x)
        return F.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)
