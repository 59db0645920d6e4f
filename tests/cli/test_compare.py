"""``posepyr compare``: two files of predictions of the same people."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from posepyr.cli.main import main


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Truth of 200 people, and two results: the second finds all wrists, the first every other left one."""
    places = np.random.default_rng(0).uniform(20, 400, (200, 14, 2))
    joints = np.concatenate([places, np.zeros((200, 14, 1))], axis=2)
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": joints.transpose(2, 1, 0)})
    scipy.io.savemat(tmp_path / "second.mat", {"preds": places})
    places[::2, 11] += 1000
    scipy.io.savemat(tmp_path / "first.mat", {"preds": places})
    return [str(tmp_path / name) for name in ("joints.mat", "first.mat", "second.mat")]


def test_the_difference_of_each_joint_and_whether_it_is_certain(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    assert main(["compare", "--metric", "pck", "--truth", *files, "--json", str(report)]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line}
    assert lines["wrist"].split()[1:4] == ["75.00", "100.00", "+25.00"]
    assert lines["wrist"].endswith("  certain")
    assert lines["elbow"].split()[1:4] == ["100.00", "100.00", "+0.00"]
    assert lines["elbow"].endswith("not certain")
    assert list(lines)[-1] == "mean"
    wrist = json.loads(report.read_text())["differences"]["wrist"]
    assert wrist["difference"] == pytest.approx(0.25)
    # The standard error of the mean of two columns, one of which is a coin's.
    assert wrist["high"] - wrist["low"] == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(200) / 2, rel=0.15)
    assert wrist["certain"] is True


def test_what_is_no_mean_over_people_is_not_compared(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--metric", "oks", "--truth", *files]) == 2
    assert "--metric must be one of pckh, pck, pcp to compare by, got oks" in capsys.readouterr().err
    assert main(["compare", "--metric", "pck", "--truth", files[0], files[1], "nowhere.mat"]) == 2
    assert "FILE must name a file, got nowhere.mat, which is none" in capsys.readouterr().err
