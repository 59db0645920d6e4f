import json
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


def test_models_come_with_their_size(
    conf: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list, "parameters", lambda _, model: 10 * len(model))
    rows = listed(capsys, "models")
    assert rows[1]["name"] == "pyramid"
    assert (rows[1]["what"], rows[1]["paper"], rows[1]["parameters"]) == (
        "The pyramid. It has blocks.", "table 1", 70
    )  # fmt: skip


def test_a_table_is_one_line_a_row(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert listing.run(["data"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].split() == ["missing", "posepyr", "train", "data=missing"]


def test_the_papers_experiments_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row for row in listed(capsys, "experiments")}
    assert listing.run(["experiments"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "what", "paper", "expected", "command"]
    assert [line.split()[0] for line in lines] == list(rows)
    # What the table leaves out is told to scripts.
    assert rows["hrnet/coco_w32_256x192"]["score"].startswith("posepyr evaluate RUN/")
    assert "imagenet/hrnet_w32" in rows["hrnet/coco_w32_256x192"]["begins"]


def test_an_unknown_group_is_named(conf: Path) -> None:
    with pytest.raises(UsageError, match=r"got 'modles'; did you mean models or model\?"):
        listing.run(["modles"])
