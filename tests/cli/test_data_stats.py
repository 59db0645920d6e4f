"""``posepyr data stats``: what it prints and writes."""

import json
import re
from pathlib import Path

import pytest

from posepyr.cli.main import main

FIGURES = ["data=figures", "data.source.train=12", "data.source.val=5", "data.source.size=64"]


def test_a_split_in_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    assert main(["data", "stats", *FIGURES, "--json", str(file)]) == 0
    out = capsys.readouterr().out
    assert "12 people in 12 pictures" in out
    assert re.search(r"^picture width +64\.00( +64\.00){7}$", out, re.MULTILINE)
    assert re.search(r"^head_top +\d+\.\d% +\d+\.\d% +\d+\.\d%$", out, re.MULTILINE)
    assert re.search(r"^PCK: both joints of its unit are labelled +\d+\.\d%$", out, re.MULTILINE)
    report = json.loads(file.read_text())
    assert set(report["splits"]) == {"train"}
    for states in report["splits"]["train"]["joints"].values():
        assert sum(states.values()) == pytest.approx(1)


def test_several_splits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "stats", *FIGURES, "--split", "val", "--split", "train"]) == 0
    assert re.findall(r"^(\d+) people", capsys.readouterr().out, re.MULTILINE) == ["5", "12"]


def test_a_split_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "stats", *FIGURES, "--split", "all"]) == 1
    assert "split must be one of train, val, test, got 'all'" in capsys.readouterr().err


def test_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]:
        (tmp_path / name).write_bytes(b"".join(bytes([label]) * 3073 for label in (0, 0, 1)))
    assert main(["data", "stats", "data=cifar10", f"data.source.folder={tmp_path}"]) == 0
    out = capsys.readouterr().out
    assert "15 pictures of 10 classes" in out
    assert re.search(r"^airplane +10$", out, re.MULTILINE)
    assert re.search(r"^truck +0$", out, re.MULTILINE)


def test_of_many_classes_the_smallest_and_the_largest_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "val"):
        for label in range(30):
            (tmp_path / split / f"c{label:02d}").mkdir(parents=True)
            for number in range(label + 1 if split == "train" else 1):
                # The end of a PNG's header is all that tells its size.
                content = b"\x89PNG\r\n\x1a\n" + bytes(4) + b"IHDR" + (7).to_bytes(4) + (9).to_bytes(4) + b"IEND"
                (tmp_path / split / f"c{label:02d}" / f"{number}.png").write_bytes(content)
    assert main(["data", "stats", "data=imagenet", f"data.source.folder={tmp_path}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("c00   1")
    assert [line.split()[0] for line in lines[start:]] == [
        *(f"c{label:02d}" for label in range(10)), "...", *(f"c{label:02d}" for label in range(20, 30))
    ]  # fmt: skip
