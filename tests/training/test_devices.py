import pytest
import torch

from posepyr.training.devices import local_process_count, needs_local_processes


@pytest.mark.parametrize(
    ("trainer", "count"),
    [
        ({"devices": 3, "accelerator": "cpu"}, 3),
        ({"devices": "2", "accelerator": "cpu"}, 2),
        ({"devices": [0, 2], "accelerator": "gpu"}, 2),
        ({"devices": "0,1,3", "accelerator": "gpu"}, 3),
        ({"devices": "auto", "accelerator": "cpu"}, 1),
        ({}, max(1, torch.cuda.device_count())),
    ],
)
def test_each_device_has_a_process(trainer: dict, count: int) -> None:
    assert local_process_count(trainer) == count


def test_nothing_is_started_where_a_launcher_has(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = {"devices": 2, "accelerator": "cpu"}
    assert needs_local_processes(trainer)
    assert not needs_local_processes({"devices": 1})
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "a run")
    assert not needs_local_processes(trainer)
