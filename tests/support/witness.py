"""A callback that notes which process trained where and when, and that fails where it is told to."""

import json
import os
import time
from pathlib import Path

import pytorch_lightning as pl

from posepyr.ranks import rank, world_size


class Witness(pl.Callback):
    """Writes a file for each process below ``folder``; raises in the first step if ``fail`` is its ``seed/rank``."""

    def __init__(self, folder: str, fail: str | None = None, seed: int = 0, pause: float = 0.0) -> None:
        self.folder, self.fail, self.seed, self.pause = Path(folder), fail, seed, pause
        self.note = {
            "pid": os.getpid(), "rank": rank(), "world": world_size(), "seed": seed, "begun": time.time(),
            "devices": os.environ.get("CUDA_VISIBLE_DEVICES"), "cores": os.environ.get("POSEPYR_CORES"),
        }  # fmt: skip

    def on_train_batch_start(self, trainer: pl.Trainer, *_: object) -> None:
        if self.fail == f"{self.seed}/{rank()}" and not (self.folder / "mended").exists():
            raise RuntimeError(f"rank {rank()} of seed {self.seed} was told to fail")
        time.sleep(self.pause)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        note = self.note | {"ended": time.time(), "folder": trainer.default_root_dir, "threads": _threads()}
        (self.folder / f"{os.getpid()}.json").write_text(json.dumps(note), encoding="utf-8")


def _threads() -> int:
    import torch

    return torch.get_num_threads()
