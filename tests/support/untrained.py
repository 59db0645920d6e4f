"""Checkpoints of small networks with their first weights: what there is to evaluate without training."""

from pathlib import Path

import torch

from posepyr.checkpoints.storage import write_checkpoint
from posepyr.configuration.compose import Composer
from posepyr.training.build import make_run

SMALL = ["model.stacks=1", "model.width=16", "model.block.width=4", "model.depth=2", "data.input_size=[32,32]"]
QUICK = ["data.batch_size=4", "data.workers=0", "trainer=cpu", "progress=false"]
"""What an evaluation of one takes; its configuration is the usual one, since it lies in no run folder."""


def write_untrained(path: Path, *overrides: str, small: list[str] = SMALL) -> str:
    """The checkpoint's path. Of people no data set is asked for, only their skeleton."""
    torch.manual_seed(0)
    task = make_run(Composer().job([*overrides, *small]).config).task
    checkpoint = {"state_dict": task.state_dict(), "posepyr": task.recipe.to_dict()}
    write_checkpoint(path, checkpoint)
    return str(path)
