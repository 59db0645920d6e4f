"""The memory of networks, measured elsewhere, and their training steps."""

import json
import pickle
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
import torch

from posepyr.cli.main import main
from posepyr.configuration.compose import Composer
from posepyr.measurement import peak_memory
from posepyr.measurement.peak_memory import Peak
from posepyr.measurement.timing import NetworkWork, Settings
from posepyr.training.build import network_work

TINY = ["model.stacks=1", "model.depth=1", "model.width=32"]
FIRST = ["model=hourglass", *TINY, "--input", "32x32", "--batch", "2"]
TWICE = ["--repeat", "2", "--device", "cpu", "--threads", "1"]


def test_memory_is_of_networks_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[NetworkWork] = []

    def measure(make: Callable[[], NetworkWork], device: str, threads: int | None) -> Peak:
        assert (device, threads) == ("cpu", 1)
        made.append(pickle.loads(pickle.dumps(make))())
        return Peak(2**20 * len(made), 2**30 * len(made))

    monkeypatch.setattr(peak_memory, "peak_in_new_process", measure)
    file = tmp_path / "times.json"
    assert main(["bench", "model", *FIRST, *TWICE, "--against=--batch=1", "--json", str(file)]) == 0
    assert [len(work._image) for work in made] == [2, 1]
    report = json.loads(file.read_text())
    peaks = [[network[name]["peak_bytes"] for name in Peak._fields] for network in report["networks"]]
    assert peaks == [[2**20, 2**30], [2 * 2**20, 2 * 2**30]]
    said = capsys.readouterr().out
    for words in ("peak memory", "2.00 MiB", "2.00 GiB", f"Memory: {report['memory']}.", "load average before"):
        assert words in said


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BrokenProcessPool("..."), "was killed: make --batch or --input smaller, or leave memory out by --no-memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "make --batch or --input smaller"),
        (torch.OutOfMemoryError("CUDA out of memory."), "network 1 does not fit into memory: make --batch"),
    ],
)
def test_out_of_memory(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> Peak:
        raise error

    monkeypatch.setattr(peak_memory, "peak_in_new_process", fail)
    assert main(["bench", "model", *FIRST, *TWICE]) == 1
    said = capsys.readouterr().err
    assert said.startswith("posepyr: error: network 1 does not fit into memory")
    assert said.count("\n") == 1
    assert message in said


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=hourglass_prm", "model.stacks=2", *TINY[1:]],
        ["classifier=wide_resnet_28_10", "classifier.depth=10", "classifier.widen=1"],
    ],
)
def test_a_step_is_a_training_step(overrides: list[str]) -> None:
    """Every weight learns from it, the early stages' too."""
    work = network_work(Composer().job(overrides).config, Settings((32, 32), 2), "cpu")
    call = work.training
    call.prepare()
    call.run()
    for name, parameter in work.model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # A bias before a batch norm learns nothing.
        assert parameter.ndim == 1 or parameter.grad.any(), name
