import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from posepyr.cli import listing
from posepyr.errors import UsageError


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert listing.run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_groups(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert {"group": "model", "choices": "plain, pyramid, pyramid_small"} in listed(capsys)


def test_folders_of_choices_are_counted_in_the_table_of_groups(capsys: pytest.CaptureFixture[str]) -> None:
    choices = next(row["choices"] for row in listed(capsys) if row["group"] == "sweep").split(", ")
    inside = [choice for choice in choices if choice.startswith("ppnet/")]
    assert listing.run([]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("sweep "))
    assert f"ppnet/ ({len(inside)})" in line
    assert inside[0] not in line
    assert "prm_levels" in line


@pytest.mark.parametrize("asked", ["experiment", "experiments"])
def test_experiments_say_what_is_expected_and_how_to_run_them(
    conf: Path, capsys: pytest.CaptureFixture[str], asked: str
) -> None:
    assert listed(capsys, asked) == [
        {"name": "paper/first", "what": "The first of the paper.", "expected": "88.5",
         "command": "posepyr train experiment=paper/first"},
    ]  # fmt: skip


def test_models_come_with_what_their_files_say(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(capsys, "models")
    assert rows[1] == {
        "name": "pyramid", "what": "The pyramid. It has blocks.", "paper": "table 1",
        "command": "posepyr train model=pyramid",
    }  # fmt: skip


def test_models_are_listed_without_torch() -> None:
    code = "import sys; from posepyr.cli import listing; listing.run(['models']); assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^hrnet_w32 .* 28\.54M ", done.stdout, re.MULTILINE)


def test_a_table_is_one_line_a_row(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert listing.run(["data"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].split() == ["missing", "posepyr", "train", "data=missing"]


def test_the_experiments_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row for row in listed(capsys, "experiments")}
    assert listing.run(["experiments"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "what", "paper", "rows", "expected", "command"]
    assert [line.split()[0] for line in lines] == list(rows)
    # What the table leaves out is told to scripts.
    assert rows["hrnet/coco"]["note"].startswith("from the release")


def test_papers_lead_to_their_rows(capsys: pytest.CaptureFixture[str]) -> None:
    papers = {paper["name"]: paper for paper in listed(capsys, "papers")}
    assert list(papers) == ["pyranet", "mssh", "hrnet", "ppnet"]
    for name, paper in papers.items():
        assert paper["command"] == f"posepyr list {name}"
        assert len(listed(capsys, name)) == int(paper["rows"])
        kinds = ("trained", "measured", "counted", "explained")
        assert sum(int(paper[kind]) for kind in kinds) == int(paper["rows"])


def test_a_papers_rows_come_with_their_commands(capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(capsys, "ppnet")
    assert listing.run(["ppnet"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["where", "what", "score", "command"]
    assert len(lines) == len(rows)
    assert [line.endswith(row["command"]) for line, row in zip(lines, rows, strict=True)] == [True] * len(rows)
    assert re.split(r"  +", lines[8]) == [
        "table I", "PPNet M2-D2-W32, 384x288", "val_detbox/ap 0.723",
        "posepyr train experiment=ppnet/coco input=384x288",
    ]  # fmt: skip
    assert rows[8]["score"].startswith("posepyr evaluate RUN/")


def test_an_unknown_group_is_named(conf: Path) -> None:
    with pytest.raises(UsageError, match=r"got 'modles'; did you mean models or model\?"):
        listing.run(["modles"])
