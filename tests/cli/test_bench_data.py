"""``posepyr bench data``: what it prints and writes, what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from posepyr.cli.bench_data import text
from posepyr.cli.main import main

SMALL = ["data.source.train=12", "data.source.size=64", "data.input_size=[32,32]", "data.batch_size=4"]
SHORT = ["--seconds", "0.1", "--count", "3", "--workers", "0"]


def test_help_is_at_once() -> None:
    code = (
        "import sys; from posepyr.cli.main import main\n"
        "try: main(['bench', 'data', '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'torch', 'hydra', 'omegaconf', 'numpy', 'cv2'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "posepyr bench data data=coco augment=hrnet" in done.stdout


def test_drawn_people_are_timed_by_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.json"
    assert main(["bench", "data", *SMALL, *SHORT, "--json", str(file)]) == 0
    shown = capsys.readouterr().out
    for words in ("train, 12 samples", "draw ", "warp ", "colour ", "rest ", "samples/s from 0 workers"):
        assert words in shown
    assert "imread" not in shown
    report = json.loads(file.read_text())
    assert report["overrides"] == SMALL
    assert report["pictures"] == {"drawn": True, "cached": False, "on_disk": False}
    assert report["one_process"]["samples"] == 3 * report["one_process"]["rounds"]
    assert set(report["one_process"]["ms_a_sample"]) == {"read", "decode", "warp", "colour", "rest"}
    assert report["loader"]["workers"] == 0
    assert text(report) == shown


def test_files_stand_beside_plain_decoding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = ["data", "make", "figures", "--format", "coco", "--size", "96", "--train", "6", "--val", "3"]
    assert main([*written, "--output", str(tmp_path / "made")]) == 0
    data = ["data=coco", f"data.source.folder={tmp_path}/made", "skeleton=mpii", "data.batch_size=4"]
    assert main(["bench", "data", *data, *SHORT]) == 0
    shown = capsys.readouterr().out
    for words in ("read ", "decode ", "imread and one warp"):
        assert words in shown
    assert main(["bench", "data", *data, f"data.cache={tmp_path}/cache", *SHORT]) == 0
    shown = capsys.readouterr().out
    assert "look up " in shown
    assert "read " not in shown.replace("imread ", "")
    assert main(["bench", "data", *data, "--split", "val", *SHORT]) == 0
    assert "val, 3 samples" in capsys.readouterr().out


def test_labelled_pictures_are_timed_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("train/cat", "train/dog", "val/cat", "val/dog"):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(3):
            cv2.imwrite(str(tmp_path / folder / f"{number}.jpg"), np.full((40, 50, 3), 80 * number, np.uint8))
    data = ["classifier=resnext_29_8x64d", "data=imagenet", f"data.source.folder={tmp_path}", "data.batch_size=4"]
    assert main(["bench", "data", *data, *SHORT]) == 0
    assert "train, 6 samples" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count", "0"], "--count must be at least 1, got 0"),
        (["--seconds", "0"], "--seconds must be positive, got 0"),
        (["--workers", "-1"], "--workers must be at least 0, got -1"),
        (["data.decod=full"], "did you mean data.decode?"),
        (["data.decode=half"], "decode must be"),
        (["data.source.train=0"], "split must name a split with samples, got train"),
        (["--split", "none"], "split must be one of train, val, test, got 'none'"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "data", *SMALL, *arguments]) != 0
    assert message in capsys.readouterr().err
