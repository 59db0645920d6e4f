"""``posepyr complexity``: the table, its check and its file; one network; what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from posepyr.cli.main import main
from posepyr.layers.residual import ResidualBlocks
from posepyr.measurement import comparison
from posepyr.measurement.comparison import PublishedFigure
from posepyr.models.hourglass import StackedHourglass

CONVOLUTION = {"_target_": "torch.nn.Conv2d", "in_channels": 10, "out_channels": 1000, "kernel_size": 10, "bias": False}


def published_figure(figure: str, **others: Any) -> PublishedFigure:
    """About a network with a million weights."""
    return PublishedFigure(
        "HRNet table 1", f"one of {figure}M", CONVOLUTION, (10, 12, 12), "parameters", figure, **others
    )


def test_check_fails_where_a_figure_is_not_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rows.json"
    good = [published_figure("1.0"), published_figure("2.0", reason="the table errs")]
    monkeypatch.setattr(comparison, "published_figures", lambda: good)
    assert main(["complexity", "--check", "--json", str(file)]) == 0
    said = capsys.readouterr().out
    for words in ("12x12", "cannot be met: the table errs", "2 figures (HRNet table 1: 2): 1 met, 1 that cannot be, 0"):
        assert words in said
    assert [(one["published"], one["counted"], one["passes"]) for one in json.loads(file.read_text())] == [
        ("1.0", 1.0, True),
        ("2.0", 1.0, True),
    ]
    monkeypatch.setattr(comparison, "published_figures", lambda: [*good, published_figure("3.0")])
    assert main(["complexity"]) == 0
    assert main(["complexity", "--check"]) == 1
    assert "1 wrong" in capsys.readouterr().out


def test_one_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "one.json"
    network = ["model=hourglass", "model.stacks=1", "model.depth=1", "model.width=32"]
    assert main(["complexity", *network, "--json", str(file), "data.input_size=[128,64]", "--batch", "2"]) == 0
    report = json.loads(file.read_text())
    assert report["input"] == [128, 64]
    assert report["batch"] == 2
    plain = StackedHourglass(16, ResidualBlocks(), stacks=1, depth=1, width=32, shortcut="identity")
    assert report["parameters"] == sum(parameter.numel() for parameter in plain.parameters())
    assert sum(report["stages"].values()) == report["multiply_adds"]
    said = capsys.readouterr().out
    for words in ("StackedHourglass at 128x64", "stem", "hourglasses", "at a batch of 2"):
        assert words in said


def test_a_classifier(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    assert main(["complexity", "classifier=wide_resnet_28_10", "data=cifar10", "--json", str(file), "--batch=1"]) == 0
    report = json.loads(file.read_text())
    assert (report["parameters"], report["input"]) == (36_479_194, [32, 32])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--check", "model=hourglass"], "--check must come without overrides"),
        (["--input", "64x64"], "--input and --depth must come with overrides"),
        (["model=hourglass", "--input", "64"], "--input must be HEIGHTxWIDTH, as 256x192, got 64"),
        (["model=hourglass", "--batch", "0"], "--batch must be at least 1, got 0"),
        (["model=hourglas"], "did you mean hourglass"),
    ],
)
def test_what_it_refuses(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["complexity", *arguments]) == 2
    assert message in capsys.readouterr().err
