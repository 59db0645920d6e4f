"""``posepyr bench train``: real trainings of a few steps, other programs beside them, and what is said of both."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from posepyr.cli import bench_train
from posepyr.cli.bench_train import heading, read_trainings, table
from posepyr.cli.main import main
from posepyr.measurement.training_speed import PARTS
from posepyr.studies.training_benchmarks import Training

TINY = ["experiment=demo", "model.width=32", "model.depth=1", "data.input_size=[32,32]", "data.batch_size=2",
        "data.workers=0", "data.source.train=32", "data.source.val=2", "data.source.size=64",
        "progress=false", "threads=1"]  # fmt: skip


def read(*arguments: str) -> list[tuple[list[str], bool | None]]:
    return [(one.overrides, one.tf32) for one in read_trainings(bench_train._parser().read(arguments))]


def test_help_is_at_once() -> None:
    code = (
        "import sys; from posepyr.cli.main import main\n"
        "try: main(['bench', 'train', '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'torch', 'hydra', 'omegaconf', 'numpy', 'rich'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("--baseline COMMAND", "POSEPYR_BENCH_STEPS", "samples_per_second"):
        assert words in done.stdout


def test_a_training_inherits_what_is_not_said_of_it() -> None:
    first, same, other, both = read(
        "model=a", "--tf32", "model.stacks=2", "--against", "--no-tf32", "--against", "model=b",
        "--against", "--no-tf32 model=b",
    )  # fmt: skip
    assert first == (["model=a", "model.stacks=2"], True)
    assert same == (["model=a", "model.stacks=2"], False)
    assert other == (["model=b"], True)
    assert both == (["model=b"], False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "0"], "--steps must be at least 1, got 0"),
        (["--warmup", "0"], "--warmup must be at least 1, got 0"),
        (["--repeat", "0"], "--repeat must be at least 1, got 0"),
        (["--threads", "0"], "--threads must be at least 1, got 0"),
        (["--seconds", "0"], "--seconds must be positive, got 0"),
        (["--baseline", " "], "baseline must hold a command, got nothing"),
        (["--baseline", "python 'x"], "No closing quotation"),
        (["--against", "model=a --steps 3"], "unrecognized arguments: --steps"),
        (["model=hourglas"], "did you mean hourglass"),
        (["--against", "data.batchsize=3"], "did you mean data.batch_size"),
    ],
)
def test_what_it_refuses(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "train", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_from_the_command_to_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A training of seven steps, and a program that only counts its own, in one round."""
    file = tmp_path / "report.json"
    code = "import os, json; print(json.dumps({'samples_per_second': 1000 * int(os.environ['POSEPYR_BENCH_STEPS'])}))"
    baseline = f'python -c "{code}"'
    limits = ["--steps", "3", "--warmup", "1", "--repeat", "1", "--threads", "1", "--device", "cpu"]
    assert main(["bench", "train", *TINY, "--baseline", baseline, *limits, "--json", str(file)]) == 0
    report = json.loads(file.read_text())
    ours, counted = report["programs"]
    assert (ours["overrides"], ours["batch"], ours["precision"]) == (TINY, 2, "32-true")
    assert (ours["threads"], ours["workers"], report["rounds"]) == (1, 0, 1)
    assert counted["samples_per_second"]["median"] == 3000
    rate = ours["samples_per_second"]["median"]
    assert counted["wall_ratio"]["median"] == pytest.approx(rate / 3000)
    assert (counted["processor_ratio"], counted["split_ms"], counted["threads"]) == (None, None, None)
    assert set(ours["split_ms"]) == set(PARTS)
    assert all(ours["split_ms"][part]["median"] > 0 for part in PARTS)
    assert 0 < ours["data_wait"]["median"] < 1
    assert ours["peak_bytes"] > 100 * 2**20
    assert ours["first_step_seconds"]["median"] > 0.5
    shown = capsys.readouterr().out
    assert shown == f"{heading(report)}\n{table(report)}"
    for words in ("waits for data", "Medians of 1 round;", "first step"):
        assert words in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--baseline", "python no-such-file"], "'python no-such-file' must end with exit code 0, but it ended with 2"),
        (["--baseline", "no-such-program"], "'no-such-program' must be a program that can be started"),
        (["--baseline", "python -c print(7)"], "must end its output with a line of JSON"),
    ],
)
def test_a_baseline_that_fails(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Training, "command", lambda _: ["python", "-c", "print('{\"samples_per_second\": 1}')"])
    assert main(["bench", "train", *TINY, *arguments, "--device", "cpu"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("posepyr: error: baseline ")
    assert message in said


def test_a_training_that_fails_says_which(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    assert main(["bench", "train", *TINY, "--device", "cpu"]) == 1
    assert "posepyr: error: training 1 must end with exit code 0, but it ended with 1" in capsys.readouterr().err
