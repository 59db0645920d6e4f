"""``posepyr audit``: what it reads, what it prints and writes, what it refuses."""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from posepyr.cli.main import main

TINY = ["model.stacks=1", "model.depth=1", "model.width=32", "data.source.size=64"]
SMALL = ["model=hourglass", *TINY, "--input", "32x32"]
OUTPUTS = (1 + 4 + 3 + 4) + 4 * 3 + 2 + (3 + 4 + 1)
"""Convolutions of the stem, of the hourglass's four residuals, and behind them; residuals and the hourglass."""


def test_help_is_at_once() -> None:
    code = (
        "import sys; from posepyr.cli.main import main\n"
        "try: main(['audit', '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'torch', 'hydra', 'omegaconf', 'numpy', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--no-norms" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--batch", "1"], 2, "--batch must be at least 2, got 1"),
        (["--steps", "-1"], 2, "--steps must be at least 0, got -1"),
        (["--seeds", "0"], 2, "--seeds must be at least 1, got 0"),
        (["--input", "64"], 2, "--input must be HEIGHTxWIDTH, as 256x192, got 64"),
        (["model=hourglas"], 2, "did you mean hourglass"),
        (["init=xavier,msl"], 2, "did you mean msr"),
        ([*SMALL[:-1], "33x32"], 1, "image must"),
    ],
)
def test_what_it_refuses(arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *arguments]) == code
    assert message in capsys.readouterr().err


def test_from_the_command_to_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["audit", *SMALL, "init=msr,xavier", "--steps", "1", "--seeds", "2", "--batch", "3", "--at", "all"]
    assert main([*command, "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    for words in (f"msr: {OUTPUTS} outputs", "at 3 pictures of its training data, 32x32, 2 times", "xavier, 1 steps"):
        assert words in said
    with (tmp_path / "out" / "variances.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    runs = {(row["network"], row["seed"], row["step"]) for row in rows}
    assert runs == {(network, seed, step) for network in ("msr", "xavier") for seed in "01" for step in "01"}
    assert len(rows) == 8 * OUTPUTS
    assert {"block", "convolution"} == {row["place"] for row in rows}
    # The stem's convolution reads the picture alone: its responses go by the variance of its weights.
    first = {
        (row["network"], row["seed"]): float(row["response_variance"])
        for row in rows
        if (row["name"], row["step"]) == ("stem.0", "0")
    }
    ratios = [first["msr", seed] / first["xavier", seed] for seed in "01"]
    # 2 / n_i over 2 / (n_i + n_o), of weights that are drawn from the same numbers. With stride 2 a pixel is read at a
    # quarter of the kernel's positions.
    assert ratios == pytest.approx([(3 + 8 / 4) / 3] * 2, rel=1e-3)
    report = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert {key: report[key] for key in ("at", "steps", "seeds", "batch", "norms")} == {
        "at": "all", "steps": 1, "seeds": 2, "batch": 3, "norms": True,
    }  # fmt: skip
    assert report["command"] == f"posepyr {' '.join(command)} --output {tmp_path / 'out'}"
    assert [network["label"] for network in report["networks"]] == ["msr", "xavier"]
    assert report["networks"][0]["config"]["data"]["input_size"] == [32, 32]
    assert (tmp_path / "out" / "variances.png").stat().st_size > 10_000


@pytest.mark.long
@pytest.mark.timeout(300)
def test_eight_stacks_on_one_thread_take_less_than_a_minute() -> None:
    command = ["audit", "model=hourglass", "model.stacks=8", "model.shortcut=identity,convolution"]
    threads, begun = torch.get_num_threads(), time.process_time()
    torch.set_num_threads(1)
    try:
        assert main(command) == 0
    finally:
        torch.set_num_threads(threads)
    # Of the processor: others may be at work.
    assert time.process_time() - begun < 60
