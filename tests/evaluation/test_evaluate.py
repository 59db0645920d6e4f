"""posepyr.evaluate: scores from Python, as the command line takes them, and nothing else left behind."""

import json
import signal
from pathlib import Path

import pytest
import torch

import posepyr
from posepyr.cli.main import main
from posepyr.errors import UsageError
from posepyr.evaluation.evaluate import evaluation_folder
from support.untrained import QUICK, write_untrained

DATA = ["data=figures", "data.source.test=6", "data.source.val=5", "metrics=pck", *QUICK]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_untrained(tmp_path_factory.mktemp("network") / "a.ckpt", "data=figures")


def test_the_same_scores_as_on_the_command_line(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, handler, threads = torch.get_rng_state(), signal.getsignal(signal.SIGTERM), torch.get_num_threads()
    result = posepyr.evaluate(checkpoint, DATA, split="val", folder=tmp_path / "python")
    assert capsys.readouterr().out == ""
    assert torch.equal(torch.get_rng_state(), state)
    assert (signal.getsignal(signal.SIGTERM), torch.get_num_threads()) == (handler, threads)
    assert result.folder == tmp_path / "python"
    assert main(["evaluate", checkpoint, *DATA, "--split", "val", "--output", str(tmp_path / "command")]) == 0
    assert "val: 5 people in annotated boxes" in capsys.readouterr().out
    [own], [other] = (json.loads((tmp_path / name / "val_scores.json").read_text()) for name in ("python", "command"))
    assert own == other
    assert result.scores == own["scores"]


def test_verbose_prints_how_the_scores_were_taken(
    checkpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    posepyr.evaluate(checkpoint, DATA, folder=str(tmp_path / "out"), verbose=True)
    assert "test: 6 people in annotated boxes" in capsys.readouterr().out


def test_a_run_has_its_evaluations_beside_its_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    assert evaluation_folder(tmp_path / "run" / "checkpoints" / "best.ckpt").parent == Path("runs/evaluation")
    (tmp_path / "run" / "config.yaml").touch()
    folder = evaluation_folder(tmp_path / "run" / "checkpoints" / "best.ckpt")
    assert folder.parent == tmp_path / "run" / "evaluation"


def test_errors_name_the_arguments(checkpoint: str, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").touch()
    with pytest.raises(UsageError, match=r"^checkpoint must be a file that posepyr wrote, got 'none\.ckpt'"):
        posepyr.evaluate("none.ckpt")
    with pytest.raises(UsageError, match=r"^split must be val or test, got 'train'"):
        posepyr.evaluate(checkpoint, split="train")
    with pytest.raises(UsageError, match=r"^model\.stacks must be left out: the checkpoint has its own"):
        posepyr.evaluate(checkpoint, ["model.stacks=2"])
    with pytest.raises(UsageError, match=r"^folder must be new or empty, got '.*full'"):
        posepyr.evaluate(checkpoint, DATA, folder=tmp_path / "full")
    with pytest.raises(UsageError, match=r"^submission must be of COCO, of MPII's official file or of PoseTrack"):
        posepyr.evaluate(checkpoint, DATA, folder=tmp_path / "new", submission=tmp_path / "results.json")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.ckpt"], "CHECKPOINT must be a file that posepyr wrote, got 'none.ckpt', which is none"),
        ([], "CHECKPOINT must be given"),
        (["CHECKPOINT", "--split", "train"], "--split must be val or test, got 'train'"),
        (["CHECKPOINT", *DATA, "--submission", "a.json"], "--submission must be of COCO, of MPII's official file"),
    ],
)
def test_errors_of_the_command_name_its_flags(
    checkpoint: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [checkpoint if word == "CHECKPOINT" else word for word in arguments]
    assert main(["evaluate", *words]) == 2
    assert f"posepyr: error: {message}" in capsys.readouterr().err
