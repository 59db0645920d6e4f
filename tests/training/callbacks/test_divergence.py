"""What a divergence leaves where several processes, a GPU or a full disk are in play; its runs are in tests/cli."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from posepyr.training.callbacks.divergence import CheckedStep, StopOnDivergence


class Batch(NamedTuple):
    image: Tensor
    sample: Tensor


def trainer(folder: Path, rank: int = 0) -> Any:
    return SimpleNamespace(default_root_dir=str(folder), global_rank=rank, global_step=5)


def step(wrong: bool, number: int = 4) -> CheckedStep:
    batch = Batch(torch.zeros(1, 3, 2, 2), torch.tensor([17]))
    return CheckedStep(torch.tensor(wrong), torch.tensor(float("nan") if wrong else 1.0), batch, number)


def waiting(verdict: CheckedStep) -> StopOnDivergence:
    """As on a GPU, where a step's loss is judged in the next."""
    callback = StopOnDivergence()
    callback._pending = verdict
    return callback


def test_weights_after_a_wrong_step_are_never_saved(tmp_path: Path) -> None:
    checkpoint: dict[str, Any] = {}
    waiting(step(wrong=False)).on_save_checkpoint(trainer(tmp_path), Any, checkpoint)
    with pytest.raises(ValueError, match=r"got nan in step 4; its batch \(people \[17\]\) is in .*diverged\.pt"):
        waiting(step(wrong=True)).on_save_checkpoint(trainer(tmp_path), Any, checkpoint)
    assert torch.load(tmp_path / "diverged.pt")["step"] == 4
    with pytest.raises(ValueError, match="got nan"):
        waiting(step(wrong=True)).on_train_end(trainer(tmp_path), Any)


def test_each_process_keeps_its_own_batch(tmp_path: Path) -> None:
    for rank in (0, 1):
        with pytest.raises(ValueError, match="diverged"):
            waiting(step(True, rank)).on_train_end(trainer(tmp_path, rank), Any)
    assert torch.load(tmp_path / "diverged.pt")["step"] == 0
    assert torch.load(tmp_path / "diverged.1.pt")["step"] == 1


def test_a_batch_that_cannot_be_kept_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ValueError, match=r"got nan in step 4; its batch .* could not be kept in .*; lower optimizer.lr"
    ):
        waiting(step(True)).on_train_end(trainer(tmp_path / "file"), Any)
