"""``posepyr bench``: what it reads, what it says and writes, what it refuses."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from posepyr.cli import bench_model
from posepyr.cli.bench_model import heading, read_networks, table
from posepyr.cli.main import BENCH, main
from posepyr.measurement.timing import quartiles

TINY = ["model.stacks=1", "model.depth=1", "model.width=32"]
FIRST = ["model=hourglass", *TINY, "--input", "32x32", "--batch", "2"]
TWICE = ["--repeat", "2", "--device", "cpu", "--threads", "1"]


def read(*arguments: str) -> list[tuple[Any, ...]]:
    names = ("overrides", "input", "batch", "precision", "compile", "channels_last")
    networks = read_networks(bench_model._parser().read(arguments))
    return [tuple(getattr(one, name) for name in names) for one in networks]


def test_help_is_at_once() -> None:
    code = (
        "import sys; from posepyr.cli.main import main\n"
        "assert main(['bench', '--help']) == 0 and main(['bench']) == 2\n"
        "try: main(['bench', 'model', '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'torch', 'hydra', 'omegaconf', 'numpy', 'rich'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--against NETWORK" in done.stdout
    for name, (_, summary) in BENCH.commands.items():
        assert re.search(rf"^  {name} +{re.escape(summary)}$", done.stdout, re.MULTILINE)


def test_a_network_inherits_what_is_not_said_of_it() -> None:
    first, same, faster, other, plain = read(
        "model=a", "--batch=2", "--compile", "model.stacks=2", "--input", "64x64", "--against", "",
        "--against", "--no-compile", "--against", "--precision bf16 model=b --batch 3 model.names=[x,y]",
        "--against", "'model.text=a b' --no-channels-last --input 8x8",
    )  # fmt: skip
    assert first == (["model=a", "model.stacks=2"], "64x64", 2, None, True, None)
    assert same == first
    assert faster == (["model=a", "model.stacks=2"], "64x64", 2, None, False, None)
    assert other == (["model=b", "model.names=[x,y]"], "64x64", 3, "bf16", True, None)
    assert plain == (["model.text=a b"], "8x8", 2, None, True, False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["modl"], "modl is no command of posepyr bench; did you mean model? See posepyr bench --help"),
        (
            ["model", "--against", "model=a --device cpu"],
            "got 'model=a --device cpu': unrecognized arguments: --device",
        ),
        (["model", "--against", "model=a --precision bf17"], "invalid choice: 'bf17'"),
        (["model", "--against", "model='a"], "No closing quotation"),
        (["model", "--against", "--batch=0 model=a"], "--batch must be at least 1, got 0"),
        (["model", "--against", "--repeat", "5"], "got '--repeat': unrecognized arguments: --repeat"),
        (["model", "--repeat", "0"], "--repeat must be at least 1, got 0"),
        (["model", "--warmup", "-1"], "--warmup must be at least 0, got -1"),
        (["model", "--threads", "0"], "--threads must be at least 1, got 0"),
        (["model", "--seconds", "nan"], "--seconds must be positive, got nan"),
        (["model", *FIRST, "--input", "64"], "--input must be HEIGHTxWIDTH, as 256x192, got 64"),
        (["model", *FIRST, "--against", "model=hourglas"], "did you mean hourglass"),
    ],
)
def test_what_it_refuses(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_size_that_the_network_cannot_take(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "model", *FIRST, "--input", "33x32"]) == 1
    assert re.fullmatch(r"posepyr: error: image must .* 33 x 32.*\n", capsys.readouterr().err)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_device_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "model", "--device", "cuda"]) == 2
    assert "got cuda" in capsys.readouterr().err


def test_from_the_command_to_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of data is not needed: neither the first network's nor the classifier's is there."""
    file = tmp_path / "times.json"
    against = f"model=hourglass_prm {' '.join(TINY)} --batch 4 --precision bf16 --no-channels-last"
    classifier = "classifier=wide_resnet_28_10 classifier.depth=10 classifier.widen=1 data=cifar10"
    code = main([
        "bench", "model", *FIRST, "data=coco", *TWICE, "--no-memory",
        "--against", against, "--against", classifier, "--json", str(file),
    ])  # fmt: skip
    assert code == 0
    report = json.loads(file.read_text())
    assert set(report) == {"machine", "limits", "memory", "networks", "rounds"}
    assert report["machine"]["threads"] == 1
    assert (report["memory"], report["rounds"]) == (None, 2)
    plain, pyramid, classes = report["networks"]
    assert (plain["batch"], plain["precision"], plain["channels_last"], plain["compiled"]) == (2, "32", True, False)
    assert (pyramid["batch"], pyramid["precision"], pyramid["channels_last"]) == (4, "bf16", False)
    assert classes["network"].endswith("WideResNet")
    for network in report["networks"]:
        assert network["input_size"] == [32, 32]
        for name in ("evaluation", "training"):
            assert_figures(network[name], plain[name], network["batch"] / plain["batch"])
        fastest = [min(network[name]["processor_ms_by_round"]) for name in ("evaluation", "training")]
        assert fastest[0] < fastest[1]
    assert capsys.readouterr().out == f"{heading(report)}\n{table(report)}"
    assert main(["complexity", *FIRST, "data=coco", "--json", str(file)]) == 0
    counted = json.loads(file.read_text())
    assert {key: plain[key] for key in ("parameters", "multiply_adds")} == {
        key: counted[key] for key in ("parameters", "multiply_adds")
    }


def assert_figures(found: dict[str, Any], first: dict[str, Any], batches: float) -> None:
    """Every summary follows from the times of each round."""
    for clock in ("wall", "processor"):
        own, its = found[f"{clock}_ms_by_round"], first[f"{clock}_ms_by_round"]
        assert len(own) == 2
        assert min(own) > 0
        assert found[f"{clock}_ms"] == pytest.approx(quartiles(own)._asdict())
        ratios = [here / there / batches for here, there in zip(own, its, strict=True)]
        assert found[f"{clock}_ratio"] == pytest.approx(quartiles(ratios)._asdict())
    assert "peak_bytes" not in found


def test_rounds_that_were_cut_short_are_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "model", *FIRST, *TWICE, "--seconds=1e-9", "--no-memory"]) == 0
    assert "Medians of 1 round of 2, cut short by --seconds 1e-09" in capsys.readouterr().out
