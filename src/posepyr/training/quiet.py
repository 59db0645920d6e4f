"""What Lightning and Torch say that a user of posepyr can do nothing about."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

UNHELPFUL = (
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",  # between Lightning's code and Torch's
    r".*does not have many workers which may be a bottleneck",  # data.workers says how many
    r"Checkpoint directory .* exists and is not empty",  # as it must when a run goes on
    r"The number of training batches .* is smaller than the logging interval",
    r"It is recommended to use `self.log\(.*sync_dist=True",  # our metrics are summed over processes already
    r"Grad strides do not match bucket view strides",  # of 1x1 filters, whose memory is the same in both layouts
    r"You're resuming from a checkpoint that ended before the epoch ended",  # our sampler begins where it ended
)
"""Beginnings of messages, as regular expressions."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps them from the terminal."""
    chatter = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [logger.level for logger in chatter]
    for logger in chatter:
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            for message in UNHELPFUL:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        for logger, level in zip(chatter, levels, strict=True):
            logger.setLevel(level)
