"""posepyr evaluate on Leeds Sports Pose: PCK and PCP of PyraNet's and MSSH's networks, on real people."""

import json
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from posepyr.cli.main import main
from support.untrained import QUICK, SMALL, write_untrained

FIRST, END = 900, 916
LEFT_HIP, RIGHT_SHOULDER = 3, 8
"""By the order of the archive's README: between them lies PCK's unit."""

NETWORKS = {
    "pyranet": ["model=hourglass_prm", *SMALL],
    "mssh": ["model=mssh", "codec=signed", "model.stages=3", "model.width=16", "model.depth=2",
             "data.input_size=[64,64]"],
}  # fmt: skip


@pytest.mark.parametrize("network", NETWORKS)
def test_pck_and_pcp_with_those_who_cannot_be_measured(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], network: str
) -> None:
    folder, out = shared / "data" / "lspet_mini", tmp_path / "out"
    checkpoint = write_untrained(tmp_path / "a.ckpt", "data=lspet", *NETWORKS[network], small=[])
    split = f"data.source.splits.test=[{FIRST},{END}]"
    data = ["data=lspet", f"data.source.folder={folder}", split, "metrics=lsp", *QUICK]
    # A wide unit, so that first weights find something.
    assert main(["evaluate", checkpoint, *data, "metrics.pck.threshold=1.5", "--output", str(out)]) == 0
    joints = scipy.io.loadmat(folder / "joints.mat")["joints"][[LEFT_HIP, RIGHT_SHOULDER], :, FIRST:END]
    labelled = (joints[:, 2] == 1) & (joints[:, :2] - 1 >= -0.5).all(axis=1)
    left_out = int((~labelled.all(axis=0)).sum())
    assert 0 < left_out < END - FIRST
    [report] = json.loads((out / "test_scores.json").read_text())
    scores = report["scores"]
    assert scores["test/pck_people_not_scored"] == left_out
    assert 0 < scores["test/pck"] < 1
    assert scores["test/pck/head"] == pytest.approx((scores["test/pck/neck"] + scores["test/pck/head_top"]) / 2)
    limbs = ("torso", "head", "upper_leg", "lower_leg", "upper_arm", "forearm")
    # Ten parts, of which torso and head are there once.
    weights = [1, 1, 2, 2, 2, 2]
    means = [scores[f"test/pcp/{limb}"] for limb in limbs]
    assert scores["test/pcp"] == pytest.approx(np.average(means, weights=weights), abs=1e-6)
    said = capsys.readouterr().out
    assert f"test: {END - FIRST} people in joint-enclosing boxes" in said
    assert (
        "  PCK@1.5: share of joints whose distance from the annotation is at most (<=) 1.5 times that from left_hip"
        in said
    )
    assert "of at most (<=) 0.5 times the limb's length" in said
    assert "pck_people_not_scored" in said


def test_whole_pictures_are_no_annotated_boxes(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = write_untrained(tmp_path / "a.ckpt", "data=lspet")
    data = [f"data.source.folder={shared / 'data' / 'lspet_mini'}", "data.source.splits.test=[0,4]"]
    command = ["evaluate", checkpoint, "data=lspet", *data, "data.source.box=picture", "metrics=lsp", *QUICK]
    assert main([*command, "--output", str(tmp_path / "out")]) == 0
    assert "test: 4 people in whole-picture boxes" in capsys.readouterr().out
    [report] = json.loads((tmp_path / "out" / "test_scores.json").read_text())
    assert report["boxes"] == "whole-picture"
