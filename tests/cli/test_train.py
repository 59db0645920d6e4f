import traceback
from pathlib import Path

import pytest
from torch import nn

import posepyr
from posepyr.cli import train

PACKAGE = Path(posepyr.__file__).parent

MOST_CALLS = 8
"""From the command to the constructor of its network, both counted: what a reader of a traceback goes through."""


class Faulty(nn.Module):
    def __init__(self, joints: int) -> None:
        raise RuntimeError("faulty")


def test_few_calls_lie_between_the_command_and_the_networks_constructor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    overrides = [f"model._target_={__name__}.Faulty", "~model.block", "trainer=cpu", "data.source.train=4"]
    with pytest.raises(RuntimeError, match="faulty") as caught:
        train.run(overrides)
    frames = traceback.extract_tb(caught.value.__traceback__)
    calls = [frame.name for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)]
    assert calls == ["run", "launch", "train", "_train", "make_run", "make_pose", "build"]
    assert len(calls) + 1 <= MOST_CALLS
