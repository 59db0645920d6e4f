"""Options that mean the same in every command."""

import argparse
import json
from pathlib import Path

import pytest

from posepyr.cli import options
from posepyr.cli.main import main
from posepyr.errors import UsageError


def parser() -> options.Parser:
    made = options.Parser("posepyr x", "", "")
    made.add_argument("words", nargs="*")
    made.add_argument("--batch", type=int)
    made.add_argument("--seconds", type=float)
    options.add_json(made)
    options.add_device(made)
    options.add_config_dir(made)
    options.add_output(made, "write")
    return made


@pytest.mark.parametrize(
    ("arguments", "json_file", "words"),
    [
        ([], None, []),
        (["--json"], Path("-"), []),
        (["--json", "models"], Path("-"), ["models"]),
        (["models", "--json"], Path("-"), ["models"]),
        (["--json", "report.json", "models"], Path("report.json"), ["models"]),
        (["--json", "/dev/stderr"], Path("/dev/stderr"), []),
        (["--json", "experiment=pyranet/mpii"], Path("-"), ["experiment=pyranet/mpii"]),
        (["--json=report", "models"], Path("report"), ["models"]),
        (["--json", "--batch", "1"], Path("-"), []),
    ],
)
def test_json_takes_a_file_and_no_other_word(arguments: list[str], json_file: Path | None, words: list[str]) -> None:
    chosen = parser().read(arguments)
    assert (chosen.json, chosen.words) == (json_file, words)
    assert options.prints_json(chosen) == (json_file == Path("-"))


def test_a_report_is_printed_as_text_or_as_json_or_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, file = {"a": [1.5, None]}, tmp_path / "new" / "report.json"
    for json_file, printed in ((None, "text\n"), (file, "text\n"), (Path("-"), json.dumps(report, indent=2) + "\n")):
        options.deliver(argparse.Namespace(json=json_file), report, "text\n")
        assert capsys.readouterr().out == printed
    assert json.loads(file.read_text()) == report


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batches", "2"], "unrecognized arguments: --batches; see posepyr x --help"),
        (["--device", "tpu"], "argument --device: invalid choice: 'tpu'"),
        (["--batch", "two"], "argument --batch: invalid int value: 'two'; see posepyr x --help"),
    ],
)
def test_a_complaint_is_a_usage_error_in_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        parser().read(arguments)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_bounds() -> None:
    chosen = parser().read(["--batch", "2", "--seconds", "nan"])
    options.check_least(chosen, batch=2)
    with pytest.raises(UsageError, match="--batch must be at least 3, got 2"):
        options.check_least(chosen, batch=3)
    with pytest.raises(UsageError, match="--seconds must be positive, got nan"):
        options.check_positive(chosen, "seconds")
    options.check_least(parser().read([]), batch=3)
    options.check_choice("--metric", "pck", ("pck", "oks"))
    with pytest.raises(UsageError, match="--metric must be one of pck, oks, got pkc; did you mean pck"):
        options.check_choice("--metric", "pkc", ("pck", "oks"))


@pytest.mark.parametrize("text", ["64", "64x", "0x64", "64X64", "64x64x3"])
def test_a_size_is_height_by_width(text: str) -> None:
    assert options.parse_size("256x192") == (256, 192)
    with pytest.raises(UsageError, match=f"--input must be HEIGHTxWIDTH, as 256x192, got {text}"):
        options.parse_size(text)


def test_json_alone_is_all_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    tiny = ["model=hourglass", "model.stacks=1", "model.depth=1", "model.width=32", "--input", "32x32"]
    assert main(["bench", "model", *tiny, "--batch=1", "--repeat=1", "--warmup=0", "--no-memory", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rounds"] == 1
