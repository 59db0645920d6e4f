"""The operations of the papers once more, in plain tensor operations: what the library is held against.

Written from the papers' equations and the released construction, not from the library's code. Tensors are
``B C H W`` in float64; nothing is changed in place, so that Torch can derive all of it.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import pad


def double(tensor: Tensor) -> Tensor:
    """A copy in double precision that stands for itself."""
    return tensor.detach().to(torch.float64, copy=True)


def normalised(image: Tensor, mean: tuple[float, ...], std: tuple[float, ...] = (1.0, 1.0, 1.0)) -> Tensor:
    """Pixels of 0 to 255 less the mean, over the deviation, both in single precision, as models keep them."""
    mean, std = (torch.tensor(values, dtype=torch.float32).double()[:, None, None] for values in (mean, std))
    return (image / 255 - mean) / std


def convolution(x: Tensor, weight: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
    """Each output pixel is a weighted sum of the pixels under the kernel, zeros around the map; no bias."""
    kernel, margin, total = weight.shape[-1], dilation * (weight.shape[-1] // 2), 0
    padded = pad(x, (margin,) * 4)
    for i in range(kernel):
        for j in range(kernel):
            rows = slice(i * dilation, i * dilation + x.shape[2], stride)
            columns = slice(j * dilation, j * dilation + x.shape[3], stride)
            total = total + torch.einsum("oi,bihw->bohw", weight[:, :, i, j], padded[:, :, rows, columns])
    return total


def starts(inputs: int, outputs: int, u: float) -> list[int]:
    """Graham's pseudo-random sequence: where each window of two begins."""
    if outputs == 1:
        return [inputs - 2]
    alpha = (inputs - 2) / (outputs - 1)
    return [int((i + u) * alpha) - int(u * alpha) for i in range(outputs - 1)] + [inputs - 2]


def fractional_max_pool(x: Tensor, size: tuple[int, int], u: tuple[float, float]) -> Tensor:
    for axis, length, offset in ((2, size[0], u[1]), (3, size[1], u[0])):
        begin = starts(x.shape[axis], length, offset)
        windows = [x.narrow(axis, max(i, 0), 2 if i >= 0 else 1).amax(axis) for i in begin]
        x = torch.stack(windows, axis)
    return x


def adaptive_max_pool(x: Tensor, size: tuple[int, int]) -> Tensor:
    """The maxima of cells of equal size, each grown to whole pixels."""
    for axis, outputs in ((2, size[0]), (3, size[1])):
        length = x.shape[axis]
        ends = [(math.floor(i * length / outputs), math.ceil((i + 1) * length / outputs)) for i in range(outputs)]
        x = torch.stack([x.narrow(axis, first, end - first).amax(axis) for first, end in ends], axis)
    return x


def shrunk(x: Tensor, size: tuple[int, int], pool: str, offsets: tuple[float, float] | None) -> Tensor:
    """A map as one level of a pyramid sees it; ``offsets`` place the regions of fractional pooling."""
    if pool == "fractional":
        return fractional_max_pool(x, size, offsets)
    return (adaptive_max_pool if pool == "adaptive" else bilinear)(x, size)


def bilinear(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Linear interpolation along rows, then along columns, the corner pixels kept."""
    for axis, outputs in ((2, size[0]), (3, size[1])):
        last = x.shape[axis] - 1
        position = torch.linspace(0, last, outputs, dtype=torch.float64)
        before = position.long()
        after = (before + 1).clamp(max=last)
        share = (position - before)[(...,) + (None,) * (3 - axis)]
        x = x.index_select(axis, before) * (1 - share) + x.index_select(axis, after) * share
    return x


def max_pool(x: Tensor) -> Tensor:
    b, c, h, w = x.shape
    return x.reshape(b, c, h // 2, 2, w // 2, 2).amax((3, 5))


def overlapping_max_pool(x: Tensor) -> Tensor:
    """The maxima of 3x3 windows around every second pixel."""
    padded = pad(x, (1, 1, 1, 1), value=-math.inf)
    shifted = [padded[:, :, i : i + x.shape[2] : 2, j : j + x.shape[3] : 2] for i in range(3) for j in range(3)]
    return torch.stack(shifted).amax(0)


def pool_rounded_up(x: Tensor) -> Tensor:
    """Maxima of windows of two by two; the last row and column may stand alone."""
    for axis in (2, 3):
        x = torch.stack([window.amax(axis) for window in x.split(2, axis)], axis)
    return x


def nearest(x: Tensor, factor: int = 2) -> Tensor:
    """Each pixel ``factor`` times in both directions."""
    return x.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
