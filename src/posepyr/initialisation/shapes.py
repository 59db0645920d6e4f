"""Results without numbers of the operations whose shapes Torch itself finds out by a long way round."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload


def _normalised(x: Tensor, *_rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    channels = x.new_empty(x.shape[1])
    return torch.empty_like(x), channels, channels


def _resized(x: Tensor, size: Sequence[int], *_rest: Any) -> Tensor:
    return x.new_empty(*x.shape[:2], *size)


def _alike(x: Tensor, *_rest: Any) -> Tensor:
    return torch.empty_like(x)


def _itself(x: Tensor, *_rest: Any) -> Tensor:
    return x


QUICK: dict[OpOverload, Callable[..., Any]] = {
    torch.ops.aten.native_batch_norm.default: _normalised,
    torch.ops.aten.upsample_bilinear2d.default: _resized,
    torch.ops.aten.upsample_nearest2d.default: _resized,
    torch.ops.aten.relu.default: _alike,
    torch.ops.aten.relu_.default: _itself,
}
