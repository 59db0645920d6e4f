"""Activation checkpointing: what a block computed is thrown away and computed again for the backward pass."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from posepyr.layers.inception import InceptionResidual
from posepyr.layers.postactivation import BareBottleneck, BasicBlock, Bottleneck
from posepyr.layers.pyramid import PyramidResidual
from posepyr.layers.residual import PreactivationResidual
from posepyr.models.resnext import GroupedBlock
from posepyr.models.wide_resnet import WideBlock

BLOCKS = (
    InceptionResidual, BareBottleneck, BasicBlock, Bottleneck, PyramidResidual, PreactivationResidual, GroupedBlock,
    WideBlock,
)  # fmt: skip
"""What is recomputed as one: residuals, whose insides are several times as large as what goes in and out."""


def recompute(model: nn.Module) -> int:
    """Have a network's blocks keep nothing but their inputs while training; how many there are.

    Blocks are the residuals of the library, and whatever module has a true attribute ``recomputed``. Keys of the
    state dict stay as they are.
    """
    blocks = [part for part in model.modules() if isinstance(part, BLOCKS) or getattr(part, "recomputed", False)]
    if not blocks:
        raise ValueError(
            "recompute must be false for a network without blocks to recompute; set recomputed = True on the classes "
            "of yours"
        )
    for block in blocks:
        block.forward = partial(_recomputed, block, block.forward)
    return len(blocks)


def _recomputed(block: nn.Module, forward: Any, *inputs: Any) -> Any:
    if not block.training:
        return forward(*inputs)
    return checkpoint(forward, *inputs, use_reentrant=False, context_fn=partial(_contexts, block))


def _contexts(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _statistics_kept(block)


@contextmanager
def _statistics_kept(block: nn.Module) -> Iterator[None]:
    """The second time round, batch norms must not count the same batch again."""
    norms = [part for part in block.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    counts = [norm.num_batches_tracked.clone() for norm in norms if norm.num_batches_tracked is not None]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        counting = [norm.num_batches_tracked for norm in norms if norm.num_batches_tracked is not None]
        for tracked, count in zip(counting, counts, strict=True):
            tracked.copy_(count)
