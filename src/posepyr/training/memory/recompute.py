"""Activation checkpointing: activations inside blocks are dropped and computed again for the backward pass."""

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
"""Modules recomputed as one: residuals, whose inner activations are several times as large as input and output."""


def recompute(model: nn.Module) -> int:
    """Make a network's blocks keep nothing but their inputs while training; return the number of blocks.

    Blocks are the residuals of the library, and every module with a true attribute ``recomputed``. Keys of the state
    dict stay as they are.
    """
    blocks = [part for part in model.modules() if isinstance(part, BLOCKS) or getattr(part, "recomputed", False)]
    if not blocks:
        raise ValueError(
            "recompute must be false for a network without blocks to recompute; in a network of your own, set "
            "recomputed = True on the classes of its blocks"
        )
    for block in blocks:
        block.forward = partial(_forward, block, block.forward)
    return len(blocks)


def _forward(block: nn.Module, forward: Any, *inputs: Any) -> Any:
    if not block.training:
        return forward(*inputs)
    return checkpoint(forward, *inputs, use_reentrant=False, context_fn=partial(_contexts, block))


def _contexts(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _frozen_statistics(block)


@contextmanager
def _frozen_statistics(block: nn.Module) -> Iterator[None]:
    """Keep the running statistics of batch norms, which have seen this batch in the first forward pass already."""
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
