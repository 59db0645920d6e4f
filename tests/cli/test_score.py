"""``posepyr score``: what it prints and writes, and what it refuses."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from posepyr.cli.main import main
from posepyr.data.results.posepyr_file import SavedPredictions, write_saved
from posepyr.data.results.predictions import in_order
from posepyr.data.results.truths import read_truth
from posepyr.evaluation import scoring


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """LSP's layout with ten people, and all of their joints found but for one wrist."""
    places = np.random.default_rng(0).uniform(20, 400, (10, 14, 2))
    joints = np.concatenate([places, np.zeros((10, 14, 1))], axis=2)
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": joints.transpose(2, 1, 0)})
    places[0, 6] += 1000
    scipy.io.savemat(tmp_path / "pred.mat", {"preds": places})
    return str(tmp_path / "joints.mat"), str(tmp_path / "pred.mat")


def command(files: tuple[str, str], *more: str, metric: str = "pck") -> list[str]:
    return ["score", "--metric", metric, "--truth", files[0], "--predictions", files[1], *more]


def test_percent_are_printed_and_shares_written(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(files, "--json", str(tmp_path / "scores.json"), "--by", "size")) == 0
    printed = capsys.readouterr().out
    headings, values = (line.split() for line in printed.split("\n\n")[1].splitlines())
    found = dict(zip(headings, values, strict=True))
    assert found == {
        "head_top": "100.00", "shoulder": "100.00", "elbow": "100.00", "wrist": "95.00", "hip": "100.00",
        "knee": "100.00", "ankle": "100.00", "mean": "99.29",
    }  # fmt: skip
    assert "distance from the annotation is at most (<=) 0.2 times that from left_hip to right_shoulder" in printed
    assert "poses        10\n" in printed
    written = json.loads((tmp_path / "scores.json").read_text())
    assert written["scores"]["pck/wrist"] == pytest.approx(0.95)
    assert {"metric", "protocol", "truth", "predictions", "people", "not_found"} <= set(written)
    assert "pck_by_size/small" in written["scores"]


def test_the_protocol_says_how_it_was_compared(files: tuple[str, str], shared: Path, capsys) -> None:
    folder = shared / "data" / "mpii_val"
    mpii = (str(folder / "detections_our_format.mat"), str(folder / "bearpaw-hg_s2_b1.mat"))
    assert main(command(mpii, metric="pckh")) == 0
    printed = capsys.readouterr().out
    assert "95.80 94.57 88.12 83.31 86.24 80.88 77.44 86.76 87.30\n" in re.sub(" +", " ", printed)
    assert "(<=)" in printed
    assert main(command(mpii, "--strict", "--compat", "--threshold", "0.1", metric="pckh")) == 0
    printed = capsys.readouterr().out
    assert "PCKh@0.1: share of joints whose distance from the annotation is below (<) 0.1" in printed
    assert "measured at 0.11" in printed


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--metric", "pckd"], "--metric must be one of pckh, pck, pcp, oks, posetrack, got pckd; did you mean pck"),
        (["--strict"], "--strict must be left out with --metric pck, which does not take it"),
        (["--compat"], "--compat must be left out with --metric pck"),
        (["--threshold", "0"], "--threshold must be positive, got 0.0"),
        (["--threshold", "nan"], "--threshold must be positive, got nan"),
        (["--by", "size,age"], "--by must be one of visibility, size, people, got age"),
        (["--metric", "pcp", "--by", "size"], "--by must be left out with --metric pcp"),
        (["--skeleton", "lps"], "--skeleton must be one of"),
        (["--truth", "nowhere.mat"], "--truth must name a file, got nowhere.mat, which is none"),
        (["--metric", "posetrack", "--skeleton", "lsp"], "--skeleton must be left out with --metric posetrack"),
    ],
)
def test_what_cannot_be_asked_for(
    files: tuple[str, str], more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(files, *more)) == 2
    assert message in capsys.readouterr().err


def test_a_file_that_does_not_fit_is_an_error_on_one_line(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command((files[0], files[0]))) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "joints.mat: one of its arrays must be called preds or pred or pos_pred_src, got 'joints'" in error


def test_a_saved_file_needs_no_other(files: tuple[str, str], tmp_path: Path) -> None:
    known = read_truth(Path(files[0]))
    path = tmp_path / "test_predictions.npz"
    write_saved(path, SavedPredictions(in_order(known.truth.keypoints), known.joints, {}, known.truth))
    assert main(command((str(path), str(path)), "--json", str(tmp_path / "scores.json"))) == 0
    assert json.loads((tmp_path / "scores.json").read_text())["scores"]["pck"] == 1


def test_posetrack_is_printed_as_two_tables(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(shared / "data" / "posetrack18_mini" / "annotations" / "val")
    assert main(command((folder, folder), metric="posetrack")) == 0
    printed = capsys.readouterr().out
    for title in ("\nmAP\n", "\nMOTA\n"):
        headings, values = (line.split() for line in printed.split(title)[1].splitlines()[:2])
        assert headings == ["head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "mean"]
        assert set(values) == {"100.00"}


def test_help_names_the_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["score", "--help"])
    assert ", ".join(scoring.METRICS) in capsys.readouterr().out


@pytest.mark.parametrize("name", ["score", "compare"])
def test_help_is_at_once(name: str) -> None:
    code = (
        f"import sys; from posepyr.cli.main import main\n"
        f"try: main(['{name}', '--help'])\n"
        f"except SystemExit as done: assert done.code == 0\n"
        f"assert not {{'torch', 'hydra', 'omegaconf', 'numpy'}} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
